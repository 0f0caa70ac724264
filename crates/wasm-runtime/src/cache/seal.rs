//! The proof in the name of a compiled program that this server wrote it: a message authentication code (HMAC-SHA-256,
//! RFC 2104) over the content and over what else the name says.
//!
//! Its secret is a file that only the user who starts the server can read. Whoever may put files into the cache, but cannot
//! read that one, cannot make a file that passes. It says nothing of what the owner of a file does to it after it has passed.

use super::key::hex;
use ring::hmac;
use std::fs::File;
use std::io::{self, Read};

/// Bytes of a secret.
pub const SECRET: usize = 32;

/// What only the server knows.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// A code that is being computed.
pub struct Seal(hmac::Context);

impl Secret {
    /// The secret of these bytes.
    pub fn new(bytes: [u8; SECRET]) -> Secret {
        Secret(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// Begins a code. `about` is what the name says besides.
    pub fn seal(&self, about: &str) -> Seal {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(about.as_bytes());
        context.update(&[0]);
        Seal(context)
    }
}

impl Seal {
    /// Adds a piece of the content.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The code: 64 hexadecimal digits.
    pub fn finish(self) -> String {
        hex(self.0.sign().as_ref())
    }

    /// Adds all that is left to read, each piece being handed to `also`.
    ///
    /// # Errors
    /// What reading says, or `also`.
    pub fn add_file(
        &mut self,
        mut file: &File,
        mut also: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    self.add(&buffer[..n]);
                    also(&buffer[..n])?;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_depends_on_secret_name_and_content() {
        let code = |secret: u8, about: &str, content: &[u8]| {
            let mut seal = Secret::new([secret; SECRET]).seal(about);
            seal.add(content);
            seal.finish()
        };
        let first = code(1, "key", b"content");
        assert_eq!((first.len(), &first), (64, &code(1, "key", b"content")));
        for other in [
            code(2, "key", b"content"),
            code(1, "kez", b"content"),
            code(1, "key", b"contend"),
        ] {
            assert_ne!(first, other);
        }
    }
}
