//! What the tests of the cache share: a directory, engines that use it, and a load that is watched.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use crate::common::{Client, program, request};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use wasm_runtime::{
    CacheOptions, End, Engine, EngineOptions, Phase, Source, Trouble, Urgency, Watch,
};

/// A directory of its own for each test, removed afterwards.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
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
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// The programs in it.
    pub fn entries(&self) -> Vec<PathBuf> {
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
pub struct Told {
    pub compiled: usize,
    pub trouble: Vec<(Trouble, String)>,
}

impl Watch for Told {
    fn phase(&mut self, phase: Phase, elapsed: Duration) {
        self.compiled += usize::from(phase == Phase::Compiling && elapsed.is_zero());
    }

    fn trouble(&mut self, trouble: Trouble, detail: &str) {
        self.trouble.push((trouble, detail.to_owned()));
    }
}

/// An engine whose cache is not open yet.
pub fn unprepared(directory: &Path, max_size: u64) -> Engine {
    Engine::new(&EngineOptions {
        max_instances: 1,
        memory_limit: 64 << 20,
        cache: Some(CacheOptions {
            directory: directory.to_owned(),
            max_size,
            children: None,
        }),
        compiler: None,
        allowed: wasm_runtime::Allowed::default(),
    })
    .unwrap()
}

/// An engine with its cache.
pub fn engine(scratch: &Scratch, max_size: u64) -> Engine {
    let engine = unprepared(&scratch.cache(), max_size);
    engine.prepare_cache().unwrap();
    engine
}

/// Loads a program and runs it, which shows that what was mapped is what was meant.
pub fn load(engine: &Engine, exit: u32) -> (Source, Told) {
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

/// What kinds of trouble were told.
pub fn troubles(told: &Told) -> Vec<Trouble> {
    told.trouble.iter().map(|(trouble, _)| *trouble).collect()
}
