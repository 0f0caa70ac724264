//! The helper: the process in which libwasm_runtime.so reads, checks and compiles programs that strangers wrote.
//!
//! It opens the library that lies beside it and calls its one function for this, so that a new library is a swap of one file.
//! It must not know what the job is. Nobody but the library starts it.
#![expect(
    unsafe_code,
    reason = "opens a library and calls a C function of it; each use is argued for where it stands"
)]

use std::ffi::{CString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

const LIBRARY: &str = "libwasm_runtime.so";

/// The status that says that there is no library which can do the job. A panic has another one.
const NO_LIBRARY: u8 = 120;

type Main = unsafe extern "C" fn(c_int, *const *const c_char) -> c_int;

fn main() -> ExitCode {
    // SAFETY: loading runs the library's initialisers; it has none beyond Rust's own.
    let Ok(library) = (unsafe { libloading::Library::new(LIBRARY) }) else {
        return ExitCode::from(NO_LIBRARY);
    };
    // SAFETY: the function has this type in every version of the library.
    let Ok(main) = (unsafe { library.get::<Main>(b"wrt_helper_main\0") }) else {
        return ExitCode::from(NO_LIBRARY);
    };
    let arguments: Vec<CString> = std::env::args_os()
        .filter_map(|argument| CString::new(argument.into_vec()).ok())
        .collect();
    let pointers: Vec<*const c_char> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    let count = c_int::try_from(pointers.len()).unwrap_or(0);
    // SAFETY: the pointers are those of NUL-terminated strings that live until after the call; this process has one thread.
    let status = unsafe { main(count, pointers.as_ptr()) };
    u8::try_from(status).map_or(ExitCode::FAILURE, ExitCode::from)
}
