//! Who may do what takes time or memory, counted over all processes that were forked from the one that made the engine.
//!
//! A permit is a lock on a byte of a file in memory that all of them have open, so that a process that is killed gives it
//! back. It must not know what permits are for.

use crate::capi::locks::try_lock_byte;
use crate::program::memory;
use crate::{Error, ErrorCode};
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// How often somebody who waits for a permit looks.
const PAUSE: Duration = Duration::from_millis(20);

/// All permits of an engine.
pub struct Permits(File);

/// A permit, until it is dropped.
pub struct Permit(#[expect(dead_code, reason = "closing it gives the lock back")] File);

impl Permits {
    /// A new set of permits. Processes forked later share it.
    ///
    /// # Errors
    /// [`ErrorCode::Engine`].
    pub fn new() -> Result<Permits, Error> {
        memory("wasm-permits").map(Permits).map_err(|e| failed(&e))
    }

    /// Takes any of these permits, if one is free.
    ///
    /// # Errors
    /// [`ErrorCode::Engine`].
    pub fn try_take(&self, numbers: Range<i64>) -> Result<Option<Permit>, Error> {
        let file = self.open().map_err(|e| failed(&e))?;
        let taken = any(&file, numbers).map_err(|e| failed(&e))?;
        Ok(taken.then_some(Permit(file)))
    }

    /// Waits for any of these permits, until `deadline`. `tick` is called while it waits.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when none became free in time; [`ErrorCode::Engine`].
    pub fn take(
        &self,
        numbers: Range<i64>,
        deadline: Instant,
        tick: &mut dyn FnMut(),
    ) -> Result<Permit, Error> {
        let file = self.open().map_err(|e| failed(&e))?;
        while !any(&file, numbers.clone()).map_err(|e| failed(&e))? {
            if Instant::now() >= deadline {
                let text = "too many other programs are to be compiled";
                return Err(Error::new(ErrorCode::Busy, text));
            }
            tick();
            std::thread::sleep(PAUSE);
        }
        Ok(Permit(file))
    }

    /// The file, opened anew: a lock belongs to the opening.
    fn open(&self) -> io::Result<File> {
        let path = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        OpenOptions::new().read(true).write(true).open(path)
    }
}

fn any(file: &File, numbers: Range<i64>) -> io::Result<bool> {
    for number in numbers {
        if try_lock_byte(file, number)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn failed(error: &io::Error) -> Error {
    Error::new(
        ErrorCode::Engine,
        format!("cannot count what is being compiled: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_taken_once_and_given_back() {
        let permits = Permits::new().unwrap();
        let first = permits.try_take(10..12).unwrap();
        let second = permits.try_take(10..12).unwrap();
        assert!(first.is_some() && second.is_some());
        assert!(permits.try_take(10..12).unwrap().is_none());
        assert!(permits.try_take(12..13).unwrap().is_some());
        let now = Instant::now();
        let refused = permits.take(10..12, now, &mut || {}).err().unwrap();
        assert_eq!(refused.code, ErrorCode::Busy);
        drop(second);
        assert!(permits.take(10..12, now, &mut || {}).is_ok());
    }
}
