//! What an http guest says, kept until the server's thread can log it: the guest may be run by another
//! thread than the one that serves the request.

use crate::LogLevel;
use crate::channel::{BodyRead, Closed, Exchange, Field};
use crate::lines::{Lines, MAX_LINE};
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that the lines that wait may take at most; the server looks at them every tick of the clock. What comes beyond is
/// dropped: no log is worth a server's memory.
const MOST: usize = 1 << 20;

/// What a line takes beside its text: its place in the list, and what the allocator adds.
const LINE: usize = 64;

/// The lines that have not been logged yet. Clones are the same journal.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    lines: Vec<(LogLevel, Vec<u8>)>,
    bytes: usize,
    stdout: Lines,
}

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line.
    pub fn push(&self, level: LogLevel, line: &[u8]) {
        self.lock().push(level, line);
    }

    /// Takes all lines, the oldest first.
    pub fn take(&self) -> Vec<(LogLevel, Vec<u8>)> {
        let mut inner = self.lock();
        inner.bytes = 0;
        std::mem::take(&mut inner.lines)
    }

    /// Makes a line of what stands on stdout without a line end.
    pub fn finish(&self) {
        self.lock().stdout(|lines, emit| lines.finish(emit));
    }
}

impl Inner {
    fn push(&mut self, level: LogLevel, line: &[u8]) {
        let line = &line[..line.len().min(MAX_LINE)];
        let size = line.len() + LINE;
        if self.bytes + size <= MOST {
            self.bytes += size;
            self.lines.push((level, line.to_vec()));
        }
    }

    fn stdout(&mut self, change: impl FnOnce(&mut Lines, &mut dyn FnMut(&[u8]))) {
        let mut stdout = std::mem::take(&mut self.stdout);
        change(&mut stdout, &mut |line| self.push(LogLevel::Stderr, line));
        self.stdout = stdout;
    }
}

/// An http guest's standard streams: nothing to read, and everything written is for the log.
pub struct LogOnly(pub Journal);

impl Exchange for LogOnly {
    fn read_body(&mut self, _: &mut [u8], _: bool) -> Result<BodyRead, Closed> {
        Ok(BodyRead::End)
    }

    fn wait(&mut self, _: BorrowedFd<'_>, _: Duration) {}

    fn read_trailers(&mut self) -> Vec<Field<'_>> {
        Vec::new()
    }

    fn send_head(&mut self, _: u16, _: &[Field<'_>]) -> Result<(), Closed> {
        Ok(())
    }

    fn write_body(&mut self, data: &[u8], _: bool) -> Result<(), Closed> {
        self.0.lock().stdout(|lines, emit| lines.push(data, emit));
        Ok(())
    }

    fn end_response(&mut self, _: &[Field<'_>], _: bool) -> Result<(), Closed> {
        Ok(())
    }

    fn log(&mut self, level: LogLevel, line: &[u8]) {
        self.0.push(level, line);
    }

    fn aborted(&mut self) -> bool {
        false
    }
}
