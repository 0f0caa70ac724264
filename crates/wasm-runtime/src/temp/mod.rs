//! Private temporary directories: made for one instance, bounded while it runs, removed with it.
//!
//! | file | what it does |
//! |---|---|
//! | `home` | the one directory of this process that holds them, and what a killed process has left |
//! | `usage` | what a directory takes |
//! | `clear` | removes a directory with all its content |
//!
//! A guest writes by the system's own calls, so its directory is not asked before but looked at afterwards: it can go
//! beyond its limits by what it writes between two looks. Nothing here knows how a guest is run.

mod clear;
mod home;
mod usage;

pub use home::Homes;
pub use usage::Excess;

use crate::clock::TICK;
use crate::outcome::Stop;
use home::Home;
use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use usage::{Limit, Usage};

/// Looks are never closer together than this.
const SHORTEST: Duration = Duration::from_millis(1);

/// The time between two looks is at least so many times what a look takes: looking costs a guest at most a tenth of its
/// time, however many files it has.
const COST: u32 = 10;

/// More bytes than a guest writes in a nanosecond.
const BYTES_PER_NANOSECOND: u64 = 4;

/// Less time than a guest needs to make a file, in nanoseconds.
const NANOSECONDS_PER_FILE: u64 = 5000;

/// The directory of one instance. Dropping it removes all its content.
pub struct TempDir {
    home: Arc<Home>,
    name: CString,
    limit: Limit,
    /// When to look at it again.
    next: Instant,
    /// It may become another instance's when nothing is in it.
    reusable: bool,
}

impl TempDir {
    fn new(home: Arc<Home>, name: CString, limit: Limit) -> TempDir {
        let pause = pause(&Usage::default(), &limit, Duration::ZERO);
        TempDir {
            home,
            name,
            limit,
            next: Instant::now() + pause,
            reusable: true,
        }
    }

    /// Sees to it that no other instance gets it, also if it is empty when it is dropped.
    pub fn use_once(&mut self) {
        self.reusable = false;
    }

    /// Looks at what it takes, if it is time to. Called whenever the guest might have written.
    pub fn check(&mut self) -> Result<(), Stop> {
        let begun = Instant::now();
        if begun < self.next {
            return Ok(());
        }
        let usage = usage::measure(&self.home, &self.name, &self.limit).map_err(Stop::TempDir)?;
        let end = Instant::now();
        self.next = end + pause(&usage, &self.limit, end - begun);
        Ok(())
    }

    /// Its path on the host.
    pub fn host(&self) -> impl AsRef<Path> {
        self.home.path_of(&self.name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        self.home.give_back(&self.name, self.reusable);
    }
}

/// How long a guest is left alone: about as long as it needs to fill what is left of its limits.
fn pause(usage: &Usage, limit: &Limit, cost: Duration) -> Duration {
    let bytes = limit.bytes.saturating_sub(usage.bytes) / BYTES_PER_NANOSECOND;
    let files =
        u64::from(limit.files.saturating_sub(usage.files)).saturating_mul(NANOSECONDS_PER_FILE);
    Duration::from_nanos(bytes.min(files))
        .clamp(SHORTEST, TICK)
        .max(cost.saturating_mul(COST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn pause_at(bytes: u64, files: u32, cost: Duration) -> Duration {
        let limit = Limit {
            bytes: 64 * MIB,
            files: 4096,
        };
        pause(&Usage { bytes, files }, &limit, cost)
    }

    #[test]
    fn the_fuller_it_is_the_closer_it_is_looked_at() {
        let none = Duration::ZERO;
        assert_eq!(pause_at(0, 0, none), TICK);
        let half = pause_at(48 * MIB, 0, none);
        assert!(SHORTEST < half && half < TICK, "{half:?}");
        assert_eq!(pause_at(64 * MIB, 0, none), SHORTEST);
        assert_eq!(pause_at(0, 4096, none), SHORTEST);
    }

    #[test]
    fn looking_takes_a_tenth_of_the_time_at_most() {
        let cost = Duration::from_millis(3);
        assert_eq!(pause_at(64 * MIB, 4096, cost), cost * COST);
    }
}
