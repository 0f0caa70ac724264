//! `make serve` and `make dev`: httpd in the foreground with every example, on loopback, out of a private folder.
//!
//! Everything that httpd's children read is copied into that folder, because they may not be allowed into the checkout.

use crate::httpd::{self, Httpd, add};
use crate::run::{Task, argument, root};
use crate::setup::{self, Need};
use crate::{build, fsx, guests, landing};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

/// `make serve [PORT=8080]`.
pub fn serve() -> Task {
    foreground("serve", None)
}

/// `make dev GUEST=path.wasm [PORT=8080]`: the examples and one program of yours, with debug messages.
pub fn dev() -> Task {
    let guest = argument("GUEST").ok_or("say which program: make dev GUEST=path.wasm")?;
    let path = root().join(&guest);
    if !path.is_file() {
        return Err(format!("GUEST={guest}: there is no such file").into());
    }
    foreground("dev", Some(&path))
}

fn foreground(name: &str, guest: Option<&Path>) -> Task {
    let port = port()?;
    setup::ensure(&[Need::Libraries, Need::Guests, Need::Server])?;
    build::libraries()?;
    guests::all()?;
    let httpd = Httpd::find()?;
    let dir = httpd::private_dir(name)?;
    let examples = landing::examples(&root().join("examples"))?;
    copies(&dir, &examples)?;
    let conf = dir.join("httpd.conf");
    fsx::write(&conf, &configuration(&httpd, &dir, port, guest)?)?;
    httpd.test(&conf)?;
    announce(&conf, port, &examples, guest);
    // In place of this process: Ctrl-C then reaches httpd itself, which stops its children.
    let error = httpd.command(&conf).exec();
    Err(format!("cannot run httpd: {error}").into())
}

fn port() -> Task<u16> {
    let text = argument("PORT").unwrap_or_else(|| "8080".to_owned());
    let port: u16 = text
        .parse()
        .map_err(|_| format!("PORT={text}: it is a number"))?;
    // Better now than after minutes of building.
    let free = TcpListener::bind(("127.0.0.1", port));
    free.map(|_| port)
        .map_err(|e| format!("port {port}: {e}; choose another with PORT=").into())
}

fn copies(dir: &Path, examples: &[landing::Example]) -> Task {
    fsx::copy_dir(&root().join("examples"), &dir.join("examples"))?;
    fsx::copy_dir(&root().join("guests"), &dir.join("sources"))?;
    fsx::copy_dir(&guests::dir(), &dir.join("guests"))?;
    httpd::writable_dir(&dir.join("data"))?;
    fsx::write(
        &dir.join("htdocs/index.html"),
        &landing::page(&root().join("examples"), examples)?,
    )
}

fn configuration(httpd: &Httpd, dir: &Path, port: u16, guest: Option<&Path>) -> Task<String> {
    let mut conf = httpd.preamble(dir, port)?;
    conf.push_str(&Httpd::load_ours());
    // To the terminal, where a newcomer looks, and to a file; httpd itself can do only one of them.
    add(
        &mut conf,
        &format!(
            "ErrorLog \"|/usr/bin/tee -a '{}'\"",
            dir.join("error.log").display()
        ),
    );
    add(
        &mut conf,
        if guest.is_some() {
            "LogLevel notice wasm:debug"
        } else {
            "LogLevel notice wasm:info"
        },
    );
    let folders = [
        ("GUESTS", "guests"),
        ("SOURCES", "sources"),
        ("EXAMPLES", "examples"),
        ("DATA", "data"),
        ("HTDOCS", "htdocs"),
    ];
    for (variable, folder) in folders {
        add(
            &mut conf,
            &format!("Define WASM_{variable} \"{}\"", dir.join(folder).display()),
        );
    }
    // The private folder is emptied at each start, and the interpreters among the examples take long to compile.
    let compiled = root().join("target/compiled");
    add(
        &mut conf,
        &format!("WasmCacheDir \"{}\"", compiled.display()),
    );
    // For the example that asks this server itself.
    add(&mut conf, &format!("Define WASM_PORT {port}"));
    // Not included: a directory below ServerRoot that configuration is read from is the server's, and so is all that lies in it.
    conf.push_str(&fsx::read(&root().join("examples/site.conf"))?);
    add(&mut conf, "Include \"${WASM_EXAMPLES}/conf/*.conf\"");
    if let Some(guest) = guest {
        let guest: PathBuf = std::path::absolute(guest).map_err(|e| format!("GUEST: {e}"))?;
        add(
            &mut conf,
            "<Location /guest>\n    SetHandler wasm-handler\n    WasmEnableCGI On",
        );
        add(
            &mut conf,
            &format!("    WasmModule \"{}\"\n</Location>", guest.display()),
        );
    }
    Ok(conf)
}

fn announce(conf: &Path, port: u16, examples: &[landing::Example], guest: Option<&Path>) {
    let site = format!("http://127.0.0.1:{port}/");
    println!(
        "\nconfiguration   {}\nlanding page    {site}",
        conf.display()
    );
    for example in examples {
        println!("    {site}{:<16} {}", example.name, example.title);
    }
    if let Some(guest) = guest {
        println!("    {site}{:<16} {} (CGI is on)", "guest", guest.display());
    }
    println!("Ctrl-C stops it.\n");
}
