//! The CGI program of `make bench` in Rust, compiled as a WASI preview 1 module and as a WASI 0.2 component.
//!
//! Must answer what `hello_cgi.c` and `mod_bench_native.c` answer.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(b"Content-Type: text/plain\r\n\r\nHello, world!\n")
}
