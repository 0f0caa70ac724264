//! An entry of the script log: what is kept of a run while it goes on, and how it is written when it has failed, in the form
//! of mod_cgi's `ScriptLog`. Must not know files.

use std::fmt::Write as _;

use crate::HeadScanner;

/// So much of the head is kept at most, in bytes.
const HEAD: usize = 8192;
/// The values of these fields are not written.
const WITHHELD: [&[u8]; 2] = [b"Authorization", b"Proxy-Authorization"];

/// What is kept of one run.
#[derive(Debug)]
pub struct Record {
    limit: usize,
    body: Vec<u8>,
    output: Vec<u8>,
    stderr: Vec<u8>,
}

/// What is known of the request when its run has failed.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// The time, as logs write it.
    pub time: &'a str,
    /// The request line.
    pub request_line: &'a [u8],
    /// What the client gets.
    pub status: i32,
    /// The program.
    pub program: &'a str,
    /// What the error log says.
    pub errors: &'a [String],
}

impl Record {
    /// Nothing yet. `limit`: how much is kept of body, output and standard error, in bytes each.
    #[must_use]
    pub fn new(limit: usize) -> Record {
        Record {
            limit,
            body: Vec::new(),
            output: Vec::new(),
            stderr: Vec::new(),
        }
    }

    /// The guest has read this of the request's body.
    pub fn body(&mut self, data: &[u8]) {
        keep(&mut self.body, data, self.limit);
    }

    /// The guest has written this.
    pub fn output(&mut self, data: &[u8]) {
        keep(&mut self.output, data, self.limit.saturating_add(HEAD));
    }

    /// The guest has written this line to its standard error.
    pub fn stderr(&mut self, line: &[u8]) {
        keep(&mut self.stderr, line, self.limit);
        keep(&mut self.stderr, b"\n", self.limit);
    }

    /// The whole entry. `fields`: the request's header fields.
    #[must_use]
    pub fn entry<'f>(
        &self,
        failed: &Failed<'_>,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
    ) -> String {
        let line = plain(failed.request_line);
        let mut entry = format!("%% [{}] {line}\n", failed.time);
        // Writing into a String does not fail.
        let _ = writeln!(
            entry,
            "%% {} {}",
            failed.status,
            plain(failed.program.as_bytes())
        );
        part(&mut entry, "%error", failed.errors.join("\n").as_bytes());
        entry.push_str("%request\n");
        for (name, value) in fields {
            let withheld = WITHHELD
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret));
            let value = if withheld { b"(withheld)" } else { value };
            quote(&mut entry, &[name, b": ", value].concat());
        }
        if !self.body.is_empty() {
            entry.push('\n');
            quote(&mut entry, &self.body);
        }
        let (head, output) = self.split();
        part(&mut entry, "%response", head);
        part(&mut entry, "%stdout", output);
        part(&mut entry, "%stderr", &self.stderr);
        entry
    }

    /// The head, without the empty line that ends it, and what follows. Output without a whole head is all of the second kind.
    fn split(&self) -> (&[u8], &[u8]) {
        let (head, output) = match HeadScanner::default().scan(&self.output) {
            Ok(Some(length)) => self.output.split_at(length),
            _ => (&[][..], self.output.as_slice()),
        };
        let shown = output.len().min(self.limit);
        (head.trim_ascii_end(), &output[..shown])
    }
}

fn keep(kept: &mut Vec<u8>, data: &[u8], limit: usize) {
    let room = limit.saturating_sub(kept.len()).min(data.len());
    kept.extend_from_slice(&data[..room]);
}

/// A part with its name, if there is something in it.
fn part(entry: &mut String, name: &str, content: &[u8]) {
    if !content.is_empty() {
        entry.push_str(name);
        entry.push('\n');
        quote(entry, content);
    }
}

/// Lines that somebody else has written: none of them may look like one of ours.
fn quote(entry: &mut String, content: &[u8]) {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    for line in content.split(|&byte| byte == b'\n') {
        if line.starts_with(b"%") {
            entry.push(' ');
        }
        entry.push_str(&plain(line.strip_suffix(b"\r").unwrap_or(line)));
        entry.push('\n');
    }
}

/// Text without control characters.
fn plain(text: &[u8]) -> String {
    let mut plain = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\t' => plain.push(character),
                _ if character.is_control() => push_code(&mut plain, u32::from(character)),
                _ => plain.push(character),
            }
        }
        for &byte in chunk.invalid() {
            push_code(&mut plain, u32::from(byte));
        }
    }
    plain
}

fn push_code(text: &mut String, code: u32) {
    let _ = write!(text, "\\x{code:02x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Failed<'_> = Failed {
        time: "then",
        request_line: b"POST /x?y HTTP/1.1",
        status: 500,
        program: "a.wasm",
        errors: &[],
    };

    fn entry(record: &Record, fields: &[(&str, &str)]) -> String {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        record.entry(&FAILED, fields)
    }

    #[test]
    fn every_part_has_its_place() {
        let mut record = Record::new(100);
        record.body(b"a=");
        record.body(b"1");
        record.output(b"Content-Type: x\r\nA: b\r\n");
        record.output(b"\r\nsome\ntext");
        record.stderr(b"oops");
        let errors = ["WASM0101: trapped".to_owned()];
        let failed = Failed {
            errors: &errors,
            ..FAILED
        };
        let fields = [(&b"Host"[..], &b"h"[..])];
        assert_eq!(
            record.entry(&failed, fields.into_iter()),
            "%% [then] POST /x?y HTTP/1.1\n%% 500 a.wasm\n%error\nWASM0101: trapped\n%request\nHost: h\n\na=1\n\
             %response\nContent-Type: x\nA: b\n%stdout\nsome\ntext\n%stderr\noops\n"
        );
    }

    #[test]
    fn parts_with_nothing_in_them_are_left_away() {
        let bare = "%% [then] POST /x?y HTTP/1.1\n%% 500 a.wasm\n%request\n";
        assert_eq!(entry(&Record::new(10), &[]), bare);
        let mut headless = Record::new(10);
        headless.output(b"no head");
        assert_eq!(entry(&headless, &[]), format!("{bare}%stdout\nno head\n"));
    }

    #[test]
    fn secrets_are_withheld() {
        let fields = [
            ("AUTHORIZATION", "Basic c2VjcmV0"),
            ("Proxy-Authorization", "secret"),
            ("Authorization-Not", "told"),
        ];
        let entry = entry(&Record::new(10), &fields);
        assert!(
            !entry.contains("c2VjcmV0") && !entry.contains(": secret"),
            "{entry}"
        );
        assert!(entry.contains("AUTHORIZATION: (withheld)\n"), "{entry}");
        assert!(entry.contains("Authorization-Not: told\n"), "{entry}");
    }

    #[test]
    fn nothing_quoted_looks_like_a_part_of_the_log() {
        let mut record = Record::new(1000);
        record.output(b"A: b\n\n%% [now] GET / HTTP/1.1\n\x1b[2J\xff\xc3\xa4\t\0\r\n");
        let entry = entry(&record, &[]);
        let expected = "%stdout\n %% [now] GET / HTTP/1.1\n\\x1b[2J\\xff\u{e4}\t\\x00\n";
        assert!(entry.ends_with(expected), "{entry}");
    }

    #[test]
    fn no_more_is_kept_than_was_said() {
        let mut record = Record::new(4);
        record.body(b"12345678");
        record.output(&[b"A: b\n\n".to_vec(), vec![b'x'; 100_000]].concat());
        record.stderr(b"abc");
        record.stderr(b"def");
        let entry = entry(&record, &[]);
        assert!(
            entry.contains("\n\n1234\n%response\nA: b\n%stdout\nxxxx\n%stderr\nabc\n"),
            "{entry}"
        );
        assert!(record.output.len() <= HEAD + 4);
    }
}
