//! hello-component: a CGI guest as a WASI 0.2 component, which exports `wasi:cli/run`.
//!
//! It is an ordinary program: only the target, wasm32-wasip2, makes it a component, and the server finds that out from the
//! file. It must not know either.

use std::env;
use std::io::{self, Write};

fn main() -> io::Result<()> {
    let server = env::var("SERVER_SOFTWARE").unwrap_or_default();
    let answer = format!(
        "Content-Type: text/plain; charset=utf-8\r\n\r\nHello from a WASI 0.2 component behind {server}.\n"
    );
    io::stdout().write_all(answer.as_bytes())
}
