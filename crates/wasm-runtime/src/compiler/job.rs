//! A job of the helper, as the server describes it and as the helper reads it from its arguments: one definition for both.
//!
//! The arguments come from the server alone; nothing of a guest is in them but an entry point's name.

use super::CompilerOptions;
use crate::Allowed;
use rustix::process::getpid;
use std::fmt::Display;
use std::num::NonZero;
use std::thread::available_parallelism;

/// What is to be done with a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Say what it is and whether it can be run.
    Check,
    /// That, and compile it.
    Compile,
}

/// A job.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// What is to be done.
    pub kind: JobKind,
    /// The largest memory limit of any request, bytes.
    pub memory_limit: u64,
    /// The features that it may use.
    pub allowed: Allowed,
    /// The entry point that must be there; `None`: it is not asked for. The inner `None` is the kind's own.
    pub entry_point: Option<Option<&'a str>>,
    /// Requests are being served meanwhile, and go first.
    pub background: bool,
    /// Which engine the code is for, see [`engine_mark`](crate::cache::engine_mark); empty for a program that is only checked.
    pub engine: &'a str,
}

/// A job with its limits, in the helper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is to be done.
    pub compile: bool,
    /// See [`Job::memory_limit`].
    pub memory_limit: u64,
    /// See [`Job::allowed`].
    pub allowed: Allowed,
    /// See [`Job::entry_point`].
    pub entry_point: Option<Option<String>>,
    /// See [`Job::engine`].
    pub engine: String,
    /// Threads to compile on.
    pub threads: usize,
    /// How much less than others the helper gets of the processor.
    pub nice: i32,
    /// Processor time, seconds.
    pub time: u64,
    /// Memory, bytes.
    pub memory: u64,
    /// User and group to become, for root.
    pub identity: (u32, u32),
    /// The process that asked for it.
    pub parent: i32,
}

/// How much less than requests a compilation in the background gets of the processor.
const NICE: i32 = 10;

/// Most threads that one job compiles on: each takes memory.
const THREADS: usize = 4;

/// What the system calls nobody, on every distribution.
const NOBODY: u32 = 65534;

impl Job<'_> {
    /// The helper's arguments.
    pub fn arguments(&self, options: &CompilerOptions) -> Vec<String> {
        let threads = available_parallelism().map_or(1, NonZero::get).min(THREADS);
        let (uid, gid) = options.identity.unwrap_or((NOBODY, NOBODY));
        let mut arguments: Vec<String> = Vec::new();
        let mut say = |name: &str, value: &dyn Display| arguments.push(format!("{name}={value}"));
        say("compile", &u8::from(self.kind == JobKind::Compile));
        say("limit", &self.memory_limit);
        say("gc", &u8::from(self.allowed.garbage_collection));
        say("engine", &self.engine);
        say("threads", &threads);
        say("nice", if self.background { &NICE } else { &0 });
        say("time", &options.time.as_millis().div_ceil(1000).max(1));
        say("memory", &options.memory_for(self.background));
        say("uid", &uid);
        say("gid", &gid);
        say("parent", &getpid().as_raw_nonzero());
        match self.entry_point {
            None => {}
            Some(None) => say("entry", &""),
            Some(Some(name)) => say("entry", &name),
        }
        arguments
    }
}

impl Order {
    /// Reads the helper's arguments.
    ///
    /// # Errors
    /// The one that is missing or not understood.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Order, String> {
        let all: Vec<String> = arguments.collect();
        let find = |name: &str| {
            let mut values = all.iter();
            values.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
        };
        fn number<T: std::str::FromStr>(name: &str, value: Option<&str>) -> Result<T, String> {
            let value = value.and_then(|value| value.parse().ok());
            value.ok_or_else(|| format!("the argument {name} is missing or not a number"))
        }
        let entry = find("entry").map(|name| (!name.is_empty()).then(|| name.to_owned()));
        Ok(Order {
            compile: number::<u8>("compile", find("compile"))? != 0,
            memory_limit: number("limit", find("limit"))?,
            allowed: Allowed {
                garbage_collection: number::<u8>("gc", find("gc"))? != 0,
            },
            entry_point: entry,
            engine: find("engine").unwrap_or_default().to_owned(),
            threads: number::<usize>("threads", find("threads"))?.clamp(1, THREADS),
            nice: number("nice", find("nice"))?,
            time: number("time", find("time"))?,
            memory: number("memory", find("memory"))?,
            identity: (number("uid", find("uid"))?, number("gid", find("gid"))?),
            parent: number("parent", find("parent"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let options = CompilerOptions {
            helper: "/nonexistent".into(),
            time: Duration::from_millis(1500),
            memory: 1 << 30,
            program_size: 1 << 20,
            identity: Some((33, 34)),
        };
        for entry_point in [None, Some(None), Some(Some("a=b c"))] {
            let job = Job {
                kind: JobKind::Compile,
                memory_limit: 1 << 24,
                allowed: Allowed {
                    garbage_collection: true,
                },
                entry_point,
                background: true,
                engine: "mark",
            };
            let order = Order::parse(job.arguments(&options).into_iter()).unwrap();
            assert!(order.compile && order.allowed.garbage_collection);
            assert_eq!(order.engine, "mark");
            assert_eq!((order.time, order.memory), (2, 1 << 30));
            assert_eq!((order.identity, order.nice), ((33, 34), NICE));
            let entry = order.entry_point.as_ref().map(Option::as_deref);
            assert_eq!(entry, entry_point);
        }
        assert!(Order::parse(["compile=1".to_owned()].into_iter()).is_err());
    }
}
