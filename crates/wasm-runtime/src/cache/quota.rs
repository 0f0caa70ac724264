//! Which compiled programs of a directory have to make room. Must not know where they are.

use super::Owner;
use super::entry::Name;
use std::collections::HashMap;

/// The programs of a directory, by owner.
#[derive(Default)]
pub struct Kept {
    programs: Vec<Program>,
    totals: HashMap<Owner, u64>,
}

/// One of them: when it was used last, how large it is.
struct Program {
    used: (i64, i64),
    size: u64,
    name: Name,
}

impl Kept {
    /// Adds one: when it was used last, how large it is.
    pub fn add(&mut self, used: (i64, i64), size: u64, name: Name) {
        *self.totals.entry(name.about().owner).or_default() += size;
        self.programs.push(Program { used, size, name });
    }

    /// What has to go, see [`Folder::make_room`](super::Folder::make_room).
    pub fn surplus(mut self, size: u64, owner: Owner, share: u64, max: u64) -> Vec<Name> {
        let mut names = Vec::new();
        self.programs.sort_by_key(|program| program.used);
        while self.total(owner).saturating_add(size) > share {
            match self.take(|_, program| program.name.about().owner == owner) {
                Some(name) => names.push(name),
                None => break,
            }
        }
        while self.totals.values().sum::<u64>().saturating_add(size) > max {
            let most = self.totals.values().copied().max().unwrap_or(0);
            match self.take(|kept, program| kept.total(program.name.about().owner) == most) {
                Some(name) => names.push(name),
                None => break,
            }
        }
        names
    }

    /// Bytes that an owner has kept.
    fn total(&self, owner: Owner) -> u64 {
        self.totals.get(&owner).copied().unwrap_or(0)
    }

    /// Takes out the least recently used of these programs.
    fn take(&mut self, which: impl Fn(&Kept, &Program) -> bool) -> Option<Name> {
        let at = self
            .programs
            .iter()
            .position(|program| which(self, program))?;
        let program = self.programs.remove(at);
        if let Some(total) = self.totals.get_mut(&program.name.about().owner) {
            *total = total.saturating_sub(program.size);
        }
        Some(program.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::About;
    use super::*;
    use crate::kind::GuestKind;

    fn kept(programs: &[(Owner, u64)]) -> Kept {
        let mut kept = Kept::default();
        for (n, (owner, size)) in programs.iter().enumerate() {
            let about = About {
                kind: GuestKind::CommandP1,
                concurrent: false,
                owner: *owner,
            };
            let text = format!("{:064x}-{:064x}-{about}.cwasm", n, 0);
            kept.add((n as i64, 0), *size, Name::parse(&text).unwrap());
        }
        kept
    }

    /// Which of the programs have to go.
    fn gone(programs: &[(Owner, u64)], size: u64, owner: Owner) -> Vec<usize> {
        let surplus = kept(programs).surplus(size, owner, 25, 100);
        let number = |name: &Name| usize::from_str_radix(&name[..64], 16).unwrap();
        surplus.iter().map(number).collect()
    }

    #[test]
    fn an_owner_makes_room_for_its_own_and_the_largest_for_the_others() {
        // There is room.
        assert_eq!(gone(&[(1, 20), (2, 20)], 20, 3), Vec::<usize>::new());
        // The share is full: the owner's oldest goes, though another's is older.
        assert_eq!(gone(&[(2, 20), (1, 10), (1, 10)], 20, 1), [1, 2]);
        assert_eq!(gone(&[(2, 20), (1, 10), (1, 10)], 10, 1), [1]);
        // All is full: the oldest of those who have most.
        let full = [(1, 5), (2, 12), (2, 12), (3, 24), (4, 24), (5, 20)];
        assert_eq!(gone(&full, 4, 6), [1]);
        assert_eq!(
            gone(&[(1, 4), (2, 24), (3, 24), (4, 24), (5, 24)], 25, 6),
            [1, 2]
        );
    }
}
