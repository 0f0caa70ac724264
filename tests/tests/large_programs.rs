//! Programs that are large in some way and small otherwise: what does not fit the pool of instances runs outside of it, within its
//! memory limit; what can never run is refused before it is compiled.

use std::fmt::Write as _;
use suite::{Setup, wat_guest};

/// A program that says which function of its last table it has called, after declarations of its own.
fn program(declarations: &str, table: &str) -> Vec<u8> {
    wat_guest::module(&format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  {declarations}
  {table}
  (type $function (func (param i32 i32 i32 i32) (result i32)))
  (data (i32.const 64) "Content-Type: text/plain\n\nlarge")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 31))
    (drop (call_indirect $last (type $function) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8) (i32.const 0)))))"#
    ))
}

const ONE: &str = "(table $last 1 funcref) (elem (table $last) (i32.const 0) func $write)";

/// A table of so many functions.
fn table(elements: u32) -> String {
    format!("(table $last {elements} funcref) (elem (table $last) (i32.const 0) func $write)")
}

fn many(what: &str, count: usize) -> String {
    (0..count).fold(String::new(), |mut all, _| {
        let _ = writeln!(all, "{what}");
        all
    })
}

#[test]
fn tables_and_memories_are_bounded_by_the_memory_limit_alone() {
    let httpd = Setup::new()
        .wasm("/table", &program("", &table(300_000)), "WasmEnableCGI On")
        .wasm(
            "/tables",
            &program(&many("(table 10 funcref)", 40), ONE),
            "WasmEnableCGI On",
        )
        .wasm(
            "/memories",
            &program(&many("(memory 1)", 20), ONE),
            "WasmEnableCGI On",
        )
        .start();
    for target in ["/table", "/tables", "/memories"] {
        for _ in 0..3 {
            assert_eq!(httpd.get(target).expect(200).text(), "large", "{target}");
        }
    }
}

#[test]
fn outside_of_the_pool_the_memory_limit_holds() {
    // Twenty memories of a page and tables of 80 KB: together beyond what the section allows.
    let large = program(&many("(memory 1)\n(table 10000 funcref)", 20), ONE);
    let httpd = Setup::new()
        .wasm("/x", &large, "WasmEnableCGI On\nWasmMemoryLimit 1M")
        .announce("WASM0107")
        .start();
    httpd.get("/x").expect(500);
    assert!(httpd.expect_log("WASM0107").contains("1M"));
}

#[test]
fn what_can_never_run_is_refused_before_it_is_compiled() {
    for (name, content, words) in [
        ("memory", program("(memory 5000)", ONE), "WasmMemoryLimit"),
        ("table", program("", &table(40_000_000)), "table"),
    ] {
        let setup = Setup::new().wasm(&format!("/{name}"), &content, "");
        let file = format!("{name}.wasm");
        setup
            .clone()
            .check()
            .fails_with(&["WASM0006", &file, words]);
        let said = setup.must_fail_to_start();
        assert!(!said.contains("WASM0020"), "it was compiled: {said}");
    }
}
