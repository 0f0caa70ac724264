//! The one table that says what each end of a guest means: what the client gets and what the log says. Must not know how
//! either is done.

use directives::messages::{self, Message};
use wasm_runtime_client::{End, ErrorCode};

/// How far the response was when the guest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The head is not complete, or there is no output at all.
    Incomplete,
    /// There is a whole head, and nothing has been sent yet: another answer can still be given.
    Held,
    /// The response has begun.
    Sent,
    /// The response is whole, and the guest went on with other work.
    Ended,
}

/// What the client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The guest's response, ended properly.
    Keep,
    /// httpd's response for this status.
    Status(u16),
    /// The guest's response has begun and is not whole: the client must be able to tell.
    Abort,
}

/// What to do and what to log.
#[derive(Debug, Clone, Copy)]
pub struct Judgement {
    /// What the client gets.
    pub verdict: Verdict,
    /// The line for the log, if any.
    pub message: Option<&'static Message>,
}

/// The meaning of a guest's end.
#[must_use]
pub fn judge(end: End, stage: Stage) -> Judgement {
    match end {
        End::Completed => match stage {
            Stage::Incomplete => fails(&messages::BAD_RESPONSE, stage),
            Stage::Held | Stage::Sent | Stage::Ended => keeps(None),
        },
        End::Exited(_) => match stage {
            Stage::Incomplete => fails(&messages::GUEST_EXITED, stage),
            Stage::Held | Stage::Sent | Stage::Ended => keeps(Some(&messages::GUEST_EXITED_LATE)),
        },
        // It has done all that was wanted of it, whatever became of the client.
        End::ClientGone if stage == Stage::Ended => keeps(Some(&messages::CLIENT_GONE)),
        End::Trapped => fails_late(
            &messages::GUEST_TRAPPED,
            &messages::GUEST_TRAPPED_LATE,
            stage,
        ),
        End::TimedOut => fails_late(&messages::TIMED_OUT, &messages::TIMED_OUT_LATE, stage),
        End::LimitReached => fails(&messages::MEMORY_LIMIT, stage),
        End::TempDirFull => fails(&messages::TEMP_DIR_FULL, stage),
        End::NotStarted => fails(&messages::NOT_INSTANTIATED, stage),
        End::NoResponse => fails(&messages::NO_RESPONSE, stage),
        End::BadResponse => fails_late(
            &messages::BAD_GUEST_RESPONSE,
            &messages::BAD_RESPONSE_LATE,
            stage,
        ),
        // Nobody is there to read it, but whoever reads the access log should not find a success.
        End::ClientGone => Judgement {
            verdict: if stage == Stage::Sent {
                Verdict::Abort
            } else {
                Verdict::Status(400)
            },
            message: Some(&messages::CLIENT_GONE),
        },
    }
}

/// The meaning of a guest that did not run.
#[must_use]
pub fn judge_error(code: ErrorCode) -> Judgement {
    let message = match code {
        ErrorCode::Busy => &messages::NO_FREE_INSTANCE,
        ErrorCode::Mount => &messages::MOUNT_FAILED,
        ErrorCode::TempDir => &messages::TEMP_DIR_FAILED,
        ErrorCode::OpenFiles => &messages::NO_FILES_LEFT,
        ErrorCode::NoEntryPoint => &messages::NO_ENTRY_POINT,
        ErrorCode::Usage => &messages::BAD_ARGUMENT,
        ErrorCode::Panic => &messages::PANIC,
        ErrorCode::LibraryMissing
        | ErrorCode::AbiMismatch
        | ErrorCode::Io
        | ErrorCode::NotWasm
        | ErrorCode::Invalid
        | ErrorCode::Unlinkable
        | ErrorCode::UnsupportedKind
        | ErrorCode::CompileLimit
        | ErrorCode::NotCached
        | ErrorCode::Engine => &messages::NOT_INSTANTIATED,
    };
    fails(message, Stage::Incomplete)
}

/// The response stays as it is.
fn keeps(message: Option<&'static Message>) -> Judgement {
    Judgement {
        verdict: Verdict::Keep,
        message,
    }
}

/// A failure with one message: its status as long as one can be given.
fn fails(message: &'static Message, stage: Stage) -> Judgement {
    fails_late(message, message, stage)
}

/// A failure that is worded differently once the response has begun, and changes nothing any more once it is whole.
fn fails_late(early: &'static Message, late: &'static Message, stage: Stage) -> Judgement {
    match stage {
        Stage::Incomplete | Stage::Held => Judgement {
            verdict: Verdict::Status(early.status.unwrap_or(500)),
            message: Some(early),
        },
        Stage::Sent => Judgement {
            verdict: Verdict::Abort,
            message: Some(late),
        },
        Stage::Ended => keeps(Some(&messages::AFTER_RESPONSE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stage::{Ended, Held, Incomplete, Sent};
    use Verdict::{Abort, Keep, Status};

    #[test]
    fn the_table() {
        let rows: &[(End, Stage, Verdict, Option<&str>)] = &[
            (End::Completed, Incomplete, Status(500), Some("WASM0110")),
            (End::Completed, Held, Keep, None),
            (End::Completed, Sent, Keep, None),
            (End::Exited(1), Incomplete, Status(500), Some("WASM0103")),
            (End::Exited(1), Held, Keep, Some("WASM0104")),
            (End::Exited(255), Sent, Keep, Some("WASM0104")),
            (End::Trapped, Incomplete, Status(500), Some("WASM0101")),
            (End::Trapped, Held, Status(500), Some("WASM0101")),
            (End::Trapped, Sent, Abort, Some("WASM0102")),
            (End::TimedOut, Incomplete, Status(504), Some("WASM0105")),
            (End::TimedOut, Held, Status(504), Some("WASM0105")),
            (End::TimedOut, Sent, Abort, Some("WASM0106")),
            (End::LimitReached, Incomplete, Status(500), Some("WASM0107")),
            (End::LimitReached, Sent, Abort, Some("WASM0107")),
            (End::TempDirFull, Incomplete, Status(500), Some("WASM0175")),
            (End::TempDirFull, Held, Status(500), Some("WASM0175")),
            (End::TempDirFull, Sent, Abort, Some("WASM0175")),
            (End::ClientGone, Incomplete, Status(400), Some("WASM0108")),
            (End::ClientGone, Sent, Abort, Some("WASM0108")),
            (End::NotStarted, Incomplete, Status(500), Some("WASM0109")),
            (End::NoResponse, Incomplete, Status(500), Some("WASM0122")),
            (End::BadResponse, Incomplete, Status(500), Some("WASM0123")),
            (End::BadResponse, Held, Status(500), Some("WASM0123")),
            (End::BadResponse, Sent, Abort, Some("WASM0124")),
            (End::Completed, Ended, Keep, None),
            (End::Exited(1), Ended, Keep, Some("WASM0104")),
            (End::Trapped, Ended, Keep, Some("WASM0126")),
            (End::TimedOut, Ended, Keep, Some("WASM0126")),
            (End::LimitReached, Ended, Keep, Some("WASM0126")),
            (End::TempDirFull, Ended, Keep, Some("WASM0126")),
            (End::ClientGone, Ended, Keep, Some("WASM0108")),
        ];
        for &(end, stage, verdict, code) in rows {
            let judgement = judge(end, stage);
            assert_eq!(judgement.verdict, verdict, "{end:?} {stage:?}");
            assert_eq!(
                judgement.message.map(|message| message.code),
                code,
                "{end:?} {stage:?}"
            );
        }
    }

    #[test]
    fn guests_that_did_not_run() {
        let rows = [
            (ErrorCode::Busy, 503, "WASM0111"),
            (ErrorCode::Mount, 500, "WASM0115"),
            (ErrorCode::TempDir, 500, "WASM0176"),
            (ErrorCode::OpenFiles, 503, "WASM0197"),
            (ErrorCode::NoEntryPoint, 500, "WASM0118"),
            (ErrorCode::Usage, 400, "WASM0119"),
            (ErrorCode::Panic, 500, "WASM0116"),
            (ErrorCode::Engine, 500, "WASM0109"),
        ];
        for (code, status, message) in rows {
            let judgement = judge_error(code);
            assert_eq!(judgement.verdict, Status(status), "{code:?}");
            assert_eq!(
                judgement.message.map(|message| message.code),
                Some(message),
                "{code:?}"
            );
        }
    }
}
