//! Which addresses are public: both ends of each special block and their neighbours, and IPv4 inside of IPv6.

use std::net::IpAddr;

use crate::is_public;

fn check(public: bool, addresses: &str) {
    for address in addresses.split_whitespace() {
        assert_eq!(
            is_public(address.parse::<IpAddr>().unwrap()),
            public,
            "{address}"
        );
    }
}

#[test]
fn ipv4_is_public_outside_of_the_special_blocks() {
    check(
        false,
        "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.0.0.1 \
         127.255.255.255 169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.192 \
         192.0.0.255 192.0.2.0 192.0.2.255 192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 \
         198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255",
    );
    check(
        true,
        "1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 \
         169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.1.255 192.0.3.0 \
         192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 \
         203.0.112.255 203.0.114.0 223.255.255.255",
    );
}

#[test]
fn ipv6_is_public_in_global_unicast_alone() {
    check(
        false,
        ":: ::1 100::1 1fff:ffff::1 2001::1 2001:2::1 2001:10::1 2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff::1 \
         3fff::1 3fff:fff::1 4000::1 5f00::1 64:ff9b:1::808:808 fc00::1 fd00:ec2::254 fdff:ffff::1 fe80::1 fec0::1 \
         ff02::1 ffff::1",
    );
    check(
        true,
        "2000::1 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2606:4700:4700::1111 2a00::1 3ffe::1 \
         3fff:1000::1",
    );
}

#[test]
fn an_address_that_leads_to_an_ipv4_one_is_judged_by_that() {
    check(
        false,
        "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::127.0.0.1 64:ff9b::192.168.1.1 \
         2002:7f00:1:: 2002:a00:1::1 2002:c0a8:101:1:2:3:4:5",
    );
    check(true, "::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1");
    // IPv4-compatible addresses are withdrawn: whatever they hold, nothing public is there.
    check(false, "::127.0.0.1 ::8.8.8.8");
}
