//! env: shows the arguments and the environment that the server gives a CGI guest.
//!
//! It must not trust what it shows: header values come from the client, so everything is escaped.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};

fn main() -> io::Result<()> {
    let mut variables: Vec<(String, String)> = env::vars_os()
        .map(|(name, value)| (text(&name), text(&value)))
        .collect();
    variables.sort();

    let mut page = cgi::page_start("", "What a CGI guest is told");
    let arguments: Vec<String> = env::args_os()
        .map(|argument| cgi::escape(&text(&argument)))
        .collect();
    page.push_str(&format!(
        "<p>Arguments: <code>{}</code></p>\n<table>\n",
        arguments.join(" ")
    ));
    page.push_str("<tr><th>Variable</th><th>Value</th></tr>\n");
    for (name, value) in &variables {
        page.push_str(&format!(
            "<tr><td>{}</td><td>{}</td></tr>\n",
            cgi::escape(name),
            cgi::escape(value)
        ));
    }
    page.push_str("</table>\n");
    page.push_str(cgi::PAGE_END);
    io::stdout().write_all(page.as_bytes())
}

/// Text to show, whatever the bytes are.
fn text(bytes: &OsStr) -> String {
    bytes.to_string_lossy().into_owned()
}
