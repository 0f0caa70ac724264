//! One pattern of a grant: `[scheme://]host[:port]`, how it is read, written and compared. Must not know what else has
//! been granted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::Scheme;
use crate::host::{self, Host, looks_like_ipv4};
use crate::special::{same_start, same_start_v6};

/// One destination, or several of a kind, that a guest may connect to.
///
/// Its text form is `[scheme://]host[:port]`. The scheme is `http`, `https`, `tcp` or `udp`; none means `http` and
/// `https`. The host is a name, `*.` and a name (whatever lies below it, not the name itself), `*` (any host), an IPv4
/// address, an IPv6 address in brackets, or a block of addresses such as `10.0.0.0/8` and `[fd00::]/8`. The port is a
/// number or `*`; none means the scheme's own. What is displayed is the one canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// `None`: HTTP with and without TLS.
    scheme: Option<Scheme>,
    host: HostPattern,
    port: PortPattern,
}

/// Names in small letters without a final dot, IPv4 inside of IPv6 as IPv4, bits behind a block's length zero: equal
/// ones mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum HostPattern {
    Any,
    Name(String),
    Below(String),
    /// An address is a block of full length.
    Block(IpAddr, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum PortPattern {
    /// The one of the scheme that is used.
    Default,
    Any,
    Number(u16),
}

/// The one name that stands for addresses by itself.
const LOCALHOST: &str = "localhost";

const BEFORE_A_NAME: &str = "* stands alone, or in front of a name: *.example.com";

impl Pattern {
    /// Is it about this scheme?
    pub(crate) fn speaks(&self, scheme: Scheme) -> bool {
        match self.scheme {
            Some(own) => own == scheme,
            None => matches!(scheme, Scheme::Http | Scheme::Https),
        }
    }

    /// Is it about this scheme and this port?
    pub(crate) fn fits(&self, scheme: Scheme, port: u16) -> bool {
        self.speaks(scheme)
            && match self.port {
                PortPattern::Default => scheme.default_port() == Some(port),
                PortPattern::Any => true,
                PortPattern::Number(number) => number == port,
            }
    }

    /// Does it permit to ask for `name`, in small letters and without a final dot?
    pub(crate) fn permits_name(&self, name: &str) -> bool {
        match &self.host {
            HostPattern::Any => true,
            HostPattern::Name(own) => own == name,
            HostPattern::Below(parent) => name
                .strip_suffix(parent.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            HostPattern::Block(..) => false,
        }
    }

    /// Does it name the address: as itself, by a block, or by `localhost`?
    pub(crate) fn names_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match &self.host {
            HostPattern::Block(network, length) => in_block(*network, *length, address),
            HostPattern::Name(name) => name == LOCALHOST && address.is_loopback(),
            HostPattern::Any | HostPattern::Below(_) => false,
        }
    }

    /// Is its host `*`?
    pub(crate) fn is_any_host(&self) -> bool {
        self.host == HostPattern::Any
    }
}

fn in_block(network: IpAddr, length: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            same_start(network.to_bits(), address.to_bits(), length)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => same_start_v6(network, address, length),
        _ => false,
    }
}

impl FromStr for Pattern {
    type Err = String;

    /// # Errors
    /// What is wrong with the text, quoting it.
    fn from_str(text: &str) -> Result<Pattern, String> {
        parse(text).map_err(|reason| format!("\"{text}\": {reason}"))
    }
}

fn parse(text: &str) -> Result<Pattern, String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(parse_scheme(scheme)?), rest),
        None => (None, text),
    };
    refuse_parts_of_a_url(rest)?;
    let (host, port) = split_port(rest)?;
    let host = parse_host(host)?;
    let port = match port {
        Some(port) => parse_port(port, scheme)?,
        None => PortPattern::Default,
    };
    if let Some(scheme @ (Scheme::Tcp | Scheme::Udp)) = scheme {
        refuse_socket(scheme, &host, port)?;
    }
    Ok(Pattern { scheme, host, port })
}

fn parse_scheme(text: &str) -> Result<Scheme, String> {
    Scheme::ALL
        .into_iter()
        .find(|scheme| scheme.name().eq_ignore_ascii_case(text))
        .ok_or_else(|| {
            format!("the scheme \"{text}\" cannot be granted, only http, https, tcp and udp")
        })
}

fn refuse_parts_of_a_url(rest: &str) -> Result<(), String> {
    if rest.contains('@') {
        return Err("a user name has no place here".to_owned());
    }
    if rest.contains(['?', '#']) {
        return Err("a query has no place here: a whole server is granted".to_owned());
    }
    Ok(())
}

/// Host and port. The colons of an IPv6 address are in brackets, so the port starts at the one behind them.
fn split_port(rest: &str) -> Result<(&str, Option<&str>), String> {
    let after_brackets = rest.rfind(']').map_or(0, |end| end + 1);
    let (inside, outside) = rest.split_at(after_brackets);
    let Some(colon) = outside.find(':') else {
        return Ok((rest, None));
    };
    if outside
        .get(colon + 1..)
        .is_some_and(|port| port.contains(':'))
    {
        return Err(bare_ipv6(rest));
    }
    let (host, port) = rest.split_at(inside.len() + colon);
    Ok((host, port.strip_prefix(':')))
}

fn bare_ipv6(rest: &str) -> String {
    if rest.contains(['[', ']']) {
        return format!("\"{rest}\" is not an IPv6 address in brackets");
    }
    let address = rest.split('/').next().unwrap_or_default();
    match address.parse::<Ipv6Addr>() {
        Ok(address) => format!("an IPv6 address stands in brackets: [{address}]"),
        Err(_) => "too many colons".to_owned(),
    }
}

fn parse_port(text: &str, scheme: Option<Scheme>) -> Result<PortPattern, String> {
    if text == "*" {
        return Ok(PortPattern::Any);
    }
    if let Some((port, _)) = text.split_once('/') {
        return Err(no_path(port));
    }
    // Digits only: the standard library would also take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port > 0 => {
            if scheme.and_then(Scheme::default_port) == Some(port) {
                Ok(PortPattern::Default)
            } else {
                Ok(PortPattern::Number(port))
            }
        }
        _ => Err(format!(
            "the port \"{text}\" is neither a number from 1 to 65535 nor *"
        )),
    }
}

fn no_path(before: &str) -> String {
    format!("a path has no place here: a whole server is granted; end it after \"{before}\"")
}

fn parse_host(text: &str) -> Result<HostPattern, String> {
    if let Some((address, length)) = text.split_once('/') {
        return parse_block(address, length);
    }
    if text.is_empty() {
        return Err("the host is missing".to_owned());
    }
    if text == "*" {
        return Ok(HostPattern::Any);
    }
    if let Some(parent) = text.strip_prefix("*.") {
        if matches!(Host::parse(parent), Some(Host::Address(_))) {
            return Err(BEFORE_A_NAME.to_owned());
        }
        return parse_name(parent).map(HostPattern::Below);
    }
    match Host::parse(text) {
        Some(Host::Address(address)) => Ok(HostPattern::Block(address, full_length(address))),
        _ => parse_name(text).map(HostPattern::Name),
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    if let Some(name) = host::name(text) {
        return Ok(name);
    }
    Err(if text.contains('*') {
        BEFORE_A_NAME.to_owned()
    } else if text.contains(['[', ']', ':']) {
        format!("\"{text}\" is not an IPv6 address in brackets")
    } else if looks_like_ipv4(text) {
        format!("\"{text}\" is neither a name nor an IPv4 address of four decimal numbers")
    } else if !text.is_ascii() {
        "a name is written in ASCII, the way it is resolved (xn--...)".to_owned()
    } else {
        format!("\"{text}\" cannot be the name of a host")
    })
}

fn parse_block(address: &str, length: &str) -> Result<HostPattern, String> {
    let Some(Host::Address(_)) = Host::parse(address) else {
        return Err(no_path(address));
    };
    // Not the one that Host gives: the length counts the bits of the address as it is written.
    let network: IpAddr = address
        .trim_matches(['[', ']'])
        .parse()
        .map_err(|_| no_path(address))?;
    let digits = length.bytes().all(|byte| byte.is_ascii_digit());
    let length = match length.parse::<u32>() {
        Ok(number) if digits && number <= full_length(network) => number,
        _ => {
            return Err(format!(
                "\"/{length}\" is not the length of a block, from /0 to /{}",
                full_length(network)
            ));
        }
    };
    let start = start_of(network, length);
    if start != network {
        return Err(format!(
            "the address has bits behind the first {length}; the block is {}",
            BlockText(start, length)
        ));
    }
    Ok(match network.to_canonical() {
        IpAddr::V4(mapped) if network.is_ipv6() && length >= 96 => {
            HostPattern::Block(mapped.into(), length - 96)
        }
        _ => HostPattern::Block(network, length),
    })
}

/// The address with all bits behind the first `length` cleared.
fn start_of(address: IpAddr, length: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

fn full_length(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// What a raw socket cannot be granted: it is checked by its address, and it has no port of its own.
fn refuse_socket(scheme: Scheme, host: &HostPattern, port: PortPattern) -> Result<(), String> {
    let by_name = match host {
        HostPattern::Below(_) => true,
        HostPattern::Name(name) => name != LOCALHOST,
        HostPattern::Any | HostPattern::Block(..) => false,
    };
    if by_name {
        return Err(
            "a socket is opened to an address, not to a name: write the address, a block, localhost or *"
                .to_owned(),
        );
    }
    if port == PortPattern::Default {
        return Err(format!(
            "{scheme} needs a port: {scheme}://{host}:5000, or {scheme}://{host}:*"
        ));
    }
    Ok(())
}

/// The canonical form, which reads back as an equal pattern.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{scheme}://")?;
        }
        write!(f, "{}", self.host)?;
        match self.port {
            PortPattern::Default => Ok(()),
            PortPattern::Any => f.write_str(":*"),
            PortPattern::Number(number) => write!(f, ":{number}"),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Any => f.write_str("*"),
            HostPattern::Name(name) => f.write_str(name),
            HostPattern::Below(parent) => write!(f, "*.{parent}"),
            HostPattern::Block(network, length) => write!(f, "{}", BlockText(*network, *length)),
        }
    }
}

/// A block as it is written; one of full length is an address.
struct BlockText(IpAddr, u32);

impl fmt::Display for BlockText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockText(network, length) = self;
        match network {
            IpAddr::V4(network) => write!(f, "{network}")?,
            IpAddr::V6(network) => write!(f, "[{network}]")?,
        }
        if *length == full_length(*network) {
            Ok(())
        } else {
            write!(f, "/{length}")
        }
    }
}
