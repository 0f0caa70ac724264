//! The cache of compiled programs: what is found in it, who waits for whom, what gives way.
#![expect(clippy::unwrap_used, reason = "these are tests")]

#[expect(dead_code, reason = "each test program uses a part of it")]
mod common;
mod scratch;

use common::program;
use scratch::{Scratch, engine, load, troubles, unprepared};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use wasm_runtime::{Engine, Phase, Source, Trouble, Urgency, Watch};

#[test]
fn a_program_is_compiled_once_for_all_engines_alike() {
    let scratch = Scratch::new();
    let first = engine(&scratch, 1 << 30);
    assert_eq!(load(&first, 3).0, Source::Compiled);
    assert_eq!(load(&first, 3).0, Source::Cache);
    assert_eq!(load(&engine(&scratch, 1 << 30), 3).0, Source::Cache);
    assert_eq!(scratch.entries().len(), 1);
    // Other content is another program.
    assert_eq!(load(&first, 4).0, Source::Compiled);
    assert_eq!(load(&first, 3).0, Source::Cache);
    assert_eq!(scratch.entries().len(), 2);
}

#[test]
fn an_engine_whose_cache_is_not_prepared_compiles() {
    let scratch = Scratch::new();
    let engine = unprepared(&scratch.cache(), 1 << 30);
    for _ in 0..2 {
        assert_eq!(load(&engine, 3).0, Source::Compiled);
    }
    assert!(!scratch.cache().exists());
}

#[test]
fn the_least_recently_used_program_gives_way() {
    let scratch = Scratch::new();
    let measured = engine(&scratch, 1 << 30);
    load(&measured, 1);
    let size = scratch.entries()[0].metadata().unwrap().len();
    // Room for two.
    let engine = engine(&scratch, 2 * size + size / 2);
    load(&engine, 2);
    let long_ago = SystemTime::now() - Duration::from_secs(1000);
    for entry in scratch.entries() {
        let file = fs::File::open(entry).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    // Using it makes it the younger of the two.
    assert_eq!(load(&engine, 1).0, Source::Cache);
    load(&engine, 3);
    assert_eq!(scratch.entries().len(), 2);
    assert_eq!(load(&engine, 1).0, Source::Cache);
    assert_eq!(load(&engine, 3).0, Source::Cache);
    assert_eq!(load(&engine, 2).0, Source::Compiled);
    // What does not fit at all is not kept, and drives nothing out.
    let small = self::engine(&scratch, size / 2);
    let (source, told) = load(&small, 9);
    assert_eq!(
        (source, troubles(&told)),
        (Source::Compiled, vec![Trouble::NotKept])
    );
    assert!(
        told.trouble[0].1.contains("more than"),
        "{:?}",
        told.trouble
    );
    assert_eq!(scratch.entries().len(), 2);
}

/// The first programs whose locks are the one of this digit, and another one.
fn with_and_without_lock(digit: &str) -> (u32, u32) {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    let (mut with, mut without) = (None, None);
    for exit in 1.. {
        load(&engine, exit);
        let entry = scratch.entries().remove(0);
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        match name.starts_with(digit) {
            true => with = Some(exit),
            false => without = Some(exit),
        }
        if let (Some(with), Some(without)) = (with, without) {
            return (with, without);
        }
        fs::remove_file(entry).unwrap();
    }
    unreachable!()
}

#[test]
fn what_a_killed_process_left_is_cleaned_up() {
    let (with_f, without_f) = with_and_without_lock("f");
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    let file = |name: &str| {
        let path = scratch.cache().join("server").join(name);
        fs::write(&path, b"half a program").unwrap();
        path
    };
    let left = file(&format!("{}.part", "0a".repeat(32)));
    let busy = file(&format!("{}.part", "f0".repeat(32)));
    let strange = file("notes.txt");
    // Somebody writes the second one: its lock is held.
    let lock = fs::File::create(scratch.cache().join("server/lock-f")).unwrap();
    lock.lock().unwrap();
    load(&engine, without_f);
    assert!(!left.exists() && busy.exists() && strange.exists());
    // The system releases the locks of a process that dies.
    drop(lock);
    load(&engine, with_f);
    assert!(!busy.exists() && strange.exists());
}

#[test]
fn a_program_that_another_process_compiles_is_waited_for() {
    let (with_f, _) = with_and_without_lock("f");
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    let lock = fs::File::create(scratch.cache().join("server/lock-f")).unwrap();
    lock.lock().unwrap();
    // The other process has it done, and still holds its lock.
    let other = Scratch::new();
    load(&self::engine(&other, 1 << 30), with_f);
    let done = other.entries().remove(0);
    let mut waiting = Waiting {
        lock: Some(lock),
        done: done.clone(),
        to: scratch
            .cache()
            .join("server")
            .join(done.file_name().unwrap()),
        compiled: false,
    };
    let text = program(&format!("(call $exit (i32.const {with_f}))"));
    let bytes = wat::parse_str(text).unwrap();
    let (_, source) = engine
        .load_watched("test", &bytes, Urgency::Background, &mut waiting)
        .unwrap();
    assert_eq!(source, Source::Cache);
    assert!(waiting.lock.is_none() && !waiting.compiled);
}

/// Finishes the other process's work once this one has told that it waits.
struct Waiting {
    lock: Option<fs::File>,
    done: PathBuf,
    to: PathBuf,
    compiled: bool,
}

impl Watch for Waiting {
    fn phase(&mut self, phase: Phase, _: Duration) {
        match phase {
            Phase::Compiling => self.compiled = true,
            Phase::Waiting => {
                fs::copy(&self.done, &self.to).unwrap();
                self.lock = None;
            }
        }
    }

    fn trouble(&mut self, trouble: Trouble, detail: &str) {
        unreachable!("{trouble:?} {detail}");
    }
}

#[test]
fn threads_and_engines_that_want_one_program_compile_it_once() {
    let scratch = Scratch::new();
    let engines: Vec<Engine> = (0..2).map(|_| engine(&scratch, 1 << 30)).collect();
    let compiled: usize = std::thread::scope(|scope| {
        let loading: Vec<_> = engines
            .iter()
            .flat_map(|engine| [engine, engine, engine])
            .map(|engine| scope.spawn(|| load(engine, 7).1.compiled))
            .collect();
        loading.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(compiled, 1);
    assert_eq!(scratch.entries().len(), 1);
}
