//! What a CGI guest is told of its request: the environment that httpd makes for scripts, and which part of the URL is the
//! program.

use std::ffi::CString;

use cgi::{Environment, Requested};
use directives::Settings;
use httpd::Request;

/// `SCRIPT_NAME` and `PATH_INFO`.
pub type Split = (CString, CString);

/// The split of a URL whose program is named by its `<Location>`. If httpd has found a file at the URL, then the file is
/// the program's script, as for an interpreter, and httpd's own split is right.
pub fn split(request: &Request, prefix: &str) -> Option<Split> {
    if request.is_file() {
        return None;
    }
    let (script, path) = cgi::split(request.uri(), prefix)?;
    Some((CString::new(script).ok()?, CString::new(path).ok()?))
}

/// The environment of a CGI guest.
pub fn environment(
    request: &mut Request,
    settings: &Settings,
    requested: &Requested,
    split: Option<&Split>,
) -> Environment {
    request.add_cgi_environment(split.map(|(script, path)| (script.as_c_str(), path.as_c_str())));
    match request.environment() {
        Some(variables) => Environment::cgi(variables.iter(), settings, requested),
        None => Environment::configured(settings),
    }
}

/// The words of the request's indexed query. Only reading asks with one (RFC 3875, section 4.4).
pub fn query_words(request: &Request) -> Vec<String> {
    match request.method() {
        b"GET" | b"HEAD" => cgi::query_words(request.query().unwrap_or_default()),
        _ => Vec::new(),
    }
}
