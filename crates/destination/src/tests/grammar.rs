//! How patterns are read and written: the canonical form of each, the words of each refusal, and anything at all.

use crate::Pattern;
use proptest::prelude::*;

#[test]
fn a_pattern_is_shown_in_its_canonical_form() {
    let cases = [
        ("example.com", "example.com"),
        ("Example.COM.", "example.com"),
        ("HTTPS://Api.Example.com", "https://api.example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:080", "http://example.com"),
        ("https://example.com:80", "https://example.com:80"),
        ("example.com:80", "example.com:80"),
        ("example.com:*", "example.com:*"),
        ("example.com:65535", "example.com:65535"),
        ("*", "*"),
        ("https://*", "https://*"),
        ("*:8080", "*:8080"),
        ("*.Example.com.", "*.example.com"),
        ("*.com", "*.com"),
        ("localhost:8080", "localhost:8080"),
        ("my_service-1", "my_service-1"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0/8:5432", "10.0.0.0/8:5432"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("[FD00:0::]/8", "[fd00::]/8"),
        ("[fd00::]/8:*", "[fd00::]/8:*"),
        ("[::1]/128", "[::1]"),
        ("[::]/0", "[::]/0"),
        ("[::ffff:10.0.0.1]", "10.0.0.1"),
        ("[::ffff:10.0.0.0]/104", "10.0.0.0/8"),
        ("[::ffff:0:0]/96", "0.0.0.0/0"),
        ("tcp://10.0.0.1:5432", "tcp://10.0.0.1:5432"),
        ("TCP://LocalHost:5432", "tcp://localhost:5432"),
        ("udp://*:53", "udp://*:53"),
        ("udp://[2001:db8::1]:*", "udp://[2001:db8::1]:*"),
    ];
    for (text, canonical) in cases {
        let pattern: Pattern = text.parse().unwrap();
        assert_eq!(pattern.to_string(), canonical, "{text}");
        assert_eq!(canonical.parse(), Ok(pattern), "{text}");
    }
}

#[test]
fn what_is_refused_says_why() {
    let cases = [
        ("", "the host is missing"),
        ("https://", "the host is missing"),
        (":80", "the host is missing"),
        (
            "ftp://example.com",
            "the scheme \"ftp\" cannot be granted, only http, https, tcp and udp",
        ),
        ("://example.com", "the scheme \"\" cannot be granted"),
        (
            "https://example.com/",
            "a path has no place here: a whole server is granted; end it after \"example.com\"",
        ),
        ("https://example.com/v1/", "a path has no place here"),
        ("https://example.com:8443/v1", "a path has no place here"),
        ("https://example.com?a=b", "a query has no place here"),
        ("https://example.com#top", "a query has no place here"),
        (
            "https://user:secret@example.com",
            "a user name has no place here",
        ),
        (
            "example.com:",
            "the port \"\" is neither a number from 1 to 65535 nor *",
        ),
        ("example.com:0", "the port \"0\" is neither"),
        ("example.com:65536", "the port \"65536\" is neither"),
        ("example.com:+80", "the port \"+80\" is neither"),
        ("example.com:http", "the port \"http\" is neither"),
        (
            "api.*.com",
            "* stands alone, or in front of a name: *.example.com",
        ),
        ("*example.com", "* stands alone"),
        ("*.*", "* stands alone"),
        ("*.", "\"\" cannot be the name of a host"),
        ("*.10.0.0.1", "* stands alone, or in front of a name"),
        ("*.[::1]", "* stands alone, or in front of a name"),
        (
            "127.1",
            "\"127.1\" is neither a name nor an IPv4 address of four decimal numbers",
        ),
        ("0x7f.1", "\"0x7f.1\" is neither"),
        ("0X7F000001", "\"0X7F000001\" is neither"),
        ("2130706433", "\"2130706433\" is neither"),
        ("0177.0.0.1", "\"0177.0.0.1\" is neither"),
        ("127.0.0.1.", "\"127.0.0.1.\" is neither"),
        ("256.0.0.1", "\"256.0.0.1\" is neither"),
        ("a..b", "\"a..b\" cannot be the name of a host"),
        ("a b", "\"a b\" cannot be the name of a host"),
        (".", "\".\" cannot be the name of a host"),
        ("example.com..", "cannot be the name of a host"),
        ("ex%61mple.com", "cannot be the name of a host"),
        (
            "b\u{fc}cher.example",
            "a name is written in ASCII, the way it is resolved (xn--...)",
        ),
        ("::1", "an IPv6 address stands in brackets: [::1]"),
        ("fd00::/8", "an IPv6 address stands in brackets: [fd00::]"),
        ("a:b:c", "too many colons"),
        ("[::1", "\"[::1\" is not an IPv6 address in brackets"),
        ("::1]", "is not an IPv6 address in brackets"),
        ("[::1]x", "\"[::1]x\" is not an IPv6 address in brackets"),
        (
            "[127.0.0.1]",
            "\"[127.0.0.1]\" is not an IPv6 address in brackets",
        ),
        ("[fe80::1%eth0]", "is not an IPv6 address in brackets"),
        (
            "10.0.0.0/33",
            "\"/33\" is not the length of a block, from /0 to /32",
        ),
        (
            "[fd00::]/129",
            "\"/129\" is not the length of a block, from /0 to /128",
        ),
        ("10.0.0.0/+8", "\"/+8\" is not the length of a block"),
        ("10.0.0.0/", "\"/\" is not the length of a block"),
        ("10.0.0.0/8/8", "\"/8/8\" is not the length of a block"),
        (
            "10.0.0.1/8",
            "the address has bits behind the first 8; the block is 10.0.0.0/8",
        ),
        (
            "[fd00::1]/8",
            "the address has bits behind the first 8; the block is [fd00::]/8",
        ),
        ("1.2.3.4/0", "the block is 0.0.0.0/0"),
        ("[::ffff:10.0.0.0]/8", "the block is [::]/8"),
        (
            "tcp://10.0.0.1",
            "tcp needs a port: tcp://10.0.0.1:5000, or tcp://10.0.0.1:*",
        ),
        ("udp://*", "udp needs a port: udp://*:5000, or udp://*:*"),
        (
            "tcp://db.example.com:5432",
            "a socket is opened to an address, not to a name",
        ),
        (
            "udp://*.example.com:53",
            "a socket is opened to an address, not to a name",
        ),
    ];
    for (text, reason) in cases {
        let error = text.parse::<Pattern>().unwrap_err();
        assert!(error.starts_with(&format!("\"{text}\": ")), "{error}");
        assert!(error.contains(reason), "{error}, not {reason}");
    }
}

#[test]
fn a_name_has_bounds() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    for name in [&label, &longest] {
        assert!(name.parse::<Pattern>().is_ok(), "{name}");
        assert!(format!("{name}a").parse::<Pattern>().is_err(), "{name}");
    }
}

/// Text near the grammar, and now and then anything.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "((http|HTTPS|tcp|udp|ftp)://)?(\\*|\\*\\.|)(a|b-c|Ex_1|\\.|1|0x7f|127\\.1|\\[::1\\]|\\[fd00::\\]|10\\.0\\.0\\.0){0,3}(/[0-9]{1,3})?(:([0-9]{1,5}|\\*))?",
        r"[\]\[:/.*a-f0-9x@?#%-]{0,24}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused_with_a_quote_or_reads_back(text in text()) {
        match text.parse::<Pattern>() {
            Ok(pattern) => prop_assert_eq!(pattern.to_string().parse(), Ok(pattern)),
            Err(error) => prop_assert!(error.starts_with(&format!("\"{text}\": ")), "{}", error),
        }
    }
}
