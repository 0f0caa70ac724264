//! The C ABI: `wasm_runtime.h` is C and C++ without a warning, a program without httpd can run guests with it, and
//! mod_wasm refuses a library that does not fit.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use suite::{Setup, host, paths};

/// Builds the embedding program in a language; every warning is an error.
fn build(language: &str, folder: &Path) -> PathBuf {
    let program = folder.join(format!("embed-{}", language.replace('+', "p")));
    let (compiler, standard) = if language == "c" {
        ("cc", "-std=c11")
    } else {
        ("c++", "-std=c++17")
    };
    let (root, dist) = (paths::workspace(), paths::dist());
    let path = |p: &Path| p.to_string_lossy().into_owned();
    let args = [
        standard.to_owned(),
        "-Wall".into(),
        "-Wextra".into(),
        "-Werror".into(),
        "-pedantic".into(),
        format!("-I{}", path(&root.join("crates/wasm-runtime/include"))),
        "-x".into(),
        language.to_owned(),
        path(&root.join("tests/c/embed.c")),
        "-x".into(),
        "none".into(),
        path(&dist.join("libwasm_runtime.so")),
        format!("-Wl,-rpath,{}", path(&dist)),
        "-o".into(),
        path(&program),
    ];
    host::run_ok(compiler, args);
    program
}

fn embed(program: &Path, args: &[&str]) -> Output {
    host::run(&program.to_string_lossy(), args)
}

fn guest(name: &str) -> String {
    paths::guest(name).to_string_lossy().into_owned()
}

#[test]
fn a_c_program_streams_a_request_through_a_guest() {
    let setup = Setup::new();
    let folder = setup.path("");
    for language in ["c", "c++"] {
        let program = build(language, &folder);
        let mut child = Command::new(&program)
            .args([&guest("probe"), "do=echo"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut head = [0; "Content-Type: application/octet-stream\r\n\r\n".len()];
        output.read_exact(&mut head).unwrap();
        for n in 0..3 {
            // In lock-step: the next line is only sent when this one has come back.
            let sent = format!("line {n}\n");
            input.write_all(sent.as_bytes()).unwrap();
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            assert_eq!(line, sent, "{language}");
        }
        drop(input);
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(
            out.status.success() && said.contains("end 0 exit 0"),
            "{language}: {said}"
        );
        assert!(said.contains("kind 1 1"), "{language}: {said}");
        assert!(said.contains("engine refused 11"), "{language}: {said}");
    }
}

#[test]
fn outcomes_and_refusals_reach_a_c_program() {
    let setup = Setup::new();
    let folder = setup.path("");
    let program = build("c", &folder);
    let run = |args: &[&str]| {
        let out = embed(&program, args);
        assert!(out.status.code().is_some(), "killed: {}", out.status);
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    let (probe, component, p3) = (guest("probe"), guest("probe-component"), guest("hello-p3"));
    for (query, words) in [
        ("do=unreachable", "end 2 exit 0"),
        ("do=oob", "end 2 exit 0"),
        ("do=div0", "end 2 exit 0"),
        ("do=recurse", "end 2 exit 0"),
        // A component of WASI 0.2 can only say that it failed: its status is 1 whatever it was.
        ("do=exit&code=1", "end 1 exit 1"),
        ("do=alloc&mib=100&insist=1", "end 4 exit 0"),
        ("do=stderr&n=2", "log 0 message 2"),
    ] {
        // The second run shows that the process is sound after the first.
        let said = run(&[
            &probe, query, "--", &component, query, "--", &probe, "do=count",
        ]);
        assert_eq!(said.matches(words).count(), 2, "{query}: {said}");
        assert!(said.contains("end 0 exit 0"), "{query}: {said}");
    }
    assert!(run(&[&probe, "do=exit&code=200"]).contains("end 1 exit 200"));
    assert!(run(&[&probe, "do=spin", "200"]).contains("end 3 "));
    assert!(run(&[&p3]).contains("kind 3 3"));
    assert!(run(&["/nonexistent.wasm"]).contains("check refused 1 "));
    assert!(run(&["/etc/passwd"]).contains("check refused 2 "));
}

#[test]
fn a_c_program_serves_requests_with_http_guests() {
    let setup = Setup::new();
    let folder = setup.path("");
    for language in ["c", "c++"] {
        let program = build(language, &folder);
        for (probe, kind) in [("probe-http", "kind 4 4"), ("probe-service", "kind 5 5")] {
            let guest = guest(probe);
            let (out, said) = serve(&program, &[&guest, "/p/report?x"], b"");
            for line in [
                "method=POST",
                "authority=embed.example",
                "path=/p/report?x",
                "field=x-field: value",
                "trailer=x-end: 1",
            ] {
                assert!(out.lines().any(|l| l == line), "{line}: {out}");
            }
            for line in ["head 200", "field content-type: text/plain", "whole", kind] {
                assert!(said.lines().any(|l| l == line), "{line}: {said}");
            }
            assert!(said.contains("end 0 "), "{said}");
            let (out, _) = serve(&program, &[&guest, "/p/echo"], b"a body");
            assert_eq!(out, "a body", "{probe}");
            let (_, said) = serve(&program, &[&guest, "/p/trailers?t=X-Sum:7"], b"");
            assert!(said.contains("trailer x-sum: 7\n"), "{said}");
            let (_, said) = serve(&program, &[&guest, "/p/error?code=denied"], b"");
            assert!(said.contains("end 8 "), "{said}");
            let (_, said) = serve(&program, &[&guest, "/p/fetch?url=http://127.0.0.1/"], b"");
            assert!(said.contains("log 7 "), "{said}");
            let (_, said) = serve(&program, &[&guest, "/p/spin", "200"], b"");
            assert!(said.contains("end 3 "), "{said}");
        }
    }
}

/// Runs the program with a body; gives what it wrote to both its streams. It must end by itself.
fn serve(program: &Path, args: &[&str], body: &[u8]) -> (String, String) {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    assert!(child.is_ok(), "{child:?}");
    let out = child.and_then(|mut child| {
        if let Some(mut input) = child.stdin.take() {
            input.write_all(body)?;
        }
        child.wait_with_output()
    });
    let (out, said) = out.map(|out| (out.stdout, out.stderr)).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&out), text(&said))
}

/// A server whose mod_wasm.so has beside it no libwasm_runtime.so, or one made from a source.
fn product_with(library: Option<&str>) -> Setup {
    let module = fs::read(paths::dist().join("mod_wasm.so")).unwrap_or_default();
    let setup = Setup::new()
        .guest("/x", "hello", "")
        .file("product/mod_wasm.so", module)
        .file("product/fake.c", library.unwrap_or_default());
    let (folder, source) = (setup.path("product"), setup.path("product/fake.c"));
    if library.is_some() {
        let out = folder.join("libwasm_runtime.so");
        host::run_ok(
            "cc",
            [
                "-shared",
                "-fPIC",
                "-o",
                &out.to_string_lossy(),
                &source.to_string_lossy(),
            ],
        );
    }
    setup.product(Some(&folder))
}

#[test]
fn a_forked_process_compiles_for_the_next_one() {
    let setup = Setup::new();
    let program = build("c", &setup.path(""));
    let cache = setup.path("cache").to_string_lossy().into_owned();
    let (probe, p2) = (guest("probe"), guest("probe-component"));
    let args = [
        "--cache", &cache, &probe, "do=count", "--", &p2, "do=count", "--", &probe, "do=oob",
    ];
    for compiled in [2, 0] {
        let out = embed(&program, &args);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success() && !said.contains("trouble"), "{said}");
        assert_eq!(
            said.matches("source 1 compiling 1").count(),
            compiled,
            "{said}"
        );
        let mapped = said.matches("source 2 compiling 0").count();
        assert_eq!(mapped, 3 - compiled, "{said}");
        // What is mapped runs, and its faults are traps.
        assert_eq!(said.matches("end 0 exit 0").count(), 2, "{said}");
        assert_eq!(said.matches("end 2 exit 0").count(), 1, "{said}");
    }
}

#[test]
fn a_library_of_another_abi_version_is_refused_with_both_numbers() {
    let header =
        fs::read_to_string(paths::workspace().join("crates/wasm-runtime/include/wasm_runtime.h"))
            .unwrap();
    let ours = header
        .lines()
        .find_map(|line| line.strip_prefix("#define WRT_ABI_VERSION "))
        .unwrap();
    let said = product_with(Some("unsigned wrt_abi_version(void) { return 4711; }\n"))
        .must_fail_to_start();
    assert!(said.contains("WASM0002") && said.contains("4711"), "{said}");
    assert!(said.contains(&format!(" {}", ours.trim())), "{said}");
}

#[test]
fn a_missing_or_broken_library_is_named() {
    let said = product_with(None).must_fail_to_start();
    assert!(
        said.contains("WASM0001") && said.contains("libwasm_runtime.so"),
        "{said}"
    );
    let said = product_with(Some("int not_ours;\n")).must_fail_to_start();
    assert!(
        said.contains("WASM0001") || said.contains("WASM0002"),
        "{said}"
    );
}
