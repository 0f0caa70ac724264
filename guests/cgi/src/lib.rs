//! What the CGI guests share: decoding of form fields, escaping for HTML, and one page layout.
//!
//! A guest needs none of this to be served: CGI is environment variables, stdin and stdout. It must not know any single
//! guest, nor which server runs it. Nothing here reads stdin or writes stdout, so its tests run on the host.

use std::env;

/// One decoded `name=value` pair of a query string or an urlencoded body; bytes, because a client may send any.
pub type Field = (Vec<u8>, Vec<u8>);

/// The end of every page begun with [`page_start`].
pub const PAGE_END: &str =
    "<p class=\"back\"><a href=\"/\">All examples</a></p>\n</main></body></html>\n";

/// The style of every page; it follows the browser's light or dark scheme and loads nothing.
const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--accent:#6548d8}
@media(prefers-color-scheme:dark){:root{--accent:#b5a3ff}}
body{font:16px/1.55 system-ui,sans-serif;margin:0}
main{max-width:54rem;margin:0 auto;padding:2rem 1.25rem}
h1{font-size:1.6rem;letter-spacing:-.01em}
a{color:var(--accent)}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line)}
td,code,pre{font-family:ui-monospace,monospace;font-size:.9rem;overflow-wrap:anywhere}
td:first-child{width:30%;min-width:min(14rem,40vw)}
th.number,td.number{text-align:right;white-space:nowrap}
label{display:block;margin:.9rem 0 .25rem}
input,textarea,button{font:inherit;padding:.45rem .6rem;border:1px solid var(--line);border-radius:.4rem;box-sizing:border-box}
input,textarea{width:100%}
button{margin-top:1rem;background:var(--accent);color:Canvas;border:0;padding:.5rem 1.2rem;cursor:pointer}
.back{margin-top:2.5rem}
";

/// The value of an environment variable as text, empty when it is not set.
///
/// Bytes that are not UTF-8 are replaced: for showing to people, not for comparing.
#[must_use]
pub fn variable(name: &str) -> String {
    env::var_os(name).map_or_else(String::new, |value| value.to_string_lossy().into_owned())
}

/// Makes text safe inside HTML elements and quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Makes text safe as the value of a query parameter.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Splits a query string or an urlencoded body into decoded fields, in the order sent; empty pieces are skipped and a
/// piece without `=` is a name with an empty value.
#[must_use]
pub fn fields(encoded: &[u8]) -> Vec<Field> {
    encoded
        .split(|&byte| byte == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let at = piece.iter().position(|&byte| byte == b'=');
            let (name, value) = at.map_or((piece, &b""[..]), |at| (&piece[..at], &piece[at + 1..]));
            (decode(name), decode(value))
        })
        .collect()
}

/// The first field of that name as text, if there is one.
#[must_use]
pub fn field(fields: &[Field], name: &str) -> Option<String> {
    let found = fields.iter().find(|(key, _)| key == name.as_bytes())?;
    Some(String::from_utf8_lossy(&found.1).into_owned())
}

/// Undoes urlencoding: `+` is a blank, `%41` is `A`; a `%` without two hexadecimal digits stays as it is.
#[must_use]
pub fn decode(encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high * 16 + low);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            (other, _) => out.push(other),
        }
    }
    out
}

/// A CGI head and the beginning of an HTML page, to be followed by the content and [`PAGE_END`].
///
/// `head` holds further lines of the head, each ended by CR LF, such as `Status: 413 Content Too Large\r\n`. `title` is escaped here.
#[must_use]
pub fn page_start(head: &str, title: &str) -> String {
    let title = escape(title);
    format!(
        "{head}Content-Type: text/html; charset=utf-8\r\n\r\n<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style></head>\n<body><main>\n<h1>{title}</h1>\n"
    )
}

/// The value of one hexadecimal digit.
fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_blanks_and_bytes_and_keeps_what_is_malformed() {
        assert_eq!(decode(b"a+b%41%00%zz%4"), b"a bA\0%zz%4");
    }

    #[test]
    fn splits_fields_in_order() {
        let expected: Vec<Field> = vec![
            (b"a".into(), b"1=2".into()),
            (b"b".into(), b"".into()),
            (b"a".into(), b"&".into()),
        ];
        assert_eq!(fields(b"a=1=2&&b&a=%26"), expected);
        assert_eq!(field(&expected, "a").as_deref(), Some("1=2"));
        assert_eq!(field(&expected, "c"), None);
    }

    #[test]
    fn escapes_everything_that_opens_markup() {
        assert_eq!(
            escape("<a href=\"x\">'&"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;"
        );
    }

    #[test]
    fn encoding_and_decoding_agree() {
        let odd = "a b/ä?&=%+";
        assert_eq!(decode(encode(odd).as_bytes()), odd.as_bytes());
    }

    #[test]
    fn a_page_is_a_head_and_a_body() {
        let page = page_start("Status: 404 Not Found\r\n", "<x>");
        let (head, body) = page.split_once("\r\n\r\n").unwrap_or_default();
        assert_eq!(
            head,
            "Status: 404 Not Found\r\nContent-Type: text/html; charset=utf-8"
        );
        assert!(body.contains("<h1>&lt;x&gt;</h1>"));
    }
}
