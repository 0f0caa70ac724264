//! The migration page: each configuration on it passes `httpd -t`, each directive and each test that it names is there.

use std::collections::BTreeSet;
use std::fs;
use suite::{Setup, paths};

/// httpd's modules whose directives the page uses.
const MODULES: &[&str] = &["alias", "cgid", "dir", "mime", "rewrite", "setenvif"];

fn page() -> String {
    fs::read_to_string(paths::workspace().join("docs/migration.md")).unwrap_or_default()
}

/// The configurations on the page, each with the number of its first line.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (line.trim(), &mut open) {
            ("```apache", None) => open = Some((number + 1, String::new())),
            ("```", Some(_)) => blocks.extend(open.take()),
            (_, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
    }
    assert!(open.is_none(), "a block without an end");
    blocks
}

/// The page's paths as this machine has them: every program is the test program, the folders are the test's own.
fn placed(block: &str) -> String {
    let mut text = String::new();
    let mut pieces = block.split("/usr/lib/wasm/");
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (_, rest) = piece.split_once(".wasm").unwrap_or(("", piece));
        text.push_str("${GUESTS}/probe.wasm");
        text.push_str(rest);
    }
    text.replace("/srv/", "${ROOT}/srv/")
        .replace("/var/cache/", "${ROOT}/srv/cache/")
        .replace("/usr/lib/cgi-bin/", "${ROOT}/srv/cgi-bin/")
}

/// The names of our directives in a text.
fn directives_in(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| {
            let rest = word.strip_prefix("Wasm").unwrap_or_default();
            rest.starts_with(|c: char| c.is_ascii_uppercase())
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_configuration_passes_a_check() {
    let blocks = blocks(&page());
    assert!(blocks.len() > 8, "only {} blocks", blocks.len());
    for (line, block) in blocks {
        let mut setup = Setup::new().conf(&placed(&block));
        for folder in ["www/uploads", "cgi-bin", "data", "php", "cache/httpd/wasm"] {
            setup = setup.file(&format!("srv/{folder}/.keep"), "");
        }
        let setup = MODULES
            .iter()
            .fold(setup, |setup, module| setup.module(module));
        let said = setup.check();
        assert!(
            said.ok,
            "the block at line {line}:\n{block}\n{}",
            said.output
        );
    }
}

#[test]
fn every_directive_on_the_page_is_there() {
    for name in directives_in(&page()) {
        assert!(
            directives::directive(&name).is_some(),
            "{name} is no directive"
        );
    }
}

#[test]
fn every_change_names_a_test_that_is_there() {
    let page = page();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .skip_while(|line| !line.ends_with("| test |"))
        .skip(2)
        .map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        .collect();
    assert!(rows.len() > 20, "only {} rows", rows.len());
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        let named = row[3].trim_matches('`').split_once("::");
        assert!(named.is_some(), "{row:?}");
        let (file, test) = named.unwrap_or_default();
        let path = paths::workspace().join(format!("tests/tests/{file}.rs"));
        let source = fs::read_to_string(path).unwrap_or_default();
        assert!(source.contains(&format!("\nfn {test}(")), "{row:?}");
    }
}
