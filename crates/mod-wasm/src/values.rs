//! Values of the configuration that depend on the request: evaluates them, and refuses a request for which that fails.

use std::path::Path;

use directives::{ValueProblem, messages};
use httpd::{Answer, Request};

use crate::config::DirConfig;
use crate::links;
use crate::messages::log_request;

/// Puts the values for this request in the place of the configuration's expressions. From here on the settings are those
/// of the request, also where instances are told apart by them. `module` is what log lines call the program.
///
/// # Errors
/// The answer to the request; the reason has been logged.
pub fn evaluate(request: &Request, config: &mut DirConfig, module: &str) -> Result<(), Answer> {
    let settings = config.settings();
    if !settings.has_expressions() {
        return Ok(());
    }
    let mut evaluate = |text: &str| {
        let expression = config.expression(text).ok_or("it was not parsed")?;
        let bytes = expression.evaluate(request)?;
        // WASI strings are Unicode, and what a client sends need not be.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let instead = |path: &Path| links::instead(settings, path);
    match settings.evaluated(&mut evaluate, &instead) {
        Ok(evaluated) => {
            config.set_settings(evaluated);
            Ok(())
        }
        Err(problem) => {
            log(request, module, &problem);
            Err(Answer::Http(500))
        }
    }
}

fn log(request: &Request, module: &str, problem: &ValueProblem) {
    match problem {
        ValueProblem::Failed { value, reason } => log_request(
            request,
            &messages::EXPRESSION_FAILED,
            &[("value", value), ("detail", reason), ("module", &module)],
        ),
        ValueProblem::NoMount { value, path } => log_request(
            request,
            &messages::PATH_NOT_MAPPED,
            &[("value", value), ("path", path), ("module", &module)],
        ),
    }
}
