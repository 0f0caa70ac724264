//! What the host holds for a guest: everything is bounded by the guest's memory limit, and honest programs do not notice.
#![expect(clippy::unwrap_used, reason = "these are tests")]

#[expect(dead_code, reason = "each test program uses a part of it")]
mod common;
#[expect(dead_code, reason = "each test program uses a part of it")]
mod hostile;

use common::{Client, engine, program, request};
use std::time::{Duration, Instant};
use wasm_runtime::{End, Outcome, Request};

/// Runs a program within 16 MiB.
fn run(text: &str) -> Outcome {
    run_within(text, 16 << 20)
}

fn run_within(text: &str, memory_limit: u64) -> Outcome {
    let request = Request {
        memory_limit,
        ..request()
    };
    common::run(text, &request, &Client::default()).unwrap()
}

/// A command that does this so many calls deep: nothing, or `(call $arguments (i32.const 0))`, which asks for its arguments. When
/// the host wants memory for them, it calls itself without end.
fn recursing(depth: usize, there: &str) -> String {
    format!(
        r#"(component
  (import "wasi:cli/environment@0.2.0" (instance $environment (export "get-arguments" (func (result (list string))))))
  (core module $memory (memory (export "memory") 1)
    (func $realloc (export "realloc") (param i32 i32 i32 i32) (result i32)
      (i32.add (i32.const 1) (call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3)))))
  (core instance $m (instantiate $memory))
  (alias core export $m "memory" (core memory $mem))
  (alias core export $m "realloc" (core func $realloc))
  (core func $arguments (canon lower (func $environment "get-arguments") (memory $mem) (realloc $realloc)))
  (core module $program
    (import "m" "arguments" (func $arguments (param i32)))
    (func $deep (param $n i32) (result i32)
      (if (i32.eqz (local.get $n)) (then {there} (return (i32.const 0))))
      (i32.add (i32.const 1) (call $deep (i32.sub (local.get $n) (i32.const 1)))))
    (func (export "run") (result i32) (drop (call $deep (i32.const {depth}))) (i32.const 0)))
  (core instance $i (instantiate $program (with "m" (instance (export "arguments" (func $arguments))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))"#
    )
}

/// A call that the host makes in the middle of another has a stack limit of its own, and both must fit the stack.
#[test]
fn a_call_in_the_depth_of_another_may_be_as_deep() {
    let fits = |depth: usize| run(&recursing(depth, "")).end == End::Completed;
    let (mut deepest, mut too_deep) = (1, 1 << 20);
    while too_deep - deepest > 1 {
        let middle = usize::midpoint(deepest, too_deep);
        match fits(middle) {
            true => deepest = middle,
            false => too_deep = middle,
        }
    }
    for less in [0, 1, 2, 4, 8, 16, 64, 256] {
        let depth = deepest - less;
        let outcome = run(&recursing(depth, "(call $arguments (i32.const 0))"));
        assert_eq!(outcome.end, End::Trapped, "{depth}");
        assert!(outcome.detail.contains("stack"), "{}", outcome.detail);
    }
}

#[test]
fn texts_of_a_request_that_are_too_long_are_refused() {
    // Each result is added up, 1 for a refusal.
    let body = |call: &str| {
        format!(
            "(local.set $object (call $request (call $fields)))
             (i32.ne (i32.const 1) {call})"
        )
    };
    for (call, most) in [
        ("set-method (local.get $object) (i32.const 9)", 64),
        (
            "set-scheme (local.get $object) (i32.const 1) (i32.const 2)",
            64,
        ),
        ("set-authority (local.get $object) (i32.const 1)", 1024),
        ("set-path (local.get $object) (i32.const 1)", 65534),
    ] {
        let long = format!("(call ${call} (i32.const 4096) (i32.const {}))", most + 1);
        assert_eq!(
            run(&hostile::component(&body(&long))).end,
            End::Completed,
            "{call}"
        );
        if call.starts_with("set-path") {
            continue;
        }
        let short = format!("(call ${call} (i32.const 4096) (i32.const {most}))");
        assert_eq!(
            run(&hostile::component(&body(&short))).end,
            End::Exited(1),
            "{call}"
        );
    }
}

/// The guest does this again and again, and is stopped for what that makes the host hold.
#[track_caller]
fn is_stopped(again: &str) {
    let text = hostile::component(&format!("(loop $again {again} (br $again)) (i32.const 0)"));
    let outcome = run(&text);
    assert_eq!(outcome.end, End::LimitReached, "{}", outcome.detail);
}

#[test]
fn header_fields_are_charged() {
    is_stopped(
        "(local.set $object (call $fields))
         (call $append (local.get $object) (i32.const 0) (i32.const 1) (i32.const 4096) (i32.const 30000) (i32.const 64))",
    );
}

#[test]
fn copies_of_header_fields_are_charged_once_they_differ() {
    is_stopped(
        "(if (i32.eqz (local.get $object)) (then
            (local.set $object (call $fields))
            (call $append (local.get $object) (i32.const 0) (i32.const 1) (i32.const 4096) (i32.const 30000) (i32.const 64))))
         (call $append (call $clone (local.get $object)) (i32.const 0) (i32.const 1) (i32.const 4096) (i32.const 1) (i32.const 64))",
    );
}

#[test]
fn requests_and_what_is_written_of_their_bodies_are_charged() {
    is_stopped("(drop (call $request (call $fields)))");
    is_stopped(
        "(call $body (call $request (call $fields)) (i32.const 64))
         (call $stream (i32.load (i32.const 68)) (i32.const 64))
         (call $write (i32.load (i32.const 68)) (i32.const 4096) (i32.const 16384) (i32.const 64))",
    );
}

#[test]
fn what_one_call_brings_is_bounded() {
    let body = "(loop $l
            (i32.store (i32.add (i32.const 3145728) (i32.mul (local.get $object) (i32.const 16))) (i32.const 0))
            (i32.store (i32.add (i32.const 3145732) (i32.mul (local.get $object) (i32.const 16))) (i32.const 1048576))
            (br_if $l (i32.lt_u (local.tee $object (i32.add (local.get $object) (i32.const 1))) (i32.const 120))))
        (call $from-list (i32.const 3145728) (i32.const 120) (i32.const 3140000))
        (i32.const 0)";
    let outcome = run(&hostile::component(body));
    assert_eq!(outcome.end, End::Trapped, "{}", outcome.detail);
    assert!(outcome.detail.contains("fuel"), "{}", outcome.detail);
}

/// A program whose collector of garbage drops handles late, as that of JavaScript does.
#[test]
fn thousands_of_objects_are_no_fault() {
    let body = "(loop $l
            (drop (call $pollable (i64.const 1000000000)))
            (br_if $l (i32.lt_u (local.tee $object (i32.add (local.get $object) (i32.const 1))) (i32.const 12000))))
        (i32.const 0)";
    let outcome = run_within(&hostile::component(body), 64 << 20);
    assert_eq!(outcome.end, End::Completed, "{}", outcome.detail);
    let body = body.replace("12000", "1000000");
    assert_eq!(
        run_within(&hostile::component(&body), 64 << 20).end,
        End::LimitReached
    );
}

#[test]
fn stacks_are_charged_and_bounded() {
    let few = hostile::suspended(8, 100, 20);
    assert_eq!(run(&few).end, End::Completed);
    let many = hostile::suspended(100, 100, 20);
    let outcome = run(&many);
    assert_eq!(outcome.end, End::LimitReached, "{}", outcome.detail);
    let outcome = run_within(&many, 64 << 20);
    assert!(
        outcome.detail.contains("more than 60 calls under way") || outcome.end == End::LimitReached,
        "{}",
        outcome.detail
    );
}

/// As many instances as there may be, each with as many stacks as it may have: none takes those of the others.
#[test]
fn no_guest_takes_the_stacks_of_others() {
    let engine = engine(2);
    let greedy = wat::parse_str(hostile::suspended(50, 100, 1500)).unwrap();
    let greedy = engine.load("greedy", &greedy).unwrap();
    let modest = wat::parse_str(hostile::suspended(50, 100, 20)).unwrap();
    let modest = engine.load("modest", &modest).unwrap();
    let request = Request {
        memory_limit: 64 << 20,
        ..request()
    };
    std::thread::scope(|scope| {
        let first = scope.spawn(|| greedy.run(&request, Box::new(Client::default())).unwrap());
        for _ in 0..10 {
            let outcome = modest.run(&request, Box::new(Client::default())).unwrap();
            assert_eq!(outcome.end, End::Completed, "{}", outcome.detail);
        }
        assert_eq!(first.join().unwrap().end, End::Completed);
    });
}

#[test]
fn a_backtrace_has_the_names_as_they_are_and_is_short() {
    // Decoded, the name is of some billions of characters.
    let text = hostile::expansive("unreachable");
    let begun = Instant::now();
    let outcome = run(&text);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(outcome.end, End::Trapped);
    assert!(
        outcome.backtrace.contains("_Z1f1aIiiii"),
        "{}",
        outcome.backtrace
    );
    assert!(outcome.backtrace.len() < 1000, "{}", outcome.backtrace);
    let unread = Request {
        backtrace: false,
        ..request()
    };
    let outcome = common::run(&text, &unread, &Client::default()).unwrap();
    assert_eq!(
        (outcome.end, outcome.backtrace.as_str()),
        (End::Trapped, "")
    );
}

#[test]
fn random_bytes_are_not_collected() {
    let imports = r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#;
    let body = "(drop (memory.grow (i32.const 650)))
        (call $exit (i32.add
            (call $random (i32.const 65536) (i32.const 40000000))
            (i32.and (i32.eqz (i64.load (i32.const 65536))) (i32.eqz (i64.load (i32.const 40065528))))))";
    let text = program(body).replacen("(module", &format!("(module {imports}"), 1);
    let text = text.replace("i32.eqz (i64", "i64.eqz (i64");
    let outcome = run_within(&text, 64 << 20);
    assert_eq!(outcome.end, End::Completed, "{}", outcome.detail);
}
