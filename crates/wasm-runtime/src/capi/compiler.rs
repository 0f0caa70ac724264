//! How programs are read and compiled, and checking one.

use super::engine::check_size;
use super::error::{wrt_error, wrt_status};
use super::guard::{guard, usage};
use super::guest::wrt_kind;
use super::helper::beside_the_library;
use super::text::{c_path, c_str};
use crate::compiler::{Job, JobKind};
use crate::program::{Content, ProgramFile};
use crate::{Allowed, CompilerOptions, Error, ErrorCode};
use std::ffi::c_char;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Maximum size of a trusted program, bytes.
const TRUSTED_SIZE: u64 = 256 << 20;

/// How programs of strangers are read, checked and compiled: in a process of their own, the executable
/// `wasm_runtime_helper`, which gets the program by descriptor, has no privileges, opens no file and no connection, and is
/// bounded by the kernel. One that reaches a limit, or makes the helper crash, is an error of that program
/// (WRT_ERR_COMPILE_LIMIT) and of nothing else.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wrt_compiler_options {
    /// `sizeof(wrt_compiler_options)`.
    pub size: usize,
    /// The helper's executable, absolute, UTF-8; NULL: the one beside this library.
    pub helper: *const c_char,
    /// Processor time that one program may take, milliseconds.
    pub time_ms: u64,
    /// Memory that one program may take, bytes.
    pub memory: u64,
    /// Maximum size of a program, bytes.
    pub program_size: u64,
    /// User that the helper becomes where this process is root, never root itself; `UINT32_MAX`: nobody.
    pub uid: u32,
    /// Its group; it counts only with a user.
    pub gid: u32,
}

impl wrt_compiler_options {
    /// As the engine takes them.
    ///
    /// # Safety
    /// `helper` is a NUL-terminated string or NULL.
    pub unsafe fn options(&self) -> Result<CompilerOptions, Error> {
        check_size(
            self.size,
            size_of::<wrt_compiler_options>(),
            "wrt_compiler_options",
        )?;
        // SAFETY: the contract is this function's own.
        let helper = match unsafe { c_str(self.helper, "helper") }? {
            Some(path) => PathBuf::from(path),
            None => beside_the_library().ok_or_else(|| {
                let text =
                    "the system does not say where this library lies, so its helper is not found";
                Error::new(ErrorCode::Engine, text)
            })?,
        };
        Ok(CompilerOptions {
            helper,
            time: Duration::from_millis(self.time_ms.max(1)),
            memory: self.memory,
            program_size: self.program_size,
            identity: (self.uid != u32::MAX).then_some((self.uid, self.gid)),
        })
    }
}

/// Validates the program in the file at `path` and its imports without generating code, and says
/// what kind it is. It starts no thread and touches no signal handler: any process may call it at
/// any time. `memory_limit` and `garbage_collection` are those that the engine will be made with. `entry_point` is the
/// exported function to call; NULL for the kind's own, and an empty string to leave it unchecked.
/// `compiler` says how strangers' programs are read; with NULL the program is trusted and read in this process.
///
/// # Safety
/// `path` and `entry_point` are NUL-terminated strings (`entry_point` or NULL), `compiler` is NULL or points to options whose
/// `size` is set and whose pointers are valid, `kind` is NULL or valid for a write, `error` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wrt_check(
    path: *const c_char,
    memory_limit: u64,
    garbage_collection: bool,
    entry_point: *const c_char,
    compiler: *const wrt_compiler_options,
    kind: *mut wrt_kind,
    error: *mut *mut wrt_error,
) -> wrt_status {
    let check = || {
        // SAFETY: the caller promises a NUL-terminated string or NULL.
        let path = unsafe { c_path(path) }.ok_or_else(|| usage("path is NULL"))?;
        // SAFETY: the caller promises a NUL-terminated string or NULL.
        let entry_point = unsafe { c_str(entry_point, "entry_point") }?;
        // SAFETY: the caller promises NULL or valid options.
        let compiler = unsafe { compiler.as_ref() };
        let compiler = compiler
            // SAFETY: by the caller's promise its pointers are valid too.
            .map(|compiler| unsafe { compiler.options() })
            .transpose()?;
        let job = Job {
            kind: JobKind::Check,
            memory_limit,
            allowed: Allowed { garbage_collection },
            entry_point: (entry_point != Some("")).then_some(entry_point),
            background: false,
            engine: "",
        };
        let found = check(path, &job, compiler.as_ref())?;
        if !kind.is_null() {
            // SAFETY: not null, and the caller promises that it is valid for a write.
            unsafe { kind.write(found) };
        }
        Ok(())
    };
    // SAFETY: the contract on `error` is this function's own.
    unsafe { guard(error, check) }
}

fn check(
    path: &Path,
    job: &Job<'_>,
    compiler: Option<&CompilerOptions>,
) -> Result<wrt_kind, Error> {
    let most = compiler.map_or(TRUSTED_SIZE, |compiler| compiler.program_size);
    let program = Content::File(ProgramFile::open(path, most)?).copy()?;
    if let Some(compiler) = compiler {
        return Ok(compiler.check(job, &program)?.kind.into());
    }
    let shape = crate::check_with(&program.bytes()?, job.memory_limit, job.allowed)?;
    if let Some(entry_point) = job.entry_point {
        shape.check_entry_point(entry_point)?;
    }
    Ok(shape.kind()?.into())
}
