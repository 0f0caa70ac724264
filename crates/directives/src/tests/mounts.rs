//! How a path of the host becomes one of the guest.

use std::path::{Path, PathBuf};

use super::common::{Folder, section};
use crate::{Mount, Origin, Settings};

fn mount(host: &str, guest: &str) -> Mount {
    Mount {
        host: PathBuf::from(host),
        guest: guest.to_owned(),
        directive: "WasmMapDir",
        origin: Origin::default(),
        read_only: false,
    }
}

fn mapped(mounts: &[(&str, &str)], host: &str) -> Option<String> {
    let mut settings = Settings::default();
    for (host, guest) in mounts {
        settings.set_mount(mount(host, guest));
    }
    settings.guest_path(Path::new(host))
}

#[test]
fn a_host_path_maps_through_the_longest_mount() {
    let mounts = &[
        ("/srv/www", "/www"),
        ("/srv/www/app", "/app"),
        ("/srv/data", "/"),
    ];
    let cases = [
        ("/srv/www/index.php", Some("/www/index.php")),
        ("/srv/www/app/a/b.php", Some("/app/a/b.php")),
        ("/srv/www/app", Some("/app")),
        ("/srv/www/app/", Some("/app/")),
        ("/srv/www/application/x", Some("/www/application/x")),
        ("/srv/./www//x", Some("/www/x")),
        ("/srv/www2/x", None),
        ("/srv", None),
        ("/etc/passwd", None),
        ("/srv/www/../../etc/passwd", None),
        ("srv/www/x", None),
        ("", None),
        ("/srv/data/x", Some("/x")),
        ("/srv/data", Some("/")),
        ("/srv/data/", Some("/")),
    ];
    for (host, guest) in cases {
        assert_eq!(mapped(mounts, host).as_deref(), guest, "{host}");
    }
    assert_eq!(mapped(&[], "/srv/www/x"), None);
}

#[test]
fn mapping_at_the_root_and_of_equal_mounts() {
    assert_eq!(
        mapped(&[("/", "/host")], "/etc/passwd").as_deref(),
        Some("/host/etc/passwd")
    );
    assert_eq!(
        mapped(&[("/", "/")], "/etc/passwd").as_deref(),
        Some("/etc/passwd")
    );
    assert_eq!(
        mapped(&[("/a", "/one"), ("/a", "/two")], "/a/x").as_deref(),
        Some("/two/x")
    );
    assert_eq!(mapped(&[("/a", ".")], "/a/x").as_deref(), Some("./x"));
}

#[test]
fn what_the_temporary_directory_hides_is_no_path_of_the_guest() {
    let folder = Folder::new("hidden");
    let lines = format!("WasmMapDir /tmp {}", folder.path().display());
    let file = folder.path().join("x");
    let seen = |lines: &str| section(lines).guest_path(&file);
    assert_eq!(seen(&lines).as_deref(), Some("/tmp/x"));
    assert_eq!(seen(&format!("{lines}\nWasmTempDir /tmp")), None);
    assert_eq!(
        seen(&format!("{lines}\nWasmTempDir /other")).as_deref(),
        Some("/tmp/x")
    );
}

#[test]
fn a_path_that_means_another_file_to_the_guest_is_none() {
    // To the guest /data is the other mount, whatever lies in the first one under that name.
    let mounts = &[("/srv/docs", "/"), ("/srv/other", "/data")];
    let cases = [
        ("/srv/docs/x", Some("/x")),
        ("/srv/docs/data", None),
        ("/srv/docs/data/x", None),
        ("/srv/docs/database/x", Some("/database/x")),
        ("/srv/other/x", Some("/data/x")),
    ];
    for (host, guest) in cases {
        assert_eq!(mapped(mounts, host).as_deref(), guest, "{host}");
    }
    // The next best mount shows the file, if one does.
    let mounts = &[
        ("/srv", "/srv"),
        ("/srv/docs", "/"),
        ("/srv/other", "/data"),
    ];
    let host = "/srv/docs/data/x";
    assert_eq!(mapped(mounts, host).as_deref(), Some("/srv/docs/data/x"));
    // wasi-libc takes no notice of what stands before the first name.
    let mounts = &[("/srv/docs", "."), ("/srv/other", "data")];
    assert_eq!(mapped(mounts, "/srv/docs/data/x"), None);
    assert_eq!(mapped(mounts, "/srv/docs/y").as_deref(), Some("./y"));
}

#[test]
fn a_path_below_the_temporary_directory_is_none() {
    let folder = Folder::new("below");
    let root = folder.path().display();
    let lines = format!("WasmMapDir / {root}\nWasmTempDir /tmp");
    let seen = |name: &str| section(&lines).guest_path(&folder.path().join(name));
    assert_eq!(seen("tmp/x"), None);
    assert_eq!(seen("tmp"), None);
    assert_eq!(seen("tmpx").as_deref(), Some("/tmpx"));
}
