//! What a directive's setter is given: its arguments, where it stands in the configuration, and the questions it
//! may ask the server. Must not know which directives exist.

use std::fmt;

/// Where a directive stands in the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The configuration file, as httpd names it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// Written as httpd writes it: `line 12 of /etc/apache2/httpd.conf`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of {}", self.line, self.file)
    }
}

/// What only the server knows: about paths, and about expressions.
pub trait Paths {
    /// `path` made absolute relative to `ServerRoot` (`ap_server_root_relative`); `None` when it cannot be a path.
    fn server_root_relative(&self, path: &str) -> Option<String>;

    /// Parses `text` as one of httpd's expressions that give a string (`ap_expr_parse_cmd`), to be evaluated for requests.
    /// A server that has no expressions refuses all of them.
    ///
    /// # Errors
    /// What is wrong with it.
    fn expression(&self, text: &str) -> Result<(), String> {
        let _ = text;
        Err("this server has no expressions".to_owned())
    }
}

/// The arguments of one directive line, unquoted by httpd.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    /// The words after the directive's name.
    pub values: &'a [&'a str],
    /// Where the line stands.
    pub origin: &'a Origin,
}

impl<'a> Args<'a> {
    /// The only argument. httpd has counted before; an error here means that table and `command_rec` disagree.
    pub(crate) fn one(&self) -> Result<&'a str, String> {
        match self.values {
            [value] => no_nul(value),
            _ => Err("takes one argument".to_owned()),
        }
    }

    /// The two arguments.
    pub(crate) fn two(&self) -> Result<(&'a str, &'a str), String> {
        match self.values {
            [first, second] => Ok((no_nul(first)?, no_nul(second)?)),
            _ => Err("takes two arguments".to_owned()),
        }
    }

    /// One argument and perhaps a second, which is empty when it is missing.
    pub(crate) fn one_or_two(&self) -> Result<(&'a str, &'a str), String> {
        match self.values {
            [first] => Ok((no_nul(first)?, "")),
            [first, second] => Ok((no_nul(first)?, no_nul(second)?)),
            _ => Err("takes 1-2 arguments".to_owned()),
        }
    }

    /// All arguments of the line, one at least. httpd does not count them here.
    pub(crate) fn many(&self) -> Result<&'a [&'a str], String> {
        if self.values.is_empty() {
            return Err("takes at least one argument".to_owned());
        }
        for value in self.values {
            no_nul(value)?;
        }
        Ok(self.values)
    }

    /// One of these words in any case, and what it stands for.
    pub(crate) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, String> {
        let value = self.one()?;
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(value));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!("\"{value}\" is not one of {}", known.join(", "))
        })
    }

    /// `On` or `Off` in any case. httpd's own FLAG kind is not used because its error says neither what was written
    /// nor that anything else was meant.
    pub(crate) fn on_off(&self) -> Result<bool, String> {
        let value = self.one()?;
        if value.eq_ignore_ascii_case("on") {
            Ok(true)
        } else if value.eq_ignore_ascii_case("off") {
            Ok(false)
        } else {
            Err(format!("\"{value}\" is neither On nor Off"))
        }
    }
}

/// Every value ends up in a C string or in a guest's NUL-terminated memory, where a NUL would cut it short.
fn no_nul(value: &str) -> Result<&str, String> {
    if value.contains('\0') {
        Err("contains a NUL byte".to_owned())
    } else {
        Ok(value)
    }
}

/// An argument as httpd gives it. WASI strings are Unicode, so other bytes are refused here rather than in a request.
///
/// # Errors
/// The reason, without the directive's name.
pub fn utf8(value: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(value)
        .map_err(|_| format!("\"{}\" is not valid UTF-8", value.escape_ascii()))
}
