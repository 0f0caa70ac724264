//! Which of the programs that a process keeps have to make room: what they take is bounded in number and in bytes, and nobody
//! drives out the programs of others by having many, or heavy ones. Must not know what a program is, nor who an owner is.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

/// What a program takes as long as it is kept, or all of them together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// 1 for a program; 0 for one that is not counted yet.
    pub programs: u64,
    /// Bytes of memory that only this process has.
    pub memory: u64,
    /// Bytes of compiled code.
    pub code: u64,
}

/// A program that is kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept<O> {
    /// Whose it is.
    pub owner: O,
    /// When it was asked for last, by any clock.
    pub last_asked: u64,
    /// What it takes.
    pub weight: Weight,
}

/// Which program has to go so that all take no more than `most`; none if they do not. It is one of the owner who has most of
/// what there is too much of: of those that have any of it, the one that was asked for longest ago.
#[must_use]
pub fn surplus<'k, O: Copy + Eq + Hash + 'k>(
    kept: impl Iterator<Item = &'k Kept<O>> + Clone,
    most: Weight,
) -> Option<usize> {
    let total = |part: fn(&Weight) -> u64| kept.clone().map(|one| part(&one.weight)).sum::<u64>();
    let parts: [fn(&Weight) -> u64; 3] = [|w| w.programs, |w| w.memory, |w| w.code];
    let part = parts.into_iter().find(|&part| total(part) > part(&most))?;
    let mut shares: HashMap<O, u64> = HashMap::new();
    for one in kept.clone() {
        *shares.entry(one.owner).or_default() += part(&one.weight);
    }
    kept.enumerate()
        .filter(|(_, one)| part(&one.weight) > 0)
        .max_by_key(|(_, one)| (shares.get(&one.owner), Reverse(one.last_asked)))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Weight = Weight {
        programs: 4,
        memory: 100,
        code: 1000,
    };

    fn kept(owner: char, programs: u64, memory: u64, code: u64) -> Kept<char> {
        Kept {
            owner,
            last_asked: 0,
            weight: Weight {
                programs,
                memory,
                code,
            },
        }
    }

    /// Which of them go, in this order. They were asked for one after the other.
    fn gone(mut programs: Vec<Kept<char>>) -> Vec<usize> {
        for (one, n) in programs.iter_mut().zip(0..) {
            one.last_asked = n;
        }
        let mut gone = Vec::new();
        while let Some(at) = surplus(programs.iter(), MOST) {
            let one = programs.remove(at);
            gone.push(usize::try_from(one.last_asked).unwrap());
        }
        gone
    }

    #[test]
    fn who_has_most_of_what_there_is_too_much_of_gives_way() {
        let small = |owner| kept(owner, 1, 1, 1);
        // There is room, to the last byte.
        assert_eq!(gone(vec![kept('a', 1, 99, 999), small('b')]), []);
        // Too many: not the oldest, but the oldest of who has most.
        let many = vec![small('b'), small('a'), small('c'), small('a'), small('a')];
        assert_eq!(gone(many), [1]);
        // Too much memory: who has many small ones keeps them.
        let heavy = vec![
            kept('a', 1, 40, 1),
            small('b'),
            small('b'),
            kept('a', 1, 60, 1),
        ];
        assert_eq!(gone(heavy), [0]);
        // Too much code.
        let large = vec![
            small('b'),
            kept('a', 1, 1, 500),
            kept('c', 1, 60, 1),
            kept('a', 1, 1, 500),
        ];
        assert_eq!(gone(large), [1]);
    }

    #[test]
    fn as_many_go_as_are_too_many_and_the_last_may_be_the_new_one() {
        let heavy = |owner| kept(owner, 1, 50, 1);
        let all = vec![heavy('a'), kept('b', 1, 1, 1), heavy('a'), heavy('a')];
        assert_eq!(gone(all), [0, 2]);
        assert_eq!(gone(vec![kept('b', 1, 9, 1), kept('a', 1, 200, 1)]), [1]);
    }

    #[test]
    fn what_has_none_of_it_stays() {
        // One that cannot be used takes no memory, one that is being loaded is not counted yet.
        let unusable = kept('a', 1, 0, 0);
        let loading = kept('a', 0, 0, 0);
        let heavy = kept('a', 1, 60, 1);
        assert_eq!(gone(vec![unusable, loading, heavy, heavy]), [2]);
        let many = vec![loading, loading, unusable, unusable, unusable, unusable];
        assert_eq!(gone(many), []);
        assert_eq!(gone([vec![loading], vec![unusable; 5]].concat()), [1]);
    }
}
