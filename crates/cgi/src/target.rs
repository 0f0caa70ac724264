//! The path and the query of a request target, as a guest is given them. Must not know how httpd maps a URL.

/// Path and query of a target as it stood on the request line, byte for byte: `/path?query`, `http://host/path?query`, or
/// the `*` of `OPTIONS`. None if it is of no such form, or not encoded as a URI is: httpd takes bytes outside of ASCII, and
/// makes such requests itself, as mod_rewrite does whose internal redirects are not encoded.
#[must_use]
pub fn path_with_query(target: &[u8]) -> Option<&[u8]> {
    let path = match behind_scheme(target) {
        None => target,
        // A query without a path is left to what httpd makes of it.
        Some(rest) => match rest.iter().position(|byte| b"/?#".contains(byte)) {
            Some(path) => &rest[path..],
            None => b"/",
        },
    };
    ((path.starts_with(b"/") && is_encoded(path)) || path == b"*").then_some(path)
}

/// Does the path of this target name what it seems to? Not with a segment `.` or `..`, also encoded, or an empty one: httpd
/// has resolved these before it chose the sections that hold, and who may pass; a guest that got them would choose anew.
/// Segments end at an encoded slash too, which httpd takes for one with `AllowEncodedSlashes On`.
#[must_use]
pub fn is_resolved(target: &[u8]) -> bool {
    let path = decoded(path_of(target), |byte| byte == b'/');
    let mut segments = path.split(|&byte| byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if is_dots(segment) || (segment.is_empty() && !last) {
            return false;
        }
    }
    true
}

/// Is `served` this target's path with nothing resolved, only decoded but for its encoded slashes? So httpd leaves it with
/// `AllowEncodedSlashes NoDecode`, where such a slash is a part of its segment.
#[must_use]
pub fn is_kept(target: &[u8], served: &[u8]) -> bool {
    decoded(path_of(target), |byte| byte != b'/') == served
}

fn path_of(target: &[u8]) -> &[u8] {
    target
        .split(|&byte| byte == b'?')
        .next()
        .unwrap_or_default()
}

/// The path with what is encoded decoded, as far as `wanted` says so of a byte.
fn decoded(mut path: &[u8], wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    while let Some((&first, rest)) = path.split_first() {
        let (byte, rest) = match rest {
            [high, low, rest @ ..] if first == b'%' => {
                match hex(*high, *low).filter(|&b| wanted(b)) {
                    Some(byte) => (byte, rest),
                    None => (first, &path[1..]),
                }
            }
            _ => (first, rest),
        };
        decoded.push(byte);
        path = rest;
    }
    decoded
}

/// The byte with these hexadecimal digits.
fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// `.` or `..`, each dot as it is or as `%2e`.
fn is_dots(segment: &[u8]) -> bool {
    let after_dot = |segment: &[u8]| -> Option<usize> {
        match segment {
            [b'.', ..] => Some(1),
            [b'%', b'2', b'e' | b'E', ..] => Some(3),
            _ => None,
        }
    };
    let Some(one) = after_dot(segment) else {
        return false;
    };
    let rest = &segment[one..];
    rest.is_empty() || after_dot(rest).is_some_and(|two| rest.len() == two)
}

/// Can it stand on a request line? Whether the query is encoded well is for its reader to say.
fn is_encoded(target: &[u8]) -> bool {
    let two_digits = |rest: &[u8]| {
        rest.get(..2)
            .is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    target.iter().all(u8::is_ascii_graphic)
        && path_of(target)
            .split(|&byte| byte == b'%')
            .skip(1)
            .all(two_digits)
}

/// The target for a path that is encoded already, and a query that need not be.
#[must_use]
pub fn join(path: &[u8], query: Option<&[u8]>) -> Vec<u8> {
    let mut target = path.to_vec();
    if path.first() != Some(&b'/') {
        target.insert(0, b'/');
    }
    let Some(query) = query else {
        return target;
    };
    target.push(b'?');
    for &byte in query {
        if byte.is_ascii_graphic() {
            target.push(byte);
        } else {
            target.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    target
}

/// What follows `scheme://`.
fn behind_scheme(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().position(|&byte| byte == b':')?;
    let (scheme, rest) = target.split_at(colon);
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let named = scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(good);
    rest.strip_prefix(b"://").filter(|_| named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(target: &str) -> Option<&str> {
        path_with_query(target.as_bytes()).map(|path| str::from_utf8(path).expect("text"))
    }

    #[test]
    fn the_usual_form_is_kept_byte_for_byte() {
        for target in [
            "/",
            "/a",
            "/a?b",
            "//a/../%2e%2E/%61?x=%20&y",
            "/a:b://c",
            "/?",
            "*",
        ] {
            assert_eq!(path(target), Some(target));
        }
    }

    #[test]
    fn a_path_with_segments_to_resolve_is_told() {
        for target in [
            "/",
            "/a/b/",
            "/a.b/..c/.../x",
            "/a?x=/../",
            "/%2ea",
            "*",
            "/a/..;/b",
            "/a%2fb",
            "/a%2F..b%2f",
            "/a%252f..%252fb",
            "/a%2",
        ] {
            assert!(is_resolved(target.as_bytes()), "{target}");
        }
        for target in [
            "/.",
            "/a/../b",
            "/a/%2e%2E/b",
            "/a/.%2e",
            "/./a",
            "//a",
            "/a//b",
            "/a//",
            "/..?x",
            "/a%2f..%2Fb",
            "/a/..%2fb",
            "/a%2f/b",
            "/a%2F%2e",
        ] {
            assert!(!is_resolved(target.as_bytes()), "{target}");
        }
    }

    #[test]
    fn a_path_that_was_only_decoded_is_kept() {
        let kept = |target: &str, served: &str| is_kept(target.as_bytes(), served.as_bytes());
        assert!(kept("/a%2f..%2Fb?x", "/a%2f..%2Fb"));
        assert!(kept("/%41%20/http:%2f%2fb", "/A /http:%2f%2fb"));
        assert!(kept("/a%252fb", "/a%2fb"));
        for (target, served) in [
            ("/a%2f..%2fb", "/b"),
            ("/a/../b", "/b"),
            ("/a/%2e%2e/b", "/b"),
            ("//a", "/a"),
            ("/a%2fb", "/a/b"),
            ("/a%2f..%2fb/%252f", "/b/%2f"),
        ] {
            assert!(!kept(target, served), "{target} {served}");
        }
    }

    #[test]
    fn the_absolute_form_loses_scheme_and_authority() {
        assert_eq!(path("http://host/a?b"), Some("/a?b"));
        assert_eq!(path("HTTPS://user@[::1]:80/%2f//x"), Some("/%2f//x"));
        assert_eq!(path("http://host"), Some("/"));
        assert_eq!(path("http://host:8080"), Some("/"));
    }

    #[test]
    fn other_forms_are_none() {
        for target in [
            "",
            "host:443",
            "a/b",
            "http://host?query",
            "://x",
            "1x://h/",
            "**",
        ] {
            assert_eq!(path(target), None, "{target}");
        }
    }

    #[test]
    fn what_is_not_encoded_is_none() {
        for target in [
            "/a b", "/a\n", "/a?b c", "/100%", "/%2", "/%zz?x", "/\x7f", "/\u{e4}", "/?\u{e4}",
        ] {
            assert_eq!(path(target), None, "{target:?}");
        }
        for target in ["/a?100%", "/%20?%", "/a?b?c%zz"] {
            assert_eq!(path(target), Some(target), "{target:?}");
        }
    }

    #[test]
    fn joined_targets_are_encoded() {
        let joined = |path: &str, query: Option<&str>| {
            let target = join(path.as_bytes(), query.map(str::as_bytes));
            String::from_utf8(target).expect("text")
        };
        assert_eq!(joined("/a%20b", None), "/a%20b");
        assert_eq!(joined("/a", Some("")), "/a?");
        assert_eq!(joined("/a", Some("b=%41 \u{e4}")), "/a?b=%41%20%C3%A4");
        assert_eq!(joined("", None), "/");
    }
}
