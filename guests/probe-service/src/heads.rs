//! Behaviours about heads: what arrived, and every kind of head that can be answered.

use probe_common::{Head, Sum, fields_text, split_field};
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Scheme};
use wasip3::wit_bindgen::spawn_local;

use crate::exchange::{Answer, Begun, Closed, Exchange, In, begin, short, text, typed, wrong};

/// `report`: the request line by line, its body counted, its trailers.
pub async fn report(exchange: Exchange) -> Answer {
    let head = head_of(&exchange.request).text();
    let mut sum = Sum::default();
    let trailers = In::of(exchange.request)
        .each(|piece| sum.add(piece))
        .await?;
    let trailers = fields_text("trailer", &trailers);
    text(format!("{head}{}{trailers}", sum.line()))
}

fn head_of(request: &Request) -> Head {
    let method = match request.get_method() {
        Method::Other(name) => name,
        known => short(&known).to_uppercase(),
    };
    let scheme = request.get_scheme().map(|scheme| match scheme {
        Scheme::Http => "http".to_owned(),
        Scheme::Https => "https".to_owned(),
        Scheme::Other(name) => name,
    });
    Head {
        method,
        scheme,
        authority: request.get_authority(),
        path: request.get_path_with_query(),
        fields: request.get_headers().copy_all(),
    }
}

/// A response with these fields, this body and these trailers.
fn whole(status: u16, fields: Fields, body: String, trailers: Option<Fields>) -> Answer {
    let Begun {
        response, mut out, ..
    } = begin(status, fields)?;
    spawn_local(async move {
        if !body.is_empty() {
            out.write(body.into_bytes()).await?;
        }
        out.finish(trailers).await;
        Ok::<_, Closed>(())
    });
    Ok(response)
}

/// `status code= [body=1]`: a response with this status, by default with a line as its body; with `body=0` without.
pub fn status(exchange: &Exchange) -> Answer {
    let code = exchange.call.number("code", 200).map_err(wrong)?;
    let body = match exchange.call.number("body", 1).map_err(wrong)? {
        1 => format!("status {code}\n"),
        _ => String::new(),
    };
    whole(code, typed("text/plain")?, body, None)
}

/// `fields h=Name: value [h=...] [set=1] [status=200]`: a response with these fields, each appended, or set; the body says for
/// each what came of it.
pub fn fields(exchange: &Exchange) -> Answer {
    let fields = Fields::new();
    let mut said = String::new();
    for line in exchange.call.all("h") {
        let (name, value) = split_field(line);
        let result = if exchange.call.flag("set") {
            fields.set(&name, &[value])
        } else {
            fields.append(&name, &value)
        };
        let result = result.map_or_else(|error| short(&error), |()| "ok".to_owned());
        said.push_str(&format!("{name}={result}\n"));
    }
    let status = exchange.call.number("status", 200).map_err(wrong)?;
    whole(status, fields, said, None)
}

/// `immutable`: tries to change the request's own fields, and says what came of it.
pub fn immutable(exchange: &Exchange) -> Answer {
    let headers = exchange.request.get_headers();
    let said = |result: Result<(), _>| result.map_or_else(|e| short(&e), |()| "ok".to_owned());
    text(format!(
        "append={}\nset={}\ndelete={}\nclone={}\n",
        said(headers.append("x-new", b"1")),
        said(headers.set("x-new", &[b"1".to_vec()])),
        said(headers.delete("x-new")),
        said(headers.clone().append("x-new", b"1")),
    ))
}

/// `trailers [h=Name: value...] [t=Name: value...] [b=]`: a body of one line, or this one, then these trailers; `h` as in
/// `fields`.
pub fn trailers(exchange: &Exchange) -> Answer {
    let head = typed("text/plain")?;
    let tail = Fields::new();
    for (word, fields) in [("h", &head), ("t", &tail)] {
        for line in exchange.call.all(word) {
            let (name, value) = split_field(line);
            fields.append(&name, &value).map_err(|e| wrong(short(&e)))?;
        }
    }
    let body = exchange.call.text("b");
    let body = body.unwrap_or_else(|| "with trailers\n".to_owned());
    whole(200, head, body, Some(tail))
}

/// `none`: never answers and waits for nothing that could happen.
pub async fn none() -> Answer {
    std::future::pending().await
}

/// `error code=`: an error code instead of a response.
pub fn error(exchange: &Exchange) -> Answer {
    let name = exchange.call.text("code").unwrap_or_default();
    Err(match name.as_str() {
        "denied" => ErrorCode::HttpRequestDenied,
        "configuration" => ErrorCode::ConfigurationError,
        "timeout" => ErrorCode::HttpResponseTimeout,
        "refused" => ErrorCode::ConnectionRefused,
        "size" => ErrorCode::HttpRequestBodySize(Some(7)),
        "internal" => wrong("an error as ordered".to_owned()),
        other => wrong(format!("code={other} is no error code here")),
    })
}
