//! `wasmtime serve` beside httpd, direct and behind mod_proxy, where a `wasmtime` is in the `PATH`; where none is, nothing.
//!
//! Knows the command line of `wasmtime serve` as its `--help` has it in Wasmtime 48.

use super::Server;
use super::variants::Variant;
use crate::httpd::{Httpd, add};
use crate::run::{Task, command, output, which};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

/// One component that it serves.
struct Service {
    /// The component, in the folder of the benchmark.
    file: &'static str,
    /// How it treats instances. These are its defaults; written out, the title is true of every version.
    options: &'static [&'static str],
    /// The title of the row that asks it directly.
    direct: &'static str,
    /// Its path on httpd.
    path: &'static str,
    /// The title of the row that asks it through httpd.
    proxied: &'static str,
}

const SERVICES: [Service; 2] = [
    Service {
        file: "http-p2.wasm",
        options: &["--max-instance-reuse-count", "1"],
        direct: "wasmtime serve, WASI 0.2, fresh instance (its default)",
        path: "/proxied-p2",
        proxied: "mod_proxy to this wasmtime serve, WASI 0.2",
    },
    Service {
        file: "http-p3.wasm",
        options: &[
            "--max-instance-reuse-count",
            "128",
            "--max-instance-concurrent-reuse-count",
            "16",
        ],
        direct: "wasmtime serve, WASI 0.3, 128 requests an instance, 16 at once (its default)",
        path: "/proxied-p3",
        proxied: "mod_proxy to this wasmtime serve, WASI 0.3",
    },
];

/// The running servers; they end when this is dropped.
pub struct Wasmtime {
    /// What `wasmtime --version` says.
    version: String,
    running: Vec<(&'static Service, u16, Server)>,
}

/// Starts the servers on the components in `dir`. `None`, with a note, where there is no `wasmtime`; one that does not start,
/// such as of a version that does not know WASI 0.3, is left out with a note.
pub fn start(dir: &Path) -> Task<Option<Wasmtime>> {
    let Some(program) = which("wasmtime") else {
        eprintln!("There is no wasmtime in the PATH: its rows are left out.");
        return Ok(None);
    };
    let version = output(Command::new(&program).arg("--version"))?;
    let mut running = Vec::new();
    for service in &SERVICES {
        let port = super::free_port()?;
        let log = dir.join(format!("{}.log", service.file));
        let stderr = File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let mut command = serve(&program, service, dir, port);
        match Server::start("wasmtime serve", command.stderr(stderr), port, &log) {
            Ok(server) => running.push((service, port, server)),
            Err(failure) => eprintln!("Left out: {}: {failure}", service.direct),
        }
    }
    let version = version.trim().to_owned();
    Ok((!running.is_empty()).then_some(Wasmtime { version, running }))
}

fn serve(program: &Path, service: &Service, dir: &Path, port: u16) -> Command {
    let mut command = command(&program.display().to_string(), &["serve"]);
    command
        .args(["--addr", &format!("127.0.0.1:{port}")])
        // The standard library of a Rust component imports more than the world of an HTTP proxy has.
        .args(["-S", "cli"])
        .args(service.options)
        .arg(dir.join(service.file))
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

impl Wasmtime {
    /// What `wasmtime --version` says.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What makes httpd its front.
    pub fn configuration(&self, httpd: &Httpd) -> Task<String> {
        let mut conf = httpd.load(&["proxy", "proxy_http"])?;
        for (service, port, _) in &self.running {
            conf.push_str(&proxied(service, *port));
        }
        Ok(conf)
    }

    /// Two rows for each server; the httpd of the benchmark listens on `httpd`.
    pub fn variants(&self, httpd: u16) -> Vec<Variant> {
        let both = |(service, port, _): &(&Service, u16, Server)| {
            let row = |port, path, title| Variant {
                port,
                path,
                title,
                same_head: false,
            };
            [
                row(*port, "/", service.direct),
                row(httpd, service.path, service.proxied),
            ]
        };
        self.running.iter().flat_map(both).collect()
    }
}

/// The section of one server; mod_proxy keeps connections to it.
fn proxied(service: &Service, port: u16) -> String {
    let mut conf = String::new();
    add(&mut conf, &format!("<Location {}>", service.path));
    add(
        &mut conf,
        &format!("    ProxyPass http://127.0.0.1:{port}/"),
    );
    add(&mut conf, "    Require all granted\n</Location>");
    conf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_as_documented() {
        let command = serve(
            Path::new("/bin/wasmtime"),
            &SERVICES[0],
            Path::new("/d"),
            81,
        );
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_str().unwrap())
            .collect();
        let expected =
            "serve --addr 127.0.0.1:81 -S cli --max-instance-reuse-count 1 /d/http-p2.wasm";
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn httpd_passes_a_path_on() {
        let expected = "<Location /proxied-p3>\n    ProxyPass http://127.0.0.1:81/\n    \
                        Require all granted\n</Location>\n";
        assert_eq!(proxied(&SERVICES[1], 81), expected);
    }
}
