//! Which program serves a request: the one that a section names for its URLs, the requested file itself, or the interpreter
//! that a section names for its files. Refuses what may not be run, before anything is loaded or started. Must not know how a
//! guest is called.

use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use cgi::Requested;
use directives::{Message, Settings, messages};
use httpd::{Answer, FileKind, Request};
use wasm_runtime_client::Guest;

use crate::config::{By, DirConfig, Named};
use crate::links::{self, Way};
use crate::log_limit::Gate;
use crate::messages::log_request;
use crate::programs::{self, Refusal};
use crate::registry::Started;
use crate::{outcome, script};

/// The program of one request.
pub struct Chosen {
    /// Loaded.
    pub guest: Arc<Guest>,
    /// The base name of its file.
    pub name: String,
    /// What the requested file is to it.
    pub requested: Requested,
    /// Its part of the URL, where httpd cannot know that.
    pub split: Option<script::Split>,
}

/// Finds the program, and loads it if nobody has.
///
/// # Errors
/// What the client gets; the log says why.
pub fn choose(request: &Request, config: &DirConfig) -> Result<Chosen, Answer> {
    match config.named() {
        None => requested_file(request, config),
        Some(named) => match &named.by {
            By::Url(prefix) => at_url(request, config, named, prefix.as_deref()),
            By::File => interpreter(request, config, named),
        },
    }
}

/// The section has granted the program to its URLs: no file and no option is asked for.
fn at_url(
    request: &Request,
    config: &DirConfig,
    named: &Named,
    prefix: Option<&str>,
) -> Result<Chosen, Answer> {
    let split = prefix.and_then(|prefix| script::split(request, prefix));
    let path_info = match &split {
        Some((_, path)) => !path.is_empty(),
        None => !request.path_info().is_empty(),
    };
    if request.rejects_path_info() && path_info {
        return refuse(request, config, &messages::PATH_INFO_REFUSED, 404);
    }
    loaded(request, named, Requested::Nothing, split)
}

fn requested_file(request: &Request, config: &DirConfig) -> Result<Chosen, Answer> {
    permit(request, config)?;
    let file = request.filename().to_owned();
    Ok(Chosen {
        guest: programs::load(request, &file)?,
        name: base_name(&file),
        requested: Requested::Program(file),
        split: None,
    })
}

fn interpreter(request: &Request, config: &DirConfig, named: &Named) -> Result<Chosen, Answer> {
    let settings = config.settings();
    permit(request, config)?;
    let way = links::way(settings, request.filename());
    let script = match &way {
        Way::Instead(script) => script.clone(),
        Way::AsItIs | Way::Out(_) => request.filename().to_owned(),
    };
    let chosen = loaded(request, named, Requested::Script(script), None)?;
    // Who answers HTTP is not told of files.
    if !chosen.guest.kind().answers_http()
        && let Requested::Script(script) = &chosen.requested
        && chosen.requested.is_told(settings)
    {
        check_seen(request, &chosen.name, settings, script, &way)?;
    }
    Ok(chosen)
}

/// Refuses a script that its interpreter would be called for and could not open.
fn check_seen(
    request: &Request,
    module: &str,
    settings: &Settings,
    script: &Path,
    way: &Way,
) -> Result<(), Answer> {
    let file = request.filename();
    let refused = |message: &Message, more: (&str, &dyn Display)| {
        let shown = file.as_os_str().as_bytes().escape_ascii();
        let file: &dyn Display = match file.to_str() {
            Some(_) => &file.display(),
            None => &shown,
        };
        log_request(
            request,
            message,
            &[("file", file), more, ("module", &module)],
        );
        Err(Answer::Http(500))
    };
    if let Way::Out(link) = way {
        return refused(&messages::SCRIPT_BEHIND_LINK, ("link", &link.display()));
    }
    if settings.guest_path(script).is_some() {
        return Ok(());
    }
    let name = script.to_str().is_none();
    match settings
        .mounts()
        .find(|mount| name && script.starts_with(&mount.host))
    {
        Some(mount) => refused(&messages::SCRIPT_NAME, ("directory", &mount.host.display())),
        None => {
            let directory = script.parent().unwrap_or(script);
            refused(
                &messages::SCRIPT_UNSEEN,
                ("directory", &directory.display()),
            )
        }
    }
}

fn loaded(
    request: &Request,
    named: &Named,
    requested: Requested,
    split: Option<script::Split>,
) -> Result<Chosen, Answer> {
    let path = &named.program.path;
    let guest = match named.program.started() {
        Started::Loaded(guest) => guest,
        Started::LeftOut(reason) => return Err(outcome::left_out(request, path, reason)),
        Started::Later => programs::load_named(request, path).map_err(|refusal| match refusal {
            Refusal::Answer(answer) => answer,
            Refusal::Unusable(reason) => outcome::left_out(request, path, &reason),
        })?,
        Started::NotYet => return Err(outcome::not_loaded(request)),
    };
    Ok(Chosen {
        guest,
        name: base_name(&named.program.path),
        requested,
        split,
    })
}

/// May the requested file be run, be it as a program or as a script? The rules and their order are those of `cgid_handler` in
/// httpd's mod_cgid.
fn permit(request: &Request, config: &DirConfig) -> Result<(), Answer> {
    if !request.may_execute() {
        return refuse(request, config, &messages::EXECUTION_OFF, 403);
    }
    match request.file_kind() {
        FileKind::Missing => return refuse(request, config, &messages::FILE_MISSING, 404),
        FileKind::Directory | FileKind::Other => {
            return refuse(request, config, &messages::NOT_A_FILE, 403);
        }
        FileKind::Regular => {}
    }
    if request.rejects_path_info() && !request.path_info().is_empty() {
        return refuse(request, config, &messages::PATH_INFO_REFUSED, 404);
    }
    Ok(())
}

#[track_caller]
fn refuse<T>(
    request: &Request,
    config: &DirConfig,
    message: &Message,
    status: u16,
) -> Result<T, Answer> {
    let file = request.filename().display();
    // Any visitor can ask for what may not be run, again and again.
    Gate::new(config, &base_name(request.filename())).log(request, message, &[("file", &file)]);
    Err(Answer::Http(status))
}

fn base_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}
