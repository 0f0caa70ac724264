//! Cuts a guest's stderr into lines for a log.
//!
//! A line ends at LF; a CR before it is dropped. A line longer than [`MAX_LINE`] is cut, so that a
//! guest that never writes LF costs bounded memory.

/// The longest line handed on, in bytes.
pub const MAX_LINE: usize = 8192;

/// The unfinished last line of what has been written so far.
#[derive(Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes more output and calls `emit` for each line that it completes.
    pub fn push(&mut self, mut data: &[u8], mut emit: impl FnMut(&[u8])) {
        while !data.is_empty() {
            let room = MAX_LINE - self.partial.len();
            let newline = data.iter().take(room).position(|&b| b == b'\n');
            let take = newline.unwrap_or_else(|| room.min(data.len()));
            self.partial.extend_from_slice(&data[..take]);
            if newline.is_some() || self.partial.len() == MAX_LINE {
                self.finish(&mut emit);
            }
            data = &data[take + usize::from(newline.is_some())..];
        }
    }

    /// Hands on what is left when the guest has ended.
    pub fn finish(&mut self, mut emit: impl FnMut(&[u8])) {
        let line = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
        if !line.is_empty() {
            emit(line);
        }
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for piece in pieces {
            lines.push(piece, |l| out.push(l.to_vec()));
        }
        lines.finish(|l| out.push(l.to_vec()));
        out
    }

    #[test]
    fn lines_are_joined_across_writes_and_lose_their_ends() {
        assert_eq!(
            split(&[b"one\r\ntw", b"o\n\nthree"]),
            [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]
        );
    }

    #[test]
    fn an_endless_line_is_cut() {
        let out = split(&[&[b'x'; MAX_LINE + 10]]);
        assert_eq!(out.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_LINE, 10]);
    }
}
