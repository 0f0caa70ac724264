//! What `make bench` compares: the ways to answer one request, the programs behind them and httpd's configuration.
//!
//! Knows neither how they are measured nor what is served outside of httpd; the latter is `wasmtime`'s business.

use crate::httpd::{Httpd, add};
use crate::run::{Task, output, root, run};
use crate::{fsx, guests};
use std::path::Path;
use std::process::Command;

/// One way to answer the same request.
pub struct Variant {
    /// The loopback port of its server.
    pub port: u16,
    /// Its path there.
    pub path: &'static str,
    /// What it is, for the report.
    pub title: &'static str,
    /// Must all of its response be that of the yardstick? If not, status and body alone.
    pub same_head: bool,
}

/// Path, title and `same_head` of what httpd answers itself. The yardstick first.
const HERE: &[(&str, &str, bool)] = &[
    ("/native", "C content handler (yardstick)", true),
    ("/wasm-rust", "mod_wasm, CGI, Rust, WASI preview 1", true),
    ("/wasm-c", "mod_wasm, CGI, C, WASI preview 1", true),
    (
        "/wasm-component",
        "mod_wasm, CGI, Rust, WASI 0.2 component",
        true,
    ),
    (
        "/http-p2",
        "mod_wasm, wasi:http 0.2, Rust, fresh instance",
        true,
    ),
    (
        "/http-p2-reused",
        "mod_wasm, wasi:http 0.2, Rust, `WasmReuse On`",
        true,
    ),
    (
        "/http-p3",
        "mod_wasm, wasi:http 0.3, Rust, fresh instance",
        true,
    ),
    (
        "/http-p3-reused",
        "mod_wasm, wasi:http 0.3, Rust, `WasmReuse On`",
        true,
    ),
    ("/cgid/hello", "mod_cgid, C, native", false),
    ("/static/hello.txt", "static file", false),
];

/// The components that answer HTTP themselves: what the configuration calls them, and their names in `guests/GUESTS`.
const COMPONENTS: [(&str, &str); 2] = [
    ("http-p2.wasm", "hello-http"),
    ("http-p3.wasm", "hello-service"),
];

/// The variants of the httpd on `port`, the yardstick first.
pub fn of_httpd(port: u16) -> Vec<Variant> {
    let variant = |&(path, title, same_head)| Variant {
        port,
        path,
        title,
        same_head,
    };
    HERE.iter().map(variant).collect()
}

/// Puts everything that is served into `dir`.
pub fn programs(dir: &Path) -> Task {
    guests::all()?;
    for (file, guest) in COMPONENTS {
        fsx::place(
            &guests::dir().join(format!("{guest}.wasm")),
            &dir.join(file),
        )?;
    }
    let benches = root().join("benches");
    for name in ["mod_bench_native.c", "hello_cgi.c", "hello_cgi.rs"] {
        fsx::place(&benches.join(name), &dir.join(name))?;
    }
    // Its output is long and says nothing, unless it fails.
    output(
        Command::new("apxs")
            .args(["-c", "mod_bench_native.c"])
            .current_dir(dir),
    )?;
    cgi_programs(dir)?;
    fsx::write(&dir.join("static/hello.txt"), "Hello, world!\n")
}

/// The same CGI program for this machine and for WASI.
fn cgi_programs(dir: &Path) -> Task {
    let here =
        |program: &str, args: &[&str]| run(Command::new(program).args(args).current_dir(dir));
    fsx::create_dir(&dir.join("cgid"))?;
    here("cc", &["-O2", "-o", "cgid/hello", "hello_cgi.c"])?;
    let wasi = ["--target=wasm32-wasi", "--sysroot=/usr", "-O2"];
    run(Command::new("clang")
        .args(wasi)
        .args(["-o", "c.wasm", "hello_cgi.c"])
        .current_dir(dir))?;
    for (target, file) in [
        ("wasm32-wasip1", "rust.wasm"),
        ("wasm32-wasip2", "component.wasm"),
    ] {
        let options = ["--edition=2024", "-O", "-C", "strip=debuginfo"];
        run(Command::new("rustc")
            .args(options)
            .args(["--target", target, "-o", file, "hello_cgi.rs"])
            .current_dir(dir))?;
    }
    Ok(())
}

/// httpd's configuration, listening on `port`, with everything of its own below `dir`.
pub fn configuration(httpd: &Httpd, dir: &Path, port: u16) -> Task<String> {
    let mut conf = httpd.preamble(dir, port)?;
    conf.push_str(&httpd.load(&["cgid"])?);
    conf.push_str(&Httpd::load_ours());
    let native = dir.join(".libs/mod_bench_native.so");
    add(
        &mut conf,
        &format!("LoadModule bench_native_module \"{}\"", native.display()),
    );
    conf.push_str(&TEMPLATE.replace("@DIR@", &dir.display().to_string()));
    Ok(conf)
}

const TEMPLATE: &str = include_str!("../bench.conf");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_configured() {
        for (path, ..) in HERE {
            // Of a path below a folder, the folder.
            let top = path.split('/').nth(1).unwrap();
            let places = ["<Location /", "Alias /", "ScriptAlias /"];
            let configured = TEMPLATE.lines().any(|line| {
                let rest = places.iter().find_map(|place| line.strip_prefix(place));
                rest.is_some_and(|rest| rest.split([' ', '>']).next() == Some(top))
            });
            assert!(configured, "{path}");
        }
    }

    #[test]
    fn every_component_is_served() {
        for (file, _) in COMPONENTS {
            let line = format!("WasmModule \"@DIR@/{file}\"");
            assert_eq!(TEMPLATE.matches(&line).count(), 2, "{file}");
        }
    }
}
