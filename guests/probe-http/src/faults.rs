//! Behaviours that fail, or take time or memory. Most know `when`: `before` (the default) the response, once it is `begun`, or
//! when it is `done`; and `wait`, milliseconds in which a begun response has time to leave.

use std::hint::black_box;
use std::process;

use crate::exchange::{Done, Exchange, Out};
use crate::world::pause;

/// How far the response is when the fault comes.
enum Stage {
    Before(Exchange),
    Begun(Out),
    Done,
}

/// Goes as far as `when` says.
fn reach(exchange: Exchange) -> Result<Stage, String> {
    let wait = exchange.call.number("wait", 0)?;
    match exchange.call.text("when").as_deref() {
        None | Some("before") => Ok(Stage::Before(exchange)),
        Some("begun") => {
            let out = exchange.start.begin_text()?;
            out.write(b"begun\n")?;
            pause(wait);
            Ok(Stage::Begun(out))
        }
        Some("done") => {
            exchange.start.text("done\n")?;
            pause(wait);
            Ok(Stage::Done)
        }
        Some(other) => Err(format!("when={other} is none of before, begun, done")),
    }
}

/// `trap [when=]`
pub fn trap(exchange: Exchange) -> Done {
    let _stage = reach(exchange)?;
    process::abort()
}

/// `spin [when=]`: computes for ever and never calls the host.
pub fn spin(exchange: Exchange) -> Done {
    let _stage = reach(exchange)?;
    loop {
        std::hint::spin_loop();
    }
}

/// `sleep [ms=] [when=]`: sleeps, practically for ever by default; then says so, in the response or, when that is done, on stderr.
pub fn sleep(exchange: Exchange) -> Done {
    let ms = exchange.call.number("ms", 1_000_000_000)?;
    let stage = reach(exchange)?;
    pause(ms);
    let line = format!("slept {ms} ms\n");
    match stage {
        Stage::Before(exchange) => exchange.start.text(&line),
        Stage::Begun(out) => {
            out.write(line.as_bytes())?;
            out.finish(None)
        }
        Stage::Done => {
            eprint!("{line}");
            Ok(())
        }
    }
}

/// `exit [code=0] [when=]`: exits with that status.
pub fn exit(exchange: Exchange) -> Done {
    let code = exchange.call.number("code", 0)?;
    let _stage = reach(exchange)?;
    wasip2::cli::exit::exit_with_code(code);
    Ok(())
}

/// `eat [mb=1] [insist=1] [when=]`: takes and fills memory, a MiB at a time, and answers how much it got; with `insist=1` it aborts
/// when it is refused some. The memory is not given back.
pub fn eat(exchange: Exchange) -> Done {
    let wanted: usize = exchange.call.number("mb", 1)?;
    let insist = exchange.call.flag("insist");
    let stage = reach(exchange)?;
    let mut got = 0;
    while got < wanted {
        let mut block: Vec<u8> = Vec::new();
        if block.try_reserve_exact(1 << 20).is_err() {
            break;
        }
        block.resize(1 << 20, 1);
        black_box(block.leak());
        got += 1;
    }
    if got < wanted && insist {
        process::abort();
    }
    let line = format!("asked for {wanted} MiB, got {got} MiB\n");
    match stage {
        Stage::Before(exchange) => exchange.start.text(&line),
        Stage::Begun(out) => {
            out.write(line.as_bytes())?;
            out.finish(None)
        }
        Stage::Done => Ok(()),
    }
}
