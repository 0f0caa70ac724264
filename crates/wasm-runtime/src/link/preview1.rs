//! The imports of core modules: WASI preview 1.
//!
//! wasmtime-wasi implements it; these functions stand in front of some of its own:
//! - `args_*` and `environ_*`, because CGI variables may hold bytes that are not Unicode;
//! - `fd_pread` and `fd_pwrite`, because what goes to files is no memory of the host's;
//! - `fd_read` and `fd_write`, for that, and because on the descriptors 0 to 2 they can go straight between
//!   guest memory and the server (half of a small request's cost goes away);
//! - `fd_close` and `fd_renumber`, to know when 0 to 2, and descriptors with a listing, mean something else;
//! - `path_open` and `fd_readdir`, for what [`files`] says;
//! - `poll_oneoff`, because theirs may sleep with the thread, where no deadline reaches;
//! - what takes a path ([`preview1_paths`]), because absolute symbolic links may lead to what the guest may open;
//! - `proc_exit`, because an exit status may be any number;
//! - `random_get`, because theirs collects all that it is asked for in the host.

pub(super) mod files;

use super::preview1_paths;
use crate::state::{HostState, Strings};
use std::time::Duration;
use wasmtime::{Caller, Extern, Linker, bail};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p1::wasi_snapshot_preview1 as theirs;
use wiggle::GuestMemory;

pub(super) const MODULE: &str = "wasi_snapshot_preview1";

const SUCCESS: i32 = 0;
const EFAULT: i32 = 21;
const EINVAL: i32 = 28;

type Result<T> = wasmtime::Result<T>;

/// A linker for core modules of an engine.
pub fn linker(engine: &wasmtime::Engine) -> Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p1::add_to_linker_async(&mut linker, |state: &mut HostState| &mut state.wasi)?;
    linker.allow_shadowing(true);
    add_strings(&mut linker)?;
    add_descriptors(&mut linker)?;
    add_poll(&mut linker)?;
    preview1_paths::add(&mut linker)?;
    files::add(&mut linker)?;
    linker.func_wrap(MODULE, "proc_exit", |status: i32| -> Result<()> {
        Err(I32Exit(status).into())
    })?;
    linker.func_wrap(MODULE, "random_get", random_get)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// The caller's memory and the store's state, side by side.
pub(super) fn split<'a>(
    caller: &'a mut Caller<'_, HostState>,
) -> Result<(&'a mut [u8], &'a mut HostState)> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory.data_and_store_mut(caller)),
        _ => bail!("the module does not export its memory"),
    }
}

/// The piece of memory at `at`, when it lies inside.
pub(super) fn piece(memory: &mut [u8], at: i32, len: usize) -> Option<&mut [u8]> {
    let at = at.cast_unsigned() as usize;
    memory.get_mut(at..at.checked_add(len)?)
}

fn put_u32(memory: &mut [u8], at: i32, value: u32) -> Option<()> {
    piece(memory, at, 4)?.copy_from_slice(&value.to_le_bytes());
    Some(())
}

fn get_u32(memory: &mut [u8], at: i32) -> Option<u32> {
    let bytes = piece(memory, at, 4)?;
    Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn errno(done: Option<()>) -> i32 {
    done.map_or(EFAULT, |()| SUCCESS)
}

type Pick = fn(&mut HostState) -> &mut Strings;

fn add_strings(linker: &mut Linker<HostState>) -> Result<()> {
    let args: Pick = |state| &mut state.args;
    let env: Pick = |state| &mut state.env;
    for (sizes_name, get_name, pick) in [
        ("args_sizes_get", "args_get", args),
        ("environ_sizes_get", "environ_get", env),
    ] {
        let sizes = move |mut caller: Caller<'_, HostState>, count: i32, size: i32| {
            let (memory, state) = split(&mut caller)?;
            let strings = pick(state);
            let (n, len) = (strings.starts.len() as u32, strings.block.len() as u32);
            Result::Ok(errno(
                put_u32(memory, count, n).and_then(|()| put_u32(memory, size, len)),
            ))
        };
        linker.func_wrap(MODULE, sizes_name, sizes)?;
        let get = move |mut caller: Caller<'_, HostState>, pointers: i32, block: i32| {
            let (memory, state) = split(&mut caller)?;
            Result::Ok(errno(copy_strings(memory, pick(state), pointers, block)))
        };
        linker.func_wrap(MODULE, get_name, get)?;
    }
    Ok(())
}

fn copy_strings(memory: &mut [u8], strings: &Strings, pointers: i32, block: i32) -> Option<()> {
    piece(memory, block, strings.block.len())?.copy_from_slice(&strings.block);
    for (i, start) in strings.starts.iter().enumerate() {
        let at = pointers.checked_add(i32::try_from(i).ok()?.checked_mul(4)?)?;
        put_u32(memory, at, block.cast_unsigned().checked_add(*start)?)?;
    }
    Some(())
}

fn add_descriptors(linker: &mut Linker<HostState>) -> Result<()> {
    linker.func_wrap_async(
        MODULE,
        "fd_write",
        |mut caller: Caller<'_, HostState>, (fd, list, count, written): (i32, i32, i32, i32)| {
            Box::new(async move {
                match standard(&mut caller, fd) {
                    Some(fd @ (1 | 2)) => write_standard(&mut caller, fd, list, count, written),
                    _ => {
                        let (mut memory, state) = guest_for_file(&mut caller)?;
                        theirs::fd_write(&mut state.wasi, &mut memory, fd, list, count, written)
                            .await
                    }
                }
            })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "fd_read",
        |mut caller: Caller<'_, HostState>, (fd, list, count, read): (i32, i32, i32, i32)| {
            Box::new(async move {
                match standard(&mut caller, fd) {
                    Some(0) => read_standard(&mut caller, list, count, read),
                    _ => {
                        let (mut memory, state) = guest_for_file(&mut caller)?;
                        theirs::fd_read(&mut state.wasi, &mut memory, fd, list, count, read).await
                    }
                }
            })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "fd_pwrite",
        |mut caller: Caller<'_, HostState>, at: (i32, i32, i32, i64, i32)| {
            Box::new(async move {
                let (fd, list, count, offset, written) = at;
                let (mut memory, state) = guest_for_file(&mut caller)?;
                let wasi = &mut state.wasi;
                theirs::fd_pwrite(wasi, &mut memory, fd, list, count, offset, written).await
            })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "fd_pread",
        |mut caller: Caller<'_, HostState>, at: (i32, i32, i32, i64, i32)| {
            Box::new(async move {
                let (fd, list, count, offset, read) = at;
                let (mut memory, state) = guest_for_file(&mut caller)?;
                let wasi = &mut state.wasi;
                theirs::fd_pread(wasi, &mut memory, fd, list, count, offset, read).await
            })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "fd_close",
        |mut caller: Caller<'_, HostState>, (fd,): (i32,)| {
            Box::new(async move {
                no_longer_standard(&mut caller, fd);
                caller.data_mut().listings.remove(&fd);
                let (mut memory, state) = guest(&mut caller)?;
                theirs::fd_close(&mut state.wasi, &mut memory, fd).await
            })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "fd_renumber",
        |mut caller: Caller<'_, HostState>, (from, to): (i32, i32)| {
            Box::new(async move {
                no_longer_standard(&mut caller, from);
                no_longer_standard(&mut caller, to);
                let (mut memory, state) = guest(&mut caller)?;
                let errno = theirs::fd_renumber(&mut state.wasi, &mut memory, from, to).await?;
                if errno == SUCCESS && from != to {
                    state.listings.remove(&to);
                    let moved = state.listings.remove(&from);
                    state.listings.extend(moved.map(|listing| (to, listing)));
                }
                Ok(errno)
            })
        },
    )?;
    Ok(())
}

/// Maximum number of events that are waited for at once: the host keeps something of each.
const SUBSCRIPTIONS: i32 = 4096;

fn add_poll(linker: &mut Linker<HostState>) -> Result<()> {
    linker.func_wrap_async(
        MODULE,
        "poll_oneoff",
        |mut caller: Caller<'_, HostState>, (subs, events, count, ready): (i32, i32, i32, i32)| {
            Box::new(async move {
                if count > SUBSCRIPTIONS {
                    return Ok(EINVAL);
                }
                let (memory, _) = split(&mut caller)?;
                if let (1, Some(nap)) = (count, nap(memory, subs)) {
                    tokio::time::sleep(nap).await;
                    let (memory, _) = split(&mut caller)?;
                    return Ok(errno(wake(memory, subs, events, ready)));
                }
                let (mut memory, state) = guest(&mut caller)?;
                theirs::poll_oneoff(&mut state.wasi, &mut memory, subs, events, count, ready).await
            })
        },
    )?;
    Ok(())
}

/// How long the subscription at `at` sleeps, if that is all it does. Its layout is that of
/// `subscription` in the witx of preview 1: a tag at 8, for a clock (0) the time at 24 in
/// nanoseconds, and flags at 40 whose bit 0 makes the time absolute.
fn nap(memory: &mut [u8], at: i32) -> Option<Duration> {
    let subscription = piece(memory, at, 48)?;
    let (tag, flags) = (subscription[8], subscription[40]);
    let time = u64::from_le_bytes(subscription[24..32].try_into().ok()?);
    (tag == 0 && flags & 1 == 0).then_some(Duration::from_nanos(time))
}

/// Reports the one clock event: the subscription's user data, no error, type 0.
fn wake(memory: &mut [u8], subscription: i32, event: i32, ready: i32) -> Option<()> {
    let mut report = [0; 32];
    report[..8].copy_from_slice(piece(memory, subscription, 8)?);
    piece(memory, event, report.len())?.copy_from_slice(&report);
    put_u32(memory, ready, 1)
}

/// The most random bytes that are made at once; between two pieces the deadline is looked at.
const RANDOM: i32 = 64 << 10;

fn random_get(mut caller: Caller<'_, HostState>, at: i32, len: i32) -> Result<i32> {
    let (mut at, mut left) = (at.cast_unsigned(), len.cast_unsigned());
    let (memory, _) = split(&mut caller)?;
    if piece(memory, at.cast_signed(), left as usize).is_none() {
        return Ok(EFAULT);
    }
    while left > 0 {
        caller.data().channel.check()?;
        let some = left.min(RANDOM.cast_unsigned());
        let (mut memory, state) = guest(&mut caller)?;
        let (place, count) = (at.cast_signed(), some.cast_signed());
        let status = theirs::random_get(&mut state.wasi, &mut memory, place, count)?;
        if status != SUCCESS {
            return Ok(status);
        }
        (at, left) = (at.wrapping_add(some), left - some);
    }
    Ok(SUCCESS)
}

/// The memory in the form that wasmtime-wasi's functions take.
pub(super) fn guest<'a>(
    caller: &'a mut Caller<'_, HostState>,
) -> Result<(GuestMemory<'a>, &'a mut HostState)> {
    use theirs::WasiSnapshotPreview1;
    let fuel = wasmtime::AsContextMut::as_context_mut(caller).hostcall_fuel();
    let (memory, state) = split(caller)?;
    state.wasi.set_hostcall_fuel(fuel);
    Ok((GuestMemory::Unshared(memory), state))
}

/// The same for what goes between a file and the guest's memory as it is: the host keeps nothing of it, however much it is.
fn guest_for_file<'a>(
    caller: &'a mut Caller<'_, HostState>,
) -> Result<(GuestMemory<'a>, &'a mut HostState)> {
    use theirs::WasiSnapshotPreview1;
    let (memory, state) = split(caller)?;
    state.wasi.set_hostcall_fuel(usize::MAX);
    Ok((GuestMemory::Unshared(memory), state))
}

/// `fd` when it is one of the descriptors that the guest was started with.
fn standard(caller: &mut Caller<'_, HostState>, fd: i32) -> Option<usize> {
    let fd = usize::try_from(fd).ok()?;
    caller.data().standard.get(fd)?.then_some(fd)
}

fn no_longer_standard(caller: &mut Caller<'_, HostState>, fd: i32) {
    let fd = usize::try_from(fd).unwrap_or(usize::MAX);
    if let Some(standard) = caller.data_mut().standard.get_mut(fd) {
        *standard = false;
    }
}

/// The `i`-th buffer of an iovec list: its address and length.
fn buffer(memory: &mut [u8], list: i32, i: i32) -> Option<(i32, usize)> {
    let entry = list.checked_add(i.checked_mul(8)?)?;
    let address = get_u32(memory, entry)?.cast_signed();
    let len = get_u32(memory, entry.checked_add(4)?)? as usize;
    Some((address, len))
}

/// The most buffers that one `fd_write` or `fd_read` looks at. A program must expect that either moves
/// less than it asked for, and between two calls the deadline is looked at.
const MAX_BUFFERS: i32 = 1024;
/// The most bytes that one `fd_write` takes, for the same reason.
const MAX_WRITE: usize = 1 << 20;

fn write_standard(
    caller: &mut Caller<'_, HostState>,
    fd: usize,
    list: i32,
    count: i32,
    written: i32,
) -> Result<i32> {
    let (memory, state) = split(caller)?;
    let mut total = 0;
    for i in 0..count.min(MAX_BUFFERS) {
        let Some((address, len)) = buffer(memory, list, i) else {
            return Ok(EFAULT);
        };
        let len = len.min(MAX_WRITE - total);
        let Some(data) = piece(memory, address, len) else {
            return Ok(EFAULT);
        };
        total += len;
        match fd {
            1 => state.channel.write(data)?,
            _ => state.channel.write_stderr(data),
        }
    }
    Ok(errno(put_u32(memory, written, total as u32)))
}

fn read_standard(
    caller: &mut Caller<'_, HostState>,
    list: i32,
    count: i32,
    read: i32,
) -> Result<i32> {
    let (memory, state) = split(caller)?;
    let mut n = 0;
    for i in 0..count.min(MAX_BUFFERS) {
        let Some((address, len)) = buffer(memory, list, i) else {
            return Ok(EFAULT);
        };
        let Some(data) = piece(memory, address, len) else {
            return Ok(EFAULT);
        };
        if !data.is_empty() {
            // One buffer is enough: a read may be short, and the next might wait.
            n = state.channel.read(data)?;
            break;
        }
    }
    Ok(errno(put_u32(memory, read, n as u32)))
}
