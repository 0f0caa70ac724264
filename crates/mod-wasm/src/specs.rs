//! The directives as httpd must know them, made from the one table. Must not name a directive.

use directives::{Arity, Contexts, DIRECTIVES};
use httpd::CommandSpec;

/// As many as there are directives.
const COUNT: usize = DIRECTIVES.len();

/// One for each entry of [`DIRECTIVES`], in the same order.
pub const SPECS: [CommandSpec; COUNT] = specs();

const fn specs() -> [CommandSpec; COUNT] {
    let mut specs = [spec(0); COUNT];
    let mut i = 1;
    while i < COUNT {
        specs[i] = spec(i);
        i += 1;
    }
    specs
}

const fn spec(index: usize) -> CommandSpec {
    let directive = DIRECTIVES[index];
    CommandSpec {
        name: directive.name,
        arity: match directive.arity {
            Arity::One => httpd::Arity::One,
            Arity::Two => httpd::Arity::Two,
            Arity::OneOrTwo => httpd::Arity::OneOrTwo,
            Arity::Many => httpd::Arity::Many,
        },
        place: match directive.contexts {
            Contexts::Global => httpd::Place::Global,
            Contexts::Configuration => httpd::Place::Configuration,
            Contexts::ConfigurationAndHtaccess => httpd::Place::ConfigurationAndHtaccess,
        },
        help: directive.summary,
    }
}
