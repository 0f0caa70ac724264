//! Where the modules are that a script imports: files, named by an absolute path or by one that begins with a dot and starts at
//! the folder of the file that imports it. There are no packages.
//!
//! It must not know which folders the server granted: WASI refuses what lies outside of them.

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::{Ctx, Error, Module, Result};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Finds the path that an import means.
pub struct Neighbours;

/// Reads the file.
pub struct Files;

impl Resolver for Neighbours {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if !name.starts_with(['.', '/']) {
            let reason = "a module is named by a path that begins with a dot or a slash";
            return Err(Error::new_resolving_message(base, name, reason));
        }
        let folder = Path::new(base).parent().unwrap_or(Path::new(""));
        Ok(plain(&folder.join(name)).to_string_lossy().into_owned())
    }
}

impl Loader for Files {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        path: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js>> {
        let source =
            fs::read(path).map_err(|error| Error::new_loading_message(path, error.to_string()))?;
        Module::declare(ctx.clone(), path, source)
    }
}

/// The path without `.` and `..`, so that one file is one module however it was named.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
