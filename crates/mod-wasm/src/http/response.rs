//! The response head and the trailer fields of a guest that answers HTTP, on their way into httpd.

use std::ffi::CString;

use cgi::{Pairs, ResponseHead};
use httpd::{Answer, Request, Table, Trailers};

use crate::response::Instead;

/// Of these httpd or another module may have one too, and all of them are sent. Any other field of the guest stands in place
/// of what was there.
const ADDED: [&[u8]; 2] = [b"Set-Cookie", b"Vary"];

/// Sets the head of the response. Returns what the client gets instead of the guest's body, if so.
pub fn open(request: &mut Request, head: &ResponseHead) -> Option<Instead> {
    // As an `ErrorDocument` it is served with the status of the error, unless it insists on another one.
    if head.status != 200 || (200..300).contains(&request.status()) {
        request.set_any_status(head.status);
    }
    // What httpd concludes from the URL is about a file that nobody reads.
    request.forget_content_type();
    if let Some(value) = &head.content_type {
        request.set_content_type(value);
    }
    if let Some(headers) = request.headers_out() {
        set_fields(headers, head);
    }
    match head.content_length {
        Some(length) if !is_chunked_for_trailers(request, head) => {
            request.set_content_length(length);
        }
        _ => {
            if let Some(headers) = request.headers_out() {
                headers.unset(c"Content-Length");
            }
        }
    }
    condition(request, head)
}

/// In HTTP/1.1 trailer fields follow only a chunked body. A guest that announces them wants them more than the length.
fn is_chunked_for_trailers(request: &Request, head: &ResponseHead) -> bool {
    let chunked = request.trailers() == Trailers::BehindChunks;
    head.announces_trailers && chunked && !request.sends_no_body()
}

fn set_fields(headers: Table<'_>, head: &ResponseHead) {
    if !headers.is_empty() {
        for (name, _) in head.fields() {
            if !ADDED.iter().any(|added| name.eq_ignore_ascii_case(added))
                && let Ok(name) = CString::new(name)
            {
                headers.unset(&name);
            }
        }
    }
    for (name, value) in head.fields() {
        headers.add(name, value);
    }
}

/// Lets httpd see to the conditions of the request, as for any handler that says which version it serves. A guest that sees
/// to them itself answers with another status than 200.
fn condition(request: &mut Request, head: &ResponseHead) -> Option<Instead> {
    let reads = matches!(request.method(), b"GET" | b"HEAD");
    if request.status() != 200 || !reads {
        return None;
    }
    // What is no date is sent as it is, and says nothing of the version.
    let dated = match &head.modified {
        Some(date) => request.set_modified(date),
        None => false,
    };
    // Without a time of modification httpd would take this one to be asked about now.
    let unmodified = request
        .headers_in()
        .is_some_and(|headers| headers.get(c"If-Unmodified-Since").is_some());
    if !dated && (unmodified || !head.tagged) {
        return None;
    }
    match request.meets_conditions() {
        Ok(()) => None,
        // A response as any other, only without a body: mod_cache must see its own condition met, and the guest may go on.
        Err(Answer::Http(304)) => {
            request.set_status(304);
            None
        }
        Err(answer) => Some(Instead::Answer(answer)),
    }
}

/// Sets the trailer fields, which httpd sends with the end of the response.
pub fn set_trailers(request: &mut Request, trailers: &Pairs) {
    if let Some(table) = request.trailers_out() {
        for (name, value) in trailers.iter() {
            table.add(name, value);
        }
    }
    request.send_trailers();
}
