//! A program's file: opened once, read within bounds, and copied to where nobody can change it.
//!
//! It must not know what a program is: nothing here looks at the bytes, so whoever wrote them has no say in what happens.

use crate::{Error, ErrorCode};
use rustix::fs::{MemfdFlags, OFlags, SealFlags, fcntl_add_seals, memfd_create};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The hash of a program's content.
pub type Digest = [u8; 32];

/// How much is read at a time, bytes.
const PIECE: usize = 64 << 10;

/// Where the bytes of a program come from.
pub enum Content<'a> {
    /// Bytes of the caller, for messages by a name.
    Bytes(&'a [u8]),
    /// A file.
    File(ProgramFile),
}

/// An open file that may hold a program.
pub struct ProgramFile {
    file: File,
    path: PathBuf,
    max: u64,
}

/// The content of a program in memory that cannot be changed any more, by descriptor.
pub struct SealedCopy {
    /// The memory; its offset means nothing.
    pub file: File,
    /// The hash of what is in it.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

impl ProgramFile {
    /// Opens the file at `path`, of which at most `max` bytes will be read.
    ///
    /// What has been opened is looked at, not what the path leads to: somebody may put a pipe or a device there meanwhile, of
    /// which the one never begins and the other never ends.
    ///
    /// # Errors
    /// [`ErrorCode::Io`]; [`ErrorCode::CompileLimit`] for a file that is larger than `max`.
    pub fn open(path: &Path, max: u64) -> Result<ProgramFile, Error> {
        let failed = |e: io::Error| Error::new(ErrorCode::Io, format!("{}: {e}", path.display()));
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            .map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("it is not a regular file")));
        }
        if metadata.len() > max {
            return Err(too_large(max));
        }
        Ok(ProgramFile {
            file,
            path: path.to_owned(),
            max,
        })
    }

    /// Reads the file from its beginning and hands on each piece.
    fn read(&self, mut piece: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        let failed =
            |e: io::Error| Error::new(ErrorCode::Io, format!("{}: {e}", self.path.display()));
        let mut buffer = vec![0; PIECE];
        let mut at = 0;
        loop {
            let n = match self.file.read_at(&mut buffer, at) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(failed(e)),
            };
            at = at.saturating_add(n as u64);
            // It may have grown since it was opened.
            if at > self.max {
                return Err(too_large(self.max));
            }
            piece(&buffer[..n]).map_err(failed)?;
        }
    }
}

impl Content<'_> {
    /// The hash of the content. Nothing of it is kept.
    ///
    /// # Errors
    /// [`ErrorCode::Io`], [`ErrorCode::CompileLimit`].
    pub fn digest(&self) -> Result<Digest, Error> {
        let mut hash = Sha256::new();
        match self {
            Content::Bytes(bytes) => hash.update(bytes),
            Content::File(file) => file.read(|piece| {
                hash.update(piece);
                Ok(())
            })?,
        }
        Ok(hash.finalize().into())
    }

    /// A copy of the content in memory, which whoever wrote the file cannot change: what is hashed is what is compiled.
    ///
    /// # Errors
    /// [`ErrorCode::Io`], [`ErrorCode::CompileLimit`]; [`ErrorCode::Engine`] when there is no memory for it.
    pub fn copy(&self) -> Result<SealedCopy, Error> {
        let failed =
            |e: io::Error| Error::new(ErrorCode::Engine, format!("cannot copy the program: {e}"));
        let mut file = memory("wasm-program").map_err(failed)?;
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut add = |piece: &[u8]| {
            hash.update(piece);
            size += piece.len() as u64;
            file.write_all(piece)
        };
        match self {
            Content::Bytes(bytes) => add(bytes).map_err(failed)?,
            Content::File(program) => program.read(add)?,
        }
        seal(&file).map_err(failed)?;
        Ok(SealedCopy {
            file,
            digest: hash.finalize().into(),
            size,
        })
    }
}

impl SealedCopy {
    /// The content as bytes of this process.
    ///
    /// # Errors
    /// [`ErrorCode::Engine`].
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        contents(&self.file)
            .map_err(|e| Error::new(ErrorCode::Engine, format!("cannot read the program: {e}")))
    }
}

/// All bytes of a file, whatever its offset is.
///
/// # Errors
/// What the system says.
pub fn contents(mut file: &File) -> io::Result<Vec<u8>> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An empty file in memory, which can be sealed.
///
/// # Errors
/// What the system says.
pub fn memory(name: &str) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(memfd_create(name, flags)?.into())
}

/// Makes a file of [`memory`] unchangeable, for everybody who has it open.
///
/// # Errors
/// What the system says; the file is still mapped for writing somewhere, for instance.
pub fn seal(file: &File) -> io::Result<()> {
    let all = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    Ok(fcntl_add_seals(file, all)?)
}

fn too_large(max: u64) -> Error {
    let text = format!("it is larger than {max} bytes");
    Error::new(ErrorCode::CompileLimit, text)
}
