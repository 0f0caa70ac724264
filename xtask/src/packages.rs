//! What the project takes from the distribution: names of packages, and how to see whether each is there.
//!
//! Only looks; installing is the business of `setup`.

use crate::run::{command, output, succeeds, which};
use std::path::Path;

/// One package of the distribution, by Debian's name.
#[derive(Clone, Copy)]
pub struct Package {
    /// Debian's and Ubuntu's name.
    pub name: &'static str,
    /// Any of these programs shows that it is there, wherever it came from; none: ask the package manager.
    programs: &'static [&'static str],
    /// This command, where there is one, shows it too by ending with status 0.
    proof: &'static [&'static str],
}

const fn package(name: &'static str, programs: &'static [&'static str]) -> Package {
    let proof = &[];
    Package {
        name,
        programs,
        proof,
    }
}

/// A package that no program of its own shows.
const fn proven(name: &'static str, proof: &'static [&'static str]) -> Package {
    let programs = &[];
    Package {
        name,
        programs,
        proof,
    }
}

/// To build `mod_wasm.so`: httpd's headers with apxs, and the C parser that bindgen uses.
pub const LIBRARIES: &[Package] = &[
    package("apache2-dev", &["apxs", "apxs2"]),
    package("libclang-dev", &[]),
];

/// To build the guests: C, also that of some crates, and what npm and PyPI hold the tools for. The C compiler's own runtime is
/// [`wasm_runtime_package`].
pub const GUESTS: &[Package] = &[
    package("clang", &["clang"]),
    package("lld", &["wasm-ld"]),
    package("wasi-libc", &[]),
    package("nodejs", &["node"]),
    package("npm", &["npm"]),
    // What makes a virtual environment; Debian leaves it out of python3.
    proven("python3-venv", &["python3", "-c", "import ensurepip, venv"]),
];

/// To run httpd.
pub const SERVER: &[Package] = &[package("apache2", &["apache2ctl", "apachectl"])];

/// What the test suite runs beside httpd.
pub const TESTS: &[Package] = &[
    package("curl", &["curl"]),
    package("g++", &["g++", "c++"]),
    package("nghttp2-client", &["h2load"]),
];

/// What the benchmark runs beside httpd.
pub const BENCH: &[Package] = &[package("wrk", &["wrk"])];

impl Package {
    /// Is it on this machine?
    pub fn present(self) -> bool {
        let proven = match self.proof {
            [] => false,
            [program, args @ ..] => succeeds(program, args),
        };
        proven
            || self.programs.iter().any(|program| which(program).is_some())
            || installed(self.name)
    }
}

/// The package that holds clang's runtime for 32-bit WebAssembly, or `None` when clang has it already.
///
/// Its name carries the version of the compiler that is installed, or else of the one that would be.
pub fn wasm_runtime_package() -> Option<String> {
    let ask = &["--target=wasm32-wasi", "-print-libgcc-file-name"];
    if let Ok(file) = output(&mut command("clang", ask))
        && Path::new(file.trim()).is_file()
    {
        return None;
    }
    let version = output(&mut command("clang", &["-dumpversion"]))
        .ok()
        .or_else(candidate_version);
    let major = version
        .as_deref()
        .and_then(|text| text.split('.').next().map(str::to_owned));
    let versioned = major.map(|major| format!("libclang-rt-{}-dev-wasm32", major.trim()));
    Some(
        versioned
            .filter(|name| known(name))
            .unwrap_or_else(|| "libclang-rt-dev-wasm32".to_owned()),
    )
}

/// Can the package manager install a package of this name?
fn known(name: &str) -> bool {
    succeeds("apt-cache", &["show", "--no-all-versions", name])
}

/// The version of the compiler that `clang` stands for in this distribution.
fn candidate_version() -> Option<String> {
    let depends = output(&mut command("apt-cache", &["depends", "clang"])).ok()?;
    depends.lines().find_map(|line| {
        line.trim()
            .strip_prefix("Depends: clang-")
            .map(str::to_owned)
    })
}

fn installed(name: &str) -> bool {
    let query = &["-W", "-f", "${db:Status-Status}", name];
    output(&mut command("dpkg-query", query)).is_ok_and(|status| status == "installed")
}
