//! Hostile programs for several customers of a running httpd: the guests with random changes, deep nests, bombs, random code and
//! programs without end, asked for by clients of which some go away. Each costs its own requests and nothing else: all processes
//! live, the neighbours are served all the time, every request is answered in time, good programs in the place of the hostile ones
//! are served, and the memory comes back.
//!
//! Runs for `MODWASM_FUZZ_SECONDS` (10), with programs that follow from `MODWASM_FUZZ_SEED`: a failure prints that, and which
//! program it was. The files of a failed test are left in its folder.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "to panic is to fail the test"
)]

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::time::{Duration, Instant};
use suite::flow::MIB;
use suite::on_disk::{guest, program_saying, programs};
use suite::random::{Random, seed_from_env};
use suite::random_program::random_program;
use suite::{Httpd, Req, Setup, blowups, bombs, host, mutate, paths, process, wait};

/// The guests that are changed: small ones of every kind.
const GUESTS: [&str; 10] = [
    "hello",
    "probe",
    "hello-component",
    "hello-http",
    "hello-p3",
    "hello-service",
    "both-http",
    "both-p3",
    "echo-p3",
    "template",
];

/// Customers, each with a directory, and a client who asks for what is in it.
const CUSTOMERS: u64 = 5;

/// Files of each customer, which are replaced again and again.
const FILES: usize = 8;

/// What any answer may take: some seconds on an idle machine.
const BOUND: Duration = Duration::from_secs(60);

/// What the server may have kept when all is over.
const KEPT: u64 = 50 * MIB;

const LIMITS: &str =
    "WasmCompileLimit time=1s memory=256M size=4M wait=3s\nWasmTimeout 300ms\nWasmMemoryLimit 32M";

/// The program that stands at this place of the seed's sequence.
fn hostile(random: &mut Random, guests: &[Vec<u8>]) -> Vec<u8> {
    match random.below(10) {
        0..5 => {
            let original = random.pick(guests).clone();
            mutate::mutated(random, &original, guests)
        }
        5 => {
            let size = random.size(2000);
            random_program(random, size)
        }
        6 => {
            let bomb = bomb(random);
            mutate::mutated(random, &bomb, guests)
        }
        7 => endless(random),
        _ => bomb(random),
    }
}

fn endless(random: &mut Random) -> Vec<u8> {
    let kind = random.below(blowups::KINDS_OF_ENDLESS);
    let program = blowups::endless(kind, random.one_in(3));
    match random.one_in(2) {
        true => bombs::named(program, random.below(16), 1 + random.below(8)),
        false => program,
    }
}

fn bomb(random: &mut Random) -> Vec<u8> {
    let (kind, section) = (random.below(18), *random.pick(&[1, 2, 3, 6, 7, 9, 11]));
    let mut size = |most| random.size(most);
    match kind {
        0 => bombs::nested_types(size(200_000)),
        1 => bombs::nested_components(size(2000)),
        2 => bombs::nested_loops(size(300), u32::try_from(size(3000)).unwrap_or(1)),
        3 => bombs::many_values(size(5000)),
        4 => bombs::nested_blocks(0x02, size(200_000)),
        5 => bombs::nested_blocks(0x03, size(200_000)),
        6 => bombs::nested_conditions(size(100_000)),
        7 => bombs::wide_jump(size(500_000)),
        8 => bombs::many_variables(size(1000), u32::try_from(size(1 << 31)).unwrap_or(1)),
        9 => bombs::many(section, size(200_000)),
        10 => bombs::large_table(size(200_000), u32::try_from(size(1 << 31)).unwrap_or(1)),
        11 => bombs::recursive_types(size(500_000)),
        12 => bombs::aliases(size(200_000)),
        13 => blowups::doubled_instances(size(40)),
        14 => blowups::many_instances(size(3000)),
        15 => blowups::doubled_types(size(40)),
        16 => blowups::listed_types(size(300)),
        _ => blowups::descending_types(size(200)),
    }
}

/// One customer's client.
struct Client<'h> {
    httpd: &'h Httpd,
    guests: &'h [Vec<u8>],
    /// The parent's way to read a program.
    named: Setup,
    random: Random,
    customer: u64,
}

impl Client<'_> {
    /// Goes on until the time is over; gives the number of programs, and of those that answered as they should.
    fn attack(&mut self, end: Instant) -> (usize, usize) {
        let (mut programs, mut good) = (0, 0);
        while Instant::now() < end {
            let program = hostile(&mut self.random, self.guests);
            let name = format!("t{}/p{}.wasm", self.customer, self.random.below(FILES));
            let place = self.httpd.path("htdocs").join(&name);
            place_for(self.customer, &place, &program, self.random.one_in(4));
            let what = format!("program {programs} of customer {}, {name}", self.customer);
            good += usize::from(self.ask(&format!("/{name}"), &what) == 200);
            if self.random.one_in(40) {
                let check = self.named.clone().wasm("/named", &program, "").check();
                let said = check.ok || check.output.contains("WASM0");
                assert!(said, "{what}: httpd -t died:\n{}", check.output);
            }
            programs += 1;
        }
        (programs, good)
    }

    /// One to three requests, of which all but the last are left alone. Gives the status of that.
    fn ask(&mut self, target: &str, what: &str) -> u16 {
        for _ in 0..self.random.below(3) {
            let mut left = self.httpd.connect();
            left.send(self.request(target).1);
            if self.random.one_in(2) {
                left.reset();
            }
        }
        let (method, request) = self.request(target);
        let begun = Instant::now();
        let mut conn = self.httpd.connect();
        // A server may answer and close before it has taken the whole body.
        let _ = conn.try_send(&request);
        let head = match conn.read_head() {
            Ok(Some(head)) => head,
            other => panic!("{what}: no answer after {:?}: {other:?}", begun.elapsed()),
        };
        conn.read_body(method, &head, &mut |_| ());
        assert!(begun.elapsed() < BOUND, "{what}: {:?}", begun.elapsed());
        head.status
    }

    fn request(&mut self, target: &str) -> (&'static str, Vec<u8>) {
        let query = ["", "?", "?do=count", "?do=echo", "?do=recurse", "?n=3"];
        let target = format!("{target}{}", self.random.pick(&query));
        if self.random.one_in(2) {
            return ("GET", Req::get(&target).bytes());
        }
        let n = self.random.size(20_000);
        ("POST", Req::post(&target, &self.random.bytes(n)).bytes())
    }
}

/// Writes a customer's file, in place or as another one under its name.
fn place_for(customer: u64, file: &Path, content: &[u8], in_place: bool) {
    if in_place {
        fs::write(file, content).expect("it can be written");
    } else {
        let fresh = file.with_extension("new");
        fs::write(&fresh, content).expect("it can be written");
        fs::rename(&fresh, file).expect("it can be renamed");
    }
    if host::is_root() {
        let user = u32::try_from(20_000 + customer).ok();
        chown(file, user, user).expect("root gives files away");
    }
}

/// Puts good programs in the place of all files of a customer: they are served, and what was loaded of the others is let go.
fn mend(httpd: &Httpd, customer: u64) {
    for file in 0..FILES {
        let name = format!("t{customer}/p{file}.wasm");
        let place = httpd.path("htdocs").join(&name);
        place_for(customer, &place, &program_saying("mended"), false);
        // What the hostile ones have left in the queue of this customer comes first.
        wait::until_within(2 * BOUND, "a mended program", || {
            let answer = httpd.get(&format!("/{name}"));
            answer.status() == 200 && answer.text() == "mended"
        });
    }
}

/// Two other customers, who notice nothing until all attacks are `over`: those have to be served in time by the same processes.
fn neighbours(httpd: &Httpd, over: impl Fn() -> bool) -> Duration {
    let children = httpd.child_pids();
    let mut slowest = Duration::ZERO;
    while !over() {
        let begun = Instant::now();
        assert_eq!(httpd.get("/page.txt").expect(200).text(), "static");
        let answer = httpd.get("/neighbour").expect(200);
        assert_eq!(answer.text(), "Hello, wasm world!\n");
        slowest = slowest.max(begun.elapsed());
        httpd.assert_same_children(&children);
        wait::poll(Duration::from_millis(50), || over().then_some(()));
    }
    slowest
}

fn memory(httpd: &Httpd) -> (u64, u64) {
    (process::rss(httpd.pid()), httpd.rss())
}

#[test]
fn hostile_programs_cost_their_own_requests_only() {
    let seed = seed_from_env("MODWASM_FUZZ_SEED");
    host::report_figures(&format!("MODWASM_FUZZ_SEED={seed}"));
    let mut setup = programs()
        .conf(LIMITS)
        .guest("/neighbour", "hello", "")
        .file("htdocs/page.txt", "static")
        .threads(12);
    for words in [
        "[wasm:",
        "[core:error]",
        "[http:error]",
        "[http:warn]",
        "[core:warn]",
        "[cgi:error]",
    ] {
        setup = setup.tolerate(words);
    }
    for customer in 0..CUSTOMERS {
        setup = setup.file(&format!("htdocs/t{customer}/page.txt"), "");
    }
    let httpd = setup.start();
    let guests = GUESTS.map(guest);
    for _ in 0..20 {
        httpd.get("/neighbour").expect(200);
        httpd.get("/probe.wasm?do=count").expect(200);
    }
    let (children, before) = (httpd.child_pids(), memory(&httpd));
    let seconds = paths::number_from_env("MODWASM_FUZZ_SECONDS", 10);
    let end = Instant::now() + Duration::from_secs(seconds);
    let ((programs, good), slowest) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CUSTOMERS)
            .map(|customer| {
                let mut client = Client {
                    httpd: &httpd,
                    guests: &guests,
                    named: Setup::new().conf(LIMITS),
                    random: Random::new(seed.wrapping_add(customer << 32)),
                    customer,
                };
                scope.spawn(move || client.attack(end))
            })
            .collect();
        let slowest = neighbours(&httpd, || {
            clients
                .iter()
                .all(std::thread::ScopedJoinHandle::is_finished)
        });
        let mut all = (0, 0);
        for client in clients {
            let (programs, good) = client.join().expect("a client succeeds");
            all = (all.0 + programs, all.1 + good);
        }
        (all, slowest)
    });
    for customer in 0..CUSTOMERS {
        mend(&httpd, customer);
    }
    wait::until_within(BOUND, "the end of what compiles", || {
        !httpd
            .child_pids()
            .into_iter()
            .any(|child| !process::children(child).is_empty())
    });
    let kept = |now: u64, before: u64| now.saturating_sub(before);
    let after = || {
        // What takes no time is looked after now and then only.
        for _ in 0..64 {
            httpd.get("/neighbour").expect(200);
        }
        let now = memory(&httpd);
        (kept(now.0, before.0), kept(now.1, before.1))
    };
    let mut left = after();
    wait::until("the memory to come back", || {
        left = after();
        left.0 < KEPT && left.1 < KEPT
    });
    httpd.assert_same_children(&children);
    assert_eq!(httpd.logged("WASM0116"), [""; 0], "our own code panicked");
    httpd.graceful();
    httpd.get("/neighbour").expect(200);
    host::report_figures(&format!(
        "{programs} programs, {good} of them answered 200; a neighbour waited {slowest:?} at most; kept: parent {} MiB, child {} MiB",
        left.0 / MIB,
        left.1 / MIB
    ));
}
