//! counter: a page that grows by a line every half second while it is being sent, for ten seconds.
//!
//! It shows that output reaches the client as it is written. It must not know how: it writes, flushes, and sleeps.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

/// How many lines it sends.
const LINES: u32 = 20;

/// The pause before each line.
const PAUSE: Duration = Duration::from_millis(500);

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(cgi::page_start("", "Counting while you watch").as_bytes())?;
    out.write_all(b"<ol>\n")?;
    out.flush()?;
    for line in 1..=LINES {
        thread::sleep(PAUSE);
        writeln!(out, "<li>line {line} of {LINES}</li>")?;
        out.flush()?;
    }
    writeln!(out, "</ol>\n<p>Done.</p>\n{}", cgi::PAGE_END)
}
