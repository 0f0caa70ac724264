//! Private temporary directories: where on the host they are. Must not know who gets one.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wasm_runtime_client::TempDir;

/// What the engine needs to make the directory that the settings ask for.
pub fn private(wanted: &directives::TempDir) -> TempDir<'_> {
    TempDir {
        guest: &wanted.guest,
        base: base(),
        max_bytes: wanted.max,
        max_files: wanted.files,
    }
}

/// Where programs of this account put temporary files: `TMPDIR`, or `/tmp`. Asked once, because other threads may change
/// the environment later. httpd's runtime directory would be the other candidate; it is mostly in memory, small, and closed
/// to the account that children run as.
fn base() -> &'static Path {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    BASE.get_or_init(std::env::temp_dir)
}
