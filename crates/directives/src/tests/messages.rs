//! The message catalogue and the documentation: codes in order, placeholders filled, every entry documented.

use std::fmt::Display;

use crate::messages::{GUEST_STDERR, GUEST_TRAPPED, READY, TIMED_OUT};
use crate::{DIRECTIVES, Fault, Level, MESSAGES, Message, docs};

#[test]
fn codes_are_unique_and_in_order() {
    for Message { code, .. } in MESSAGES {
        assert!(code.len() == 8 && code.starts_with("WASM"), "{code}");
        assert!(
            code[4..].bytes().all(|byte| byte.is_ascii_digit()),
            "{code}"
        );
    }
    for pair in MESSAGES.windows(2) {
        assert!(
            pair[0].code < pair[1].code,
            "{} before {}",
            pair[0].code,
            pair[1].code
        );
    }
}

#[test]
fn texts_are_one_line_with_whole_placeholders() {
    for message in MESSAGES {
        let Message {
            code, text, remedy, ..
        } = message;
        assert!(
            !text.is_empty() && !text.contains('\n') && !text.ends_with('.'),
            "{code}"
        );
        assert!(
            remedy.ends_with('.') && !remedy.contains('\n') && !remedy.contains("  "),
            "{code}"
        );
        let names: Vec<&str> = message.placeholders().collect();
        assert_eq!(names.len(), text.matches('{').count(), "{code}");
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase())),
            "{code}"
        );
    }
}

#[test]
fn level_fault_and_status_agree() {
    for Message {
        code,
        level,
        fault,
        status,
        ..
    } in MESSAGES
    {
        match fault {
            Fault::Nobody => assert!(*level >= Level::Notice && status.is_none(), "{code}"),
            Fault::Us => assert_eq!(*level, Level::Error, "{code}"),
            Fault::Client => assert!(
                status.is_none_or(|status| (400..500).contains(&status)),
                "{code}"
            ),
            Fault::Guest | Fault::Operator => {
                assert!(
                    status.is_none_or(|status| (500..600).contains(&status)),
                    "{code}"
                );
            }
        }
    }
}

#[test]
fn a_line_has_its_code_its_fields_and_nothing_twice() {
    let fields: &[(&str, &dyn Display)] = &[("timeout", &"2s"), ("module", &"{timeout}.wasm")];
    assert_eq!(
        TIMED_OUT.line(fields),
        "WASM0105: guest timed out after 2s (module {timeout}.wasm)"
    );
    let fields: &[(&str, &dyn Display)] = &[
        ("detail", &"x"),
        ("module", &"m"),
        ("pid", &7),
        ("thread", &1),
    ];
    assert_eq!(
        GUEST_TRAPPED.line(fields),
        "WASM0101: guest trapped: x (module m) (pid 7, thread 1)"
    );
    assert_eq!(
        GUEST_STDERR.line(&[("line", &"oops")]),
        "WASM0120: {module}: oops"
    );
    assert_eq!(
        READY.placeholders().collect::<Vec<_>>(),
        ["version", "runtime", "modules"]
    );
}

#[test]
fn a_guests_own_lines_have_a_message_for_each_of_its_levels() {
    let levels: Vec<Level> = MESSAGES
        .iter()
        .filter(|message| message.code.starts_with("WASM014"))
        .map(|message| {
            assert_eq!(message.text, "{module}: {line}", "{}", message.code);
            message.level
        })
        .collect();
    let expected = [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warning,
        Level::Error,
        Level::Critical,
    ];
    assert_eq!(levels, expected);
    assert!(Level::Critical < Level::Error && Level::Critical.name() == "crit");
}

#[test]
fn the_documentation_has_every_directive_and_message() {
    let (reference, table) = (docs::reference(), docs::table());
    for directive in DIRECTIVES {
        assert!(reference.contains(&format!("\n## {}\n", directive.name)));
        assert!(reference.contains(directive.text) && table.contains(directive.name));
    }
    let (messages, troubleshooting) = (docs::messages(), docs::troubleshooting());
    for message in MESSAGES {
        assert!(
            messages.contains(&format!("## {}\n", message.code))
                && messages.contains(message.remedy)
        );
        assert_eq!(
            troubleshooting.contains(&format!("[{}]", message.code)),
            message.level <= Level::Warning
        );
    }
}

#[test]
fn the_documentation_is_well_formed() {
    for (path, page) in docs::pages() {
        assert!(
            path.starts_with("docs/") && page.ends_with('\n') && !page.ends_with("\n\n"),
            "{path}"
        );
        assert!(
            !page.contains("\n\n\n") && !page.replace("%{", "").contains('{'),
            "{path}"
        );
        assert!(page.matches("```").count().is_multiple_of(2), "{path}");
    }
    for table in [docs::table(), docs::troubleshooting()] {
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        assert!(table.lines().all(|line| columns(line) == 4), "{table}");
    }
}
