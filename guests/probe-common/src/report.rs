//! How a probe shows what it was asked: one line for each thing, so that a test can look for a line.

/// Fields as WASI gives them: a name as text, a value as bytes.
pub type Fields = [(String, Vec<u8>)];

/// What a request is made of before its body.
pub struct Head {
    /// The method, as in a request line.
    pub method: String,
    /// The scheme, if there is one.
    pub scheme: Option<String>,
    /// The authority, if there is one.
    pub authority: Option<String>,
    /// The path with query, if there is one.
    pub path: Option<String>,
    /// The header fields.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// A line for each part; `-` stands for what is not there.
    #[must_use]
    pub fn text(&self) -> String {
        let or = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        format!(
            "method={}\nscheme={}\nauthority={}\npath={}\n{}",
            self.method,
            or(&self.scheme),
            or(&self.authority),
            or(&self.path),
            fields_text("field", &self.fields),
        )
    }
}

/// A line `<word>=<name>: <value>` for each field, in order; bytes that are not UTF-8 are replaced.
#[must_use]
pub fn fields_text(word: &str, fields: &Fields) -> String {
    let line = |(name, value): &(String, Vec<u8>)| {
        format!("{word}={name}: {}\n", String::from_utf8_lossy(value))
    };
    fields.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_shown_line_by_line() {
        let head = Head {
            method: "GET".into(),
            scheme: Some("http".into()),
            authority: None,
            path: Some("/a?b".into()),
            fields: vec![("x".into(), b"1".to_vec()), ("x".into(), b"2".to_vec())],
        };
        assert_eq!(
            head.text(),
            "method=GET\nscheme=http\nauthority=-\npath=/a?b\nfield=x: 1\nfield=x: 2\n"
        );
    }
}
