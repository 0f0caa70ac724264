//! A small HTTP/1.1 server on loopback, for guests that make requests: it answers what the test says, and remembers what it was
//! asked.

use crate::response::Reader;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a request gets: bytes, after which the connection is kept, or nothing at all while the connection stays open.
pub type Reply = Option<Vec<u8>>;

/// The server. Its threads end with the test's process.
pub struct Upstream {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    asked: Mutex<Vec<String>>,
    connections: AtomicUsize,
    closed: AtomicUsize,
    whole: AtomicUsize,
    reply: Box<dyn Fn(&str) -> Reply + Send + Sync>,
    /// A connection is closed when its second request has come.
    one_each: bool,
}

impl Upstream {
    /// Starts a server; `reply` gets the head of each request, as it came.
    pub fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Upstream {
        Upstream::with(Box::new(reply), false)
    }

    fn with(reply: Box<dyn Fn(&str) -> Reply + Send + Sync>, one_each: bool) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            connections: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
            whole: AtomicUsize::new(0),
            reply,
            one_each,
        });
        let for_all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&for_all);
                shared.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    serve(stream, &shared);
                    shared.closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Upstream { port, shared }
    }

    /// A server that answers everything with this text.
    pub fn saying(text: &'static str) -> Upstream {
        Upstream::start(move |_| Some(reply(200, &[], text.as_bytes())))
    }

    /// A server that answers the first request of each connection with this text, and closes it when a second one has come.
    pub fn closing(text: &'static str) -> Upstream {
        let reply = move |_: &str| Some(reply(200, &[], text.as_bytes()));
        Upstream::with(Box::new(reply), true)
    }

    /// A server that takes requests and never answers.
    pub fn silent() -> Upstream {
        Upstream::start(|_| None)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A URL with its address.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The heads of the requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// How many connections it has had.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many of them have ended.
    pub fn closed(&self) -> usize {
        self.shared.closed.load(Ordering::SeqCst)
    }

    /// How many requests have come to the end of their bodies.
    pub fn whole(&self) -> usize {
        self.shared.whole.load(Ordering::SeqCst)
    }
}

/// A whole response.
pub fn reply(status: u16, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "HTTP/1.1 {status} Reason\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in fields {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("\r\n");
    let mut out = out.into_bytes();
    out.extend_from_slice(body);
    out
}

/// Answers one connection's requests. Bodies of requests are taken when they have a length or are chunked.
fn serve(stream: TcpStream, shared: &Shared) {
    let Ok(mut writer) = stream.try_clone() else {
        return;
    };
    let mut reader = Reader::new(stream);
    let mut answered = false;
    while let Ok(Some(head)) = reader.read_raw_head() {
        let framing = framing(&head);
        shared.asked.lock().unwrap().push(head.clone());
        if let Some(framing) = framing
            && !matches!(reader.read_body("POST", &framing, &mut |_| {}), Ok(true))
        {
            return;
        }
        shared.whole.fetch_add(1, Ordering::SeqCst);
        if shared.one_each && std::mem::replace(&mut answered, true) {
            return;
        }
        match (shared.reply)(&head) {
            Some(bytes) if writer.write_all(&bytes).is_ok() => {}
            Some(_) => return,
            // The connection stays open until the other side closes it.
            None => {
                reader.at_end();
                return;
            }
        }
    }
}

/// The request's framing as that of a response, which is what the reader knows; `None` for a request without a body.
fn framing(head: &str) -> Option<crate::response::Head> {
    let fields: Vec<(String, String)> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let framed = fields.iter().any(|(name, _)| {
        ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str())
    });
    framed.then(|| crate::response::Head {
        version: "HTTP/1.1".to_owned(),
        status: 200,
        reason: String::new(),
        fields,
    })
}
