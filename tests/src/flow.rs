//! Big bodies: bytes that can be made and checked without being kept, and memory that is watched while they pass.

use crate::client::chunk;
use crate::{Conn, Httpd, host};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One MiB.
pub const MIB: u64 = 1 << 20;

/// How much the children's resident sets may grow while a big body passes, in bytes.
const WINDOW: u64 = 24 * MIB;

/// A piece of the pattern that the probes write: byte i is (i + 1) mod 251. 251 such periods, so that pieces join.
pub fn pattern() -> Vec<u8> {
    (0..251 * 251).map(|i| ((i + 1) % 251) as u8).collect()
}

/// Checks bytes against the endless repetition of [`pattern`], and counts them.
pub struct Checker {
    pattern: Vec<u8>,
    at: usize,
    /// How many bytes have been right so far.
    pub count: u64,
}

impl Default for Checker {
    fn default() -> Self {
        Checker {
            pattern: pattern(),
            at: 0,
            count: 0,
        }
    }
}

impl Checker {
    /// Takes the next bytes, which must be right.
    pub fn take(&mut self, mut piece: &[u8]) {
        self.count += piece.len() as u64;
        while !piece.is_empty() {
            let n = piece.len().min(self.pattern.len() - self.at);
            assert!(
                piece.get(..n) == self.pattern.get(self.at..self.at + n),
                "byte {} or soon after is wrong",
                self.count
            );
            self.at = (self.at + n) % self.pattern.len();
            piece = piece.get(n..).unwrap_or_default();
        }
    }
}

/// Sends `total` bytes of the pattern, chunked, from a thread of its own while `read` takes the response.
pub fn upload(httpd: &Httpd, target: &str, total: u64, read: impl FnOnce(&mut Conn)) {
    let mut conn = httpd.connect();
    let mut sender = conn.sender();
    conn.send(format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    thread::scope(|scope| {
        scope.spawn(move || {
            let whole = pattern();
            let mut left = total;
            while left > 0 {
                let n = usize::try_from(left).map_or(whole.len(), |left| left.min(whole.len()));
                let piece = whole.get(..n).unwrap_or_default();
                if sender.write_all(&chunk(piece)).is_err() {
                    return;
                }
                left -= n as u64;
            }
            // If it fails, the reader sees it.
            let _ = sender.write_all(b"0\r\n\r\n");
        });
        read(&mut conn);
    });
}

/// Reads a response that must be `total` bytes of the pattern.
pub fn read_pattern(conn: &mut Conn, total: u64) {
    let head = conn.head();
    assert_eq!(head.status, 200);
    let mut checker = Checker::default();
    let complete = conn.read_body("POST", &head, &mut |piece| checker.take(piece));
    assert!(
        complete && checker.count == total,
        "{} of {total}",
        checker.count
    );
}

/// Watches the children's memory while `work` runs; fails when it grows beyond a window. `bytes` is what passes, for the report.
pub fn with_flat_memory(httpd: &Httpd, what: &str, bytes: u64, work: impl FnOnce()) {
    let (stop, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let (before, start) = (httpd.rss(), Instant::now());
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                peak.fetch_max(httpd.rss(), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        // Set even when the work fails, or the scope would wait for ever.
        let _guard = Guard(&stop);
        work();
    });
    let peak = peak.into_inner();
    let mib = |bytes: u64| bytes / MIB;
    host::report_figures(&format!(
        "{what}: {} MiB in {:.1} s, RSS of the child {} MiB before, {} MiB at most",
        mib(bytes),
        start.elapsed().as_secs_f64(),
        mib(before),
        mib(peak)
    ));
    assert!(
        peak < before + WINDOW,
        "{what}: {} MiB before, {} MiB at most",
        mib(before),
        mib(peak)
    );
}

struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
