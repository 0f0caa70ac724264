//! `make bench`: a hello program under mod_wasm, beside a native C handler, mod_cgid, a static file and, where it is
//! installed, `wasmtime serve`, all at one time.
//!
//! Rounds alternate between the variants, and what counts is the median of the ratios within a round: absolute figures
//! move with the machine's other work. `ROUNDS` and `SECONDS` (of each measurement) can be set. Only measures; what is
//! compared is the business of `variants` and `wasmtime`, what is printed and written that of `bench_report`.

mod variants;
mod wasmtime;

use crate::bench_report::{self, Row};
use crate::httpd::{self, Httpd};
use crate::run::{Task, argument, command, output, root};
use crate::setup::{self, Need};
use crate::{build, fsx};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use variants::Variant;

/// Connections that are kept busy at once.
const CONNECTIONS: &str = "16";

/// `make bench`.
pub fn bench() -> Task {
    setup::ensure(&[Need::Libraries, Need::Guests, Need::Server, Need::Bench])?;
    build::libraries()?;
    let rounds: usize = number("ROUNDS", 9)?;
    let seconds: usize = number("SECONDS", 3)?;
    let dir = httpd::private_dir("bench")?;
    variants::programs(&dir)?;
    let httpd = Httpd::find()?;
    let wasmtime = wasmtime::start(&dir)?;
    let port = free_port()?;
    let mut text = variants::configuration(&httpd, &dir, port)?;
    let mut all = variants::of_httpd(port);
    let mut setting = format!(
        "{rounds} rounds of {seconds} s each, {CONNECTIONS} connections kept alive, {} CPUs, MPM event, {}",
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        kernel()
    );
    if let Some(wasmtime) = &wasmtime {
        text.push_str(&wasmtime.configuration(&httpd)?);
        all.extend(wasmtime.variants(port));
        setting.extend([", ", wasmtime.version()]);
    }
    let conf = dir.join("httpd.conf");
    fsx::write(&conf, &text)?;
    httpd.test(&conf)?;
    let log = dir.join("error.log");
    let _server = Server::start("httpd", &mut httpd.command(&conf), port, &log)?;
    verify(&all)?;
    let rows = measure(&all, rounds, seconds)?;
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

/// Every variant must answer the same bytes, or the figures compare nothing.
fn verify(variants: &[Variant]) -> Task {
    let mut yardstick = None;
    for variant in variants {
        let found = get(variant)?;
        let expected = yardstick.get_or_insert_with(|| found.clone());
        if !agree(variant, &found, expected) {
            return Err(format!(
                "{} does not answer as the yardstick does:\n{found}\n---\n{expected}",
                variant.title
            )
            .into());
        }
    }
    Ok(())
}

fn agree(variant: &Variant, found: &str, expected: &str) -> bool {
    if variant.same_head {
        found == expected
    } else {
        status_and_body(found) == status_and_body(expected)
    }
}

/// The status without the version of HTTP and its words, and the body.
fn status_and_body(response: &str) -> Option<(&str, &str)> {
    let (head, body) = response.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?, body))
}

/// The whole response but for its date. HTTP/1.0, so that no chunk sizes stand in the body.
fn get(variant: &Variant) -> Task<String> {
    let Variant { port, path, .. } = variant;
    let fetch = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", *port))?;
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
    if status_and_body(&response).is_none_or(|(status, _)| status != "200") {
        return Err(format!("GET {path}: {response}").into());
    }
    Ok(response
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("Date:"))
        .collect())
}

fn measure(variants: &[Variant], rounds: usize, seconds: usize) -> Task<Vec<Row>> {
    let mut rows: Vec<Row> = variants
        .iter()
        .map(|variant| Row::new(variant.title))
        .collect();
    for variant in variants {
        requests_per_second(variant, 1)?; // warms up
    }
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        let mut yardstick = None;
        for (variant, row) in variants.iter().zip(&mut rows) {
            let rate = requests_per_second(variant, seconds)?;
            let base = *yardstick.get_or_insert(rate);
            row.add(rate, rate / base);
        }
    }
    Ok(rows)
}

fn requests_per_second(variant: &Variant, seconds: usize) -> Task<f64> {
    let Variant { port, path, .. } = variant;
    let (duration, url) = (
        format!("-d{seconds}s"),
        format!("http://127.0.0.1:{port}{path}"),
    );
    let connections = format!("-c{CONNECTIONS}");
    let text = output(&mut command("wrk", &["-t1", &connections, &duration, &url]))?;
    let field = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name));
    if field("Non-2xx").is_some() {
        return Err(format!("{url} failed under load:\n{text}").into());
    }
    // A lost connection or two among thousands does not spoil a figure, but must be seen.
    if let Some(errors) = field("Socket errors:") {
        eprintln!("{url}: socket errors:{errors}");
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

/// A running server, stopped when dropped.
struct Server(Child);

impl Server {
    /// Starts it and waits until it listens on `port`. `name` and `log` are for what is said if it does not.
    fn start(name: &str, command: &mut Command, port: u16, log: &Path) -> Task<Self> {
        let child = command
            .spawn()
            .map_err(|e| format!("cannot run {name}: {e}"))?;
        let mut server = Self(child);
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.0.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() > end {
                return Err(format!("{name} does not answer; see {}", log.display()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // httpd's parent must be asked: killed, it would leave its children behind.
        drop(command("kill", &["-TERM", &self.0.id().to_string()]).status());
        drop(self.0.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_another_kind_need_agree_on_status_and_body_alone() {
        let mut variant = variants::of_httpd(80).remove(0);
        let expected = "HTTP/1.1 200 OK\r\nServer: a\r\n\r\nHello\n";
        assert!(agree(&variant, expected, expected));
        let other = "HTTP/1.0 200 Fine\r\n\r\nHello\n";
        assert!(!agree(&variant, other, expected));
        variant.same_head = false;
        assert!(agree(&variant, other, expected));
        for wrong in [
            "HTTP/1.1 404 Not Found\r\n\r\nHello\n",
            "HTTP/1.1 200 OK\r\n\r\nHello",
        ] {
            assert!(!agree(&variant, wrong, expected));
        }
    }
}
