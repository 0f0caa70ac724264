//! echo-p3: the test guest for WASI 0.3. QUERY_STRING chooses: `echo` (or nothing) copies stdin to stdout in pieces, `panic`
//! traps before any output, `spin` never returns to the host, `exit=N` answers and exits with status N, `fail` returns an error.
//!
//! It must not collect the body: what it has read it writes before it reads on.

use std::process;

use wasip3::cli::{environment, exit, stdin, stdout};
use wasip3::wit_bindgen::rt::async_support::{StreamResult, StreamWriter};

/// How much it reads at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The component; `export!` makes its `run` the `wasi:cli/run` of the file.
struct Echo;

impl wasip3::exports::cli::run::Guest for Echo {
    async fn run() -> Result<(), ()> {
        let variables = environment::get_environment();
        let query = variables
            .iter()
            .find(|(name, _)| name == "QUERY_STRING")
            .map_or("", |(_, value)| value.as_str());
        match query {
            "panic" => process::abort(),
            "spin" => spin(),
            "fail" => return Err(()),
            _ => {}
        }

        let (mut writer, reader) = wasip3::wit_stream::new();
        let finished = stdout::write_via_stream(reader);
        write(
            &mut writer,
            b"Content-Type: application/octet-stream\r\n\r\n".to_vec(),
        )
        .await?;
        if query.is_empty() || query == "echo" {
            echo(&mut writer).await?;
        }
        drop(writer);
        finished.await.map_err(|_| ())?;
        if let Some(status) = query
            .strip_prefix("exit=")
            .and_then(|status| status.parse().ok())
        {
            exit::exit_with_code(status);
        }
        Ok(())
    }
}

/// Copies stdin to `writer` until it ends.
async fn echo(writer: &mut StreamWriter<u8>) -> Result<(), ()> {
    let (mut body, finished) = stdin::read_via_stream();
    loop {
        let (state, piece) = body.read(Vec::with_capacity(PIECE)).await;
        if !piece.is_empty() {
            write(writer, piece).await?;
        }
        if !matches!(state, StreamResult::Complete(_)) {
            break;
        }
    }
    drop(body);
    finished.await.map_err(|_| ())
}

/// Writes all of `data`, or fails because the other side has closed the stream.
async fn write(writer: &mut StreamWriter<u8>, data: Vec<u8>) -> Result<(), ()> {
    if writer.write_all(data).await.is_empty() {
        Ok(())
    } else {
        Err(())
    }
}

/// Computes for ever.
fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

wasip3::cli::command::export!(Echo);
