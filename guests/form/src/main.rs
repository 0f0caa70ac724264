//! form: a GET shows a form, a POST shows the fields that were sent.
//!
//! The body is read to its end and never beyond a limit of this guest's own, whatever Content-Length says: a chunked body has none.
//! It must not know how the body arrives, nor keep anything from one request to the next.

use std::io::{self, Read, Write};

/// The largest body it takes, in bytes.
const LIMIT: u64 = 64 * 1024;

/// The only kind of body it understands.
const URLENCODED: &str = "application/x-www-form-urlencoded";

const FORM: &str = "\
<form method=\"post\" action=\"\">
<label for=\"name\">Name</label><input id=\"name\" name=\"name\" value=\"Ada &amp; Grace\">
<label for=\"message\">Message</label><textarea id=\"message\" name=\"message\" rows=\"4\">&lt;b&gt;1 + 1 = 2&lt;/b&gt;</textarea>
<button>Send</button>
</form>
";

fn main() -> io::Result<()> {
    let page = match cgi::variable("REQUEST_METHOD").as_str() {
        "GET" | "HEAD" => cgi::page_start("", "A form") + FORM,
        "POST" => posted()?,
        _ => cgi::page_start(
            "Status: 405 Method Not Allowed\r\nAllow: GET, HEAD, POST\r\n",
            "Only GET and POST",
        ),
    };
    io::stdout().write_all((page + cgi::PAGE_END).as_bytes())
}

/// The page that answers a POST.
fn posted() -> io::Result<String> {
    let kind = cgi::variable("CONTENT_TYPE");
    if !kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case(URLENCODED)
    {
        return Ok(cgi::page_start(
            "Status: 415 Unsupported Media Type\r\n",
            "This is not an urlencoded form",
        ));
    }
    let mut body = Vec::new();
    // One byte more than allowed is enough to know that it is too much.
    io::stdin().lock().take(LIMIT + 1).read_to_end(&mut body)?;
    if body.len() as u64 > LIMIT {
        return Ok(cgi::page_start(
            "Status: 413 Content Too Large\r\n",
            "More than this guest takes",
        ));
    }
    Ok(shown(&body))
}

/// The page that shows the fields of an urlencoded body.
fn shown(body: &[u8]) -> String {
    let mut page = cgi::page_start("", "What was sent");
    page.push_str("<table>\n<tr><th>Field</th><th>Value</th></tr>\n");
    for (name, value) in cgi::fields(body) {
        let (name, value) = (
            String::from_utf8_lossy(&name),
            String::from_utf8_lossy(&value),
        );
        page.push_str(&format!(
            "<tr><td>{}</td><td>{}</td></tr>\n",
            cgi::escape(&name),
            cgi::escape(&value)
        ));
    }
    page.push_str("</table>\n<p><a href=\"\">Send another</a></p>\n");
    page
}
