//! Where things are: the product under test, the guests, httpd and its modules.
//!
//! Everything is found from the workspace or from apxs; an environment variable overrides each.
//! This file must not know what is tested.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the suite is one level below the workspace")
        .to_path_buf()
}

/// The folder of `mod_wasm.so` and `libwasm_runtime.so`; `MODWASM_DIST` overrides it.
pub fn dist() -> PathBuf {
    env::var_os("MODWASM_DIST").map_or_else(|| workspace().join("dist"), PathBuf::from)
}

/// The folder of the built guests; `MODWASM_GUESTS` overrides it.
pub fn guests() -> PathBuf {
    env::var_os("MODWASM_GUESTS").map_or_else(|| workspace().join("target/guests"), PathBuf::from)
}

/// The file of the guest called `name`; fails when it has not been built.
pub fn guest(name: &str) -> PathBuf {
    let file = guests().join(format!("{name}.wasm"));
    assert!(
        file.is_file(),
        "{} is missing: build the guests first",
        file.display()
    );
    file
}

/// The MPM that this run tests: `MPM=event|worker|prefork`, event when unset or empty.
pub fn mpm() -> String {
    env::var("MPM")
        .ok()
        .filter(|m| !m.is_empty())
        .unwrap_or_else(|| "event".to_owned())
}

/// Does a child of this run's MPM serve requests on several threads?
pub fn threaded() -> bool {
    mpm() != "prefork"
}

/// A size or a number of seconds from the environment, with a default.
pub fn number_from_env(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) if !text.is_empty() => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        _ => default,
    }
}

/// How many bytes a "big" body has: `MODWASM_BIG`, else 1 GiB under event and 128 MiB under the others.
pub fn big() -> u64 {
    let default = if mpm() == "event" { 1 << 30 } else { 128 << 20 };
    number_from_env("MODWASM_BIG", default)
}

fn apxs(query: &str) -> String {
    let out = Command::new("apxs")
        .args(["-q", query])
        .output()
        .expect("apxs is needed: install apache2-dev");
    assert!(out.status.success(), "apxs -q {query} failed");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// The httpd binary that apxs belongs to; `MODWASM_HTTPD` overrides it.
pub fn httpd() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        env::var_os("MODWASM_HTTPD").map_or_else(
            || Path::new(&apxs("SBINDIR")).join(apxs("PROGNAME")),
            PathBuf::from,
        )
    })
}

/// The folder of httpd's own modules.
pub fn modules() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| PathBuf::from(apxs("LIBEXECDIR")))
}

/// Is httpd's module `name` (`unixd`) part of the binary, so that it must not be loaded?
pub fn built_in(name: &str) -> bool {
    static LIST: OnceLock<String> = OnceLock::new();
    let list = LIST.get_or_init(|| {
        let out = Command::new(httpd())
            .arg("-l")
            .output()
            .expect("httpd -l runs");
        String::from_utf8_lossy(&out.stdout).into_owned()
    });
    list.lines()
        .any(|line| line.trim() == format!("mod_{name}.c"))
}

/// Names guests and the tests that run them: `"name" => test,`. Each is the function of that name in a module `tests` beside
/// the list, which gets the guest's name.
#[macro_export]
macro_rules! guests {
    ($($name:literal => $test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                tests::$test($name);
            }
        )*
    };
}
