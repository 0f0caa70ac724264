//! The distribution's httpd with a private configuration: where it is, which modules it has, how it is run.
//!
//! Serving the examples and the benchmark build on this; it knows neither of them, nor our directives.

use crate::run::{Task, command, is_root, output, root, which};
use crate::{build, fsx};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The installed httpd.
pub struct Httpd {
    program: PathBuf,
    modules: PathBuf,
    compiled_in: String,
}

impl Httpd {
    /// Asks apxs where things are.
    pub fn find() -> Task<Self> {
        let program = Path::new(&apxs("SBINDIR")?).join(apxs("PROGNAME")?);
        let compiled_in = output(Command::new(&program).arg("-l"))?;
        Ok(Self {
            program,
            modules: apxs("LIBEXECDIR")?.into(),
            compiled_in,
        })
    }

    /// `LoadModule` lines for these modules of httpd, named without `mod_`; what is compiled in needs none.
    pub fn load(&self, names: &[&str]) -> Task<String> {
        let mut lines = String::new();
        for name in names {
            if self.compiled_in.contains(&format!("mod_{name}.c")) {
                continue;
            }
            let file = self.modules.join(format!("mod_{name}.so"));
            if !file.is_file() {
                return Err(format!("httpd has no module {}", file.display()).into());
            }
            // The symbol is the name without `mod_`, for an MPM as for any other module.
            add(
                &mut lines,
                &format!("LoadModule {name}_module {}", file.display()),
            );
        }
        Ok(lines)
    }

    /// The directives every private server opens with: everything of its own below `dir`, loopback only.
    pub fn preamble(&self, dir: &Path, port: u16) -> Task<String> {
        let mut conf = String::new();
        add(&mut conf, &format!("ServerRoot \"{}\"", dir.display()));
        conf.push_str(&self.load(&["mpm_event", "authz_core", "alias", "dir", "env"])?);
        conf.push_str(&self.load(&["log_config", "unixd", "setenvif", "headers"])?);
        if is_root() {
            add(&mut conf, &format!("User {0}\nGroup {1}", user(), group()));
        }
        add(
            &mut conf,
            &format!("DefaultRuntimeDir \"{}\"", dir.display()),
        );
        add(
            &mut conf,
            &format!("PidFile \"{}\"", dir.join("httpd.pid").display()),
        );
        add(
            &mut conf,
            &format!("Listen 127.0.0.1:{port}\nServerName 127.0.0.1:{port}"),
        );
        Ok(conf)
    }

    /// httpd on this configuration file. Its environment holds nothing of ours: with `RUST_BACKTRACE` the engine is
    /// slower, and `LD_LIBRARY_PATH` must not be what finds our library.
    pub fn command(&self, conf: &Path) -> Command {
        let mut httpd = Command::new(&self.program);
        httpd
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8");
        httpd
            .args(["-DFOREGROUND", "-f"])
            .arg(conf)
            .current_dir(root());
        httpd
    }

    /// Checks the configuration as `apachectl -t` does.
    pub fn test(&self, conf: &Path) -> Task {
        output(self.command(conf).arg("-t")).map(drop)
    }

    /// `LoadModule` for ours, out of `dist/`.
    pub fn load_ours() -> String {
        format!(
            "LoadModule wasm_module \"{}\"\n",
            build::dist().join("mod_wasm.so").display()
        )
    }
}

/// Adds a line to a configuration.
pub fn add(conf: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(conf, "{line}");
}

/// What `apxs -q` says.
pub fn apxs(variable: &str) -> Task<String> {
    let program = ["apxs", "apxs2"]
        .into_iter()
        .find(|name| which(name).is_some());
    let program = program.ok_or("apxs is not there: `make setup` says what to install")?;
    Ok(output(&mut command(program, &["-q", variable]))?
        .trim()
        .to_owned())
}

/// An empty folder for a private server, which httpd's children can enter.
///
/// It lies below `target/`, unless we are root in a checkout that other users cannot enter: the children run as an
/// unprivileged user.
pub fn private_dir(name: &str) -> Task<PathBuf> {
    let mut dir = root().join("target").join(name);
    if is_root() && !fsx::open_to_all(root()) {
        dir = std::env::temp_dir().join(format!("mod_wasm-{name}"));
    }
    fsx::remove_dir(&dir)?;
    fsx::create_dir(&dir)?;
    Ok(dir)
}

/// A new folder that httpd's children may write to: whoever they are, where we are root and they are not.
pub fn writable_dir(dir: &Path) -> Task {
    fsx::create_dir(dir)?;
    if is_root() {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o1777))
            .map_err(|e| format!("cannot change {}: {e}", dir.display()))?;
    }
    Ok(())
}

/// The account that httpd's children get when root starts the server: the first that exists.
fn user() -> &'static str {
    first_in("/etc/passwd", &["www-data", "apache", "http", "nobody"])
}

fn group() -> &'static str {
    first_in(
        "/etc/group",
        &["www-data", "apache", "http", "nogroup", "nobody"],
    )
}

fn first_in(file: &str, names: &[&'static str]) -> &'static str {
    let accounts = fs::read_to_string(file).unwrap_or_default();
    let exists = |name: &str| {
        accounts
            .lines()
            .any(|line| line.split(':').next() == Some(name))
    };
    names
        .iter()
        .copied()
        .find(|name| exists(name))
        .unwrap_or("nobody")
}
