//! `make check`: all that can be said about the sources without running them.
//!
//! Quick checks first. All run even when one fails, so that one run names everything there is to mend.

use crate::run::{Task, argument, cargo, command, output, run};
use crate::setup::{self, Need};
use crate::{advisories, docs, guests, header, links};

/// Every check by name.
const CHECKS: &[(&str, crate::Run)] = &[
    ("format", format),
    ("crate graph", crate_graph),
    ("links in documents", links::check_links),
    ("machine paths", links::check_paths),
    ("wasm_runtime.h is up to date", header::check),
    ("generated documents are up to date", docs::check),
    ("dependencies", deny),
    ("advisories", advisories::check),
    ("clippy", clippy),
    ("clippy of the guests", guests::clippy),
    ("rustdoc", docs::rustdoc),
];

/// Who may use what; a crate that is not named may be used by any. Wasmtime stands for all crates of that project.
const USERS: &[(&str, &[&str])] = &[
    ("httpd-sys", &["httpd"]),
    ("httpd", &["mod-wasm"]),
    ("wasm-runtime-client", &["cgi", "mod-wasm"]),
    ("cgi", &["mod-wasm"]),
    ("destination", &["directives", "outbound", "wasm-runtime"]),
    ("outbound", &["wasm-runtime"]),
    ("wasmtime", &["wasm-runtime"]),
    ("wasm-helper", &[]),
    ("wasm-runtime", &[]),
    ("mod-wasm", &[]),
    ("suite", &[]),
    ("xtask", &[]),
];

/// `make check [T=name]`.
pub fn check() -> Task {
    setup::ensure(&[Need::Libraries, Need::Guests, Need::Checks])?;
    let part = argument("T").unwrap_or_default();
    let chosen: Vec<_> = CHECKS
        .iter()
        .filter(|(name, _)| name.contains(&part))
        .collect();
    let mut failed = Vec::new();
    for (name, check) in &chosen {
        println!("== {name}");
        if let Err(failure) = check() {
            println!("{failure}");
            failed.push(*name);
        }
    }
    if failed.is_empty() {
        println!("{} checks passed.", chosen.len());
        return Ok(());
    }
    Err(format!("failed: {}", failed.join(", ")).into())
}

fn format() -> Task {
    // Names of files are enough: whoever mends it types `cargo fmt`.
    let check = ["fmt", "--all", "--check"];
    let host = run(cargo(&check).args(["--", "-l"]));
    let guests = ["--manifest-path", "guests/Cargo.toml", "--", "-l"];
    run(cargo(&check).args(guests)).and(host)
}

fn clippy() -> Task {
    run(&mut cargo(&[
        "clippy",
        "--release",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Licences, banned crates and sources. Advisories, whose data base comes from the network, are another check.
fn deny() -> Task {
    let offline = ["check", "licenses", "bans", "sources"];
    run(command("cargo-deny", &["--workspace", "--all-features"]).args(offline))
}

/// Which crate uses which, as far as it is a rule.
fn crate_graph() -> Task {
    let edges = output(&mut cargo(&[
        "tree",
        "--workspace",
        "--depth",
        "1",
        "--prefix",
        "depth",
        // Else a crate that was named before as somebody's dependency stands there without its own.
        "--no-dedupe",
        "--locked",
    ]))?;
    let mut user = "";
    let mut broken = is_pure("destination", &[])?;
    broken.extend(is_pure("directives", &["destination"])?);
    for line in edges.lines() {
        let name = line
            .get(1..)
            .unwrap_or_default()
            .split(' ')
            .next()
            .unwrap_or_default();
        if line.starts_with('0') {
            user = name;
        } else if line.starts_with('1') {
            broken.extend(broken_rule(user, name));
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken.join("\n").into())
    }
}

/// What `name` uses beyond the standard library and `allowed`: it must build and be tested anywhere. Its tests may use more.
fn is_pure(name: &str, allowed: &[&str]) -> Task<Vec<String>> {
    let tree = &[
        "tree",
        "-p",
        name,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--locked",
    ];
    let used = output(&mut cargo(tree))?;
    Ok(impure(name, allowed, &used))
}

/// The same, with the tree as cargo prints it: `name` and what it uses, one a line.
fn impure(name: &str, allowed: &[&str], tree: &str) -> Vec<String> {
    let used = tree
        .lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next());
    used.filter(|used| !used.is_empty() && !allowed.contains(used))
        .map(|used| format!("{name} must not depend on {used}"))
        .collect()
}

/// What is wrong with `user` using `used`, if anything is.
fn broken_rule(user: &str, used: &str) -> Option<String> {
    let kind = match used.split_once('-') {
        Some(("wasmtime", _)) => "wasmtime",
        _ => used,
    };
    let allowed = USERS.iter().find(|(name, _)| *name == kind)?.1;
    (!allowed.contains(&user))
        .then(|| format!("{user} must not depend on {used}; only {allowed:?} may"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wrappers_use_the_bindings() {
        assert!(broken_rule("mod-wasm", "httpd-sys").is_some());
        assert!(broken_rule("httpd", "httpd-sys").is_none());
    }

    #[test]
    fn only_the_engine_uses_wasmtime() {
        for used in ["wasmtime", "wasmtime-wasi-http"] {
            assert!(broken_rule("wasm-runtime", used).is_none());
            assert!(broken_rule("outbound", used).is_some());
        }
    }

    #[test]
    fn the_engine_and_its_client_judge_destinations_alike() {
        for user in ["directives", "outbound", "wasm-runtime"] {
            assert!(broken_rule(user, "destination").is_none());
        }
        assert!(broken_rule("mod-wasm", "destination").is_some());
        assert!(broken_rule("mod-wasm", "outbound").is_some());
    }

    #[test]
    fn a_pure_crate_uses_what_it_may() {
        let tree = "directives v0.1.0 (/x)\ndestination v0.1.0 (/x)\n";
        assert!(impure("directives", &["destination"], tree).is_empty());
        assert_eq!(impure("directives", &[], tree).len(), 1);
        let tree = "directives v0.1.0 (/x)\nlibc v0.2.1\n";
        assert_eq!(
            impure("directives", &["destination"], tree),
            ["directives must not depend on libc"]
        );
    }
}
