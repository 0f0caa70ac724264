//! What the helper process tells of its job, as bytes: a text, and behind it a fixed number of bytes that say the rest.
//!
//! It comes last on a pipe on which a panic, or the system's library, may have written before. Whoever reads it trusts the
//! helper with the content, and with nothing else: every length is bounded here.

use crate::kind::GuestKind;
use crate::{Error, ErrorCode};

/// Maximum length of the text, bytes.
pub const MAX_TEXT: usize = 4096;

const MAGIC: &[u8; 8] = b"wrt-job1";
/// Magic, outcome, kind, concurrent, unused, length of the code, length of the text.
const FIXED: usize = 8 + 4 + 8 + 4;

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The program is good.
    Good(Summary),
    /// It is not, or the job could not be done.
    Refused(ErrorCode, String),
}

/// What is known of a good program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What kind of program it is.
    pub kind: GuestKind,
    /// Whether it needs an engine for concurrent calls.
    pub concurrent: bool,
    /// Bytes of compiled code that were written; 0 if it was only checked.
    pub code: u64,
}

/// The errors that a job can end with, by their number in a report.
const CODES: [ErrorCode; 8] = [
    ErrorCode::Io,
    ErrorCode::NotWasm,
    ErrorCode::Invalid,
    ErrorCode::Unlinkable,
    ErrorCode::NoEntryPoint,
    ErrorCode::UnsupportedKind,
    ErrorCode::Engine,
    ErrorCode::CompileLimit,
];

impl Report {
    /// The report of a job's result.
    pub fn of(result: Result<Summary, Error>) -> Report {
        match result {
            Ok(summary) => Report::Good(summary),
            Err(error) => Report::Refused(error.code, error.message),
        }
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let (outcome, kind, concurrent, code, text) = match self {
            Report::Good(summary) => (
                0,
                summary.kind.number(),
                u8::from(summary.concurrent),
                summary.code,
                "",
            ),
            Report::Refused(error, text) => {
                let number = CODES.iter().position(|code| code == error);
                let outcome = number.and_then(|n| u8::try_from(n + 1).ok());
                (outcome.unwrap_or(u8::MAX), 0, 0, 0, text.as_str())
            }
        };
        let text = &text.as_bytes()[..text.floor_char_boundary(MAX_TEXT)];
        let mut bytes = text.to_vec();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[outcome, kind, concurrent, 0]);
        bytes.extend_from_slice(&code.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
        bytes
    }

    /// The report at the end of `bytes`, if there is one.
    pub fn decode(bytes: &[u8]) -> Option<Report> {
        let (before, fixed) = bytes.split_at_checked(bytes.len().checked_sub(FIXED)?)?;
        let fields = fixed.strip_prefix(MAGIC)?;
        let (&[outcome, kind, concurrent, _], rest) = fields.split_first_chunk()?;
        let (code, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*rest.first_chunk()?)).ok()?;
        let text = before.get(before.len().checked_sub(length.min(MAX_TEXT))?..)?;
        Some(match outcome {
            0 => Report::Good(Summary {
                kind: GuestKind::from_number(kind)?,
                concurrent: concurrent != 0,
                code: u64::from_le_bytes(*code),
            }),
            n => {
                let code = CODES.get(usize::from(n) - 1).copied();
                let text = String::from_utf8_lossy(text).into_owned();
                Report::Refused(code.unwrap_or(ErrorCode::Engine), text)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_comes_back_whatever_was_written_before_it() {
        let good = Report::Good(Summary {
            kind: GuestKind::ServiceP3,
            concurrent: true,
            code: 1 << 40,
        });
        let refused = Report::Refused(ErrorCode::Unlinkable, "no wrt-job1 here: é".into());
        for report in [good, refused] {
            let mut bytes = b"thread main panicked\nwrt-job1".to_vec();
            bytes.extend(report.encode());
            assert_eq!(Report::decode(&bytes), Some(report));
        }
        let long = Report::Refused(ErrorCode::Invalid, "é".repeat(MAX_TEXT)).encode();
        let Some(Report::Refused(ErrorCode::Invalid, text)) = Report::decode(&long) else {
            panic!("no report");
        };
        assert!(text.len() <= MAX_TEXT && text.starts_with('é'));
    }

    #[test]
    fn what_is_no_report_is_none() {
        let report = Report::Refused(ErrorCode::Invalid, "text".into()).encode();
        assert_eq!(Report::decode(&report[..report.len() - 1]), None);
        assert_eq!(Report::decode(b"Segmentation fault"), None);
        assert_eq!(Report::decode(b""), None);
        // A length that is longer than what came.
        let mut wrong = report.clone();
        let at = wrong.len() - 4;
        wrong[at] = 200;
        assert_eq!(Report::decode(&wrong), None);
    }
}
