//! The variables that a guest has shown, compared with those expected.

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
