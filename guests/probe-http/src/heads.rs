//! Behaviours about heads: what arrived, and every kind of head that can be answered.

use probe_common::{Head, Sum, fields_text, split_field};
use wasip2::http::types::{ErrorCode, Fields, IncomingRequest, Method, Scheme};

use crate::exchange::{Done, Exchange, In, short, typed};

/// `report`: the request line by line, its body counted, its trailers.
pub fn report(exchange: Exchange) -> Done {
    let mut text = head_of(&exchange.request).text();
    let mut body = In::of(&exchange.request)?;
    let mut sum = Sum::default();
    body.each(|piece| {
        sum.add(piece);
        Ok(())
    })?;
    text.push_str(&sum.line());
    text.push_str(&fields_text("trailer", &body.trailers()?));
    exchange.start.text(&text)
}

fn head_of(request: &IncomingRequest) -> Head {
    let method = match request.method() {
        Method::Other(name) => name,
        known => short(&known).to_uppercase(),
    };
    let scheme = request.scheme().map(|scheme| match scheme {
        Scheme::Http => "http".to_owned(),
        Scheme::Https => "https".to_owned(),
        Scheme::Other(name) => name,
    });
    Head {
        method,
        scheme,
        authority: request.authority(),
        path: request.path_with_query(),
        fields: request.headers().entries(),
    }
}

/// `status code= [body=1]`: a response with this status, by default with a line as its body; with `body=0` without.
pub fn status(exchange: Exchange) -> Done {
    let code = exchange.call.number("code", 200)?;
    let out = exchange.start.begin(code, typed("text/plain")?)?;
    if exchange.call.number("body", 1)? == 1 {
        out.write(format!("status {code}\n").as_bytes())?;
    }
    out.finish(None)
}

/// `fields h=Name: value [h=...] [set=1] [status=200]`: a response with these fields, each appended, or set; the body says for
/// each what came of it.
pub fn fields(exchange: Exchange) -> Done {
    let fields = Fields::new();
    let mut text = String::new();
    for line in exchange.call.all("h") {
        let (name, value) = split_field(line);
        let result = if exchange.call.flag("set") {
            fields.set(&name, &[value])
        } else {
            fields.append(&name, &value)
        };
        let said = result.map_or_else(|error| short(&error), |()| "ok".to_owned());
        text.push_str(&format!("{name}={said}\n"));
    }
    let status = exchange.call.number("status", 200)?;
    let out = exchange.start.begin(status, fields)?;
    out.write(text.as_bytes())?;
    out.finish(None)
}

/// `immutable`: tries to change the request's own fields, and says what came of it.
pub fn immutable(exchange: Exchange) -> Done {
    let headers = exchange.request.headers();
    let said = |result: Result<(), _>| result.map_or_else(|e| short(&e), |()| "ok".to_owned());
    let text = format!(
        "append={}\nset={}\ndelete={}\nclone={}\n",
        said(headers.append("x-new", b"1")),
        said(headers.set("x-new", &[b"1".to_vec()])),
        said(headers.delete("x-new")),
        said(headers.clone().append("x-new", b"1")),
    );
    drop(headers);
    exchange.start.text(&text)
}

/// `trailers [h=Name: value...] [t=Name: value...] [b=]`: a body of one line, or this one, then these trailers; `h` as in
/// `fields`.
pub fn trailers(exchange: Exchange) -> Done {
    let head = typed("text/plain")?;
    let tail = Fields::new();
    for (word, fields) in [("h", &head), ("t", &tail)] {
        for line in exchange.call.all(word) {
            let (name, value) = split_field(line);
            fields.append(&name, &value).map_err(|e| short(&e))?;
        }
    }
    let out = exchange.start.begin(200, head)?;
    let body = exchange.call.all("b").next().unwrap_or(b"with trailers\n");
    out.write(body)?;
    out.finish(Some(tail))
}

/// `none`: returns without a response.
pub fn none(exchange: Exchange) -> Done {
    drop(exchange);
    Ok(())
}

/// `error code=`: an error code instead of a response.
pub fn error(exchange: Exchange) -> Done {
    let name = exchange.call.text("code").unwrap_or_default();
    let code = match name.as_str() {
        "denied" => ErrorCode::HttpRequestDenied,
        "configuration" => ErrorCode::ConfigurationError,
        "timeout" => ErrorCode::HttpResponseTimeout,
        "refused" => ErrorCode::ConnectionRefused,
        "size" => ErrorCode::HttpRequestBodySize(Some(7)),
        "internal" => ErrorCode::InternalError(Some("an error as ordered".to_owned())),
        other => return Err(format!("code={other} is no error code here")),
    };
    exchange.start.error(code);
    Ok(())
}
