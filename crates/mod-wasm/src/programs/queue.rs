//! The programs of a child that are waiting to be loaded: one of an owner at a time, and the owners in turn, so that nobody waits
//! for all files of another. Must not know how a program is loaded.
//!
//! There are two queues. All programs begin in the one for those that have been compiled already, so that these never wait for a
//! compilation; those that have not go on to the other. What several children compile is put in order by the engine.

use std::collections::VecDeque;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use directives::messages;
use wasm_runtime_client::{Error, ErrorCode};

use super::{Loading, Program, store};
use crate::messages::log_host;
use crate::stamp::Owner;

/// Maximum number of programs that are being loaded at once. The engine lets fewer compile.
const WORKERS: usize = 4;
/// Maximum number of programs of one owner that wait.
const PER_OWNER: usize = 16;
/// Maximum number of owners whose programs wait.
const OWNERS: usize = 64;

/// What is done with the programs of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// They are looked for among those that have been compiled.
    Find,
    /// They are compiled.
    Compile,
}

static FINDING: Mutex<Queue> = Mutex::new(Queue::new());
static COMPILING: Mutex<Queue> = Mutex::new(Queue::new());

struct Queue {
    /// Who comes next is at the front.
    owners: VecDeque<(Owner, VecDeque<Arc<Program>>)>,
    /// Those of whom a program is being loaded.
    running: Vec<Owner>,
    workers: usize,
}

fn lock(stage: Stage) -> MutexGuard<'static, Queue> {
    let queue = match stage {
        Stage::Find => &FINDING,
        Stage::Compile => &COMPILING,
    };
    // Nothing here panics halfway through a change; a poisoned lock is as good as another.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a program; `false` if there is no room for it, or no thread.
pub fn add(program: &Arc<Program>, stage: Stage) -> bool {
    let mut queue = lock(stage);
    if !queue.push(program) {
        return false;
    }
    if queue.workers == WORKERS {
        return true;
    }
    if httpd::spawn("wasm-programs", move || work(stage)).is_ok() {
        queue.workers += 1;
    } else if queue.workers == 0 {
        queue.take_back(program);
        return false;
    }
    true
}

/// Loads one program after the other, until none is left that may be.
fn work(stage: Stage) {
    loop {
        let next = {
            let mut queue = lock(stage);
            let next = queue.next();
            if next.is_none() {
                queue.workers -= 1;
            }
            next
        };
        let Some(program) = next else { return };
        let failed = |code, text: &str| {
            store::lock().remove(&program);
            program.set(Loading::Failed(Error {
                code,
                message: text.to_owned(),
            }));
        };
        match catch_unwind(AssertUnwindSafe(|| program.load(stage))) {
            Ok(true) => {}
            Ok(false) if add(&program, Stage::Compile) => {}
            Ok(false) => {
                let module = program.file.display();
                let fields: &[(&str, &dyn Display)] = &[("module", &module)];
                log_host(program.log, &messages::TOO_MANY_PROGRAMS, fields);
                failed(ErrorCode::Busy, "too many others wait to be compiled");
            }
            Err(_) => failed(ErrorCode::Panic, "a panic while it was loaded"),
        }
        let mut queue = lock(stage);
        queue.running.retain(|owner| *owner != program.owner);
    }
}

impl Queue {
    const fn new() -> Queue {
        Queue {
            owners: VecDeque::new(),
            running: Vec::new(),
            workers: 0,
        }
    }

    fn push(&mut self, program: &Arc<Program>) -> bool {
        let owner = program.owner;
        match self.owners.iter().position(|(known, _)| *known == owner) {
            Some(at) => {
                let Some((_, programs)) = self.owners.get_mut(at) else {
                    return false;
                };
                if programs.len() >= PER_OWNER {
                    return false;
                }
                programs.push_back(Arc::clone(program));
            }
            None if self.owners.len() >= OWNERS => return false,
            None => {
                let programs = VecDeque::from([Arc::clone(program)]);
                self.owners.push_back((owner, programs));
            }
        }
        true
    }

    /// The next program of the first owner of whom none is being loaded. That owner is the last then.
    fn next(&mut self) -> Option<Arc<Program>> {
        let at = self
            .owners
            .iter()
            .position(|(owner, _)| !self.running.contains(owner))?;
        let (owner, mut programs) = self.owners.remove(at)?;
        let program = programs.pop_front();
        if !programs.is_empty() {
            self.owners.push_back((owner, programs));
        }
        self.running.push(owner);
        program
    }

    fn take_back(&mut self, program: &Arc<Program>) {
        for (_, programs) in &mut self.owners {
            programs.retain(|known| !Arc::ptr_eq(known, program));
        }
        self.owners.retain(|(_, programs)| !programs.is_empty());
    }
}
