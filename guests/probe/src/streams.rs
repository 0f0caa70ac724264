//! Files of WASI 0.2 that are open only for a stream: the program has given up the descriptor. It must not know how many it may have.

use std::io;

use crate::out::Out;
use crate::params::Params;

/// `streams n=`: opens the file `file` of the first directory for reading, as often as `n` says or until that fails, and keeps a
/// stream of each and no descriptor; answers `opened` and the number. WASI 0.2 only.
#[cfg(target_env = "p2")]
pub fn streams(params: &Params, mut out: Out) -> io::Result<()> {
    use wasip2::filesystem::preopens::get_directories;
    use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

    let wanted: usize = params.number("n", 1)?;
    let directories = get_directories();
    let (directory, _) = directories
        .first()
        .ok_or_else(|| crate::params::wrong("there is no directory"))?;
    let mut streams = Vec::new();
    while streams.len() < wanted {
        let opened = directory.open_at(
            PathFlags::empty(),
            "file",
            OpenFlags::empty(),
            DescriptorFlags::READ,
        );
        match opened.and_then(|file| file.read_via_stream(0)) {
            Ok(stream) => streams.push(stream),
            Err(_) => break,
        }
    }
    out.answer(&format!("opened {}\n", streams.len()))
}

/// `streams` in preview 1: refused.
#[cfg(not(target_env = "p2"))]
pub fn streams(_: &Params, _: Out) -> io::Result<()> {
    Err(crate::params::wrong("only in WASI 0.2"))
}
