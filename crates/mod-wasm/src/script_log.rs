//! The files of `WasmScriptLog`: opened by the parent, so that children inherit them, and written when a run has failed.
//! What an entry looks like is `cgi`'s business.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cgi::{Failed, Record};
use directives::{ScriptLog, Settings, messages};
use httpd::Request;

use crate::messages::log_request;
use crate::response::Form;

/// Holds what visitors have sent: the group may read it, nobody else.
const MODE: u32 = 0o640;

type Files = BTreeMap<PathBuf, Arc<File>>;

static FILES: Mutex<Files> = Mutex::new(BTreeMap::new());

fn files() -> MutexGuard<'static, Files> {
    // Nothing here panics halfway through a change; a poisoned lock is as good as another.
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens every file that is named, in the parent. Those of the configuration before are let go of, so that a file that has
/// been moved away is made anew.
///
/// # Errors
/// The first that cannot be opened.
pub fn open<'l>(
    logs: impl Iterator<Item = &'l ScriptLog>,
) -> Result<(), (&'l ScriptLog, io::Error)> {
    let mut opened = Files::new();
    for log in logs {
        if opened.contains_key(&log.path) {
            continue;
        }
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(MODE).open(&log.path);
        let file = file.map_err(|error| (log, error))?;
        opened.insert(log.path.clone(), Arc::new(file));
    }
    *files() = opened;
    Ok(())
}

/// Where a run is recorded, if that is wanted.
pub fn record(settings: &Settings, form: Form) -> Option<Record> {
    let log = settings.script_log().filter(|_| form.is_script())?;
    Some(Record::new(usize::try_from(log.body).unwrap_or(usize::MAX)))
}

/// Writes the entry of a run that has failed. `status`: what the client gets; `errors`: what the error log says.
pub fn write(
    request: &Request,
    settings: &Settings,
    program: &str,
    record: &Record,
    status: i32,
    errors: &[String],
) {
    let Some(log) = settings.script_log() else {
        return;
    };
    let failed = Failed {
        time: &httpd::now(),
        request_line: request.request_line(),
        status,
        program,
        errors,
    };
    let fields = request.headers_in();
    let entry = record.entry(&failed, fields.iter().flat_map(|fields| fields.iter()));
    if let Err(error) = append(log, &entry) {
        let file = log.path.display();
        log_request(
            request,
            &messages::SCRIPT_LOG_FAILED,
            &[("file", &file), ("detail", &error), ("module", &program)],
        );
    }
}

/// Appends in one piece, so that entries of several processes do not mix, unless the file would become too large.
fn append(log: &ScriptLog, entry: &str) -> io::Result<()> {
    let file = files().get(&log.path).cloned();
    let Some(file) = file else {
        return Err(io::Error::other("not opened when the server started"));
    };
    let size = file.metadata()?.len();
    if size.saturating_add(entry.len() as u64) > log.max {
        return Ok(());
    }
    (&*file).write_all(entry.as_bytes())
}
