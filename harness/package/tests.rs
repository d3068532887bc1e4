//! Whole installations: small servers written here, and one package of each registry.

use super::model::inside;
use super::*;
use std::fs;
use std::io::Write;
use std::path::Path;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let file = self.folder.path().join("server").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    fn options(&self) -> Options<'static> {
        Options {
            cache: self.folder.path().join("cache"),
            as_of: None,
            offline: false,
            runtime: None,
            settings: Default::default(),
            progress: &|_| {},
        }
    }

    fn target(&self) -> Target {
        Target::Folder(self.folder.path().join("server"))
    }

    fn fetch(&self) -> Package {
        fetch(&self.target(), &self.options()).unwrap()
    }
}

/// The file of the host that an inside path shows.
fn outside(package: &Package, path: &str) -> std::path::PathBuf {
    let mounts = package.launch.mounts.iter().rev();
    let mut shown = mounts.filter_map(|mount| {
        let below = path.strip_prefix(&mount.target)?.trim_start_matches('/');
        Some(mount.source.join(below))
    });
    shown
        .next()
        .unwrap_or_else(|| panic!("nothing shows `{path}`: {package:#?}"))
}

fn assert_nothing_of_the_host(package: &Package, host: &Path) {
    let host = host.display().to_string();
    let seen = [
        package.launch.argv.join(" "),
        format!("{:?}", package.launch.env),
    ];
    assert!(seen.iter().all(|text| !text.contains(&host)), "{seen:?}");
    for mount in &package.launch.mounts {
        assert!(!mount.target.contains(&host));
        for entry in walkdir::WalkDir::new(&mount.source) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                let bytes = fs::read(entry.path()).unwrap();
                let found = memchr::memmem::find(&bytes, host.as_bytes());
                assert_eq!(found, None, "{}", entry.path().display());
            }
        }
    }
}

#[test]
fn a_node_folder_is_installed_without_running_its_scripts() {
    let place = Place::new();
    let marker = place.folder.path().join("ran");
    let manifest = format!(
        r#"{{"name": "mail", "version": "1.0.0", "bin": "index.js", "dependencies": {{"inner": "file:./inner"}},
            "scripts": {{"preinstall": "touch {0}", "install": "touch {0}", "prepare": "touch {0}"}}}}"#,
        marker.display()
    );
    place
        .write("package.json", &manifest)
        .write("index.js", "require('inner')")
        .write(
            "inner/package.json",
            r#"{"name": "inner", "version": "2.0.0", "scripts": {"install": "exit 1"}}"#,
        )
        .write("inner/index.js", "");
    let package = place.fetch();
    assert!(!marker.exists());
    assert_eq!(package.name.as_deref(), Some("mail"));
    assert!(package.launch.argv[1].ends_with("/node_modules/mail/index.js"));
    assert!(outside(&package, &package.launch.argv[1]).is_file());
    assert!(
        !place.folder.path().join("server/node_modules").exists(),
        "the folder was changed"
    );
    assert_eq!(place.fetch().integrity, package.integrity);
}

#[test]
fn a_python_folder_is_put_on_the_path_without_building_it() {
    let place = Place::new();
    place
        .write(
            "pyproject.toml",
            "[build-system]\nrequires = ['no-such-backend']\nbuild-backend = 'evil'\n\
             [project]\nname = 'mail-server'\nversion = '1.2'\nrequires-python = '>=3.9'\n\
             [project.scripts]\nmail-server = 'mail_server:main'\n",
        )
        .write(
            "src/mail_server/__init__.py",
            "def main():\n    print('hello')\n",
        );
    let package = place.fetch();
    assert_eq!(package.version.as_deref(), Some("1.2"));
    let script = outside(&package, &package.launch.argv[1]);
    let text = fs::read_to_string(script).unwrap();
    assert!(text.contains("from mail_server import main"));
    assert!(package.launch.argv[1].ends_with("/bin/mail-server"));
    let mut own = package.clone();
    own.launch
        .mounts
        .retain(|mount| !mount.target.starts_with("/opt"));
    assert_nothing_of_the_host(&own, place.folder.path());
}

#[test]
fn two_versions_of_a_folder_are_seen_at_the_same_paths() {
    let (old, new) = (Place::new(), Place::new());
    old.write("server.py", "print(1)\n");
    new.write("server.py", "print(2)\n");
    let (a, b) = (old.fetch(), new.fetch());
    assert_eq!(a.launch.argv, b.launch.argv);
    let targets = |package: &Package| {
        let mounts = package.launch.mounts.iter();
        mounts.map(|mount| mount.target.clone()).collect::<Vec<_>>()
    };
    assert_eq!(targets(&a), targets(&b));
    assert_ne!(a.integrity, b.integrity);
}

#[test]
fn what_would_build_on_the_host_is_refused() {
    let place = Place::new();
    place.write("server.py", "").write(
        "requirements.txt",
        "evil @ git+https://h.example/evil.git\n",
    );
    let error = fetch(&place.target(), &place.options()).unwrap_err();
    assert!(matches!(error, FetchError::BuildRefused { .. }), "{error}");
    assert!(error.is_usage());
}

/// Where an inside path comes from, alone.
fn source(package: &Package, target_end: &str) -> std::path::PathBuf {
    let mut mounts = package.launch.mounts.iter();
    let mount = mounts.find(|mount| mount.target.ends_with(target_end));
    mount
        .unwrap_or_else(|| panic!("{package:#?}"))
        .source
        .clone()
}

#[test]
fn edited_code_keeps_the_packages_that_a_lock_pins() {
    let place = Place::new();
    let manifest = r#"{"name": "mail", "version": "1.0.0", "bin": "index.js"}"#;
    let lock = r#"{"name": "mail", "version": "1.0.0", "lockfileVersion": 3,
        "packages": {"": {"name": "mail", "version": "1.0.0"}}}"#;
    place
        .write("package.json", manifest)
        .write("package-lock.json", lock)
        .write("index.js", "1");
    let first = place.fetch();
    let second = place.write("index.js", "2").fetch();
    assert_ne!(first.integrity, second.integrity);
    assert_eq!(
        fs::read_to_string(outside(&second, &second.launch.argv[1])).unwrap(),
        "2"
    );
    let packages = "/node_modules/mail/node_modules";
    assert_eq!(source(&first, packages), source(&second, packages));
}

#[test]
fn edited_code_keeps_its_environment() {
    let place = Place::new();
    let first = place.write("server.py", "print(1)").fetch();
    let second = place.write("server.py", "print(2)").fetch();
    assert_eq!(source(&first, inside::VENV), source(&second, inside::VENV));
    assert_eq!(
        fs::read_to_string(outside(&second, &second.launch.argv[1])).unwrap(),
        "print(2)"
    );
}

fn bundle(place: &Place, manifest: &str) -> Target {
    let path = place.folder.path().join("mail.mcpb");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in [("manifest.json", manifest), ("server/index.js", "")] {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    Target::Bundle(path)
}

#[test]
fn a_bundle_starts_with_the_settings_it_asks_for() {
    let place = Place::new();
    let manifest = r#"{"manifest_version": "0.3", "name": "mail", "version": "1.0.0",
        "server": {"type": "node", "entry_point": "server/index.js", "mcp_config": {"command": "node",
            "args": ["${__dirname}/server/index.js", "${user_config.folders}"],
            "env": {"MAIL_TOKEN": "${user_config.token}", "SENDER": "${user_config.sender}", "MODE": "stdio"}}},
        "user_config": {"token": {"type": "string", "sensitive": true, "required": true},
            "sender": {"type": "string", "required": true},
            "folders": {"type": "directory", "multiple": true, "default": ["${HOME}/a", "${HOME}/b"]}}}"#;
    let target = bundle(&place, manifest);
    let error = fetch(&target, &place.options()).unwrap_err();
    assert!(
        matches!(&error, FetchError::Setting { name, .. } if name == "sender"),
        "{error}"
    );

    let mut options = place.options();
    options
        .settings
        .insert("sender".to_owned(), "a@corp.example".to_owned());
    let package = fetch(&target, &options).unwrap();
    assert_eq!(
        package.launch.argv[1..],
        [
            "/home/alex/mcp/server/server/index.js",
            "/home/alex/a",
            "/home/alex/b"
        ]
    );
    assert_eq!(
        package.launch.env,
        [("MODE".to_owned(), "stdio".to_owned())]
    );
    let names: Vec<_> = package.settings.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["MAIL_TOKEN", "SENDER"]);
    assert!(matches!(package.settings[0].value, Value::Secret(_)));
}

#[test]
fn a_configuration_s_credentials_stay_in_it() {
    let place = Place::new();
    place.write("index.js", "").write(
        "mcp.json",
        r#"{"mcpServers": {"mail": {"command": "node", "args": ["index.js", "--api-key=real-key-1"],
            "env": {"MAIL_TOKEN": "real-token-2", "SENDER": "a@corp.example"}}}}"#,
    );
    let target = Target::Config {
        file: place.folder.path().join("server/mcp.json"),
        server: "mail".to_owned(),
    };
    let package = fetch(&target, &place.options()).unwrap();
    let text = format!("{:?} {:?}", package.launch, package.settings);
    assert!(!text.contains("real-"), "{text}");
    assert!(!outside(&package, "/home/alex/mcp/server/mcp.json").exists());
    assert_eq!(
        package.launch.argv[1..],
        ["index.js", "--api-key=${api-key}"]
    );
    assert_eq!(package.launch.cwd.as_deref(), Some("/home/alex/mcp/server"));
}

#[test]
fn an_npm_package_is_installed_once_and_found_again_offline() {
    let place = Place::new();
    let target = Target::parse("npm:semver@7.6.3").unwrap();
    let package = fetch(&target, &place.options()).unwrap();
    assert_eq!(package.resolved, "pkg:npm/semver@7.6.3");
    assert!(package.integrity.as_ref().unwrap().starts_with("sha512-"));
    assert!(outside(&package, &package.launch.argv[1]).is_file());
    assert_nothing_of_the_host(&package, place.folder.path());
    let mut options = place.options();
    options.offline = true;
    let again = fetch(&target, &options).unwrap();
    assert_eq!(again.launch, package.launch);
    let error = fetch(&Target::parse("npm:semver@7.6.2").unwrap(), &options);
    // npm's own cache may hold it; what may not happen is another kind of failure.
    assert!(
        !matches!(&error, Err(e) if !matches!(e, FetchError::Offline { .. })),
        "{error:?}"
    );
}

#[test]
fn a_python_package_is_installed_and_says_what_is_wrong() {
    let place = Place::new();
    let package = fetch(
        &Target::parse("pypi:wheel@0.43.0").unwrap(),
        &place.options(),
    )
    .unwrap();
    assert_eq!(package.resolved, "pkg:pypi/wheel@0.43.0");
    assert!(package.integrity.as_ref().unwrap().starts_with("sha256-"));
    assert!(package.published.as_ref().unwrap().starts_with("2024-"));
    assert!(package.launch.argv[1].ends_with("/bin/wheel"));
    let mut own = package.clone();
    own.launch
        .mounts
        .retain(|mount| !mount.target.starts_with("/opt"));
    assert_nothing_of_the_host(&own, place.folder.path());
    let error = fetch(
        &Target::parse("pypi:wheel@999.1").unwrap(),
        &place.options(),
    )
    .unwrap_err();
    assert!(error.is_usage());
    assert!(error.hint().unwrap().starts_with("the newest are `"));
}
