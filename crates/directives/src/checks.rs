//! Every example and every reject of the table as something to try: the test suite runs each through a real
//! `httpd -t`, so that what the documentation says is true. Must not know how httpd is started.

use crate::directive::{Apply, Arity, Contexts, DIRECTIVES, Directive, FoundBy};

/// What the placeholders in examples and rejects stand for. All paths absolute, without spaces and final slashes.
#[derive(Debug, Clone)]
pub struct Places {
    /// `{module}`: an existing WebAssembly command.
    pub module: String,
    /// `{dir}`: an existing directory.
    pub dir: String,
    /// `{file}`: an existing, readable regular file that is not WebAssembly.
    pub file: String,
}

impl Places {
    /// `text` with its placeholders filled.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        text.replace("{module}", &self.module)
            .replace("{dir}", &self.dir)
            .replace("{file}", &self.file)
    }

    /// The places as the documentation shows them.
    #[must_use]
    pub fn for_documentation() -> Places {
        Places {
            module: "/var/www/modules/hello.wasm".to_owned(),
            dir: "/srv/data".to_owned(),
            file: "/srv/data/notes.txt".to_owned(),
        }
    }
}

/// One piece of configuration and what the server must say to it.
#[derive(Debug, Clone)]
pub struct Check {
    /// The directive it is about.
    pub directive: &'static Directive,
    /// Lines for a configuration file, inside a section where the directive may stand in one.
    pub config: String,
    /// `None`: it is accepted. Otherwise it is refused and the server's output contains this text.
    pub refused: Option<String>,
}

/// Every example, every reject, and for every directive a line without arguments.
#[must_use]
pub fn checks(places: &Places) -> Vec<Check> {
    DIRECTIVES
        .iter()
        .flat_map(|directive| checks_of(directive, places))
        .collect()
}

fn checks_of(directive: &'static Directive, places: &Places) -> Vec<Check> {
    let check = |lines: &str, refused: Option<String>| Check {
        directive,
        config: in_context(directive, &places.fill(lines)),
        refused: refused.map(|text| places.fill(&text)),
    };
    let examples = directive
        .examples
        .iter()
        .map(|example| check(example.lines, None));
    let rejects = directive.rejects.iter().map(|reject| {
        let message = match reject.found_by {
            FoundBy::Line => directive.error(reject.message),
            FoundBy::Check => reject.message.to_owned(),
        };
        check(
            &format!("{} {}", directive.name, reject.arguments),
            Some(message),
        )
    });
    let no_arguments = check(directive.name, Some(wrong_number(directive)));
    examples.chain(rejects).chain([no_arguments]).collect()
}

/// httpd's own words for a wrong number of arguments: name, kind, and our summary as the hint. Where httpd does not
/// count, the words are ours.
fn wrong_number(directive: &Directive) -> String {
    let takes = match directive.arity {
        Arity::One => "takes one argument",
        Arity::Two => "takes two arguments",
        Arity::OneOrTwo => "takes 1-2 arguments",
        Arity::Many => return directive.error("takes at least one argument"),
    };
    format!("{} {takes}, {}", directive.name, directive.summary)
}

fn in_context(directive: &Directive, lines: &str) -> String {
    match (directive.apply, directive.contexts) {
        (Apply::Server(_), _) | (_, Contexts::Global) => format!("{lines}\n"),
        (Apply::Dir(_), Contexts::Configuration | Contexts::ConfigurationAndHtaccess) => {
            format!("<Location \"/check\">\n{lines}\n</Location>\n")
        }
    }
}
