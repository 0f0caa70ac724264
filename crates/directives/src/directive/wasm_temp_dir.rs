//! WasmTempDir: a directory for one request alone.

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject, dirs, parts};
use crate::args::{Args, Paths};
use crate::settings::{Settings, TempDir};
use crate::units::{GIB, KIB, parse_number, parse_size};

/// One block of most file systems: with less, not one byte could be written.
const MIN: u64 = 4 * KIB;
/// More than anybody gives a request on purpose.
const MAX: u64 = 1024 * GIB;
/// They are looked at again and again while the program runs, and removed afterwards: both take time for each.
const MAX_FILES: u32 = 10_000;
/// The names, as errors list them.
const PARTS: &str = "max=, files=";

pub static WASM_TEMP_DIR: Directive = Directive {
    name: "WasmTempDir",
    syntax: "WasmTempDir none|<guest-path> [max=<bytes>] [files=<number>]",
    arity: Arity::Many,
    contexts: Contexts::Configuration,
    default: "none",
    since: "0.3",
    summary: "a private temporary directory for each request: none, or its path, max= and files=",
    text: "Each request gets an empty directory of its own under `<guest-path>`, in which the program may do what it \
           likes. It is removed with all its content when the program has ended, however that happens. Interpreters \
           need this: PHP, for one, gives its temporary files the same names in every request, so that two uploads at \
           once overwrite each other in a `/tmp` that they share through `WasmMapDir`.\n\n\
           - `max`: how much its files may take on the disk together, in bytes or with K, M or G; from 4K to 1024G, \
           64M where nothing is said. What counts is the room that is really taken: not the holes of a file that has \
           some, and a file of several names once. A file that has been removed and is still open counts.\n\
           - `files`: how many files and directories it may hold, from 1 to 10000, and 1000 where nothing is said. \
           Directories may be nested 64 deep.\n\n\
           A program that goes beyond is stopped, and the client gets 500 (`WASM0175`). It can overshoot, because its \
           directory is looked at while it writes and not before: every 10 ms at first and every millisecond when \
           little room is left, after single calls, and with more than some hundred files in ten times the time that \
           looking takes (1000 files: some 20 ms). On a fast disk that is a few megabytes for a program with few files \
           and some ten with many; one single call can write as much as the program has memory. Leave the disk that \
           much room, times the requests that can run at once. The overshoot is removed with everything else.\n\n\
           The program is told the path in `TMPDIR`, unless the environment has that already. A directory that \
           `WasmDir` or `WasmMapDir` show under the same path is hidden by it, and comes back where an inner section \
           says `none`.\n\n\
           On the host the directories lie in one directory for each child process, which only the server's account \
           may enter, below the directory for temporary files: `TMPDIR` in the server's environment, `/tmp` without \
           that. A file system in memory is the fastest there. What a killed child leaves there is removed by the next one that needs such a directory. Give no \
           program a directory with `WasmDir` or `WasmMapDir` in which those lie, such as `/tmp` itself: it could \
           read them all, so its requests are refused (`WASM0176`). A program with `WasmReuse` has one private \
           directory for each instance, with its limits, and what a request leaves there is seen by the next.\n\n\
           It is one value: a section that has it replaces the outer one as a whole.",
    examples: &[
        Example {
            title: "What an interpreter expects",
            lines: "WasmTempDir /tmp",
            gives: &["temporary directory: /tmp max=64M files=1000"],
        },
        Example {
            title: "Large uploads",
            lines: "WasmTempDir /tmp max=2G files=50",
            gives: &["temporary directory: /tmp max=2G files=50"],
        },
        Example {
            title: "None, though the section around has one",
            lines: "WasmTempDir none",
            gives: &["temporary directory: none"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "tmp",
            message: "the guest path \"tmp\" does not begin with a slash",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "/tmp/../etc",
            message: "the guest path \"/tmp/../etc\" contains \"..\"",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "none max=1M",
            message: "none stands alone",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "/tmp 64M",
            message: "\"64M\" is not one of max=, files=",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "/tmp max=1K",
            message: "max: \"1K\" is not between 4K and 1024G",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "/tmp files=0",
            message: "files: \"0\" is not a whole number from 1 to 10000",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "/tmp max=1M max=2M",
            message: "max stands twice",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let Some((path, limits)) = args.many()?.split_first() else {
        return Ok(());
    };
    if path.eq_ignore_ascii_case("none") {
        if !limits.is_empty() {
            return Err("none stands alone".to_owned());
        }
        settings.temp_dir = Some(None);
        return Ok(());
    }
    let guest = dirs::guest_name(path)?;
    if !guest.starts_with('/') {
        return Err(format!(
            "the guest path \"{path}\" does not begin with a slash"
        ));
    }
    let mut temp_dir = TempDir::at(guest);
    parts::each(limits, PARTS, |name, value| {
        Some(match name {
            "max" => parse_max(value).map(|size| temp_dir.max = size),
            "files" => parse_number(value, 1..=MAX_FILES).map(|n| temp_dir.files = n),
            _ => return None,
        })
    })?;
    settings.temp_dir = Some(Some(temp_dir));
    Ok(())
}

fn parse_max(text: &str) -> Result<u64, String> {
    let size = parse_size(text)?;
    if (MIN..=MAX).contains(&size) {
        Ok(size)
    } else {
        Err(format!("\"{text}\" is not between 4K and 1024G"))
    }
}
