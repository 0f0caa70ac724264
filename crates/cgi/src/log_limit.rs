//! How much of the error log the programs of one place may fill in a second: enough to find a fault, not enough to fill a
//! disk. Must not know how a line is logged, nor what a place is.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How often it is told at most that something was dropped.
const NOTICE: Duration = Duration::from_secs(1);
/// After a quiet time so many seconds' worth may be logged at once.
const BURST: u64 = 4;

/// What was dropped since that was last told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Lines.
    pub lines: u64,
    /// Bytes that they would have taken.
    pub bytes: u64,
}

/// What each place has logged lately.
#[derive(Debug)]
pub struct LogQuotas<K> {
    known: HashMap<K, Quota>,
    most: usize,
}

#[derive(Debug)]
struct Quota {
    /// What may be logged at once, in bytes. The last line may pass it, which the next ones pay for.
    left: i64,
    counted: Instant,
    dropped: Dropped,
    /// When the first of them was dropped.
    since: Instant,
    told: Option<Instant>,
}

impl<K: Hash + Eq + Clone> LogQuotas<K> {
    /// Nothing has been logged. At most `most` places are remembered.
    #[must_use]
    pub fn new(most: usize) -> LogQuotas<K> {
        LogQuotas {
            known: HashMap::new(),
            most,
        }
    }

    /// May a line of `size` bytes be logged, when so many are allowed in a second? And what must be told before it, if
    /// anything.
    pub fn line(
        &mut self,
        place: &K,
        rate: u64,
        size: u64,
        now: Instant,
    ) -> (bool, Option<Dropped>) {
        let quota = self.quota(place, rate, now);
        quota.refill(rate, now);
        let allowed = quota.left > 0;
        if allowed {
            quota.left = quota.left.saturating_sub_unsigned(size);
        } else {
            if quota.dropped.lines == 0 {
                quota.since = now;
            }
            quota.dropped.lines += 1;
            quota.dropped.bytes = quota.dropped.bytes.saturating_add(size);
        }
        let due = now.saturating_duration_since(quota.since) >= NOTICE;
        (allowed, quota.tell(due, now))
    }

    /// A request is over: what must be told now.
    pub fn end(&mut self, place: &K, now: Instant) -> Option<Dropped> {
        let quota = self.known.get_mut(place)?;
        let told = quota.told;
        let due = told.is_none_or(|told| now.saturating_duration_since(told) >= NOTICE);
        quota.tell(due, now)
    }

    fn quota(&mut self, place: &K, rate: u64, now: Instant) -> &mut Quota {
        if self.known.len() >= self.most && !self.known.contains_key(place) {
            self.make_room(now);
        }
        self.known.entry(place.clone()).or_insert_with(|| Quota {
            left: full(rate),
            counted: now,
            dropped: Dropped::default(),
            since: now,
            told: None,
        })
    }

    /// Forgets those that have been quiet for so long that it makes no difference; if there is none, the quietest.
    fn make_room(&mut self, now: Instant) {
        let quiet = Duration::from_secs(2 * BURST);
        self.known.retain(|_, quota| {
            quota.dropped.lines > 0 || now.saturating_duration_since(quota.counted) < quiet
        });
        if self.known.len() >= self.most {
            let oldest = self.known.iter().min_by_key(|(_, quota)| quota.counted);
            if let Some(place) = oldest.map(|(place, _)| place.clone()) {
                self.known.remove(&place);
            }
        }
    }
}

impl Quota {
    fn refill(&mut self, rate: u64, now: Instant) {
        let passed = now.saturating_duration_since(self.counted);
        let more = u128::from(rate) * passed.as_micros() / 1_000_000;
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        // What is less than a byte is kept for the next time.
        if more > 0 {
            self.left = self.left.saturating_add(more);
            self.counted = now;
        }
        self.left = self.left.min(full(rate));
    }

    fn tell(&mut self, due: bool, now: Instant) -> Option<Dropped> {
        if self.dropped.lines == 0 || !due {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.dropped))
    }
}

fn full(rate: u64) -> i64 {
    i64::try_from(rate.saturating_mul(BURST)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u64 = 1000;

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_flood_is_held_to_its_rate_and_told_once_a_second() {
        let mut quotas = LogQuotas::new(8);
        let start = Instant::now();
        let (mut logged, mut told) = (0, Vec::new());
        for ms in 0..10_000 {
            let (log, dropped) = quotas.line(&"a", RATE, 100, at(start, ms));
            logged += u64::from(log) * 100;
            told.extend(dropped);
        }
        told.extend(quotas.end(&"a", at(start, 12_000)));
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
        let mut quotas = LogQuotas::new(8);
        let start = Instant::now();
        for _ in 0..100 {
            assert_eq!(quotas.line(&"a", RATE, 100, start).1, None);
        }
        let dropped = Dropped {
            lines: 60,
            bytes: 6000,
        };
        assert_eq!(quotas.end(&"a", start), Some(dropped));
        assert_eq!(quotas.end(&"a", start), None);
        // The next request of the flood must wait for its turn to tell.
        quotas.line(&"a", RATE, 100, start);
        assert_eq!(quotas.end(&"a", at(start, 500)), None);
        let (log, told) = quotas.line(&"a", RATE, 100, at(start, 2000));
        assert_eq!((log, told.map(|told| told.lines)), (true, Some(1)));
    }

    #[test]
    fn one_floods_and_the_other_is_heard() {
        let mut quotas = LogQuotas::new(8);
        let now = Instant::now();
        while quotas.line(&"flood", RATE, 100, now).0 {}
        assert!(quotas.line(&"other", RATE, 100, now).0);
        assert_eq!(quotas.end(&"other", now), None);
    }

    #[test]
    fn a_line_that_is_larger_than_all_is_paid_for_later() {
        let mut quotas = LogQuotas::new(8);
        let start = Instant::now();
        assert!(quotas.line(&"a", RATE, 9000, start).0);
        assert!(!quotas.line(&"a", RATE, 1, at(start, 4900)).0);
        assert!(quotas.line(&"a", RATE, 1, at(start, 5100)).0);
    }

    #[test]
    fn places_are_bounded_in_number() {
        let mut quotas = LogQuotas::new(4);
        let start = Instant::now();
        for place in 0..100 {
            while quotas.line(&place, RATE, 1000, start).0 {}
        }
        assert!(quotas.known.len() <= 4);
        quotas.line(&200, RATE, 1, at(start, 1000));
        assert!(quotas.known.len() <= 4);
    }
}
