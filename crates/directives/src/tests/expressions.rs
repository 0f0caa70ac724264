//! Values that depend on the request: which they are, what they become, and what is refused.

use super::common::{Folder, read, section};
use crate::{Settings, ValueProblem};

/// The arguments behind the program's name, with `[...]` around what was evaluated.
fn arguments(settings: &Settings) -> Result<Vec<String>, ValueProblem> {
    let evaluated = settings.evaluated(&mut |text| Ok(format!("[{text}]")), &|_| None)?;
    assert!(!evaluated.has_expressions());
    Ok(evaluated.argv("a.wasm")[1..]
        .iter()
        .map(|arg| (*arg).to_owned())
        .collect())
}

#[test]
fn only_a_value_with_a_variable_is_an_expression() {
    let plain = section("WasmModule /a\nWasmArg 100%\nWasmArg {x}\nWasmArg %(x)\nWasmEnv A %x");
    assert!(!plain.has_expressions());
    assert_eq!(
        plain.evaluated(&mut |_| unreachable!(), &|_| None),
        Ok(plain)
    );
    let mixed = section("WasmModule /a\nWasmArg 1%\nWasmArg a%{X}b\nWasmArg %{f:x}");
    assert!(mixed.has_expressions());
    let expected = ["1%", "[a%{X}b]", "[%{f:x}]"].map(str::to_owned);
    assert_eq!(arguments(&mixed), Ok(expected.to_vec()));
    assert!(section("WasmEnv A %{X}").has_expressions());
}

#[test]
fn variables_of_the_environment_are_evaluated_and_merged_like_others() {
    let outer = section("WasmEnv A %{X}\nWasmEnv B %{X}\nWasmEnv C c");
    let merged = Settings::merge(&outer, &section("WasmEnv B b\nWasmEnv C %{Y}"));
    let settings = merged
        .evaluated(&mut |text| Ok(text.to_lowercase()), &|_| None)
        .unwrap();
    let env: Vec<_> = settings.env().collect();
    assert_eq!(env, [("A", "%{x}"), ("B", "b"), ("C", "%{y}")]);
}

#[test]
fn requests_with_other_values_have_other_settings() {
    let settings = section("WasmEnv A %{X}");
    let of = |value: &str| {
        settings
            .evaluated(&mut |_| Ok(value.to_owned()), &|_| None)
            .unwrap()
    };
    assert_eq!(of("a"), of("a"));
    assert_ne!(of("a"), of("b"));
    assert_ne!(of("a"), settings);
    assert_eq!(of("a"), section("WasmEnv A a"));
    // What a client sends is not evaluated a second time.
    assert!(!of("%{DOCUMENT_ROOT}").has_expressions());
}

#[test]
fn a_host_path_becomes_a_guest_path_by_the_longest_mount() {
    let folder = Folder::new("values");
    let places = folder.places();
    let lines = places.fill(
        "WasmModule /a\nWasmMapDir /app {dir}\nWasmArg %{DOCUMENT_ROOT}/x\nWasmArg %{Request_Filename}",
    );
    let settings = section(&lines);
    let evaluated = |root: &str| {
        settings.evaluated(
            &mut |text| {
                Ok(text
                    .replace("%{DOCUMENT_ROOT}", root)
                    .replace("%{Request_Filename}", root))
            },
            &|_| None,
        )
    };
    let good = evaluated(&places.dir).unwrap();
    assert_eq!(good.argv("a.wasm")[1..], ["/app/x", "/app"]);
    for outside in [
        "/elsewhere",
        "relative",
        "",
        &format!("{}/..", places.dir),
        &format!("{}2", places.dir),
    ] {
        let problem = ValueProblem::NoMount {
            value: "%{DOCUMENT_ROOT}/x".to_owned(),
            path: format!("{outside}/x"),
        };
        assert_eq!(evaluated(outside), Err(problem));
    }
}

#[test]
fn a_path_that_is_no_host_path_stays_as_it_is() {
    let folder = Folder::new("uris");
    let lines = folder
        .places()
        .fill("WasmModule /a\nWasmMapDir /app {dir}\nWasmArg %{REQUEST_URI}");
    let dir = folder.places().dir;
    let evaluated = section(&lines)
        .evaluated(&mut |_| Ok(dir.clone()), &|_| None)
        .unwrap();
    assert_eq!(evaluated.argv("a.wasm")[1..], [dir.as_str()]);
}

#[test]
fn what_cannot_be_used_is_said() {
    assert_eq!(
        read("WasmArg a%{NO}").unwrap_err(),
        "WasmArg: the expression \"a%{NO}\" is wrong: no such variable"
    );
    for value in [
        "x%{document_root}",
        "%{DOCUMENT_ROOT}:%{Script_Filename}",
        "%{f:%{REQUEST_FILENAME}}",
    ] {
        let error = read(&format!("WasmEnv A {value}")).unwrap_err();
        assert!(error.contains("is a path of the host"), "{error}");
    }
    let failed = section("WasmArg %{X}").evaluated(&mut |_| Err("why".to_owned()), &|_| None);
    let problem = ValueProblem::Failed {
        value: "%{X}".to_owned(),
        reason: "why".to_owned(),
    };
    assert_eq!(failed, Err(problem));
}

#[test]
fn query_arguments_have_the_default_of_the_caller() {
    let nothing = Settings::default();
    assert!(nothing.query_args(true) && !nothing.query_args(false));
    assert!(section("WasmQueryArgs On").query_args(false));
    let off = Settings::merge(&section("WasmQueryArgs On"), &section("WasmQueryArgs Off"));
    assert!(!off.query_args(true));
}
