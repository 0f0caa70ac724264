//! Scripts and files behind absolute symbolic links, as deploy tools make them: what lies in the program's directories is
//! found, what does not is named in the log. And scripts whose names WASI cannot say.

#![expect(clippy::expect_used, reason = "these are tests")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use suite::on_disk::{guest, script_saying};
use suite::{Httpd, Setup, paths};

/// A site whose `current` is an absolute link to a release, and in it `shared` one to what all releases share.
fn deployed(line: &str) -> Setup {
    let setup = Setup::new()
        .module("alias")
        .conf(&format!(
            "Alias /site ${{ROOT}}/site/current\n<Directory ${{ROOT}}/site>\nOptions +ExecCGI +FollowSymLinks\n{line}\n\
             <Files *.tpl>\nSetHandler wasm-handler\nWasmModule ${{GUESTS}}/template.wasm\n</Files>\n\
             <Files *.cmd>\nSetHandler wasm-handler\nWasmModule ${{GUESTS}}/probe.wasm\n</Files>\n\
             <Files *.cmp>\nSetHandler wasm-handler\nWasmModule ${{GUESTS}}/probe-component.wasm\n</Files>\n</Directory>"
        ))
        .writable("site/shared");
    let site = setup.path("site");
    for release in ["1", "2"] {
        let setup = setup.clone();
        let say = format!(
            "release {release} {{DOCUMENT_ROOT}} {{SCRIPT_FILENAME}}\n% include shared/a\n"
        );
        setup
            .file(
                &format!("site/releases/{release}/x.tpl"),
                script_saying(&say),
            )
            .file(&format!("site/releases/{release}/x.cmd"), "")
            .file(&format!("site/releases/{release}/x.cmp"), "");
        symlink(
            site.join("shared"),
            site.join("releases").join(release).join("shared"),
        )
        .expect("a link");
    }
    symlink(site.join("releases/1"), site.join("current")).expect("a link");
    setup.file("site/shared/a", "what is shared")
}

fn switch(httpd: &Httpd, to: &Path) {
    let new = httpd.path("site/new");
    symlink(to, &new).expect("a link");
    fs::rename(new, httpd.path("site/current")).expect("a link");
}

#[test]
fn a_script_behind_an_absolute_link_is_told_by_its_real_path() {
    for line in ["WasmMapDir /app ${ROOT}/site", "WasmDir ${ROOT}/site"] {
        let httpd = deployed(line).start();
        let root = match line.starts_with("WasmDir") {
            true => httpd.path("site").to_str().unwrap().to_owned(),
            false => "/app".to_owned(),
        };
        for release in ["1", "2"] {
            switch(&httpd, &httpd.path("site/releases").join(release));
            let page = httpd.get("/site/x.tpl").expect(200).text();
            let script = format!("{root}/releases/{release}/x.tpl");
            assert!(page.starts_with(&format!("release {release} ")), "{page}");
            assert!(
                page.contains(&script) && page.ends_with("what is shared\n"),
                "{page}"
            );
        }
        // One that leads on relatively needs nobody's help, and keeps its name.
        switch(&httpd, Path::new("releases/1"));
        let page = httpd.get("/site/x.tpl").expect(200).text();
        assert!(page.contains(&format!("{root}/current/x.tpl")), "{page}");
    }
}

#[test]
fn a_script_behind_a_link_that_leads_out_is_500_and_the_log_names_the_link() {
    let httpd = deployed("WasmMapDir /app ${ROOT}/site")
        .file("other/x.tpl", script_saying("not run"))
        .announce("WASM0208")
        .start();
    for to in [httpd.path("other"), "../other".into()] {
        switch(&httpd, &to);
        let page = httpd.get("/site/x.tpl").expect(500).text();
        assert!(!page.contains("site/current"), "a path of the host: {page}");
    }
    let lines = httpd.logged("WASM0208");
    let link = httpd.path("site/current");
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].contains(&format!("link {} leads out", link.display())),
        "{}",
        lines[0]
    );
}

/// What a program does to the files below `/app/current`, an absolute link.
fn works_with_files(httpd: &Httpd, name: &str) {
    let ask = |what: &str| {
        let page = httpd.get(&format!("/site/x.{name}?do=files&{what}"));
        page.expect(200).text()
    };
    assert_eq!(ask("op=read&path=/app/current/shared/a"), "what is shared");
    assert_eq!(
        ask("op=write&path=/app/current/shared/new&text=more"),
        "done\n"
    );
    assert_eq!(ask("op=mkdir&path=/app/current/shared/dir"), "done\n");
    assert_eq!(
        ask("op=rename&path=/app/current/shared/new&to=/app/current/shared/dir/b"),
        "done\n"
    );
    assert_eq!(ask("op=list&path=/app/current/shared/dir"), "b\n");
    assert_eq!(
        fs::read(httpd.path("site/shared/dir/b")).expect("a file"),
        b"more"
    );
    assert!(ask("op=stat&path=/app/current/shared/dir/b").contains('4'));
    assert_eq!(ask("op=remove&path=/app/current/shared/dir/b"), "done\n");
    let refused = ask("op=read&path=/app/out/secret");
    assert!(refused.starts_with("error: "), "{refused}");
    fs::remove_dir(httpd.path("site/shared/dir")).expect("an empty directory");
}

#[test]
fn programs_follow_absolute_links_that_stay_in_their_directories() {
    let setup = deployed("WasmMapDir /app ${ROOT}/site").file("other/secret", "secret");
    symlink(setup.path("other"), setup.path("site/out")).unwrap();
    let httpd = setup.start();
    works_with_files(&httpd, "cmd");
    works_with_files(&httpd, "cmp");
}

#[test]
fn a_link_from_one_directory_into_another_gives_what_that_one_gives() {
    let setup = deployed("WasmMapDir /app ${ROOT}/site\nWasmMapDir /data ${ROOT}/data")
        .file("data/a", "data");
    symlink(setup.path("data"), setup.path("site/data")).unwrap();
    let httpd = setup.start();
    for name in ["cmd", "cmp"] {
        let page = httpd.get(&format!("/site/x.{name}?do=files&op=read&path=/app/data/a"));
        assert_eq!(page.expect(200).text(), "data");
    }
}

#[test]
fn a_script_whose_name_is_not_utf_8_is_500_and_the_log_says_that() {
    let latin = OsStr::from_bytes(b"gr\xfc\xdfe.tpl");
    let setup = deployed("WasmMapDir /app ${ROOT}/site");
    fs::write(
        setup.path("site/releases/1").join(latin),
        script_saying("not run"),
    )
    .unwrap();
    let httpd = setup.announce("WASM0209").start();
    httpd.get("/site/gr%fc%dfe.tpl").expect(500);
    let line = httpd.expect_log("WASM0209");
    assert!(line.contains("not UTF-8") && line.contains("xfc"), "{line}");
    assert!(httpd.logged("WASM0157").is_empty());
}

#[test]
fn a_program_whose_name_is_not_utf_8_runs() {
    let latin = OsStr::from_bytes(b"gr\xfc\xdfe.wasm");
    let setup = Setup::new()
        .conf("<Directory ${ROOT}/htdocs>\nOptions +ExecCGI\nSetHandler wasm-handler\nWasmEnableCGI Off\n</Directory>");
    fs::write(setup.path("htdocs").join(latin), guest("hello")).unwrap();
    assert!(paths::guest("hello").is_file());
    let httpd = setup.start();
    assert_eq!(
        httpd.get("/gr%fc%dfe.wasm").expect(200).text(),
        "Hello, wasm world!\n"
    );
}
