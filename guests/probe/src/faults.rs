//! Sub-commands that fail, each in one way, and those that take time or memory. All but `alloc` know the parameter `after`
//! (see [`Out::begin_until`]): how much of a response there is before.
//!
//! Each fault is the WebAssembly instruction of its name. It must not know what the server makes of it.

use std::hint::black_box;
use std::io;
use std::num::NonZero;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::out::Out;
use crate::params::Params;

/// How deep [`descend`] goes: never so deep. Not a constant, or the compiler would see that there is no end.
static DEEPEST: AtomicU64 = AtomicU64::new(u64::MAX);

/// `sleep ms= [after=]`: sleeps, then answers unless it has begun to.
pub fn sleep(params: &Params, mut out: Out) -> io::Result<()> {
    let pause: u64 = params.number("ms", 1000)?;
    let begun = params.text("after").is_some_and(|after| after != "none");
    out.begin_until(params)?;
    thread::sleep(Duration::from_millis(pause));
    if !begun {
        out.begin()?;
    }
    out.write(format!("slept {pause} ms\n").as_bytes())
}

/// `spin [after=]`: computes for ever and never calls the host.
pub fn spin(params: &Params, mut out: Out) -> io::Result<()> {
    out.begin_until(params)?;
    loop {
        std::hint::spin_loop();
    }
}

/// `exit [code=0] [after=]`: exits with that status, by the host's own function and not by a return from main.
pub fn exit(params: &Params, mut out: Out) -> io::Result<()> {
    let code = params.number("code", 0)?;
    out.begin_until(params)?;
    process::exit(code)
}

/// `alloc [mib=1] [insist=1]`: takes and fills memory, a MiB at a time, and answers how much it got; with `insist=1` it aborts
/// when it is refused some.
pub fn alloc(params: &Params, mut out: Out) -> io::Result<()> {
    const MIB: usize = 1024 * 1024;
    let wanted: usize = params.number("mib", 1)?;
    let mut blocks: Vec<Vec<u8>> = Vec::with_capacity(4096);
    while blocks.len() < wanted {
        let mut block = Vec::new();
        if block.try_reserve_exact(MIB).is_err() {
            break;
        }
        block.resize(MIB, 1);
        blocks.push(black_box(block));
    }
    let got = blocks.len();
    if got < wanted && params.flag("insist") {
        process::abort();
    }
    out.answer(&format!("asked for {wanted} MiB, got {got} MiB\n"))
}

/// `recurse [after=]`: calls itself until the call stack is used up.
pub fn recurse(params: &Params, mut out: Out) -> io::Result<()> {
    out.begin_until(params)?;
    out.write(format!("{}\n", descend(0)).as_bytes())
}

/// `unreachable [after=]`
pub fn unreachable(params: &Params, mut out: Out) -> io::Result<()> {
    out.begin_until(params)?;
    core::arch::wasm32::unreachable()
}

/// `oob [after=]`: reads at the very end of the address space, beyond any memory that is smaller than 4 GiB.
#[expect(
    unsafe_code,
    reason = "safe Rust has no access out of bounds, and the trap of that name is what is wanted"
)]
pub fn out_of_bounds(params: &Params, mut out: Out) -> io::Result<()> {
    out.begin_until(params)?;
    let beyond = std::ptr::without_provenance::<u8>(black_box(usize::MAX - 15));
    // SAFETY: not sound by Rust's rules and meant so. The read is volatile, so it stays one load instruction, and WebAssembly
    // defines what that does: it traps. Nothing runs after it.
    let byte = unsafe { beyond.read_volatile() };
    out.write(&[byte])
}

/// `div0 [after=]`: divides by zero without the check, and the panic, that Rust puts before a division.
#[expect(
    unsafe_code,
    reason = "a checked division panics, and the trap of the division is what is wanted"
)]
pub fn divide_by_zero(params: &Params, mut out: Out) -> io::Result<()> {
    out.begin_until(params)?;
    // SAFETY: not sound by Rust's rules and meant so. The compiler cannot see the value, so it leaves the division in place, and
    // WebAssembly defines what that does with a zero: it traps. Nothing runs after it.
    let zero = unsafe { NonZero::new_unchecked(black_box(0_u32)) };
    out.write(format!("{}\n", black_box(1_u32) / zero).as_bytes())
}

/// `panic [after=]`
#[expect(clippy::panic, reason = "it is what the sub-command is for")]
pub fn panic(params: &Params, mut out: Out) -> io::Result<()> {
    out.begin_until(params)?;
    panic!("a panic as ordered")
}

/// Calls itself with no array on the way: only the engine's call stack grows, not the memory of the guest. What follows the
/// call keeps it from becoming a loop.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if depth == DEEPEST.load(Ordering::Relaxed) {
        return depth;
    }
    descend(depth + 1).rotate_left(1) ^ depth
}
