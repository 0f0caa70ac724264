//! Bytes that can be made and checked without being kept: the pattern of big bodies, and a checksum.

/// The length after which the pattern repeats.
const PERIOD: usize = 251;

/// Endless bytes: byte i is (i + 1) mod 251.
pub struct Pattern {
    cycle: Vec<u8>,
    phase: usize,
}

impl Pattern {
    /// The pattern from its first byte on, handed out in pieces of at most `piece` bytes.
    #[must_use]
    pub fn new(piece: usize) -> Self {
        let bytes = (1..=u8::MAX).take(PERIOD - 1).chain([0]);
        Self {
            cycle: bytes.cycle().take(piece + PERIOD).collect(),
            phase: 0,
        }
    }

    /// The next piece, `wanted` bytes or what `new` has set as the most.
    pub fn next_piece(&mut self, wanted: u64) -> &[u8] {
        let most = self.cycle.len() - PERIOD;
        let size = usize::try_from(wanted).unwrap_or(most).min(most);
        let start = self.phase;
        self.phase = (start + size) % PERIOD;
        &self.cycle[start..start + size]
    }
}

/// Length and 64-bit FNV-1a checksum of bytes that pass by.
pub struct Sum {
    /// How many bytes have passed.
    pub bytes: u64,
    state: u64,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            bytes: 0,
            state: 0xcbf2_9ce4_8422_2325,
        }
    }
}

impl Sum {
    /// Takes in a piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        for byte in piece {
            self.state = (self.state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// One line about what has passed: `bytes=3 fnv1a=...`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("bytes={} fnv1a={:016x}\n", self.bytes, self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_without_a_seam() {
        let mut pattern = Pattern::new(100);
        let mut all = Vec::new();
        while all.len() < 1000 {
            let left = (1000 - all.len()) as u64;
            all.extend_from_slice(pattern.next_piece(left));
        }
        assert_eq!(all.len(), 1000);
        assert!(
            all.iter()
                .enumerate()
                .all(|(i, &byte)| usize::from(byte) == (i + 1) % 251)
        );
    }

    #[test]
    fn nothing_has_the_checksum_of_nothing() {
        assert_eq!(Sum::default().line(), "bytes=0 fnv1a=cbf29ce484222325\n");
    }
}
