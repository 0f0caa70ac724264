//! How sizes and durations are written in the configuration, both ways. Must not know which directive uses them.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Bytes in one K.
pub const KIB: u64 = 1024;
/// Bytes in one M.
pub const MIB: u64 = 1024 * KIB;
/// Bytes in one G.
pub const GIB: u64 = 1024 * MIB;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Unit suffixes of sizes, largest first so that showing a size finds the shortest form.
const SIZES: &[(&str, u64)] = &[("G", GIB), ("M", MIB), ("K", KIB), ("", 1)];
/// Unit suffixes of durations in milliseconds, largest first; without a suffix a number is in seconds.
const DURATIONS: &[(&str, u64)] = &[
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1000),
    ("ms", 1),
    ("", 1000),
];

/// A size in bytes: a number with `K`, `M`, `G` (either case) or nothing after it.
///
/// # Errors
/// What is wrong with `text`, quoting it.
pub fn parse_size(text: &str) -> Result<u64, String> {
    parse(text, SIZES).ok_or_else(|| {
        format!("\"{text}\" is not a size: a whole number of bytes, or one with K, M or G after it")
    })
}

/// A duration: a number with `ms`, `s`, `min` or `h` (either case) after it, or a number of seconds.
///
/// # Errors
/// What is wrong with `text`, quoting it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text, DURATIONS).map(Duration::from_millis).ok_or_else(|| {
        format!("\"{text}\" is not a duration: a whole number of seconds, or one with ms, s, min or h after it")
    })
}

/// A whole number within `range`.
///
/// # Errors
/// What is wrong with `text`, quoting it.
pub fn parse_number(text: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    // Digits only: the standard library would also take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && range.contains(&number) => Ok(number),
        _ => Err(format!(
            "\"{text}\" is not a whole number from {} to {}",
            range.start(),
            range.end()
        )),
    }
}

/// A duration from a millisecond to 24 hours. A guest that needs longer answers no request, and a larger number is more
/// likely a slip of the unit.
///
/// # Errors
/// What is wrong with `text`, quoting it.
pub fn parse_up_to_a_day(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if duration.is_zero() || duration > DAY {
        return Err(format!("\"{text}\" is not between 1ms and 24h"));
    }
    Ok(duration)
}

/// The shortest way to write a size so that [`parse_size`] reads it back.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    show(bytes, SIZES)
}

/// The shortest way to write a duration so that [`parse_duration`] reads it back; whole milliseconds.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    show(
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        DURATIONS,
    )
}

/// Digits and a unit; `None` for anything else, also for what does not fit into 64 bits.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    let (_, factor) = units
        .iter()
        .find(|(unit, _)| unit.eq_ignore_ascii_case(suffix))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show(value: u64, units: &[(&str, u64)]) -> String {
    let fits = |factor: u64| value != 0 && value.is_multiple_of(factor);
    let (unit, factor) = units
        .iter()
        .find(|(_, factor)| fits(*factor))
        .copied()
        .unwrap_or(("", 1));
    format!("{}{unit}", value / factor)
}
