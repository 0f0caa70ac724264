//! How a path of the host becomes one of the guest.

use std::path::{Path, PathBuf};

use super::common::{Folder, section};
use crate::{Mount, guest_path};

fn mount(host: &str, guest: &str) -> Mount {
    Mount {
        host: PathBuf::from(host),
        guest: guest.to_owned(),
        read_only: false,
    }
}

fn mapped(mounts: &[(&str, &str)], host: &str) -> Option<String> {
    let mounts: Vec<Mount> = mounts
        .iter()
        .map(|(host, guest)| mount(host, guest))
        .collect();
    guest_path(&mounts, Path::new(host))
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
    let seen = |lines: &str| guest_path(section(lines).mounts(), &file);
    assert_eq!(seen(&lines).as_deref(), Some("/tmp/x"));
    assert_eq!(seen(&format!("{lines}\nWasmTempDir /tmp")), None);
    assert_eq!(
        seen(&format!("{lines}\nWasmTempDir /other")).as_deref(),
        Some("/tmp/x")
    );
}
