//! What sections give: values, defaults, merging.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use super::common::{Folder, read, section};
use crate::{BodyWithoutLength, DEFAULT_MEMORY_LIMIT, OutboundLimit, Reuse, Settings};

fn merged(outer: &str, inner: &str) -> Vec<String> {
    Settings::merge(&section(outer), &section(inner)).describe()
}

#[test]
fn nothing_is_set_at_first_and_the_defaults_hold() {
    let nothing = Settings::default();
    assert!(nothing.describe().is_empty());
    assert_eq!(nothing.memory_limit(), 256 * 1024 * 1024);
    assert_eq!(nothing.memory_limit(), DEFAULT_MEMORY_LIMIT);
    assert_eq!(nothing.log_limit(), Some(64 * 1024));
    assert_eq!(
        nothing.timeout(Duration::from_secs(60)),
        Duration::from_secs(60)
    );
    for default in [false, true] {
        assert_eq!(nothing.cgi(default), default);
        assert_eq!(nothing.map_cgi_file_names(default), default);
    }
    assert!(!nothing.nph());
    assert_eq!(nothing.body_without_length(), BodyWithoutLength::Spool);
    assert!(nothing.script_log().is_none() && nothing.serialize().is_none());
    assert!(nothing.outbound().is_empty() && nothing.reuse().is_none());
    assert_eq!(nothing.config().count(), 0);
    let limit = OutboundLimit {
        timeout: Duration::from_secs(30),
        max_body: 64 * 1024 * 1024,
        max_concurrent: 16,
    };
    assert_eq!(nothing.outbound_limit(), limit);
    assert!(nothing.module().is_none() && nothing.entry_point().is_none());
}

#[test]
fn argv_starts_with_the_name_of_the_module() {
    let settings = section("WasmModule apps/hello.wasm\nWasmArg one\nWasmArg \"t w o\"");
    assert_eq!(settings.argv("hello.wasm"), ["hello.wasm", "one", "t w o"]);
    let module = settings.module().unwrap();
    assert_eq!(module.path, Path::new("/server/apps/hello.wasm"));
    assert_eq!(module.origin.to_string(), "line 1 of test.conf");
    assert_eq!(section("WasmModule /x").argv("x"), ["x"]);
}

#[test]
fn what_only_a_caller_could_do_is_refused_too() {
    assert_eq!(
        read("WasmModule ?").unwrap_err(),
        "WasmModule: \"?\" is not a usable path"
    );
    assert_eq!(
        read("WasmDir ?").unwrap_err(),
        "WasmDir: \"?\" is not a usable path"
    );
    assert_eq!(
        read("WasmEntryPoint \"\"").unwrap_err(),
        "WasmEntryPoint: the name is empty"
    );
    assert_eq!(
        read("WasmEnv \"\" x").unwrap_err(),
        "WasmEnv: the name is empty"
    );
    assert_eq!(
        read("WasmConfig \"\" x").unwrap_err(),
        "WasmConfig: the key is empty"
    );
    assert_eq!(
        read("WasmAllowOutbound a \"\"").unwrap_err(),
        "WasmAllowOutbound: \"\": the host is missing"
    );
    assert_eq!(
        read("WasmMapDir \"\" /").unwrap_err(),
        "WasmMapDir: the guest path is empty"
    );
    assert_eq!(
        read("WasmMaxInstances +5").unwrap_err(),
        "WasmMaxInstances: \"+5\" is not a whole number from 1 to 20000"
    );
    assert_eq!(
        crate::utf8(b"a\xff").unwrap_err(),
        "\"a\\xff\" is not valid UTF-8"
    );
}

#[test]
fn scalars_inner_wins_if_set() {
    let folder = Folder::new("scalars");
    let outer = "WasmModule /a.wasm\nWasmEntryPoint one\nWasmEnableCGI On\nWasmMapCGIFileNames On\nWasmTimeout 5\n\
                 WasmMemoryLimit 1M\nWasmOutboundLimit timeout=1 size=1 concurrent=1\nWasmReuse idle=1\n\
                 WasmBodyWithoutLength Stream\nWasmScriptLog /a.log max=1\nWasmSerialize On\nWasmNPH On\nWasmMaxOpenFiles 1";
    let inner = "WasmModule /b.wasm\nWasmEntryPoint two\nWasmEnableCGI Off\nWasmMapCGIFileNames Off\nWasmTimeout 1ms\n\
                 WasmMemoryLimit 2M\nWasmOutboundLimit timeout=2 size=2 concurrent=2\nWasmReuse Off\n\
                 WasmBodyWithoutLength Refuse\nWasmScriptLog none\nWasmSerialize Off\nWasmNPH Off\nWasmMaxOpenFiles 2";
    assert_eq!(merged(outer, ""), section(outer).describe());
    assert_eq!(merged("", inner), section(inner).describe());
    assert_eq!(merged(outer, inner), section(inner).describe());
    drop(folder);
}

#[test]
fn arguments_accumulate_in_a_section_and_replace_those_around_it() {
    assert_eq!(
        merged("WasmArg a\nWasmArg b", "WasmArg c\nWasmArg d"),
        ["argument: c", "argument: d"]
    );
    assert_eq!(
        merged("WasmArg a\nWasmArg b", "WasmEnableCGI On"),
        ["argument: a", "argument: b", "CGI: On"]
    );
}

#[test]
fn environment_overlays_by_name() {
    let merged = merged(
        "WasmEnv A 1\nWasmEnv B 1",
        "WasmEnv B 2\nWasmEnv C 2\nWasmEnv B 3",
    );
    assert_eq!(
        merged,
        ["environment: A=1", "environment: C=2", "environment: B=3"]
    );
    let settings = section("WasmEnv A 1\nWasmEnv a 2\nWasmEnv E");
    assert_eq!(
        settings.env().collect::<Vec<_>>(),
        [("A", "1"), ("a", "2"), ("E", "")]
    );
}

#[test]
fn the_configuration_store_overlays_by_key() {
    let merged = merged(
        "WasmConfig a 1\nWasmConfig b 1\nWasmEnv b 0",
        "WasmConfig b 2\nWasmConfig B 2\nWasmConfig b",
    );
    let expected = [
        "environment: b=0",
        "configuration entry: a=1",
        "configuration entry: B=2",
        "configuration entry: b=",
    ];
    assert_eq!(merged, expected);
    let settings = section("WasmConfig a 1\nWasmConfig a 2");
    assert_eq!(settings.config().collect::<Vec<_>>(), [("a", "2")]);
}

#[test]
fn destinations_add_up_in_a_section_and_replace_those_around_it() {
    let outer = "WasmAllowOutbound a.example b.example\nWasmAllowOutbound A.example. c.example";
    let of_outer = [
        "outbound: a.example",
        "outbound: b.example",
        "outbound: c.example",
    ];
    assert_eq!(section(outer).describe(), of_outer);
    assert_eq!(merged(outer, "WasmOutboundLimit size=1M")[..3], of_outer);
    assert_eq!(
        merged(outer, "WasmAllowOutbound d.example"),
        ["outbound: d.example"]
    );
    assert_eq!(merged("", outer), of_outer);
}

#[test]
fn none_takes_back_what_stands_around_and_before_it() {
    let outer = "WasmAllowOutbound *:* tcp://*:*";
    let none = Settings::merge(&section(outer), &section("WasmAllowOutbound None"));
    assert_eq!(none.describe(), ["outbound: none"]);
    assert!(none.outbound().is_empty());
    assert_eq!(
        section("WasmAllowOutbound a\nWasmAllowOutbound none\nWasmAllowOutbound b").describe(),
        ["outbound: b"]
    );
    // Taken back stays taken back in sections that say nothing of it.
    assert!(
        Settings::merge(&none, &section("WasmEnv A 1"))
            .outbound()
            .is_empty()
    );
}

#[test]
fn a_line_with_one_bad_destination_grants_none_of_them() {
    let mut settings = section("WasmAllowOutbound a.example");
    let before = settings.clone();
    let args = crate::Args {
        values: &["b.example", "c.example/x"],
        origin: &crate::Origin::default(),
    };
    let result = crate::directive("WasmAllowOutbound").unwrap().set(
        &mut settings,
        &mut crate::ServerSettings::default(),
        &args,
        &super::common::ServerRoot,
    );
    assert!(result.is_err());
    assert_eq!(settings, before);
}

#[test]
fn parts_of_the_outbound_limit_are_inherited_one_by_one() {
    let outer = section("WasmOutboundLimit timeout=2s size=1M");
    let inner = section("WasmOutboundLimit Concurrent=3\nWasmOutboundLimit TIMEOUT=500ms");
    let limit = OutboundLimit {
        timeout: Duration::from_millis(500),
        max_body: 1024 * 1024,
        max_concurrent: 3,
    };
    assert_eq!(Settings::merge(&outer, &inner).outbound_limit(), limit);
}

#[test]
fn reuse_is_one_value() {
    let on = Reuse {
        requests: 128,
        concurrent: 1,
        idle: Duration::from_secs(10),
    };
    assert_eq!(section("WasmReuse on").reuse(), Some(on));
    let outer = section("WasmReuse requests=5 idle=1h");
    assert_eq!(outer.reuse().map(|reuse| reuse.requests), Some(5));
    let inner = |lines: &str| Settings::merge(&outer, &section(lines)).reuse();
    assert_eq!(inner("WasmReuse On"), Some(on));
    assert_eq!(
        inner("WasmReuse concurrent=8"),
        Some(Reuse {
            concurrent: 8,
            ..on
        })
    );
    assert_eq!(inner("WasmReuse OFF"), None);
    assert_eq!(inner("WasmEnv A 1"), outer.reuse());
    assert_eq!(
        section("WasmReuse requests=5\nWasmReuse idle=10s").reuse(),
        Some(on)
    );
    let off = read("WasmReuse idle=1s off").unwrap_err();
    assert_eq!(off, "WasmReuse: Off stands alone");
}

#[test]
fn the_temporary_directory_is_one_value() {
    let settings = section("WasmTempDir /tmp/");
    let temp = settings.temp_dir().unwrap();
    assert_eq!(
        (temp.guest.as_str(), temp.max, temp.files),
        ("/tmp", 64 << 20, 1000)
    );
    let outer = "WasmTempDir /a max=1M files=5";
    assert_eq!(
        merged(outer, "WasmTempDir /b FILES=7"),
        ["temporary directory: /b max=64M files=7"]
    );
    assert_eq!(merged(outer, ""), section(outer).describe());
    let none = Settings::merge(&section(outer), &section("WasmTempDir None"));
    assert_eq!(none.temp_dir(), None);
    assert_eq!(none.describe(), ["temporary directory: none"]);
}

#[test]
fn equal_settings_have_equal_hashes_and_every_value_counts() {
    let hash = |settings: &Settings| {
        let mut hasher = DefaultHasher::new();
        settings.hash(&mut hasher);
        hasher.finish()
    };
    let lines = [
        "WasmModule /a",
        "WasmModule /b",
        "WasmEntryPoint a",
        "WasmArg a",
        "WasmArg %{A}",
        "WasmQueryArgs Off",
        "WasmEnv a b",
        "WasmEnv a %{b}",
        "WasmConfig a b",
        "WasmDir /",
        "WasmMapDir /a /",
        "WasmTempDir none",
        "WasmTempDir /a",
        "WasmTempDir /a max=1M",
        "WasmTempDir /a files=1",
        "WasmAllowOutbound none",
        "WasmAllowOutbound a",
        "WasmOutboundLimit timeout=30s",
        "WasmOutboundLimit size=64M",
        "WasmOutboundLimit concurrent=16",
        "WasmEnableCGI Off",
        "WasmMapCGIFileNames Off",
        "WasmBodyWithoutLength Stream",
        "WasmScriptLog none",
        "WasmNPH Off",
        "WasmSerialize Off",
        "WasmSerialize On",
        "WasmSerialize Writes",
        "WasmScriptLog /a.log",
        "WasmScriptLog /a.log max=1",
        "WasmTimeout 30s",
        "WasmReuse Off",
        "WasmReuse On",
        "WasmMemoryLimit 64M",
        "WasmMaxOpenFiles 64",
    ];
    let hashes: BTreeSet<u64> = ["", "WasmModule /nobody"]
        .iter()
        .chain(&lines)
        .map(|lines| hash(&section(lines)))
        .collect();
    assert_eq!(hashes.len(), lines.len() + 2);
    for lines in lines {
        assert_eq!(hash(&section(lines)), hash(&section(lines)), "{lines}");
    }
}

#[test]
fn directories_overlay_by_guest_path() {
    let folder = Folder::new("overlay");
    let (root, dir) = (folder.path().display(), folder.places().dir);
    let merged = merged(
        &format!("WasmMapDir /data {root}\nWasmMapDir /x {root}"),
        &format!("WasmMapDir /data/ {dir}\nWasmDir {dir}/"),
    );
    let expected = [
        format!("directory: /x is {root}"),
        format!("directory: /data is {dir}"),
        format!("directory: {dir} is {dir}"),
    ];
    assert_eq!(merged, expected);
}

#[test]
fn merging_three_levels_does_not_depend_on_the_order_of_merging() {
    let levels = [
        "WasmEnv A 1\nWasmArg a\nWasmConfig a 1\nWasmTempDir /t\nWasmAllowOutbound a b\nWasmOutboundLimit size=1",
        "WasmEnv A 2\nWasmEnv B 1\nWasmTimeout 1\nWasmAllowOutbound none\nWasmReuse On\nWasmTempDir none",
        "WasmEnv B 2\nWasmArg c\nWasmConfig a 2\nWasmOutboundLimit timeout=1\nWasmReuse Off",
    ];
    let [a, b, c] = levels.map(section);
    let left = Settings::merge(&Settings::merge(&a, &b), &c);
    assert_eq!(left, Settings::merge(&a, &Settings::merge(&b, &c)));
}
