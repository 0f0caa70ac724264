//! The tables in docs/wasi-http.md: every row names tests, and every test that it names is there.

use std::collections::BTreeSet;
use std::fs;
use suite::paths;

/// The rows of the page's conformance tables: rule, what holds for 0.2 and for 0.3, and the tests.
fn rows(page: &str) -> Vec<[String; 4]> {
    let (_, tables) = page.split_once("## Conformance\n").unwrap_or_default();
    tables
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .filter(|line| !line.starts_with("Rule | "))
        .map(|line| {
            let cells: Vec<String> = line.split(" | ").map(str::to_owned).collect();
            assert_eq!(cells.len(), 4, "not four cells: {line}");
            cells.try_into().unwrap_or_default()
        })
        .collect()
}

fn page() -> String {
    fs::read_to_string(paths::workspace().join("docs/wasi-http.md")).unwrap_or_default()
}

/// `file::function` of each test that the cell names.
fn tests(cell: &str) -> Vec<(String, String)> {
    let names = cell.split('`').skip(1).step_by(2);
    names
        .map(|name| {
            let parts = name.split_once("::");
            assert!(parts.is_some(), "not a file and a test: {name}");
            let (file, test) = parts.unwrap_or_default();
            (file.to_owned(), test.to_owned())
        })
        .collect()
}

#[test]
fn every_row_says_what_holds_and_has_a_test() {
    let rows = rows(&page());
    assert!(rows.len() > 50, "only {} rows", rows.len());
    for [rule, second, third, named] in &rows {
        assert!(!rule.is_empty());
        for holds in [second, third] {
            assert!(
                ["yes", "no", "n/a"].contains(&holds.as_str()),
                "{rule}: {holds}"
            );
        }
        assert!(!tests(named).is_empty(), "no test for: {rule}");
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    for [rule, second, third, named] in rows(&page()) {
        for (file, test) in tests(&named) {
            let path = paths::workspace().join(format!("tests/tests/{file}.rs"));
            let source = fs::read_to_string(&path).unwrap_or_default();
            let alone = source.contains(&format!("#[test]\nfn {test}()"));
            let list = source.split_once("both!(").unwrap_or_default().1;
            let list = list.split_once(");").unwrap_or_default().0;
            let both = list.split(',').any(|name| name.trim() == test);
            assert!(alone || both, "{rule}: no test {file}::{test}");
            // What is run for both versions holds for both, unless one of them has no such thing.
            assert!(!both || second == "yes" || third == "yes", "{rule}: {test}");
        }
    }
}

#[test]
fn no_test_of_requests_and_responses_is_missing() {
    let named: BTreeSet<(String, String)> = rows(&page())
        .iter()
        .flat_map(|row| tests(&row[3]))
        .collect();
    for file in ["http_request", "http_response", "http_trailers"] {
        let path = paths::workspace().join(format!("tests/tests/{file}.rs"));
        let source = fs::read_to_string(path).unwrap();
        let list = source.split_once("both!(").unwrap().1;
        for test in list.split_once(");").unwrap().0.split(',') {
            let key = (file.to_owned(), test.trim().to_owned());
            // What is about httpd alone needs no row.
            let about_httpd = key.1.is_empty() || key.1.starts_with("an_error_of_the_guests_own");
            assert!(about_httpd || named.contains(&key), "no row for {key:?}");
        }
    }
}
