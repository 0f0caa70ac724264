//! Programs with a few changes, as somebody makes them who looks for a fault in whoever reads them: bytes, lengths and whole
//! sections, also those of the modules inside a component.
//!
//! Must not know what a section means.

use crate::bombs::number;
use crate::random::Random;

/// Nothing grows beyond that, in bytes.
const MOST: usize = 1 << 20;

/// What a program begins with, and the length of that with the version.
const MAGIC: &[u8] = b"\0asm";
const HEADER: usize = 8;

/// Numbers where readers are wrong, as WebAssembly writes them.
const ODD_NUMBERS: [&[u8]; 7] = [
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0x80, 0x80, 0x80, 0x80, 0x08],
    &[0x80, 0x80, 0x80, 0x80, 0x00],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x04],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
];

/// The program with one byte changed, so that it may still be valid, or with one to four larger changes, some of which are taken
/// from the other programs.
pub fn mutated(random: &mut Random, program: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    if random.one_in(2) {
        return with_other_bytes(random, program, 1);
    }
    let mut out = program.to_vec();
    for _ in 0..=random.below(4) {
        out = changed(random, &out, others);
        out.truncate(MOST);
    }
    out
}

fn changed(random: &mut Random, program: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    match random.below(12) {
        0 => with_other_bytes(random, program, 16),
        1 => program[..random.below(program.len())].to_vec(),
        2 => with_more(random, program),
        3 => with_repetition(random, program),
        _ => with_other_sections(random, program, others),
    }
}

fn with_other_bytes(random: &mut Random, bytes: &[u8], most: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    if out.is_empty() {
        return out;
    }
    for _ in 0..random.size(most) {
        let at = random.below(out.len());
        out[at] = match random.below(4) {
            0 => out[at] ^ (1 << random.below(8)),
            1 => out[at].wrapping_add(1),
            2 => *random.pick(&[0x00, 0x01, 0x40, 0x7f, 0x80, 0xff]),
            _ => random.number().to_le_bytes()[0],
        };
    }
    out
}

fn with_more(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let more = match random.one_in(2) {
        true => random.pick(&ODD_NUMBERS).to_vec(),
        false => {
            let n = random.size(64);
            random.bytes(n)
        }
    };
    let at = random.below(bytes.len() + 1);
    [&bytes[..at], &more, &bytes[at..]].concat()
}

fn with_repetition(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let start = random.below(bytes.len());
    let end = (start + random.size(256)).min(bytes.len());
    let times = random.size(2000);
    [
        &bytes[..end],
        &bytes[start..end].repeat(times),
        &bytes[end..],
    ]
    .concat()
}

/// A section, and the length that is claimed for it.
#[derive(Clone)]
struct Section {
    id: u8,
    claimed: Option<u32>,
    content: Vec<u8>,
}

fn with_other_sections(random: &mut Random, program: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let Some(mut sections) = split(program).filter(|sections| !sections.is_empty()) else {
        return with_other_bytes(random, program, 16);
    };
    let (at, other) = (random.below(sections.len()), random.below(sections.len()));
    match random.below(10) {
        0 => sections.insert(other, sections[at].clone()),
        1 => drop(sections.remove(at)),
        2 => sections.swap(at, other),
        3 => {
            let strange = split(&others[random.below(others.len())]).unwrap_or_default();
            if !strange.is_empty() {
                sections.insert(at, random.pick(&strange).clone());
            }
        }
        4 => {
            let length = u32::try_from(sections[at].content.len()).unwrap_or(u32::MAX);
            let lies = [
                0,
                length / 2,
                length.saturating_sub(1),
                length + 1,
                u32::MAX,
            ];
            sections[at].claimed = Some(*random.pick(&lies));
        }
        5 => sections[at].id = random.number().to_le_bytes()[0] % 16,
        _ => {
            let content = &sections[at].content;
            sections[at].content = match content.starts_with(MAGIC) {
                true => changed(random, content, others),
                false => match random.below(4) {
                    0 => with_more(random, content),
                    1 if !content.is_empty() => with_repetition(random, content),
                    _ => with_other_bytes(random, content, 4),
                },
            };
        }
    }
    joined(&program[..HEADER], &sections)
}

/// The sections of a program; `None` where it has none that can be told apart.
fn split(program: &[u8]) -> Option<Vec<Section>> {
    let mut rest = program.strip_prefix(MAGIC)?.get(HEADER - MAGIC.len()..)?;
    let mut sections = Vec::new();
    while let Some((id, after)) = rest.split_first() {
        let (length, after) = read_number(after)?;
        sections.push(Section {
            id: *id,
            claimed: None,
            content: after.get(..length)?.to_vec(),
        });
        rest = &after[length..];
    }
    Some(sections)
}

fn joined(header: &[u8], sections: &[Section]) -> Vec<u8> {
    let mut out = header.to_vec();
    for section in sections {
        let length = u32::try_from(section.content.len()).unwrap_or(u32::MAX);
        out.push(section.id);
        out.extend(number(section.claimed.unwrap_or(length)));
        out.extend(&section.content);
    }
    out
}

fn read_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (n, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[n + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{joined, mutated, split};
    use crate::bombs;
    use crate::random::Random;

    #[test]
    fn sections_are_split_and_joined() {
        let program = bombs::nested_loops(3, 3);
        let sections = split(&program).unwrap();
        assert_eq!(sections.len(), 5);
        assert_eq!(joined(&program[..8], &sections), program);
        assert!(split(&program[..program.len() - 1]).is_none());
    }

    #[test]
    fn a_seed_says_what_comes_of_it() {
        let programs = [bombs::nested_loops(3, 3), bombs::nested_components(3)];
        let all = |seed| -> Vec<Vec<u8>> {
            let mut random = Random::new(seed);
            let one = |_| mutated(&mut random, &programs[0], &programs);
            (0..200).map(one).collect()
        };
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
        assert!(all(3).iter().any(|made| made != &programs[0]));
    }
}
