//! Which addresses are special: everything but globally routable unicast, after the special-purpose address registries
//! of IANA. Must not know patterns.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::host::embedded;

/// Blocks of IPv4 that are not public: network and length.
const SPECIAL_V4: &[(Ipv4Addr, u32)] = &[
    // This network, and 0.0.0.0, which the system takes for itself.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    // Private.
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Shared between a provider and its customers.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback.
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local; the metadata services of clouds are here.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // Private.
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    // Protocol assignments. Two anycast addresses in it are public; nothing that speaks HTTP is there.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    // Relays of 6to4, withdrawn.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    // Private.
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Benchmarking.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Documentation.
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, then reserved with broadcast as the last one.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Blocks inside of 2000::/3 that are not public. Outside of it nothing is, but for what carries an IPv4 address.
const SPECIAL_V6: &[(Ipv6Addr, u32)] = &[
    // Protocol assignments: Teredo, benchmarking, ORCHID. Nothing that speaks HTTP is there.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// All unicast addresses that have been given out.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// The well-known prefix of NAT64. A prefix that a network has chosen for itself cannot be known here.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
/// Tunnels to IPv4 hosts.
const SIX_TO_FOUR: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16);

/// Is the address globally routable unicast? An IPv6 address that leads to an IPv4 one (IPv4-mapped, NAT64, 6to4) is
/// judged by that.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4
        .iter()
        .any(|(network, length)| same_start(network.to_bits(), address.to_bits(), *length))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let within = |(network, length): (Ipv6Addr, u32)| same_start_v6(network, address, length);
    if within(NAT64) {
        is_public_v4(embedded(address, 96))
    } else if within(SIX_TO_FOUR) {
        is_public_v4(embedded(address, 16))
    } else {
        within(GLOBAL_UNICAST) && !SPECIAL_V6.iter().copied().any(within)
    }
}

/// Are the first `length` bits of two IPv4 addresses the same? `length` is 32 at most.
pub fn same_start(a: u32, b: u32, length: u32) -> bool {
    // A shift by all bits is what checked_shr refuses: of no bits all are the same.
    (a ^ b).checked_shr(32 - length.min(32)).unwrap_or(0) == 0
}

/// Are the first `length` bits of two IPv6 addresses the same? `length` is 128 at most.
pub fn same_start_v6(a: Ipv6Addr, b: Ipv6Addr, length: u32) -> bool {
    (a.to_bits() ^ b.to_bits())
        .checked_shr(128 - length.min(128))
        .unwrap_or(0)
        == 0
}
