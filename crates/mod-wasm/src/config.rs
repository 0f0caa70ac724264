//! The configuration of one section, or of several merged ones: the settings, and what only httpd knows about the section.
//! Turns a line of configuration into both.

use std::sync::Arc;

use cgi::location_prefix;
use directives::{Args, DIRECTIVES, Origin, Paths, Settings, utf8};
use httpd::Command;

use crate::http;
use crate::registry::{self, Program, SectionId};

/// Which sections have been merged, from the outermost to the innermost: those with a directive of ours in them.
pub type SectionPath = Arc<[Place]>;

/// One section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Of the configuration.
    Section(SectionId),
    /// A `.htaccess` file.
    Htaccess(http::HtaccessId),
}

/// What holds for the requests of a section. Changed only while the configuration is read. The parts are shared because
/// httpd merges sections anew for each request.
#[derive(Debug, Clone, Default)]
pub struct DirConfig {
    settings: Arc<Settings>,
    program: Option<Arc<Program>>,
    /// The prefix of the `<Location>` that names the module: there the program is what the URL up to it stands for.
    location: Option<Arc<str>>,
    /// Where all this stands.
    path: SectionPath,
}

impl DirConfig {
    /// `inner` laid over `outer`.
    pub fn merge(outer: &DirConfig, inner: &DirConfig) -> DirConfig {
        // httpd merges at each request, and most sections have no directive of ours.
        if outer.path.is_empty() {
            return inner.clone();
        }
        if inner.path.is_empty() {
            return outer.clone();
        }
        let DirConfig {
            settings,
            program,
            location,
            path,
        } = inner;
        // Program and location belong together: a section that names a module says with it where it is.
        let (program, location) = match program {
            Some(_) => (program.clone(), location.clone()),
            None => (outer.program.clone(), outer.location.clone()),
        };
        DirConfig {
            settings: Arc::new(Settings::merge(&outer.settings, settings)),
            program,
            location,
            path: outer.path.iter().chain(&**path).copied().collect(),
        }
    }

    /// What the directives say.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The program to run, if a module is named.
    pub fn program(&self) -> Option<&Arc<Program>> {
        self.program.as_ref()
    }

    /// The sections that say so.
    pub fn path(&self) -> &SectionPath {
        &self.path
    }

    /// The URL prefix at which the program is, if a `<Location>` says so.
    pub fn location(&self) -> Option<&Arc<str>> {
        self.location.as_ref()
    }
}

/// Applies one line of configuration to the section it stands in.
pub fn apply(command: &Command<'_>, config: &mut DirConfig) -> Result<(), String> {
    let directive = DIRECTIVES.get(command.index).ok_or("unknown directive")?;
    let values: Vec<&str> = command
        .arguments
        .iter()
        .map(|value| utf8(value))
        .collect::<Result<_, _>>()
        .map_err(|e| directive.error(&e))?;
    let (file, line) = command.place();
    let origin = Origin { file, line };
    let args = Args {
        values: &values,
        origin: &origin,
    };
    let settings = Arc::make_mut(&mut config.settings);
    registry::with_server_settings(|server| {
        directive.set(settings, server, &args, &ServerRoot(command))
    })?;
    let place = match config.path.last() {
        Some(place) => *place,
        None if command.in_htaccess() => Place::Htaccess(http::htaccess(&origin.file)),
        None => Place::Section(registry::new_section()),
    };
    if config.path.is_empty() {
        config.path = Arc::new([place]);
    }
    if let Place::Section(id) = place {
        registry::note(id, &config.settings);
        note_program(command, config, &origin);
    }
    Ok(())
}

/// Ties the section to the program when the line has named its module.
fn note_program(command: &Command<'_>, config: &mut DirConfig, line: &Origin) {
    let Some(module) = config
        .settings
        .module()
        .filter(|module| module.origin == *line)
    else {
        return;
    };
    config.program = Some(registry::program(&module.path));
    config.location = command
        .sections()
        .find(|section| {
            section
                .name
                .get(..9)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"<Location"))
        })
        .and_then(|section| location_prefix(section.name, section.arguments))
        .map(Arc::from);
}

/// The one question that directives ask the server.
struct ServerRoot<'c>(&'c Command<'c>);

impl Paths for ServerRoot<'_> {
    fn server_root_relative(&self, path: &str) -> Option<String> {
        self.0.server_root_relative(path)
    }
}
