//! How much of a guest's standard error one request may write to the log: enough to find a fault, not enough to fill a
//! disk. Must not know how a line is logged.

/// Lines that one request may log.
const LINES: usize = 256;
/// Bytes that one request may log.
const BYTES: usize = 64 * 1024;

/// What to do with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Log it.
    Log,
    /// Drop it and say so: it is the first one too many.
    SayDropped,
    /// Drop it.
    Drop,
}

/// Counts the lines of one request.
#[derive(Debug, Default)]
pub struct Stderr {
    lines: usize,
    bytes: usize,
    dropping: bool,
}

impl Stderr {
    /// A line of so many bytes.
    pub fn line(&mut self, length: usize) -> Line {
        if self.dropping {
            return Line::Drop;
        }
        self.lines += 1;
        self.bytes += length;
        self.dropping = self.lines > LINES || self.bytes > BYTES;
        if self.dropping {
            Line::SayDropped
        } else {
            Line::Log
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(length: usize) -> usize {
        let mut stderr = Stderr::default();
        let lines = std::iter::repeat_with(|| stderr.line(length));
        lines
            .take_while(|line| *line == Line::Log)
            .take(1000)
            .count()
    }

    #[test]
    fn lines_and_bytes_are_bounded() {
        assert_eq!(logged(0), LINES);
        assert_eq!(logged(1), LINES);
        assert_eq!(logged(8192), BYTES / 8192);
    }

    #[test]
    fn dropping_is_said_once() {
        let mut stderr = Stderr::default();
        let said = (0..1000)
            .filter(|_| stderr.line(1) == Line::SayDropped)
            .count();
        assert_eq!(said, 1);
        assert_eq!(stderr.line(1), Line::Drop);
    }
}
