//! Behaviours about requests that the component makes itself. What came of one is text: `status=200` and more, or `error=` and
//! the name of the error code.

use std::collections::BTreeMap;

use probe_common::{Call, PIECE, Pattern, Sum, Target, fields_text, split_field};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingRequest,
    RequestOptions, Scheme,
};

use crate::exchange::{Done, Exchange, In, Out, short, typed};

/// How much of a body is shown.
const SHOWN: usize = 4096;

/// `fetch url= [method=GET] [h=Name: value...] [body=N] [follow=0] [read=1] [connect= first= between=]`: makes a request with a body
/// of `body` bytes of the pattern, follows up to `follow` redirects, and shows each response: status, fields, body. `read=0` drops
/// the body; the last three are timeouts in milliseconds.
pub fn fetch(exchange: Exchange) -> Done {
    let call = &exchange.call;
    let mut target = Target::parse(&call.text("url").unwrap_or_default())?;
    let mut follow: u32 = call.number("follow", 0)?;
    let mut text = String::new();
    loop {
        let response = match send(call, &target).and_then(|future| wait(&future)) {
            Ok(response) => response,
            Err(code) => {
                text.push_str(&format!("error={}\n", short(&code)));
                break;
            }
        };
        let fields = response.headers().entries();
        text.push_str(&format!("status={}\n", response.status()));
        text.push_str(&fields_text("field", &fields));
        let location = fields.iter().find(|(name, _)| name == "location");
        match location {
            Some((_, to)) if follow > 0 => {
                target = target.join(&String::from_utf8_lossy(to))?;
                follow -= 1;
            }
            _ => {
                if call.number("read", 1)? == 1 {
                    show(response, &mut text);
                }
                break;
            }
        }
    }
    exchange.start.text(&text)
}

/// Adds the body of a response: its sum, the trailers, its beginning; or the error in it.
fn show(response: IncomingResponse, text: &mut String) {
    let mut sum = Sum::default();
    let mut begin = Vec::new();
    let read = response
        .consume()
        .map_err(|()| "the body is taken".to_owned())
        .and_then(In::new)
        .and_then(|mut body| {
            body.each(|piece| {
                sum.add(piece);
                let room = SHOWN - begin.len().min(SHOWN);
                begin.extend_from_slice(&piece[..piece.len().min(room)]);
                Ok(())
            })?;
            body.trailers()
        });
    text.push_str(&sum.line());
    match read {
        Ok(trailers) => text.push_str(&fields_text("trailer", &trailers)),
        Err(why) => text.push_str(&format!("body-error={why}\n")),
    }
    text.push('\n');
    text.push_str(&String::from_utf8_lossy(&begin));
}

/// `many url= [n=2]`: begins `n` requests, then takes the responses; answers how often each outcome came.
pub fn many(exchange: Exchange) -> Done {
    let target = Target::parse(&exchange.call.text("url").unwrap_or_default())?;
    let n: u32 = exchange.call.number("n", 2)?;
    let begun: Vec<_> = (0..n).map(|_| send(&exchange.call, &target)).collect();
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    let mut held = Vec::new();
    for future in begun {
        let outcome = match future.and_then(|future| wait(&future)) {
            Ok(response) => {
                let status = response.status();
                held.push(response);
                format!("status={status}")
            }
            Err(code) => format!("error={}", short(&code)),
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    let line = |(outcome, times): (&String, &u32)| format!("{outcome} times={times}\n");
    let text: String = outcomes.iter().map(line).collect();
    exchange.start.text(&text)
}

/// `proxy url=`: sends the request's body on, then the response back as it comes.
pub fn proxy(exchange: Exchange) -> Done {
    let target = Target::parse(&exchange.call.text("url").unwrap_or_default())?;
    let request = request_to(&target, &exchange.request.method(), Fields::new());
    let out = Out::of(request.body().map_err(|()| "no body")?)?;
    let future = outgoing_handler::handle(request, None).map_err(|e| short(&e))?;
    In::of(&exchange.request)?.each(|piece| out.write(piece))?;
    out.finish(None)?;
    let response = wait(&future).map_err(|e| short(&e))?;
    let back = exchange
        .start
        .begin(response.status(), typed("application/octet-stream")?)?;
    let body = response.consume().map_err(|()| "the body is taken")?;
    In::new(body)?.each(|piece| back.write(piece))?;
    back.finish(None)
}

fn request_to(target: &Target, method: &Method, fields: Fields) -> OutgoingRequest {
    let request = OutgoingRequest::new(fields);
    let scheme = match target.scheme.as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let set = [
        request.set_method(method),
        request.set_scheme(Some(&scheme)),
        request.set_authority(Some(&target.authority)),
        request.set_path_with_query(Some(&target.path)),
    ];
    if set.contains(&Err(())) {
        eprintln!("probe-http: a part of {target:?} is refused");
    }
    request
}

/// Begins the request that a call describes, its body included.
fn send(call: &Call, target: &Target) -> Result<FutureIncomingResponse, ErrorCode> {
    let wrong = |why: String| ErrorCode::InternalError(Some(why));
    let fields = Fields::new();
    for line in call.all("h") {
        let (name, value) = split_field(line);
        fields.append(&name, &value).map_err(|e| wrong(short(&e)))?;
    }
    let method = match call.text("method").as_deref() {
        None | Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        Some("POST") => Method::Post,
        Some("PUT") => Method::Put,
        Some(other) => Method::Other(other.to_owned()),
    };
    let request = request_to(target, &method, fields);
    let body = request.body().map_err(|()| wrong("no body".to_owned()))?;
    let out = Out::of(body).map_err(wrong)?;
    let future = outgoing_handler::handle(request, Some(options(call).map_err(wrong)?))?;
    let mut left: u64 = call.number("body", 0).map_err(wrong)?;
    let mut pattern = Pattern::new(PIECE);
    while left > 0 {
        let piece = pattern.next_piece(left);
        if out.write(piece).is_err() {
            // The response says why.
            return Ok(future);
        }
        left -= piece.len() as u64;
    }
    // As above.
    let _ = out.finish(None);
    Ok(future)
}

fn options(call: &Call) -> Result<RequestOptions, String> {
    let options = RequestOptions::new();
    let ms = |name| -> Result<Option<u64>, String> {
        let ms: u64 = call.number(name, 0)?;
        Ok((ms > 0).then_some(ms * 1_000_000))
    };
    let set = [
        options.set_connect_timeout(ms("connect")?),
        options.set_first_byte_timeout(ms("first")?),
        options.set_between_bytes_timeout(ms("between")?),
    ];
    match set.contains(&Err(())) {
        true => Err("a timeout is refused".to_owned()),
        false => Ok(options),
    }
}

fn wait(future: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    future.subscribe().block();
    match future.get() {
        Some(Ok(result)) => result,
        Some(Err(())) | None => Err(ErrorCode::InternalError(None)),
    }
}
