//! Files that are themselves the program, as a `.cgi` is for mod_cgid: which of them run (CGI statements 1 to 4), what they are
//! told (8 to 10), and when they are loaded. The scripts of an interpreter: `cgi_scripts.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Barrier;
use std::time::Duration;

use suite::{Httpd, Req, Setup, Then, check_variables, paths, process, wait, wat_guest};

/// Every `.wasm` file below `htdocs` is a program.
const PROGRAMS: &str = "AddHandler wasm-handler .wasm\n<Directory ${ROOT}/htdocs>\nOptions +ExecCGI\nWasmArg env\n</Directory>";

fn guest(name: &str) -> Vec<u8> {
    let content = fs::read(paths::guest(name));
    assert!(content.is_ok(), "{name}: {content:?}");
    content.unwrap_or_default()
}

/// A program that answers with that text.
fn saying(text: &str) -> Vec<u8> {
    let output = format!("Content-Type: text/plain\r\n\r\n{text}");
    wat_guest::printing(output.as_bytes(), Then::Return)
}

/// A server with the probe as `/probe.wasm`.
fn site() -> Setup {
    Setup::new()
        .module("mime")
        .conf(PROGRAMS)
        .file("htdocs/probe.wasm", guest("probe"))
}

/// Puts a program in place as a careful operator does: nobody sees half of it.
fn put(httpd: &Httpd, name: &str, content: &[u8]) {
    let (new, file) = (httpd.path("htdocs/new"), httpd.path(name));
    let done = fs::write(&new, content).and_then(|()| fs::rename(new, file));
    assert!(done.is_ok(), "{name}: {done:?}");
}

/// How often each child has loaded a file, the largest number of all.
fn loaded_in_a_child(httpd: &Httpd, name: &str) -> usize {
    let lines: Vec<String> = httpd
        .logged("WASM0150")
        .into_iter()
        .filter(|line| line.contains(name))
        .collect();
    let pid = |line: &String| -> Option<String> {
        let (_, behind) = line.split_once("[pid ")?;
        Some(behind.chars().take_while(char::is_ascii_digit).collect())
    };
    let pids: BTreeSet<Option<String>> = lines.iter().map(pid).collect();
    let count = |wanted: &Option<String>| lines.iter().filter(|line| pid(line) == *wanted).count();
    pids.iter().map(count).max().unwrap_or(0)
}

#[test]
fn cgi_01_a_file_is_the_program_by_suffix_and_by_section() {
    let httpd = site()
        .conf("<Directory ${ROOT}/htdocs/bin>\nSetHandler wasm-handler\n</Directory>")
        .conf("<Files one>\nSetHandler wasm-handler\n</Files>")
        .file("htdocs/bin/app", guest("probe"))
        .file("htdocs/one", guest("probe"))
        .file("htdocs/a.txt", "a file")
        .start();
    for target in ["/probe.wasm", "/bin/app", "/one"] {
        let vars = httpd.get(target).expect(200).variables();
        check_variables(&vars, &[("SCRIPT_NAME", Some(target)), ("PATH_INFO", None)]);
    }
    let args = httpd.get("/bin/app?do=args").expect(200).text();
    assert_eq!(args, "app\nenv\n");
    assert_eq!(httpd.get("/a.txt").expect(200).text(), "a file");
}

#[test]
fn cgi_01_a_program_that_is_no_cgi_program_says_so() {
    let httpd = site()
        .file("htdocs/plain/hello.wasm", guest("hello"))
        .conf("<Directory ${ROOT}/htdocs/plain>\nWasmEnableCGI Off\n</Directory>")
        .start();
    let text = httpd.get("/plain/hello.wasm").expect(200).text();
    assert_eq!(text, "Hello, wasm world!\n");
}

#[test]
fn cgi_02_no_file_is_404_and_a_directory_403() {
    let httpd = site()
        .file("htdocs/dir/x", "")
        .conf("<Directory ${ROOT}/htdocs/dir>\nSetHandler wasm-handler\n</Directory>")
        .conf("<Location /unnamed>\nSetHandler wasm-handler\n</Location>")
        .announce("WASM0155")
        .start();
    httpd.get("/missing.wasm").expect(404);
    httpd.get("/missing.wasm/more").expect(404);
    httpd.get("/unnamed").expect(404);
    // Without mod_mime's help the suffix of a missing file means nothing: the last two are ours for certain.
    assert!(!httpd.logged("WASM0154").is_empty());
    httpd.get("/dir/").expect(403);
    assert_eq!(httpd.logged("WASM0155").len(), 1);
}

#[test]
fn cgi_02_what_is_no_file_is_403() {
    let setup = site().announce("WASM0155");
    let fifo = setup.path("htdocs/fifo.wasm");
    suite::host::run_ok("mkfifo", [&fifo]);
    setup.start().get("/fifo.wasm").expect(403);
}

#[test]
fn cgi_03_options_execcgi_or_scriptalias_is_the_grant() {
    let httpd = site()
        .module("alias")
        .file("htdocs/no/probe.wasm", guest("probe"))
        .file("cgi-bin/probe.wasm", guest("probe"))
        .file("other/probe.wasm", guest("probe"))
        .conf("<Directory ${ROOT}/htdocs/no>\nOptions -ExecCGI\n</Directory>")
        .conf("ScriptAlias /cgi-bin ${ROOT}/cgi-bin\nAlias /other ${ROOT}/other")
        .conf("<Directory ~ \"/(cgi-bin|other)\">\nSetHandler wasm-handler\nWasmArg env\n</Directory>")
        .announce("WASM0153")
        .start();
    httpd.get("/no/probe.wasm").expect(403);
    httpd.get("/other/probe.wasm").expect(403);
    // As mod_cgid: who may not run anything is not told what there is.
    httpd.get("/other/missing").expect(403);
    assert_eq!(httpd.logged("WASM0153").len(), 3);
    assert!(
        httpd.logged("WASM0150").is_empty(),
        "nothing that may not run is compiled"
    );
    let vars = httpd.get("/cgi-bin/probe.wasm/a/b").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/cgi-bin/probe.wasm")),
            ("PATH_INFO", Some("/a/b")),
        ],
    );
    httpd.get("/cgi-bin/missing.wasm").expect(404);
}

#[test]
fn cgi_03_a_host_allows_it_in_htaccess() {
    let grant = "SetHandler wasm-handler\nOptions +ExecCGI\nWasmArg env\nWasmEnv FROM htaccess\n";
    let httpd = Setup::new()
        .file("htdocs/customer/.htaccess", grant)
        .file("htdocs/customer/app", guest("probe"))
        .file("htdocs/other/.htaccess", "SetHandler wasm-handler\n")
        .file("htdocs/other/app", guest("probe"))
        .conf("<Directory ${ROOT}/htdocs>\nAllowOverride FileInfo Options=ExecCGI\n</Directory>")
        .announce("WASM0153")
        .start();
    let vars = httpd.get("/customer/app").expect(200).variables();
    check_variables(&vars, &[("FROM", Some("htaccess"))]);
    httpd.get("/other/app").expect(403);
}

#[test]
fn cgi_04_accept_path_info_of_a_file() {
    let httpd = site()
        .file("htdocs/off/probe.wasm", guest("probe"))
        .file("htdocs/on/probe.wasm", guest("probe"))
        .conf("<Directory ${ROOT}/htdocs/off>\nAcceptPathInfo Off\n</Directory>")
        .conf("<Directory ${ROOT}/htdocs/on>\nAcceptPathInfo On\n</Directory>")
        .start();
    for target in ["/probe.wasm", "/on/probe.wasm"] {
        let vars = httpd.get(&format!("{target}/extra%20path")).expect(200);
        check_variables(
            &vars.variables(),
            &[
                ("SCRIPT_NAME", Some(target)),
                ("PATH_INFO", Some("/extra path")),
            ],
        );
    }
    httpd.get("/off/probe.wasm").expect(200);
    httpd.get("/off/probe.wasm/extra").expect(404);
    assert_eq!(httpd.logged("WASM0156").len(), 1);
}

#[test]
fn cgi_09_cgi_10_a_program_on_disk_sees_only_paths_that_are_its_own() {
    let httpd = site()
        .file("htdocs/mapped/probe.wasm", guest("probe"))
        .conf("<Directory ${ROOT}/htdocs/mapped>\nWasmMapDir /site ${ROOT}/htdocs\n</Directory>")
        .start();
    let vars = httpd.get("/mapped/probe.wasm/a/b").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_FILENAME", Some("/site/mapped/probe.wasm")),
            ("PATH_TRANSLATED", Some("/site/a/b")),
            ("DOCUMENT_ROOT", Some("/site")),
            ("CONTEXT_DOCUMENT_ROOT", Some("/site")),
            ("PWD", Some("/site/mapped")),
        ],
    );
    let vars = httpd.get("/probe.wasm/a/b").expect(200).variables();
    let root = httpd.path("").to_string_lossy().into_owned();
    let leak = vars
        .iter()
        .find(|(_, value)| value.contains(root.trim_end_matches('/')));
    assert_eq!(leak, None, "a path of the host is shown");
}

#[test]
fn a_file_is_found_by_alias_userdir_index_and_virtual_host() {
    let alias =
        "Alias /app ${ROOT}/apps\nUserDir ${ROOT}/home/*/public_html\nDirectoryIndex index.wasm";
    let grant = "<Directory ~ \"/(apps|home|www)/\">\nOptions +ExecCGI\nWasmArg env\n</Directory>";
    let host =
        |name: &str| format!("DocumentRoot ${{ROOT}}/www/{name}\nAddHandler wasm-handler .wasm");
    let httpd = site()
        .module("alias")
        .module("userdir")
        .module("dir")
        .conf(alias)
        .conf(grant)
        .vhost("a.example", &host("a"))
        .vhost("b.example", &host("b"))
        .file("apps/sub/probe.wasm", guest("probe"))
        .file("apps/index.wasm", guest("probe"))
        .file("home/bob/public_html/probe.wasm", guest("probe"))
        .file("www/a/x.wasm", saying("program of a"))
        .file("www/b/x.wasm", saying("program of b"))
        .start();
    let ask = |host: &str, target: &str| httpd.send(&Req::get(target).field("Host", host));
    for host in ["a.example", "b.example"] {
        let text = ask(host, "/x.wasm").expect(200).text();
        assert_eq!(text, format!("program of {}", &host[..1]));
    }
    for (target, name) in [
        ("/app/sub/probe.wasm", "/app/sub/probe.wasm"),
        ("/app/", "/app/index.wasm"),
        ("/~bob/probe.wasm", "/~bob/probe.wasm"),
    ] {
        let vars = ask("a.example", target).expect(200).variables();
        check_variables(&vars, &[("SCRIPT_NAME", Some(name))]);
    }
}

#[test]
fn a_program_handles_files_by_action() {
    let httpd = site()
        .module("alias")
        .module("actions")
        .file("cgi-bin/probe.wasm", guest("probe"))
        .file("htdocs/page.tpl", "a page")
        .conf("ScriptAlias /cgi-bin ${ROOT}/cgi-bin")
        .conf("<Directory ${ROOT}/cgi-bin>\nSetHandler wasm-handler\nWasmArg env\nWasmMapDir /site ${ROOT}/htdocs\n</Directory>")
        .conf("Action template /cgi-bin/probe.wasm\nAddHandler template .tpl")
        .start();
    let vars = httpd.get("/page.tpl?q=1").expect(200).variables();
    check_variables(
        &vars,
        &[
            ("SCRIPT_NAME", Some("/cgi-bin/probe.wasm")),
            ("PATH_INFO", Some("/page.tpl")),
            ("PATH_TRANSLATED", Some("/site/page.tpl")),
            ("QUERY_STRING", Some("q=1")),
            ("REDIRECT_STATUS", Some("200")),
            ("REDIRECT_URL", Some("/page.tpl")),
            ("REDIRECT_HANDLER", Some("template")),
        ],
    );
}

#[test]
fn a_component_can_be_a_file_too() {
    let httpd = site()
        .file("htdocs/p2.wasm", guest("probe-component"))
        .file("htdocs/http.wasm", guest("hello-http"))
        .start();
    let vars = httpd.get("/p2.wasm/x").expect(200).variables();
    check_variables(
        &vars,
        &[("SCRIPT_NAME", Some("/p2.wasm")), ("PATH_INFO", Some("/x"))],
    );
    let named = Setup::new().guest("/named", "hello-http", "").start();
    let expected = named.get("/named").expect(200).text();
    assert_eq!(httpd.get("/http.wasm").expect(200).text(), expected);
    let kinds = httpd.logged("WASM0150").join("\n");
    for kind in ["WASI 0.2 command component", "WASI 0.2 http component"] {
        assert!(kinds.contains(kind), "{kinds}");
    }
}

#[test]
fn a_service_that_a_child_loads_while_others_run_is_stopped_in_time() {
    let httpd = site()
        .conf("WasmTimeout 300ms")
        .file("htdocs/p3.wasm", guest("probe-service"))
        .announce("WASM0105")
        .start();
    // The engine for WASI 0.3 is made in the child, when its clock is running already.
    httpd.get("/probe.wasm").expect(200);
    httpd.get("/p3.wasm/unread").expect(200);
    httpd.get("/p3.wasm/spin").expect(504);
    httpd.get("/p3.wasm/unread").expect(200);
}

#[test]
fn first_requests_for_one_file_compile_it_once() {
    let httpd = site().threads(8).start();
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                httpd.get("/probe.wasm").expect(200);
            });
        }
    });
    assert_eq!(loaded_in_a_child(&httpd, "probe.wasm"), 1);
    for _ in 0..4 {
        httpd.get("/probe.wasm").expect(200);
    }
    assert_eq!(loaded_in_a_child(&httpd, "probe.wasm"), 1);
}

#[test]
fn while_a_large_file_is_compiled_others_are_served_and_its_guest_is_not_timed() {
    // Compiling it takes many seconds of processor time, answering far less than one.
    let httpd = site()
        .file("htdocs/large.wasm", guest("hello-js"))
        .conf("WasmTimeout 2s")
        .start();
    httpd.get("/probe.wasm").expect(200);
    std::thread::scope(|scope| {
        let large = scope.spawn(|| httpd.get("/large.wasm"));
        wait::until("compiling", || compiles(&httpd));
        httpd.get("/probe.wasm").expect(200);
        assert!(
            loaded_in_a_child(&httpd, "large.wasm") == 0,
            "the other request was held up"
        );
        large.join().expect("a response").expect(200);
    });
    assert_eq!(loaded_in_a_child(&httpd, "large.wasm"), 1);
}

/// Does a child have a thread that compiles?
fn compiles(httpd: &Httpd) -> bool {
    let names = |pid: u32| {
        fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
    };
    httpd
        .child_pids()
        .into_iter()
        .flat_map(names)
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .any(|name| name.starts_with("wasm-compile"))
}

#[test]
fn a_replaced_file_serves_new_requests_and_old_ones_end_on_the_old_one() {
    let httpd = site().start();
    httpd.get("/probe.wasm").expect(200);
    // The server asks for the body when the program reads it: then the old one runs.
    let mut old = httpd.connect();
    old.send(
        "POST /probe.wasm?do=echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(old.head().status, 100);
    let mut running = httpd.connect();
    running.send("GET /probe.wasm?do=drip&n=2&ms=300 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    running.head();
    put(&httpd, "htdocs/probe.wasm", &saying("the new one"));
    let new = httpd.get("/probe.wasm").expect(200).text();
    assert_eq!(new, "the new one");
    old.send("whole");
    assert_eq!(old.response("POST").expect(200).text(), "whole");
    let rest = running.read_raw(|bytes| bytes.ends_with(b"0\r\n\r\n"));
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("line 2"), "{rest}");
}

#[test]
fn a_file_that_changes_in_place_is_noticed() {
    let httpd = site().file("htdocs/x.wasm", saying("old")).start();
    for text in ["old", "new", "more"] {
        fs::write(httpd.path("htdocs/x.wasm"), saying(text)).unwrap();
        assert_eq!(httpd.get("/x.wasm").expect(200).text(), text);
    }
}

#[test]
fn a_broken_file_is_500_with_one_line_and_works_once_replaced() {
    let httpd = site()
        .file("htdocs/x.wasm", b"\0asm\x01\0\0\0 and then nonsense")
        .file("htdocs/text.wasm", "no WebAssembly at all")
        .log_level("warn wasm:debug")
        .announce("WASM0151")
        .threads(1)
        .start();
    for _ in 0..5 {
        let page = httpd.get("/x.wasm").expect(500).text();
        assert!(!page.contains("htdocs"), "a path of the host: {page}");
        httpd.get("/text.wasm").expect(500);
    }
    for file in ["htdocs/x.wasm", "htdocs/text.wasm"] {
        let lines = httpd.logged("WASM0151");
        let lines = lines.iter().filter(|line| line.contains(file));
        assert_eq!(lines.count(), 1, "{file}");
        let again = httpd.logged("WASM0152");
        let again = again.iter().filter(|line| line.contains(file));
        assert_eq!(again.count(), 4, "{file}");
    }
    put(&httpd, "htdocs/x.wasm", &saying("repaired"));
    assert_eq!(httpd.get("/x.wasm").expect(200).text(), "repaired");
    fs::remove_file(httpd.path("htdocs/x.wasm")).unwrap();
    httpd.get("/x.wasm").expect(404);
}

#[test]
fn a_file_of_more_than_256_mib_is_not_read() {
    let setup = site().announce("WASM0151");
    let file = fs::File::create(setup.path("htdocs/huge.wasm")).unwrap();
    file.set_len((256 << 20) + 1).unwrap();
    let httpd = setup.start();
    httpd.get("/huge.wasm").expect(500);
    assert!(httpd.expect_log("WASM0151").contains("larger than"));
}

#[test]
fn a_child_keeps_64_programs_and_loads_a_forgotten_one_again() {
    let mut setup = site().threads(1);
    for n in 0..65 {
        let name = format!("htdocs/p{n}.wasm");
        setup = setup.file(&name, saying(&format!("program {n}")));
    }
    let httpd = setup.start();
    let ask = |n: usize| {
        let text = httpd.get(&format!("/p{n}.wasm")).expect(200).text();
        assert_eq!(text, format!("program {n}"));
    };
    (0..64).for_each(ask);
    // The first is now the one that was asked for last.
    ask(0);
    ask(64);
    ask(0);
    assert_eq!(loaded_in_a_child(&httpd, "/p0.wasm"), 1);
    ask(1);
    assert_eq!(loaded_in_a_child(&httpd, "/p1.wasm"), 2);
}

#[test]
fn cgi_55_a_graceful_restart_while_a_file_runs() {
    let httpd = site().start();
    let mut running = httpd.connect();
    running.send("GET /probe.wasm?do=drip&n=2&ms=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    running.head();
    let before = httpd.child_pids();
    httpd.graceful();
    httpd.get("/probe.wasm").expect(200);
    let rest = running.read_raw(|bytes| bytes.ends_with(b"0\r\n\r\n"));
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("line 2"), "{rest}");
    wait::until_within(Duration::from_secs(30), "the old children's end", || {
        before.iter().all(|pid| !process::alive(*pid))
    });
    httpd.get("/probe.wasm").expect(200);
}

#[test]
fn the_library_must_be_there_even_if_no_module_is_named() {
    let folder = Setup::new();
    let alone = folder.path("alone");
    fs::create_dir_all(&alone).unwrap();
    fs::copy(paths::dist().join("mod_wasm.so"), alone.join("mod_wasm.so")).unwrap();
    Setup::new()
        .product(Some(&alone))
        .check()
        .fails_with(&["WASM0001"]);
    Setup::new().check().passes();
}
