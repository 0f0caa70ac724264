//! What can be wrong in any text of the repository: links that lead nowhere, and paths of one person's machine.
//!
//! Looks at the files that git tracks or would track; knows nothing of what they say.

use crate::fsx;
use crate::run::{Task, command, output, root};
use std::path::{Path, PathBuf};

/// Fails when a relative link of a Markdown file names a file or a heading that is not there.
pub fn check_links() -> Task {
    let mut broken = Vec::new();
    for file in files()?.iter().filter(|file| has_extension(file, "md")) {
        let text = fsx::read(file)?;
        for target in link_targets(&text) {
            if !leads_somewhere(file, target)? {
                broken.push(format!("{}: {target}", relative(file)));
            }
        }
    }
    report("links that lead nowhere", &broken)
}

/// Fails when a file names a folder that exists on one machine only.
pub fn check_paths() -> Task {
    // Put together here, so that this file does not find itself.
    let forbidden = ["home", "root", "work", "Users"].map(|name| format!("/{name}/"));
    let mut found = Vec::new();
    for file in files()? {
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue; // not text
        };
        for (number, line) in text.lines().enumerate() {
            if forbidden.iter().any(|path| names_path(line, path)) {
                found.push(format!(
                    "{}:{}: {}",
                    relative(&file),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    report("paths of one machine", &found)
}

fn report(what: &str, found: &[String]) -> Task {
    if found.is_empty() {
        Ok(())
    } else {
        Err(format!("{what}:\n    {}", found.join("\n    ")).into())
    }
}

/// Every file that git tracks or would track.
fn files() -> Task<Vec<PathBuf>> {
    let list = output(&mut command(
        "git",
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    ))?;
    let files = list
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(|name| root().join(name));
    Ok(files.filter(|file| file.is_file()).collect())
}

fn relative(file: &Path) -> String {
    file.strip_prefix(root())
        .unwrap_or(file)
        .display()
        .to_string()
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found == extension)
}

/// Does the line name an absolute path that begins so? `a/home/b` and a URL's path do not.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_.-/}*>".contains(c))
    })
}

/// The targets of the inline links of a Markdown text, code blocks left out.
fn link_targets(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let pieces = line.split("](").skip(1);
            targets
                .extend(pieces.filter_map(|piece| piece.split_once(')').map(|(target, _)| target)));
        }
    }
    targets
}

fn leads_somewhere(file: &Path, target: &str) -> Task<bool> {
    if ["http:", "https:", "mailto:"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
    {
        return Ok(true);
    }
    let (path, heading) = target
        .split_once('#')
        .map_or((target, None), |(path, heading)| (path, Some(heading)));
    let here = file.parent().unwrap_or_else(|| root());
    let named = if path.is_empty() {
        file.to_owned()
    } else {
        here.join(path)
    };
    let Some(heading) = heading.filter(|_| has_extension(&named, "md") && named.is_file()) else {
        return Ok(named.exists());
    };
    let text = fsx::read(&named)?;
    let headings = text.lines().filter_map(|line| {
        line.strip_prefix('#')
            .map(|rest| rest.trim_start_matches('#'))
    });
    Ok(headings.map(anchor).any(|anchor| anchor == heading)
        || text.contains(&format!("id=\"{heading}\"")))
}

/// The anchor that Markdown renderers give a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| {
        if c == ' ' {
            '-'
        } else {
            c.to_ascii_lowercase()
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_code_only() {
        let text = "see [a](x.md) and [b](y.md#z)\n```\n[c](no.md)\n```\n";
        assert_eq!(link_targets(text), ["x.md", "y.md#z"]);
    }

    #[test]
    fn a_heading_becomes_its_anchor() {
        assert_eq!(
            anchor(" What `WasmDir` does, and why"),
            "what-wasmdir-does-and-why"
        );
    }

    #[test]
    fn only_absolute_paths_are_machine_paths() {
        let path = format!("/{}/", "home");
        assert!(names_path(&format!("cd {path}me"), &path));
        assert!(!names_path(&format!("https://example.org{path}"), &path));
    }
}
