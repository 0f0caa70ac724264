//! What a grant permits: names, addresses that names resolve to, addresses that the guest writes, sockets, and what is
//! suggested for the rest.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{grant, target};
use crate::{
    Scheme, address_suggestion, grants_any, is_public, is_usable_host, permits_address,
    permits_name, permits_socket, suggestion,
};
use proptest::prelude::*;

fn check_names(patterns: &str, permitted: &str, refused: &str) {
    let grant = grant(patterns);
    for text in permitted.split_whitespace() {
        assert!(permits_name(&grant, &target(text)), "{patterns}: {text}");
    }
    for text in refused.split_whitespace() {
        assert!(
            !permits_name(&grant, &target(text)),
            "{patterns} permits {text}"
        );
    }
}

/// Each resolved address as `target=address`.
fn check_addresses(patterns: &str, permitted: &str, refused: &str) {
    let grant = grant(patterns);
    let ask = |text: &str| {
        let (to, address) = text.split_once('=').unwrap();
        permits_address(&grant, &target(to), address.parse().unwrap())
    };
    for text in permitted.split_whitespace() {
        assert!(ask(text), "{patterns}: {text}");
    }
    for text in refused.split_whitespace() {
        assert!(!ask(text), "{patterns} permits {text}");
    }
}

#[test]
fn nothing_is_permitted_without_a_pattern() {
    check_names(
        "",
        "",
        "http://example.com:80 https://8.8.8.8:443 tcp://8.8.8.8:53",
    );
    check_addresses("", "", "http://example.com:80=8.8.8.8");
    assert!(!permits_socket(
        &[],
        Scheme::Udp,
        "8.8.8.8:53".parse().unwrap()
    ));
}

#[test]
fn a_name_is_that_name_in_any_case() {
    check_names(
        "Example.com.",
        "http://example.com:80 https://EXAMPLE.COM:443 http://example.com.:80",
        "http://www.example.com:80 http://example.org:80 http://xexample.com:80 http://example.com..:80 \
         http://example.co:80 http://com:80 http://example.com.evil.org:80",
    );
}

#[test]
fn the_scheme_and_its_port_must_fit() {
    check_names(
        "example.com",
        "http://example.com:80 https://example.com:443",
        "http://example.com:443 https://example.com:80 http://example.com:8080 tcp://example.com:80",
    );
    check_names(
        "https://example.com",
        "https://example.com:443",
        "http://example.com:80 http://example.com:443 https://example.com:8443",
    );
    check_names(
        "example.com:8080",
        "http://example.com:8080 https://example.com:8080",
        "http://example.com:80 https://example.com:443",
    );
    check_names(
        "http://example.com:*",
        "http://example.com:80 http://example.com:1 http://example.com:65535",
        "https://example.com:443",
    );
}

#[test]
fn a_wildcard_is_whatever_lies_below() {
    check_names(
        "*.example.com",
        "http://www.example.com:80 https://a.b.c.example.com:443 http://WWW.Example.Com.:80",
        "http://example.com:80 http://.example.com:80 http://wwwexample.com:80 http://www.example.com.org:80 \
         http://www.example.com:8080",
    );
    check_names(
        "*",
        "http://a:80 https://www.example.com:443 http://localhost:80 https://8.8.8.8:443 \
         https://[2606:4700:4700::1111]:443",
        "http://a:8080 tcp://8.8.8.8:443",
    );
    check_names("*:*", "http://a:1 https://a:65535", "udp://8.8.8.8:53");
}

/// The resolved address would be checked anyway, but a resolver must not even be asked.
#[test]
fn what_is_neither_name_nor_address_is_never_permitted() {
    let hosts = "0x7f.1 127.1 2130706433 0177.0.0.1 0x7f000001 127.0.0.0x1 127.0.0.1. 1.1 256.256.256.256 08.8.8.8 0x \
                 [127.0.0.1] [::1 ::1] fe80::1%eth0 [fe80::1%25eth0] a..b a%2eb a/b a@b a:b * *.a -:- é";
    for host in hosts.split_whitespace().chain(["", ".", "a b", "a\0b"]) {
        assert!(!is_usable_host(host), "{host}");
        for patterns in ["*:*", "0.0.0.0/0:*", "[::]/0:*"] {
            let mut target = target("http://x:80");
            target.host = host;
            assert!(!permits_name(&grant(patterns), &target), "{host}");
            for address in ["127.0.0.1", "8.8.8.8", "::1"] {
                let address = address.parse().unwrap();
                assert!(
                    !permits_address(&grant(patterns), &target, address),
                    "{host}"
                );
            }
        }
    }
    for host in [
        "a",
        "a.b.",
        "1a",
        "3com.com",
        "7.a",
        "0xg",
        "127.0.0.1",
        "::1",
        "[::1]",
        "_a",
    ] {
        assert!(is_usable_host(host), "{host}");
    }
}

#[test]
fn the_guests_own_address_needs_a_pattern_that_names_it_or_is_public_and_any_host_is_permitted() {
    check_names(
        "10.0.0.5 172.16.0.0/12:8080 [::1]:* [fd00::]/8",
        "http://10.0.0.5:80 https://10.0.0.5:443 http://[::ffff:10.0.0.5]:80 http://172.16.0.0:8080 \
         https://172.31.255.255:8080 http://[::1]:1 http://::1:1 http://[fd00::]:80 https://[fdff:ffff::1]:443",
        "http://10.0.0.5:8080 http://10.0.0.4:80 http://10.0.0.6:80 http://172.15.255.255:8080 http://172.32.0.0:8080 \
         http://172.16.0.1:80 http://[::2]:1 http://[fe00::]:80 http://[fcff::1]:80 http://[::10.0.0.5]:80 \
         http://[64:ff9b::10.0.0.5]:80 http://example.com:80",
    );
    check_names(
        "*:*",
        "http://8.8.8.8:80 http://[::ffff:8.8.8.8]:80 http://[64:ff9b::8.8.8.8]:80",
        "http://127.0.0.1:80 http://10.0.0.1:80 http://169.254.169.254:80 http://0.0.0.0:80 http://[::]:80 \
         http://[::1]:80 http://[::ffff:127.0.0.1]:80 http://[::ffff:7f00:1]:80 http://[::127.0.0.1]:80 \
         http://[64:ff9b::7f00:1]:80 http://[2002:7f00:1::]:80 http://[fd00::1]:80 http://[fe80::1]:80 \
         http://255.255.255.255:80 http://224.0.0.1:80 http://100.64.0.1:80",
    );
    check_names("*.8.8.example", "", "http://8.8.8.8:80");
    check_names(
        "0.0.0.0/0",
        "http://127.0.0.1:80 http://8.8.8.8:80",
        "http://[::1]:80 http://a:80",
    );
    check_names(
        "[::]/0",
        "http://[::1]:80",
        "http://127.0.0.1:80 http://[::ffff:127.0.0.1]:80",
    );
    check_names(
        "localhost:*",
        "http://127.0.0.1:80 http://127.9.9.9:80 http://[::1]:80",
        "http://10.0.0.1:80",
    );
}

#[test]
fn a_public_address_needs_the_name_alone() {
    check_addresses(
        "api.example.com *.example.org",
        "https://api.example.com:443=93.184.216.34 https://a.example.org:443=2606:4700:4700::1111 \
         http://api.example.com:80=::ffff:93.184.216.34 http://api.example.com:80=64:ff9b::93.184.216.34",
        "https://www.example.com:443=93.184.216.34 https://api.example.com:8443=93.184.216.34",
    );
}

#[test]
fn a_special_address_needs_a_pattern_that_names_it_with_scheme_and_port() {
    let special = "http://a.example:80=127.0.0.1 http://a.example:80=10.0.0.1 http://a.example:80=169.254.169.254 \
                   http://a.example:80=0.0.0.0 http://a.example:80=::1 http://a.example:80=:: \
                   http://a.example:80=fe80::1 http://a.example:80=fd00:ec2::254 http://a.example:80=::ffff:127.0.0.1 \
                   http://a.example:80=64:ff9b::10.0.0.1 http://a.example:80=2002:a00:1::1 \
                   http://a.example:80=224.0.0.1 http://a.example:80=255.255.255.255 http://a.example:80=::127.0.0.1";
    for patterns in ["*", "*:*", "*.example:*", "a.example", "http://a.example"] {
        check_addresses(patterns, "", special);
    }
    check_addresses(
        "a.example 10.0.0.0/8 https://127.0.0.1",
        "http://a.example:80=10.0.0.1 https://a.example:443=10.255.255.255 https://a.example:443=127.0.0.1 \
         http://a.example:80=::ffff:10.0.0.1",
        "http://a.example:80=127.0.0.1 http://b.example:80=10.0.0.1 http://a.example:80=192.168.0.1 \
         http://a.example:80=64:ff9b::10.0.0.1 http://a.example:80=2002:a00:1::1",
    );
    check_addresses(
        "a.example:8080 10.0.0.0/8",
        "",
        "http://a.example:8080=10.0.0.1 http://a.example:80=10.0.0.1",
    );
    check_addresses(
        "a.example [64:ff9b::]/96",
        "http://a.example:80=64:ff9b::10.0.0.1",
        "",
    );
}

#[test]
fn localhost_names_loopback_and_nothing_else() {
    check_addresses(
        "http://localhost:8080",
        "http://localhost:8080=127.0.0.1 http://LocalHost.:8080=::1 http://localhost:8080=127.0.0.2",
        "http://localhost:80=127.0.0.1 https://localhost:8080=127.0.0.1 http://localhost:8080=10.0.0.1 \
         http://a.example:8080=127.0.0.1 http://localhost:8080=0.0.0.0",
    );
    check_addresses(
        "http://localhost:8080 a.example:8080",
        "http://a.example:8080=127.0.0.1",
        "http://b.example:8080=127.0.0.1",
    );
    check_addresses(
        "*.localhost localhost.example *",
        "",
        "http://a.localhost:80=127.0.0.1 http://localhost:80=::1",
    );
}

#[test]
fn an_address_the_guest_wrote_is_dialled_itself_or_not_at_all() {
    check_addresses(
        "10.0.0.0/8",
        "http://10.0.0.1:80=10.0.0.1 http://10.0.0.1:80=::ffff:10.0.0.1 http://[::ffff:10.0.0.1]:80=10.0.0.1",
        "http://10.0.0.1:80=10.0.0.2 http://10.0.0.1:80=8.8.8.8",
    );
    check_addresses(
        "*",
        "http://8.8.8.8:80=8.8.8.8",
        "http://8.8.8.8:80=1.1.1.1",
    );
}

#[test]
fn a_socket_is_judged_by_its_address() {
    let check = |patterns: &str, scheme, permitted: &str, refused: &str| {
        let grant = grant(patterns);
        let ask = |text: &str| permits_socket(&grant, scheme, text.parse().unwrap());
        for text in permitted.split_whitespace() {
            assert!(ask(text), "{patterns}: {text}");
        }
        for text in refused.split_whitespace() {
            assert!(!ask(text), "{patterns} permits {text}");
        }
    };
    check(
        "tcp://10.0.0.5:5432 tcp://localhost:6379",
        Scheme::Tcp,
        "10.0.0.5:5432 [::ffff:10.0.0.5]:5432 127.0.0.1:6379 [::1]:6379",
        "10.0.0.5:80 10.0.0.6:5432 127.0.0.1:5432 0.0.0.0:6379 8.8.8.8:5432",
    );
    check(
        "udp://*:53",
        Scheme::Udp,
        "8.8.8.8:53 [2001:4860:4860::8888]:53",
        "8.8.8.8:54 127.0.0.1:53 [::1]:53",
    );
    check("tcp://*:* *:*", Scheme::Udp, "", "8.8.8.8:53");
    check(
        "*:* http://10.0.0.5:80",
        Scheme::Tcp,
        "",
        "8.8.8.8:80 10.0.0.5:80",
    );
    check(
        "tcp://[fd00::]/8:*",
        Scheme::Tcp,
        "[fd12::1]:1",
        "[fe80::1]:1",
    );
}

#[test]
fn whether_a_scheme_is_granted_at_all() {
    let granted = |patterns: &str| Scheme::ALL.map(|scheme| grants_any(&grant(patterns), scheme));
    assert_eq!(granted(""), [false; 4]);
    assert_eq!(granted("example.com"), [true, true, false, false]);
    assert_eq!(granted("https://a udp://*:53"), [false, true, false, true]);
}

#[test]
fn what_is_suggested_would_permit() {
    let cases = [
        ("https://API.example.com.:443", "https://api.example.com"),
        ("http://example.com:80", "http://example.com"),
        ("https://example.com:80", "https://example.com:80"),
        ("http://10.0.0.5:8080", "http://10.0.0.5:8080"),
        ("http://::1:80", "http://[::1]"),
        ("http://[::ffff:10.0.0.5]:80", "http://10.0.0.5"),
        ("tcp://[fd00::1]:5432", "tcp://[fd00::1]:5432"),
        ("udp://127.0.0.1:53", "udp://127.0.0.1:53"),
    ];
    for (text, pattern) in cases {
        assert_eq!(
            suggestion(&target(text)),
            format!("WasmAllowOutbound {pattern}")
        );
        check_names(pattern, text, "");
    }
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let to = target("http://db.internal:8080");
    assert_eq!(
        address_suggestion(&to, address("::ffff:10.0.0.5")),
        "WasmAllowOutbound http://10.0.0.5:8080"
    );
    assert_eq!(
        address_suggestion(&to, address("fd00::1")),
        "WasmAllowOutbound http://[fd00::1]:8080"
    );
    let odd = crate::Target { host: "a\nb", ..to };
    assert_eq!(suggestion(&odd), "WasmAllowOutbound http://a\\nb:8080");
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).to_ipv6_mapped().into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_special_address_is_never_reached_by_names(address in any_address()) {
        let grant = grant("*:* *.example:* a.example:*");
        prop_assert_eq!(permits_address(&grant, &target("http://a.example:80"), address), is_public(address));
    }

    #[test]
    fn what_is_suggested_for_an_address_permits_it_and_nothing_else(address in any_address(), other in any_address()) {
        let to = target("http://a.example:8080");
        let pattern = address_suggestion(&to, address);
        let grant = grant(&format!("{} a.example:8080", pattern.split_once(' ').unwrap().1));
        prop_assert!(permits_address(&grant, &to, address));
        let same = other.to_canonical() == address.to_canonical();
        prop_assert_eq!(permits_address(&grant, &to, other), same || is_public(other));
    }

    #[test]
    fn a_block_holds_exactly_the_addresses_with_its_first_bits(bits in any::<u32>(), other in any::<u32>(), length in 0u32..=32) {
        let first = |bits: u32| u64::from(bits) >> (32 - length);
        let network = Ipv4Addr::from_bits(u32::try_from(first(bits) << (32 - length)).unwrap());
        let grant = grant(&format!("tcp://{network}/{length}:*"));
        for other in [other, bits, bits ^ 1, bits ^ (1 << 31)] {
            let permitted = permits_socket(&grant, Scheme::Tcp, (Ipv4Addr::from_bits(other), 1).into());
            prop_assert_eq!(permitted, first(other) == first(bits));
        }
    }

    #[test]
    fn any_host_is_judged_without_a_panic(host in any::<String>(), port in any::<u16>()) {
        let to = crate::Target { scheme: Scheme::Https, host: &host, port };
        let permitted = permits_name(&grant("*:*"), &to);
        prop_assert!(!permitted || is_usable_host(&host));
        prop_assert!(!suggestion(&to).contains('\n'));
    }
}
