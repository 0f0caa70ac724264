//! Reading stdin as programs with an event loop do: never waiting for it longer than they want to. It must not know who is slow.

use std::io;

use crate::out::Out;
use crate::params::Params;

/// How much is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// `patient [ms=20]`: reads all of stdin, waiting for it `ms` milliseconds at a time, and answers with a line for each thing that
/// happens: `waited`, `got` and the number of bytes, `end`.
pub fn patient(params: &Params, mut out: Out) -> io::Result<()> {
    let pause: u64 = params.number("ms", 20)?;
    let input = Input::open();
    out.begin()?;
    loop {
        if !input.is_ready_within(pause)? {
            out.write(b"waited\n")?;
            continue;
        }
        match input.read()? {
            0 => return out.write(b"end\n"),
            n => out.write(format!("got {n}\n").as_bytes())?,
        }
    }
}

/// Standard input in preview 1.
#[cfg(not(target_env = "p2"))]
struct Input;

#[cfg(not(target_env = "p2"))]
impl Input {
    fn open() -> Input {
        Input
    }

    #[expect(unsafe_code, reason = "std has no poll")]
    fn is_ready_within(&self, ms: u64) -> io::Result<bool> {
        let mut stdin = libc::pollfd {
            fd: 0,
            events: libc::POLLIN,
            revents: 0,
        };
        let ms = i32::try_from(ms).unwrap_or(i32::MAX);
        // SAFETY: `stdin` is one pollfd, as the count says, and outlives the call.
        match unsafe { libc::poll(&raw mut stdin, 1, ms) } {
            n if n < 0 => Err(io::Error::last_os_error()),
            n => Ok(n > 0),
        }
    }

    fn read(&self) -> io::Result<usize> {
        io::Read::read(&mut io::stdin().lock(), &mut [0; PIECE])
    }
}

/// Standard input in WASI 0.2.
#[cfg(target_env = "p2")]
struct Input(wasip2::io::streams::InputStream);

#[cfg(target_env = "p2")]
impl Input {
    fn open() -> Input {
        Input(wasip2::cli::stdin::get_stdin())
    }

    fn is_ready_within(&self, ms: u64) -> io::Result<bool> {
        let stdin = self.0.subscribe();
        let timer = wasip2::clocks::monotonic_clock::subscribe_duration(ms * 1_000_000);
        Ok(wasip2::io::poll::poll(&[&stdin, &timer]).contains(&0))
    }

    fn read(&self) -> io::Result<usize> {
        use wasip2::io::streams::StreamError;
        match self.0.read(PIECE as u64) {
            Ok(piece) => Ok(piece.len()),
            Err(StreamError::Closed) => Ok(0),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }
}
