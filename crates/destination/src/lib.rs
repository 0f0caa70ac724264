//! Where a guest may connect to: the one grammar in which an operator grants it, and the one judgement of a
//! destination. The configuration is checked with it and the engine obeys it, so both mean the same by a pattern.
//!
//! A name is judged twice: as a name before it is resolved ([`permits_name`]), and each address that it resolved to
//! before that is dialled ([`permits_address`]). Whoever answers for a name can thus not lead a guest to an address
//! that the operator did not name: loopback, private and other special addresses ([`is_public`]) need a pattern of
//! their own.
//!
//! Must not know who asks, how names are resolved or how connections are made; it does no input or output.

mod host;
mod pattern;
mod special;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use pattern::Pattern;
pub use special::is_public;

use host::Host;

/// How a destination is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP without TLS.
    Http,
    /// HTTP over TLS.
    Https,
    /// A raw TCP connection of the guest's own.
    Tcp,
    /// Raw UDP datagrams of the guest's own.
    Udp,
}

impl Scheme {
    /// All of them, in the order in which messages list them.
    const ALL: [Scheme; 4] = [Scheme::Http, Scheme::Https, Scheme::Tcp, Scheme::Udp];

    /// The scheme as it is written before `://`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Tcp => "tcp",
            Scheme::Udp => "udp",
        }
    }

    /// The port that is meant when none is written; raw sockets have none.
    #[must_use]
    pub fn default_port(self) -> Option<u16> {
        match self {
            Scheme::Http => Some(80),
            Scheme::Https => Some(443),
            Scheme::Tcp | Scheme::Udp => None,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a guest wants to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// How.
    pub scheme: Scheme,
    /// A name or an IP address, as the guest wrote it: in any case, a name perhaps with a final dot, an IPv6 address
    /// with or without brackets.
    pub host: &'a str,
    /// The port, the scheme's own filled in.
    pub port: u16,
}

/// Can `host` be asked for at all, that is, is it a name or an address in its usual form?
///
/// Other spellings of an IPv4 address that some resolvers know (`127.1`, `0x7f.1`, `2130706433`, `0177.0.0.1`) are
/// neither: no pattern permits them, not even `*`.
#[must_use]
pub fn is_usable_host(host: &str) -> bool {
    Host::parse(host).is_some()
}

/// May a guest ask for `target`? To be answered before its name is resolved; of an address it says all there is to say.
#[must_use]
pub fn permits_name(patterns: &[Pattern], target: &Target<'_>) -> bool {
    match Host::parse(target.host) {
        None => false,
        Some(Host::Name(name)) => patterns
            .iter()
            .any(|pattern| pattern.fits(target.scheme, target.port) && pattern.permits_name(&name)),
        Some(Host::Address(address)) => permits_literal(patterns, target, address),
    }
}

/// May `address`, to which the name of `target` has been resolved, be dialled for it? Never for a target that
/// [`permits_name`] refuses, and for a target that is an address itself only that very address.
#[must_use]
pub fn permits_address(patterns: &[Pattern], target: &Target<'_>, address: IpAddr) -> bool {
    match Host::parse(target.host) {
        Some(Host::Address(literal)) if literal != address.to_canonical() => false,
        Some(_) => {
            permits_name(patterns, target)
                && (is_public(address) || names(patterns, target.scheme, target.port, address))
        }
        None => false,
    }
}

/// May a guest open a raw socket to `address`? Decided by the address alone: sockets know no names.
#[must_use]
pub fn permits_socket(patterns: &[Pattern], scheme: Scheme, address: SocketAddr) -> bool {
    let host = address.ip().to_string();
    let target = Target {
        scheme,
        host: &host,
        port: address.port(),
    };
    permits_literal(patterns, &target, address.ip())
}

/// Does any pattern speak of `scheme`? Without one a guest need not be given the means at all.
#[must_use]
pub fn grants_any(patterns: &[Pattern], scheme: Scheme) -> bool {
    patterns.iter().any(|pattern| pattern.speaks(scheme))
}

/// The directive that would permit to ask for `target`, for the log: `WasmAllowOutbound https://api.example.com`. The
/// scheme's own port is left out. The host is as the guest wrote it where it is no usable one: no directive permits it.
#[must_use]
pub fn suggestion(target: &Target<'_>) -> String {
    match Host::parse(target.host) {
        Some(Host::Address(address)) => address_suggestion(target, address),
        Some(Host::Name(name)) => suggest(target, &name),
        None => suggest(target, &target.host.escape_debug().to_string()),
    }
}

/// The directive that would permit to dial `address` for `target`: `WasmAllowOutbound http://10.0.0.5:8080`.
#[must_use]
pub fn address_suggestion(target: &Target<'_>, address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => suggest(target, &address.to_string()),
        IpAddr::V6(address) => suggest(target, &format!("[{address}]")),
    }
}

fn suggest(target: &Target<'_>, host: &str) -> String {
    let Target { scheme, port, .. } = target;
    let directive = format!("WasmAllowOutbound {scheme}://{host}");
    if scheme.default_port() == Some(*port) {
        directive
    } else {
        format!("{directive}:{port}")
    }
}

/// An address that the guest itself wrote: a pattern names it, or it is public and any host is permitted.
fn permits_literal(patterns: &[Pattern], target: &Target<'_>, address: IpAddr) -> bool {
    let any_host = || {
        patterns
            .iter()
            .any(|pattern| pattern.fits(target.scheme, target.port) && pattern.is_any_host())
    };
    names(patterns, target.scheme, target.port, address) || (is_public(address) && any_host())
}

/// Does a pattern for this scheme and port name the address?
fn names(patterns: &[Pattern], scheme: Scheme, port: u16, address: IpAddr) -> bool {
    patterns
        .iter()
        .any(|pattern| pattern.fits(scheme, port) && pattern.names_address(address))
}

#[cfg(test)]
mod tests;
