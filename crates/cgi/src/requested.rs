//! What the file at the requested URL is to the guest, and what follows from that: is the guest called as a CGI program where
//! nothing is said about it, are host paths translated, and where does it start to work. Must not know how the file is found.

use std::path::{Path, PathBuf};

use directives::Settings;

/// What the requested file is to the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// Nothing: the URL, as far as a section or the server names it, is the program.
    Nothing,
    /// The program itself, as with mod_cgid.
    Program(PathBuf),
    /// A script that the program interprets, as with mod_php.
    Script(PathBuf),
}

impl Requested {
    /// Is the guest called as a CGI program?
    #[must_use]
    pub fn is_cgi(&self, settings: &Settings) -> bool {
        settings.cgi(self.file().is_some())
    }

    /// Are the words of an indexed query arguments? By default only of a program that is asked for by its own name: one that
    /// `WasmModule` names may be an interpreter that takes options from them (CVE-2012-1823).
    #[must_use]
    pub fn takes_query(&self, settings: &Settings) -> bool {
        settings.query_args(matches!(self, Requested::Program(_)))
    }

    /// Are host paths rewritten to those of the guest?
    #[must_use]
    pub fn maps_file_names(&self, settings: &Settings) -> bool {
        settings.map_cgi_file_names(self.file().is_some())
    }

    /// The guest's directory in which the file lies, where CGI programs start to work (RFC 3875, 7.2). None if there is no
    /// file, if the guest can not see it, or is not to be told.
    #[must_use]
    pub fn working_directory(&self, settings: &Settings) -> Option<String> {
        let directory = self.file()?.parent()?;
        self.maps_file_names(settings)
            .then(|| settings.guest_path(directory))?
    }

    /// Is the guest told a path by which it should find the file? If it cannot see that, it would be called for nothing. Where
    /// paths are not mapped, the guest is not told about a script in this way, and finds it, if it wants one, by itself.
    #[must_use]
    pub fn is_told(&self, settings: &Settings) -> bool {
        self.is_cgi(settings) && self.maps_file_names(settings)
    }

    fn file(&self) -> Option<&Path> {
        match self {
            Requested::Nothing => None,
            Requested::Program(file) | Requested::Script(file) => Some(file),
        }
    }
}
