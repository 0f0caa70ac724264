//! CGI guests that write their whole response themselves, *non-parsed headers*: when that is not possible, and how their
//! response begins. Must not know what they write besides the status line.

use cgi::{WholeBody, status_line};
use directives::messages;
use httpd::{Answer, Request};

use crate::messages::log_request;
use crate::response::Failure;

/// Refuses a request that can not be answered in this way, before the guest starts. `module` is what log lines call it.
///
/// # Errors
/// The handler's answer; it has been logged.
pub fn check(request: &Request, module: &str) -> Result<(), Answer> {
    let (message, status) = if request.is_sub_request() {
        (&messages::NPH_INCLUDED, 403)
    } else if !request.speaks_http_1() {
        (&messages::NPH_NOT_HTTP_1, 500)
    } else {
        return Ok(());
    };
    log_request(request, message, &[("module", &module)]);
    Err(Answer::Http(status))
}

/// Makes way for a response that begins with this head: from now on output goes to the connection as it is. Returns what of
/// it is the response's body.
///
/// # Errors
/// It is no response. Nothing has been changed then.
pub fn open(request: &mut Request, head: &[u8]) -> Result<WholeBody, Failure> {
    let Some(status) = status_line(head) else {
        let start: &[u8] = head.get(..40).unwrap_or(head);
        let line = start.trim_ascii_end().escape_ascii();
        return Err(Failure::BadStatus(format!("no status line: {line}")));
    };
    if status < 200 {
        // Another response would have to follow, and nobody looks for its head.
        return Err(Failure::BadStatus(format!("{status} is an interim status")));
    }
    let body = WholeBody::of(head).map_err(Failure::BadStatus)?;
    request.set_any_status(status);
    request.take_over_connection();
    Ok(body)
}
