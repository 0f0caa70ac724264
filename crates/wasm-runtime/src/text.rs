//! The one way into a message for text that a guest chose: names of functions, imports and exports, the causes of errors.
//!
//! Such text is as long and as strange as its author likes, and what formats it may take its time. What is written here is
//! bounded in bytes, ends the formatting once it is full, stays on its line, and shows control characters instead of having
//! their effect. It must not know what a message is for.

use std::fmt::{self, Display, Write};
use wasmtime::{FrameInfo, WasmBacktrace};

/// The most bytes of a message. Room for a path and what is wrong with it.
pub(crate) const MOST: usize = 4096;

/// The most bytes of one name.
const NAME: usize = 200;

/// The most names of a list.
const SHOWN: usize = 8;

/// The most frames of a backtrace, which is also how many Wasmtime keeps.
const FRAMES: usize = 20;

/// What stands where something is left out.
const ELLIPSIS: &str = "…";

/// A line that takes only so many bytes.
struct Line {
    text: String,
    most: usize,
    /// White space that has not been written: none at the ends, one blank where a line ended.
    blanks: usize,
    /// A line has ended, and the white space around that counts as one.
    folding: bool,
    /// It is full: something has been left out.
    full: bool,
}

impl Line {
    fn new(most: usize) -> Line {
        Line {
            text: String::new(),
            most,
            blanks: 0,
            folding: true,
            full: false,
        }
    }

    /// Adds a piece that is not to be divided.
    fn add(&mut self, piece: &str) -> fmt::Result {
        if self.text.len() + self.blanks + piece.len() > self.most {
            self.full = true;
            return Err(fmt::Error);
        }
        for _ in 0..std::mem::take(&mut self.blanks) {
            self.text.push(' ');
        }
        self.text.push_str(piece);
        Ok(())
    }

    fn blank(&mut self, ends_line: bool) {
        self.folding |= ends_line;
        self.blanks = match self.folding {
            true => usize::from(!self.text.is_empty()),
            // More than fits anyway need not be counted.
            false => (self.blanks + 1).min(self.most),
        };
    }

    fn finish(mut self) -> String {
        if self.full {
            self.text.push_str(ELLIPSIS);
        }
        self.text
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '\n' | '\r' => self.blank(true),
                ' ' | '\t' => self.blank(false),
                _ => {
                    self.folding = false;
                    if is_strange(c) {
                        self.add(&format!("{}", c.escape_default()))?;
                    } else {
                        self.add(c.encode_utf8(&mut [0; 4]))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a character has an effect other than to be seen: it controls a terminal, ends a line, or turns the direction of
/// what follows.
fn is_strange(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// One line of at most [`MOST`] bytes, with what it is made of folded into it.
pub fn line(text: impl Display) -> String {
    bounded(MOST, text)
}

/// A name that stands in a longer text.
pub fn name(name: &str) -> String {
    bounded(NAME, name)
}

/// The first few names, for a message.
pub fn list(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|each| name(each.as_ref()))
        .collect();
    match (names.len(), names.len().saturating_sub(SHOWN)) {
        (0, _) => "nothing".into(),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn bounded(most: usize, text: impl Display) -> String {
    let mut line = Line::new(most);
    // It fails when the line is full, which it remembers; what else could fail leaves what there is.
    let _ = write!(line, "{text}");
    line.finish()
}

/// What Wasmtime says of a failure, with its causes. A backtrace is not among them: to show itself, it would decode the names
/// of the guest's functions, which can be made to take any time and memory.
pub fn chain(error: &wasmtime::Error) -> String {
    if error.is::<WasmBacktrace>() {
        return cause(error);
    }
    line(fmt::from_fn(|f| {
        for (i, each) in error.chain().enumerate() {
            if i > 0 {
                f.write_str(": ")?;
            }
            write!(f, "{each}")?;
        }
        Ok(())
    }))
}

/// The first cause of a failure.
pub fn cause(error: &wasmtime::Error) -> String {
    line(error.root_cause())
}

/// The guest's stack, a line for each frame, with the names as the program has them.
pub fn backtrace(backtrace: &WasmBacktrace) -> String {
    let frames = backtrace.frames();
    let mut text = String::from("wasm stack, innermost first:");
    for (i, frame) in frames.iter().take(FRAMES).enumerate() {
        text.push_str(&format!("\n{i:>3}: {}", show(frame)));
    }
    text
}

fn show(frame: &FrameInfo) -> String {
    let module = name(frame.module().name().unwrap_or("<unknown>"));
    let function = match frame.func_name() {
        Some(function) => name(function),
        None => format!("<wasm function {}>", frame.func_index()),
    };
    match frame.module_offset() {
        Some(offset) => format!("{offset:#8x} - {module}!{function}"),
        None => format!("{module}!{function}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_become_one() {
        assert_eq!(line("  a b  \n\n  c\r\nd \n"), "a b c d");
        assert_eq!(line("a  b"), "a  b");
        assert_eq!(line("\n"), "");
    }

    #[test]
    fn what_controls_is_shown() {
        assert_eq!(
            line("a\x1b[2J\0\u{202e}b\u{e9}"),
            "a\\u{1b}[2J\\u{0}\\u{202e}b\u{e9}"
        );
    }

    #[test]
    fn a_long_text_is_cut_and_not_formatted_further() {
        let endless = fmt::from_fn(|f| {
            loop {
                f.write_str("\u{e9}x")?;
            }
        });
        let cut = line(endless);
        assert_eq!(cut.len(), MOST - 1 + ELLIPSIS.len());
        assert!(cut.ends_with(ELLIPSIS));
        assert_eq!(line("x".repeat(MOST)), "x".repeat(MOST));
        let blanks = line(format!("a{}b", " ".repeat(2 * MOST)));
        assert_eq!(blanks, format!("a{ELLIPSIS}"));
    }

    #[test]
    fn a_list_is_short_whatever_the_names() {
        assert_eq!(list(&[""; 0]), "nothing");
        assert_eq!(list(&["a", "b"]), "a, b");
        let names = vec!["x".repeat(100_000); 1000];
        let text = list(&names);
        assert!(
            text.ends_with(" and 992 more") && text.len() < 2000,
            "{text}"
        );
    }
}
