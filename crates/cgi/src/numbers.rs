//! Numbers that stand for values: the same for equal ones. Must not know what they are for.

use std::collections::HashMap;
use std::hash::Hash;

/// Gives equal keys the same number, as long as they are in use. A number is never given to another key: whoever comes with a
/// key that was forgotten gets a new one.
#[derive(Debug)]
pub struct Numbers<K> {
    known: HashMap<K, Known>,
    most: usize,
    next: u64,
}

#[derive(Debug)]
struct Known {
    number: u64,
    /// Has it been asked for again since some were last forgotten?
    used: bool,
}

impl<K: Hash + Eq> Numbers<K> {
    /// No numbers yet. At most `most` keys are remembered, those that were not asked for lately being forgotten.
    #[must_use]
    pub fn new(most: usize) -> Numbers<K> {
        Numbers {
            known: HashMap::new(),
            most,
            next: 0,
        }
    }

    /// The number of `key`.
    pub fn number(&mut self, key: K) -> u64 {
        if let Some(known) = self.known.get_mut(&key) {
            known.used = true;
            return known.number;
        }
        if self.known.len() >= self.most {
            self.known
                .retain(|_, known| std::mem::replace(&mut known.used, false));
        }
        if self.known.len() >= self.most {
            self.known.clear();
        }
        let number = self.next;
        self.next += 1;
        let used = false;
        self.known.insert(key, Known { number, used });
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_have_one_number_and_others_another() {
        let mut numbers = Numbers::new(8);
        let first = numbers.number("a".to_owned());
        let second = numbers.number("b".to_owned());
        assert_ne!(first, second);
        assert_eq!(numbers.number("a".to_owned()), first);
        assert_eq!(numbers.number("b".to_owned()), second);
    }

    #[test]
    fn no_number_is_given_twice_and_memory_is_bounded() {
        let mut numbers = Numbers::new(4);
        let given: Vec<u64> = (0..100).map(|key| numbers.number(key)).collect();
        assert!(given.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(numbers.known.len() <= 4);
        assert!(numbers.number(0) > given[99], "it was forgotten");
    }

    #[test]
    fn what_is_used_is_kept_when_others_are_forgotten() {
        let mut numbers = Numbers::new(2);
        numbers.number("old");
        let kept = numbers.number("kept");
        assert_eq!(numbers.number("kept"), kept);
        numbers.number("new");
        assert_eq!(numbers.number("kept"), kept);
    }
}
