//! How sections inherit, override and merge, as httpd's users expect; and that virtual hosts share nothing.

use std::collections::BTreeMap;
use suite::{Httpd, Req, Setup};

const RUN: &str = "SetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\nWasmEnableCGI On";

fn vars(httpd: &Httpd, target: &str) -> BTreeMap<String, String> {
    httpd.get(target).expect(200).variables()
}

fn has(vars: &BTreeMap<String, String>, name: &str) -> Option<String> {
    vars.get(name).cloned()
}

#[test]
fn an_inner_section_inherits_and_overrides() {
    let httpd = Setup::new()
        .conf(&format!(
            "<Location /a>\n{RUN}\nWasmArg env\nWasmEnv OUTER 1\nWasmEnv BOTH outer\n</Location>"
        ))
        .conf("<Location /a/b>\nWasmEnv BOTH inner\nWasmEnv INNER 2\n</Location>")
        .conf("<Location /a/b/args>\nWasmArg args\nWasmArg more\n</Location>")
        .start();
    let outer = vars(&httpd, "/a");
    assert_eq!(
        (
            has(&outer, "OUTER"),
            has(&outer, "BOTH"),
            has(&outer, "INNER")
        ),
        (Some("1".into()), Some("outer".into()), None)
    );
    let inner = vars(&httpd, "/a/b");
    assert_eq!(
        (
            has(&inner, "OUTER"),
            has(&inner, "BOTH"),
            has(&inner, "INNER")
        ),
        (Some("1".into()), Some("inner".into()), Some("2".into()))
    );
    assert_eq!(
        httpd.get("/a/b/args").expect(200).text(),
        "probe.wasm\nargs\nmore\n"
    );
}

#[test]
fn directories_overlay_by_guest_path() {
    let httpd = Setup::new()
        .file("one/name", "one")
        .file("two/name", "two")
        .conf(&format!("<Location /a>\n{RUN}\nWasmMapDir /x ${{ROOT}}/one\nWasmMapDir /y ${{ROOT}}/one\n</Location>"))
        .conf("<Location /a/b>\nWasmMapDir /y ${ROOT}/two\n</Location>")
        .start();
    let read = |target: &str, path: &str| {
        httpd
            .get(&format!("{target}?do=files&op=read&path={path}"))
            .expect(200)
            .text()
    };
    assert_eq!(
        (read("/a", "/x/name"), read("/a", "/y/name")),
        ("one".into(), "one".into())
    );
    assert_eq!(
        (read("/a/b", "/x/name"), read("/a/b", "/y/name")),
        ("one".into(), "two".into())
    );
}

#[test]
fn wasm_dir_shows_a_directory_under_its_own_name_and_nothing_else() {
    let httpd = Setup::new()
        .writable("data")
        .conf(&format!(
            "<Location /a>\n{RUN}\nWasmDir ${{ROOT}}/data\n</Location>"
        ))
        .file("conf/secret", "secret")
        .start();
    let data = httpd.path("data");
    let data = data.display();
    let ask = |query: &str| {
        httpd
            .get(&format!("/a?do=files&{query}"))
            .expect(200)
            .text()
    };
    assert_eq!(
        ask(&format!("op=write&path={data}/f&text=written")),
        "done\n"
    );
    assert_eq!(
        std::fs::read_to_string(httpd.path("data/f")).unwrap(),
        "written"
    );
    assert_eq!(ask(&format!("op=list&path={data}")), "f\n");
    let escapes = ask(&format!("op=escape&path={data}"));
    assert!(
        escapes.lines().count() == 6 && !escapes.contains("OPENED"),
        "{escapes}"
    );
    let link = httpd.path("data/link");
    std::os::unix::fs::symlink("../conf/secret", link).unwrap();
    let through = ask(&format!("op=read&path={data}/link"));
    assert!(through.starts_with("error:"), "{through}");
}

#[test]
fn if_files_and_directory_sections() {
    let httpd = Setup::new()
        .file("htdocs/d/run.cgi", "")
        .file("htdocs/d/plain.txt", "a file")
        .conf("<Directory ${ROOT}/htdocs/d>\nOptions +ExecCGI\nWasmModule ${GUESTS}/probe.wasm\nWasmMapDir /d ${ROOT}/htdocs/d\n\
               WasmArg env\nWasmEnv FROM directory\n\
               <Files *.cgi>\nSetHandler wasm-handler\nWasmEnv FILES yes\n</Files>\n\
               <If \"%{QUERY_STRING} == 'if'\">\nWasmEnv FROM if\n</If>\n</Directory>")
        .start();
    assert_eq!(httpd.get("/d/plain.txt").expect(200).text(), "a file");
    let plain = vars(&httpd, "/d/run.cgi");
    assert_eq!(
        (has(&plain, "FROM"), has(&plain, "FILES")),
        (Some("directory".into()), Some("yes".into()))
    );
    let chosen = vars(&httpd, "/d/run.cgi?if");
    assert_eq!(
        (has(&chosen, "FROM"), has(&chosen, "FILES")),
        (Some("if".into()), Some("yes".into()))
    );
}

#[test]
fn server_settings_are_inherited_by_virtual_hosts_and_not_shared_between_them() {
    let section =
        "<Location /x>\nSetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\n</Location>";
    let httpd = Setup::new()
        .conf("WasmEnableCGI On\nWasmArg env\nWasmEnv SERVER main")
        .vhost("a.example", &format!("WasmEnv ONLY_A 1\n{section}"))
        .vhost(
            "b.example",
            &format!("WasmEnv ONLY_B 1\nWasmEnv SERVER b\n{section}"),
        )
        .start();
    let ask = |host: &str| {
        httpd
            .send(&Req::get("/x").field("Host", host))
            .expect(200)
            .variables()
    };
    let (a, b) = (ask("a.example"), ask("b.example"));
    assert_eq!(
        (has(&a, "SERVER"), has(&a, "ONLY_A"), has(&a, "ONLY_B")),
        (Some("main".into()), Some("1".into()), None)
    );
    assert_eq!(
        (has(&b, "SERVER"), has(&b, "ONLY_A"), has(&b, "ONLY_B")),
        (Some("b".into()), None, Some("1".into()))
    );
}

#[test]
fn the_same_location_in_two_virtual_hosts_is_two_locations() {
    let section = |n: u32| format!("<Location /x>\n{RUN}\nWasmArg env\nWasmEnv N {n}\n</Location>");
    let httpd = Setup::new()
        .vhost("a.example", &section(1))
        .vhost("b.example", &section(2))
        .start();
    for (host, n) in [("a.example", "1"), ("b.example", "2")] {
        let vars = httpd
            .send(&Req::get("/x").field("Host", host))
            .expect(200)
            .variables();
        assert_eq!(vars.get("N").map(String::as_str), Some(n), "{host}");
    }
}

#[test]
fn an_inner_section_can_switch_cgi_off_and_choose_another_module() {
    let httpd = Setup::new()
        .conf(&format!(
            "<Location /a>\n{RUN}\nWasmArg env\nWasmEnv V 1\n</Location>"
        ))
        .conf("<Location /a/off>\nWasmEnableCGI Off\nWasmArg env\nWasmArg --plain\n</Location>")
        .conf(
            "<Location /a/hello>\nWasmModule ${GUESTS}/hello.wasm\nWasmEnableCGI Off\n</Location>",
        )
        .start();
    assert!(vars(&httpd, "/a").contains_key("QUERY_STRING"));
    assert_eq!(httpd.get("/a/off").expect(200).text(), "V=1\n");
    assert_eq!(
        httpd.get("/a/hello").expect(200).text(),
        "Hello, wasm world!\n"
    );
}

#[test]
fn an_entry_point_of_a_section() {
    let httpd = Setup::new()
        .guest("/start", "entry-c", "")
        .guest("/respond", "entry-c", "WasmEntryPoint respond")
        .guest("/broken", "entry-c", "WasmEntryPoint broken")
        .announce("WASM0101")
        .start();
    assert_eq!(httpd.get("/start").expect(200).text(), "this is _start\n");
    assert_eq!(
        httpd.get("/respond").expect(200).text(),
        "this is respond\n"
    );
    httpd.get("/broken").expect(500);
}

#[test]
fn htaccess_may_set_what_is_harmless() {
    let httpd = Setup::new()
        .file("htdocs/d/run", "")
        .file("htdocs/d/.htaccess", "WasmEnableCGI On\nWasmEnv FROM htaccess\nWasmMapCGIFileNames On\n")
        .conf("<Directory ${ROOT}/htdocs/d>\nAllowOverride FileInfo\nOptions +ExecCGI\nSetHandler wasm-handler\nWasmModule ${GUESTS}/probe.wasm\n\
               WasmMapDir /d ${ROOT}/htdocs/d\nWasmArg env\n</Directory>")
        .start();
    assert_eq!(
        has(&vars(&httpd, "/d/run"), "FROM"),
        Some("htaccess".into())
    );
}

/// With `-c` and a text of his own, the author of such a file would run what he likes with what the operator has granted to
/// the program that the operator meant.
#[test]
fn htaccess_may_not_replace_the_command_line_of_an_interpreter() {
    for (allowed, said) in [
        ("AllowOverride All", "not allowed here"),
        (
            "AllowOverrideList WasmArg",
            "cannot occur within htaccess files",
        ),
    ] {
        let httpd = Setup::new()
            .file("htdocs/d/run", "")
            .file("htdocs/d/.htaccess", "WasmArg env\n")
            .conf(&format!(
                "<Directory ${{ROOT}}/htdocs>\n{allowed}\nOptions +ExecCGI\nSetHandler wasm-handler\n\
                 WasmModule ${{GUESTS}}/probe.wasm\nWasmMapDir /site ${{ROOT}}/htdocs\nWasmArg args\n</Directory>"
            ))
            .file("htdocs/run", "")
            .start();
        httpd.get("/d/run").expect(500);
        let line = httpd.expect_log(&format!("WasmArg {said}"));
        assert!(line.contains("/d/.htaccess"), "{line}");
        assert_eq!(httpd.get("/run").expect(200).text(), "probe.wasm\nargs\n");
    }
}

#[test]
fn relative_paths_are_relative_to_server_root() {
    let hello = std::fs::read(suite::paths::guest("hello")).unwrap();
    let httpd = Setup::new()
        .file("modules/hello.wasm", hello)
        .conf("<Location /x>\nSetHandler wasm-handler\nWasmModule modules/hello.wasm\nWasmMapDir /m modules\n</Location>")
        .start();
    assert_eq!(httpd.get("/x").expect(200).text(), "Hello, wasm world!\n");
}
