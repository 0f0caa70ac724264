//! The response: file descriptor 1 without a buffer, so that each write of a sub-command is one write of the guest.
//!
//! `std::io::Stdout` holds back the end of a line, which would blur the tests about streaming. It must not know about CGI
//! beyond the one head it writes.

use std::fs::File;
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

use crate::params::{Params, wrong};

/// The standard output.
pub struct Out {
    /// Kept from closing the descriptor by itself: [`Out::close`] is the only way.
    file: ManuallyDrop<File>,
    plain: bool,
}

impl Out {
    /// Takes over descriptor 1; `plain` leaves the CGI head away.
    #[expect(unsafe_code, reason = "std offers no unbuffered standard output")]
    pub fn new(plain: bool) -> Self {
        // SAFETY: descriptor 1 is open when a program starts, main makes a single Out, and nothing else here uses stdout.
        let file = unsafe { File::from_raw_fd(1) };
        Self {
            file: ManuallyDrop::new(file),
            plain,
        }
    }

    /// Writes the head of a text response, or nothing in plain mode.
    pub fn begin(&mut self) -> io::Result<()> {
        self.begin_as("text/plain")
    }

    /// Writes the head of a response of that type, or nothing in plain mode.
    pub fn begin_as(&mut self, kind: &str) -> io::Result<()> {
        if self.plain {
            return Ok(());
        }
        self.write(format!("Content-Type: {kind}\r\n\r\n").as_bytes())
    }

    /// Begins as far as the parameter `after` says, before a fault: `none` (or no such parameter) nothing, `head` the head,
    /// `body` the head and the line `begun`.
    pub fn begin_until(&mut self, params: &Params) -> io::Result<()> {
        match params.text("after").as_deref() {
            None | Some("none") => Ok(()),
            Some("head") => self.begin(),
            Some("body") => {
                self.begin()?;
                self.write(b"begun\n")
            }
            Some(other) => Err(wrong(&format!("after={other} is none of none, head, body"))),
        }
    }

    /// Writes the head and a whole text body.
    pub fn answer(&mut self, body: &str) -> io::Result<()> {
        self.begin()?;
        self.write(body.as_bytes())
    }

    /// Writes all of `data`, in one call of the host if the host takes it at once.
    pub fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.file.write_all(data)
    }

    /// Closes descriptor 1.
    pub fn close(self) {
        drop(ManuallyDrop::into_inner(self.file));
    }
}
