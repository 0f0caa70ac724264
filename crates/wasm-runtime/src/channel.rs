//! The guest's side of one request: reads its body, writes its response, logs its stderr.
//!
//! Everything a command reads or writes passes through one [`Channel`], which also keeps the two
//! things that deadlines and streaming need: how long the guest waited for the client, and
//! whether output lies unflushed. An http guest has one for its standard streams alone. It must not know
//! which WASI version the guest speaks.

mod reader;

pub use reader::Reader;

use crate::budget::Budget;
use crate::lines::Lines;
use crate::lines::MAX_LINE;
use crate::outcome::Stop;
use bytes::Bytes;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A header or trailer field: its name and its value.
pub type Field<'a> = (&'a [u8], &'a [u8]);

/// What the embedding server offers a guest during one run. All calls are made on the thread that
/// called [`Guest::run`](crate::Guest::run), one at a time, and may block.
pub trait Exchange: Send {
    /// Reads more of the request body. With `wait` it blocks until there is something.
    fn read_body(&mut self, buf: &mut [u8], wait: bool) -> Result<BodyRead, Closed>;
    /// Blocks until `read_body` may have more, `wake` can be read, or `most` is over. Called when the guest waits for its body and
    /// for other things at once.
    fn wait(&mut self, wake: BorrowedFd<'_>, most: Duration);
    /// The trailer fields of the request, once its body has ended.
    fn read_trailers(&mut self) -> Vec<Field<'_>>;
    /// Takes the status and header fields of an http guest's response.
    fn send_head(&mut self, status: u16, fields: &[Field<'_>]) -> Result<(), Closed>;
    /// Takes a piece of the response; with `flush`, all that was taken so far goes to the client.
    fn write_body(&mut self, data: &[u8], flush: bool) -> Result<(), Closed>;
    /// An http guest's response is whole; with `flush`, the guest goes on without it.
    fn end_response(&mut self, trailers: &[Field<'_>], flush: bool) -> Result<(), Closed>;
    /// Takes one line for the log, without its end.
    fn log(&mut self, level: LogLevel, line: &[u8]);
    /// Whether the client has gone.
    fn aborted(&mut self) -> bool;
}

/// What reading the request body gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRead {
    /// So many bytes, at least one.
    Data(usize),
    /// The body is over.
    End,
    /// Nothing has come yet; only without waiting.
    Later,
}

/// A callback's word to stop the guest.
#[derive(Clone, Copy, Debug)]
pub struct Closed;

/// What a line for the log is, and how grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// A line written to stderr, or by an http guest to stdout.
    Stderr,
    /// A message through `wasi:logging`.
    Trace,
    /// See [`LogLevel::Trace`].
    Debug,
    /// See [`LogLevel::Trace`].
    Info,
    /// See [`LogLevel::Trace`].
    Warn,
    /// See [`LogLevel::Trace`].
    Error,
    /// See [`LogLevel::Trace`].
    Critical,
    /// The engine's word that it refused a connection.
    Denied,
    /// The engine's word that the guest has as many files open as it may.
    FileLimit,
    /// The engine's word that it refused to open a file because the process has few descriptors left.
    FileReserve,
}

/// The most that is read from the server at once.
const READ_AHEAD: usize = 64 * 1024;

/// The most that is taken from the guest at once, and about the most that is deferred.
pub(crate) const MOST_AT_ONCE: usize = 64 * 1024;

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
    budget: Budget,
    client_checked: Instant,
    lines: Lines,
    deferred: Option<Deferred>,
    /// Those who wait for more of the body.
    readers: Vec<(u64, Waker)>,
    next_reader: u64,
}

/// Output that waits for [`Channel::deliver`].
#[derive(Default)]
struct Deferred {
    data: Vec<u8>,
    /// Those who wait for room.
    writers: Vec<Waker>,
}

impl Channel {
    /// A channel whose guest has this much time.
    pub fn new(exchange: Box<dyn Exchange>, budget: Budget) -> Channel {
        Channel(Arc::new(Mutex::new(Inner {
            exchange,
            ahead: Bytes::new(),
            at_end: false,
            closed: false,
            unflushed: false,
            budget,
            client_checked: Instant::now(),
            lines: Lines::default(),
            deferred: None,
            readers: Vec::new(),
            next_reader: 0,
        })))
    }

    /// From now on no output is sent from within the guest: whoever polls it calls [`Channel::deliver`] afterwards. For guests
    /// with concurrent calls, since what sends the output may run another guest, and Wasmtime does not let such calls nest.
    pub fn defer(&self) {
        self.lock().deferred = Some(Deferred::default());
    }

    /// Sends what has been deferred; says whether somebody waited for that.
    pub fn deliver(&self) -> Result<bool, Stop> {
        let mut inner = self.lock();
        let Some(Deferred { data, writers }) = inner.deferred.as_mut().map(std::mem::take) else {
            return Ok(false);
        };
        if !data.is_empty() {
            inner.send(&data, false)?;
        }
        let waited = !writers.is_empty();
        drop(inner);
        writers.into_iter().for_each(Waker::wake);
        Ok(waited)
    }

    /// How many bytes a write may have now; 0 until some have been delivered.
    pub fn room(&self) -> usize {
        let taken = self.lock().deferred.as_ref().map_or(0, |d| d.data.len());
        MOST_AT_ONCE.saturating_sub(taken)
    }

    /// Waits for room.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.lock().deferred {
            Some(deferred) if deferred.data.len() >= MOST_AT_ONCE => {
                deferred.writers.push(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
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
        Ok(inner.take_ahead(buf))
    }

    /// Takes what there is of the body without waiting, perhaps nothing; `None` at its end.
    pub fn take_ready(&self, most: usize) -> Result<Option<Bytes>, Stop> {
        let mut inner = self.lock();
        inner.fetch()?;
        if inner.ahead.is_empty() && inner.at_end {
            return Ok(None);
        }
        let n = most.min(inner.ahead.len());
        Ok(Some(inner.ahead.split_to(n)))
    }

    /// Writes all of `data` to the response, waiting for the client unless output is deferred.
    pub fn write(&self, data: &[u8]) -> Result<(), Stop> {
        let mut inner = self.lock();
        inner.unflushed = true;
        match &mut inner.deferred {
            Some(deferred) => {
                deferred.data.extend_from_slice(data);
                Ok(())
            }
            None => inner.send(data, false),
        }
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

    /// Logs a message that the guest sent through `wasi:logging`, each of its lines by itself.
    pub fn log(&self, level: LogLevel, text: &[u8]) {
        let mut inner = self.lock();
        for line in text.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            inner.exchange.log(level, &line[..line.len().min(MAX_LINE)]);
        }
    }

    /// Time that the guest has left; what it waited for the client does not count.
    pub fn time_left(&self) -> Duration {
        self.lock().budget.left()
    }

    /// Whether the guest must stop: called at every tick of the clock while it runs or sleeps.
    pub fn check(&self) -> Result<(), Stop> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(Stop::ClientGone);
        }
        if inner.budget.is_over() {
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
    fn receive(&mut self, buf: &mut [u8]) -> Result<usize, Stop> {
        if self.at_end || buf.is_empty() {
            return Ok(0);
        }
        // The server flushes before it blocks.
        self.unflushed = false;
        match self.wait(|exchange| exchange.read_body(buf, true))? {
            BodyRead::Data(n) => Ok(n),
            // A server that answers "later" to a call that waits has nothing more to say.
            BodyRead::End | BodyRead::Later => {
                self.at_end = true;
                Ok(0)
            }
        }
    }

    fn send(&mut self, data: &[u8], flush: bool) -> Result<(), Stop> {
        self.wait(|exchange| exchange.write_body(data, flush))
    }

    /// Makes a call that may wait for the client, off the guest's clock.
    fn wait<R>(
        &mut self,
        call: impl FnOnce(&mut dyn Exchange) -> Result<R, Closed>,
    ) -> Result<R, Stop> {
        if self.closed {
            return Err(Stop::ClientGone);
        }
        let exchange = self.exchange.as_mut();
        let result = self.budget.waiting(|| call(exchange));
        result.map_err(|Closed| {
            self.closed = true;
            Stop::ClientGone
        })
    }
}
