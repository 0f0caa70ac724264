//! A private folder for one server: made at the start, removed after success, left after failure.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The folder of one test's server.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes `<temporary folder>/mod_wasm-suite/<test>-<pid>-<n>` with the sub-folders a server needs.
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "{}-{}-{}",
            test_name().replace("::", "."),
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join("mod_wasm-suite").join(name);
        for sub in ["conf", "logs", "htdocs", "run"] {
            fs::create_dir_all(path.join(sub)).expect("the temporary folder is writable");
        }
        Folder { path }
    }

    /// The absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, making the folders on the way.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let file = self.path.join(name);
        fs::create_dir_all(file.parent().expect("a file has a folder")).unwrap();
        fs::write(&file, content).unwrap();
        file
    }

    /// Makes a folder that httpd's children, which run as another user, may write to.
    pub(crate) fn writable(&self, name: &str) -> PathBuf {
        let dir = self.path.join(name);
        fs::create_dir_all(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        dir
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Nothing depends on it: a leftover in the temporary folder is no reason to fail.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The name of the running test: the test runner names the thread after it.
pub(crate) fn test_name() -> String {
    std::thread::current().name().unwrap_or("test").to_owned()
}
