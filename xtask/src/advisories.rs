//! Judges the dependencies by `advisories.toml`, without the network; and what cargo-deny's database says, where that can be
//! had, by the same list. Knows nothing of what is wrong with what.

use crate::fsx;
use crate::run::{Failure, Task, command, output, root};
use std::collections::BTreeMap;

const LIST: &str = "advisories.toml";

/// The list.
#[derive(Debug, Default)]
struct List {
    /// What stands before the first entry.
    head: BTreeMap<String, String>,
    entries: Vec<BTreeMap<String, String>>,
}

/// The check of `make check`.
pub fn check() -> Task {
    let list = List::read(&fsx::read(&root().join(LIST))?)?;
    let locked = locked(&fsx::read(&root().join("Cargo.lock"))?);
    let mut faults = list.unjudged(&locked)?;
    if let Some(days) = list.age(&today()?)? {
        println!("warning: {LIST} was looked at {days} days ago: look again, and date it anew");
    }
    match reported() {
        None => println!("cargo-deny's database cannot be had here: only {LIST} was looked at"),
        Some(reports) => faults.extend(list.unknown(&reports)),
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.join("\n").into()),
    }
}

impl List {
    fn read(text: &str) -> Task<List> {
        let mut list = List::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line == "[[advisory]]" {
                list.entries.push(BTreeMap::new());
                continue;
            }
            let value = line.split_once(" = ").and_then(|(name, value)| {
                let value = value.strip_prefix('"')?.strip_suffix('"')?;
                Some((name.to_owned(), value.to_owned()))
            });
            let (name, value) =
                value.ok_or_else(|| format!("{LIST}:{}: not `name = \"text\"`", number + 1))?;
            list.entries
                .last_mut()
                .unwrap_or(&mut list.head)
                .insert(name, value);
        }
        Ok(list)
    }

    /// The entries that a locked package is affected by and that nobody has judged.
    fn unjudged(&self, locked: &[(String, Version)]) -> Task<Vec<String>> {
        let mut faults = Vec::new();
        for entry in &self.entries {
            let text = |name: &str| entry.get(name).map(String::as_str).unwrap_or_default();
            let (id, name) = (text("id"), text("crate"));
            if id.is_empty() || name.is_empty() || text("affected").is_empty() {
                return Err(format!("{LIST}: an entry lacks id, crate or affected: {id}").into());
            }
            for (_, version) in locked.iter().filter(|(locked, _)| locked == name) {
                if affects(text("affected"), *version)? && text("judgement").trim().is_empty() {
                    let (a, b, c) = *version;
                    faults.push(format!(
                        "{id}: {name} {a}.{b}.{c} is affected and not judged"
                    ));
                }
            }
        }
        Ok(faults)
    }

    /// How many days ago it was looked at, if that is too many.
    fn age(&self, today: &str) -> Task<Option<i64>> {
        let text = |name: &str| self.head.get(name).map(String::as_str).unwrap_or_default();
        let looked = day(text("looked"))?;
        let most: i64 = text("looked_again_after")
            .parse()
            .map_err(|_| format!("{LIST}: looked_again_after is no number of days"))?;
        let days = day(today)? - looked;
        Ok((days > most).then_some(days))
    }

    /// Reports of advisories that do not stand here; each is all the names of one.
    fn unknown(&self, reports: &[Vec<String>]) -> Vec<String> {
        let known = |name: &String| {
            let mut entries = self.entries.iter();
            entries.any(|entry| entry.get("id") == Some(name) || entry.get("alias") == Some(name))
        };
        let new = reports.iter().filter(|names| !names.iter().any(known));
        new.map(|names| {
            format!(
                "{}: reported by cargo-deny, not in {LIST}",
                names.join(", ")
            )
        })
        .collect()
    }
}

type Version = (u64, u64, u64);

/// Names and versions in a `Cargo.lock`, in which the one follows the other.
fn locked(text: &str) -> Vec<(String, Version)> {
    let mut name = "";
    let mut packages = Vec::new();
    for line in text.lines() {
        let value = |start: &str| line.strip_prefix(start)?.strip_suffix('"');
        if let Some(found) = value("name = \"") {
            name = found;
        } else if let Some(found) = value("version = \"").and_then(version) {
            packages.push((name.to_owned(), found));
        }
    }
    packages
}

/// The three numbers of a version, without what may follow them.
fn version(text: &str) -> Option<Version> {
    let numbers = text.split(['-', '+']).next()?;
    let mut numbers = numbers.split('.').map(|number| number.parse().ok());
    let three = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(three)
}

/// Whether one of the ranges holds the version.
fn affects(ranges: &str, found: Version) -> Task<bool> {
    let wrong = |bound: &str| Failure::from(format!("{LIST}: {bound:?} is no bound of a range"));
    for range in ranges.split(';') {
        let mut within = true;
        for bound in range.split(',').map(str::trim) {
            let least = bound.strip_prefix(">=");
            let text = least.or_else(|| bound.strip_prefix('<'));
            let limit = text.and_then(version).ok_or_else(|| wrong(bound))?;
            within &= match least {
                Some(_) => found >= limit,
                None => found < limit,
            };
        }
        if within {
            return Ok(true);
        }
    }
    Ok(false)
}

fn today() -> Task<String> {
    let date = output(&mut command("date", &["-u", "+%Y-%m-%d"]))?;
    Ok(date.trim().to_owned())
}

/// The number of a day, by which two can be told apart: days since 1970 (Howard Hinnant's `days_from_civil`).
fn day(date: &str) -> Task<i64> {
    let wrong = || Failure::from(format!("{LIST}: {date:?} is no date"));
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let mut part = || parts.next().flatten().ok_or_else(wrong);
    let (year, month, day) = (part()?, part()?, part()?);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Ok(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// What cargo-deny reports, each advisory by all its names; `None` if it could not get its database.
fn reported() -> Option<Vec<Vec<String>>> {
    let arguments = [
        "--format",
        "json",
        "--workspace",
        "--all-features",
        "check",
        "advisories",
    ];
    let said = command("cargo-deny", &arguments).output().ok()?;
    let text = String::from_utf8_lossy(&said.stderr);
    let reports: Vec<_> = text
        .lines()
        .map(names)
        .filter(|names| !names.is_empty())
        .collect();
    (said.status.success() || !reports.is_empty()).then_some(reports)
}

/// The advisory that a line of its report is about, by all names that stand there.
fn names(line: &str) -> Vec<String> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let mut names: Vec<String> = words
        .filter(|word| word.starts_with("RUSTSEC-2") || word.starts_with("GHSA-"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a remark\nlooked = \"2026-11-28\"\nlooked_again_after = \"14\"\n\n[[advisory]]\nid = \"GHSA-a\"\n\
        alias = \"RUSTSEC-2026-0001\"\ncrate = \"engine\"\naffected = \"<1.2.3; >=2.0.0, <2.0.6\"\n";

    fn locked_at(text: &str) -> Vec<(String, Version)> {
        locked(&format!(
            "[[package]]\nname = \"engine\"\nversion = \"{text}\"\n"
        ))
    }

    #[test]
    fn an_affected_version_wants_a_judgement() {
        let list = List::read(TEXT).unwrap();
        for version in ["1.2.2", "0.9.0", "2.0.0", "2.0.5"] {
            assert_eq!(
                list.unjudged(&locked_at(version)).unwrap().len(),
                1,
                "{version}"
            );
        }
        for version in ["1.2.3", "1.9.0", "2.0.6", "3.0.0"] {
            assert!(
                list.unjudged(&locked_at(version)).unwrap().is_empty(),
                "{version}"
            );
        }
        let judged = List::read(&format!("{TEXT}judgement = \"no\"\n")).unwrap();
        assert!(judged.unjudged(&locked_at("1.2.2")).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_no_good_news() {
        assert!(List::read("looked = 2026").is_err());
        let list = List::read(&TEXT.replace("<1.2.3", "~1.2")).unwrap();
        assert!(list.unjudged(&locked_at("1.2.2")).is_err());
        let list = List::read("[[advisory]]\nid = \"GHSA-a\"\n").unwrap();
        assert!(list.unjudged(&[]).is_err());
    }

    #[test]
    fn an_old_list_is_noticed() {
        let list = List::read(TEXT).unwrap();
        assert_eq!(list.age("2026-12-12").unwrap(), None);
        assert_eq!(list.age("2026-12-13").unwrap(), Some(15));
        assert_eq!(list.age("2027-03-01").unwrap(), Some(93));
        assert!(list.age("today").is_err());
    }

    #[test]
    fn reports_are_known_by_any_of_their_names() {
        let list = List::read(TEXT).unwrap();
        let line = |text: &str| vec![names(text)];
        assert!(
            list.unknown(&line(r#"{"id":"RUSTSEC-2026-0001"}"#))
                .is_empty()
        );
        assert!(
            list.unknown(&line(r#"{"id":"RUSTSEC-2026-0009","aliases":["GHSA-a"]}"#))
                .is_empty()
        );
        assert_eq!(
            list.unknown(&line(r#"{"id":"RUSTSEC-2026-0009"}"#)).len(),
            1
        );
        assert!(names("{\"type\":\"summary\"}").is_empty());
    }

    #[test]
    fn our_own_list_is_right() {
        let list = List::read(include_str!("../../advisories.toml")).unwrap();
        let locked = locked(include_str!("../../Cargo.lock"));
        assert_eq!(list.unjudged(&locked).unwrap(), Vec::<String>::new());
        assert!(list.age("2026-11-28").unwrap().is_none());
    }
}
