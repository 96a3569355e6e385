//! The contract is frozen: what was built against a version goes on working, and nothing of a version may change. Each folder
//! beside this file is a version: its `wit/`, a component of each kind that was built against it, and cases that they pass.
//!
//! Nothing in a version's folder is ever changed or built again. When `wit/` gets a new minor version, a folder is added.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use wit_parser::{Resolve, WorldId};

const WORLDS: [&str; 3] = ["source-plugin", "mapper-plugin", "converter-plugin"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract")
}

fn versions() -> Vec<PathBuf> {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut versions: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    versions.sort();
    versions
}

#[test]
fn what_was_built_against_a_version_goes_on_working() {
    for version in versions() {
        for kind in ["source", "mapper", "converter"] {
            let component = version.join(format!("{kind}.wasm"));
            let cases = version.join("cases").join(kind);
            let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
            command.args(["plugin", "test"]).arg(&component).arg("--json");
            if cases.is_dir() {
                command.arg("--cases").arg(&cases);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{}: {said}", component.display());
            let checked =
                Command::new(env!("CARGO_BIN_EXE_chancery")).args(["plugin", "check"]).arg(&component).output();
            assert!(checked.unwrap().status.success(), "{}", component.display());
        }
    }
}

/// The three worlds of a folder of WIT, all in one, with the other's beside it.
fn parsed(before: &[(String, String)], now: &[(String, String)]) -> (Resolve, Vec<(WorldId, WorldId)>) {
    let mut resolve = Resolve::default();
    let mut package = |files: &[(String, String)], version: &str| {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            // Two packages of one name and version cannot stand in one graph; only what they hold is compared.
            let renamed = text.lines().map(|line| match line.strip_prefix("package chancery:connector@") {
                Some(_) => format!("package chancery:connector@{version};\n"),
                None => format!("{line}\n"),
            });
            fs::write(folder.path().join(file), renamed.collect::<String>()).unwrap();
        }
        resolve.push_dir(folder.path()).unwrap().0
    };
    let (before, now) = (package(before, "1.0.0"), package(now, "1.0.1"));
    let world = |package, name: &str| resolve.select_world(&[package], Some(name)).unwrap();
    let worlds = WORLDS.iter().map(|name| (world(before, name), world(now, name))).collect();
    (resolve, worlds)
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
        .filter(|(name, _)| name.ends_with(".wit"))
        .collect()
}

/// The first world in which a component that was built against `before` would not fit `now`.
fn breaks(before: &[(String, String)], now: &[(String, String)]) -> Option<String> {
    let (resolve, worlds) = parsed(before, now);
    WORLDS.iter().zip(worlds).find_map(|(name, (before, now))| {
        let compared = wit_component::semver_check(resolve.clone(), before, now);
        compared.err().map(|error| format!("{name}: {error:#}"))
    })
}

#[test]
fn no_version_is_changed_by_the_one_in_work() {
    let now = files(&root().join("../../wit"));
    for version in versions() {
        assert_eq!(breaks(&files(&version.join("wit")), &now), None, "{}", version.display());
    }
}

#[test]
fn what_would_break_a_plugin_is_found() {
    let before = files(&root().join("1.0.0/wit"));
    let changed = |from: &str, to: &str| -> Vec<(String, String)> {
        assert!(before.iter().any(|(_, text)| text.contains(from)), "{from}");
        before.iter().map(|(name, text)| (name.clone(), text.replace(from, to))).collect()
    };
    for (from, to) in [
        ("        internal: bool,", "        internal: bool,\n        title: option<string>,"),
        ("        /// Nobody picked up.\n        missed,\n", ""),
        ("        other,\n    }\n\n    /// Which way", "        other,\n        poll,\n    }\n\n    /// Which way"),
        ("keep: func(path: string)", "hold: func(path: string)"),
        ("totals: func(settings: string, account: string,", "totals: func(settings: string,"),
        ("    import blobs;\n", ""),
        ("    /// One page.", "    discover: func() -> string;\n\n    /// One page."),
    ] {
        assert!(breaks(&before, &changed(from, to)).is_some(), "{from} -> {to}");
    }
    let offered =
        changed("    import blobs;\n", "    import blobs;\n    import clock: interface { now: func() -> u64; }\n");
    assert_eq!(breaks(&before, &offered), None, "what the host offers besides may grow");
    assert_eq!(breaks(&before, &before), None);
}
