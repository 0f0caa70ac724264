//! The engine without a server: how programs are refused, run and ended.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod common;
mod directories;
mod features;

use common::{Client, engine, mount, program, request, run};
use std::path::Path;
use std::time::{Duration, Instant};
use wasm_runtime::{End, ErrorCode, Guest, GuestKind, Outcome, Request, Weight, check};

/// Runs `_start` with this body and returns how it ended.
fn end(body: &str) -> Outcome {
    run(&program(body), &request(), &Client::default()).unwrap()
}

fn refusal(text: &str) -> (ErrorCode, String) {
    let bytes = wat::parse_str(text).unwrap();
    let checked = check(&bytes, 64 << 20).err().unwrap();
    let loaded = engine(1).load("test", &bytes).err().unwrap();
    assert_eq!(checked.code, loaded.code, "{checked} / {loaded}");
    (checked.code, checked.message)
}

#[test]
fn output_and_errors_arrive() {
    let client = Client::default();
    let body = "(call $hello (i32.const 1)) (call $hello (i32.const 2))";
    let outcome = run(&program(body), &request(), &client).unwrap();
    assert_eq!(outcome.end, End::Completed);
    assert_eq!(client.record().output, b"hello\n");
    assert_eq!(client.record().lines, ["hello"]);
}

#[test]
fn every_exit_status_is_told_apart_from_a_trap() {
    assert_eq!(end("(call $exit (i32.const 0))").end, End::Completed);
    for status in [1, 125, 126, 255, 70000] {
        let outcome = end(&format!("(call $exit (i32.const {status}))"));
        assert_eq!(outcome.end, End::Exited(status));
    }
}

#[test]
fn traps_name_their_cause_and_place() {
    for (body, cause) in [
        ("unreachable", "unreachable"),
        ("(drop (i32.load (i32.const 0x7fffffff)))", "out of bounds"),
        (
            "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
            "divide by zero",
        ),
    ] {
        let outcome = end(body);
        assert_eq!(outcome.end, End::Trapped);
        assert!(outcome.detail.contains(cause), "{}", outcome.detail);
        assert!(outcome.backtrace.contains("wasm"), "{}", outcome.backtrace);
    }
}

#[test]
fn a_loop_ends_at_its_deadline() {
    let client = Client::default();
    let short = Request {
        timeout: Duration::from_millis(50),
        ..request()
    };
    let outcome = run(&program("(loop (br 0))"), &short, &client).unwrap();
    assert_eq!(outcome.end, End::TimedOut);
}

#[test]
fn a_sleeper_ends_at_its_deadline_and_its_output_is_out_before() {
    let client = Client::default();
    let short = Request {
        timeout: Duration::from_millis(50),
        ..request()
    };
    // A subscription to the monotonic clock an hour ahead.
    let body = "(call $hello (i32.const 1))
        (i32.store (i32.const 144) (i32.const 1))
        (i64.store (i32.const 152) (i64.const 3600000000000))
        (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 320)))";
    let outcome = run(&program(body), &short, &client).unwrap();
    assert_eq!(outcome.end, End::TimedOut);
    assert_eq!(client.record().output, b"hello\n");
    assert_eq!(client.record().flushes, 1);
}

#[test]
fn a_straight_line_of_host_calls_ends_at_its_deadline() {
    let short = Request {
        timeout: Duration::from_millis(50),
        ..request()
    };
    // Two hundred naps of 20 ms, without a loop or a call of the guest's own.
    let nap = "(drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 320)))";
    let body = format!(
        "(i64.store (i32.const 152) (i64.const 20000000)) {}",
        nap.repeat(200)
    );
    let outcome = run(&program(&body), &short, &Client::default()).unwrap();
    assert_eq!(outcome.end, End::TimedOut);
}

#[test]
fn a_write_may_be_short() {
    let client = Client::default();
    // Two million empty lines in one buffer; the exit status is how many MiB of it were taken.
    let body = "(drop (memory.grow (i32.const 32)))
        (memory.fill (i32.const 65536) (i32.const 10) (i32.const 2000000))
        (i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const 2000000))
        (call $hello (i32.const 2))
        (call $exit (i32.shr_u (i32.load (i32.const 8)) (i32.const 20)))";
    let outcome = run(&program(body), &request(), &client).unwrap();
    assert_eq!(outcome.end, End::Exited(1));
}

#[test]
fn output_is_flushed_while_the_guest_computes() {
    let client = Client::default();
    let short = Request {
        timeout: Duration::from_millis(100),
        ..request()
    };
    let body = "(call $hello (i32.const 1)) (loop (br 0))";
    run(&program(body), &short, &client).unwrap();
    assert_eq!(client.record().flushes, 1);
}

#[test]
fn a_client_that_goes_away_ends_the_guest() {
    let client = Client::default();
    client.record().gone = true;
    let begun = Instant::now();
    let outcome = run(&program("(loop (br 0))"), &request(), &client).unwrap();
    assert_eq!(outcome.end, End::ClientGone);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn memory_is_limited_over_all_that_a_guest_has() {
    let outcome =
        end("(if (i32.eq (memory.grow (i32.const 4096)) (i32.const -1)) (then unreachable))");
    assert_eq!(outcome.end, End::LimitReached);
    assert!(outcome.memory_denied);
    assert_eq!(outcome.peak_memory, 65536);
}

#[test]
fn another_entry_point_may_be_called() {
    let client = Client::default();
    let other = Request {
        entry_point: Some("other"),
        ..request()
    };
    let outcome = run(&program("unreachable"), &other, &client).unwrap();
    assert_eq!(outcome.end, End::Completed);
    assert_eq!(client.record().output, b"hello\n");
    let absent = Request {
        entry_point: Some("absent"),
        ..request()
    };
    let refused = run(&program(""), &absent, &client).err().unwrap();
    assert_eq!(refused.code, ErrorCode::NoEntryPoint);
    assert!(refused.message.contains("_start, other"), "{refused}");
}

#[test]
fn an_entry_point_takes_no_parameters() {
    let text = r#"(module (func (export "_start")) (func (export "add") (param i32)))"#;
    let bytes = wat::parse_str(text).unwrap();
    let add = Request {
        entry_point: Some("add"),
        ..request()
    };
    let refused = run(text, &add, &Client::default()).err().unwrap();
    assert_eq!(refused.code, ErrorCode::NoEntryPoint);
    let shape = check(&bytes, 64 << 20).unwrap();
    let refused = shape.check_entry_point(Some("add")).err().unwrap();
    assert!(refused.message.contains("takes parameters"), "{refused}");
    assert!(shape.check_entry_point(None).is_ok());
}

#[test]
fn a_missing_directory_is_an_error_before_the_guest_runs() {
    let mounts = [mount(Path::new("/does/not/exist"))];
    let absent = Request {
        mounts: &mounts,
        ..request()
    };
    let refused = run(&program("unreachable"), &absent, &Client::default());
    assert_eq!(refused.err().unwrap().code, ErrorCode::Mount);
}

#[test]
fn a_start_function_that_traps_is_told_apart() {
    let text = r#"(module (memory (export "memory") 1) (func $f unreachable) (start $f)
        (func (export "_start")))"#;
    let outcome = run(text, &request(), &Client::default()).unwrap();
    assert_eq!(outcome.end, End::NotStarted);
}

#[test]
fn refusals_say_what_was_found() {
    let (code, text) =
        refusal(r#"(module (import "env" "magic" (func)) (func (export "_start")))"#);
    assert_eq!(code, ErrorCode::Unlinkable);
    assert!(text.contains("env::magic"), "{text}");

    let (code, text) = refusal(
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func)) (func (export "_start")))"#,
    );
    assert_eq!(code, ErrorCode::Unlinkable);
    assert!(text.contains("incompatible import type"), "{text}");

    let (code, text) = refusal(r#"(module (import "wasi_unstable" "fd_write" (func)))"#);
    assert_eq!(code, ErrorCode::UnsupportedKind);
    assert!(text.contains("preview 0"), "{text}");

    let (code, text) = refusal("(module (memory 1 1 shared))");
    assert_eq!(code, ErrorCode::Invalid);
    assert!(text.contains("threads"), "{text}");

    let (code, text) = refusal(r#"(module (memory 2000) (func (export "_start")))"#);
    assert_eq!(code, ErrorCode::Invalid);
    assert!(text.contains("memory"), "{text}");

    let (code, text) = refusal("(component)");
    assert_eq!(code, ErrorCode::UnsupportedKind);
    assert!(text.contains("exports nothing"), "{text}");
}

#[test]
fn bytes_that_are_not_a_program_are_refused() {
    for (bytes, code) in [
        (&b""[..], ErrorCode::NotWasm),
        (b"#!/bin/sh\n", ErrorCode::NotWasm),
        (b"\0asm", ErrorCode::Invalid),
        (b"\0asm\x01\0\0\0\x01\x7f", ErrorCode::Invalid),
    ] {
        assert_eq!(check(bytes, 64 << 20).err().unwrap().code, code);
    }
}

#[test]
fn a_program_that_takes_much_of_the_heap_is_refused_before_it_is_compiled() {
    let with = |exports: usize| {
        let name = "x".repeat(90_000);
        let export = |n: usize| format!(r#"(export "{n} {name}" (func 0))"#);
        let exports: String = (0..exports).map(export).collect();
        let text = program("");
        let bytes = wat::parse_str(format!("{} {exports})", text.strip_suffix(')').unwrap()));
        check(&bytes.unwrap(), 64 << 20)
    };
    with(10).unwrap();
    let refused = with(300).err().unwrap();
    assert_eq!(refused.code, ErrorCode::Invalid);
    assert!(refused.message.contains("more than the 16"), "{refused}");
}

#[test]
fn the_weight_of_a_program_is_what_it_takes() {
    let engine = engine(1);
    let weight = |text: &str| {
        let bytes = wat::parse_str(text).unwrap();
        engine.load("test", &bytes).unwrap().weight()
    };
    let small = weight(&program(""));
    // Without a cache its code is memory too.
    let heap = |weight: Weight| weight.memory - weight.code;
    assert!((1000..50_000).contains(&heap(small)), "{small:?}");
    // Four bytes for each element, but for those after the last that is set.
    let tables = "(table 400000 funcref) (elem (i32.const 299999) func $hello)";
    let large = weight(&format!(
        "{} {tables})",
        program("").strip_suffix(')').unwrap()
    ));
    assert!(
        (1_200_000..1_300_000).contains(&heap(large)),
        "{small:?} {large:?}"
    );
}

/// Bytes of this process that are in memory and of no file, exactly.
fn anonymous() -> usize {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:"));
    let number = line.unwrap().trim().strip_suffix(" kB").unwrap();
    number.parse::<usize>().unwrap() << 10
}

#[test]
fn the_stack_of_a_deep_call_is_given_back() {
    // Some values to be kept in each of many calls: more than half a megabyte of stack.
    let calls = "(func $deep (param i32) (result i64)
        (if (i32.eqz (local.get 0)) (then (return (i64.const 1))))
        (i64.add (i64.load offset=0 (local.get 0)) (i64.add (i64.load offset=8 (local.get 0))
        (i64.add (i64.load offset=16 (local.get 0)) (i64.add (i64.load offset=24 (local.get 0))
        (i64.add (i64.load offset=32 (local.get 0)) (i64.add (i64.load offset=40 (local.get 0))
        (i64.add (i64.load offset=48 (local.get 0)) (i64.add (i64.load offset=56 (local.get 0))
            (call $deep (i32.sub (local.get 0) (i32.const 1))))))))))))";
    let text = |depth: u32| {
        let body = format!("(drop (call $deep (i32.const {depth})))");
        format!("{} {calls})", program(&body).strip_suffix(')').unwrap())
    };
    let engine = engine(1);
    let [shallow, deep] = [10, 6000].map(|depth| {
        let bytes = wat::parse_str(text(depth)).unwrap();
        engine.load("test", &bytes).unwrap()
    });
    let end = |guest: &Guest| {
        guest
            .run(&request(), Box::new(Client::default()))
            .unwrap()
            .end
    };
    assert_eq!(end(&shallow), End::Completed);
    let before = anonymous();
    for _ in 0..10 {
        assert_eq!(end(&deep), End::Completed);
    }
    let after = anonymous();
    assert!(after < before + (256 << 10), "{before} {after}");
}

/// Values that are kept on the stack and are all zeros cannot be told from a stack that was never used. The pool gives out the
/// stack that was used the longest time ago, so each run has another.
#[test]
fn stacks_whose_use_cannot_be_seen_are_given_back_before_they_are_many() {
    const VALUES: usize = 2000;
    let values: String = (0..VALUES)
        .map(|i| format!("(v128.load offset={} (i32.const 0))", i * 16))
        .collect();
    let calls = format!(
        "(func $deep (param i32) (result v128)
            (if (i32.eqz (local.get 0)) (then (return (v128.load (i32.const 0)))))
            {values} (call $deep (i32.sub (local.get 0) (i32.const 1))) {})",
        "v128.or ".repeat(VALUES)
    );
    let text = program(
        "(memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (drop (call $deep (i32.const 20)))",
    );
    let text = format!("{} {calls})", text.strip_suffix(')').unwrap());
    let guest = engine(64)
        .load("test", &wat::parse_str(text).unwrap())
        .unwrap();
    let run = || {
        guest
            .run(&request(), Box::new(Client::default()))
            .unwrap()
            .end
    };
    assert_eq!(run(), End::Completed);
    let before = anonymous();
    for _ in 0..120 {
        assert_eq!(run(), End::Completed);
    }
    let after = anonymous();
    assert!(after < before + (50 << 20), "{before} {after}");
}

#[test]
fn a_command_is_known_by_its_bytes() {
    let bytes = wat::parse_str(program("")).unwrap();
    assert_eq!(
        check(&bytes, 64 << 20).unwrap().kind().unwrap(),
        GuestKind::CommandP1
    );
}

#[test]
fn guests_beyond_the_limit_are_refused_after_a_wait() {
    let engine = engine(1);
    let body = program("(call $hello (i32.const 1)) (loop (br 0))");
    let guest = engine.load("test", &wat::parse_str(body).unwrap()).unwrap();
    let long = Request {
        timeout: Duration::from_secs(3),
        ..request()
    };
    let client = Client::default();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| guest.run(&long, Box::new(client.clone())).unwrap().end);
        while client.record().output.is_empty() {
            std::thread::yield_now();
        }
        let second = guest.run(&long, Box::new(Client::default()));
        assert_eq!(second.err().unwrap().code, ErrorCode::Busy);
        assert_eq!(first.join().unwrap(), End::TimedOut);
    });
}
