//! `make check`: all that can be said about the sources without running them.
//!
//! Quick checks first. All run even when one fails, so that one run names everything there is to mend.

use crate::run::{Task, argument, cargo, command, output, run};
use crate::setup::{self, Need};
use crate::{docs, guests, header, links};

/// Every check by name.
const CHECKS: &[(&str, crate::Run)] = &[
    ("format", format),
    ("crate graph", crate_graph),
    ("links in documents", links::check_links),
    ("machine paths", links::check_paths),
    ("wasm_runtime.h is up to date", header::check),
    ("generated documents are up to date", docs::check),
    ("dependencies", deny),
    ("clippy", clippy),
    ("clippy of the guests", guests::clippy),
    ("rustdoc", docs::rustdoc),
];

/// Which of our crates may use which: a crate that is not named may be used by any.
const USERS: &[(&str, &[&str])] = &[
    ("httpd-sys", &["httpd"]),
    ("httpd", &["mod-wasm"]),
    ("wasm-runtime-client", &["cgi", "mod-wasm"]),
    ("cgi", &["mod-wasm"]),
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

/// Licences, banned crates and sources. Advisories need a data base from the network: a service of its own watches
/// those.
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
        "--locked",
    ]))?;
    let mut user = "";
    let mut broken = directives_is_alone()?;
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

/// `directives` must build anywhere, so it uses the standard library alone; its tests may use more.
fn directives_is_alone() -> Task<Vec<String>> {
    let tree = &[
        "tree",
        "-p",
        "directives",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--locked",
    ];
    let used = output(&mut cargo(tree))?;
    let rest = used.lines().skip(1).filter(|line| !line.trim().is_empty());
    Ok(rest
        .map(|line| format!("directives must not depend on {line}"))
        .collect())
}

/// What is wrong with `user` using `used`, if anything is.
fn broken_rule(user: &str, used: &str) -> Option<String> {
    let allowed = USERS.iter().find(|(name, _)| *name == used)?.1;
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
        assert!(broken_rule("wasm-runtime", "wasmtime").is_none());
    }
}
