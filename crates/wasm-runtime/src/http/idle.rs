//! Instances between requests. Each belongs to one guest and one key, is kept for a time, and gives way when somebody else
//! needs its place. It must not know how an instance is called.

use super::proxy::Proxy;
use super::service::Instance;
use crate::clock::Clock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The instances of all guests of an engine. Clones are the same.
#[derive(Clone, Default)]
pub struct Idle(Arc<Shared>);

#[derive(Default)]
struct Shared {
    entries: Mutex<Vec<Entry>>,
    making: Mutex<()>,
    reaping: AtomicBool,
}

/// For whom an instance is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Owner {
    /// The guest's number.
    pub guest: u64,
    /// The key that requests must have.
    pub key: Box<[u8]>,
}

struct Entry {
    owner: Owner,
    since: Instant,
    keep: Duration,
    kept: Kept,
}

/// What is kept. An instance of WASI 0.3 stays in the list while it serves: others may join.
enum Kept {
    Proxy(Box<Proxy>),
    Service(Arc<Instance>),
}

impl Kept {
    fn is_idle(&self) -> bool {
        match self {
            Kept::Proxy(_) => true,
            Kept::Service(instance) => instance.is_idle(),
        }
    }
}

impl Idle {
    /// Takes out an instance, the one that was used last.
    pub fn take_proxy(&self, owner: &Owner) -> Option<Box<Proxy>> {
        let mut entries = self.lock();
        let mine = |entry: &Entry| entry.owner == *owner && matches!(entry.kept, Kept::Proxy(_));
        let at = entries.iter().rposition(mine)?;
        match entries.remove(at).kept {
            Kept::Proxy(proxy) => Some(proxy),
            Kept::Service(_) => None,
        }
    }

    /// Keeps an instance that nobody uses.
    pub fn keep_proxy(&self, owner: Owner, proxy: Box<Proxy>, keep: Duration, clock: &Clock) {
        self.add(owner, Kept::Proxy(proxy), keep, clock);
    }

    /// An instance that takes one more request, and counts it.
    pub fn join_service(&self, owner: &Owner) -> Option<Arc<Instance>> {
        let entries = self.lock();
        let joined = entries.iter().rev().find_map(|entry| match &entry.kept {
            Kept::Service(instance) if entry.owner == *owner && instance.admit() => Some(instance),
            Kept::Service(_) | Kept::Proxy(_) => None,
        });
        joined.cloned()
    }

    /// Held while an instance is made that others may join.
    pub fn make(&self) -> MutexGuard<'_, ()> {
        self.0.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists an instance that others may join, now and when it is idle.
    pub fn keep_service(
        &self,
        owner: Owner,
        instance: Arc<Instance>,
        keep: Duration,
        clock: &Clock,
    ) {
        self.add(owner, Kept::Service(instance), keep, clock);
    }

    /// A request has left this instance: it is idle from now on, or takes no more requests.
    pub fn left_service(&self, instance: &Arc<Instance>) {
        let mut entries = self.lock();
        let same =
            |entry: &Entry| matches!(&entry.kept, Kept::Service(i) if Arc::ptr_eq(i, instance));
        let Some(at) = entries.iter().position(same) else {
            return;
        };
        if instance.takes_more() {
            entries[at].since = Instant::now();
        } else {
            let gone = entries.remove(at);
            drop(entries);
            drop(gone);
        }
    }

    /// Gives up the instance that has been idle for longest; says whether there was one.
    pub fn evict(&self) -> bool {
        let mut entries = self.lock();
        let idle = entries.iter().enumerate().filter(|(_, e)| e.kept.is_idle());
        let Some(at) = idle.min_by_key(|(_, e)| e.since).map(|(at, _)| at) else {
            return false;
        };
        let gone = entries.remove(at);
        drop(entries);
        drop(gone);
        true
    }

    /// Gives up all instances of a guest.
    pub fn forget(&self, guest: u64) {
        let gone: Vec<Entry> = self
            .lock()
            .extract_if(.., |entry| entry.owner.guest == guest)
            .collect();
        drop(gone);
    }

    fn add(&self, owner: Owner, kept: Kept, keep: Duration, clock: &Clock) {
        self.lock().push(Entry {
            owner,
            since: Instant::now(),
            keep,
            kept,
        });
        if !self.0.reaping.swap(true, Ordering::SeqCst) {
            clock.spawn(reap(Arc::downgrade(&self.0)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        lock(&self.0)
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Vec<Entry>> {
    shared
        .entries
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Gives up instances whose time is over, until none is left.
async fn reap(shared: Weak<Shared>) {
    while let Some(next) = shared.upgrade().and_then(|shared| expire(&shared)) {
        tokio::time::sleep(next).await;
    }
}

/// Gives up what has expired; says when to look again, or `None` when nothing is left.
fn expire(shared: &Shared) -> Option<Duration> {
    const SOONEST: Duration = Duration::from_millis(100);
    let mut entries = lock(shared);
    let over = |entry: &mut Entry| entry.since.elapsed() >= entry.keep && entry.kept.is_idle();
    let gone: Vec<Entry> = entries.extract_if(.., over).collect();
    let left = |entry: &Entry| entry.keep.saturating_sub(entry.since.elapsed());
    let next = entries.iter().map(left).min();
    if next.is_none() {
        // Under the lock: whoever adds an entry afterwards starts another reaper.
        shared.reaping.store(false, Ordering::SeqCst);
    }
    drop(entries);
    drop(gone);
    next.map(|next| next.max(SOONEST))
}
