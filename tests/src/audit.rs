//! The audit of error logs: what httpd complained about must have been announced by the test, and nothing else.
//!
//! Works on text only; which files belong to a server is not its business.

/// One line of an error log in httpd's default format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The module that logged, `core`; empty when the line has another form.
    pub module: String,
    /// The level, `error`; empty when the line has another form.
    pub level: String,
    /// The whole line.
    pub text: String,
}

/// Levels that need an announcement.
const GRAVE: [&str; 5] = ["emerg", "alert", "crit", "error", "warn"];

/// Notices that tell of a child's death: grave whatever their level.
const DEATHS: [&str; 3] = ["AH00050", "AH00051", "AH00052"];

/// httpd's remark that all its workers are busy. The servers of the tests are small on purpose, so it says nothing of what
/// is tested, and whether it comes depends on when httpd looks.
const BUSY: [&str; 5] = ["AH00161", "AH00286", "AH00288", "AH00484", "AH10159"];

impl Line {
    /// Reads `[time] [module:level] …`.
    pub fn parse(text: &str) -> Line {
        let second = text
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] ["))
            .and_then(|(_, rest)| rest.split_once(']'))
            .and_then(|(word, _)| word.split_once(':'));
        let (module, level) = second.unwrap_or_default();
        Line {
            module: module.to_owned(),
            level: level.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Must a test announce this line?
    pub fn is_grave(&self) -> bool {
        if BUSY.iter().any(|code| self.text.contains(code)) {
            return false;
        }
        self.level.is_empty()
            || GRAVE.contains(&self.level.as_str())
            || DEATHS.iter().any(|code| self.text.contains(code))
    }
}

/// The lines of a log that are not blank.
pub fn lines(log: &str) -> Vec<Line> {
    log.lines()
        .filter(|line| !line.trim().is_empty())
        .map(Line::parse)
        .collect()
}

/// What is wrong with the logs, one complaint a line; empty when all is well.
pub fn complaints(lines: &[Line], announced: &[String], tolerated: &[String]) -> Vec<String> {
    let known = |line: &Line| {
        let mut all = announced.iter().chain(tolerated);
        all.any(|words| line.text.contains(words))
    };
    let surprises = lines
        .iter()
        .filter(|line| line.is_grave() && !known(line))
        .map(|line| format!("not announced: {}", line.text));
    let missing = announced
        .iter()
        .filter(|words| !lines.iter().any(|line| line.text.contains(*words)))
        .map(|words| format!("announced, but not logged: {words}"));
    surprises.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::{complaints, lines};

    const LOG: &str = "[Mon Jan 01 10:00:00.1 2024] [mpm_event:notice] [pid 1:tid 1] AH00489: configured\n\
        [Mon Jan 01 10:00:00.2 2024] [wasm:error] [pid 2:tid 2] [client 127.0.0.1:1] WASM0101: trapped\n";

    #[test]
    fn an_error_must_be_announced() {
        let parsed = lines(LOG);
        assert_eq!(parsed[1].module, "wasm");
        assert_eq!(complaints(&parsed, &["WASM0101".into()], &[]), [""; 0]);
        assert_eq!(complaints(&parsed, &[], &["WASM0101".into()]), [""; 0]);
        assert_eq!(complaints(&parsed, &[], &[]).len(), 1);
    }

    #[test]
    fn an_announcement_must_come_true() {
        let announced = ["WASM0101".to_owned(), "WASM0102".to_owned()];
        assert_eq!(complaints(&lines(LOG), &announced, &[]).len(), 1);
    }

    #[test]
    fn a_dead_child_and_a_stray_line_are_grave() {
        let log = "[t] [core:notice] [pid 1] AH00052: child pid 7 exit signal\nthread panicked\n";
        assert_eq!(complaints(&lines(log), &[], &[]).len(), 2);
    }
}
