//! What makes a seal: a number that only the server's own user can read.
//!
//! Processes that the server forks inherit it in memory. Another program that runs as their user (a
//! native CGI program, say) can write where they write, but cannot make a seal that they accept.

use super::folder::Folder;
use super::key::hex;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const FILE: &str = "secret";
/// The lock for it; those of programs are hexadecimal digits.
const LOCK: char = 's';

/// The number.
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret of a server, made when it is missing.
    pub fn of(folder: &Folder) -> io::Result<Secret> {
        // Two servers that start at once must agree on one.
        let _lock = folder.lock(LOCK)?;
        match read(folder) {
            Ok(secret) => Ok(secret),
            Err(_) => make(folder),
        }
    }

    /// The seal over a program: 64 hexadecimal digits.
    pub fn seal(&self, program: &[u8]) -> String {
        self.sign(&Sha256::digest(program))
    }

    /// The seal over what is left to read.
    pub fn seal_file(&self, mut file: &File) -> io::Result<String> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(self.sign(&hash.finalize())),
                Ok(n) => hash.update(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Over a digest, so that no seal of a longer program follows from that of a shorter one.
    fn sign(&self, digest: &[u8]) -> String {
        hex(&Sha256::new_with_prefix(self.0)
            .chain_update(digest)
            .finalize())
    }
}

fn read(folder: &Folder) -> io::Result<Secret> {
    let mut file = folder.open(FILE, OFlags::RDONLY)?;
    folder.check_file(&file)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others can read it"));
    }
    let mut secret = [0; 32];
    file.read_exact(&mut secret)?;
    match file.metadata()?.size() {
        32 => Ok(Secret(secret)),
        _ => Err(io::Error::other("it has the wrong length")),
    }
}

/// Makes a new one; what was sealed with an old one is compiled again.
fn make(folder: &Folder) -> io::Result<Secret> {
    let mut secret = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut secret)?;
    folder.remove(FILE);
    let mut file = folder.create(FILE, Mode::RUSR | Mode::WUSR)?;
    file.write_all(&secret)?;
    Ok(Secret(secret))
}
