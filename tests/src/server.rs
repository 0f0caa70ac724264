//! A running httpd: started on its own port, asked about itself, stopped and audited when dropped.

use crate::folder::test_name;
use crate::setup::Setup;
use crate::{Conn, Req, Response, audit, conf, paths, process, wait};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// The log line of a server that has (re)started.
const UP: &str = "resuming normal operations";

/// A running server. Dropping it stops it and fails the test if its logs hold a surprise.
pub struct Httpd {
    setup: Setup,
    child: Child,
    port: u16,
    announced: Mutex<Vec<String>>,
    tolerated: Mutex<Vec<String>>,
    over: bool,
}

impl Httpd {
    pub(crate) fn start(setup: Setup) -> Httpd {
        for _ in 0..20 {
            let mut server = Httpd::spawn(setup.clone());
            if server.wait_for_answer() {
                return server;
            }
            server.over = true;
            let said = server.everything_said();
            assert!(
                said.contains("could not bind to address"),
                "httpd did not start"
            );
        }
        panic!("no free port found");
    }

    pub(crate) fn must_fail(setup: Setup) -> String {
        let mut server = Httpd::spawn(setup);
        server.over = true;
        let ended = wait::poll(wait::PATIENCE, || server.child.try_wait().unwrap());
        if ended.is_none() {
            server.kill();
            panic!(
                "httpd started, but should not have:\n{}",
                server.configuration()
            );
        }
        assert!(!ended.unwrap().success(), "httpd ended with success");
        server.everything_said()
    }

    fn spawn(setup: Setup) -> Httpd {
        let port = free_port();
        conf::write(&setup, &setup.folder, port);
        let console = File::create(setup.path("logs/console.log")).unwrap();
        let _ = fs::remove_file(setup.path("logs/error.log"));
        let child = setup
            .command()
            .arg(if setup.one_process {
                "-X"
            } else {
                "-DFOREGROUND"
            })
            .stdin(Stdio::null())
            .stdout(console.try_clone().unwrap())
            .stderr(console)
            .spawn()
            .expect("httpd can be started");
        Httpd {
            announced: Mutex::new(setup.announced.clone()),
            tolerated: Mutex::new(setup.tolerated.clone()),
            setup,
            child,
            port,
            over: false,
        }
    }

    /// True when it answers, false when it has ended.
    fn wait_for_answer(&mut self) -> bool {
        let answered = wait::poll(wait::PATIENCE * 2, || {
            if self.child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            (process::listens(self.child.id(), self.port) && self.answers()).then_some(true)
        });
        answered.unwrap_or_else(|| {
            self.kill();
            panic!(
                "httpd neither answers nor ends:\n{}",
                self.everything_said()
            )
        })
    }

    fn answers(&self) -> bool {
        let Ok(mut conn) = Conn::try_open(self.port) else {
            return false;
        };
        if !self.setup.one_process {
            // From here on a connection waits for a child, if need be.
            return self.error_log().contains(UP);
        }
        let asked = conn.try_send(b"OPTIONS * HTTP/1.0\r\n\r\n").is_ok();
        asked && matches!(conn.read_head(), Ok(Some(_)))
    }

    /// The port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The pid of the parent process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The pids of its children; with `-X` its own.
    pub fn child_pids(&self) -> BTreeSet<u32> {
        if self.setup.one_process {
            return BTreeSet::from([self.pid()]);
        }
        process::children(self.pid())
    }

    /// The largest resident set among the children, in bytes.
    pub fn rss(&self) -> u64 {
        let all = self.child_pids().into_iter().map(process::rss);
        all.max().unwrap_or(0)
    }

    /// The memory that the largest child has for itself, without the files that it maps.
    pub fn anonymous(&self) -> u64 {
        let all = self.child_pids().into_iter().map(process::anonymous);
        all.max().unwrap_or(0)
    }

    /// Processor time of all children together.
    pub fn cpu_time(&self) -> Duration {
        self.child_pids().into_iter().map(process::cpu_time).sum()
    }

    /// Fails unless every child that was there before still is.
    pub fn assert_same_children(&self, before: &BTreeSet<u32>) {
        let now = self.child_pids();
        assert!(
            before.is_subset(&now),
            "a child has died: {before:?} before, {now:?} now"
        );
    }

    /// Opens a connection.
    pub fn connect(&self) -> Conn {
        Conn::try_open(self.port).expect("httpd accepts connections")
    }

    /// Sends one request on a connection of its own.
    pub fn send(&self, request: &Req) -> Response {
        self.connect().exchange(request)
    }

    /// GET.
    pub fn get(&self, target: &str) -> Response {
        self.send(&Req::get(target))
    }

    /// POST with a Content-Length and no Content-Type.
    pub fn post(&self, target: &str, body: &[u8]) -> Response {
        self.send(&Req::post(target, body))
    }

    /// An http URL for other programs.
    pub fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }

    /// An absolute path below the server's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.setup.path(name)
    }

    /// The main server's error log so far.
    pub fn error_log(&self) -> String {
        self.log("error")
    }

    /// The error log of a virtual host so far.
    pub fn log(&self, vhost: &str) -> String {
        let file = self.setup.path(&format!("logs/{vhost}.log"));
        String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
    }

    /// The lines of the main error log that hold `words`.
    pub fn logged(&self, words: &str) -> Vec<String> {
        let log = self.error_log();
        let lines = log.lines().filter(|line| line.contains(words));
        lines.map(str::to_owned).collect()
    }

    /// Announces words as [`Setup::announce`] does, and waits until the main error log holds them.
    pub fn expect_log(&self, words: &str) -> String {
        self.expect_log_of("error", words)
    }

    /// As [`Httpd::expect_log`] for a virtual host. Gives the first line that holds the words.
    pub fn expect_log_of(&self, vhost: &str, words: &str) -> String {
        self.announced.lock().unwrap().push(words.to_owned());
        let line = wait::poll(wait::PATIENCE, || {
            let log = self.log(vhost);
            let found = log.lines().find(|line| line.contains(words));
            found.map(str::to_owned)
        });
        line.unwrap_or_else(|| panic!("not logged: {words}"))
    }

    /// Lines with these words are no surprise from now on.
    pub fn tolerate(&self, words: &str) {
        self.tolerated.lock().unwrap().push(words.to_owned());
    }

    /// Replaces the test's part of the configuration; takes effect with the next [`Httpd::graceful`].
    pub fn reconfigure(&mut self, change: impl FnOnce(Setup) -> Setup) {
        self.setup = change(self.setup.clone());
        conf::write(&self.setup, &self.setup.folder, self.port);
    }

    /// A graceful restart; returns when the parent has its new configuration, which has room for old children beside the new
    /// one. Without that, a new child of `worker` has to take over the threads of an old one, and may find none: the old one's
    /// idle threads report that they have ended, or that they are about to, as it happens (`listener_thread` of httpd 2.4.71
    /// sends them off before it sets `dying`).
    pub fn graceful(&self) {
        let roomy = Setup {
            places: conf::PLACES,
            ..self.setup.clone()
        };
        conf::write(&roomy, &self.setup.folder, self.port);
        let count = |log: String| log.matches(UP).count();
        let before = count(self.error_log());
        assert!(process::signal(self.pid(), Signal::USR1), "httpd is gone");
        wait::until("the graceful restart", || count(self.error_log()) > before);
    }

    /// Stops the server and audits its logs. Dropping does the same.
    pub fn stop(mut self) {
        self.end(self.gentle());
    }

    /// The same as `apachectl stop` does it: at once, whatever runs.
    pub fn stop_at_once(mut self) {
        self.end(Signal::TERM);
    }

    /// The signal that ends the server of a test that is over: a graceful stop. An ordinary one meets faults of httpd 2.4.71
    /// itself, seen in cores with no code of ours running: with threads, the MPM looks at the sockets of its workers while
    /// they may be closing them (a crash in `apr_os_sock_get`, once in 500 stops); with prefork, a child that is still
    /// starting destroys its pool from within a signal handler that may have interrupted malloc (a hang).
    fn gentle(&self) -> Signal {
        match self.setup.one_process {
            true => Signal::TERM,
            false => Signal::WINCH,
        }
    }

    fn end(&mut self, signal: Signal) {
        self.over = true;
        let children = self.child_pids();
        process::signal(self.pid(), signal);
        let ended = wait::poll(wait::PATIENCE, || self.child.try_wait().unwrap());
        if ended.is_none() {
            self.kill();
            panic!("httpd did not stop");
        }
        let left = children.iter().find(|pid| process::alive(**pid));
        assert!(left.is_none(), "child {left:?} has outlived httpd");
        let complaints = self.complaints();
        if !complaints.is_empty() {
            panic!("the audit of the error logs:\n{}", complaints.join("\n"));
        }
    }

    fn kill(&mut self) {
        let children = self.child_pids();
        // Both may be gone already.
        let _ = self.child.kill();
        for pid in children {
            process::signal(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }

    fn complaints(&self) -> Vec<String> {
        let mut lines = audit::lines(&self.log("error"));
        lines.extend(audit::lines(&self.log("console")));
        for (name, _) in &self.setup.vhosts {
            lines.extend(audit::lines(&self.log(name)));
        }
        let announced = self.announced.lock().unwrap();
        let tolerated = self.tolerated.lock().unwrap();
        audit::complaints(&lines, &announced, &tolerated)
    }

    fn configuration(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.setup.path(name)).unwrap_or_default();
        format!(
            "--- conf/httpd.conf\n{}--- conf/test.conf\n{}",
            read("conf/httpd.conf"),
            read("conf/test.conf")
        )
    }

    fn everything_said(&self) -> String {
        format!("{}{}", self.log("console"), self.error_log())
    }

    fn report(&self) {
        eprintln!(
            "{}--- logs/error.log\n{}",
            self.configuration(),
            self.everything_said()
        );
        for (name, _) in &self.setup.vhosts {
            eprintln!("--- logs/{name}.log\n{}", self.log(name));
        }
        eprintln!("--- left for you: {}", self.setup.path("").display());
        eprintln!(
            "--- again: make test T={} MPM={}",
            test_name(),
            paths::mpm()
        );
    }
}

impl Drop for Httpd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.report();
            self.kill();
        } else if !self.over {
            self.end(self.gentle());
        } else if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.kill();
        }
    }
}

/// A port that nobody has now. Somebody may take it before httpd does: the caller tries again.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().unwrap().port()
}
