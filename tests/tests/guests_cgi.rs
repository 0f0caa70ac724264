//! The CGI programs of `guests/` that are larger than one idea: in Go, with an interpreter inside, with a database. The test that
//! none is missing: `guests.rs`; scripts found by their extension: `scripts.rs`.

use std::thread;
use suite::{Httpd, Req, Setup};

suite::guests! {
    "hello-go" => hello_go,
    "guestbook" => guestbook,
    "script-js" => script_js,
    "ruby" => ruby,
    "template" => template,
}

fn form(target: &str, body: &[u8]) -> Req {
    Req::post(target, body).field("Content-Type", "application/x-www-form-urlencoded")
}

/// The tests proper; each gets the name of its guest.
mod tests {
    use super::{Req, Setup, form};
    use suite::on_disk::{script_saying, scripts};

    pub(crate) fn template(name: &str) {
        let httpd = scripts()
            .file(
                "htdocs/page.tpl",
                script_saying("{REQUEST_METHOD} of {REMOTE_ADDR}"),
            )
            .file("htdocs/empty.tpl", "% exit 3\n")
            .start();
        assert_eq!(
            httpd.get("/page.tpl").expect(200).text(),
            "GET of 127.0.0.1\n"
        );
        httpd.get("/empty.tpl").expect(500);
        let line = httpd.expect_log("WASM0103");
        assert!(line.contains(name), "{line}");
    }

    pub(crate) fn hello_go(name: &str) {
        let httpd = Setup::new().cgi("/g", name, "").start();
        let shown = |response: suite::Response| {
            let text = response.expect(200).text();
            let (greeting, rest) = text.split_once('\n').unwrap_or_default();
            assert!(
                greeting.starts_with("Hello from Go behind Apache"),
                "{text}"
            );
            rest.to_owned()
        };
        assert_eq!(
            shown(httpd.get("/g/a/path?name=A%26B")),
            "GET /g/a/path of localhost\nfield name=A&B\n"
        );
        assert_eq!(
            shown(httpd.send(&form("/g?a=1", b"b=2%3C&a=3"))),
            "POST /g of localhost\nfield a=3\nfield b=2<\n"
        );
        let body = vec![0; 200_000];
        let put = Req::post("/g", &body)
            .method("PUT")
            .field("Content-Type", "x/y");
        assert_eq!(
            shown(httpd.send(&put)),
            "PUT /g of localhost\n200000 bytes of x/y\n"
        );
        httpd.post("/g", &vec![0; (1 << 20) + 1]).expect(413);
        assert_eq!(httpd.send(&Req::head("/g")).expect(200).body, b"");
        // net/http/cgi reads as many bytes as CONTENT_LENGTH says, none where it is not set.
        let pieces: [&[u8]; 3] = [b"a=1", b"&b=", b"2"];
        let chunked = Req::post_chunked("/g", &pieces)
            .field("Content-Type", "application/x-www-form-urlencoded");
        assert_eq!(
            shown(httpd.send(&chunked)),
            "POST /g of localhost\nfield a=1\nfield b=2\n"
        );
    }

    pub(crate) fn guestbook(name: &str) {
        let httpd = Setup::new()
            .writable("data")
            .cgi("/g", name, "WasmMapDir /data ${ROOT}/data")
            .start();
        assert_eq!(httpd.get("/g?count").expect(200).text(), "0\n");
        let signed = httpd
            .send(&form("/g", b"name=Ada&message=%3Cb%3E"))
            .expect(303);
        assert_eq!(signed.header("Location"), Some("/g"));
        let page = httpd.get("/g").expect(200).text();
        assert!(
            page.contains(" Ada</td><td>&lt;b&gt;</td>"),
            "it must be there for the next request:\n{page}"
        );
        httpd.send(&form("/g", b"message=no+name")).expect(422);
        httpd.send(&form("/g", &[b'x'; 20_000])).expect(413);
        httpd.send(&Req::new("DELETE", "/g")).expect(405);
        assert_eq!(httpd.get("/g?count").expect(200).text(), "1\n");
    }

    pub(crate) fn script_js(name: &str) {
        let all = "import { twice } from './lib/twice.js';\n\
             log('to the log');\n\
             print('Content-Type: text/plain\\r\\n\\r\\n');\n\
             print(env.REQUEST_METHOD + ' ' + twice(read()) + ' ' + args.join('+') + '\\n');\n\
             file.write('/data/f', 'one');\n\
             file.append('/data/f', ' two');\n\
             await null;\n\
             print(file.read('/data/f') + '\\n');\n\
             try { file.read('/etc/passwd') } catch (e) { print('refused\\n') }\n\
             if (env.QUERY_STRING == 'exit') exit(3);\n\
             if (env.QUERY_STRING == 'throw') throw new Error('thrown');\n\
             print('the end\\n');\n";
        let httpd = Setup::new()
            .writable("data")
            .file("s/all.js", all)
            .file("s/lib/twice.js", "import { id } from '../id.js';\nexport const twice = (text) => id(text + text);\n")
            .file("s/id.js", "export const id = (text) => text;\n")
            .file("s/syntax.js", "print('half\n")
            .file("s/throws.js", "throw new TypeError('before the head');\n")
            .file("s/bare.js", "import 'fs';\n")
            .cgi("/all", name, "WasmMapDir /s ${ROOT}/s\nWasmMapDir /data ${ROOT}/data\nWasmArg /s/all.js\nWasmArg one\nWasmArg two")
            .cgi("/s", name, "WasmMapDir /s ${ROOT}/s\nWasmArg /s/syntax.js")
            .cgi("/t", name, "WasmMapDir /s ${ROOT}/s\nWasmArg /s/throws.js")
            .cgi("/b", name, "WasmMapDir /s ${ROOT}/s\nWasmArg /s/bare.js")
            .cgi("/none", name, "WasmMapDir /s ${ROOT}/s\nWasmArg /s/none.js")
            .announce("WASM0103")
            .announce("WASM0120")
            .start();
        let body = "POST xx one+two\none two\nrefused\n";
        let post = |target: &str| httpd.post(target, b"x").expect(200).text();
        assert_eq!(post("/all"), format!("{body}the end\n"));
        // What was written before the end is delivered, as with php-cgi.
        assert_eq!(post("/all?exit"), body);
        httpd.expect_log("exited with status 3");
        assert_eq!(post("/all?throw"), body);
        httpd.expect_log("exited with status 255 after its output");
        httpd.expect_log("Error: thrown");
        httpd.expect_log("at <anonymous> (/s/all.js:11");
        for (target, why) in [
            ("/s", "SyntaxError"),
            ("/t", "TypeError: before the head"),
            ("/b", "begins with a dot or a slash"),
            ("/none", "/s/none.js: No such file"),
        ] {
            httpd.get(target).expect(500);
            httpd.expect_log(why);
        }
    }

    /// The one test of an interpreter of 30 MB: nothing else runs beside it, for compiling it takes both cores of a small machine.
    pub(crate) fn ruby(name: &str) {
        let form = "require 'cgi'\nrequire 'json'\ncgi = CGI.new\n\
             cgi.out('application/json') { JSON.generate({ method: cgi.request_method, fields: cgi.params, path: cgi.path_info }) }\n";
        let plain = "require_relative 'lib/greeting'\n\
             print \"Content-Type: text/plain\\r\\n\\r\\n#{greeting(ENV['QUERY_STRING'])} from #{File.basename($0)}\\n\"\n\
             $stdout.flush\nexit 3 if ENV['PATH_INFO'] == '/exit'\nraise 'too late' if ENV['PATH_INFO'] == '/raise'\n";
        let httpd = Setup::new()
            .file("htdocs/form.rb", form)
            .file("htdocs/sub/plain.rb", plain)
            .file(
                "htdocs/sub/lib/greeting.rb",
                "def greeting(name) = \"Hello, #{name}\"\n",
            )
            .file("htdocs/bad.rb", "raise ArgumentError, 'at once'\n")
            .conf(&format!(
                "<Directory ${{ROOT}}/htdocs>\nOptions +ExecCGI\n<FilesMatch \"\\.rb$\">\nSetHandler wasm-handler\n\
                 WasmModule ${{GUESTS}}/{name}.wasm\nWasmMapDir /site ${{ROOT}}/htdocs\nWasmTimeout 60\n</FilesMatch>\n</Directory>"
            ))
            .announce("WASM0103")
            .announce("WASM0104")
            .announce("WASM0120")
            .tolerate("End of script output")
            .start();
        // CGI.new reads as many bytes as CONTENT_LENGTH says: those of a chunked body too.
        let pieces: [&[u8]; 3] = [b"name=A%26", b"B&n", b"=1"];
        let chunked = Req::post_chunked("/form.rb/more", &pieces)
            .field("Content-Type", "application/x-www-form-urlencoded");
        for request in [chunked, super::form("/form.rb/more", b"name=A%26B&n=1")] {
            let response = httpd.send(&request).expect(200);
            assert_eq!(response.header("Content-Type"), Some("application/json"));
            assert_eq!(
                response.text(),
                "{\"method\":\"POST\",\"fields\":{\"name\":[\"A&B\"],\"n\":[\"1\"]},\"path\":\"/more\"}"
            );
        }
        let plain = |rest: &str| {
            let target = format!("/sub/plain.rb{rest}?Ruby");
            httpd.get(&target).expect(200).text()
        };
        for rest in ["", "/exit", "/raise"] {
            assert_eq!(plain(rest), "Hello, Ruby from plain.rb\n");
        }
        httpd.expect_log("exited with status 3 after its output");
        httpd.expect_log("too late (RuntimeError)");
        httpd.get("/bad.rb").expect(500);
        httpd.expect_log("at once (ArgumentError)");
    }
}

/// How many clients sign the book at once, and how often each.
const CLIENTS: usize = 20;
const TIMES: usize = 10;

/// Many sign the book at once; nothing may be lost, and no entry may be there twice.
fn everyone_signs(httpd: &Httpd) {
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                for n in 0..TIMES {
                    let body = format!("name=client{client}&message=entry{n}");
                    httpd.send(&form("/book", body.as_bytes())).expect(303);
                }
            });
        }
    });
    let count = httpd.get("/book?count").expect(200).text();
    assert_eq!(count, format!("{}\n", CLIENTS * TIMES));
    // The newest are shown, each of them once.
    let page = httpd.get("/book").expect(200).text();
    let mut entries: Vec<&str> = page
        .lines()
        .filter_map(|line| Some(line.split_once(" client")?.1))
        .collect();
    let shown = entries.len();
    entries.sort_unstable();
    entries.dedup();
    assert_eq!((shown, entries.len()), (50, 50));
}

#[test]
fn sqlite_loses_nothing_when_it_locks_by_a_directory() {
    let httpd = Setup::new()
        .threads(8)
        .writable("data")
        .cgi(
            "/book",
            "guestbook",
            "WasmMapDir /data ${ROOT}/data\nWasmTimeout 60",
        )
        .start();
    everyone_signs(&httpd);
    assert!(
        !httpd.path("data/guestbook.db.lock").exists(),
        "the lock is given back"
    );
}

#[test]
fn sqlite_loses_nothing_when_the_server_serialises_it() {
    let httpd = Setup::new()
        .threads(8)
        .writable("data")
        .cgi(
            "/book",
            "guestbook",
            "WasmMapDir /data ${ROOT}/data\nWasmArg file:/data/book.db?vfs=unix-none\nWasmSerialize On\nWasmTimeout 60",
        )
        .start();
    everyone_signs(&httpd);
    assert!(httpd.path("data/book.db").is_file());
}
