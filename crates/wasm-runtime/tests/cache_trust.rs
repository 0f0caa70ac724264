//! The cache of compiled programs: what is not believed.

#[expect(dead_code, reason = "each test program uses a part of it")]
mod common;
mod scratch;

use scratch::{Scratch, engine, load, troubles, unprepared};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use wasm_runtime::{Source, Trouble};

/// A program of another form.
const COMPONENT: &str = r#"(component
    (core module $m (func (export "run") (result i32) (i32.const 0)))
    (core instance $i (instantiate $m))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (instance $exported (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exported)))"#;

#[test]
fn a_damaged_program_is_compiled_again() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    load(&engine, 3);
    let entry = scratch.entries().remove(0);
    let good = fs::read(&entry).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [&flipped[..], &good[..good.len() - 1], b""] {
        fs::set_permissions(&entry, Permissions::from_mode(0o600)).unwrap();
        fs::write(&entry, bad).unwrap();
        let (source, told) = load(&engine, 3);
        assert_eq!(source, Source::Compiled);
        assert_eq!(troubles(&told), [Trouble::Damaged]);
        assert!(told.trouble[0].1.contains("not what was written"));
        assert_eq!(fs::read(&entry).unwrap(), good);
        assert_eq!(load(&engine, 3).0, Source::Cache);
    }
}

#[test]
fn a_program_under_another_ones_name_is_not_believed() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    load(&engine, 3);
    let three = scratch.entries().remove(0);
    load(&engine, 4);
    let four = scratch.entries().into_iter().find(|e| *e != three).unwrap();
    // Whole: the content does not fit the checksum in the name.
    fs::remove_file(&three).unwrap();
    fs::copy(&four, &three).unwrap();
    assert_eq!(troubles(&load(&engine, 3).1), [Trouble::Damaged]);
    // The code in the name covers the key too, so that no name can be made of two.
    let before = scratch.entries();
    let component = wat::parse_str(COMPONENT).unwrap();
    engine.load("component", &component).unwrap();
    let foreign = scratch
        .entries()
        .into_iter()
        .find(|e| !before.contains(e))
        .unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let forged = format!("{}{}", &name(&three)[..64], &name(&foreign)[64..]);
    fs::remove_file(&three).unwrap();
    fs::rename(&foreign, three.with_file_name(&forged)).unwrap();
    let (source, told) = load(&engine, 3);
    assert_eq!(source, Source::Compiled);
    assert_eq!(troubles(&told), [Trouble::Damaged], "{:?}", told.trouble);
    assert!(!three.with_file_name(forged).exists());
}

#[test]
fn what_was_written_without_the_secret_is_not_believed() {
    let scratch = Scratch::new();
    load(&engine(&scratch, 1 << 30), 3);
    let secret = scratch.cache().join("secret");
    let mode = fs::metadata(&secret).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o400);
    // Another server's cache, with other secrets: whole, well named, and of no use here.
    fs::remove_file(&secret).unwrap();
    let (source, told) = load(&engine(&scratch, 1 << 30), 3);
    assert_eq!(source, Source::Compiled);
    assert_eq!(troubles(&told), [Trouble::Damaged], "{:?}", told.trouble);
    // One that others can read is none.
    fs::set_permissions(&secret, Permissions::from_mode(0o444)).unwrap();
    let refused = unprepared(&scratch.cache(), 1 << 30).prepare_cache();
    assert!(refused.is_err_and(|e| e.message.contains("others can read it")));
}

#[test]
fn files_that_others_can_write_and_links_are_not_believed() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    load(&engine, 3);
    let entry = scratch.entries().remove(0);
    for mode in [0o602, 0o620, 0o666] {
        fs::set_permissions(&entry, Permissions::from_mode(mode)).unwrap();
        let (source, told) = load(&engine, 3);
        assert_eq!(source, Source::Compiled, "{mode:o}");
        assert!(
            told.trouble[0].1.contains("others can write it"),
            "{:?}",
            told.trouble
        );
    }
    let elsewhere = scratch.0.join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    let (source, told) = load(&engine, 3);
    assert_eq!(source, Source::Compiled);
    assert!(
        told.trouble[0].1.contains("symbolic link"),
        "{:?}",
        told.trouble
    );
    assert!(entry.symlink_metadata().unwrap().is_file());
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let scratch = Scratch::new();
    let refusal = |directory: &Path| {
        let engine = unprepared(directory, 1 << 30);
        let refused = engine.prepare_cache().err().map(|e| e.message);
        // Either way programs run.
        load(&engine, 3);
        refused
    };
    fs::create_dir(scratch.cache()).unwrap();
    for (mode, good) in [
        (0o777, false),
        (0o1777, false),
        (0o775, false),
        (0o755, true),
    ] {
        fs::set_permissions(scratch.cache(), Permissions::from_mode(mode)).unwrap();
        let refused = refusal(&scratch.cache());
        assert_eq!(refused.is_none(), good, "{mode:o}: {refused:?}");
        if let Some(text) = refused {
            let mode = format!("mode {mode:04o}");
            assert!(text.contains(&mode) && text.contains("/cache"), "{text}");
        }
    }
    let server = scratch.cache().join("server");
    fs::set_permissions(&server, Permissions::from_mode(0o722)).unwrap();
    assert!(refusal(&scratch.cache()).unwrap().contains("/cache/server"));

    let link = scratch.0.join("link");
    symlink(scratch.cache(), &link).unwrap();
    assert!(refusal(&link).unwrap().contains("a link or a file"));
    assert!(
        refusal(&scratch.0.join("missing/cache"))
            .unwrap()
            .contains("missing/cache")
    );
}

#[test]
fn a_directory_that_becomes_writable_is_not_used_any_more() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    load(&engine, 3);
    let server = scratch.cache().join("server");
    fs::set_permissions(&server, Permissions::from_mode(0o777)).unwrap();
    let (source, told) = load(&engine, 3);
    assert_eq!(
        (source, troubles(&told)),
        (Source::Compiled, vec![Trouble::NotKept])
    );
}

#[test]
fn a_directory_that_is_gone_is_told_and_made_again() {
    let scratch = Scratch::new();
    let engine = engine(&scratch, 1 << 30);
    fs::remove_dir_all(scratch.cache()).unwrap();
    let (source, told) = load(&engine, 3);
    assert_eq!(
        (source, troubles(&told)),
        (Source::Compiled, vec![Trouble::NotKept])
    );
    engine.prepare_cache().unwrap();
    assert_eq!(load(&engine, 3).0, Source::Compiled);
    assert_eq!(load(&engine, 3).0, Source::Cache);
}
