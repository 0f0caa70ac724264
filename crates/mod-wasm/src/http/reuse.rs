//! Which requests may share an instance: those of one virtual host that are served by one section, under the same settings.
//! Must not know how instances are kept.
//!
//! A *section* is here what an operator would call the place that configures the guest: every section that applies to the
//! request and has a directive of ours in it, from the outermost to the innermost. Two `<Location>`s that say the same in
//! different places are two sections; two that only say `SetHandler` and inherit the rest share the one section that
//! they inherit from. A `.htaccess` file is a section too. Since httpd merges sections anew for each request, and reads
//! `.htaccess` files anew, they are told apart by what they are and not by where they lie in memory.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use cgi::Numbers;
use directives::Settings;
use httpd::Request;

use crate::config::{DirConfig, SectionPath};

/// So many settings are remembered in one child. A server has as many as sections that reuse instances, times their
/// combinations; `.htaccess` files add to them whenever they change.
const REMEMBERED: usize = 1024;

/// The number of a `.htaccess` file.
pub type HtaccessId = u64;

/// Which sections, and what they say together.
#[derive(PartialEq, Eq)]
struct Place {
    path: SectionPath,
    settings: Arc<Settings>,
}

impl Hash for Place {
    /// The path alone: it is short, and the settings of one path rarely change.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path.hash(state);
    }
}

static PLACES: Mutex<Option<Numbers<Place>>> = Mutex::new(None);
static HTACCESS: Mutex<Option<Numbers<String>>> = Mutex::new(None);

/// The key for requests like this one.
pub fn key(request: &Request, config: &DirConfig) -> [u8; 16] {
    let place = Place {
        path: config.path().clone(),
        settings: Arc::clone(config.settings()),
    };
    let host = u64::try_from(request.virtual_host()).unwrap_or(u64::MAX);
    let mut key = [0; 16];
    key[..8].copy_from_slice(&host.to_ne_bytes());
    key[8..].copy_from_slice(&number(&PLACES, place).to_ne_bytes());
    key
}

/// A number that stands for a `.htaccess` file.
pub fn htaccess(file: &str) -> HtaccessId {
    number(&HTACCESS, file.to_owned())
}

fn number<K: Hash + Eq>(numbers: &Mutex<Option<Numbers<K>>>, key: K) -> u64 {
    // Nothing here panics halfway through a change; a poisoned lock is as good as another.
    let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
    numbers
        .get_or_insert_with(|| Numbers::new(REMEMBERED))
        .number(key)
}
