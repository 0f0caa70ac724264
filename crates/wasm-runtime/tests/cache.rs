//! The cache of compiled programs: what is found in it, who waits for whom, what gives way.
#![expect(clippy::unwrap_used, reason = "these are tests")]

#[expect(dead_code, reason = "each test program uses a part of it")]
mod common;
mod scratch;

use common::program;
use rustix::fs::{FlockOperation, fcntl_lock};
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

#[test]
fn a_program_that_another_process_compiles_is_waited_for() {
    let other = Scratch::new();
    load(&engine(&other, 1 << 30), 3);
    // Both know the same secret.
    let scratch = Scratch::new();
    fs::create_dir(scratch.cache()).unwrap();
    let secret = |scratch: &Scratch| scratch.cache().join("secret");
    fs::copy(secret(&other), secret(&scratch)).unwrap();
    let engine = engine(&scratch, 1 << 30);
    // The other process has it done, and still holds all locks.
    let lock = fs::File::create(scratch.cache().join("server/lock")).unwrap();
    fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
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
    let text = program("(call $exit (i32.const 3))");
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
