//! The file that a URL leads to, as httpd has found it on its way through directories, links and options. Looks at no file
//! itself.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use httpd_sys as sys;

use crate::request::Request;
use crate::table::Table;

/// What is where the URL leads on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Nothing, or nothing that httpd was let see.
    Missing,
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A device, a socket, a pipe.
    Other,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// The device that it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its content was written, in microseconds since 1970.
    pub modified: i64,
    /// When content or attributes were changed, likewise.
    pub changed: i64,
}

impl Request {
    /// The path on disk that the URL was mapped to, without what is behind the file. Made up where the URL leads to no file.
    #[must_use]
    pub fn filename(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.text(field!(self, filename))))
    }

    /// What is there.
    #[must_use]
    pub fn file_kind(&self) -> FileKind {
        match field!(self, finfo.filetype) {
            sys::APR_NOFILE => FileKind::Missing,
            sys::APR_REG => FileKind::Regular,
            sys::APR_DIR => FileKind::Directory,
            _ => FileKind::Other,
        }
    }

    /// Is there a regular file?
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.file_kind() == FileKind::Regular
    }

    /// The state of the file when httpd looked at it. Means nothing if there is none.
    #[must_use]
    pub fn file_stamp(&self) -> FileStamp {
        FileStamp {
            device: field!(self, finfo.device),
            inode: field!(self, finfo.inode),
            size: u64::try_from(field!(self, finfo.size)).unwrap_or(0),
            modified: field!(self, finfo.mtime),
            changed: field!(self, finfo.ctime),
        }
    }

    /// May the file be run as a script? `Options ExecCGI` says so, or that the URL was mapped by `ScriptAlias`, as for httpd's
    /// own CGI handlers (`cgid_handler` of mod_cgid).
    #[must_use]
    pub fn may_execute(&self) -> bool {
        // SAFETY: the request is alive; the function only reads it.
        let options = unsafe { sys::ap_allow_options(self.as_ptr()) };
        u32::try_from(options).is_ok_and(|options| options & sys::OPT_EXECCGI != 0)
            || self.is_script_aliased()
    }

    /// mod_alias leaves the handler that it forces in a note.
    fn is_script_aliased(&self) -> bool {
        let notes = field!(self, notes);
        // SAFETY: the table lives in the request's pool.
        let notes = unsafe { Table::from_raw(notes) };
        notes
            .and_then(|notes| notes.get(c"alias-forced-type"))
            .is_some_and(|handler| handler.eq_ignore_ascii_case(b"cgi-script"))
    }
}
