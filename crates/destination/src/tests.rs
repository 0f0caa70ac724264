//! The tests of the grammar and of the judgement, through what the crate shows to others.

mod grammar;
mod judgement;
mod special;

use crate::{Pattern, Scheme, Target};

/// The patterns of a grant, separated by blanks.
fn grant(patterns: &str) -> Vec<Pattern> {
    patterns
        .split_whitespace()
        .map(|pattern| pattern.parse().unwrap())
        .collect()
}

/// A target written like a pattern with scheme and port: `http://example.com:80`.
fn target(text: &str) -> Target<'_> {
    let (scheme, rest) = text.split_once("://").unwrap();
    let (host, port) = rest.rsplit_once(':').unwrap();
    let scheme = Scheme::ALL
        .into_iter()
        .find(|known| known.name() == scheme)
        .unwrap();
    Target {
        scheme,
        host,
        port: port.parse().unwrap(),
    }
}
