//! The state of a file as the system tells it, in the form in which httpd has it of a requested file.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use httpd::FileStamp;

/// The state of the file at `path`. A new file has another inode, a changed one another time: that of its last change can not be
/// set back, unlike the time of modification.
pub fn of(path: &Path) -> io::Result<FileStamp> {
    let metadata = fs::metadata(path)?;
    Ok(FileStamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: microseconds(metadata.mtime(), metadata.mtime_nsec()),
        changed: microseconds(metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// APR's time.
fn microseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds
        .saturating_mul(1_000_000)
        .saturating_add(nanoseconds / 1000)
}
