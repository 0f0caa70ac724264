//! The landing page of `make serve`, made from the example configurations; `examples/README.md` has the rules.
//!
//! Text in, text out: knows nothing of httpd and of where the page lies.

use crate::fsx;
use crate::run::Task;
use std::path::Path;

/// One example: what its header says and its configuration.
pub struct Example {
    /// The file's name without `.conf`: its path on the server.
    pub name: String,
    /// What it is called.
    pub title: String,
    order: u32,
    text: String,
    sources: Vec<String>,
    config: String,
}

/// Reads the examples of a folder, in the order of the page.
pub fn examples(dir: &Path) -> Task<Vec<Example>> {
    let mut examples = Vec::new();
    for file in fsx::entries(&dir.join("conf"))? {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let example = parse(&name, &fsx::read(&file)?);
        examples.push(example.map_err(|reason| format!("{}: {reason}", file.display()))?);
    }
    examples.sort_by_key(|example| example.order);
    match examples
        .windows(2)
        .find(|pair| pair[0].order == pair[1].order)
    {
        None => Ok(examples),
        Some(pair) => Err(format!(
            "examples {} and {} have one order",
            pair[0].name, pair[1].name
        )
        .into()),
    }
}

/// The page.
pub fn page(dir: &Path, examples: &[Example]) -> Task<String> {
    let piece = fsx::read(&dir.join("example.html.in"))?;
    let pieces: String = examples
        .iter()
        .map(|example| fill(&piece, &|name| example.value(name)))
        .collect();
    let template = fsx::read(&dir.join("landing.html.in"))?;
    Ok(fill(&template, &|name| {
        (name == "examples").then(|| pieces.clone())
    }))
}

impl Example {
    /// What replaces a placeholder.
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "name" => Some(escaped(&self.name)),
            "title" => Some(escaped(&self.title)),
            "text" => Some(escaped(&self.text)),
            "config" => Some(escaped(&self.config)),
            "sources" => Some(
                self.sources
                    .iter()
                    .map(|path| link(path))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
            _ => None,
        }
    }
}

fn parse(name: &str, text: &str) -> Result<Example, String> {
    let header_lines = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .count();
    let (mut order, mut title, mut about, mut sources) = (None, None, None, Vec::new());
    for line in text.lines().take(header_lines) {
        let field = line
            .strip_prefix("# ")
            .and_then(|line| line.split_once(": "));
        let (key, value) = field.ok_or_else(|| format!("not `# key: value`: {line}"))?;
        match key {
            "order" => order = value.parse().ok(),
            "title" => title = Some(value.to_owned()),
            "text" => about = Some(value.to_owned()),
            "source" => sources.push(
                value
                    .strip_prefix("guests/")
                    .ok_or("source is not in guests/")?
                    .to_owned(),
            ),
            _ => return Err(format!("unknown key {key}")),
        }
    }
    if sources.is_empty() {
        return Err("no source".to_owned());
    }
    Ok(Example {
        name: name.to_owned(),
        title: title.ok_or("no title")?,
        order: order.ok_or("no order, or not a number")?,
        text: about.ok_or("no text")?,
        sources,
        config: text
            .lines()
            .skip(header_lines)
            .collect::<Vec<_>>()
            .join("\n")
            .trim_matches('\n')
            .to_owned(),
    })
}

fn link(path: &str) -> String {
    let path = escaped(path);
    format!("<a href=\"/source/{path}\">guests/{path}</a>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The template with each `{{name}}` replaced, in one pass: what was put in is never looked at again.
fn fill(template: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut pieces = template.split("{{");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece
            .split_once("}}")
            .and_then(|(name, rest)| Some((value(name)?, rest)))
        {
            Some((value, rest)) => out.extend([value.as_str(), rest]),
            None => out.extend(["{{", piece]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::root;

    const HELLO: &str = "# order: 10\n# title: A & B\n# text: one: two\n# source: guests/a/main.rs\n\n<Location /a>\n";

    #[test]
    fn a_header_is_read() {
        let example = parse("a", HELLO).unwrap();
        assert_eq!((example.order, example.text.as_str()), (10, "one: two"));
        assert_eq!(example.config, "<Location /a>");
        assert_eq!(example.value("title").unwrap(), "A &amp; B");
        assert_eq!(
            example.value("sources").unwrap(),
            "<a href=\"/source/a/main.rs\">guests/a/main.rs</a>"
        );
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(parse("a", &HELLO.replace("text", "txet")).is_err());
    }

    #[test]
    fn what_was_put_in_is_not_a_template() {
        let value = |name: &str| (name == "a").then(|| "{{a}}".to_owned());
        assert_eq!(fill("x {{a}} {{b}}", &value), "x {{a}} {{b}}");
    }

    #[test]
    fn the_examples_are_whole() {
        for example in examples(&root().join("examples")).unwrap() {
            let blocks =
                ["<Location /{}>\n", "Alias /{} "].map(|at| at.replace("{}", &example.name));
            let whole = blocks.iter().any(|block| example.config.starts_with(block));
            assert!(whole, "{}", example.name);
            for source in &example.sources {
                let file = root().join("guests").join(source);
                assert!(file.is_file(), "{}: no {}", example.name, file.display());
            }
        }
    }

    #[test]
    fn every_program_that_is_an_example_is_shown() {
        let shown = examples(&root().join("examples")).unwrap();
        let list = fsx::read(&root().join("guests/GUESTS")).unwrap();
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if let [name, "example", ..] = columns[..] {
                let module = format!("${{WASM_GUESTS}}/{name}.wasm");
                let is_shown = shown.iter().any(|example| example.config.contains(&module));
                assert!(is_shown, "no example shows {name}");
            }
        }
    }
}
