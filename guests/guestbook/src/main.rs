//! guestbook: entries in an SQLite database below a mapped directory. A GET shows them, a POST adds one, `?count` tells how many
//! there are.
//!
//! The first argument names the database, else it is `/data/guestbook.db`. It may be a URI of SQLite: `?vfs=unix-none` switches
//! SQLite's locks off, for a server that lets one request at a time write. Without it SQLite locks by making a directory beside
//! the database, because WASI has no locks of files; a guest that is stopped in the middle leaves that directory behind.
//! A transaction that was cut short is undone by the next request. It must not know which server runs it.

use rusqlite::{Connection, TransactionBehavior};
use std::env;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// Where the database is when no argument says so.
const DATABASE: &str = "/data/guestbook.db";

/// The largest body it takes, in bytes.
const LIMIT: u64 = 16 * 1024;

/// How many entries a page shows, the newest first.
const SHOWN: u32 = 50;

/// How long to wait for another request's lock.
const PATIENCE: Duration = Duration::from_secs(20);

const FORM: &str = "\
<form method=\"post\" action=\"\">
<label for=\"name\">Name</label><input id=\"name\" name=\"name\" required>
<label for=\"message\">Message</label><textarea id=\"message\" name=\"message\" rows=\"3\"></textarea>
<button>Sign</button>
</form>
";

/// What can go wrong: with the database, or with standard input and output.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match respond() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A failure to write it has nowhere to be reported.
            let _ = io::stderr().write_all(format!("guestbook: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn respond() -> Result<(), Failure> {
    let answer = match (
        cgi::variable("REQUEST_METHOD").as_str(),
        cgi::variable("QUERY_STRING").as_str(),
    ) {
        ("POST", _) => signed()?,
        ("GET" | "HEAD", "count") => {
            let count =
                open()?.query_row("SELECT count(*) FROM entry", [], |row| row.get::<_, i64>(0))?;
            format!("Content-Type: text/plain\r\n\r\n{count}\n")
        }
        ("GET" | "HEAD", _) => entries(&open()?)?,
        _ => {
            cgi::page_start(
                "Status: 405 Method Not Allowed\r\nAllow: GET, HEAD, POST\r\n",
                "Only GET and POST",
            ) + cgi::PAGE_END
        }
    };
    Ok(io::stdout().write_all(answer.as_bytes())?)
}

/// The database, with its table.
fn open() -> rusqlite::Result<Connection> {
    let database = env::args().nth(1).unwrap_or_else(|| DATABASE.to_owned());
    let connection = Connection::open(database)?;
    connection.busy_timeout(PATIENCE)?;
    // Cheaper than a journal that is made anew each time. A write-ahead log would need memory that instances share.
    connection.query_row("PRAGMA journal_mode = TRUNCATE", [], |_| Ok(()))?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, at TEXT NOT NULL, name TEXT NOT NULL, message TEXT NOT NULL)",
    )?;
    Ok(connection)
}

/// Adds what was posted, and sends the browser back to the list.
fn signed() -> Result<String, Failure> {
    let mut body = Vec::new();
    io::stdin().lock().take(LIMIT + 1).read_to_end(&mut body)?;
    if body.len() as u64 > LIMIT {
        return Ok(cgi::page_start(
            "Status: 413 Content Too Large\r\n",
            "More than this guest takes",
        ) + cgi::PAGE_END);
    }
    let fields = cgi::fields(&body);
    let Some(name) = cgi::field(&fields, "name").filter(|name| !name.is_empty()) else {
        return Ok(
            cgi::page_start("Status: 422 Unprocessable Content\r\n", "A name is needed")
                + cgi::PAGE_END,
        );
    };
    let message = cgi::field(&fields, "message").unwrap_or_default();
    let mut connection = open()?;
    // Immediate: the lock for writing is taken at once, so that two writers wait for each other and neither has to give up.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO entry (at, name, message) VALUES (datetime(), ?1, ?2)",
        (&name, &message),
    )?;
    transaction.commit()?;
    let here = cgi::encode(&cgi::variable("SCRIPT_NAME"));
    Ok(format!(
        "Status: 303 See Other\r\nLocation: {here}\r\nContent-Type: text/plain\r\n\r\nSigned.\n"
    ))
}

/// The page with the newest entries.
fn entries(connection: &Connection) -> Result<String, Failure> {
    let mut page = cgi::page_start("Cache-Control: no-cache\r\n", "Guestbook") + FORM;
    page.push_str("<table>\n<tr><th>When and who</th><th>Message</th></tr>\n");
    let mut select =
        connection.prepare("SELECT at, name, message FROM entry ORDER BY id DESC LIMIT ?1")?;
    let mut rows = select.query([SHOWN])?;
    while let Some(row) = rows.next()? {
        let (at, name, message): (String, String, String) = row.try_into()?;
        let [at, name, message] = [at, name, message].map(|text| cgi::escape(&text));
        page.push_str(&format!(
            "<tr><td>{at} {name}</td><td>{message}</td></tr>\n"
        ));
    }
    page.push_str("</table>\n");
    Ok(page + cgi::PAGE_END)
}
