//! Property tests of everything that reads text: no panic, no value out of bounds, and what is shown can be read back.
//! `PROPTEST_CASES` sets how many cases each property tries.

use std::path::Path;
use std::time::Duration;

use super::common::{ServerRoot, words};
use crate::units::{parse_duration, parse_size, show_duration, show_size};
use crate::{Args, DIRECTIVES, Message, Mount, Origin, ServerSettings, Settings};
use crate::{Fault, Level};
use proptest::collection::vec;
use proptest::prelude::*;

/// Text near the grammars: digits, units, signs, and now and then anything.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{0,21}[ ]?(K|M|G|k|m|g|ms|s|min|h|H|MIN|)[ ]?",
        "[-+.0-9eE_xKMGmsinh]{0,12}",
        "(On|Off|on|OFF|[onfONF]{0,4})",
        "(timeout|size|concurrent|requests|idle|Idle|x)=([0-9]{0,11}(K|G|s|h)?|.?)",
        "(none|(https?://|tcp://|udp://)?(\\*\\.)?(a\\.example|10\\.0\\.0\\.0(/8)?|\\[::1\\])(:[0-9]{1,5})?)",
        "[/.a-z=\"\u{0}\u{e9}]{0,16}",
        any::<String>(),
    ]
}

fn set(index: usize, values: &[&str]) -> Result<(Settings, ServerSettings), String> {
    let (mut settings, mut server) = (Settings::default(), ServerSettings::default());
    let args = Args {
        values,
        origin: &Origin::default(),
    };
    DIRECTIVES[index]
        .set(&mut settings, &mut server, &args, &ServerRoot)
        .map(|()| (settings, server))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_shown_size_reads_back(bytes in any::<u64>(), shift in 0u32..64) {
        for bytes in [bytes, bytes >> shift, (bytes >> shift) << shift] {
            prop_assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn a_shown_duration_reads_back(number in any::<u64>(), shift in 0u32..64, unit in 0usize..4) {
        let unit = [1, 1000, 60_000, 3_600_000][unit];
        let duration = Duration::from_millis((number >> shift).saturating_mul(unit));
        prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
    }

    #[test]
    fn sizes_are_digits_and_a_unit(text in text()) {
        if let Ok(bytes) = parse_size(&text) {
            let digits = text.trim_end_matches(|c: char| "kKmMgG".contains(c));
            prop_assert!(!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && text.len() <= digits.len() + 1);
            prop_assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn durations_read_back_whatever_was_written(text in text()) {
        if let Ok(duration) = parse_duration(&text) {
            prop_assert!(text.starts_with(|c: char| c.is_ascii_digit()));
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }
    }

    #[test]
    fn any_line_is_set_within_bounds_or_refused_by_name(index in 0..DIRECTIVES.len(), values in vec(text(), 0..4)) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        match set(index, &values) {
            Err(error) => prop_assert!(error.starts_with(DIRECTIVES[index].name), "{}", error),
            Ok((settings, server)) => {
                prop_assert!((64 << 10..=4 << 30).contains(&settings.memory_limit()));
                prop_assert!((1..=65_536).contains(&settings.max_open_files()));
                let timeout = settings.timeout(Duration::from_secs(1));
                prop_assert!(!timeout.is_zero() && timeout <= Duration::from_secs(86_400));
                prop_assert!(server.max_instances().is_none_or(|n| (1..=20_000).contains(&n)));
                prop_assert!(settings.env().all(|(name, _)| !name.is_empty() && !name.contains(['=', '\0'])));
                prop_assert!(settings.config().all(|(key, _)| !key.is_empty() && !key.contains(['=', '\0'])));
                let limit = settings.outbound_limit();
                prop_assert!(!limit.timeout.is_zero() && limit.timeout <= Duration::from_secs(86_400));
                prop_assert!((1..=1 << 40).contains(&limit.max_body) && (1..=1000).contains(&limit.max_concurrent));
                if let Some(reuse) = settings.reuse() {
                    prop_assert!((1..=1_000_000).contains(&reuse.requests) && (1..=1000).contains(&reuse.concurrent));
                    prop_assert!(!reuse.idle.is_zero() && reuse.idle <= Duration::from_secs(86_400));
                }
                prop_assert!(settings.mounts().all(|m| !m.guest.is_empty() && m.host.is_absolute()));
                prop_assert!(!settings.describe().is_empty() || !server.describe().is_empty());
            }
        }
    }

    #[test]
    fn a_refused_line_changes_nothing(index in 0..DIRECTIVES.len(), values in vec(text(), 0..4)) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let (mut settings, mut server) = (Settings::default(), ServerSettings::default());
        let args = Args { values: &values, origin: &Origin::default() };
        if DIRECTIVES[index].set(&mut settings, &mut server, &args, &ServerRoot).is_err() {
            prop_assert!(settings == Settings::default() && server == ServerSettings::default());
        }
    }

    #[test]
    fn a_mapped_path_leads_the_guest_to_the_same_file(
        mounts in vec(("/[ab]{1,2}(/[ab]{1,2}){0,2}", "/[ab/]{0,3}"), 0..4),
        host in "/?([ab.]{1,2}/?){0,5}",
    ) {
        let mut settings = Settings::default();
        for (host, guest) in mounts {
            settings.set_mount(Mount {
                host: host.into(), guest, directive: "WasmMapDir", origin: Origin::default(), read_only: false,
            });
        }
        let mounts: Vec<&Mount> = settings.mounts().collect();
        let host = Path::new(&host);
        match settings.guest_path(host) {
            None => {
                let up = host.components().any(|c| c.as_os_str() == "..");
                let covered = mounts.iter().any(|m| host.starts_with(&m.host));
                let nested = |m: &&Mount| mounts.iter().any(|other| {
                    other.guest != m.guest && Path::new(&other.guest).starts_with(&m.guest)
                });
                prop_assert!(up || !covered || mounts.iter().any(nested));
            }
            Some(guest) => {
                let deepest = mounts.iter().filter(|m| Path::new(&guest).starts_with(&m.guest));
                let mount = deepest.max_by_key(|m| Path::new(&m.guest).components().count());
                let found = mount.and_then(|m| Some(m.host.join(Path::new(&guest).strip_prefix(&m.guest).ok()?)));
                prop_assert!(found.as_deref() == Some(host), "{} is {}: {:?}", host.display(), guest, found);
            }
        }
    }

    #[test]
    fn a_message_line_keeps_every_value(values in vec((0usize..4, "[a-z{}]{0,5}"), 0..5)) {
        let message = Message {
            code: "WASM9999", level: Level::Error, fault: Fault::Us, status: None, text: "a {b} c {d} e", remedy: "",
        };
        let fields: Vec<(&str, &dyn std::fmt::Display)> =
            values.iter().map(|(key, value)| (["b", "d", "x", "y"][*key], value as _)).collect();
        let line = message.line(&fields);
        prop_assert!(line.starts_with("WASM9999: a "));
        prop_assert!(values.iter().all(|(_, value)| line.contains(value.as_str())), "{}", line);
    }

    #[test]
    fn words_of_a_quoted_line(plain in "[a-z]{1,5}", quoted in "[a-z ]{0,8}") {
        prop_assert_eq!(words(&format!("{plain} \"{quoted}\"")), [plain, quoted]);
    }
}
