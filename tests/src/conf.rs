//! Writes the configuration of one server: everything httpd needs and nothing the test did not ask for.
//!
//! The test's own lines go to `conf/test.conf`, so that a line number in a message means what the test wrote.

use crate::folder::Folder;
use crate::host;
use crate::paths;
use crate::setup::Setup;
use std::fmt::Write as _;

/// The most children with threads that a server may ever have.
pub(crate) const PLACES: u32 = 16;

/// Writes `conf/httpd.conf` and `conf/test.conf` for a server on `port`.
pub(crate) fn write(setup: &Setup, folder: &Folder, port: u16) {
    folder.write("conf/test.conf", test_conf(setup).as_bytes());
    folder.write("conf/httpd.conf", main_conf(setup, folder, port).as_bytes());
}

fn main_conf(setup: &Setup, folder: &Folder, port: u16) -> String {
    let root = folder.path().display();
    let mut out = format!(
        "ServerRoot \"{root}\"\n\
         Define ROOT \"{root}\"\n\
         Define GUESTS \"{}\"\n\
         Define PORT {port}\n\
         Listen 127.0.0.1:{port}\n\
         ServerName localhost\n\
         DefaultRuntimeDir run\n\
         PidFile run/httpd.pid\n\
         ErrorLog logs/error.log\n\
         Timeout {}\n\
         KeepAliveTimeout 5\n\
         DocumentRoot htdocs\n",
        paths::guests().display(),
        setup.timeout,
    );
    for module in ["unixd", "log_config", "authz_core"] {
        load(&mut out, module);
    }
    load(&mut out, &format!("mpm_{}", paths::mpm()));
    for module in &setup.modules {
        load(&mut out, module);
    }
    if setup.modules.iter().any(|module| module == "mime") {
        // mod_mime insists on a file of types.
        folder.write("conf/mime.types", b"text/html html\ntext/plain txt\n");
        out.push_str("TypesConfig conf/mime.types\n");
    }
    if host::is_root() {
        out.push_str("User nobody\nGroup nogroup\n");
    }
    out.push_str("LogFormat \"%t %P %>s %X \\\"%r\\\"\" audit\nCustomLog logs/access.log audit\n");
    out.push_str(&mpm_conf(setup));
    if let Some(product) = &setup.product {
        let file = product.join("mod_wasm.so");
        let _ = writeln!(out, "LoadModule wasm_module \"{}\"", file.display());
        let _ = writeln!(out, "LogLevel {}", setup.log_level);
    }
    out.push_str("<Directory />\nAllowOverride None\n</Directory>\n");
    out.push_str("Include conf/test.conf\n");
    out
}

fn load(out: &mut String, module: &str) {
    if !paths::built_in(module) {
        let file = paths::modules().join(format!("mod_{module}.so"));
        let _ = writeln!(out, "LoadModule {module}_module \"{}\"", file.display());
    }
}

/// One child of `setup.threads` threads, or as many single-threaded children: their pids do not change by themselves.
fn mpm_conf(setup: &Setup) -> String {
    let n = setup.threads;
    if paths::threaded() {
        let (all, spare) = (n * setup.places, 2 * n);
        format!(
            "ServerLimit {PLACES}\nStartServers 1\nThreadsPerChild {n}\nThreadLimit {n}\n\
             MaxRequestWorkers {all}\nMinSpareThreads 1\nMaxSpareThreads {spare}\n"
        )
    } else {
        format!(
            "ServerLimit {n}\nStartServers {n}\nMaxRequestWorkers {n}\n\
             MinSpareServers 1\nMaxSpareServers {n}\n"
        )
    }
}

fn test_conf(setup: &Setup) -> String {
    let mut out = setup.conf.clone();
    // A virtual host does not inherit the LogLevel of single modules.
    let level = match setup.product {
        Some(_) => setup.log_level.as_str(),
        None => "warn",
    };
    for (name, conf) in &setup.vhosts {
        let _ = write!(
            out,
            "<VirtualHost *:${{PORT}}>\nServerName {name}\nErrorLog logs/{name}.log\n\
             LogLevel {level}\n{conf}</VirtualHost>\n"
        );
    }
    out
}
