//! `make test`: the unit tests of every crate once, then the suite against a real httpd under each MPM.
//!
//! Knows how tests are started and counted, nothing of what they test.

use crate::run::{Task, argument, cargo, cargo_target, in_ci, run, succeeds};
use crate::setup::{self, Need};
use crate::{build, fsx, guests, previous};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// httpd's process models, the usual one first: all of the suite is run under it.
const MPMS: [&str; 3] = ["event", "worker", "prefork"];

/// The test programs whose subject depends on how httpd's processes and threads live, wait and end: they are run under every
/// process model. What the others test is the same under each.
const PROCESSES: &[&str] = &[
    "cgi_ends",
    "cgi_files_loading",
    "cgi_spool",
    "compile_limit",
    "faults",
    "faults_other",
    "fuzz_programs",
    "half_close",
    "harness",
    "hostile_memory",
    "http_after",
    "http_concurrent",
    "http_ends",
    "http_limits",
    "http_reuse",
    "http_stream",
    "log_limit",
    "open_files",
    "panics",
    "poll",
    "preload",
    "replaced_library",
    "restart",
    "serialize",
    "streaming",
    "temp_dir",
    "time",
];

/// On a CI service the property tests try many cases, about a minute of them.
const CI_CASES: &str = "500000";

/// How long the fuzz tests against a server run, in seconds: on a CI service under the first MPM, otherwise.
const FUZZ_SECONDS: (&str, &str) = ("60", "5");

/// What is built for all tests, the parts being told apart by filters, and never with xtask: another choice would build
/// the engine's dependencies a second time, with other features.
const PRODUCT: [&str; 2] = ["--workspace", "--exclude=xtask"];

/// How many tests passed and failed.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
}

/// `make test [T=name] [MPM=event]`: without `MPM` the whole suite under event, and under the others what may differ there; with
/// `MPM=all` the whole suite under each.
pub fn test() -> Task {
    let mpms = chosen_mpms()?;
    setup::ensure(&[Need::Libraries, Need::Guests, Need::Server, Need::Tests])?;
    build::libraries()?;
    previous::libraries()?;
    guests::all()?;
    let mut total = Count::default();
    let mut failures = Vec::new();
    for part in [Part::Units, Part::Docs, Part::Tasks]
        .into_iter()
        .chain(mpms)
    {
        let title = part.title();
        match part.run(argument("T").as_deref()) {
            Ok(count) => {
                println!(
                    "== {title}: {} passed, {} failed",
                    count.passed, count.failed
                );
                if count.failed > 0 {
                    failures.push(title);
                }
                total.passed += count.passed;
                total.failed += count.failed;
            }
            Err(failure) => failures.push(format!("{title} ({failure})")),
        }
    }
    if !failures.is_empty() {
        // A part that never got to its tests has none to count.
        total.failed = total.failed.max(1);
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    match (failures.is_empty(), total.passed) {
        (false, _) => Err(format!("failed: {}", failures.join("; ")).into()),
        (true, 0) => Err("no test ran".into()),
        (true, _) => Ok(()),
    }
}

fn chosen_mpms() -> Task<Vec<Part>> {
    let [first, ..] = MPMS;
    let whole = |mpm: &&'static str| Part::Suite(mpm, Extent::Whole);
    match argument("MPM").as_deref() {
        None => Ok(MPMS
            .into_iter()
            .map(|mpm| match mpm == first {
                true => Part::Suite(mpm, Extent::Whole),
                false => Part::Suite(mpm, Extent::Processes),
            })
            .collect()),
        Some("all") => Ok(MPMS.iter().map(whole).collect()),
        Some(chosen) => match MPMS.iter().find(|mpm| **mpm == chosen) {
            Some(mpm) => Ok(vec![whole(mpm)]),
            None => Err(format!("MPM={chosen}: it is all or one of {}", MPMS.join(", ")).into()),
        },
    }
}

/// How much of the suite is run.
#[derive(Clone, Copy)]
enum Extent {
    /// All of it.
    Whole,
    /// Those of [`PROCESSES`].
    Processes,
}

impl Extent {
    /// As a filter of nextest.
    fn filter(self) -> String {
        match self {
            Self::Whole => "package(suite)".to_owned(),
            Self::Processes => {
                let named: Vec<String> = PROCESSES
                    .iter()
                    .map(|name| format!("binary(={name})"))
                    .collect();
                format!("package(suite) & ({})", named.join(" | "))
            }
        }
    }
}

/// A part of the tests that is run at once.
#[derive(Clone, Copy)]
enum Part {
    /// Whatever needs no server.
    Units,
    /// The examples in the documentation.
    Docs,
    /// The tests of these tasks.
    Tasks,
    /// The suite, or a part of it, under this MPM.
    Suite(&'static str, Extent),
}

impl Part {
    fn title(self) -> String {
        match self {
            Self::Units => "unit tests".to_owned(),
            Self::Docs => "documentation".to_owned(),
            Self::Tasks => "tests of xtask".to_owned(),
            Self::Suite(mpm, Extent::Whole) => format!("suite under {mpm}"),
            Self::Suite(mpm, Extent::Processes) => {
                format!("suite under {mpm}, as far as processes matter")
            }
        }
    }

    /// Runs it, or those of its tests whose name contains `name`.
    fn run(self, name: Option<&str>) -> Task<Count> {
        // Documentation is nothing that nextest knows.
        let nextest = !matches!(self, Self::Docs) && succeeds("cargo", &["nextest", "--version"]);
        if nextest {
            self.nextest(name)
        } else {
            self.libtest(name)
        }
    }

    fn nextest(self, name: Option<&str>) -> Task<Count> {
        let (packages, set) = match self {
            Self::Units | Self::Docs => (PRODUCT, "not package(suite)".to_owned()),
            Self::Suite(_, extent) => (PRODUCT, extent.filter()),
            Self::Tasks => (["-p", "xtask"], "all()".to_owned()),
        };
        let filter = match name {
            Some(name) => format!("({set}) & test({name})"),
            None => set,
        };
        let mut command = cargo(&["nextest", "run", "--release", "--locked", "--no-tests=pass"]);
        self.environment(&mut command)
            .args(packages)
            .args(["-E", &filter]);
        let report = cargo_target().join("nextest/default/junit.xml");
        // Without this a run that could not start would be counted by the report of the one before.
        drop(std::fs::remove_file(&report));
        let outcome = run(&mut command);
        match fsx::read(&report) {
            Ok(xml) => junit(&xml),
            Err(_) => outcome.map(|()| Count::default()),
        }
    }

    /// Without nextest: the runner that comes with Rust, its output shown and counted.
    fn libtest(self, name: Option<&str>) -> Task<Count> {
        let mut command = cargo(&["test", "--release", "--locked", "--no-fail-fast"]);
        match self {
            Self::Units => command
                .args(PRODUCT)
                .args(["--exclude=suite", "--all-targets"]),
            Self::Docs => command.args(PRODUCT).arg("--doc"),
            Self::Suite(_, Extent::Whole) => command.args(["-p", "suite"]),
            Self::Suite(_, Extent::Processes) => PROCESSES
                .iter()
                .fold(command.args(["-p", "suite"]), |command, name| {
                    command.args(["--test", name])
                }),
            Self::Tasks => command.args(["-p", "xtask"]),
        };
        self.environment(&mut command)
            .args(name)
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|e| format!("cannot run cargo test: {e}"))?;
        let mut count = Count::default();
        for line in child
            .stdout
            .take()
            .into_iter()
            .flat_map(|out| BufReader::new(out).lines())
        {
            let line = line.map_err(|e| format!("cannot read the test runner's output: {e}"))?;
            println!("{line}");
            count.add_result(&line);
        }
        let status = child
            .wait()
            .map_err(|e| format!("cannot wait for cargo test: {e}"))?;
        if status.success() || count.failed > 0 {
            Ok(count)
        } else {
            Err("cargo test could not run".into())
        }
    }

    /// What the tests are told through their environment.
    fn environment(self, command: &mut Command) -> &mut Command {
        let mut default = |name: &str, value: &str| {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        };
        match self {
            Self::Units if in_ci() => default("PROPTEST_CASES", CI_CASES),
            Self::Suite(mpm, _) => {
                let long = in_ci() && mpm == MPMS[0];
                default(
                    "MODWASM_FUZZ_SECONDS",
                    if long { FUZZ_SECONDS.0 } else { FUZZ_SECONDS.1 },
                );
                command.env("MPM", mpm);
            }
            Self::Units | Self::Docs | Self::Tasks => {}
        }
        // A failed assertion's backtrace would hide its message.
        command.env_remove("RUST_BACKTRACE")
    }
}

impl Count {
    /// Adds what a line such as `test result: ok. 3 passed; 0 failed; …` says; any other line says nothing.
    fn add_result(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<&str> = rest.split([' ', ';']).collect();
        let before = |unit: &str| -> u64 {
            let at = words
                .iter()
                .position(|word| *word == unit)
                .unwrap_or_default();
            at.checked_sub(1)
                .and_then(|at| words.get(at)?.parse().ok())
                .unwrap_or_default()
        };
        self.passed += before("passed");
        self.failed += before("failed");
    }
}

/// What the first line of a JUnit report says.
fn junit(xml: &str) -> Task<Count> {
    let number = |name: &str| -> Option<u64> {
        let (_, rest) = xml
            .split_once("<testsuites ")?
            .1
            .split_once(&format!("{name}=\""))?;
        rest.split('"').next()?.parse().ok()
    };
    let (Some(all), Some(failures)) = (number("tests"), number("failures")) else {
        return Err("the report of the test runner cannot be read".into());
    };
    let failed = failures + number("errors").unwrap_or_default();
    Ok(Count {
        passed: all.saturating_sub(failed),
        failed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::root;

    #[test]
    fn every_test_program_of_processes_is_there() {
        for name in PROCESSES {
            let file = root().join(format!("tests/tests/{name}.rs"));
            assert!(file.is_file(), "{}", file.display());
        }
    }

    #[test]
    fn a_report_is_counted() {
        let xml = "<?xml?>\n<testsuites name=\"run\" tests=\"12\" failures=\"2\" errors=\"1\" uuid=\"x\">";
        let count = junit(xml).unwrap();
        assert_eq!((count.passed, count.failed), (9, 3));
    }

    #[test]
    fn a_result_line_is_counted() {
        let mut count = Count::default();
        count.add_result("test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured");
        count.add_result("running 5 tests");
        assert_eq!((count.passed, count.failed), (3, 2));
    }

    #[test]
    fn a_report_without_numbers_is_an_error() {
        assert!(junit("<testsuites>").is_err());
    }
}
