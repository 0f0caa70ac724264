//! echo-p3: the test guest for WASI 0.3. QUERY_STRING chooses: `echo` (or nothing) copies stdin to stdout in pieces, `panic`
//! traps before any output, `spin` never returns to the host, `exit=N` answers and exits with status N, `fail` returns an error,
//! `patient=MS` reads stdin and tells what happens, see [`patient`], `list` names what is in the first directory, `open=N` opens
//! that directory until it fails.
//!
//! It must not collect the body: what it has read it writes before it reads on.

use std::process;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use wasip3::cli::{environment, exit, stdin, stdout};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::filesystem::preopens::get_directories;
use wasip3::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
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
        if let Some(ms) = query.strip_prefix("patient=") {
            patient(&mut writer, ms.parse().map_err(|_| ())?).await?;
        }
        if query == "list" {
            list(&mut writer).await?;
        }
        if let Some(n) = query.strip_prefix("open=") {
            open(&mut writer, n.parse().map_err(|_| ())?).await?;
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

/// Reads stdin, waiting for it `ms` milliseconds at a time: a line for each thing that happens, `waited`, `got` and the number of
/// bytes, `end`.
async fn patient(writer: &mut StreamWriter<u8>, ms: u64) -> Result<(), ()> {
    let (mut body, finished) = stdin::read_via_stream();
    loop {
        let mut read = pin!(body.read(Vec::with_capacity(PIECE)));
        let (state, piece) = loop {
            let mut pause = pin!(wait_for(ms * 1_000_000));
            let done = poll_fn(|cx| match read.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending => pause.as_mut().poll(cx).map(|()| None),
            });
            match done.await {
                Some(done) => break done,
                None => write(writer, b"waited\n".to_vec()).await?,
            }
        };
        if !piece.is_empty() {
            write(writer, format!("got {}\n", piece.len()).into_bytes()).await?;
        }
        if !matches!(state, StreamResult::Complete(_)) {
            break;
        }
    }
    drop(body);
    finished.await.map_err(|_| ())?;
    write(writer, b"end\n".to_vec()).await
}

/// Writes the names in the first directory, a line each, then how the listing ended.
async fn list(writer: &mut StreamWriter<u8>) -> Result<(), ()> {
    let (directory, _) = get_directories().into_iter().next().ok_or(())?;
    let (entries, finished) = directory.read_directory();
    let mut names: Vec<String> = entries
        .collect()
        .await
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    names.sort();
    let end = finished.await;
    write(
        writer,
        format!("{}\n{end:?}\n", names.join("\n")).into_bytes(),
    )
    .await
}

/// Opens the first directory `n` times, or until that fails; answers `opened` and the number, then the error.
async fn open(writer: &mut StreamWriter<u8>, n: usize) -> Result<(), ()> {
    let (directory, _) = get_directories().into_iter().next().ok_or(())?;
    let mut opened = Vec::new();
    let mut failed = String::new();
    while opened.len() < n && failed.is_empty() {
        let again = directory.open_at(
            PathFlags::empty(),
            ".".to_owned(),
            OpenFlags::DIRECTORY,
            DescriptorFlags::READ,
        );
        match again.await {
            Ok(descriptor) => opened.push(descriptor),
            Err(error) => failed = format!("{error:?}\n"),
        }
    }
    write(
        writer,
        format!("opened {}\n{failed}", opened.len()).into_bytes(),
    )
    .await
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
