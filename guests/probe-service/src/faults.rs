//! Behaviours that fail, or take time or memory. All know `when`: `before` (the default) the response, once it is `begun`, or
//! when it is `done`, which here is after `handle` has returned; and `wait`, milliseconds in which a begun response has time to
//! leave.

use std::hint::black_box;
use std::process;

use wasip3::wit_bindgen::spawn_local;

use crate::exchange::{Answer, Begun, Closed, Exchange, begin_text, text, wrong};
use crate::world::pause;

/// Does `work` when `when` says. The line that it gives is the response, or its end, or goes to stderr.
async fn at(exchange: &Exchange, work: impl Future<Output = String> + 'static) -> Answer {
    let when = exchange.call.text("when");
    let wait = exchange.call.number("wait", 0).map_err(wrong)?;
    let done = match when.as_deref() {
        None | Some("before") => return text(work.await),
        Some("begun") => false,
        Some("done") => true,
        Some(other) => {
            return Err(wrong(format!(
                "when={other} is none of before, begun, done"
            )));
        }
    };
    let Begun {
        response, mut out, ..
    } = begin_text()?;
    spawn_local(async move {
        if done {
            out.write(b"done\n".to_vec()).await?;
            out.finish(None).await;
            pause(wait).await;
            eprint!("{}", work.await);
        } else {
            out.write(b"begun\n".to_vec()).await?;
            pause(wait).await;
            out.write(work.await.into_bytes()).await?;
            out.finish(None).await;
        }
        Ok::<_, Closed>(())
    });
    Ok(response)
}

/// `trap [when=]`
pub async fn trap(exchange: &Exchange) -> Answer {
    at(exchange, async { process::abort() }).await
}

/// `spin [when=]`: computes for ever and never calls the host.
pub async fn spin(exchange: &Exchange) -> Answer {
    at(exchange, async {
        loop {
            std::hint::spin_loop();
        }
    })
    .await
}

/// `sleep [ms=] [when=]`: sleeps, practically for ever by default; then says so.
pub async fn sleep(exchange: &Exchange) -> Answer {
    let ms = exchange.call.number("ms", 1_000_000_000).map_err(wrong)?;
    at(exchange, async move {
        pause(ms).await;
        format!("slept {ms} ms\n")
    })
    .await
}

/// `exit [code=0] [when=]`: exits with that status.
pub async fn exit(exchange: &Exchange) -> Answer {
    let code = exchange.call.number("code", 0).map_err(wrong)?;
    at(exchange, async move {
        wasip3::cli::exit::exit_with_code(code);
        String::new()
    })
    .await
}

/// `eat [mb=1] [insist=1] [when=]`: takes and fills memory, a MiB at a time, and says how much it got; with `insist=1` it aborts when
/// it is refused some. The memory is not given back.
pub async fn eat(exchange: &Exchange) -> Answer {
    let wanted: usize = exchange.call.number("mb", 1).map_err(wrong)?;
    let insist = exchange.call.flag("insist");
    at(exchange, async move {
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
        format!("asked for {wanted} MiB, got {got} MiB\n")
    })
    .await
}
