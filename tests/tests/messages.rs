//! Every message of the catalogue is raised by some test, but for those listed here. The list only gets shorter.

use directives::MESSAGES;
use std::fs;
use suite::paths;

/// Codes that no test of this suite raises, with the reason.
const NOT_RAISED: &[(&str, &str)] = &[
    (
        "WASM0004",
        "needs a kernel that refuses to make memory executable",
    ),
    (
        "WASM0008",
        "needs a kernel that refuses to set a signal handler",
    ),
    ("WASM0119", "needs a NUL byte in a C string of httpd's"),
];

#[test]
fn every_message_has_a_test() {
    let folder = paths::workspace().join("tests/tests");
    let mut sources = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("messages.rs") {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let listed = |code: &str| NOT_RAISED.iter().any(|(known, _)| *known == code);
    for message in MESSAGES {
        let tested = sources.contains(&format!("\"{}", message.code))
            || sources.contains(&format!("{} ", message.code));
        if !listed(message.code) {
            assert!(tested, "no test raises {}: {}", message.code, message.text);
        }
    }
    for (code, _) in NOT_RAISED {
        assert!(
            MESSAGES.iter().any(|message| message.code == *code),
            "{code} is no message"
        );
    }
}
