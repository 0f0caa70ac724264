//! The features of WebAssembly that large guests are built with: each runs from the file to its end, in the pool that a server
//! has; and the two that there are not are refused with a word on what to do.

use super::common::{Client, engine, request, run};
use wasm_runtime::{
    Allowed, End, Engine, EngineOptions, ErrorCode, Outcome, Request, check, check_with,
};

/// A program with these definitions and this body of `_start`, which leaves the exit status on the stack.
fn program(definitions: &str, body: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            {definitions}
            (func (export "_start") (call $exit {body})))"#
    )
}

fn ended(definitions: &str, body: &str) -> Outcome {
    let text = program(definitions, body);
    check(&wat::parse_str(&text).unwrap(), 64 << 20).unwrap();
    run(&text, &request(), &Client::default()).unwrap()
}

/// The program exits with 42.
#[track_caller]
fn works(definitions: &str, body: &str) {
    let outcome = ended(definitions, body);
    assert_eq!(outcome.end, End::Exited(42), "{outcome:?}");
}

#[test]
fn exceptions() {
    works(
        "(tag $e (param i32)) (func $throw (throw $e (i32.const 42)))",
        "(block $caught (result i32) (try_table (catch $e $caught) (call $throw)) (i32.const 1))",
    );
}

#[test]
fn exceptions_are_thrown_on_as_references() {
    works(
        "(tag $e (param i32)) (func $throw (throw $e (i32.const 42)))
         (func $rethrow
            (block $ref (result i32 exnref) (try_table (catch_ref $e $ref) (call $throw)) (unreachable))
            (throw_ref))",
        "(block $caught (result i32) (try_table (catch $e $caught) (call $rethrow)) (i32.const 1))",
    );
}

#[test]
fn exceptions_cost_no_memory_when_they_are_over() {
    let outcome = ended(
        "(tag $e (param i32))
         (func $throw (param $n i32) (throw $e (local.get $n)))
         (func $many (result i32) (local $n i32)
            (loop $again
                (drop (block $caught (result i32)
                    (try_table (catch $e $caught) (call $throw (local.get $n)))
                    (unreachable)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 100000))))
            (i32.const 42))",
        "(call $many)",
    );
    assert_eq!(outcome.end, End::Exited(42), "{outcome:?}");
    assert!(outcome.peak_memory < 16 << 20, "{outcome:?}");
}

#[test]
fn an_exception_that_nobody_catches_is_a_trap() {
    let outcome = ended("(tag $e)", "(throw $e)");
    assert_eq!(outcome.end, End::Trapped);
    assert!(outcome.detail.contains("exception"), "{}", outcome.detail);
}

#[test]
fn simd_and_relaxed_simd() {
    works(
        "",
        "(i32x4.extract_lane 3 (i32x4.add
            (v128.const i32x4 1 2 3 4) (v128.const i32x4 0 0 0 38)))",
    );
    works(
        "",
        "(i32.sub (i8x16.extract_lane_u 0 (i8x16.relaxed_swizzle
            (v128.const i8x16 9 43 0 0 0 0 0 0 0 0 0 0 0 0 0 0)
            (v128.const i8x16 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))) (i32.const 1))",
    );
}

#[test]
fn bulk_memory() {
    works(
        r#"(data $text "xx\2ax") (table 4 funcref) (elem $f func 0)"#,
        "(block (result i32)
            (memory.init $text (i32.const 100) (i32.const 2) (i32.const 1))
            (memory.fill (i32.const 200) (i32.const 7) (i32.const 50))
            (memory.copy (i32.const 200) (i32.const 100) (i32.const 1))
            (table.init $f (i32.const 1) (i32.const 0) (i32.const 1))
            (table.copy (i32.const 2) (i32.const 1) (i32.const 1))
            (data.drop $text) (elem.drop $f)
            (i32.load8_u (i32.const 200)))",
    );
}

#[test]
fn reference_types_and_large_tables() {
    works(
        "(table $t 1 funcref) (table $x 10 externref) (type $n (func (result i32)))
         (func $answer (result i32) (i32.const 42)) (elem declare func $answer)",
        "(block (result i32)
            (drop (table.grow $t (ref.func $answer) (i32.const 200000)))
            (table.set $x (i32.const 9) (ref.null extern))
            (drop (table.get $x (i32.const 9)))
            (call_indirect $t (type $n) (i32.const 200000)))",
    );
}

#[test]
fn multiple_values() {
    works(
        "(func $pair (result i32 i32) (i32.const 40) (i32.const 2))",
        "(block (result i32) (call $pair) (i32.add))",
    );
}

#[test]
fn tail_calls_need_no_stack() {
    works(
        "(func $down (param $n i32) (result i32)
            (if (i32.eqz (local.get $n)) (then (return (i32.const 42))))
            (return_call $down (i32.sub (local.get $n) (i32.const 1))))",
        "(call $down (i32.const 10000000))",
    );
}

#[test]
fn several_memories_also_with_64_bit_addresses() {
    works(
        "(memory $big i64 1)",
        "(block (result i32)
            (drop (memory.grow $big (i64.const 1)))
            (i32.store $big (i64.const 100000) (i32.const 42))
            (i32.load $big (i64.const 100000)))",
    );
}

/// A program that needs garbage collection.
const COLLECTED: (&str, &str) = (
    "(type $pair (struct (field $n i32) (field $next (ref null $pair))))
     (func $many (result i32) (local $n i32) (local $last (ref null $pair))
        (loop $again
            (local.set $last (struct.new $pair (local.get $n) (ref.null $pair)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 1000000))))
        (i32.sub (struct.get $pair $n (local.get $last)) (i32.const 999957)))",
    "(call $many)",
);

/// Runs a program in an engine that allows garbage collection.
fn collected(text: &str, request: &Request<'_>) -> Outcome {
    let allowed = Allowed {
        garbage_collection: true,
    };
    let bytes = wat::parse_str(text).unwrap();
    check_with(&bytes, 64 << 20, allowed).unwrap();
    let options = EngineOptions {
        max_instances: 1,
        memory_limit: 64 << 20,
        allowed,
        ..EngineOptions::default()
    };
    let engine = Engine::new(&options).unwrap();
    let guest = engine.load("test", &bytes).unwrap();
    guest.run(request, Box::new(Client::default())).unwrap()
}

#[test]
fn garbage_collection_where_it_is_allowed() {
    let outcome = collected(&program(COLLECTED.0, COLLECTED.1), &request());
    assert_eq!(outcome.end, End::Exited(42), "{outcome:?}");
}

#[test]
fn garbage_collection_is_refused_with_advice_where_nobody_allows_it() {
    let words = ["garbage collection", "WasmGarbageCollection On"];
    for text in [
        program(COLLECTED.0, COLLECTED.1),
        program(
            "(type $bytes (array (mut i8)))",
            "(array.len (array.new_default $bytes (i32.const 42)))",
        ),
        program("", "(i31.get_s (ref.i31 (i32.const 42)))"),
    ] {
        refused(&wat::parse_str(&text).unwrap(), &words);
    }
}

#[test]
fn what_the_collector_can_not_free_counts_as_memory() {
    let text = program(
        "(type $pair (struct (field (ref null $pair))))
         (func $for_ever (result i32) (local $last (ref null $pair))
            (loop $again (local.set $last (struct.new $pair (local.get $last))) (br $again))
            (unreachable))",
        "(call $for_ever)",
    );
    let small = Request {
        memory_limit: 4 << 20,
        ..request()
    };
    let outcome = collected(&text, &small);
    assert_eq!(outcome.end, End::LimitReached, "{outcome:?}");
    assert!(outcome.peak_memory <= 4 << 20, "{outcome:?}");
}

#[test]
fn what_wasi_0_3_1_may_use_is_refused_with_advice() {
    let words = ["WASI 0.3.1", "0.3.0"];
    for (text, word) in [
        (
            r#"(component (import "a" (func (param "m" (map string u32))))
                (import "wasi:cli/run@0.3.1" (instance $run)) (export "wasi:cli/run@0.3.1" (instance $run)))"#,
            "map",
        ),
        (
            r#"(component (import "wasi:cli/run@0.3.1" (instance $run))
                (import "b" (implements "wasi:cli/environment@0.3.1") (instance))
                (export "wasi:cli/run@0.3.1" (instance $run)))"#,
            "implements",
        ),
    ] {
        refused(&wat::parse_str(text).unwrap(), &[words[0], words[1], word]);
    }
}

/// The module is refused for what it needs, by checking and by loading alike, and the operator is told all of these words.
#[track_caller]
fn refused(bytes: &[u8], words: &[&str]) {
    let checked = check(bytes, 64 << 20).err().unwrap();
    let loaded = engine(1).load("test", bytes).err().unwrap();
    for error in [checked, loaded] {
        assert_eq!(error.code, ErrorCode::Invalid, "{error}");
        for word in words {
            assert!(error.message.contains(word), "{word}: {error}");
        }
    }
}

#[test]
fn threads_are_refused_with_advice() {
    let words = ["threads", "not available", "wasm32-wasip1", "-pthread"];
    for text in [
        r#"(module (memory (export "memory") 1 1 shared) (func (export "_start")))"#,
        r#"(module (import "env" "memory" (memory 1 1 shared))
            (import "wasi" "thread-spawn" (func (param i32) (result i32))) (func (export "_start")))"#,
        r#"(module (memory (export "memory") 1)
            (func (export "_start") (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))))"#,
    ] {
        refused(&wat::parse_str(text).unwrap(), &words);
    }
}

#[test]
fn legacy_exceptions_are_refused_with_advice() {
    // (tag (type 0)) (func (export "_start") try (throw 0) catch 0 end); the text format has no words for it any more.
    let bytes = b"\0asm\x01\0\0\0\
        \x01\x04\x01\x60\0\0\
        \x03\x02\x01\0\
        \x0d\x03\x01\0\0\
        \x07\x0a\x01\x06_start\0\0\
        \x0a\x0b\x01\x09\0\x06\x40\x08\0\x07\0\x0b\x0b";
    refused(bytes, &["legacy", "-mllvm -wasm-use-legacy-eh=false"]);
}

#[test]
fn what_is_plainly_wrong_gets_no_advice() {
    let text = r#"(module (func (export "_start") (i32.const 1)))"#;
    let error = check(&wat::parse_str(text).unwrap(), 64 << 20)
        .err()
        .unwrap();
    assert!(error.message.starts_with("not valid"), "{error}");
}
