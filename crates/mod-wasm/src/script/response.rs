//! A script's response head on its way into httpd. The rules are those of httpd's own CGI handlers.

use std::ffi::CString;

use cgi::{status_problem, without_connection_fields};
use httpd::{Answer, Request};

use crate::response::{Failure, Instead};

/// Reads the head into the request. Returns what the client gets instead of the guest's body, if so.
///
/// # Errors
/// The response can not be used. The request is then as if nothing had been read.
pub fn open(request: &mut Request, head: &[u8]) -> Result<Option<Instead>, Failure> {
    let result = read(request, head);
    if result.is_err() {
        request.set_status(200);
    }
    result
}

fn read(request: &mut Request, head: &[u8]) -> Result<Option<Instead>, Failure> {
    let scanned = request.scan_script_head(&without_connection_fields(head));
    if forget_framing(request) {
        return Err(Failure::Framed);
    }
    match scanned {
        Ok(()) => {}
        // Served as it is rather than as an error, so that mod_cache sees its own condition met.
        Err(Answer::Http(304)) => {
            request.set_status(304);
            return Ok(Some(Instead::Answer(Answer::Ok)));
        }
        Err(Answer::Http(412)) => return Ok(Some(Instead::Answer(Answer::Http(412)))),
        Err(_) => return Err(Failure::Refused),
    }
    if let Some(problem) = status_problem(request.status(), request.status_line()) {
        return Err(Failure::BadStatus(problem));
    }
    Ok(redirect(request))
}

/// How long the body is and how it is framed is httpd's business: filters may change it. An operator may say that the
/// guest's `Content-Length` is right. Was there a `Transfer-Encoding`? A guest that believes that it frames its body
/// itself can not be served: what it writes would be framed twice.
fn forget_framing(request: &Request) -> bool {
    let Some(headers) = request.headers_out() else {
        return false;
    };
    let trusted = request
        .environment()
        .is_some_and(|environment| environment.get(c"ap_trust_cgilike_cl").is_some());
    if !trusted {
        headers.unset(c"Content-Length");
    }
    let framed = headers.get(c"Transfer-Encoding").is_some();
    headers.unset(c"Transfer-Encoding");
    framed
}

/// `Location` without a status of its own: a local path is served at once, anything else becomes 302.
fn redirect(request: &Request) -> Option<Instead> {
    if request.status() != 200 {
        return None;
    }
    let location = request.headers_out()?.get(c"Location")?;
    match CString::new(location) {
        Ok(uri) if location.starts_with(b"/") => Some(Instead::Local(uri)),
        _ => Some(Instead::Answer(Answer::Http(302))),
    }
}
