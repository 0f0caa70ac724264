//! Which part of a URL is the program and which is the path behind it. httpd finds that on disk; a program named in a
//! `<Location>` need not be on disk, so there the section says it.

/// Is a section about URLs or about files? A section nested in another is of one kind with it, unless it says so itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionKind {
    /// `<Location>` and `<LocationMatch>`.
    Urls,
    /// `<Directory>`, `<DirectoryMatch>`, `<Files>` and `<FilesMatch>`.
    Files,
}

impl SectionKind {
    /// The kind of a section called `name`, as httpd keeps it: `<Location`. None of one that is about neither, such as `<If`
    /// and `<VirtualHost`.
    #[must_use]
    pub fn of(name: &[u8]) -> Option<SectionKind> {
        let starts = |start: &str| {
            name.get(..start.len())
                .is_some_and(|name| name.eq_ignore_ascii_case(start.as_bytes()))
        };
        if starts("<Location") {
            return Some(SectionKind::Urls);
        }
        (starts("<Directory") || starts("<Files")).then_some(SectionKind::Files)
    }
}

/// The URL prefix that a section `<Location …>` applies to, without a slash at its end: `""` stands for `<Location />`.
/// None for every other section, and for a `<Location>` with a pattern. `name` and `arguments` as httpd keeps them:
/// `<Location` and `"/app">`.
#[must_use]
pub fn location_prefix(name: &[u8], arguments: &[u8]) -> Option<String> {
    if !name.eq_ignore_ascii_case(b"<Location") {
        return None;
    }
    let arguments = std::str::from_utf8(arguments).ok()?.trim();
    let arguments = arguments.strip_suffix('>').unwrap_or(arguments).trim_end();
    let prefix = only_word(arguments)?;
    // `~` introduces a regular expression, and then there is a second word; a wildcard makes it a pattern.
    let literal = prefix.starts_with('/') && !prefix.contains(['*', '?', '[']);
    literal.then(|| prefix.trim_end_matches('/').to_owned())
}

/// The word that `text` consists of, without quotes; none if there are more.
fn only_word(text: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest
                .strip_suffix(quote)
                .filter(|word| !word.contains([quote, '\\']));
        }
    }
    (!text.contains(char::is_whitespace)).then_some(text)
}

/// `SCRIPT_NAME` and `PATH_INFO` of `uri` for a program at `prefix`. None if the prefix does not cover the URL, as after
/// an internal redirect.
#[must_use]
pub fn split<'u>(uri: &'u [u8], prefix: &str) -> Option<(&'u [u8], &'u [u8])> {
    let (script, path) = uri.split_at_checked(prefix.len())?;
    let covered = script == prefix.as_bytes() && (path.is_empty() || path[0] == b'/');
    covered.then_some((script, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(arguments: &str) -> Option<String> {
        location_prefix(b"<Location", arguments.as_bytes())
    }

    #[test]
    fn prefixes() {
        assert_eq!(prefix("/app>").as_deref(), Some("/app"));
        assert_eq!(prefix("\"/app\">").as_deref(), Some("/app"));
        assert_eq!(prefix("'/my app/' >").as_deref(), Some("/my app"));
        assert_eq!(prefix("/>").as_deref(), Some(""));
        assert_eq!(
            location_prefix(b"<location", b"/a/b>").as_deref(),
            Some("/a/b")
        );
    }

    #[test]
    fn patterns_and_other_sections_have_none() {
        for arguments in [
            "~ \"^/app\">",
            "/app*>",
            "/a?p>",
            "http://host/app>",
            "\"/a\\\"b\">",
            ">",
        ] {
            assert_eq!(prefix(arguments), None, "{arguments}");
        }
        for name in ["<LocationMatch", "<Directory", "<Files", "<If"] {
            assert_eq!(location_prefix(name.as_bytes(), b"/app>"), None, "{name}");
        }
    }

    #[test]
    fn kinds() {
        for name in ["<Location", "<LocationMatch", "<location"] {
            assert_eq!(
                SectionKind::of(name.as_bytes()),
                Some(SectionKind::Urls),
                "{name}"
            );
        }
        for name in ["<Directory", "<DirectoryMatch", "<Files", "<filesmatch"] {
            assert_eq!(
                SectionKind::of(name.as_bytes()),
                Some(SectionKind::Files),
                "{name}"
            );
        }
        for name in ["<If", "<Else", "<Limit", "<VirtualHost", "<Proxy", "<", ""] {
            assert_eq!(SectionKind::of(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn splits() {
        let text = |uri: &'static str, prefix: &str| {
            split(uri.as_bytes(), prefix).map(|(a, b)| {
                (
                    String::from_utf8_lossy(a).into_owned(),
                    String::from_utf8_lossy(b).into_owned(),
                )
            })
        };
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(text("/app", "/app"), pair("/app", ""));
        assert_eq!(text("/app/", "/app"), pair("/app", "/"));
        assert_eq!(text("/app/x/y", "/app"), pair("/app", "/x/y"));
        assert_eq!(text("/a/b/x", "/a/b"), pair("/a/b", "/x"));
        assert_eq!(text("/x", ""), pair("", "/x"));
        assert_eq!(text("/apple", "/app"), None);
        assert_eq!(text("/other", "/app"), None);
    }
}
