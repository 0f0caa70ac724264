//! The way in for the helper's executable, and the way to it for the server.

use super::guard::guard_silently;
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::path::PathBuf;

/// The name of the helper's executable, beside this library.
const HELPER: &str = "wasm_runtime_helper";

/// The whole of the helper process: does the job that its arguments describe and returns the status to exit with. For the
/// executable `wasm_runtime_helper` alone, which must have one thread and call nothing else.
///
/// # Safety
/// `argv` holds `argc` NUL-terminated strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_helper_main(argc: c_int, argv: *const *const c_char) -> c_int {
    let count = usize::try_from(argc).unwrap_or(0);
    // SAFETY: the contract is this function's own.
    let arguments = unsafe { super::text::array(argv, count) };
    let text = |argument: &*const c_char| {
        // SAFETY: by this function's contract it is a NUL-terminated string.
        unsafe { CStr::from_ptr(*argument) }
            .to_string_lossy()
            .into_owned()
    };
    let arguments: Vec<String> = arguments.iter().skip(1).map(text).collect();
    let mut status = 1;
    guard_silently(|| status = crate::compiler::helper::main(arguments.into_iter()));
    status
}

/// The helper that lies beside this library, wherever that was loaded from; `None` if the system does not say.
pub fn beside_the_library() -> Option<PathBuf> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    let own = wrt_helper_main as *const ();
    // SAFETY: the address is one of this library's, and `info` is valid for a write.
    let known = unsafe { libc::dladdr(own.cast(), info.as_mut_ptr()) };
    if known == 0 {
        return None;
    }
    // SAFETY: zeroed, and filled by dladdr: each field may hold anything.
    let info = unsafe { info.assume_init() };
    if info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: dladdr gives a NUL-terminated string that lives as long as the library is loaded.
    let path = unsafe { CStr::from_ptr(info.dli_fname) };
    let path = PathBuf::from(path.to_str().ok()?);
    let path = std::path::absolute(path).ok()?;
    let beside = path.with_file_name(HELPER);
    // The library may have been loaded by a link to it.
    let real = path.canonicalize().ok().filter(|_| !beside.exists());
    Some(real.map_or(beside, |path| path.with_file_name(HELPER)))
}
