//! Every example and every reject of the directive table through the real `httpd -t`, and every directive in every context.
//!
//! The table says what is right; this file only asks httpd. How values of nested sections merge: `sections.rs`.

use directives::{Contexts, DIRECTIVES, Directive, Places, checks};
use suite::{Setup, paths};

fn places(setup: &Setup) -> Places {
    let shown = |name: &str| setup.path(name).to_string_lossy().into_owned();
    Places {
        module: paths::guest("hello").to_string_lossy().into_owned(),
        dir: shown("htdocs"),
        file: shown("notes.txt"),
    }
}

#[test]
fn every_example_and_every_reject_of_the_table() {
    let mut wrong = Vec::new();
    let count = checks(&places(&Setup::new())).len();
    assert!(count > 40, "the table has only {count} checks");
    for n in 0..count {
        let setup = Setup::new().file("notes.txt", "not a program\n");
        let check = checks(&places(&setup)).swap_remove(n);
        let said = setup.conf(&check.config).check();
        let right = match &check.refused {
            None => said.ok,
            Some(message) => {
                !said.ok && said.output.contains(message) && said.output.contains("test.conf")
            }
        };
        if !right {
            wrong.push(format!(
                "{}should be {:?}, but httpd said:\n{}",
                check.config, check.refused, said.output
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The lines of a directive's first example that are its own.
fn lines_of(directive: &Directive, setup: &Setup) -> String {
    let lines = places(setup).fill(directive.examples[0].lines);
    lines
        .lines()
        .filter(|line| line.starts_with(directive.name))
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn every_directive_in_every_context() {
    let sections = [
        ("<Location /x>", "</Location>"),
        ("<LocationMatch ^/x>", "</LocationMatch>"),
        ("<Directory ${ROOT}/htdocs>", "</Directory>"),
        ("<Files x>", "</Files>"),
        ("<If \"true\">", "</If>"),
    ];
    for directive in DIRECTIVES {
        let global = directive.contexts == Contexts::Global;
        let fresh = |wrap: &dyn Fn(&str) -> String| {
            let setup = Setup::new();
            let text = wrap(&lines_of(directive, &setup));
            setup.conf(&text).check()
        };
        fresh(&str::to_owned).passes();
        let host = |lines: &str| {
            format!("<VirtualHost *:80>\nServerName v.example\n{lines}\n</VirtualHost>")
        };
        let mut checks = vec![fresh(&host)];
        for (open, close) in sections {
            checks.push(fresh(&|lines| format!("{open}\n{lines}\n{close}")));
        }
        for check in checks {
            if global {
                check.fails_with(&[directive.name]);
            } else {
                check.passes();
            }
        }
    }
}

#[test]
fn every_directive_in_htaccess() {
    for directive in DIRECTIVES {
        let setup = Setup::new();
        let lines = lines_of(directive, &setup);
        let httpd = setup
            .file("htdocs/dir/.htaccess", &lines)
            .file("htdocs/dir/a.txt", "a file")
            .file("htdocs/none/.htaccess", &lines)
            .file("htdocs/none/a.txt", "a file")
            .conf("<Directory ${ROOT}/htdocs/dir>\nAllowOverride All\n</Directory>")
            .conf("<Directory ${ROOT}/htdocs/none>\nAllowOverride AuthConfig\n</Directory>")
            .start();
        let allowed = directive.contexts.override_group().is_some();
        let status = if allowed { 200 } else { 500 };
        httpd.get("/dir/a.txt").expect(status);
        httpd.get("/none/a.txt").expect(500);
        httpd.expect_log(&format!("{} not allowed here", directive.name));
        assert_eq!(
            httpd.logged("/dir/.htaccess").len(),
            usize::from(!allowed),
            "{}",
            directive.name
        );
    }
}

#[test]
fn what_loads_code_or_opens_paths_is_not_for_htaccess() {
    for name in [
        "WasmModule",
        "WasmArg",
        "WasmDir",
        "WasmMapDir",
        "WasmEntryPoint",
        "WasmTimeout",
        "WasmMemoryLimit",
        "WasmMaxInstances",
    ] {
        let directive = directives::directive(name).unwrap();
        assert_eq!(directive.contexts.override_group(), None, "{name}");
    }
}
