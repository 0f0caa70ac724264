//! The configuration of one section, or of several merged ones: the settings, and what only httpd knows about the section.
//! Turns a line of configuration into both.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use cgi::{SectionKind, location_prefix};
use directives::{Args, DIRECTIVES, Origin, Paths, Settings, utf8};
use httpd::{Command, Expression};

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

/// The program that a section names, and how URLs lead to it.
#[derive(Debug, Clone)]
pub struct Named {
    /// The program.
    pub program: Arc<Program>,
    /// How.
    pub by: By,
}

/// How URLs lead to a program, which the section that names it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The section is about URLs, or about the whole server: what the URL stands for is the program. With the prefix of the
    /// `<Location>`, if that is one.
    Url(Option<Arc<str>>),
    /// The section is about files: they are the program's scripts.
    File,
}

/// What holds for the requests of a section. Changed only while the configuration is read. The parts are shared because
/// httpd merges sections anew for each request.
#[derive(Debug, Clone, Default)]
pub struct DirConfig {
    settings: Arc<Settings>,
    named: Option<Named>,
    /// The expressions in the settings, by their texts: equal texts mean the same, whichever section parsed them.
    expressions: Arc<BTreeMap<String, Expression>>,
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
            named,
            expressions,
            path,
        } = inner;
        DirConfig {
            settings: Arc::new(Settings::merge(&outer.settings, settings)),
            named: named.clone().or_else(|| outer.named.clone()),
            expressions: both(&outer.expressions, expressions),
            path: outer.path.iter().chain(&**path).copied().collect(),
        }
    }

    /// What the directives say.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Lays down what holds for one request, in this copy of the configuration.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = Arc::new(settings);
    }

    /// The expression with this text.
    pub fn expression(&self, text: &str) -> Option<&Expression> {
        self.expressions.get(text)
    }

    /// The program to run, if a module is named.
    pub fn named(&self) -> Option<&Named> {
        self.named.as_ref()
    }

    /// The sections that say so.
    pub fn path(&self) -> &SectionPath {
        &self.path
    }
}

/// All expressions of two sections. Of equal ones the inner one, which lives as long as the merged section.
fn both(
    outer: &Arc<BTreeMap<String, Expression>>,
    inner: &Arc<BTreeMap<String, Expression>>,
) -> Arc<BTreeMap<String, Expression>> {
    if inner.is_empty() {
        return Arc::clone(outer);
    }
    if outer.is_empty() {
        return Arc::clone(inner);
    }
    let all = outer.iter().chain(&**inner);
    Arc::new(
        all.map(|(text, parsed)| (text.clone(), parsed.clone()))
            .collect(),
    )
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
    let line = Line {
        command,
        expressions: RefCell::default(),
    };
    registry::with_server_settings(|server| directive.set(settings, server, &args, &line))?;
    let parsed = line.expressions.into_inner();
    if !parsed.is_empty() {
        Arc::make_mut(&mut config.expressions).extend(parsed);
    }
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
    config.named = Some(Named {
        program: registry::program(&module.path),
        by: leads(command),
    });
}

/// How URLs lead to a program that this line names. Sections such as `<If>` and `<Limit>` do not decide that, but what is
/// around them.
fn leads(command: &Command<'_>) -> By {
    for section in command.sections() {
        match SectionKind::of(section.name) {
            None => {}
            Some(SectionKind::Files) => return By::File,
            Some(SectionKind::Urls) => {
                let prefix = location_prefix(section.name, section.arguments);
                return By::Url(prefix.map(Arc::from));
            }
        }
    }
    By::Url(None)
}

/// What directives ask the server about their line; keeps the expressions that it has parsed.
struct Line<'c> {
    command: &'c Command<'c>,
    expressions: RefCell<Vec<(String, Expression)>>,
}

impl Paths for Line<'_> {
    fn server_root_relative(&self, path: &str) -> Option<String> {
        self.command.server_root_relative(path)
    }

    fn expression(&self, text: &str) -> Result<(), String> {
        let parsed = self.command.expression(text)?;
        self.expressions
            .borrow_mut()
            .push((text.to_owned(), parsed));
        Ok(())
    }
}
