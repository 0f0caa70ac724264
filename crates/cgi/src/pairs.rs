//! A list of names and values, all bytes in one allocation, because such lists are made for each request. Must not know
//! what they are.

/// Names and values in order; a name may stand there more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    bytes: Vec<u8>,
    // For each pair: where its name and where its value ends. A pair starts where the one before it ends.
    ends: Vec<(usize, usize)>,
}

impl Pairs {
    /// An empty list with room for so many pairs, of so many bytes together.
    #[must_use]
    pub fn with_capacity(pairs: usize, bytes: usize) -> Pairs {
        Pairs {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(pairs),
        }
    }

    /// Appends a pair.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(name);
        let name_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((name_end, self.bytes.len()));
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(name_end, value_end)| {
            let pair = (
                &self.bytes[start..name_end],
                &self.bytes[name_end..value_end],
            );
            start = value_end;
            pair
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_in_order() {
        let mut pairs = Pairs::default();
        assert!(pairs.is_empty());
        for (name, value) in [(&b"a"[..], &b"1"[..]), (b"", b""), (b"a", b"22")] {
            pairs.push(name, value);
        }
        let all: Vec<_> = pairs.iter().collect();
        assert_eq!(
            all,
            [(&b"a"[..], &b"1"[..]), (&b""[..], &b""[..]), (b"a", b"22")]
        );
    }
}
