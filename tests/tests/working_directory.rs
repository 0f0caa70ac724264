//! Where a program starts to work that is asked for as a file, or interprets one: in the directory of that file, as under
//! mod_cgid. What it is told of it by variables: `cgi_scripts.rs`.

use std::fs;
use std::os::unix::fs::symlink;

use suite::Setup;
use suite::on_disk::guest;

/// A site with a program, and with scripts of the same one as a module and as a component.
fn site(lines: &str) -> Setup {
    Setup::new()
        .module("mime")
        .conf(&format!(
            "<Directory ${{ROOT}}/htdocs>\nOptions +ExecCGI +FollowSymLinks\nAddHandler wasm-handler .wasm .cmd .cmp\n{lines}\n\
             <Files *.cmd>\nWasmModule ${{GUESTS}}/probe.wasm\n</Files>\n\
             <Files *.cmp>\nWasmModule ${{GUESTS}}/probe-component.wasm\n</Files>\n</Directory>"
        ))
        .writable("htdocs/sub")
        .file("htdocs/sub/x.cmd", "")
        .file("htdocs/sub/x.cmp", "")
        .file("htdocs/sub/x.wasm", guest("probe"))
        .file("htdocs/sub/note", "beside it")
        .file("htdocs/above", "above it")
}

#[test]
fn relative_paths_lead_to_the_neighbours_of_the_file() {
    let httpd = site("WasmMapDir /site ${ROOT}/htdocs").start();
    for name in ["x.cmd", "x.cmp", "x.wasm"] {
        let ask = |what: &str| {
            let page = httpd.get(&format!("/sub/{name}?do=files&{what}"));
            page.expect(200).text()
        };
        assert_eq!(ask("op=read&path=note"), "beside it", "{name}");
        assert_eq!(ask("op=read&path=/site/sub/note"), "beside it", "{name}");
        assert_eq!(ask("op=read&path=/site/above"), "above it", "{name}");
        // What programs do that make the directory of their output.
        let made = ask("op=mkdir&path=.");
        assert!(made.starts_with("error: AlreadyExists"), "{name}: {made}");
        assert_eq!(ask("op=write&path=new&text=more"), "done\n", "{name}");
        let new = httpd.path("htdocs/sub/new");
        assert_eq!(fs::read(&new).expect("a file"), b"more", "{name}");
        fs::remove_file(new).expect("a file");
        let outside = ask("op=read&path=../above");
        assert!(outside.starts_with("error: "), "{name}: {outside}");
    }
}

#[test]
fn a_link_that_leads_out_of_the_directories_is_not_followed_to_there() {
    let lines = "WasmMapDir /site ${ROOT}/htdocs\nWasmEnableCGI Off\nWasmArg files\nWasmArg op=list\nWasmArg path=.\nWasmArg --plain";
    let setup = site(lines)
        .file("other/x.cmd", "")
        .file("other/x.cmp", "")
        .file("other/secret", "");
    symlink("../other", setup.path("htdocs/out")).expect("a link");
    symlink(setup.path("other"), setup.path("htdocs/far")).expect("a link");
    symlink("sub", setup.path("htdocs/in")).expect("a link");
    let setup = setup.conf("<Directory ${ROOT}/other>\nOptions +ExecCGI\n</Directory>");
    let httpd = setup.start();
    for name in ["x.cmd", "x.cmp"] {
        let lists = |at: &str| httpd.get(&format!("/{at}/{name}")).expect(200).text();
        for at in ["sub", "in"] {
            assert!(lists(at).contains("note\n"), "{at}");
        }
        for at in ["out", "far"] {
            let said = lists(at);
            assert!(said.starts_with("error: "), "{at}: {said}");
        }
    }
}

#[test]
fn a_directory_that_is_given_as_the_root_stays_the_root() {
    let httpd = site("WasmMapDir / ${ROOT}/htdocs").start();
    for name in ["x.cmd", "x.cmp"] {
        let page = httpd.get(&format!("/sub/{name}?do=files&op=read&path=above"));
        assert_eq!(page.expect(200).text(), "above it", "{name}");
    }
}

#[test]
fn it_is_one_of_the_directories_that_a_request_has_open() {
    let lines = "WasmMapDir /site ${ROOT}/htdocs\nWasmMaxOpenFiles 10";
    let httpd = site(lines).announce("WASM0195").start();
    let page = httpd.get("/sub/x.cmd?do=open&path=note&n=1000");
    let said = page.expect(200).text();
    assert!(said.starts_with("opened 8\n"), "{said}");
}
