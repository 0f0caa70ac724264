//! The request as the `http` crate writes it, which is what wasmtime-wasi-http takes.

use super::body::RequestBody;
use crate::{Error, ErrorCode, HttpRequest};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::BodyExt;
use std::fmt::Write;
use wasmtime_wasi_http::WasiBody;

/// The request with its body.
///
/// # Errors
/// [`ErrorCode::BadRequest`]: it has a method, an authority or a path that HTTP does not know.
pub fn convert(
    request: &HttpRequest<'_>,
    body: RequestBody,
) -> Result<http::Request<WasiBody>, Error> {
    let mut converted = http::Request::new(body.boxed_unsync());
    *converted.method_mut() =
        Method::from_bytes(request.method).map_err(|_| bad("method", request.method))?;
    *converted.uri_mut() = uri(request)?;
    *converted.headers_mut() = fields(request.fields);
    Ok(converted)
}

fn bad(what: &str, value: &[u8]) -> Error {
    let value = String::from_utf8_lossy(value);
    Error::new(
        ErrorCode::BadRequest,
        format!("the {what} is none: {value}"),
    )
}

fn uri(request: &HttpRequest<'_>) -> Result<Uri, Error> {
    let authority =
        Authority::try_from(request.authority).map_err(|_| bad("authority", request.authority))?;
    Uri::builder()
        .scheme(request.scheme)
        .authority(authority)
        .path_and_query(path(request.path)?)
        .build()
        .map_err(|_| bad("path", request.path))
}

/// As received, wherever that is a path by the grammar; what is not allowed in one is escaped.
fn path(received: &[u8]) -> Result<PathAndQuery, Error> {
    if let Ok(path) = PathAndQuery::try_from(received) {
        return Ok(path);
    }
    let mut escaped = String::with_capacity(received.len() + 8);
    for &byte in received {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte) {
            escaped.push(byte.into());
        } else {
            // Writing to a String does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    PathAndQuery::try_from(escaped).map_err(|_| bad("path", received))
}

/// Header fields; one whose name or value is none by the grammar is left out, as HTTP/2 would have done.
pub fn fields<'a>(fields: impl IntoIterator<Item = &'a (&'a [u8], &'a [u8])>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            map.append(name, value);
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri_of(path: &[u8]) -> String {
        let request = HttpRequest {
            method: b"GET",
            scheme: "https",
            authority: b"[::1]:8443",
            path,
            fields: &[],
        };
        uri(&request).unwrap().to_string()
    }

    #[test]
    fn a_path_is_kept_as_received() {
        for path in ["/a%2Fb//c?x=%20&y", "/", "/a;b=1?"] {
            assert_eq!(uri_of(path.as_bytes()), format!("https://[::1]:8443{path}"));
        }
    }

    #[test]
    fn what_no_path_may_hold_is_escaped() {
        assert_eq!(uri_of(b"/a<b> \xff"), "https://[::1]:8443/a%3Cb%3E%20%FF");
    }

    #[test]
    fn repeated_fields_stay_repeated() {
        let all = [
            (&b"x-a"[..], &b"1"[..]),
            (b"x-b", b"2"),
            (b"X-A", b"3"),
            (b"bad name", b"4"),
        ];
        let map = fields(&all);
        let values: Vec<_> = map.get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "3"]);
        assert_eq!(map.len(), 3);
    }
}
