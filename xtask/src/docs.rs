//! What is generated for readers: the pages of `docs/`, the marked parts of the README, and rustdoc.
//!
//! The words come from `crates/directives`; this file only puts them where they belong and compares.

use crate::run::{Task, cargo, root, run};
use crate::setup::{self, Need};
use crate::{fsx, header};
use std::path::PathBuf;

/// `make bless`: writes everything that is generated and checked in.
pub fn bless() -> Task {
    for (path, text) in generated()? {
        if fsx::read(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fsx::write(&path, &text)?;
        println!("wrote {}", path.display());
    }
    fsx::write(&header::path(), &header::generate()?)
}

/// Fails when a generated document is not what would be generated now.
pub fn check() -> Task {
    generated()?
        .iter()
        .try_for_each(|(path, text)| fsx::compare(path, text))
}

/// `make docs`: the documentation of the crates, warnings being errors.
pub fn rustdoc() -> Task {
    setup::ensure(&[Need::Libraries])?;
    let mut command = cargo(&["doc", "--release", "--locked", "--workspace", "--no-deps"]);
    run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Every generated document with its text.
fn generated() -> Task<Vec<(PathBuf, String)>> {
    let mut files: Vec<(PathBuf, String)> = directives::docs::pages()
        .into_iter()
        .map(|(path, text)| (root().join(path), text))
        .collect();
    let readme = root().join("README.md");
    let mut text = fsx::read(&readme)?;
    let parts = [
        ("directives", directives::docs::table()),
        ("messages", directives::docs::troubleshooting()),
    ];
    for (name, part) in parts {
        text = with_part(&text, name, &part)?;
    }
    files.push((readme, text));
    Ok(files)
}

/// The text with what stands between a part's two marks replaced.
fn with_part(text: &str, name: &str, part: &str) -> Task<String> {
    let (begin, end) = (
        format!("<!-- begin generated: {name} -->\n"),
        format!("<!-- end generated: {name} -->"),
    );
    let split = text
        .split_once(&begin)
        .and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
    let (head, tail) =
        split.ok_or_else(|| format!("README.md has no marks for the generated part `{name}`"))?;
    Ok(format!("{head}{begin}{}\n{end}{tail}", part.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "a\n<!-- begin generated: x -->\nold\n<!-- end generated: x -->\nz\n";

    #[test]
    fn a_part_is_replaced_and_stays_when_it_is_the_same() {
        let new = with_part(README, "x", "new\n").unwrap();
        assert_eq!(new, README.replace("old", "new"));
        assert_eq!(with_part(&new, "x", "new\n").unwrap(), new);
    }

    #[test]
    fn a_missing_mark_is_an_error() {
        assert!(with_part(README, "y", "new").is_err());
    }
}
