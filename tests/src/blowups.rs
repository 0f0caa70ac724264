//! Programs written as text whose cost is a power of their size, or that never end: in their types, their instances, their start
//! functions, and while they run.
//!
//! Must not know what becomes of them.

use crate::wat_guest::module;
use std::fmt::Write as _;

/// A component of which each level holds two instances of the level below.
pub fn doubled_instances(levels: usize) -> Vec<u8> {
    let mut text =
        "(component (component $c0 (core module $m (memory 1)) (core instance (instantiate $m)))\n"
            .to_owned();
    for level in 1..=levels {
        let below = format!("(instance (instantiate $c{}))", level - 1);
        let _ = writeln!(text, "(component $c{level} {below} {below})");
    }
    let _ = writeln!(text, "(instance (instantiate $c{levels})))");
    module(&text)
}

/// A component that instantiates one module so many times.
pub fn many_instances(times: usize) -> Vec<u8> {
    let instances = "(core instance (instantiate $m))\n".repeat(times);
    let memory = "(memory 1) (table 10 funcref)";
    module(&format!(
        "(component (core module $m {memory})\n{instances})"
    ))
}

/// A component with a function whose parameter's type doubles with each level.
pub fn doubled_types(levels: usize) -> Vec<u8> {
    let mut text = "(component (type $t0 (tuple u32 string))\n".to_owned();
    for level in 1..=levels {
        let below = level - 1;
        let _ = writeln!(text, "(type $t{level} (tuple $t{below} $t{below}))");
    }
    let _ = writeln!(text, "(import \"f\" (func (param \"x\" $t{levels}))))");
    module(&text)
}

/// A component whose parameter's type is a list of lists, so many deep.
pub fn listed_types(levels: usize) -> Vec<u8> {
    let mut text = "(component (type $t0 (list u8))\n".to_owned();
    for level in 1..=levels {
        let _ = writeln!(text, "(type $t{level} (list $t{}))", level - 1);
    }
    let _ = writeln!(text, "(import \"f\" (func (param \"x\" $t{levels}))))");
    module(&text)
}

/// A module of types each of which is a kind of the one before.
pub fn descending_types(levels: usize) -> Vec<u8> {
    let mut text = "(module (type $t0 (sub (func)))\n".to_owned();
    for level in 1..=levels {
        let _ = writeln!(text, "(type $t{level} (sub $t{} (func)))", level - 1);
    }
    text.push(')');
    module(&text)
}

/// What a program does for ever, or until it is stopped.
const ENDLESS: [&str; 8] = [
    "(loop $l (br $l))",
    "(call $f)",
    "unreachable",
    "(loop $l (drop (memory.grow (i32.const 1))) (br $l))",
    "(loop $l (drop (table.grow (ref.null func) (i32.const 1000))) (br $l))",
    "(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $l))",
    "(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 60000))
     (loop $l (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8))) (br $l))",
    "(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 60000))
     (loop $l (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br $l))",
];

/// How many of these there are.
pub const KINDS_OF_ENDLESS: usize = ENDLESS.len();

/// A module that does the `kind`th of them in its entry point, or before, when it is instantiated.
pub fn endless(kind: usize, at_start: bool) -> Vec<u8> {
    let code = ENDLESS[kind % ENDLESS.len()];
    let (start, entry) = match at_start {
        true => ("(start $f)", "(func (export \"_start\"))"),
        false => ("(export \"_start\" (func $f))", ""),
    };
    module(&format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (table 1 funcref)
  (func $f {code}) {start} {entry})"#
    ))
}
