//! The guest's side of one request: reads its body, writes its response, logs its stderr.
//!
//! Everything a guest reads or writes passes through one [`Channel`], which also keeps the two
//! things that deadlines and streaming need: how long the guest waited for the client, and
//! whether output lies unflushed. It must not know which WASI version the guest speaks.

use crate::lines::Lines;
use crate::outcome::Stop;
use bytes::{Buf, Bytes};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the embedding server offers a guest during one run. All calls are made on the thread that
/// called [`Guest::run`](crate::Guest::run), one at a time, and may block.
pub trait Exchange: Send {
    /// Reads more of the request body; 0 is its end.
    fn read_body(&mut self, buf: &mut [u8]) -> Result<usize, Closed>;
    /// Takes a piece of the response; with `flush`, all that was taken so far goes to the client.
    fn write_body(&mut self, data: &[u8], flush: bool) -> Result<(), Closed>;
    /// Takes one line of the guest's stderr, without its end.
    fn log(&mut self, level: LogLevel, line: &[u8]);
    /// Whether the client has gone.
    fn aborted(&mut self) -> bool;
}

/// A callback's word to stop the guest.
#[derive(Clone, Copy, Debug)]
pub struct Closed;

/// How grave a line of the guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// A line written to stderr.
    Stderr,
}

/// The most that is read from the server at once.
const READ_AHEAD: usize = 64 * 1024;

/// How often the client is looked at while the guest keeps the thread busy.
const CLIENT_CHECK: Duration = Duration::from_millis(100);

/// One request's input and output, shared by the handles that a guest may open on its stdio.
#[derive(Clone)]
pub struct Channel(Arc<Mutex<Inner>>);

struct Inner {
    exchange: Box<dyn Exchange>,
    ahead: Bytes,
    at_end: bool,
    closed: bool,
    unflushed: bool,
    started: Instant,
    waited: Duration,
    budget: Duration,
    client_checked: Instant,
    lines: Lines,
}

impl Channel {
    /// A channel whose guest may take `budget` of its own time, counted from now.
    pub fn new(exchange: Box<dyn Exchange>, budget: Duration) -> Channel {
        let now = Instant::now();
        Channel(Arc::new(Mutex::new(Inner {
            exchange,
            ahead: Bytes::new(),
            at_end: false,
            closed: false,
            unflushed: false,
            started: now,
            waited: Duration::ZERO,
            budget,
            client_checked: now,
            lines: Lines::default(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads into `buf`, waiting for the client; 0 is the end of the body.
    pub fn read(&self, buf: &mut [u8]) -> Result<usize, Stop> {
        let mut inner = self.lock();
        if inner.ahead.is_empty() {
            return inner.receive(buf);
        }
        let n = buf.len().min(inner.ahead.len());
        inner.ahead.copy_to_slice(&mut buf[..n]);
        Ok(n)
    }

    /// Waits until a read would not wait.
    pub fn wait_readable(&self) -> Result<(), Stop> {
        let mut inner = self.lock();
        if inner.ahead.is_empty() && !inner.at_end {
            let mut buf = vec![0; READ_AHEAD];
            let n = inner.receive(&mut buf)?;
            buf.truncate(n);
            inner.ahead = Bytes::from(buf);
        }
        Ok(())
    }

    /// Takes what [`wait_readable`](Self::wait_readable) has fetched; `None` at the end of the body.
    pub fn take_ready(&self, most: usize) -> Option<Bytes> {
        let mut inner = self.lock();
        if inner.ahead.is_empty() && inner.at_end {
            return None;
        }
        let n = most.min(inner.ahead.len());
        Some(inner.ahead.split_to(n))
    }

    /// Writes all of `data` to the response, waiting for the client.
    pub fn write(&self, data: &[u8]) -> Result<(), Stop> {
        let mut inner = self.lock();
        inner.unflushed = true;
        inner.send(data, false)
    }

    /// Sends what lies unflushed to the client.
    pub fn flush(&self) -> Result<(), Stop> {
        let mut inner = self.lock();
        if !inner.unflushed {
            return Ok(());
        }
        inner.unflushed = false;
        inner.send(&[], true)
    }

    /// Logs what the guest wrote to stderr, line by line.
    pub fn write_stderr(&self, data: &[u8]) {
        let Inner {
            lines, exchange, ..
        } = &mut *self.lock();
        lines.push(data, |line| exchange.log(LogLevel::Stderr, line));
    }

    /// Logs an unfinished last line; call it once, after the guest has ended.
    pub fn finish_stderr(&self) {
        let Inner {
            lines, exchange, ..
        } = &mut *self.lock();
        lines.finish(|line| exchange.log(LogLevel::Stderr, line));
    }

    /// Time that the guest has left; what it waited for the client does not count.
    pub fn time_left(&self) -> Duration {
        self.lock().time_left()
    }

    /// Whether the guest must stop: called at every tick of the clock while it runs or sleeps.
    pub fn check(&self) -> Result<(), Stop> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(Stop::ClientGone);
        }
        if inner.time_left().is_zero() {
            return Err(Stop::TimedOut);
        }
        if inner.client_checked.elapsed() >= CLIENT_CHECK {
            inner.client_checked = Instant::now();
            if inner.exchange.aborted() {
                inner.closed = true;
                return Err(Stop::ClientGone);
            }
        }
        Ok(())
    }
}

impl Inner {
    fn time_left(&self) -> Duration {
        let own = self.started.elapsed().saturating_sub(self.waited);
        self.budget.saturating_sub(own)
    }

    fn receive(&mut self, buf: &mut [u8]) -> Result<usize, Stop> {
        if self.at_end || buf.is_empty() {
            return Ok(0);
        }
        // The server flushes before it blocks.
        self.unflushed = false;
        let n = self.wait(|exchange| exchange.read_body(buf))?;
        self.at_end = n == 0;
        Ok(n)
    }

    fn send(&mut self, data: &[u8], flush: bool) -> Result<(), Stop> {
        self.wait(|exchange| exchange.write_body(data, flush))
    }

    /// Makes a call that may wait for the client. The waiting is off the guest's clock; what the call
    /// computes (filters that compress, encrypt) is on it, or endless output would cost nothing.
    fn wait<R>(
        &mut self,
        call: impl FnOnce(&mut dyn Exchange) -> Result<R, Closed>,
    ) -> Result<R, Stop> {
        if self.closed {
            return Err(Stop::ClientGone);
        }
        let (begun, busy) = (Instant::now(), thread_cpu_time());
        let result = call(self.exchange.as_mut());
        let computed = thread_cpu_time().saturating_sub(busy);
        self.waited += begun.elapsed().saturating_sub(computed);
        result.map_err(|Closed| {
            self.closed = true;
            Stop::ClientGone
        })
    }
}

/// How long this thread has been computing.
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // Neither is ever negative.
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
