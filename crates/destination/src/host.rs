//! What a text in the place of a host is: a name, an address, or neither. Must not know patterns.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name in small letters, without the final dot.
    Name(String),
    /// An address; one of IPv4 inside of IPv6 (`::ffff:10.0.0.1`) is the one of IPv4, since that is what is dialled.
    Address(IpAddr),
}

impl Host {
    /// `None` for what is neither a name nor an address in its usual form.
    pub fn parse(text: &str) -> Option<Host> {
        let address = match text.strip_prefix('[') {
            Some(inner) => Some(inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.into()),
            None => text.parse::<IpAddr>().ok(),
        };
        match address {
            Some(address) => Some(Host::Address(address.to_canonical())),
            None => name(text).map(Host::Name),
        }
    }
}

/// The name in small letters, without the final dot; `None` if it cannot be one.
pub fn name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let good = name.len() <= 253 && name.split('.').all(is_label) && !looks_like_ipv4(name);
    good.then(|| name.to_ascii_lowercase())
}

/// Letters, digits, hyphens and underscores. The last are no part of host names, but names with them are in use inside
/// of networks.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Would a resolver take the name for an IPv4 address, although it is none in its usual form? Those that follow
/// `inet_aton` know `127.1`, `0x7f.1`, `0177.0.0.1` and `2130706433`. In all of them the last part is a number, which no
/// top-level domain is.
pub fn looks_like_ipv4(name: &str) -> bool {
    let last = name
        .strip_suffix('.')
        .unwrap_or(name)
        .rsplit('.')
        .next()
        .unwrap_or_default();
    let all = |digits: &str, is: fn(&u8) -> bool| digits.bytes().all(|byte| is(&byte));
    match last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")) {
        Some(digits) => all(digits, u8::is_ascii_hexdigit),
        None => !last.is_empty() && all(last, u8::is_ascii_digit),
    }
}

/// The 32 bits of an IPv6 address from bit `from` on, as an IPv4 address.
pub fn embedded(address: Ipv6Addr, from: u32) -> Ipv4Addr {
    let bits = address.to_bits() << from >> 96;
    // Ninety-six bits have been shifted out: what is left fits.
    Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or_default())
}
