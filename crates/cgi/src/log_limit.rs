//! How much of the error log the programs of one place may fill in a second, in all processes of a server together: enough to
//! find a fault, not enough to fill a disk. Must not know how a line is logged, what a place is, nor whose memory this is.
//!
//! All that is known lies in numbers that the processes share, without a lock: one that is killed in the middle keeps nobody
//! waiting. The bound is exact because `paid` is one number, changed by compare-exchange, and so every line is judged by what all
//! before it have left there. That needs no order between different numbers, hence `Relaxed`; the one exception is in
//! [`Quota::drop_line`].

use std::num::NonZeroU64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Instant;

/// How often it is told at most that something was dropped, in nanoseconds.
const NOTICE: u64 = SECOND;
/// After a quiet time so much may be logged at once as otherwise in this time, in nanoseconds.
const BURST: u64 = 4 * SECOND;
const SECOND: u64 = 1_000_000_000;
/// The owner of a slot that has none.
const NOBODY: u64 = 0;

/// Numbers that belong to one place. Six are used; with eight no place shares a cache line with another.
const NUMBERS: usize = 8;
/// Among so many slots a place finds one.
const SLOTS: usize = 16;
const BUCKETS: usize = 256;

type Slot = [AtomicU64; NUMBERS];
type Bucket = [Slot; SLOTS];

/// What was dropped since that was last told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Lines.
    pub lines: u64,
    /// Bytes that they would have taken.
    pub bytes: u64,
}

/// What each place has logged lately.
///
/// A place has a slot for as long as that says anything: one whose lines are paid for is as good as a new one, and is given to
/// whoever needs it. Where all slots of a bucket are in use, another place shares one of them, and its limit: rather too
/// little is logged than too much.
#[derive(Debug)]
pub struct LogQuotas<'m> {
    buckets: &'m [Bucket],
    /// From here the shared times are counted.
    start: Instant,
}

impl<'m> LogQuotas<'m> {
    /// How many numbers there should be: for some thousands of places that log at the same time.
    pub const MEMORY: usize = NUMBERS * SLOTS * BUCKETS;

    /// Nothing has been logged where all the memory is 0. `start` must be the same in all processes that share it.
    #[must_use]
    pub fn new(memory: &'m [AtomicU64], start: Instant) -> LogQuotas<'m> {
        let (slots, _) = memory.as_chunks();
        let (buckets, _) = slots.as_chunks();
        LogQuotas { buckets, start }
    }

    /// May a line of `size` bytes be logged, when so many are allowed in a second? And what must be told before it, if
    /// anything. `place` is a number that is spread evenly, a hash.
    #[must_use]
    pub fn line(
        &self,
        place: NonZeroU64,
        rate: u64,
        size: u64,
        now: Instant,
    ) -> (bool, Option<Dropped>) {
        let now = self.nanoseconds(now);
        let Some(quota) = self.quota(place, now) else {
            return (true, None);
        };
        let allowed = quota.charge(cost(size, rate), now);
        if !allowed {
            quota.drop_line(size, now);
        }
        let waited = now.saturating_sub(quota.since.load(Relaxed)) >= NOTICE;
        let told = waited.then(|| quota.tell(now)).flatten();
        (allowed, told)
    }

    /// A request is over: what must be told now.
    #[must_use]
    pub fn end(&self, place: NonZeroU64, now: Instant) -> Option<Dropped> {
        let mut quotas = self.bucket(place)?.iter().map(Quota::of);
        let quota = quotas.find(|quota| quota.place.load(Relaxed) == place.get())?;
        quota.tell(self.nanoseconds(now))
    }

    /// A time as the processes share it. The first is that late that what was never told may be told at once.
    fn nanoseconds(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start).as_nanos();
        u64::try_from(passed)
            .unwrap_or(u64::MAX)
            .saturating_add(NOTICE)
    }

    /// The slots in which a place may be. `None`: there is no memory.
    fn bucket(&self, place: NonZeroU64) -> Option<&'m Bucket> {
        let bucket = place.get().checked_rem(self.buckets.len() as u64)?;
        self.buckets.get(usize::try_from(bucket).ok()?)
    }

    /// The quota of a place, which gets one if it has none.
    ///
    /// Where slots are short, one can be given away just when its place comes back, or two processes can give one place a slot
    /// each: then a line or two share a limit, or have one of their own. After that all find the same slot, the first.
    fn quota(&self, place: NonZeroU64, now: u64) -> Option<Quota<'m>> {
        let bucket = self.bucket(place)?;
        // Whenever another process is faster there is one free slot fewer.
        for _ in 0..=SLOTS {
            let seen = bucket.each_ref().map(|slot| {
                let quota = Quota::of(slot);
                (quota.place.load(Relaxed), quota)
            });
            if let Some((_, known)) = seen.iter().find(|(owner, _)| *owner == place.get()) {
                return Some(*known);
            }
            let free = seen
                .iter()
                .filter(|(_, quota)| quota.paid.load(Relaxed) <= now);
            // Lines that nobody has told yet will be told with those of the next place: rather a slot without any.
            let best =
                free.min_by_key(|(owner, quota)| (*owner != NOBODY, quota.lines.load(Relaxed)));
            let Some((owner, best)) = best else { break };
            // Whoever has won, the next look tells.
            let _ = best
                .place
                .compare_exchange(*owner, place.get(), Relaxed, Relaxed);
        }
        let shared = (place.get() >> 32) % SLOTS as u64;
        bucket.get(usize::try_from(shared).ok()?).map(Quota::of)
    }
}

/// How long `size` bytes take up the log, in nanoseconds.
fn cost(size: u64, rate: u64) -> u64 {
    let cost = (u128::from(size) * u128::from(SECOND)).div_ceil(u128::from(rate.max(1)));
    u64::try_from(cost).unwrap_or(u64::MAX)
}

/// A slot: what one place has logged lately. Times are in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Quota<'m> {
    /// Whose it is.
    place: &'m AtomicU64,
    /// When all that has been logged is within the rate again.
    paid: &'m AtomicU64,
    /// Lines dropped since that was last told.
    lines: &'m AtomicU64,
    /// Their bytes.
    bytes: &'m AtomicU64,
    /// When the first of them was dropped.
    since: &'m AtomicU64,
    /// When it was last told.
    told: &'m AtomicU64,
}

impl<'m> Quota<'m> {
    fn of(slot: &'m Slot) -> Quota<'m> {
        let [place, paid, lines, bytes, since, told, ..] = slot;
        Quota {
            place,
            paid,
            lines,
            bytes,
            since,
            told,
        }
    }

    /// Enters a line that costs so much; returns whether it may be logged. The last one may pass the limit, which the next
    /// ones pay for. A process that has looked at the clock a little earlier than others is held a little shorter.
    fn charge(&self, cost: u64, now: u64) -> bool {
        let enter = |paid: u64| {
            let allowed = paid.saturating_sub(now) < BURST;
            allowed.then(|| paid.max(now).saturating_add(cost))
        };
        self.paid.fetch_update(Relaxed, Relaxed, enter).is_ok()
    }

    /// Counts a line that is not logged. Its bytes are there before it is, for whoever takes it in [`Quota::tell`]: otherwise they
    /// could be left when the last line has been told. That is the one place where the order of two numbers matters.
    fn drop_line(&self, size: u64, now: u64) {
        if self.lines.load(Relaxed) == 0 {
            self.since.store(now, Relaxed);
        }
        self.bytes.fetch_add(size, Relaxed);
        self.lines.fetch_add(1, Release);
    }

    /// Takes what is to be told, if it is time. Of all processes one wins the second, and each line and byte is taken once.
    fn tell(&self, now: u64) -> Option<Dropped> {
        let told = self.told.load(Relaxed);
        if self.lines.load(Relaxed) == 0 || now.saturating_sub(told) < NOTICE {
            return None;
        }
        self.told
            .compare_exchange(told, now, Relaxed, Relaxed)
            .ok()?;
        let lines = self.lines.swap(0, Acquire);
        // Another who was late may have taken them.
        (lines > 0).then(|| Dropped {
            lines,
            bytes: self.bytes.swap(0, Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Duration;

    const RATE: u64 = 1000;
    const A: NonZeroU64 = NonZeroU64::MIN;
    const B: NonZeroU64 = NonZeroU64::MAX;

    fn memory(buckets: usize) -> Vec<AtomicU64> {
        let numbers = NUMBERS * SLOTS * buckets;
        (0..numbers).map(|_| AtomicU64::new(0)).collect()
    }

    fn at(quotas: &LogQuotas<'_>, milliseconds: u64) -> Instant {
        quotas.start + Duration::from_millis(milliseconds)
    }

    fn add(sum: &mut Dropped, told: Option<Dropped>) {
        let told = told.unwrap_or_default();
        sum.lines += told.lines;
        sum.bytes += told.bytes;
    }

    #[test]
    fn a_flood_is_held_to_its_rate_and_told_once_a_second() {
        let memory = memory(1);
        let quotas = LogQuotas::new(&memory, Instant::now());
        let (mut logged, mut told) = (0, Vec::new());
        for ms in 0..10_000 {
            let (log, dropped) = quotas.line(A, RATE, 100, at(&quotas, ms));
            logged += u64::from(log) * 100;
            told.extend(dropped);
        }
        told.extend(quotas.end(A, at(&quotas, 12_000)));
        assert!((13_000..=14_200).contains(&logged), "{logged}");
        assert!((5..=10).contains(&told.len()), "{told:?}");
        let dropped: u64 = told.iter().map(|dropped| dropped.lines).sum();
        assert_eq!(
            dropped + logged / 100,
            10_000,
            "every line is accounted for"
        );
        let bytes: u64 = told.iter().map(|dropped| dropped.bytes).sum();
        assert_eq!(bytes, dropped * 100);
    }

    #[test]
    fn what_is_dropped_is_told_at_the_end_of_a_request() {
        let memory = memory(1);
        let quotas = LogQuotas::new(&memory, Instant::now());
        let start = quotas.start;
        for _ in 0..100 {
            assert_eq!(quotas.line(A, RATE, 100, start).1, None);
        }
        let dropped = Dropped {
            lines: 60,
            bytes: 6000,
        };
        assert_eq!(quotas.end(A, start), Some(dropped));
        assert_eq!(quotas.end(A, start), None);
        // The next request of the flood must wait for its turn to tell.
        assert!(!quotas.line(A, RATE, 100, start).0);
        assert_eq!(quotas.end(A, at(&quotas, 500)), None);
        let (log, told) = quotas.line(A, RATE, 100, at(&quotas, 2000));
        assert_eq!((log, told.map(|told| told.lines)), (true, Some(1)));
    }

    #[test]
    fn one_floods_and_the_other_is_heard() {
        let memory = memory(1);
        let quotas = LogQuotas::new(&memory, Instant::now());
        let now = quotas.start;
        while quotas.line(A, RATE, 100, now).0 {}
        assert!(quotas.line(B, RATE, 100, now).0);
        assert_eq!(quotas.end(B, now), None);
    }

    #[test]
    fn a_line_that_is_larger_than_all_is_paid_for_later() {
        let memory = memory(1);
        let quotas = LogQuotas::new(&memory, Instant::now());
        assert!(quotas.line(A, RATE, 9000, quotas.start).0);
        assert!(!quotas.line(A, RATE, 1, at(&quotas, 4900)).0);
        assert!(quotas.line(A, RATE, 1, at(&quotas, 5100)).0);
    }

    #[test]
    fn others_that_have_the_memory_have_the_same_limit() {
        let memory = memory(1);
        let quotas = LogQuotas::new(&memory, Instant::now());
        let other = LogQuotas::new(&memory, quotas.start);
        while quotas.line(A, RATE, 100, quotas.start).0 {}
        assert!(!other.line(A, RATE, 100, quotas.start).0);
        assert_eq!(other.end(A, quotas.start).map(|told| told.lines), Some(2));
        assert_eq!(quotas.end(A, at(&quotas, 2000)), None);
    }

    #[test]
    fn places_beyond_the_memory_share_a_limit_until_one_is_quiet() {
        let memory = memory(1);
        let quotas = LogQuotas::new(&memory, Instant::now());
        let places = || (1..=100).filter_map(NonZeroU64::new);
        let mut logged = 0;
        for place in places() {
            while quotas.line(place, RATE, 1000, quotas.start).0 {
                logged += 1000;
            }
        }
        assert_eq!(logged, SLOTS as u64 * RATE * (BURST / SECOND));
        // All is paid for. Nothing that was dropped is lost, whoever tells it.
        let mut told = Dropped::default();
        for place in places().chain([B]) {
            let (allowed, dropped) = quotas.line(place, RATE, 1, at(&quotas, 5000));
            assert!(allowed, "{place}");
            add(&mut told, dropped);
        }
        assert_eq!(told.lines, 100);
    }

    #[test]
    fn without_memory_there_is_no_limit() {
        let quotas = LogQuotas::new(&[], Instant::now());
        assert_eq!(quotas.line(A, 1, 1 << 40, quotas.start), (true, None));
        assert_eq!(quotas.end(A, quotas.start), None);
    }

    /// Each thread stands for a process.
    #[test]
    fn many_at_once_log_as_much_as_one_and_each_line_is_told_once() {
        const THREADS: u64 = 8;
        const LINES: u64 = 20_000;
        let memory = memory(1);
        let quotas = LogQuotas::new(&memory, Instant::now());
        let flood = || {
            let (mut logged, mut told) = (0, Dropped::default());
            for n in 0..LINES {
                // Four seconds.
                let now = at(&quotas, n / (LINES / 4000));
                let (allowed, dropped) = quotas.line(A, RATE, 100, now);
                logged += u64::from(allowed);
                add(&mut told, dropped);
            }
            (logged, told)
        };
        let (mut logged, mut told) = (0, Dropped::default());
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(flood)).collect();
            for thread in threads {
                let (of_one, dropped) = thread.join().unwrap();
                logged += of_one;
                add(&mut told, Some(dropped));
            }
        });
        add(&mut told, quotas.end(A, at(&quotas, 10_000)));
        // The burst, what four seconds bring, and a line that passes it.
        assert!((79..=81).contains(&logged), "{logged}");
        assert_eq!(told.lines, THREADS * LINES - logged);
        assert_eq!(told.bytes, told.lines * 100);
    }

    #[test]
    fn those_that_come_at_once_find_the_same_slot() {
        for _ in 0..200 {
            let memory = memory(1);
            let quotas = LogQuotas::new(&memory, Instant::now());
            let go = AtomicBool::new(false);
            let first_line = || {
                while !go.load(Relaxed) {
                    std::hint::spin_loop();
                }
                quotas.line(A, RATE, 9000, quotas.start).0
            };
            let logged = thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(first_line)).collect();
                go.store(true, Relaxed);
                let results = threads.into_iter().map(|thread| thread.join().unwrap());
                results.filter(|logged| *logged).count()
            });
            assert_eq!(logged, 1);
        }
    }
}
