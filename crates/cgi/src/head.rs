//! Where a response head ends in a guest's output, found while the output arrives. What the head says is read by httpd's
//! own parser; this only finds its end, with the same idea of a line, and refuses what must not reach that parser.

/// The longest head that is collected before the guest is stopped, in bytes.
pub const HEAD_LIMIT: usize = 64 * 1024;
/// The longest line of a head, in bytes without its end: what fits into the 8192 bytes of httpd's parser.
pub const LINE_LIMIT: usize = 8189;

/// Why a head cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadProblem {
    /// [`HEAD_LIMIT`] bytes and no empty line.
    TooLarge,
    /// A line of more than [`LINE_LIMIT`] bytes.
    LineTooLong,
    /// A NUL byte, at which C functions would take the line to end.
    Nul,
}

impl HeadProblem {
    /// For the log.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            HeadProblem::TooLarge => "no empty line ends the headers",
            HeadProblem::LineTooLong => "a header line of more than 8189 bytes",
            HeadProblem::Nul => "a NUL byte in a header line",
        }
    }
}

/// Looks for the empty line that ends a head. Remembers where it was, so each byte is looked at once.
#[derive(Debug, Default)]
pub struct HeadScanner {
    looked_at: usize,
    line_start: usize,
}

impl HeadScanner {
    /// Goes on in `output`, all that the guest has written so far. Returns how long the head is, its empty line included,
    /// or none if it is not over yet.
    ///
    /// A line ends with LF; CRs are ignored wherever they stand, because httpd's parser ignores them.
    ///
    /// # Errors
    /// The head cannot be used; the guest need not go on.
    pub fn scan(&mut self, output: &[u8]) -> Result<Option<usize>, HeadProblem> {
        while let Some(offset) = output[self.looked_at..]
            .iter()
            .position(|&byte| byte == b'\n')
        {
            let end = self.looked_at + offset;
            let line = &output[self.line_start..end];
            check_line(line)?;
            self.looked_at = end + 1;
            self.line_start = end + 1;
            if self.line_start > HEAD_LIMIT {
                return Err(HeadProblem::TooLarge);
            }
            if line.iter().all(|&byte| byte == b'\r') {
                return Ok(Some(end + 1));
            }
        }
        self.looked_at = output.len();
        check_line(&output[self.line_start..])?;
        if output.len() > HEAD_LIMIT {
            Err(HeadProblem::TooLarge)
        } else {
            Ok(None)
        }
    }
}

fn check_line(line: &[u8]) -> Result<(), HeadProblem> {
    if line.len() > LINE_LIMIT {
        return Err(HeadProblem::LineTooLong);
    }
    if line.contains(&0) {
        Err(HeadProblem::Nul)
    } else {
        Ok(())
    }
}

/// What is wrong with the value of a `Status:` header, which httpd has read as the number `status`.
///
/// It must be a final status, three digits, then the end or a space. httpd itself would send any number, and a client
/// would wait for ever for the response that must follow a 1xx.
#[must_use]
pub fn status_problem(status: i32, line: Option<&[u8]>) -> Option<String> {
    let Some(line) = line else {
        return (!(200..600).contains(&status)).then(|| format!("status {status}"));
    };
    let digits = line.len() >= 3 && line[..3].iter().all(u8::is_ascii_digit);
    let ends = line.get(3).is_none_or(|&byte| byte == b' ');
    let good = digits && ends && (200..600).contains(&status);
    (!good).then(|| format!("Status: {}", line[..line.len().min(40)].escape_ascii()))
}

/// The status in the status line that a whole response begins with: `HTTP/1.1 404 Not here`. `None`: there is no such line.
#[must_use]
pub fn status_line(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let [minor, b' ', digits @ .., _] = rest.get(..6)? else {
        return None;
    };
    let ends = matches!(rest[5], b' ' | b'\r' | b'\n');
    if !minor.is_ascii_digit() || !ends || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (100..600).contains(&status).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_read() {
        let good: [(&[u8], u16); 4] = [
            (b"HTTP/1.1 200 OK\r\n", 200),
            (b"HTTP/1.0 404\n", 404),
            (b"HTTP/1.1 599 \r\n", 599),
            (b"HTTP/1.1 100 Continue\r\n\r\n", 100),
        ];
        for (line, status) in good {
            assert_eq!(status_line(line), Some(status));
        }
        let bad: [&[u8]; 9] = [
            b"",
            b"HTTP/1.1 200",
            b"HTTP/1.1 20",
            b"HTTP/1.1 2000 OK\n",
            b"HTTP/1.1 +20 OK\n",
            b"HTTP/1.1 099 OK\n",
            b"HTTP/1.1 600 OK\n",
            b"HTTP/2.0 200 OK\n",
            b"Content-Type: text/plain\r\n\r\n",
        ];
        for line in bad {
            assert_eq!(status_line(line), None, "{}", line.escape_ascii());
        }
    }

    fn scan(output: &[u8]) -> Result<Option<usize>, HeadProblem> {
        let whole = HeadScanner::default().scan(output);
        let mut scanner = HeadScanner::default();
        let mut piecewise = Ok(None);
        for end in 0..=output.len() {
            piecewise = scanner.scan(&output[..end]);
            if piecewise != Ok(None) {
                break;
            }
        }
        assert_eq!(whole, piecewise, "byte by byte must give the same");
        whole
    }

    #[test]
    fn the_first_empty_line_ends_the_head() {
        assert_eq!(scan(b"A: b\n\nbody\n\n"), Ok(Some(6)));
        assert_eq!(scan(b"A: b\r\n\r\nbody"), Ok(Some(8)));
        assert_eq!(scan(b"A: b\n\r\nbody"), Ok(Some(7)));
        assert_eq!(scan(b"A: b\n\r\r\nbody"), Ok(Some(8)));
        assert_eq!(scan(b"\nbody"), Ok(Some(1)));
    }

    #[test]
    fn without_an_empty_line_it_goes_on() {
        assert_eq!(scan(b""), Ok(None));
        assert_eq!(scan(b"A: b"), Ok(None));
        assert_eq!(scan(b"A: b\n"), Ok(None));
        assert_eq!(scan(b"A: b\n\r"), Ok(None));
    }

    #[test]
    fn long_lines_and_heads_are_refused() {
        let line = [b"A: ".as_slice(), &vec![b'x'; LINE_LIMIT - 3]].concat();
        assert_eq!(line.len(), LINE_LIMIT);
        assert_eq!(
            scan(&[&line[..], b"\n\n"].concat()),
            Ok(Some(LINE_LIMIT + 2))
        );
        assert_eq!(
            scan(&[&line[..], b"x"].concat()),
            Err(HeadProblem::LineTooLong)
        );
        assert_eq!(
            scan(&b"A: b\n".repeat(HEAD_LIMIT / 5 + 1)),
            Err(HeadProblem::TooLarge)
        );
    }

    #[test]
    fn nul_is_for_the_body() {
        assert_eq!(scan(b"A: \0\n\n"), Err(HeadProblem::Nul));
        assert_eq!(scan(b"\0"), Err(HeadProblem::Nul));
        assert_eq!(HeadScanner::default().scan(b"A: b\n\n\0"), Ok(Some(6)));
    }

    #[test]
    fn status_values() {
        for (status, line) in [
            (200, "200"),
            (404, "404 Not here"),
            (599, "599 x"),
            (304, "304 "),
        ] {
            assert_eq!(
                status_problem(status, Some(line.as_bytes())),
                None,
                "{line}"
            );
        }
        for (status, line) in [
            (0, "abc"),
            (0, ""),
            (20, "20"),
            (2000, "2000"),
            (103, "103 x"),
            (600, "600"),
            (404, "404x"),
            (-1, "-1"),
        ] {
            assert!(
                status_problem(status, Some(line.as_bytes())).is_some(),
                "{line}"
            );
        }
        assert_eq!(status_problem(200, None), None);
        assert_eq!(
            status_problem(0, Some(b"\x1b[1m")),
            Some("Status: \\x1b[1m".to_owned())
        );
    }
}
