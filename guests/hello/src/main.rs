//! hello: the smallest guest. It writes one line to stdout, and with WasmEnableCGI Off that line is the whole response.
//!
//! It must not know that a web server runs it: the same file runs under any WASI host.

fn main() {
    println!("Hello, wasm world!");
}
