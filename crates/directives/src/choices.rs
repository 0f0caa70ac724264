//! Values of settings that are more than a number or a text. Must not know how they are written.

use std::path::PathBuf;

use crate::args::Origin;

/// What becomes of a CGI program's request body whose length nobody has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BodyWithoutLength {
    /// It is read whole before the program starts, which is then told its length.
    #[default]
    Spool,
    /// The program reads it as it comes, and is told no length.
    Stream,
    /// The client gets 411.
    Refuse,
}

/// Where failed runs of CGI programs are described.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScriptLog {
    /// The file, absolute.
    pub path: PathBuf,
    /// It gets no entry that would make it larger than this, in bytes.
    pub max: u64,
    /// So much of the request body, of the output and of the standard error is kept, in bytes each.
    pub body: u64,
    /// The line that named it, for errors found after all lines have been read.
    pub origin: Origin,
}

impl ScriptLog {
    /// With the sizes that hold where none are said: those of httpd's `ScriptLogLength` and `ScriptLogBuffer`.
    #[must_use]
    pub fn new(path: PathBuf, origin: Origin) -> ScriptLog {
        ScriptLog {
            path,
            max: 10_385_760,
            body: 1024,
            origin,
        }
    }
}

/// Which requests run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alone {
    /// Every one.
    Every,
    /// Those whose method may change something; the others run side by side.
    Writes,
}

/// How requests wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Serialize {
    /// Which ones run alone.
    pub alone: Alone,
    /// The line that says so: requests wait for those that have the same.
    pub origin: Origin,
}

impl Serialize {
    /// Does a request with this method run alone?
    #[must_use]
    pub fn is_alone(&self, method: &[u8]) -> bool {
        self.alone == Alone::Every || !matches!(method, b"GET" | b"HEAD" | b"OPTIONS")
    }
}
