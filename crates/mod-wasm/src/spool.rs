//! A request body that is read whole before its guest starts: in memory while it is small, then in a file without a name.
//! Must not know why it is wanted.

use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};

use directives::messages;
use httpd::{Answer, Input, Read, Request};
use tempfile::{SpooledTempFile, spooled_tempfile};

use crate::body::{BodyFailure, failure};

/// So much of a body is kept in memory, in bytes.
const IN_MEMORY: usize = 64 * 1024;
/// So much is read at a time, in bytes. On the heap: a thread of httpd may have a small stack.
const PIECE: usize = 32 * 1024;

/// The body, read from its start. Its file is gone when this is dropped, and whenever the process ends.
#[derive(Debug)]
pub struct Spool {
    file: SpooledTempFile,
    length: u64,
}

impl Spool {
    /// Reads `input` to its end with the patience that httpd has for its client, which gets its `100 Continue` first. The
    /// body may not be longer than `limit`.
    ///
    /// # Errors
    /// The body did not arrive, is too long, or there is no room for it.
    pub fn fill(
        request: &mut Request,
        input: &mut Input,
        limit: Option<u64>,
    ) -> Result<Spool, BodyFailure> {
        let mut spool = Spool {
            file: spooled_tempfile(IN_MEMORY),
            length: 0,
        };
        let mut piece = vec![0; PIECE];
        while let Read::Data(count) = input.read(request, &mut piece, true).map_err(failure)? {
            let data = piece.get(..count).unwrap_or_default();
            let length = spool.length.saturating_add(data.len() as u64);
            // httpd counts what the client sends; input filters may have made more of it.
            if limit.is_some_and(|limit| length > limit) {
                return Err(too_large());
            }
            let kept = spool.file.write_all(data);
            kept.map_err(|error| unusable(&error, spool.length))?;
            spool.length = length;
        }
        let start = spool.file.rewind();
        start.map_err(|error| unusable(&error, spool.length))?;
        Ok(spool)
    }

    /// How long the body is, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads on, into `buffer`; 0 at the end.
    ///
    /// # Errors
    /// The file can not be read any more.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyFailure> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read.map_err(|error| unusable(&error, self.length)),
            }
        }
    }
}

fn too_large() -> BodyFailure {
    BodyFailure {
        answer: Answer::Http(413),
        detail: String::new(),
        message: None,
    }
}

/// What it means that the file failed when it had so many bytes.
fn unusable(error: &io::Error, length: u64) -> BodyFailure {
    let full = matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    );
    let (status, message) = match full {
        true => (507, &messages::SPOOL_FULL),
        false => (500, &messages::SPOOL_FAILED),
    };
    BodyFailure {
        answer: Answer::Http(status),
        detail: format!("{error}, after {length} bytes"),
        message: Some(message),
    }
}
