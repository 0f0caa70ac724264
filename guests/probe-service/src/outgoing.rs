//! Behaviours about requests that the component makes itself. What came of one is text: `status=200` and more, or `error=` and
//! the name of the error code.

use std::collections::BTreeMap;

use probe_common::{Call, PIECE, Pattern, Sum, Target, fields_text, split_field};
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::wit_bindgen::rt::async_support::{FutureReader, StreamReader};
use wasip3::wit_bindgen::spawn_local;
use wasip3::{wit_future, wit_stream};

use crate::exchange::{Answer, Ending, Exchange, In, short, text, typed, wrong};

/// How much of a body is shown.
const SHOWN: usize = 4096;

/// `fetch url= [method=GET] [h=Name: value...] [body=N] [follow=0] [read=1] [connect= first= between=]`: makes a request with a body
/// of `body` bytes of the pattern, follows up to `follow` redirects, and shows each response: status, fields, body. `read=0` drops
/// the body; the last three are timeouts in milliseconds.
pub async fn fetch(exchange: &Exchange) -> Answer {
    let call = &exchange.call;
    let url = call.text("url").unwrap_or_default();
    let mut target = Target::parse(&url).map_err(wrong)?;
    let mut follow: u32 = call.number("follow", 0).map_err(wrong)?;
    let mut said = String::new();
    loop {
        let response = match send(call, &target).await {
            Ok(response) => response,
            Err(code) => {
                said.push_str(&format!("error={}\n", short(&code)));
                break;
            }
        };
        let fields = response.get_headers().copy_all();
        said.push_str(&format!("status={}\n", response.get_status_code()));
        said.push_str(&fields_text("field", &fields));
        let location = fields.iter().find(|(name, _)| name == "location");
        match location {
            Some((_, to)) if follow > 0 => {
                target = target.join(&String::from_utf8_lossy(to)).map_err(wrong)?;
                follow -= 1;
            }
            _ => {
                if call.number("read", 1).map_err(wrong)? == 1 {
                    show(response, &mut said).await;
                }
                break;
            }
        }
    }
    text(said)
}

/// Adds the body of a response: its sum, the trailers, its beginning; or the error in it.
async fn show(response: Response, said: &mut String) {
    let mut sum = Sum::default();
    let mut begin = Vec::new();
    let read = In::of_response(response)
        .each(|piece| {
            sum.add(piece);
            let room = SHOWN - begin.len().min(SHOWN);
            begin.extend_from_slice(&piece[..piece.len().min(room)]);
        })
        .await;
    said.push_str(&sum.line());
    match read {
        Ok(trailers) => said.push_str(&fields_text("trailer", &trailers)),
        Err(code) => said.push_str(&format!("body-error={}\n", short(&code))),
    }
    said.push('\n');
    said.push_str(&String::from_utf8_lossy(&begin));
}

/// `many url= [n=2]`: makes `n` requests at once; answers how often each outcome came. Responses are held until all have come.
pub async fn many(exchange: &Exchange) -> Answer {
    let url = exchange.call.text("url").unwrap_or_default();
    let target = Target::parse(&url).map_err(wrong)?;
    let n: u32 = exchange.call.number("n", 2).map_err(wrong)?;
    let begun: Vec<_> = (0..n)
        .map(|_| {
            let (call, target) = (exchange.call.clone(), target.clone());
            spawn_local(async move { send(&call, &target).await })
        })
        .collect();
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    let mut held = Vec::new();
    for task in begun {
        let outcome = match task.await {
            Some(Ok(response)) => {
                let status = response.get_status_code();
                held.push(response);
                format!("status={status}")
            }
            Some(Err(code)) => format!("error={}", short(&code)),
            None => "lost".to_owned(),
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    let line = |(outcome, times): (&String, &u32)| format!("{outcome} times={times}\n");
    text(outcomes.iter().map(line).collect())
}

/// `proxy url=`: hands the request's body on as it is, and the response's body back.
pub async fn proxy(exchange: Exchange) -> Answer {
    let url = exchange.call.text("url").unwrap_or_default();
    let target = Target::parse(&url).map_err(wrong)?;
    let method = exchange.request.get_method();
    let (stream, ending) = In::of(exchange.request).into_parts();
    let request = request_to(
        &target,
        &method,
        Fields::new(),
        (Some(stream), ending),
        None,
    );
    let response = client::send(request).await?;
    let status = response.get_status_code();
    let (stream, ending) = In::of_response(response).into_parts();
    let (back, _) = Response::new(typed("application/octet-stream")?, Some(stream), ending);
    back.set_status_code(status)
        .map_err(|()| wrong(format!("status {status} is refused")))?;
    Ok(back)
}

/// A body as the host's own objects.
type Contents = (Option<StreamReader<u8>>, FutureReader<Ending>);

fn request_to(
    target: &Target,
    method: &Method,
    fields: Fields,
    (stream, ending): Contents,
    options: Option<RequestOptions>,
) -> Request {
    let (request, _) = Request::new(fields, stream, ending, options);
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
        eprintln!("probe-service: a part of {target:?} is refused");
    }
    request
}

/// Makes the request that a call describes, its body included.
async fn send(call: &Call, target: &Target) -> Result<Response, ErrorCode> {
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
    let contents = body(call.number("body", 0).map_err(wrong)?);
    let options = options(call)?;
    client::send(request_to(target, &method, fields, contents, Some(options))).await
}

/// A body of so many bytes of the pattern, written by a task of its own; none for 0.
fn body(size: u64) -> Contents {
    let (ending, end) = wit_future::new::<Ending>(|| Ok(None));
    if size == 0 {
        return (None, end);
    }
    let (mut writer, reader) = wit_stream::new();
    spawn_local(async move {
        let mut pattern = Pattern::new(PIECE);
        let mut left = size;
        while left > 0 {
            let piece = pattern.next_piece(left).to_vec();
            left -= piece.len() as u64;
            if !writer.write_all(piece).await.is_empty() {
                return;
            }
        }
        drop(writer);
        drop(ending);
    });
    (Some(reader), end)
}

fn options(call: &Call) -> Result<RequestOptions, ErrorCode> {
    let options = RequestOptions::new();
    let ms = |name| -> Result<Option<u64>, ErrorCode> {
        let ms: u64 = call.number(name, 0).map_err(wrong)?;
        Ok((ms > 0).then_some(ms * 1_000_000))
    };
    let refused = |e| wrong(short(&e));
    options
        .set_connect_timeout(ms("connect")?)
        .map_err(refused)?;
    options
        .set_first_byte_timeout(ms("first")?)
        .map_err(refused)?;
    options
        .set_between_bytes_timeout(ms("between")?)
        .map_err(refused)?;
    Ok(options)
}
