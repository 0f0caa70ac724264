//! The parameters of a call: fields of the query string, then `name=value` arguments.
//!
//! Values are bytes, because tests send any. It must not know which parameters a sub-command has.

use std::env;
use std::io;
use std::str::FromStr;

/// The fields of the query and the arguments, in that order; the first of a name counts.
pub struct Params {
    fields: Vec<cgi::Field>,
    /// The arguments without `=`, the program's name not among them.
    words: Vec<String>,
}

impl Params {
    /// Reads QUERY_STRING and the arguments. Arguments are taken as they are, without decoding.
    pub fn from_process() -> Self {
        let query = env::var_os("QUERY_STRING").unwrap_or_default();
        let mut fields = cgi::fields(query.as_encoded_bytes());
        let mut words = Vec::new();
        for argument in env::args_os().skip(1) {
            let bytes = argument.as_encoded_bytes();
            match bytes.iter().position(|&byte| byte == b'=') {
                Some(at) => fields.push((bytes[..at].to_vec(), bytes[at + 1..].to_vec())),
                None => words.push(String::from_utf8_lossy(bytes).into_owned()),
            }
        }
        Self { fields, words }
    }

    /// The name of the sub-command, empty if none is given.
    pub fn command(&self) -> String {
        self.text("do").unwrap_or_else(|| {
            self.words
                .iter()
                .find(|word| !word.starts_with("--"))
                .cloned()
                .unwrap_or_default()
        })
    }

    /// Whether the CGI head is to be left away.
    pub fn plain(&self) -> bool {
        self.flag("plain") || self.words.iter().any(|word| word == "--plain")
    }

    /// Every value of that name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(key, _)| key == name.as_bytes())
            .map(|(_, value)| value.as_slice())
    }

    /// The first value of that name.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        let found = self.fields.iter().find(|(key, _)| key == name.as_bytes())?;
        Some(&found.1)
    }

    /// The first value of that name as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.bytes(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Whether the first value of that name is `1`.
    pub fn flag(&self, name: &str) -> bool {
        self.bytes(name) == Some(b"1")
    }

    /// The first value of that name as a number, `default` if it is not given; an error if it is not a number.
    pub fn number<N: FromStr>(&self, name: &str, default: N) -> io::Result<N> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        text.parse()
            .map_err(|_| wrong(&format!("{name}={text} is not a number that fits")))
    }
}

/// The error of a wrong call.
pub fn wrong(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
