//! `make bench`: a hello program under mod_wasm, beside a native C handler, mod_cgid and a static file, in one httpd.
//!
//! Rounds alternate between the variants, and what counts is the median of the ratios within a round: absolute figures
//! move with the machine's other work. `ROUNDS` and `SECONDS` (of each measurement) can be set. Only measures; what is
//! printed and written is the business of `bench_report`.

use crate::bench_report::{self, Row};
use crate::httpd::{self, Httpd, add};
use crate::run::{Task, argument, command, output, root, run};
use crate::setup::{self, Need};
use crate::{build, fsx};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// One way to answer the same request.
struct Variant {
    /// Its path on the server.
    path: &'static str,
    /// What it is, for the report.
    title: &'static str,
    /// Must all of its response be that of the yardstick? If not, the body alone.
    same_head: bool,
}

/// The yardstick first.
const VARIANTS: [Variant; 6] = [
    Variant {
        path: "/native",
        title: "C content handler (yardstick)",
        same_head: true,
    },
    Variant {
        path: "/wasm-rust",
        title: "mod_wasm, CGI, Rust, WASI preview 1",
        same_head: true,
    },
    Variant {
        path: "/wasm-c",
        title: "mod_wasm, CGI, C, WASI preview 1",
        same_head: true,
    },
    Variant {
        path: "/wasm-component",
        title: "mod_wasm, CGI, Rust, WASI 0.2 component",
        same_head: true,
    },
    Variant {
        path: "/cgid/hello",
        title: "mod_cgid, C, native",
        same_head: false,
    },
    Variant {
        path: "/static/hello.txt",
        title: "static file",
        same_head: false,
    },
];

/// Connections that are kept busy at once.
const CONNECTIONS: &str = "16";

/// `make bench`.
pub fn bench() -> Task {
    setup::ensure(&[Need::Libraries, Need::Guests, Need::Server, Need::Bench])?;
    build::libraries()?;
    let rounds: usize = number("ROUNDS", 9)?;
    let seconds: usize = number("SECONDS", 3)?;
    let dir = httpd::private_dir("bench")?;
    programs(&dir)?;
    let httpd = Httpd::find()?;
    let port = free_port()?;
    let conf = dir.join("httpd.conf");
    fsx::write(&conf, &configuration(&httpd, &dir, port)?)?;
    httpd.test(&conf)?;
    let _server = Server::start(&mut httpd.command(&conf), port, &dir.join("error.log"))?;
    verify(port)?;
    let rows = measure(port, rounds, seconds)?;
    let setting = format!(
        "{rounds} rounds of {seconds} s each, {CONNECTIONS} connections kept alive, {} CPUs, MPM event, {}",
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        kernel()
    );
    let report = bench_report::markdown(&rows, &setting);
    print!("\n{report}");
    fsx::write(&root().join("target/bench/report.md"), &report)
}

fn number(name: &str, default: usize) -> Task<usize> {
    argument(name).map_or(Ok(default), |text| match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{name}={text}: it is a number above 0").into()),
    })
}

/// Compiles all that is compared.
fn programs(dir: &Path) -> Task {
    let benches = root().join("benches");
    for name in ["mod_bench_native.c", "hello_cgi.c", "hello_cgi.rs"] {
        fsx::place(&benches.join(name), &dir.join(name))?;
    }
    let here =
        |program: &str, args: &[&str]| run(Command::new(program).args(args).current_dir(dir));
    // Its output is long and says nothing, unless it fails.
    output(
        Command::new("apxs")
            .args(["-c", "mod_bench_native.c"])
            .current_dir(dir),
    )?;
    fsx::create_dir(&dir.join("cgid"))?;
    here("cc", &["-O2", "-o", "cgid/hello", "hello_cgi.c"])?;
    here(
        "clang",
        &[
            "--target=wasm32-wasi",
            "--sysroot=/usr",
            "-O2",
            "-o",
            "c.wasm",
            "hello_cgi.c",
        ],
    )?;
    for (target, file) in [
        ("wasm32-wasip1", "rust.wasm"),
        ("wasm32-wasip2", "component.wasm"),
    ] {
        let options = [
            "--edition=2024",
            "-O",
            "-C",
            "strip=debuginfo",
            "--target",
            target,
        ];
        run(Command::new("rustc")
            .args(options)
            .args(["-o", file, "hello_cgi.rs"])
            .current_dir(dir))?;
    }
    fsx::write(&dir.join("static/hello.txt"), "Hello, world!\n")
}

fn configuration(httpd: &Httpd, dir: &Path, port: u16) -> Task<String> {
    let mut conf = httpd.preamble(dir, port)?;
    conf.push_str(&httpd.load(&["cgid"])?);
    conf.push_str(&Httpd::load_ours());
    let native = dir.join(".libs/mod_bench_native.so");
    add(
        &mut conf,
        &format!("LoadModule bench_native_module \"{}\"", native.display()),
    );
    let text = include_str!("bench.conf").replace("@DIR@", &dir.display().to_string());
    conf.push_str(&text);
    Ok(conf)
}

/// Every variant must answer the same bytes, or the figures compare nothing.
fn verify(port: u16) -> Task {
    let expected = get(port, VARIANTS[0].path)?;
    for variant in &VARIANTS {
        let found = get(port, variant.path)?;
        let same = if variant.same_head {
            found == expected
        } else {
            status_and_body(&found) == status_and_body(&expected)
        };
        if !same {
            return Err(format!(
                "{} does not answer as the yardstick does:\n{found}\n---\n{expected}",
                variant.path
            )
            .into());
        }
    }
    Ok(())
}

fn status_and_body(response: &str) -> Option<(&str, &str)> {
    let (head, body) = response.split_once("\r\n\r\n")?;
    Some((head.lines().next().unwrap_or_default(), body))
}

/// The whole response but for its date. HTTP/1.0, so that no chunk sizes stand in the body.
fn get(port: u16, path: &str) -> Task<String> {
    let fetch = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response)
    };
    let response = fetch().map_err(|e| format!("GET {path}: {e}"))?;
    if !response.starts_with("HTTP/1.1 200 ") {
        return Err(format!("GET {path}: {response}").into());
    }
    Ok(response
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("Date:"))
        .collect())
}

fn measure(port: u16, rounds: usize, seconds: usize) -> Task<Vec<Row>> {
    let mut rows: Vec<Row> = VARIANTS
        .iter()
        .map(|variant| Row::new(variant.title))
        .collect();
    for variant in &VARIANTS {
        requests_per_second(port, variant.path, 1)?; // warms up
    }
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        let mut yardstick = None;
        for (variant, row) in VARIANTS.iter().zip(&mut rows) {
            let rate = requests_per_second(port, variant.path, seconds)?;
            let base = *yardstick.get_or_insert(rate);
            row.add(rate, rate / base);
        }
    }
    Ok(rows)
}

fn requests_per_second(port: u16, path: &str, seconds: usize) -> Task<f64> {
    let (duration, url) = (
        format!("-d{seconds}s"),
        format!("http://127.0.0.1:{port}{path}"),
    );
    let connections = format!("-c{CONNECTIONS}");
    let text = output(&mut command("wrk", &["-t1", &connections, &duration, &url]))?;
    let field = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name));
    if field("Non-2xx").is_some() {
        return Err(format!("{path} failed under load:\n{text}").into());
    }
    // A lost connection or two among thousands does not spoil a figure, but must be seen.
    if let Some(errors) = field("Socket errors:") {
        eprintln!("{path}: socket errors:{errors}");
    }
    let rate = field("Requests/sec:").and_then(|rate| rate.trim().parse().ok());
    rate.ok_or_else(|| format!("wrk said nothing of requests per second:\n{text}").into())
}

fn free_port() -> Task<u16> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(bound.map_err(|e| format!("no free port: {e}"))?.port())
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").map_or_else(
        |_| String::new(),
        |release| format!("Linux {}", release.trim()),
    )
}

/// A running httpd, stopped when dropped.
struct Server(Child);

impl Server {
    fn start(command: &mut Command, port: u16, log: &Path) -> Task<Self> {
        let child = command
            .spawn()
            .map_err(|e| format!("cannot run httpd: {e}"))?;
        let mut server = Self(child);
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.0.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() > end {
                return Err(format!("httpd does not answer; see {}", log.display()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The parent must be asked: killed, it would leave its children behind.
        drop(command("kill", &["-TERM", &self.0.id().to_string()]).status());
        drop(self.0.wait());
    }
}
