//! Instance reuse: off unless asked for, within one section only, and never after a failure.
//!
//! What a guest keeps is seen by its counter, which begins at 1 in every new instance. Several requests at once in one instance:
//! `http_concurrent.rs`.

use std::collections::BTreeSet;
use suite::{Conn, Httpd, Probe, Req, Setup, after, both, check_lines, wait};

both!(
    every_request_has_an_instance_of_its_own_by_default,
    an_instance_serves_one_request_after_the_other,
    off_takes_it_back,
    an_instance_serves_so_many_requests_and_no_more,
    an_instance_is_dropped_when_it_is_idle,
    sections_share_nothing,
    virtual_hosts_share_nothing,
    requests_with_other_settings_have_other_instances,
    an_instance_that_trapped_is_not_used_again,
    an_instance_that_timed_out_is_not_used_again,
    an_instance_that_passed_its_memory_limit_is_not_used_again,
    an_instance_whose_client_went_is_not_used_again,
    an_instance_that_exited_is_not_used_again,
    an_instance_that_failed_after_its_response_is_not_used_again,
    without_concurrency_requests_do_not_meet,
    idle_instances_give_way,
    a_reused_instance_streams_and_logs_for_each_request,
    a_response_that_nobody_wants_ends_nothing,
    a_graceful_restart_begins_anew,
);

/// One server thread, or one child: requests that follow each other can meet the same instance.
fn reusing(probe: Probe, reuse: &str, lines: &str) -> Setup {
    probe
        .setup(&format!("WasmReuse {reuse}\n{lines}"))
        .threads(1)
}

/// What the counter of `target` says: how many requests the instance has begun, and which instance it is.
#[track_caller]
fn count(httpd: &Httpd, target: &str) -> (u32, String) {
    count_of(&httpd.get(target).expect(200).text())
}

#[track_caller]
fn count_of(text: &str) -> (u32, String) {
    let number = after(text, "count=").concat().parse().unwrap_or(0);
    assert!(number > 0, "{text}");
    (number, after(text, "instance=").concat())
}

fn every_request_has_an_instance_of_its_own_by_default(probe: Probe) {
    let httpd = probe.setup("").threads(1).start();
    let seen: BTreeSet<_> = (0..10).map(|_| count(&httpd, "/p/count")).collect();
    assert_eq!(seen.len(), 10);
    assert!(seen.iter().all(|(n, _)| *n == 1), "{seen:?}");
}

fn an_instance_serves_one_request_after_the_other(probe: Probe) {
    for reuse in ["On", "requests=128"] {
        let httpd = reusing(probe, reuse, "").start();
        let (_, first) = count(&httpd, "/p/count");
        for n in 2..=20 {
            assert_eq!(count(&httpd, "/p/count"), (n, first.clone()), "{reuse}");
        }
    }
}

fn off_takes_it_back(probe: Probe) {
    let httpd = reusing(probe, "On", "")
        .conf("<Location /p/count/off>\nWasmReuse Off\n</Location>")
        .start();
    for n in 1..=3 {
        assert_eq!(count(&httpd, "/p/count").0, n);
        assert_eq!(count(&httpd, "/p/count/off").0, 1);
    }
}

fn an_instance_serves_so_many_requests_and_no_more(probe: Probe) {
    let httpd = reusing(probe, "requests=3", "").start();
    let counts: Vec<u32> = (0..9).map(|_| count(&httpd, "/p/count").0).collect();
    assert_eq!(counts, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

fn an_instance_is_dropped_when_it_is_idle(probe: Probe) {
    let httpd = reusing(probe, "idle=300ms", "").start();
    let (_, first) = count(&httpd, "/p/count");
    // Each look keeps it alive, so wait longer from one to the next.
    let mut pause = 50;
    wait::until("another instance", || {
        std::thread::sleep(std::time::Duration::from_millis(pause));
        pause *= 2;
        count(&httpd, "/p/count").1 != first
    });
}

fn sections_share_nothing(probe: Probe) {
    let httpd = reusing(probe, "On", "")
        .guest("/other", probe.guest, "WasmReuse On")
        .conf("<Location /p/count/inner>\nWasmEnv N 1\n</Location>")
        .start();
    let mut instances = BTreeSet::new();
    for n in 1..=3 {
        for target in ["/p/count", "/other/count", "/p/count/inner"] {
            let (number, instance) = count(&httpd, target);
            assert_eq!(number, n, "{target}");
            instances.insert(instance);
        }
    }
    assert_eq!(instances.len(), 3);
}

fn virtual_hosts_share_nothing(probe: Probe) {
    let section = format!(
        "<Location /p>\nSetHandler wasm-handler\nWasmModule ${{GUESTS}}/{}.wasm\nWasmReuse On\n</Location>",
        probe.guest
    );
    let httpd = Setup::new()
        .threads(1)
        .vhost("a.example", &section)
        .vhost("b.example", &section)
        .start();
    let mut instances = BTreeSet::new();
    for n in 1..=3 {
        for name in ["a.example", "b.example"] {
            let request = Req::get("/p/count").field("Host", name);
            let (number, instance) = count_of(&httpd.send(&request).expect(200).text());
            assert_eq!(number, n, "{name}");
            instances.insert(instance);
        }
    }
    assert_eq!(instances.len(), 2);
    // What the main server has is merged into both, and yet it is not one section.
    let httpd = reusing(probe, "On", "")
        .vhost("a.example", "")
        .vhost("b.example", "")
        .start();
    for name in ["a.example", "b.example"] {
        let request = Req::get("/p/count").field("Host", name);
        assert_eq!(
            count_of(&httpd.send(&request).expect(200).text()).0,
            1,
            "{name}"
        );
    }
}

fn requests_with_other_settings_have_other_instances(probe: Probe) {
    let httpd = reusing(probe, "On", "WasmEnv WHO anybody")
        .conf(
            "<Location /p>\n<If \"%{HTTP:X-Who} == 'one'\">\nWasmEnv WHO one\n</If>\n\
             <If \"%{HTTP:X-Who} == 'two'\">\nWasmEnv WHO two\nWasmConfig who two\n</If>\n</Location>",
        )
        .start();
    for _ in 0..3 {
        for who in ["one", "two", "anybody"] {
            let request = Req::get("/p/env").field("X-Who", who);
            let text = httpd.send(&request).expect(200).text();
            check_lines(&text, &[&format!("variable=WHO={who}")]);
            let request = Req::get("/p/config").field("X-Who", who);
            let config = httpd.send(&request).expect(200).text();
            assert_eq!(config, if who == "two" { "who=two\n" } else { "" });
        }
    }
}

/// After `break_it` another instance serves, which begins at 1.
fn renewed(httpd: &Httpd, break_it: impl Fn(&Httpd)) {
    let before = httpd.child_pids();
    for _ in 0..3 {
        let (_, instance) = count(httpd, "/p/count");
        assert_eq!(count(httpd, "/p/count"), (2, instance.clone()));
        break_it(httpd);
        let (number, new) = count(httpd, "/p/count");
        assert!(number == 1 && new != instance, "the instance is used again");
        // The next round begins with a new one.
        break_it(httpd);
    }
    httpd.assert_same_children(&before);
}

fn an_instance_that_trapped_is_not_used_again(probe: Probe) {
    let httpd = reusing(probe, "On", "")
        .announce("WASM0101")
        .announce("WASM0102")
        .start();
    renewed(&httpd, |httpd| {
        httpd.get("/p/trap").expect(500);
    });
    renewed(&httpd, |httpd| {
        assert!(!httpd.get("/p/trap?when=begun&wait=100").complete);
    });
}

fn an_instance_that_timed_out_is_not_used_again(probe: Probe) {
    let httpd = reusing(probe, "On", "WasmTimeout 300ms")
        .timeout(300)
        .announce("WASM0105")
        .start();
    renewed(&httpd, |httpd| {
        httpd.get("/p/sleep").expect(504);
    });
    renewed(&httpd, |httpd| {
        httpd.get("/p/spin").expect(504);
    });
}

fn an_instance_that_passed_its_memory_limit_is_not_used_again(probe: Probe) {
    let httpd = reusing(probe, "On", "WasmMemoryLimit 16M")
        .announce("WASM0107")
        .start();
    renewed(&httpd, |httpd| {
        httpd.get("/p/eat?mb=100&insist=1").expect(500);
    });
    // One that survives the refusal has passed its limit as well.
    renewed(&httpd, |httpd| {
        let text = httpd.get("/p/eat?mb=100").expect(200).text();
        assert!(text.starts_with("asked for 100 MiB, got "), "{text}");
    });
}

fn an_instance_whose_client_went_is_not_used_again(probe: Probe) {
    let httpd = reusing(probe, "On", "").start();
    renewed(&httpd, |httpd| {
        let old = httpd.logged("WASM0108").len();
        let mut conn = httpd.connect();
        conn.send(Req::get("/p/sleep?when=begun").bytes());
        conn.head();
        conn.reset();
        wait::until("the guest to be stopped", || {
            httpd.logged("WASM0108").len() > old
        });
    });
}

fn an_instance_that_exited_is_not_used_again(probe: Probe) {
    let httpd = reusing(probe, "On", "").announce("WASM0103").start();
    renewed(&httpd, |httpd| {
        httpd.get("/p/exit?code=1").expect(500);
    });
}

fn an_instance_that_failed_after_its_response_is_not_used_again(probe: Probe) {
    let httpd = reusing(probe, "On", "").announce("WASM0126").start();
    renewed(&httpd, |httpd| {
        let old = httpd.logged("WASM0126").len();
        httpd.get("/p/trap?when=done").expect(200);
        wait::until("the trap", || httpd.logged("WASM0126").len() > old);
    });
}

/// Begins a request on a connection of its own.
fn begin(httpd: &Httpd, target: &str) -> Conn {
    let mut conn = httpd.connect();
    conn.send(Req::get(target).bytes());
    conn
}

fn without_concurrency_requests_do_not_meet(probe: Probe) {
    let httpd = probe.setup("WasmReuse On").threads(4).start();
    let mut waiting = [
        begin(&httpd, "/p/meet?ms=500"),
        begin(&httpd, "/p/meet?ms=500"),
    ];
    for conn in &mut waiting {
        assert_eq!(conn.response("GET").expect(200).text(), "inside=1\n");
    }
}

fn idle_instances_give_way(probe: Probe) {
    let httpd = reusing(probe, "idle=1h", "")
        .conf("WasmMaxInstances 2")
        .guest("/b", probe.guest, "WasmReuse idle=1h")
        .guest("/c", probe.guest, "WasmReuse idle=1h")
        .guest("/d", probe.guest, "")
        .start();
    for _ in 0..5 {
        for target in ["/p/count", "/b/count", "/c/count", "/d/count"] {
            httpd.get(target).expect(200);
        }
    }
    assert_eq!(httpd.logged("WASM0111"), [""; 0]);
}

fn a_reused_instance_streams_and_logs_for_each_request(probe: Probe) {
    let httpd = reusing(probe, "On", "").start();
    for round in 0..5 {
        let body = format!("body {round}");
        assert_eq!(
            httpd.post("/p/echo", body.as_bytes()).expect(200).text(),
            body
        );
        httpd.get(&format!("/p/log?text=round{round}")).expect(200);
        httpd.expect_log(&format!("round{round} err 1"));
        httpd.tolerate("at critical");
        httpd.tolerate("at error");
        httpd.tolerate("at warn");
        httpd.tolerate("WASM0120");
        let text = httpd
            .send(&Req::get("/p/report?x").field("X-Round", &round.to_string()))
            .expect(200)
            .text();
        check_lines(
            &text,
            &[&format!("field=x-round: {round}"), "path=/p/report?x"],
        );
        // The time of one request is not that of the instance.
        httpd.get("/p/sleep?ms=20").expect(200);
    }
    assert_eq!(count(&httpd, "/p/count").0, 21);
}

fn a_response_that_nobody_wants_ends_nothing(probe: Probe) {
    let httpd = reusing(probe, "idle=1h", "").start();
    let (_, first) = count(&httpd, "/p/count");
    for size in [10, 1_000_000] {
        let head = Req::head(&format!("/p/source?size={size}"));
        httpd.send(&head).expect(200);
    }
    assert_eq!(count(&httpd, "/p/count"), (4, first));
}

fn a_graceful_restart_begins_anew(probe: Probe) {
    let httpd = reusing(probe, "idle=1h", "").start();
    let (_, first) = count(&httpd, "/p/count");
    let old = httpd.child_pids();
    httpd.graceful();
    wait::until("the old children to end", || {
        old.is_disjoint(&httpd.child_pids())
    });
    let (number, new) = count(&httpd, "/p/count");
    assert!(number == 1 && new != first);
}
