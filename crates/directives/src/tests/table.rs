//! The table says what it means: names, contexts, every example and every reject, through the setters.

use std::collections::BTreeSet;

use super::common::{Folder, ServerRoot, read, words};
use crate::{
    Apply, Args, Arity, Check, Contexts, DIRECTIVES, Directive, FoundBy, Origin, checks, directive,
};
use crate::{ServerSettings, Settings};

/// Directives that take any text; all others must show what they refuse.
const TAKE_ANY_TEXT: &[&str] = &["WasmEntryPoint"];

#[test]
fn names_are_well_formed_and_unique() {
    let mut seen = BTreeSet::new();
    for Directive { name, syntax, .. } in DIRECTIVES {
        assert!(name.starts_with("Wasm") && name.len() > 4, "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphabetic()), "{name}");
        assert!(seen.insert(name.to_lowercase()), "{name} twice");
        assert!(syntax.starts_with(&format!("{name} ")), "{syntax}");
    }
}

#[test]
fn the_forerunners_directives_are_all_there() {
    let names = "WasmModule WasmDir WasmMapDir WasmArg WasmEnv WasmEnableCGI WasmMapCGIFileNames WasmEntryPoint";
    for name in names.split(' ') {
        assert_eq!(directive(&name.to_uppercase()).unwrap().name, name);
    }
    assert!(directive("WasmNothing").is_none());
}

#[test]
fn the_syntax_has_as_many_arguments_as_the_arity() {
    for Directive { syntax, arity, .. } in DIRECTIVES {
        // Any number of patterns, or parts that may each be there or not.
        let many = syntax.ends_with("...") || syntax.contains("=<");
        assert_eq!(*arity == Arity::Many, many, "{syntax}");
        if many {
            continue;
        }
        let arguments: Vec<&str> = syntax.split(' ').skip(1).collect();
        let optional = arguments
            .iter()
            .filter(|argument| argument.starts_with('['))
            .count();
        let expected = match (arguments.len(), optional) {
            (1, 0) => Arity::One,
            (2, 0) => Arity::Two,
            (2, 1) => Arity::OneOrTwo,
            other => panic!("{syntax}: {other:?}"),
        };
        assert_eq!(*arity, expected, "{syntax}");
    }
}

#[test]
fn every_directive_is_described() {
    for Directive {
        name,
        summary,
        text,
        default,
        since,
        ..
    } in DIRECTIVES
    {
        assert!(
            !summary.ends_with('.') && !summary.contains('\n') && summary.len() < 100,
            "{name}: {summary}"
        );
        assert!(text.ends_with('.') && text.len() > 80, "{name}");
        assert!(!text.contains("  "), "{name}: two blanks");
        assert!(
            !default.is_empty() && since.split('.').all(|n| n.parse::<u32>().is_ok()),
            "{name}"
        );
    }
}

#[test]
fn every_directive_has_examples_and_rejects() {
    for Directive {
        name,
        examples,
        rejects,
        ..
    } in DIRECTIVES
    {
        assert!(!examples.is_empty(), "{name}");
        assert_eq!(rejects.is_empty(), TAKE_ANY_TEXT.contains(name), "{name}");
        for example in *examples {
            assert!(
                example.lines.lines().any(|line| words(line)[0] == *name),
                "{name}: not in its own example"
            );
        }
    }
}

#[test]
fn every_example_gives_what_it_says() {
    let folder = Folder::new("examples");
    let places = folder.places();
    for Directive { name, examples, .. } in DIRECTIVES {
        for example in *examples {
            let (settings, server) = read(&places.fill(example.lines)).unwrap();
            let given: Vec<String> = settings
                .describe()
                .into_iter()
                .chain(server.describe())
                .collect();
            let said: Vec<String> = example.gives.iter().map(|line| places.fill(line)).collect();
            assert_eq!(given, said, "{name}: {}", example.title);
        }
    }
}

#[test]
fn every_reject_gives_its_message_and_changes_nothing() {
    let folder = Folder::new("rejects");
    let places = folder.places();
    for directive in DIRECTIVES {
        for reject in directive.rejects {
            let arguments = words(&places.fill(reject.arguments));
            let values: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let (mut settings, mut server) = (Settings::default(), ServerSettings::default());
            let args = Args {
                values: &values,
                origin: &Origin::default(),
            };
            let result = directive.set(&mut settings, &mut server, &args, &ServerRoot);
            match reject.found_by {
                FoundBy::Check => assert_eq!(result, Ok(()), "{}", directive.name),
                FoundBy::Line => {
                    assert_eq!(result, Err(directive.error(&places.fill(reject.message))));
                    assert_eq!((settings, server), Default::default(), "{}", directive.name);
                }
            }
        }
    }
}

#[test]
fn no_reason_repeats_the_directives_name() {
    for directive in DIRECTIVES {
        for reject in directive.rejects {
            assert!(
                !reject.message.contains(directive.name),
                "{}",
                reject.message
            );
        }
    }
}

/// What an `.htaccess` author could write must not load code, choose what a program does by its command line, open host paths,
/// or raise a limit.
#[test]
fn htaccess_can_set_nothing_dangerous() {
    let folder = Folder::new("htaccess");
    let open = |d: &&&Directive| d.contexts.override_group().is_some();
    for Directive {
        name,
        examples,
        apply,
        ..
    } in DIRECTIVES.iter().filter(open)
    {
        assert!(matches!(apply, Apply::Dir(_)), "{name}");
        for line in examples
            .iter()
            .flat_map(|example| example.lines.lines())
            .filter(|line| words(line)[0] == *name)
        {
            for said in read(&folder.places().fill(line)).unwrap().0.describe() {
                let harmless = [
                    "environment: ",
                    "configuration entry: ",
                    "CGI: ",
                    "map CGI file names: ",
                ];
                assert!(
                    harmless.iter().any(|start| said.starts_with(start)),
                    "{name} gives {said}"
                );
            }
        }
    }
    let closed: Vec<&str> = DIRECTIVES
        .iter()
        .filter(|d| !open(d))
        .map(|d| d.name)
        .collect();
    let expected = "WasmModule WasmEntryPoint WasmArg WasmQueryArgs WasmDir WasmMapDir WasmTempDir WasmAllowOutbound \
         WasmOutboundLimit WasmBodyWithoutLength WasmNPH WasmScriptLog WasmLogLimit WasmTimeout WasmSerialize WasmReuse \
         WasmMemoryLimit WasmMaxOpenFiles WasmMaxInstances WasmCacheDir WasmCompileLimit WasmGarbageCollection";
    assert_eq!(closed.join(" "), expected);
}

#[test]
fn what_fills_the_server_is_for_the_server_alone() {
    for Directive {
        name,
        apply,
        contexts,
        ..
    } in DIRECTIVES
    {
        assert_eq!(
            matches!(apply, Apply::Server(_)),
            *contexts == Contexts::Global,
            "{name}"
        );
    }
}

#[test]
fn checks_hold_every_example_every_reject_and_a_line_without_arguments() {
    let folder = Folder::new("checks");
    let checks = checks(&folder.places());
    let expected: usize = DIRECTIVES
        .iter()
        .map(|d| d.examples.len() + d.rejects.len() + 1)
        .sum();
    assert_eq!(checks.len(), expected);
    for Check {
        config,
        refused,
        directive,
    } in checks
    {
        assert!(
            !holes(&config) && !holes(&refused.clone().unwrap_or_default()),
            "{config}"
        );
        assert_eq!(
            config.contains("<Location"),
            directive.contexts != Contexts::Global
        );
        if config.ends_with(&format!("{}\n</Location>\n", directive.name)) {
            let refused = refused.unwrap();
            assert!(refused.starts_with(directive.name) && refused.contains("argument"));
        }
    }
}

/// Is a placeholder left? The variables of expressions are none.
fn holes(text: &str) -> bool {
    text.replace("%{", "").contains('{')
}

#[test]
fn a_wrong_number_of_arguments_is_an_error_and_no_panic() {
    for directive in DIRECTIVES {
        let wrong: &[&[&str]] = match directive.arity {
            Arity::Many => &[&[]],
            Arity::One | Arity::Two | Arity::OneOrTwo => &[&[], &["1", "2", "3"]],
        };
        for values in wrong {
            let (mut settings, mut server) = (Settings::default(), ServerSettings::default());
            let args = Args {
                values,
                origin: &Origin::default(),
            };
            let error = directive
                .set(&mut settings, &mut server, &args, &ServerRoot)
                .unwrap_err();
            assert!(
                error.starts_with(directive.name) && error.contains("argument"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_nul_byte_is_refused_everywhere() {
    for directive in DIRECTIVES {
        let values: &[&str] = if directive.arity == Arity::One {
            &["a\0b"]
        } else {
            &["ok", "a\0b"]
        };
        let (mut settings, mut server) = (Settings::default(), ServerSettings::default());
        let args = Args {
            values,
            origin: &Origin::default(),
        };
        let error = directive
            .set(&mut settings, &mut server, &args, &ServerRoot)
            .unwrap_err();
        assert_eq!(error, directive.error("contains a NUL byte"));
    }
}
