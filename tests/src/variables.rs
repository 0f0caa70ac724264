//! What a guest has shown, compared with what is expected: variables and lines.

use std::collections::BTreeMap;

/// Fails unless each variable has this value; `None` means that it must not be there.
#[track_caller]
pub fn check_variables(vars: &BTreeMap<String, String>, expected: &[(&str, Option<&str>)]) {
    for (name, value) in expected {
        assert_eq!(
            vars.get(*name).map(String::as_str),
            *value,
            "{name} in {vars:#?}"
        );
    }
}

/// Fails unless the text has each of these lines, wherever.
#[track_caller]
pub fn check_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|l| l == *line), "no line {line:?}\n{text}");
    }
}

/// What follows `prefix` in each line that begins with it, in order.
pub fn after<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(prefix))
        .collect()
}
