//! The gate to the error log for all that programs write to it or cause in it: holds each place to its `WasmLogLimit`, in all
//! children together. Must not know what the lines say.
//!
//! A *place* is a virtual host with the sections of the configuration that apply and have a directive of ours in them. A
//! `.htaccess` file makes no place: whoever may write one could make any number.
//!
//! What places have logged is counted in memory that the parent has made, once, and never looks into. Children of before a
//! graceful restart count there with those of after it, so a place is known by what stays the same then: where its virtual host
//! is configured, and which of all sections these are. If the configuration has changed, a place may pay for what another has logged
//! a few seconds ago.

use std::cell::OnceCell;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::num::NonZeroU64;
use std::sync::OnceLock;
use std::time::Instant;

use cgi::{Dropped, LogQuotas};
use directives::units::show_size;
use directives::{Message, messages};
use httpd::Request;

use crate::config::{DirConfig, Place};
use crate::messages::{Fields, is_logged, log_request};

/// What httpd writes before a line of ours, and one line end, in bytes: time, level, process and client.
const PREFIX: usize = 160;
/// The longest line that httpd writes.
const LONGEST: usize = 8192;

static QUOTAS: OnceLock<LogQuotas<'static>> = OnceLock::new();

/// Makes in the parent what its children count in, unless it is there from before a restart.
///
/// # Errors
/// There is no memory that they could share.
pub fn prepare() -> io::Result<()> {
    if QUOTAS.get().is_none() {
        let memory = httpd::shared_numbers(LogQuotas::MEMORY)?;
        // The parent has one thread: nobody else has set it.
        let _ = QUOTAS.set(LogQuotas::new(memory, Instant::now()));
    }
    Ok(())
}

/// The gate for one request.
#[derive(Debug, Clone)]
pub struct Gate<'c> {
    config: &'c DirConfig,
    /// What log lines call the program.
    module: &'c str,
    /// Which place it is.
    place: OnceCell<NonZeroU64>,
}

impl<'c> Gate<'c> {
    /// The gate for requests under this configuration.
    pub fn new(config: &'c DirConfig, module: &'c str) -> Gate<'c> {
        Gate {
            config,
            module,
            place: OnceCell::new(),
        }
    }

    /// Logs a message, unless there have been too many.
    #[track_caller]
    pub fn log(&self, request: &Request, message: &Message, fields: &Fields<'_>) {
        if !is_logged(request, message) {
            return;
        }
        let (Some(rate), Some(quotas)) = (self.config.settings().log_limit(), QUOTAS.get()) else {
            return log_request(request, message, fields);
        };
        let size = size(request, &message.line(fields));
        let (allowed, dropped) = quotas.line(self.place(request), rate, size, Instant::now());
        self.tell(request, rate, dropped);
        if allowed {
            log_request(request, message, fields);
        }
    }

    /// The request is over, and no line of it will follow.
    pub fn end(&self, request: &Request) {
        // Nothing has been logged here where nobody has asked which place it is.
        let (Some(place), Some(quotas)) = (self.place.get(), QUOTAS.get()) else {
            return;
        };
        if let Some(rate) = self.config.settings().log_limit() {
            self.tell(request, rate, quotas.end(*place, Instant::now()));
        }
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

    fn place(&self, request: &Request) -> NonZeroU64 {
        *self.place.get_or_init(|| {
            // Without a key of its own, so that all children get the same number.
            let mut hasher = DefaultHasher::new();
            request.virtual_host_origin().hash(&mut hasher);
            for place in self.config.path().iter() {
                if let Place::Section(id) = place {
                    id.hash(&mut hasher);
                }
            }
            NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN)
        })
    }
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
