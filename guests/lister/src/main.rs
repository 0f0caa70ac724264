//! lister: lists a directory that WasmMapDir grants, and hands out its files.
//!
//! The first argument (WasmArg) is the directory as the guest sees it; `?dir=` and `?file=` name something below it. Both come
//! from the client, so a path with `..` or a leading `/` is refused here, although the sandbox would refuse it as well. It must
//! not know where on the host the directory lies.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

/// One line of the listing.
struct Entry {
    name: String,
    /// The size in bytes, or nothing for a directory.
    size: Option<u64>,
}

fn main() -> io::Result<()> {
    let root = env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("/files"), PathBuf::from);
    let query = cgi::fields(cgi::variable("QUERY_STRING").as_bytes());
    if let Some(file) = cgi::field(&query, "file") {
        return match below(&root, &file).and_then(open) {
            Some(file) => send(file),
            None => not_found(),
        };
    }
    let dir = cgi::field(&query, "dir").unwrap_or_default();
    match below(&root, &dir).and_then(|path| entries(&path).ok()) {
        Some(entries) => io::stdout().write_all(listing(&dir, &entries).as_bytes()),
        None => not_found(),
    }
}

/// The path of `name` below `root`, or nothing if it would leave it.
fn below(root: &Path, name: &str) -> Option<PathBuf> {
    let name = Path::new(name);
    let stays = name
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    stays.then(|| root.join(name))
}

/// An ordinary file, opened; nothing if it is a directory or cannot be opened.
fn open(path: PathBuf) -> Option<File> {
    let file = File::open(path).ok()?;
    file.metadata().ok()?.is_file().then_some(file)
}

/// What a directory holds, directories first, each group by name.
fn entries(path: &Path) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let about = entry.metadata()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.push(Entry {
            name,
            size: about.is_file().then_some(about.len()),
        });
    }
    found.sort_by(|left, right| {
        (left.size.is_some(), &left.name).cmp(&(right.size.is_some(), &right.name))
    });
    Ok(found)
}

/// The page that lists a directory.
fn listing(dir: &str, entries: &[Entry]) -> String {
    let mut page = cgi::page_start("", &format!("Files in /{dir}"));
    page.push_str("<table>\n<tr><th>Name</th><th class=\"number\">Bytes</th></tr>\n");
    if let Some(parent) = Path::new(dir).parent() {
        page.push_str(&format!(
            "<tr><td><a href=\"?dir={}\">..</a></td><td></td></tr>\n",
            cgi::encode(&parent.to_string_lossy())
        ));
    }
    for Entry { name, size } in entries {
        let path = Path::new(dir).join(name);
        let link = cgi::encode(&path.to_string_lossy());
        let (field, slash) = if size.is_some() {
            ("file", "")
        } else {
            ("dir", "/")
        };
        let size = size.map_or_else(String::new, |bytes| bytes.to_string());
        let name = cgi::escape(name);
        page.push_str(&format!("<tr><td><a href=\"?{field}={link}\">{name}{slash}</a></td><td class=\"number\">{size}</td></tr>\n"));
    }
    page.push_str("</table>\n");
    page.push_str(cgi::PAGE_END);
    page
}

/// Sends a file as plain text: it may hold anything, so the browser must not take it for a page.
fn send(mut file: File) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(
        b"Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\r\n",
    )?;
    io::copy(&mut file, &mut out)?;
    out.flush()
}

/// The answer for everything that is not there, or not to be had.
fn not_found() -> io::Result<()> {
    let page = cgi::page_start(
        "Status: 404 Not Found\r\n",
        "There is no such file or directory",
    ) + cgi::PAGE_END;
    io::stdout().write_all(page.as_bytes())
}
