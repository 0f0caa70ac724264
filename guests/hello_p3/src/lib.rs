//! hello-p3: a CGI guest as a WASI 0.3 component: its `run` is asynchronous and its stdout is a stream.
//!
//! It is a library because a `main` function would export the `run` of WASI 0.2. It must not know which server runs it.

use wasip3::cli::{environment, stdout};

/// The component; `export!` makes its `run` the `wasi:cli/run` of the file.
struct Hello;

impl wasip3::exports::cli::run::Guest for Hello {
    async fn run() -> Result<(), ()> {
        let variables = environment::get_environment();
        let server = variables
            .iter()
            .find(|(name, _)| name == "SERVER_SOFTWARE")
            .map_or("", |(_, value)| value.as_str());
        let answer = format!(
            "Content-Type: text/plain; charset=utf-8\r\n\r\nHello from a WASI 0.3 component behind {server}.\n"
        );

        let (mut writer, reader) = wasip3::wit_stream::new();
        let finished = stdout::write_via_stream(reader);
        let unsent = writer.write_all(answer.into_bytes()).await;
        // Dropping the writer ends the stream: only then does the host report that it is finished.
        drop(writer);
        finished.await.map_err(|_| ())?;
        if unsent.is_empty() { Ok(()) } else { Err(()) }
    }
}

wasip3::cli::command::export!(Hello);
