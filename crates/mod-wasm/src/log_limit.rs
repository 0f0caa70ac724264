//! The gate to the error log for all that programs write to it or cause in it: holds each place to its `WasmLogLimit`. Must not
//! know what the lines say.
//!
//! A *place* is a virtual host with the sections of the configuration that apply and have a directive of ours in them. A
//! `.htaccess` file makes no place: whoever may write one could make any number.

use std::cell::OnceCell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cgi::{Dropped, LogQuotas};
use directives::units::show_size;
use directives::{Message, messages};
use httpd::Request;

use crate::config::{DirConfig, Place};
use crate::messages::{Fields, is_logged, log_request};

/// Maximum number of places that one child remembers: more than most servers have.
const REMEMBERED: usize = 4096;
/// What httpd writes before a line of ours, and one line end, in bytes: time, level, process and client.
const PREFIX: usize = 160;
/// The longest line that httpd writes.
const LONGEST: usize = 8192;

/// A virtual host, and sections.
type Key = (usize, Vec<Place>);

static QUOTAS: Mutex<Option<LogQuotas<Key>>> = Mutex::new(None);

/// The gate for one request.
#[derive(Debug, Clone)]
pub struct Gate<'c> {
    config: &'c DirConfig,
    /// What log lines call the program.
    module: &'c str,
    key: OnceCell<Key>,
}

impl<'c> Gate<'c> {
    /// The gate for requests under this configuration.
    pub fn new(config: &'c DirConfig, module: &'c str) -> Gate<'c> {
        Gate {
            config,
            module,
            key: OnceCell::new(),
        }
    }

    /// Logs a message, unless there have been too many.
    #[track_caller]
    pub fn log(&self, request: &Request, message: &Message, fields: &Fields<'_>) {
        if !is_logged(request, message) {
            return;
        }
        let Some(rate) = self.config.settings().log_limit() else {
            return log_request(request, message, fields);
        };
        let size = size(request, &message.line(fields));
        let key = self.key(request);
        let (allowed, dropped) = with(|quotas| quotas.line(key, rate, size, Instant::now()));
        self.tell(request, rate, dropped);
        if allowed {
            log_request(request, message, fields);
        }
    }

    /// The request is over, and no line of it will follow.
    pub fn end(&self, request: &Request) {
        // Without a key nothing has been logged here.
        let (Some(key), Some(rate)) = (self.key.get(), self.config.settings().log_limit()) else {
            return;
        };
        let dropped = with(|quotas| quotas.end(key, Instant::now()));
        self.tell(request, rate, dropped);
    }

    fn tell(&self, request: &Request, rate: u64, dropped: Option<Dropped>) {
        let Some(dropped) = dropped else {
            return;
        };
        let limit = show_size(rate);
        let fields: &Fields<'_> = &[
            ("lines", &dropped.lines),
            ("bytes", &dropped.bytes),
            ("limit", &limit),
            ("module", &self.module),
        ];
        log_request(request, &messages::LOG_DROPPED, fields);
    }

    fn key(&self, request: &Request) -> &Key {
        self.key.get_or_init(|| {
            let sections = self.config.path().iter().copied();
            let sections = sections.filter(|place| matches!(place, Place::Section(_)));
            (request.virtual_host(), sections.collect())
        })
    }
}

fn with<R>(change: impl FnOnce(&mut LogQuotas<Key>) -> R) -> R {
    // Nothing here panics halfway through a change; a poisoned lock is as good as another.
    let mut quotas: MutexGuard<'_, _> = QUOTAS.lock().unwrap_or_else(PoisonError::into_inner);
    change(quotas.get_or_insert_with(|| LogQuotas::new(REMEMBERED)))
}

/// What a line takes in the log at most: httpd escapes what cannot be printed, and adds what the client says of where it comes
/// from.
fn size(request: &Request, line: &str) -> u64 {
    let referer = request
        .headers_in()
        .and_then(|headers| headers.get(c"Referer"))
        .unwrap_or_default();
    let written = |byte: &u8| match byte {
        b' '..=b'~' => 1,
        _ => 4,
    };
    let text: usize = line.as_bytes().iter().chain(referer).map(written).sum();
    (PREFIX + text).min(LONGEST) as u64
}
