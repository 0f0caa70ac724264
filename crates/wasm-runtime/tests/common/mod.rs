//! What the engine's own tests share: programs as text, and a client that is only a recording.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wasm_runtime::{
    BodyRead, Closed, Engine, EngineOptions, Error, Exchange, Field, LogLevel, Mount, Outcome,
    Request,
};

/// What a guest read, wrote and logged.
#[derive(Default)]
pub struct Record {
    pub input: Vec<u8>,
    pub output: Vec<u8>,
    pub flushes: usize,
    pub status: Option<u16>,
    pub ended: bool,
    pub lines: Vec<String>,
    pub gone: bool,
}

#[derive(Clone, Default)]
pub struct Client(pub Arc<Mutex<Record>>);

impl Client {
    pub fn record(&self) -> std::sync::MutexGuard<'_, Record> {
        self.0.lock().unwrap()
    }
}

impl Exchange for Client {
    fn read_body(&mut self, buf: &mut [u8], _: bool) -> Result<BodyRead, Closed> {
        let mut record = self.record();
        let n = buf.len().min(record.input.len());
        buf[..n].copy_from_slice(&record.input[..n]);
        record.input.drain(..n);
        Ok(match n {
            0 => BodyRead::End,
            n => BodyRead::Data(n),
        })
    }

    fn wait(&mut self, _: BorrowedFd<'_>, _: Duration) {}

    fn read_trailers(&mut self) -> Vec<Field<'_>> {
        Vec::new()
    }

    fn send_head(&mut self, status: u16, _: &[Field<'_>]) -> Result<(), Closed> {
        self.record().status = Some(status);
        Ok(())
    }

    fn write_body(&mut self, data: &[u8], flush: bool) -> Result<(), Closed> {
        let mut record = self.record();
        record.output.extend_from_slice(data);
        record.flushes += usize::from(flush);
        Ok(())
    }

    fn end_response(&mut self, _: &[Field<'_>], _: bool) -> Result<(), Closed> {
        self.record().ended = true;
        Ok(())
    }

    fn log(&mut self, _: LogLevel, line: &[u8]) {
        let line = String::from_utf8_lossy(line).into_owned();
        self.record().lines.push(line);
    }

    fn aborted(&mut self) -> bool {
        self.record().gone
    }
}

pub fn engine(instances: u32) -> Engine {
    let engine = Engine::new(&EngineOptions {
        max_instances: instances,
        memory_limit: 64 << 20,
        cache: None,
        compiler: None,
        allowed: wasm_runtime::Allowed::default(),
    })
    .unwrap();
    assert_eq!(engine.unpooled(), None);
    engine
}

pub fn request<'a>() -> Request<'a> {
    Request {
        args: &[b"guest"],
        env: &[],
        mounts: &[],
        temp_dir: None,
        cwd: None,
        entry_point: None,
        timeout: Duration::from_secs(30),
        memory_limit: 16 << 20,
        http: None,
        config: &[],
        outbound: None,
        reuse: None,
        backtrace: true,
        max_open_files: 64,
    }
}

/// Runs a program given as text.
pub fn run(text: &str, request: &Request<'_>, client: &Client) -> Result<Outcome, Error> {
    let guest = engine(1).load("test", &wat::parse_str(text).unwrap())?;
    guest.run(request, Box::new(client.clone()))
}

/// A preview 1 program: its imports, a page of memory, and a body for `_start`.
pub fn program(body: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\06\00\00\00")
            (data (i32.const 16) "hello\n")
            (func $hello (param $fd i32)
                (drop (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
            (func (export "_start") {body})
            (func (export "other") (call $hello (i32.const 1))))"#
    )
}

pub fn mount(host: &Path) -> Mount<'_> {
    Mount {
        host,
        guest: "/data",
        read_only: true,
    }
}
