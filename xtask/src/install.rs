//! Putting the libraries where the distribution's httpd looks, and taking exactly those files away again.
//!
//! Knows Debian's `mods-available`; anywhere else it prints the line to add. Enables nothing and restarts nothing.

use crate::build::{self, PRODUCT};
use crate::fsx;
use crate::httpd::apxs;
use crate::run::{Task, argument, root};
use std::fs;
use std::path::{Path, PathBuf};

/// Debian's folder of module configurations, below `SYSCONFDIR`.
const AVAILABLE: &str = "mods-available";

/// Where our configuration lets httpd keep compiled programs.
const CACHE: &str = "/var/cache/apache2/mod_wasm";

/// Where everything goes, each path below `DESTDIR`.
struct Places {
    /// The modules' folder as httpd will name it, without `DESTDIR`.
    modules: PathBuf,
    destdir: PathBuf,
    /// Debian's folder; `None` where there is none.
    available: Option<PathBuf>,
}

impl Places {
    fn find() -> Task<Self> {
        let available = Path::new(&apxs("SYSCONFDIR")?).join(AVAILABLE);
        Ok(Self {
            modules: apxs("LIBEXECDIR")?.into(),
            destdir: argument("DESTDIR").unwrap_or_default().into(),
            available: available.is_dir().then_some(available),
        })
    }

    fn below_destdir(&self, path: &Path) -> PathBuf {
        if self.destdir.as_os_str().is_empty() {
            return path.to_owned();
        }
        self.destdir.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn library(&self, name: &str) -> PathBuf {
        self.below_destdir(&self.modules.join(name))
    }

    fn load_line(&self) -> String {
        format!(
            "LoadModule wasm_module {}\n",
            self.modules.join("mod_wasm.so").display()
        )
    }
}

/// `make install`.
pub fn install() -> Task {
    // Under sudo the compiler is often out of reach, and what it builds would belong to root: take what is there.
    if std::env::var_os("SUDO_USER").is_none() {
        build::release()?;
    }
    let places = Places::find()?;
    for (name, _) in PRODUCT {
        let from = build::dist().join(name);
        if !from.is_file() {
            return Err(format!("dist/{name} is missing: type `make build` first").into());
        }
        placed(&places.library(name), |to| build::put(name, &from, to))?;
    }
    let Some(available) = &places.available else {
        println!(
            "Now add this line to httpd's configuration:\n    {}",
            places.load_line().trim_end()
        );
        return Ok(());
    };
    let load = places.below_destdir(&available.join("wasm.load"));
    placed(&load, |to| fsx::write(to, &places.load_line()))?;
    let conf = places.below_destdir(&available.join("wasm.conf"));
    if conf.exists() {
        println!("kept {}", conf.display());
    } else {
        placed(&conf, |to| fsx::place(&our_conf(), to))?;
    }
    println!("Now type `a2enmod wasm` and restart httpd.");
    Ok(())
}

/// `make uninstall`.
pub fn uninstall() -> Task {
    let places = Places::find()?;
    let enabled = places
        .available
        .as_ref()
        .map(|dir| dir.with_file_name("mods-enabled").join("wasm.load"));
    if places.destdir.as_os_str().is_empty() && enabled.is_some_and(|link| link.is_symlink()) {
        return Err(
            "the module is still enabled: type `a2dismod wasm` and restart httpd first".into(),
        );
    }
    for (name, _) in PRODUCT {
        remove(&places.library(name))?;
    }
    if let Some(available) = &places.available {
        remove(&places.below_destdir(&available.join("wasm.load")))?;
        let conf = places.below_destdir(&available.join("wasm.conf"));
        if conf.is_file() && fsx::read(&conf)? != fsx::read(&our_conf())? {
            println!("kept {}: it has been edited", conf.display());
        } else {
            remove(&conf)?;
        }
    }
    if places.destdir.as_os_str().is_empty() && Path::new(CACHE).is_dir() {
        println!("kept {CACHE}: compiled programs, which httpd has put there");
    }
    Ok(())
}

fn our_conf() -> PathBuf {
    root().join("packaging/wasm.conf")
}

fn placed(to: &Path, put: impl FnOnce(&Path) -> Task) -> Task {
    put(to)?;
    println!("installed {}", to.display());
    Ok(())
}

fn remove(path: &Path) -> Task {
    match fs::remove_file(path) {
        Ok(()) => {
            println!("removed {}", path.display());
            Ok(())
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(format!("cannot remove {}: {e}", path.display()).into()),
    }
}
