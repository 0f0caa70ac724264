//! The description of a server before it runs, and the three things that can be done with one: start it, check its
//! configuration, see it fail.

use crate::folder::Folder;
use crate::server::Httpd;
use crate::wat_guest::{self, Then};
use crate::{conf, host, paths};
use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A server to be. Configuration text may use `${ROOT}` (its private folder), `${GUESTS}` and `${PORT}`.
#[derive(Clone)]
pub struct Setup {
    pub(crate) folder: Arc<Folder>,
    pub(crate) modules: Vec<String>,
    pub(crate) product: Option<PathBuf>,
    pub(crate) conf: String,
    pub(crate) vhosts: Vec<(String, String)>,
    pub(crate) log_level: String,
    pub(crate) timeout: u32,
    pub(crate) threads: u32,
    /// How many children with threads there may be.
    pub(crate) places: u32,
    pub(crate) one_process: bool,
    pub(crate) address_space: Option<u64>,
    pub(crate) file_size: Option<u64>,
    pub(crate) open_files: Option<u32>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) announced: Vec<String>,
    pub(crate) tolerated: Vec<String>,
}

/// What `httpd -t` said.
#[derive(Debug)]
pub struct Check {
    /// Did it accept the configuration?
    pub ok: bool,
    /// Everything it printed.
    pub output: String,
}

impl Default for Setup {
    fn default() -> Self {
        Setup::new()
    }
}

impl Setup {
    /// A server with mod_wasm loaded and nothing configured.
    pub fn new() -> Setup {
        Setup {
            folder: Arc::new(Folder::new()),
            modules: Vec::new(),
            product: Some(paths::dist()),
            conf: String::new(),
            vhosts: Vec::new(),
            log_level: "warn wasm:info".to_owned(),
            timeout: 30,
            threads: 4,
            places: 1,
            one_process: false,
            address_space: None,
            file_size: None,
            open_files: None,
            env: Vec::new(),
            announced: Vec::new(),
            tolerated: Vec::new(),
        }
    }

    /// Loads one of httpd's own modules: `rewrite`, `proxy_http`.
    pub fn module(mut self, name: &str) -> Setup {
        self.modules.push(name.to_owned());
        self
    }

    /// Loads mod_wasm from another folder than `dist`, or not at all.
    pub fn product(mut self, folder: Option<&Path>) -> Setup {
        self.product = folder.map(Path::to_path_buf);
        self
    }

    /// Adds lines to the main server's configuration.
    pub fn conf(mut self, lines: &str) -> Setup {
        let _ = writeln!(self.conf, "{}", lines.trim_end());
        self
    }

    /// Adds a virtual host with its own error log.
    pub fn vhost(mut self, name: &str, lines: &str) -> Setup {
        let lines = format!("{}\n", lines.trim_end());
        self.vhosts.push((name.to_owned(), lines));
        self
    }

    /// Serves a guest at a location, its output being the body.
    pub fn guest(self, location: &str, guest: &str, lines: &str) -> Setup {
        let section = location_of(location, &paths::guest(guest), lines);
        self.conf(&section)
    }

    /// Serves a guest at a location with the CGI emulation on.
    pub fn cgi(self, location: &str, guest: &str, lines: &str) -> Setup {
        self.guest(location, guest, &format!("WasmEnableCGI On\n{lines}"))
    }

    /// Serves at a location a CGI guest that writes exactly these bytes and ends.
    pub fn prints(self, location: &str, output: impl AsRef<[u8]>) -> Setup {
        self.prints_then(location, output, Then::Return, "")
    }

    /// As [`Setup::prints`], with what the guest does next and further lines for the section.
    pub fn prints_then(
        self,
        location: &str,
        output: impl AsRef<[u8]>,
        then: Then,
        lines: &str,
    ) -> Setup {
        let module = wat_guest::printing(output.as_ref(), then);
        self.wasm(location, &module, &format!("WasmEnableCGI On\n{lines}"))
    }

    /// Serves a module made by the test at a location.
    pub fn wasm(self, location: &str, module: &[u8], lines: &str) -> Setup {
        let name = format!(
            "{}.wasm",
            location.trim_start_matches('/').replace('/', "-")
        );
        let file = self.folder.write(&format!("made/{name}"), module);
        let section = location_of(location, &file, lines);
        self.conf(&section)
    }

    /// Replaces the `LogLevel` (`warn wasm:info`).
    pub fn log_level(mut self, level: &str) -> Setup {
        level.clone_into(&mut self.log_level);
        self
    }

    /// Replaces the `Timeout` (30 seconds).
    pub fn timeout(mut self, seconds: u32) -> Setup {
        self.timeout = seconds;
        self
    }

    /// How many requests the server can work on at once (4).
    pub fn threads(mut self, n: u32) -> Setup {
        self.threads = n;
        self
    }

    /// Runs httpd as `-X` does: one process, in the foreground.
    pub fn one_process(mut self) -> Setup {
        self.one_process = true;
        // One process only knows the ordinary stop, which closes the sockets of connections that are being kept alive.
        self.tolerate("AH03093")
    }

    /// Limits httpd's address space, in bytes, as `ulimit -v` does.
    pub fn address_space(mut self, bytes: u64) -> Setup {
        self.address_space = Some(bytes);
        self
    }

    /// Limits the size of the files that httpd may write, in bytes, as `ulimit -f` does.
    pub fn file_size(mut self, bytes: u64) -> Setup {
        self.file_size = Some(bytes);
        self
    }

    /// Limits how many files a process of httpd may have open, as `ulimit -n` does.
    pub fn open_files(mut self, n: u32) -> Setup {
        self.open_files = Some(n);
        self
    }

    /// Sets a variable in httpd's environment.
    pub fn env(mut self, name: &str, value: &str) -> Setup {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The error log will hold a line with these words; the test fails if it does not.
    pub fn announce(mut self, words: &str) -> Setup {
        self.announced.push(words.to_owned());
        self
    }

    /// The error log may hold lines with these words.
    pub fn tolerate(mut self, words: &str) -> Setup {
        self.tolerated.push(words.to_owned());
        self
    }

    /// Writes a file below the server's folder (`htdocs/a.txt`).
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Setup {
        self.folder.write(name, content.as_ref());
        self
    }

    /// Makes a folder below the server's folder that guests may write to.
    pub fn writable(self, name: &str) -> Setup {
        self.folder.writable(name);
        self
    }

    /// An absolute path below the server's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the server and waits until it answers.
    pub fn start(self) -> Httpd {
        Httpd::start(self)
    }

    /// Starts the server, which must give up; gives what it printed and logged.
    pub fn must_fail_to_start(self) -> String {
        Httpd::must_fail(self)
    }

    /// Runs `httpd -t`.
    pub fn check(self) -> Check {
        conf::write(&self, &self.folder, 80);
        let mut command = self.command();
        let out = command.arg("-t").output().expect("httpd -t runs");
        let mut output = String::from_utf8_lossy(&out.stdout).into_owned();
        output.push_str(&String::from_utf8_lossy(&out.stderr));
        Check {
            ok: out.status.success(),
            output,
        }
    }

    /// httpd with this server's configuration. It gets a signal when the test dies, however the test dies.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]);
        if let Some(bytes) = self.address_space {
            command.arg("prlimit").arg(format!("--as={bytes}"));
        }
        if let Some(bytes) = self.file_size {
            command.arg("prlimit").arg(format!("--fsize={bytes}"));
        }
        if let Some(n) = self.open_files {
            command.arg("prlimit").arg(format!("--nofile={n}"));
        }
        command.arg(paths::httpd());
        command.arg("-d").arg(self.folder.path());
        command
            .arg("-f")
            .arg(self.folder.path().join("conf/httpd.conf"));
        // A developer's variable must not decide whether the library is found, or how slow an error is.
        command.env_remove("LD_LIBRARY_PATH");
        command.env_remove("RUST_BACKTRACE");
        // prefork ends by a signal to its whole process group, which must not be ours.
        command.process_group(0);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn location_of(location: &str, file: &Path, lines: &str) -> String {
    format!(
        "<Location \"{location}\">\nSetHandler wasm-handler\nWasmModule \"{}\"\n{}\n</Location>",
        file.display(),
        lines.trim_end()
    )
}

impl Check {
    /// The check must have passed.
    pub fn passes(&self) {
        assert!(self.ok, "httpd -t refused:\n{}", self.output);
    }

    /// The check must have failed, and said all of these words.
    pub fn fails_with(&self, words: &[&str]) {
        assert!(!self.ok, "httpd -t accepted it; expected {words:?}");
        for part in words {
            let said = self.output.contains(part);
            assert!(said, "httpd -t did not say {part:?}:\n{}", self.output);
        }
    }
}

/// Is this run unable to test file permissions, because root passes all of them? Says so.
pub fn skip_when_root(what: &str) -> bool {
    let root = host::is_root();
    if root {
        host::announce_skip(&format!("{what} cannot be tested as root"));
    }
    root
}
