//! Guests made by the test itself: modules that write fixed bytes and then end in some way.
//!
//! For everything that is about the bytes of a response. What needs a real program uses a guest of `guests/`.

use std::fmt::Write as _;

/// How a made guest ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It returns from `_start`.
    Return,
    /// It executes `unreachable`.
    Trap,
    /// It exits with a status.
    Exit(u32),
    /// It computes for ever.
    Spin,
}

/// A module that writes `output` to its standard output.
pub fn printing(output: &[u8], then: Then) -> Vec<u8> {
    let ending = match then {
        Then::Return => String::new(),
        Then::Trap => "unreachable".to_owned(),
        Then::Exit(status) => format!("(call $exit (i32.const {status}))"),
        Then::Spin => "(loop $ever (br $ever))".to_owned(),
    };
    let text = format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") {pages})
  (data (i32.const 16) "{data}")
  (func (export "_start") (local $at i32) (local $left i32)
    (local.set $at (i32.const 16))
    (local.set $left (i32.const {length}))
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $left)))
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (local.get $left))
        (br_if $done (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
        (local.set $left (i32.sub (local.get $left) (i32.load (i32.const 8))))
        (br $more)))
    {ending}))"#,
        pages = (16 + output.len()).div_ceil(65536),
        data = escaped(output),
        length = output.len(),
    );
    module(&text)
}

/// The module of a text, which must be right.
pub fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|e| panic!("{e}"))
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "\\{byte:02x}");
        out
    })
}
