//! The documentation made from the table and the catalogue, as Markdown: two pages for `docs/` and two tables for the
//! README. Must not know where it is written to; whoever writes the files also compares them.

use std::fmt::{self, Write};

use crate::checks::Places;
use crate::directive::{DIRECTIVES, Directive, Example, Reject};
use crate::messages::{Level, MESSAGES, Message};

const REFERENCE_HEAD: &str = "\
<!-- Generated from crates/directives; changes belong there. -->
# Directives

A request runs a program where `SetHandler wasm-handler` and `WasmModule` hold:

```apache
LoadModule wasm_module modules/mod_wasm.so

<Location \"/hello\">
    SetHandler wasm-handler
    WasmModule /var/www/modules/hello.wasm
</Location>
```

**Sections.** A section adds to the sections around it, as everywhere in httpd: main server, virtual host,
`<Directory>` and `.htaccess`, `<Files>`, `<Location>`, `<If>`. A directive with one value replaces the outer value.
`WasmEnv` and `WasmConfig` add by name, `WasmDir` and `WasmMapDir` by the path that the program sees, `WasmOutboundLimit`
by its parts. `WasmArg` and `WasmAllowOutbound` are different because a command line is one value, and so is a grant: a
section that has any replaces all outer ones. Virtual hosts share nothing but what the main server gives them.

**Values.** Relative paths are relative to `ServerRoot`. A wrong value keeps the server from starting and is reported
with file and line, by `apachectl -t` as well. \"Refused\" lists examples with the words of the report.

";

const MESSAGES_HEAD: &str = "\
<!-- Generated from crates/directives; changes belong there. -->
# Messages

Every line that the module writes to an error log starts with a code. A code never changes its meaning; the words after
it may change. Lines about a request go to the log of its virtual host. Fields that a line has beyond its text stand in
brackets at its end.

- **Level**: the least `LogLevel` that shows the line (`LogLevel wasm:info` for this module alone).
- **Fault**: who has to do something about it.
- **Client gets**: the status of the response if it has not begun. A response that has begun is cut off, so that the
  client can tell that it is not whole.

";

/// The pages made here, each with its path in the repository.
#[must_use]
pub fn pages() -> [(&'static str, String); 2] {
    [
        ("docs/directives.md", reference()),
        ("docs/messages.md", messages()),
    ]
}

/// The reference of all directives, in the manner of httpd's manual.
#[must_use]
pub fn reference() -> String {
    let mut out = REFERENCE_HEAD.to_owned();
    for directive in DIRECTIVES {
        add(
            &mut out,
            format_args!("- [{0}](#{1})\n", directive.name, anchor(directive.name)),
        );
    }
    for directive in DIRECTIVES {
        section(&mut out, directive);
    }
    out
}

/// All directives in one short table.
#[must_use]
pub fn table() -> String {
    let mut out = "| Directive | Meaning | Default |\n|---|---|---|\n".to_owned();
    for directive in DIRECTIVES {
        let Directive {
            name,
            syntax,
            summary,
            default,
            ..
        } = directive;
        let link = format!("[`{}`](docs/directives.md#{})", cell(syntax), anchor(name));
        add(
            &mut out,
            format_args!("| {link} | {} | {} |\n", cell(summary), cell(default)),
        );
    }
    out
}

/// The reference of all messages.
#[must_use]
pub fn messages() -> String {
    let mut out = MESSAGES_HEAD.to_owned();
    for message in MESSAGES {
        let Message {
            code,
            level,
            fault,
            status,
            text,
            remedy,
        } = message;
        add(
            &mut out,
            format_args!("## {code}\n\n`{}`\n\n", readable(text)),
        );
        add(
            &mut out,
            format_args!("Level: {} · Fault: {}", level.name(), fault.name()),
        );
        if let Some(status) = status {
            add(&mut out, format_args!(" · Client gets: {status}"));
        }
        add(&mut out, format_args!("\n\n{remedy}\n\n"));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// The messages that ask for something to be done, in one short table.
#[must_use]
pub fn troubleshooting() -> String {
    let mut out = "| Code | Message | What to do |\n|---|---|---|\n".to_owned();
    for message in MESSAGES
        .iter()
        .filter(|message| message.level <= Level::Warning)
    {
        let Message {
            code, text, remedy, ..
        } = message;
        let link = format!("[{code}](docs/messages.md#{})", anchor(code));
        add(
            &mut out,
            format_args!(
                "| {link} | `{}` | {} |\n",
                cell(&readable(text)),
                cell(remedy)
            ),
        );
    }
    out
}

fn section(out: &mut String, directive: &Directive) {
    let Directive {
        name,
        syntax,
        contexts,
        default,
        since,
        summary,
        text,
        examples,
        rejects,
        ..
    } = directive;
    add(out, format_args!("\n## {name}\n\n| | |\n|---|---|\n"));
    let group = contexts
        .override_group()
        .unwrap_or("none: never in .htaccess");
    let rows = [
        ("Description", (*summary).to_owned()),
        ("Syntax", format!("`{syntax}`")),
        ("Default", (*default).to_owned()),
        ("Context", contexts.text().to_owned()),
        ("Override", group.to_owned()),
        ("Since", (*since).to_owned()),
    ];
    for (label, value) in rows {
        add(out, format_args!("| {label} | {} |\n", cell(&value)));
    }
    add(out, format_args!("\n{text}\n"));
    for example in *examples {
        show_example(out, example);
    }
    show_rejects(out, rejects);
}

fn show_example(out: &mut String, example: &Example) {
    let places = Places::for_documentation();
    add(
        out,
        format_args!(
            "\n{}:\n\n```apache\n{}\n```\n\n",
            example.title,
            places.fill(example.lines)
        ),
    );
    let gives: Vec<String> = example
        .gives
        .iter()
        .map(|line| format!("`{}`", places.fill(line)))
        .collect();
    add(out, format_args!("gives {}\n", gives.join(", ")));
}

fn show_rejects(out: &mut String, rejects: &[Reject]) {
    if rejects.is_empty() {
        return;
    }
    let places = Places::for_documentation();
    out.push_str("\n| Refused | Reported |\n|---|---|\n");
    for reject in rejects {
        let (arguments, message) = (places.fill(reject.arguments), places.fill(reject.message));
        add(
            out,
            format_args!("| `{}` | {} |\n", cell(&arguments), cell(&message)),
        );
    }
}

/// `{name}` as `<name>`, the way syntax is written elsewhere.
fn readable(text: &str) -> String {
    text.replace('{', "<").replace('}', ">")
}

/// Text that can stand in a table: a bar would end the cell, also inside of code.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The anchor that Markdown viewers give a heading of one word.
fn anchor(heading: &str) -> String {
    heading.to_lowercase()
}

fn add(out: &mut String, text: fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(text);
}
