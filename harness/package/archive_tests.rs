//! What an archive may hold, and what is refused.

use super::*;
use proptest::prelude::*;
use std::io::Write;

const SMALL: Bounds = Bounds {
    bytes: 1 << 20,
    files: 100,
};

fn tar_of(
    build: impl FnOnce(&mut tar::Builder<flate2::write::GzEncoder<File>>),
) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("a.tgz")).unwrap();
    let gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let mut builder = tar::Builder::new(gz);
    build(&mut builder);
    builder.into_inner().unwrap().finish().unwrap();
    folder
}

/// A tar entry with any name at all, which the builder itself would refuse.
fn raw(name: &str, kind: tar::EntryType, size: usize) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    let bytes = name.as_bytes();
    header.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size as u64);
    header.set_cksum();
    header
}

fn unpack(folder: &tempfile::TempDir) -> Result<PathBuf, ArchiveError> {
    let into = folder.path().join("out");
    fs::create_dir_all(&into).unwrap();
    tarball(&folder.path().join("a.tgz"), &into, SMALL).map(|()| into)
}

#[test]
fn an_npm_tarball_unpacks_without_its_first_folder() {
    let folder = tar_of(|tar| {
        let header = raw("package/dist/index.js", tar::EntryType::Regular, 5);
        tar.append(&header, &b"hello"[..]).unwrap();
    });
    let out = unpack(&folder).unwrap();
    assert_eq!(
        fs::read_to_string(out.join("dist/index.js")).unwrap(),
        "hello"
    );
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in ["package/../../evil", "/etc/evil", "package\\..\\..\\evil"] {
        let folder = tar_of(|tar| {
            let header = raw(name, tar::EntryType::Regular, 1);
            tar.append(&header, &b"x"[..]).unwrap();
        });
        assert!(
            matches!(unpack(&folder), Err(ArchiveError::Escape(_))),
            "{name}"
        );
    }
}

#[test]
fn links_and_devices_are_refused() {
    use tar::EntryType as Kind;
    for kind in [Kind::Symlink, Kind::Link, Kind::Fifo, Kind::Char] {
        let folder = tar_of(|tar| {
            let mut header = raw("package/link", kind, 0);
            header.set_link_name("/etc/passwd").unwrap();
            header.set_cksum();
            tar.append(&header, io::empty()).unwrap();
        });
        assert!(
            matches!(unpack(&folder), Err(ArchiveError::Special(_))),
            "{kind:?}"
        );
    }
}

#[test]
fn what_grows_past_the_bounds_is_refused() {
    let bomb = tar_of(|tar| {
        let zeros = vec![0; 2 << 20];
        let header = raw("package/zeros", tar::EntryType::Regular, zeros.len());
        tar.append(&header, &zeros[..]).unwrap();
    });
    assert!(matches!(unpack(&bomb), Err(ArchiveError::Bytes(_))));
    let many = tar_of(|tar| {
        for n in 0..200 {
            let header = raw(&format!("package/{n}"), tar::EntryType::Regular, 0);
            tar.append(&header, io::empty()).unwrap();
        }
    });
    assert!(matches!(unpack(&many), Err(ArchiveError::Files(_))));
}

#[test]
fn an_entry_may_not_replace_another() {
    let folder = tar_of(|tar| {
        for name in ["package/a", "package/a"] {
            let header = raw(name, tar::EntryType::Regular, 1);
            tar.append(&header, &b"x"[..]).unwrap();
        }
    });
    assert!(matches!(unpack(&folder), Err(ArchiveError::Clash(_))));
}

fn zip_of(name: &str, mode: u32, content: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("a.zip")).unwrap();
    let mut writer = zip::ZipWriter::new(file);
    let options = zip::write::SimpleFileOptions::default().unix_permissions(mode);
    if mode & 0o170_000 == 0o120_000 {
        let target = std::str::from_utf8(content).unwrap();
        writer.add_symlink(name, target, options).unwrap();
    } else {
        writer.start_file(name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap();
    folder
}

#[test]
fn a_zip_is_held_to_the_same_rules() {
    let try_one = |name: &str, mode, content: &[u8]| {
        let folder = zip_of(name, mode, content);
        let into = folder.path().join("out");
        fs::create_dir(&into).unwrap();
        zip(&folder.path().join("a.zip"), &into, SMALL).map(|()| into.join(name).exists())
    };
    assert!(try_one("server/main.js", 0o755, b"x").unwrap());
    assert!(matches!(
        try_one("../evil", 0o644, b"x"),
        Err(ArchiveError::Escape(_))
    ));
    assert!(matches!(
        try_one("link", 0o120_777, b"/etc/passwd"),
        Err(ArchiveError::Special(_))
    ));
    let zeros = vec![0; 2 << 20];
    assert!(matches!(
        try_one("zeros", 0o644, &zeros),
        Err(ArchiveError::Bytes(_))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_unpack_inside_or_not_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let folder = tempfile::tempdir().unwrap();
        let (file, into) = (folder.path().join("a"), folder.path().join("out"));
        fs::write(&file, &bytes).unwrap();
        fs::create_dir(&into).unwrap();
        prop_assert!(tarball(&file, &into, SMALL).is_err() || bytes.is_empty());
        prop_assert!(zip(&file, &into, SMALL).is_err());
    }

    #[test]
    fn any_name_stays_inside(name in "[a./\\\\]{0,24}") {
        if let Ok(Some(path)) = inside(&name, 0) {
            prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
        }
    }
}
