//! Which variables a CGI guest sees: those that httpd makes for scripts, less what belongs to the host, with host paths as
//! the guest knows them, and what the configuration adds.
//!
//! The host's own environment (PATH, LD_LIBRARY_PATH, …) means nothing inside a guest and tells about the host. A host
//! path is shown only where a mount makes it a path of the guest:
//! - `WasmMapCGIFileNames On`: the path is rewritten through the mounts;
//! - `Off`: it is shown only if the mounts leave it as it is, which is what `WasmDir` does.
//!
//! In all other cases the variable is withheld. The forerunner passed host paths with `Off`; that let every guest, and
//! whoever reads its output, learn the layout of the host, and no guest can open such a path anyway.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use directives::Settings;

use crate::pairs::Pairs;
use crate::requested::Requested;

/// Set by httpd from its own environment, for native programs.
const OF_THE_HOST: &[&str] = &[
    "PATH",
    "LD_LIBRARY_PATH",
    "LIBPATH",
    "SHLIB_PATH",
    "DYLD_LIBRARY_PATH",
];
/// Hold paths of the host.
const HOST_PATHS: &[&str] = &[
    "SCRIPT_FILENAME",
    "DOCUMENT_ROOT",
    "CONTEXT_DOCUMENT_ROOT",
    "PATH_TRANSLATED",
];
/// Put before every name by an internal redirect, and again by the next one.
const REDIRECT: &[u8] = b"REDIRECT_";

/// Names and values for a guest.
#[derive(Debug, Default)]
pub struct Environment(Pairs);

impl Environment {
    /// What a guest without CGI sees: only what is configured.
    #[must_use]
    pub fn configured(settings: &Settings) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in settings.env() {
            environment.0.push(name.as_bytes(), value.as_bytes());
        }
        environment
    }

    /// What a CGI guest sees of `variables`, what it is told of the file that was requested, and what is configured. A
    /// configured variable replaces one of the same name. `instead` gives the path of the host that is to be told instead of
    /// one that the guest could not follow.
    #[must_use]
    pub fn cgi<'v>(
        variables: impl Iterator<Item = (&'v [u8], &'v [u8])>,
        settings: &Settings,
        requested: &Requested,
        instead: &dyn Fn(&Path) -> Option<PathBuf>,
    ) -> Environment {
        let mut variables: Vec<_> = variables.collect();
        let directory = requested.working_directory(settings);
        add_about_file(&mut variables, requested, directory.as_deref());
        let mapped = requested.maps_file_names(settings);
        let mut environment = Environment(Pairs::with_capacity(48, 2048));
        for &(name, value) in &variables {
            let plain = without_redirects(name);
            if name.is_empty() || is_one_of(plain, OF_THE_HOST) {
                continue;
            }
            let shown = if is_one_of(plain, HOST_PATHS) {
                let host = Path::new(OsStr::from_bytes(value));
                let host = instead(host).map_or(Cow::Borrowed(host), Cow::Owned);
                shown_path(&host, settings, mapped)
            } else {
                Some(Cow::Borrowed(value))
            };
            let (Some(value), Some(name)) = (shown, safe_name(name, &variables)) else {
                continue;
            };
            if !settings
                .env()
                .any(|(configured, _)| configured.as_bytes() == &*name)
            {
                environment.0.push(&name, &value);
            }
        }
        for (name, value) in settings.env() {
            environment.0.push(name.as_bytes(), value.as_bytes());
        }
        environment
    }

    /// Adds a variable, unless there is one of that name.
    pub fn default_to(&mut self, name: &str, value: &str) {
        if !self.0.iter().any(|(known, _)| known == name.as_bytes()) {
            self.0.push(name.as_bytes(), value.as_bytes());
        }
    }

    /// Name and value of each variable.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&[u8], &[u8])> {
        self.0.iter().collect()
    }
}

/// What httpd does not say, because it is no variable of CGI. `PWD` is the working directory, as a shell sets it: libraries
/// for guests without one of their own start from it. `REDIRECT_STATUS`, which httpd sets in a redirect only, tells php-cgi
/// that a server has called it and no visitor, and it refuses to serve without it.
fn add_about_file<'v>(
    variables: &mut Vec<(&'v [u8], &'v [u8])>,
    requested: &Requested,
    directory: Option<&'v str>,
) {
    let mut add = |name: &'v [u8], value: &'v [u8]| {
        if !variables.iter().any(|&(known, _)| known == name) {
            variables.push((name, value));
        }
    };
    if let Some(directory) = directory {
        add(b"PWD", directory.as_bytes());
    }
    if let Requested::Script(_) = requested {
        add(b"REDIRECT_STATUS", b"200");
    }
}

/// The host path `path` as the guest may see it.
fn shown_path<'p>(path: &Path, settings: &Settings, mapped: bool) -> Option<Cow<'p, [u8]>> {
    let seen = settings.guest_path(path)?.into_bytes();
    (mapped || seen == path.as_os_str().as_bytes()).then_some(Cow::Owned(seen))
}

/// `name` as a program can use it, as httpd does it for native programs: a digit in front and every character that is not
/// a letter, a digit or `_` becomes `_`. A name that changes into that of another variable would stand in for it; it is
/// dropped.
fn safe_name<'n>(name: &'n [u8], all: &[(&[u8], &[u8])]) -> Option<Cow<'n, [u8]>> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.iter().all(|&byte| safe(byte)) && !name[0].is_ascii_digit() {
        return Some(Cow::Borrowed(name));
    }
    let mut changed: Vec<u8> = name
        .iter()
        .map(|&byte| if safe(byte) { byte } else { b'_' })
        .collect();
    if changed[0].is_ascii_digit() {
        changed[0] = b'_';
    }
    let taken = all
        .iter()
        .any(|(other, _)| other.eq_ignore_ascii_case(&changed));
    (!taken).then_some(Cow::Owned(changed))
}

fn without_redirects(mut name: &[u8]) -> &[u8] {
    while let Some(rest) = name.strip_prefix(REDIRECT) {
        name = rest;
    }
    name
}

fn is_one_of(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use directives::{Args, Origin, Paths, ServerSettings, directive};

    struct AsIs;

    impl Paths for AsIs {
        fn server_root_relative(&self, path: &str) -> Option<String> {
            Some(path.to_owned())
        }
    }

    /// Settings made as httpd makes them: line by line.
    fn settings(lines: &[&[&str]]) -> Settings {
        let mut settings = Settings::default();
        for line in lines {
            let directive = directive(line[0]).expect("a known directive");
            let args = Args {
                values: &line[1..],
                origin: &Origin::default(),
            };
            directive
                .set(&mut settings, &mut ServerSettings::default(), &args, &AsIs)
                .expect("a right line");
        }
        settings
    }

    fn seen(variables: &[(&str, &str)], settings: &Settings) -> Vec<String> {
        seen_with(variables, settings, &Requested::Nothing)
    }

    fn seen_with(
        variables: &[(&str, &str)],
        settings: &Settings,
        requested: &Requested,
    ) -> Vec<String> {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let environment = Environment::cgi(variables, settings, requested, &|_| None);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        environment
            .pairs()
            .iter()
            .map(|(name, value)| format!("{}={}", text(name), text(value)))
            .collect()
    }

    #[test]
    fn what_belongs_to_the_host_is_withheld() {
        let variables = [
            ("PATH", "/usr/bin"),
            ("LD_LIBRARY_PATH", "/lib"),
            ("REDIRECT_PATH", "/usr/bin"),
            ("REDIRECT_REDIRECT_LD_LIBRARY_PATH", "/lib"),
            ("REQUEST_METHOD", "GET"),
            ("REDIRECT_STATUS", "404"),
        ];
        assert_eq!(
            seen(&variables, &Settings::default()),
            ["REQUEST_METHOD=GET", "REDIRECT_STATUS=404"]
        );
    }

    #[test]
    fn host_paths_without_a_mount_are_withheld() {
        let variables = [
            ("SCRIPT_FILENAME", "/tmp/a"),
            ("DOCUMENT_ROOT", "/tmp"),
            ("REDIRECT_DOCUMENT_ROOT", "/tmp"),
        ];
        assert!(seen(&variables, &Settings::default()).is_empty());
        let on = settings(&[&["WasmMapCGIFileNames", "On"]]);
        assert!(seen(&variables, &on).is_empty());
    }

    #[test]
    fn host_paths_are_rewritten_through_mounts_when_asked_for() {
        let variables = [
            ("SCRIPT_FILENAME", "/tmp/a.php"),
            ("DOCUMENT_ROOT", "/tmp"),
            ("PATH_TRANSLATED", "/var/x"),
        ];
        let off = settings(&[&["WasmMapDir", "/app", "/tmp"]]);
        assert!(
            seen(&variables, &off).is_empty(),
            "a path the guest does not know is of no use to it"
        );
        let on = settings(&[
            &["WasmMapDir", "/app", "/tmp"],
            &["WasmMapCGIFileNames", "On"],
        ]);
        assert_eq!(
            seen(&variables, &on),
            ["SCRIPT_FILENAME=/app/a.php", "DOCUMENT_ROOT=/app"]
        );
    }

    #[test]
    fn host_paths_of_a_directory_under_its_own_name_are_shown() {
        let own = settings(&[&["WasmDir", "/tmp"]]);
        assert_eq!(
            seen(
                &[("SCRIPT_FILENAME", "/tmp/a"), ("DOCUMENT_ROOT", "/var")],
                &own
            ),
            ["SCRIPT_FILENAME=/tmp/a"]
        );
    }

    #[test]
    fn an_interpreter_is_told_where_its_script_is() {
        let mapped = settings(&[&["WasmMapDir", "/app", "/tmp"]]);
        let script = Requested::Script("/tmp/sub/a.php".into());
        let variables = [("SCRIPT_FILENAME", "/tmp/sub/a.php")];
        let all = [
            "SCRIPT_FILENAME=/app/sub/a.php",
            "PWD=/app/sub",
            "REDIRECT_STATUS=200",
        ];
        assert_eq!(seen_with(&variables, &mapped, &script), all);
        assert!(script.is_told(&mapped));
        let redirected = [("REDIRECT_STATUS", "404")];
        assert_eq!(
            seen_with(&redirected, &mapped, &script),
            ["REDIRECT_STATUS=404", "PWD=/app/sub"]
        );
        let off = settings(&[
            &["WasmMapDir", "/app", "/tmp"],
            &["WasmMapCGIFileNames", "Off"],
        ]);
        assert_eq!(
            seen_with(&variables, &off, &script),
            ["REDIRECT_STATUS=200"]
        );
    }

    #[test]
    fn a_program_on_disk_is_no_script() {
        let mapped = settings(&[&["WasmMapDir", "/app", "/tmp"]]);
        let program = Requested::Program("/tmp/a.wasm".into());
        assert_eq!(
            seen_with(&[("SCRIPT_FILENAME", "/tmp/a.wasm")], &mapped, &program),
            ["SCRIPT_FILENAME=/app/a.wasm", "PWD=/app"]
        );
        assert!(seen_with(&[], &Settings::default(), &program).is_empty());
    }

    #[test]
    fn without_mapping_nothing_is_told_of_a_script() {
        let script = Requested::Script("/var/site/a.php".into());
        assert!(script.is_told(&Settings::default()));
        for line in [["WasmMapCGIFileNames", "Off"], ["WasmEnableCGI", "Off"]] {
            assert!(!script.is_told(&settings(&[&line])));
        }
    }

    #[test]
    fn a_path_that_the_guest_cannot_follow_is_told_by_another() {
        let mapped = settings(&[
            &["WasmMapDir", "/app", "/tmp"],
            &["WasmMapCGIFileNames", "On"],
        ]);
        let variables = [
            (&b"SCRIPT_FILENAME"[..], &b"/tmp/current/a"[..]),
            (b"X", b"/tmp/current/a"),
        ];
        let real = |path: &Path| Some(Path::new("/tmp/releases/1").join(path.file_name()?));
        let environment =
            Environment::cgi(variables.into_iter(), &mapped, &Requested::Nothing, &real);
        let shown: Vec<&[u8]> = environment.0.iter().map(|(_, value)| value).collect();
        assert_eq!(shown, [&b"/app/releases/1/a"[..], b"/tmp/current/a"]);
    }

    #[test]
    fn configured_variables_win() {
        let configured = settings(&[
            &["WasmEnv", "A", "configured"],
            &["WasmEnv", "PATH", "/bin"],
        ]);
        let variables = [("A", "request"), ("B", "request"), ("PATH", "/host")];
        assert_eq!(
            seen(&variables, &configured),
            ["B=request", "A=configured", "PATH=/bin"]
        );
    }

    #[test]
    fn odd_names_are_made_safe_and_never_stand_in_for_others() {
        let variables = [
            ("1st", "a"),
            ("x.y", "b"),
            ("HTTP-COOKIE", "evil"),
            ("HTTP_COOKIE", "good"),
            ("", "c"),
        ];
        assert_eq!(
            seen(&variables, &Settings::default()),
            ["_st=a", "x_y=b", "HTTP_COOKIE=good"]
        );
    }

    #[test]
    fn a_default_gives_way_to_what_is_there() {
        let mut environment = Environment::configured(&settings(&[&["WasmEnv", "A", "b"]]));
        environment.default_to("A", "c");
        environment.default_to("TMPDIR", "/tmp");
        assert_eq!(
            environment.pairs(),
            [(&b"A"[..], &b"b"[..]), (&b"TMPDIR"[..], &b"/tmp"[..])]
        );
    }

    #[test]
    fn without_cgi_only_what_is_configured() {
        let environment =
            Environment::configured(&settings(&[&["WasmEnv", "A", "b"], &["WasmEnv", "C", ""]]));
        assert_eq!(
            environment.pairs(),
            [(&b"A"[..], &b"b"[..]), (&b"C"[..], &b""[..])]
        );
    }
}
