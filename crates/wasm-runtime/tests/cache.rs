//! The cache of compiled programs: what is found in it, what is not believed, and what gives way.
#![expect(clippy::unwrap_used, reason = "these are tests")]

#[expect(dead_code, reason = "each test program uses a part of it")]
mod common;

use common::{Client, program, request};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use wasm_runtime::{
    CacheOptions, End, Engine, EngineOptions, Phase, Source, Trouble, Urgency, Watch,
};

/// A program of another form.
const COMPONENT: &str = r#"(component
    (core module $m (func (export "run") (result i32) (i32.const 0)))
    (core instance $i (instantiate $m))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (instance $exported (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exported)))"#;

/// A directory of its own for each test, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "wasm-runtime-cache-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    /// Where the cache is to be.
    fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// The programs in it.
    fn entries(&self) -> Vec<PathBuf> {
        let all = fs::read_dir(self.cache().join("server")).unwrap();
        let mut all: Vec<PathBuf> = all
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "cwasm"))
            .collect();
        all.sort();
        all
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A leftover in the temporary directory is no reason to fail.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What was told while a program was loaded.
#[derive(Default)]
struct Told {
    compiled: usize,
    trouble: Vec<(Trouble, String)>,
}

impl Watch for Told {
    fn phase(&mut self, phase: Phase, elapsed: Duration) {
        self.compiled += usize::from(phase == Phase::Compiling && elapsed.is_zero());
    }

    fn trouble(&mut self, trouble: Trouble, detail: &str) {
        self.trouble.push((trouble, detail.to_owned()));
    }
}

fn unprepared(directory: &Path, max_size: u64) -> Engine {
    Engine::new(&EngineOptions {
        max_instances: 1,
        memory_limit: 64 << 20,
        cache: Some(CacheOptions {
            directory: directory.to_owned(),
            max_size,
            children: None,
        }),
    })
    .unwrap()
}

fn engine(scratch: &Scratch, max_size: u64) -> Engine {
    let engine = unprepared(&scratch.cache(), max_size);
    engine.prepare_cache().unwrap();
    engine
}

/// Loads a program and runs it, which shows that what was mapped is what was meant.
fn load(engine: &Engine, exit: u32) -> (Source, Told) {
    let text = program(&format!("(call $exit (i32.const {exit}))"));
    let bytes = wat::parse_str(text).unwrap();
    let mut told = Told::default();
    let (guest, source) = engine
        .load_watched("test", &bytes, Urgency::Background, &mut told)
        .unwrap();
    let outcome = guest.run(&request(), Box::new(Client::default())).unwrap();
    assert_eq!(outcome.end, End::Exited(exit));
    assert_eq!(told.compiled, usize::from(source == Source::Compiled));
    (source, told)
}

fn troubles(told: &Told) -> Vec<Trouble> {
    told.trouble.iter().map(|(trouble, _)| *trouble).collect()
}

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
fn a_damaged_program_is_compiled_again() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    load(&engine, 3);
    let entry = scratch.entries().remove(0);
    let good = fs::read(&entry).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [&flipped[..], &good[..good.len() - 1], b""] {
        fs::write(&entry, bad).unwrap();
        let (source, told) = load(&engine, 3);
        assert_eq!(source, Source::Compiled);
        assert_eq!(troubles(&told), [Trouble::Damaged]);
        assert!(told.trouble[0].1.contains("not what was written"));
        assert_eq!(fs::read(&entry).unwrap(), good);
        assert_eq!(load(&engine, 3).0, Source::Cache);
    }
}

#[test]
fn a_program_under_another_ones_name_is_not_believed() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    load(&engine, 3);
    let three = scratch.entries().remove(0);
    load(&engine, 4);
    let four = scratch.entries().into_iter().find(|e| *e != three).unwrap();
    // Whole: the content does not fit the checksum in the name.
    fs::copy(&four, &three).unwrap();
    assert_eq!(troubles(&load(&engine, 3).1), [Trouble::Damaged]);
    // With the right checksum the key is believed: only its owner could have made that.
    // What was not made for this engine and this form of program is then refused by Wasmtime.
    let before = scratch.entries();
    let component = wat::parse_str(COMPONENT).unwrap();
    engine.load("component", &component).unwrap();
    let foreign = scratch
        .entries()
        .into_iter()
        .find(|e| !before.contains(e))
        .unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let forged = format!("{}{}", &name(&three)[..64], &name(&foreign)[64..]);
    fs::remove_file(&three).unwrap();
    fs::rename(&foreign, three.with_file_name(&forged)).unwrap();
    let (source, told) = load(&engine, 3);
    assert_eq!(source, Source::Compiled);
    assert_eq!(troubles(&told), [Trouble::Damaged], "{:?}", told.trouble);
    assert!(!three.with_file_name(forged).exists());
}

#[test]
fn files_that_others_can_write_and_links_are_not_believed() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    load(&engine, 3);
    let entry = scratch.entries().remove(0);
    for mode in [0o602, 0o620, 0o666] {
        fs::set_permissions(&entry, Permissions::from_mode(mode)).unwrap();
        let (source, told) = load(&engine, 3);
        assert_eq!(source, Source::Compiled, "{mode:o}");
        assert!(
            told.trouble[0].1.contains("others can write it"),
            "{:?}",
            told.trouble
        );
    }
    let elsewhere = scratch.0.join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    let (source, told) = load(&engine, 3);
    assert_eq!(source, Source::Compiled);
    assert!(
        told.trouble[0].1.contains("symbolic link"),
        "{:?}",
        told.trouble
    );
    assert!(entry.symlink_metadata().unwrap().is_file());
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let scratch = Scratch::new();
    let refusal = |directory: &Path| {
        let engine = unprepared(directory, 1 << 30);
        let refused = engine.prepare_cache().err().map(|e| e.message);
        // Either way programs run.
        load(&engine, 3);
        refused
    };
    fs::create_dir(scratch.cache()).unwrap();
    for (mode, good) in [
        (0o777, false),
        (0o1777, false),
        (0o775, false),
        (0o755, true),
    ] {
        fs::set_permissions(scratch.cache(), Permissions::from_mode(mode)).unwrap();
        let refused = refusal(&scratch.cache());
        assert_eq!(refused.is_none(), good, "{mode:o}: {refused:?}");
        if let Some(text) = refused {
            let mode = format!("mode {mode:04o}");
            assert!(text.contains(&mode) && text.contains("/cache"), "{text}");
        }
    }
    let server = scratch.cache().join("server");
    fs::set_permissions(&server, Permissions::from_mode(0o722)).unwrap();
    assert!(refusal(&scratch.cache()).unwrap().contains("/cache/server"));

    let link = scratch.0.join("link");
    symlink(scratch.cache(), &link).unwrap();
    assert!(refusal(&link).unwrap().contains("a link or a file"));
    assert!(
        refusal(&scratch.0.join("missing/cache"))
            .unwrap()
            .contains("missing/cache")
    );
}

#[test]
fn a_directory_that_becomes_writable_is_not_used_any_more() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    load(&engine, 3);
    let server = scratch.cache().join("server");
    fs::set_permissions(&server, Permissions::from_mode(0o777)).unwrap();
    let (source, told) = load(&engine, 3);
    assert_eq!(
        (source, troubles(&told)),
        (Source::Compiled, vec![Trouble::NotKept])
    );
}

#[test]
fn a_directory_that_is_gone_is_told_and_made_again() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    fs::remove_dir_all(scratch.cache()).unwrap();
    let (source, told) = load(&engine, 3);
    assert_eq!(
        (source, troubles(&told)),
        (Source::Compiled, vec![Trouble::NotKept])
    );
    engine.prepare_cache().unwrap();
    assert_eq!(load(&engine, 3).0, Source::Compiled);
    assert_eq!(load(&engine, 3).0, Source::Cache);
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
