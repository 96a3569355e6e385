//! The author's kit: what it says of the plugins that are shipped, and of those that break the contract on purpose.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod exchange;
mod registry;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn chancery(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chancery")).args(arguments).output().unwrap()
}

/// A report as JSON, and the exit code.
fn report(arguments: &[&str]) -> (Value, Option<i32>) {
    let output = chancery(&[&["plugin"][..], arguments, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    let report =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"));
    (report, output.status.code())
}

/// What a report calls bad, by what was looked at.
fn bad(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let bad = findings.filter(|finding| finding["verdict"] == "bad");
    bad.map(|finding| finding["about"].as_str().unwrap().to_owned()).collect()
}

/// A component of the test suite, as a file.
fn misbehaving(folder: &Path, kind: &str) -> String {
    let name = format!("misbehaving-{kind}");
    let plugin = bundle::MISBEHAVING.iter().find(|plugin| plugin.name == name).unwrap();
    let path = folder.join(format!("{name}.wasm"));
    fs::write(&path, plugin.wasm).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_shipped_plugin_can_be_looked_at() {
    for plugin in bundle::PLUGINS {
        let (report, exit) = report(&["check", plugin.name]);
        assert_eq!((exit, bad(&report)), (Some(0), vec![]), "{report:#}");
        let about: Vec<&str> =
            report["findings"].as_array().unwrap().iter().map(|finding| finding["about"].as_str().unwrap()).collect();
        assert!(about.contains(&"world") && about.contains(&"settings") && about.contains(&"wishes"), "{about:?}");
        let words = report["findings"].as_array().unwrap().iter().filter(|finding| finding["about"] == "words");
        assert_eq!(words.count(), 0, "people can read what it says: {report:#}");
    }
}

#[test]
fn what_is_no_plugin_is_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (file, said) in [
        (write("text.wasm", b"hello"), "plugin-corrupt"),
        (write("empty.wasm", b""), "plugin-corrupt"),
        (write("module.wasm", b"\0asm\x01\0\0\0"), "plugin-not-component"),
        (write("component.wasm", b"\0asm\x0d\0\x01\0"), "plugin-world"),
    ] {
        for command in ["check", "test"] {
            let (report, exit) = report(&[command, &file]);
            assert_eq!((exit, bad(&report)), (Some(1), vec!["world".to_owned()]), "{file}: {report:#}");
            let finding = report["findings"].as_array().unwrap().last().unwrap().clone();
            assert!(finding["text"].as_str().unwrap().contains(said), "{finding}");
            assert!(!finding["hint"].as_str().unwrap().is_empty(), "{finding}");
        }
    }
    let output = chancery(&["plugin", "check", "nowhere.wasm"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("nowhere.wasm") && said.contains("hint:"), "{said}");
}

#[test]
fn the_shipped_converter_and_mapper_pass_the_suite_and_keep_what_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("cases/one");
    fs::create_dir_all(&case).unwrap();
    fs::write(
        case.join("mapping.csv"),
        "External User ID,Microsoft 365 User Mailbox\n4915112345678,anna@example.com\n",
    )
    .unwrap();
    let cases = folder.path().join("cases").to_str().unwrap().to_owned();
    for (plugin, golden) in
        [("users", "expected.txt"), ("email", "expected/item-0.eml"), ("daily-digest", "expected/item-0.eml")]
    {
        let (found, exit) = report(&["test", plugin, "--cases", &cases]);
        assert_eq!(exit, Some(1), "nothing is there to compare with: {found:#}");
        assert!(bad(&found).iter().all(|about| about == "golden"), "{found:#}");
        let (found, exit) = report(&["test", plugin, "--cases", &cases, "--update"]);
        assert_eq!((exit, bad(&found)), (Some(0), vec![]), "{found:#}");
        let (found, exit) = report(&["test", plugin, "--cases", &cases]);
        assert_eq!((exit, bad(&found)), (Some(0), vec![]), "{found:#}");
        let path = case.join(golden);
        let changed = [fs::read(&path).unwrap(), b"more\n".to_vec()].concat();
        fs::write(&path, changed).unwrap();
        let (found, _) = report(&["test", plugin, "--cases", &cases]);
        assert_eq!(bad(&found), ["golden"], "{found:#}");
    }
}

/// Makes an archive of a folder, entries by name.
fn archive(folder: &Path, file: &Path) {
    let mut writer = zip::ZipWriter::new(fs::File::create(file).unwrap());
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::<PathBuf>::new());
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (more, here): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
        folders.extend(more);
        files.extend(here);
    }
    files.sort();
    for path in files {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut writer, &fs::read(&path).unwrap()).unwrap();
    }
    writer.finish().unwrap();
}

/// Copies a plugin's cases; a folder whose name ends in `.zip` becomes an archive.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() && path.extension().is_some_and(|ending| ending == "zip") {
            archive(&path, &target);
        } else if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn the_shipped_sources_of_files_pass_the_suite_with_their_own_cases() {
    let mut tried = 0;
    for plugin in bundle::PLUGINS {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins").join(plugin.name).join("cases");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins").join(plugin.name).join("src/component.rs");
        if !cases.exists() || !fs::read_to_string(source).unwrap().contains("source-plugin") {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        copy(&cases, folder.path());
        let cases = folder.path().to_str().unwrap();
        let (found, exit) = report(&["test", plugin.name, "--cases", cases, "--update"]);
        assert_eq!((exit, bad(&found)), (Some(0), vec![]), "{found:#}");
        let (found, exit) = report(&["test", plugin.name, "--cases", cases]);
        assert_eq!((exit, bad(&found)), (Some(0), vec![]), "{found:#}");
        tried += 1;
    }
    assert!(tried >= 1, "no shipped source has cases");
}

#[test]
fn planted_faults_are_found_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let converter = misbehaving(folder.path(), "converter");
    let mapper = misbehaving(folder.path(), "mapper");
    // The misbehaving converter writes plain messages, without notices of what is missing: that much is always found.
    let always = ["text", "notices", "withheld"];
    let (honest, _) = report(&["test", &converter]);
    assert!(bad(&honest).iter().all(|about| always.contains(&about.as_str())), "{honest:#}");
    for (plugin, behaviour, about) in [
        (&converter, "batch-dependent", "split"),
        (&converter, "non-deterministic", "used-instance"),
        (&converter, "uses-clock", "other-time"),
        (&converter, "uses-random", "other-time"),
        (&converter, "fails", "convert"),
        (&converter, "fails-second", "other-order"),
        (&converter, "missing-splice", "convert"),
        (&converter, "header-injection", "convert"),
        (&converter, "no-date", "convert"),
        (&converter, "same-message-id", "convert"),
        (&converter, "skips-last", "convert"),
        (&converter, "covers-twice", "convert"),
        (&converter, "nul-in-body", "convert"),
        (&converter, "long-line", "convert"),
        (&converter, "panic", "convert"),
        (&converter, "logs-texts", "discretion"),
        (&mapper, "other-every-time", "one-by-one"),
        (&mapper, "one-answer-less", "resolve"),
        (&mapper, "somebody-elses-mailbox", "resolve"),
        (&mapper, "refuses", "resolve"),
        (&mapper, "panic", "resolve"),
        (&mapper, "forged-problem", "load"),
    ] {
        let settings = format!("{{\"behave\":\"{behaviour}\"}}");
        let (found, exit) = report(&["test", plugin, "--settings", &settings]);
        assert_eq!(exit, Some(1), "{behaviour}: {found:#}");
        assert!(bad(&found).iter().any(|bad| bad == about), "{behaviour} is not found by {about}: {found:#}");
    }
}

/// Makes a project below `folder` and does what it says comes next, word by word. `tools` stand before what is in PATH.
pub(crate) fn begin(folder: &Path, kind: &str, language: &str, tools: &Path, environment: &[(&str, &Path)]) {
    let binary = Path::new(env!("CARGO_BIN_EXE_chancery"));
    let name = format!("acme-{kind}");
    let path = [tools, binary.parent().unwrap()].map(|path| path.display().to_string());
    let path = format!("{}:{}", path.join(":"), std::env::var("PATH").unwrap());
    let made = Command::new(binary)
        .args(["plugin", "new", &name, "--kind", kind, "--lang", language])
        .current_dir(folder)
        .env("PATH", &path)
        .output()
        .unwrap();
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success(), "{said}{}", String::from_utf8_lossy(&made.stderr));
    let next: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert!(next.len() >= 4, "{said}");
    let ran = Command::new("sh")
        .args(["-ec", &next.join("\n")])
        .current_dir(folder)
        .env("PATH", path)
        .envs(environment.iter().copied())
        // What the workspace is built from is there; nothing is fetched in a test.
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{kind} in {language}: {said}");
    assert!(!said.contains("BAD"), "{kind} in {language}: {said}");
}

#[test]
fn a_new_plugin_builds_and_passes_at_once() {
    for kind in ["source", "mapper", "converter"] {
        let folder = tempfile::tempdir().unwrap();
        begin(folder.path(), kind, "rust", Path::new("/nonexistent"), &[]);
        let again = Command::new(env!("CARGO_BIN_EXE_chancery"))
            .args(["plugin", "new", &format!("acme-{kind}"), "--kind", kind])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(!again.status.success() && said.contains("there already") && said.contains("hint:"), "{said}");
    }
}

#[test]
fn what_a_new_plugin_needs_is_said_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let new_in = |name: &str, language: &str, path: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_chancery"))
            .args(["plugin", "new", name, "--kind", "source", "--lang", language])
            .current_dir(folder.path())
            .env("PATH", path)
            .output()
            .unwrap();
        assert!(!output.status.success());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
        String::from_utf8(output.stderr).unwrap()
    };
    let new = |name: &str, path: &str| new_in(name, "rust", path);
    assert!(new("acme", "/nonexistent").contains("https://rustup.rs"));
    assert!(new_in("acme", "python", "/nonexistent").contains("pip install componentize-py=="));
    assert!(new_in("acme", "javascript", "/nonexistent").contains("https://nodejs.org"));
    let path = std::env::var("PATH").unwrap();
    for name in ["Acme", "../acme", "acme chat", "acme-", "a--b", "1acme"] {
        let said = new(name, &path);
        assert!(said.contains("hint:"), "{name}: {said}");
    }
}

/// A folder with a configuration and two versions of a component: of the frozen contract, and one that asks for more.
fn house() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let init = Command::new(env!("CARGO_BIN_EXE_chancery")).arg("init").current_dir(folder.path()).output().unwrap();
    assert!(init.status.success());
    folder
}

/// Runs in a folder; the exit code, and everything that was said.
fn run_in(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_chancery")).args(arguments).current_dir(folder).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

#[test]
fn a_plugin_is_installed_compared_and_taken_out() {
    let house = house();
    let run = |arguments: &[&str]| run_in(house.path(), arguments);
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/1.0.0");
    let source = frozen.join("source.wasm");
    let source = source.to_str().unwrap();
    let (exit, said) = run(&["plugin", "install", source, "--digest", "sha256:00"]);
    assert!(exit == Some(2) && said.contains("plugin-not-installed") && said.contains("not `sha256:00`"), "{said}");
    assert!(!house.path().join("plugins").exists(), "nothing is made");
    let (exit, said) = run(&["plugin", "install", source]);
    assert!(exit == Some(0) && said.contains("the folder in setting `path`"), "{said}");
    assert!(said.contains("plugin = \"plugins/frozen-source.wasm\""), "{said}");
    assert_eq!(fs::read(house.path().join("plugins/frozen-source.wasm")).unwrap(), fs::read(source).unwrap());
    let (exit, said) = run(&["plugin", "list"]);
    assert!(exit == Some(0) && said.contains("plugins/frozen-source.wasm"), "{said}");
    assert_eq!(run(&["plugin", "diff", source]), (Some(0), "no difference\n".to_owned()));

    // One of the same name that asks for more: it is not put in place unasked.
    let lock = house.path().join("chancery.lock");
    let before = fs::read_to_string(&lock).unwrap();
    fs::write(&lock, before.replace("folder_setting = \"path\"\n", "")).unwrap();
    let (exit, said) = run(&["plugin", "install", source]);
    assert!(exit == Some(2) && said.contains("asks for more") && said.contains("plugin diff"), "{said}");
    assert_eq!(run(&["plugin", "install", source, "--approve"]).0, Some(0));
    assert_eq!(fs::read_to_string(&lock).unwrap(), before);

    let config = house.path().join("chancery.toml");
    let text = fs::read_to_string(&config).unwrap();
    let connector = "\n[[connector]]\nname = \"files\"\nsource = { plugin = \"plugins/frozen-source.wasm\", settings = { path = \"inbox\" } }\n\
                     mapper = { plugin = \"users\" }\nconverter = { plugin = \"email\" }\n\
                     destinations = [{ kind = \"maildir\", root = \"mail\", mailboxes = { domains = [\"example.com\"] } }]\n";
    fs::write(&config, format!("{text}{connector}")).unwrap();
    let (exit, said) = run(&["plugin", "remove", "frozen-source"]);
    assert!(exit == Some(2) && said.contains("is used by files"), "{said}");
    fs::write(&config, text).unwrap();
    assert_eq!(run(&["plugin", "remove", "frozen-source"]).0, Some(0));
    assert!(!house.path().join("plugins/frozen-source.wasm").exists());
    assert!(!fs::read_to_string(&lock).unwrap().contains("frozen-source"));
    let (exit, said) = run(&["plugin", "remove", "../chancery"]);
    assert!(exit == Some(2) && said.contains("plugin list"), "{said}");
    let (exit, said) = run(&["plugin", "diff", source]);
    assert!(exit == Some(2) && said.contains("neither"), "{said}");

    // Another release of a bundled one: what changed is told line by line.
    let changed = house.path().join("email.wasm");
    let email = bundle::PLUGINS.iter().find(|plugin| plugin.name == "email").unwrap();
    let summary = b"one message";
    let mut bytes = email.wasm.to_vec();
    bytes.extend([0, 2 + summary.len() as u8, 1, b'x']);
    bytes.extend(&summary[..]);
    fs::write(&changed, &bytes).unwrap();
    let (exit, said) = run(&["plugin", "diff", "email.wasm"]);
    assert!(
        exit == Some(0) && said.starts_with("digest ") && said.contains("size ") && said.lines().count() == 2,
        "{said}"
    );
}

#[test]
fn a_run_shows_what_is_read_and_keeps_it_as_a_case() {
    let folder = tempfile::tempdir().unwrap();
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/1.0.0");
    copy(&frozen.join("cases/source/one/inbox"), &folder.path().join("inbox"));
    let source = frozen.join("source.wasm");
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_chancery")).args(arguments).current_dir(folder.path()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let settings = "{\"path\":\"inbox\"}";
    let source = source.to_str().unwrap();
    let (exit, items, said) = run(&["plugin", "run", source, "--settings", settings, "--record", "cases/mine"]);
    assert_eq!(exit, Some(0), "{said}");
    assert_eq!(items.lines().count(), 4, "{items}");
    assert!(said.contains("inbox/a.jsonl: 3 items, 1 unreadable") && said.contains("1 files in "), "{said}");
    let kept = fs::read_to_string(folder.path().join("cases/mine/expected.jsonl")).unwrap();
    assert_eq!(kept, fs::read_to_string(frozen.join("cases/source/one/expected.jsonl")).unwrap());
    let (exit, _, said) = run(&["plugin", "test", source, "--cases", "cases"]);
    assert_eq!(exit, Some(0), "{said}");
    let (exit, _, said) = run(&["plugin", "run", source, "--settings", settings, "--record", "cases/mine"]);
    assert!(exit != Some(0) && said.contains("is there already"), "{said}");
    // Of another day only what has no time.
    let window = ["--window", "2020-01-01..2020-01-02"];
    let (exit, items, said) = run(&[&["plugin", "run", source, "--settings", settings], &window[..]].concat());
    assert!(exit == Some(0) && items.lines().count() == 1 && items.contains("unreadable"), "{items}{said}");
    let (exit, _, said) = run(&["plugin", "run", "telemessage"]);
    assert!(exit != Some(0) && said.contains("asked over HTTP") && said.contains("--window"), "{said}");
    let (exit, _, said) = run(&["plugin", "run", "email"]);
    assert!(exit != Some(0) && said.contains("hint:"), "{said}");
    let (exit, _, said) = run(&["plugin", "run", source, "--settings", "{}"]);
    assert!(exit != Some(0) && said.contains("`path`"), "{said}");
}
