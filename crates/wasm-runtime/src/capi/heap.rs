//! Gives memory of the heap back to the system after runs that needed much of it: the allocator keeps what is freed, in a
//! part of the heap for nearly each thread.
//!
//! Whether much is kept is told from the memory of the whole process, since what a run took is freed by many hands. That is
//! looked at when a run has taken its time anyway, and now and then. Where it has grown, the heap is trimmed; and again as
//! the runs end that were under way then, each of which may have freed what it had.

use std::env;
use std::ffi::c_int;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

/// Bytes that may come to stay before the heap is trimmed.
const MUCH: usize = 24 << 20;

/// A run that takes so long can afford a look: that is some microseconds.
const LONG: Duration = Duration::from_millis(2);

/// Of shorter runs, every so many are followed by a look.
const NOW_AND_THEN: usize = 64;

/// The size of a page in `/proc/self/statm`. Where it is larger, less is found to be much.
const PAGE: usize = 4096;

/// The fewest bytes that the process has ever had.
static FEWEST: AtomicUsize = AtomicUsize::new(usize::MAX);
/// What it had after the heap was trimmed last, and how many runs were under way then.
static TRIMMED: AtomicUsize = AtomicUsize::new(0);
static TRIMMED_AMONG: AtomicUsize = AtomicUsize::new(0);
static TRIMMING: AtomicBool = AtomicBool::new(false);
/// A run has ended while the heap was being trimmed, which may have been too early for what it had.
static TOO_EARLY: AtomicBool = AtomicBool::new(false);
/// Runs under way, and those that have ended.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

/// A run, held as long as it has any memory.
pub struct Run {
    begun: Instant,
}

impl Run {
    /// It begins.
    pub fn begin() -> Run {
        static SET: Once = Once::new();
        SET.call_once(set_thresholds);
        UNDER_WAY.fetch_add(1, Ordering::Relaxed);
        Run {
            begun: Instant::now(),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let others = UNDER_WAY.fetch_sub(1, Ordering::Relaxed) - 1;
        let ended = ENDED.fetch_add(1, Ordering::Relaxed);
        if self.begun.elapsed() >= LONG || ended.is_multiple_of(NOW_AND_THEN) {
            look(others);
        }
    }
}

/// Whether the process has much more memory than it had when it had least. To be asked by a process that runs guests, which does
/// not fork: the file stays open, since this is asked often.
pub fn has_grown() -> bool {
    static STATM: OnceLock<Option<File>> = OnceLock::new();
    let bytes = STATM.get_or_init(statm).as_ref().and_then(private_bytes_in);
    bytes.is_some_and(|bytes| bytes - least(bytes) >= MUCH)
}

/// The fewest bytes that the process has ever had; these are what it has now.
fn least(bytes: usize) -> usize {
    FEWEST.fetch_min(bytes, Ordering::Relaxed).min(bytes)
}

/// Trims the heap if that may be worth it. The argument is how many runs are under way.
fn look(runs: usize) {
    let Some(bytes) = private_bytes() else {
        return;
    };
    if bytes - least(bytes) < MUCH {
        return;
    }
    let grown = bytes > TRIMMED.load(Ordering::Relaxed).saturating_add(MUCH);
    if !grown && runs >= TRIMMED_AMONG.load(Ordering::Relaxed) {
        return;
    }
    trim();
}

/// What was freed goes back to the system, unless another thread sees to that already. It takes some milliseconds where there is
/// much.
pub fn trim() {
    if TRIMMING.swap(true, Ordering::Acquire) {
        TOO_EARLY.store(true, Ordering::Relaxed);
        return;
    }
    TOO_EARLY.store(false, Ordering::Relaxed);
    give_memory_back();
    TRIMMED.store(private_bytes().unwrap_or(0), Ordering::Relaxed);
    // What has begun meanwhile is in these bytes too, and one that has ended meanwhile is looked for like one under way.
    let ended = usize::from(TOO_EARLY.load(Ordering::Relaxed));
    let among = UNDER_WAY.load(Ordering::Relaxed) + ended;
    TRIMMED_AMONG.store(among, Ordering::Relaxed);
    TRIMMING.store(false, Ordering::Release);
}

/// Bytes that are resident and of this process alone.
fn private_bytes() -> Option<usize> {
    private_bytes_in(&statm()?)
}

/// Opens what the system says of this process: of the one that opens it, not of those that inherit it.
fn statm() -> Option<File> {
    File::open("/proc/self/statm").ok()
}

fn private_bytes_in(statm: &File) -> Option<usize> {
    let mut text = [0; 128];
    let length = statm.read_at(&mut text, 0).ok()?;
    let text = str::from_utf8(text.get(..length)?).ok()?;
    let mut numbers = text.split(' ').map(str::parse::<usize>);
    let (_, resident, shared) = (numbers.next()?, numbers.next()?, numbers.next()?);
    Some(resident.ok()?.saturating_sub(shared.ok()?) * PAGE)
}

/// A block from this size on is memory of its own, which goes back when it is freed; and more than this at the end of a part
/// of the heap goes back at once, where trimming never looks. By itself the allocator raises both to the largest block that
/// was ever freed, which any program can have.
const THRESHOLD: c_int = 1 << 20;

/// Keeps the allocator from learning from hostile programs, unless the operator has told it what to do.
fn set_thresholds() {
    if env::var_os("GLIBC_TUNABLES").is_some() {
        return;
    }
    #[cfg(target_env = "gnu")]
    for parameter in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: it takes two numbers, and may be called at any time.
        unsafe { libc::mallopt(parameter, THRESHOLD) };
    }
}

fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes a number, and may be called at any time.
    unsafe {
        libc::malloc_trim(0)
    };
}
