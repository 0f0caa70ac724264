//! A value that may depend on the request: a text, or an expression of httpd's that gives a text for each request. Keeps
//! what was written; must not know how an expression is parsed or evaluated, which only httpd can.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::args::Paths;
use crate::settings::Settings;

/// What makes a value an expression.
const VARIABLE: &str = "%{";

/// The variables of httpd's expressions that hold a path of the host. Case does not count in their names.
const HOST_PATHS: &[&str] = &[
    "%{REQUEST_FILENAME}",
    "%{SCRIPT_FILENAME}",
    "%{DOCUMENT_ROOT}",
    "%{CONTEXT_DOCUMENT_ROOT}",
];

/// A text as it was written. Two are equal if they say the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Value {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// What it says.
    Literal,
    /// What httpd makes of it.
    Expression,
    /// What httpd makes of it is a path of the host.
    HostPath,
}

/// Why a value cannot be used for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueProblem {
    /// httpd could not evaluate the expression, and says why.
    Failed {
        /// The expression.
        value: String,
        /// httpd's words.
        reason: String,
    },
    /// The expression gives a path of the host that no mount covers.
    NoMount {
        /// The expression.
        value: String,
        /// The path, for the log and never for the client.
        path: String,
    },
}

impl Value {
    /// Reads a value as it is configured: with `%{` in it, it is an expression, which httpd must be able to parse.
    ///
    /// # Errors
    /// The expression is wrong, or would put a path of the host where it cannot be translated.
    pub(crate) fn read(text: &str, paths: &dyn Paths) -> Result<Value, String> {
        if !text.contains(VARIABLE) {
            return Ok(Value::literal(text));
        }
        let upper = text.to_ascii_uppercase();
        let mut kind = Kind::Expression;
        for name in HOST_PATHS {
            match upper.rfind(name) {
                None => {}
                Some(0) => kind = Kind::HostPath,
                Some(_) => {
                    return Err(format!(
                        "\"{text}\": {name} is a path of the host and can only stand at the beginning of a value, \
                         which is then translated as a whole"
                    ));
                }
            }
        }
        paths
            .expression(text)
            .map_err(|reason| format!("the expression \"{text}\" is wrong: {reason}"))?;
        Ok(Value {
            text: text.to_owned(),
            kind,
        })
    }

    /// A value that says what it is.
    pub(crate) fn literal(text: &str) -> Value {
        Value {
            text: text.to_owned(),
            kind: Kind::Literal,
        }
    }

    /// What was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Must it be evaluated for each request?
    pub(crate) fn is_expression(&self) -> bool {
        self.kind != Kind::Literal
    }

    /// The value for one request, with nothing left to evaluate.
    pub(crate) fn evaluated(
        &self,
        settings: &Settings,
        evaluate: &mut dyn FnMut(&str) -> Result<String, String>,
        instead: &dyn Fn(&Path) -> Option<PathBuf>,
    ) -> Result<Value, ValueProblem> {
        if !self.is_expression() {
            return Ok(self.clone());
        }
        let value = || self.text.clone();
        let result = evaluate(&self.text).map_err(|reason| ValueProblem::Failed {
            value: value(),
            reason,
        })?;
        if self.kind == Kind::Expression {
            return Ok(Value::literal(&result));
        }
        let path = Path::new(&result);
        let path = instead(path).map_or(Cow::Borrowed(path), Cow::Owned);
        match settings.guest_path(&path) {
            Some(path) => Ok(Value::literal(&path)),
            None => Err(ValueProblem::NoMount {
                value: value(),
                path: result,
            }),
        }
    }
}

impl Settings {
    /// Is there a value that depends on the request? Then [`evaluated`](Settings::evaluated) gives the settings for it.
    #[must_use]
    pub fn has_expressions(&self) -> bool {
        let env = self.env.iter().map(|(_, value)| value);
        self.args
            .iter()
            .flatten()
            .chain(env)
            .any(Value::is_expression)
    }

    /// The settings for one request: each expression has become its value, and a path of the host one of the guest.
    /// `evaluate` gives what httpd makes of an expression, `instead` the path of the host that is to be told instead of one
    /// that the guest could not follow. Until then an expression stands for itself.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn evaluated(
        &self,
        evaluate: &mut dyn FnMut(&str) -> Result<String, String>,
        instead: &dyn Fn(&Path) -> Option<PathBuf>,
    ) -> Result<Settings, ValueProblem> {
        let mut settings = self.clone();
        let env = settings.env.iter_mut().map(|(_, value)| value);
        for value in settings.args.iter_mut().flatten().chain(env) {
            *value = value.evaluated(self, evaluate, instead)?;
        }
        Ok(settings)
    }
}
