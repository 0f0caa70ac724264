//! The request as a guest sees it that answers HTTP.

use cgi::{Pairs, is_kept, is_resolved, join, path_with_query, request_fields};
use httpd::Request;
use wasm_runtime_client::{Field, Http};

/// What is asked, copied out of httpd: the run borrows the request itself.
#[derive(Debug)]
pub struct Asked {
    method: Vec<u8>,
    scheme: &'static str,
    authority: Vec<u8>,
    path: Vec<u8>,
    fields: Pairs,
}

impl Asked {
    /// Reads the request as it is now: what other modules have set, such as `RequestHeader`, is part of it. `length_holds`: is
    /// its `Content-Length`, if any, that of the body which the guest gets?
    pub fn of(request: &Request, length_holds: bool) -> Asked {
        let headers = request.headers_in();
        let headers = headers.iter().flat_map(|headers| headers.iter());
        Asked {
            method: request.method().to_vec(),
            scheme: if request.scheme() == b"https" {
                "https"
            } else {
                "http"
            },
            authority: authority(request),
            path: path(request),
            fields: request_fields(headers, length_holds),
        }
    }

    /// The header fields, for [`http`](Asked::http).
    pub fn fields(&self) -> Vec<Field<'_>> {
        self.fields.iter().collect()
    }

    /// What the engine gives to the guest.
    pub fn http<'a>(&'a self, fields: &'a [Field<'a>]) -> Http<'a> {
        Http {
            method: &self.method,
            scheme: self.scheme,
            authority: &self.authority,
            path: &self.path,
            fields,
        }
    }
}

/// Host and port as the client has named them. httpd has checked the field, and made it agree with the target and with
/// `:authority`. A client that names none, as in HTTP/1.0, means the server's own name.
fn authority(request: &Request) -> Vec<u8> {
    let host = request
        .headers_in()
        .and_then(|headers| headers.get(c"Host"))
        .filter(|host| !host.is_empty());
    host.unwrap_or_else(|| request.server_authority()).to_vec()
}

/// Path and query of what is being served. As long as that is what the client has asked for, or what an internal redirect
/// leads to, it is byte for byte that target; with segments that httpd has resolved (`..`) it is what httpd has made of it,
/// because that is what access was granted for. When mod_rewrite or mod_dir has put another path in its place, that one
/// counts, encoded anew: it is what httpd has chosen the guest by. So is a target that is no URI.
fn path(request: &Request) -> Vec<u8> {
    if request.serves_target()
        && let Some(path) = path_with_query(request.target())
        && (is_resolved(path) || is_kept(path, request.uri()))
    {
        return path.to_vec();
    }
    join(request.served_path(), request.query())
}
