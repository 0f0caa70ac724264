//! both-p3: the test guest that exports the `run` of WASI 0.2 and of 0.3, as every Rust program with a `main` does that is
//! written for 0.3. It says which of them was called.

use wasip3::cli::stdout;

/// The component of WASI 0.3.
struct Both;

impl wasip3::exports::cli::run::Guest for Both {
    async fn run() -> Result<(), ()> {
        let (mut writer, reader) = wasip3::wit_stream::new();
        let finished = stdout::write_via_stream(reader);
        let unsent = writer.write_all(b"called as 0.3".to_vec()).await;
        drop(writer);
        finished.await.map_err(|_| ())?;
        if unsent.is_empty() { Ok(()) } else { Err(()) }
    }
}

wasip3::cli::command::export!(Both);

fn main() {
    println!("called as 0.2");
}
