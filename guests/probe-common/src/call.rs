//! What a request asks a probe to do: a word in its path, and parameters in its query.

use std::str::FromStr;

/// The behaviour that a request asks for.
///
/// Of the path `/mount/word/anything` the second segment is the word: the first is where the test has put the probe.
#[derive(Debug, Clone, Default)]
pub struct Call {
    word: String,
    fields: Vec<cgi::Field>,
}

impl Call {
    /// Reads a path with query.
    #[must_use]
    pub fn new(path_with_query: &str) -> Self {
        let (path, query) = path_with_query
            .split_once('?')
            .unwrap_or((path_with_query, ""));
        Self {
            word: path.split('/').nth(2).unwrap_or_default().to_owned(),
            fields: cgi::fields(query.as_bytes()),
        }
    }

    /// The word, empty if there is none.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }

    /// Every value of that name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let same = move |field: &&cgi::Field| field.0 == name.as_bytes();
        self.fields
            .iter()
            .filter(same)
            .map(|field| field.1.as_slice())
    }

    /// The first value of that name as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        cgi::field(&self.fields, name)
    }

    /// Whether the first value of that name is `1`.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.all(name).next() == Some(b"1")
    }

    /// The first value of that name as a number, `default` if it is not given.
    ///
    /// # Errors
    /// A line that says so, if it is no number that fits.
    pub fn number<N: FromStr>(&self, name: &str, default: N) -> Result<N, String> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        text.parse()
            .map_err(|_| format!("{name}={text} is not a number that fits"))
    }
}

/// Name and value of a field given as `Name: value`; without a colon the value is empty. One blank after the colon is not part of
/// the value, everything else is, so that a test can ask for what is not allowed.
#[must_use]
pub fn split_field(line: &[u8]) -> (String, Vec<u8>) {
    let at = line.iter().position(|&byte| byte == b':');
    let (name, value) = at.map_or((line, &b""[..]), |at| (&line[..at], &line[at + 1..]));
    let value = value.strip_prefix(b" ").unwrap_or(value);
    (String::from_utf8_lossy(name).into_owned(), value.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_segment_is_the_word() {
        let call = Call::new("/p2/fields/x?h=a&h=b%20c&n=7&flag=1");
        assert_eq!(call.word(), "fields");
        assert_eq!(call.all("h").collect::<Vec<_>>(), [&b"a"[..], b"b c"]);
        assert_eq!(call.number("n", 0_u64), Ok(7));
        assert_eq!(call.number("m", 3_u64), Ok(3));
        assert!(call.number::<u8>("h", 0).is_err());
        assert!(call.flag("flag") && !call.flag("n"));
        assert_eq!(Call::new("/").word(), "");
    }

    #[test]
    fn a_field_line_keeps_what_is_odd() {
        assert_eq!(split_field(b"A: b:c"), ("A".into(), b"b:c".to_vec()));
        assert_eq!(split_field(b"A:  b"), ("A".into(), b" b".to_vec()));
        assert_eq!(split_field(b"none"), ("none".into(), Vec::new()));
    }
}
