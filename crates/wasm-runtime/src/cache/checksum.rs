//! The checksum in the name of a compiled program, which finds damage. It is no proof of who wrote it.

use super::key::hex;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};

/// The checksum of a program: 64 hexadecimal digits.
pub fn of_bytes(program: &[u8]) -> String {
    hex(&Sha256::digest(program))
}

/// The checksum of what is left to read.
pub fn of_file(mut file: &File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
