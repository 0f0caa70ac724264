//! Which requests wait for each other.

use super::common::section;
use crate::Settings;

#[test]
fn a_section_that_inherits_a_queue_shares_it_and_one_that_names_it_has_its_own() {
    let outer = section("WasmSerialize Writes");
    let inherited = Settings::merge(&outer, &section("WasmEnv A 1"));
    assert_eq!(inherited.serialize(), outer.serialize());
    let own = Settings::merge(&outer, &section("WasmEnv A 1\nWasmSerialize Writes"));
    assert!(own.serialize() != outer.serialize());
    let is_alone = |lines: &str, method: &[u8]| {
        let settings = section(lines);
        settings.serialize().map(|it| it.is_alone(method))
    };
    for (method, writes) in [
        ("GET", false),
        ("OPTIONS", false),
        ("POST", true),
        ("X", true),
    ] {
        let method = method.as_bytes();
        assert_eq!(is_alone("WasmSerialize Writes", method), Some(writes));
        assert_eq!(is_alone("WasmSerialize On", method), Some(true));
        assert_eq!(is_alone("WasmSerialize Off", method), None);
    }
}
