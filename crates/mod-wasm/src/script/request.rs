//! What a CGI guest is told of its request: the environment that httpd makes for scripts, and which part of the URL is the
//! program.

use std::ffi::CString;
use std::path::Path;

use cgi::{Environment, Requested};
use directives::Settings;
use httpd::Request;

use crate::body::Length;
use crate::links;

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

/// The environment of a CGI guest whose request body has this length.
pub fn environment(
    request: &mut Request,
    settings: &Settings,
    requested: &Requested,
    split: Option<&Split>,
    length: Length,
) -> Environment {
    request.add_cgi_environment(split.map(|(script, path)| (script.as_c_str(), path.as_c_str())));
    correct_length(request, length);
    match request.environment() {
        Some(variables) => {
            let instead = |path: &Path| links::instead(settings, path);
            Environment::cgi(variables.iter(), settings, requested, &instead)
        }
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

/// httpd tells the length that the client has said, also to whoever is not to have the body. A body that has been read whole
/// is in no transfer coding any more, and must not be said to be (RFC 3875, 4.1.18).
fn correct_length(request: &Request, length: Length) {
    let Some(variables) = request.environment() else {
        return;
    };
    match length {
        Length::AsSaid => {}
        Length::None => {
            variables.unset(c"CONTENT_LENGTH");
            variables.unset(c"HTTP_TRANSFER_ENCODING");
        }
        Length::Unknown => variables.unset(c"CONTENT_LENGTH"),
        Length::Is(bytes) => {
            variables.unset(c"HTTP_TRANSFER_ENCODING");
            if let Ok(bytes) = CString::new(bytes.to_string()) {
                variables.set(c"CONTENT_LENGTH", &bytes);
            }
        }
    }
}
