//! Reads, checks and compiles a program in a process of its own, which may die of it.
//!
//! Whatever is done with the bytes of a program that strangers wrote takes as much memory and time as those want, and
//! recursion as deep. So it is done by the helper, an executable that lies beside this library and opens it: it gets the
//! program and the place for the code by descriptor, has no privileges, and is bounded by the kernel. Its death is an error
//! of that program and nothing else. The server's side is here, the helper's in [`helper`], and what both know of a job in
//! [`job`].

pub mod helper;
mod job;
mod report;

pub use job::{Job, JobKind, Order};
pub use report::{Report, Summary};

use crate::program::{SealedCopy, memory, seal};
use crate::{Error, ErrorCode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How much of what the helper writes is kept: a report, and what a panic said before it.
const KEPT: usize = 16 << 10;

/// The status of a helper that found no library which can do its job.
const NO_LIBRARY: i32 = 120;

/// How programs are compiled outside of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerOptions {
    /// The helper's executable.
    pub helper: PathBuf,
    /// Processor time that one job may take.
    pub time: Duration,
    /// Memory that one job may take, bytes.
    pub memory: u64,
    /// Maximum size of a program, bytes.
    pub program_size: u64,
    /// User and group of the helper where this process is root; `None`: those that the system calls nobody.
    pub identity: Option<(u32, u32)>,
}

/// Compiled code that a helper has written and that nobody can change any more.
pub struct Code {
    /// What is known of the program.
    pub summary: Summary,
    /// The code.
    pub file: File,
}

impl CompilerOptions {
    /// Memory that a job may take, bytes: four times as much where nothing is served meanwhile. Then there is one at a time, of a
    /// program that the operator names.
    pub fn memory_for(&self, background: bool) -> u64 {
        match background {
            true => self.memory,
            false => self.memory.saturating_mul(4),
        }
    }

    /// Time by the clock after which a job is ended in any case: its processor time on a machine that is busy otherwise.
    pub fn patience(&self) -> Duration {
        self.time
            .saturating_mul(4)
            .saturating_add(Duration::from_secs(10))
    }

    /// Whether a program can be run, and what it is.
    ///
    /// # Errors
    /// What is wrong with it; [`ErrorCode::CompileLimit`] when finding out took too much;
    /// [`ErrorCode::Engine`] when it could not be tried.
    pub fn check(&self, job: &Job<'_>, program: &SealedCopy) -> Result<Summary, Error> {
        let code = memory("wasm-code").map_err(|e| failed("cannot make room for a report", &e))?;
        self.run(job, program, &code)
    }

    /// Compiles a program.
    ///
    /// # Errors
    /// As [`CompilerOptions::check`].
    pub fn compile(&self, job: &Job<'_>, program: &SealedCopy) -> Result<Code, Error> {
        let file = memory("wasm-code").map_err(|e| failed("cannot make room for the code", &e))?;
        let summary = self.run(job, program, &file)?;
        // The helper is gone, so nobody has it mapped.
        seal(&file).map_err(|e| failed("cannot seal the code", &e))?;
        let size = file
            .metadata()
            .map_err(|e| failed("cannot look at the code", &e))?
            .len();
        if size != summary.code || size == 0 {
            let text = format!(
                "the compiler said {} bytes of code and wrote {size}",
                summary.code
            );
            return Err(Error::new(ErrorCode::Engine, text));
        }
        Ok(Code { summary, file })
    }

    fn run(&self, job: &Job<'_>, program: &SealedCopy, output: &File) -> Result<Summary, Error> {
        let deadline = Instant::now() + self.patience();
        let (child, pipe) = self
            .start(job, program, output)
            .map_err(|e| failed(&format!("cannot start {}", self.helper.display()), &e))?;
        let mut running = Running(child);
        let (said, late) =
            listen(pipe, deadline).map_err(|e| failed("cannot hear of the compiler", &e))?;
        if late {
            // An error means that it has ended by itself.
            let _ = running.0.kill();
        }
        let status = running
            .0
            .wait()
            .map_err(|e| failed("cannot wait for the compiler", &e))?;
        if late {
            return Err(self.limit(job, "time", status));
        }
        match Report::decode(&said) {
            Some(Report::Good(summary)) if status.success() => Ok(summary),
            Some(Report::Refused(code, text)) if status.success() => Err(Error::new(code, text)),
            _ => Err(self.death(job, status, &said)),
        }
    }

    /// Starts the helper: the standard library uses `posix_spawn` for this, which is safe in a process with threads.
    fn start(
        &self,
        job: &Job<'_>,
        program: &SealedCopy,
        output: &File,
    ) -> io::Result<(Child, PipeReader)> {
        let (reader, writer) = io::pipe()?;
        let child = Command::new(&self.helper)
            .args(job.arguments(self))
            .env_clear()
            // Each arena takes address space by the tens of megabytes.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::from(program.file.try_clone()?))
            .stdout(Stdio::from(output.try_clone()?))
            .stderr(Stdio::from(writer))
            .current_dir("/")
            .spawn()?;
        Ok((child, reader))
    }

    /// What it means that the helper ended without a report.
    fn death(&self, job: &Job<'_>, status: ExitStatus, said: &[u8]) -> Error {
        let text = String::from_utf8_lossy(said);
        if status.code() == Some(NO_LIBRARY) {
            let text = format!(
                "{} cannot use the libwasm_runtime.so beside it; if that has been replaced, stop httpd and start it",
                self.helper.display()
            );
            return Error::new(ErrorCode::Engine, text);
        }
        match status.signal() {
            Some(libc::SIGXCPU) => self.limit(job, "time", status),
            // The hard limit of processor time ends it so too, as does a kernel that is short of memory.
            Some(libc::SIGKILL) => self.limit(job, "time or memory", status),
            Some(libc::SIGXFSZ) => self.limit(job, "memory", status),
            Some(libc::SIGABRT) if text.contains("memory allocation of") => {
                self.limit(job, "memory", status)
            }
            Some(libc::SIGABRT) if text.contains("overflowed its stack") => {
                self.limit(job, "depth", status)
            }
            Some(libc::SIGSEGV | libc::SIGBUS) => self.limit(job, "depth", status),
            _ if text.contains("memory allocation of") || text.contains("out of memory") => {
                self.limit(job, "memory", status)
            }
            _ => {
                let text = format!(
                    "the process that compiles it has ended ({status}): {}",
                    crate::text::line(last_line(&text))
                );
                Error::new(ErrorCode::CompileLimit, text)
            }
        }
    }

    fn limit(&self, job: &Job<'_>, what: &str, status: ExitStatus) -> Error {
        let (time, memory) = (
            self.time.as_secs_f64(),
            self.memory_for(job.background) >> 20,
        );
        let text = match what {
            "time" => format!("compiling it takes more than {time} s of processor time"),
            "memory" => format!("compiling it takes more than {memory} MiB of memory"),
            "depth" => "it is nested too deeply to be compiled".to_owned(),
            _ => format!(
                "the system has ended its compilation ({status}): it took more than {time} s, or the machine is short of memory"
            ),
        };
        Error::new(ErrorCode::CompileLimit, text)
    }
}

/// A helper that is ended with the call that has started it, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended and has been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads until the other side ends, and keeps the last of it. The flag says that `deadline` came before.
fn listen(mut pipe: PipeReader, deadline: Instant) -> io::Result<(Vec<u8>, bool)> {
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok((said, true));
        }
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut fds = [PollFd::new(&pipe, PollFlags::IN)];
        match poll(&mut fds, Some(&left)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => match pipe.read(&mut buffer) {
                Ok(0) => return Ok((said, false)),
                Ok(n) => {
                    said.extend_from_slice(&buffer[..n]);
                    let surplus = said.len().saturating_sub(KEPT);
                    said.drain(..surplus);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            },
            Err(e) => return Err(e.into()),
        }
    }
}

fn last_line(text: &str) -> &str {
    let line = text.lines().rfind(|line| !line.trim().is_empty());
    let line = line.unwrap_or("it said nothing");
    &line[..line.floor_char_boundary(200)]
}

fn failed(what: &str, error: &io::Error) -> Error {
    Error::new(ErrorCode::Engine, format!("{what}: {error}"))
}
