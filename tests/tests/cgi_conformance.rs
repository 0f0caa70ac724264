//! The table in docs/cgi.md: 56 rows, and tests for each.

use std::collections::BTreeSet;
use std::fs;
use suite::paths;

/// How many statements there are.
const STATEMENTS: u32 = 56;

/// The numbers of the rows in the page's tables.
fn rows() -> Vec<u32> {
    let page = fs::read_to_string(paths::workspace().join("docs/cgi.md")).unwrap_or_default();
    let (_, tables) = page.split_once("## What holds\n").unwrap_or_default();
    tables
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line
                .strip_prefix("| ")?
                .strip_suffix(" |")?
                .split(" | ")
                .collect();
            let number = cells.first()?.parse().ok()?;
            assert_eq!(cells.len(), 3, "not three cells: {line}");
            Some(number)
        })
        .collect()
}

/// The numbers of the tests: 23 for `fn cgi_23_…`.
fn tested() -> BTreeSet<u32> {
    let files = fs::read_dir(paths::workspace().join("tests/tests"));
    let mut numbers = BTreeSet::new();
    for file in files.into_iter().flatten().flatten() {
        let source = fs::read_to_string(file.path()).unwrap_or_default();
        for test in source.split("#[test]\nfn cgi_").skip(1) {
            let (number, _) = test.split_once('_').unwrap_or_default();
            numbers.extend(number.parse::<u32>());
        }
    }
    numbers
}

#[test]
fn every_statement_has_a_row() {
    assert_eq!(rows(), Vec::from_iter(1..=STATEMENTS));
}

#[test]
fn every_statement_has_a_test() {
    assert_eq!(Vec::from_iter(tested()), Vec::from_iter(1..=STATEMENTS));
}
