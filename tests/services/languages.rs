//! Plugins in Python and JavaScript, from an empty folder to mail. Needs `componentize-py` and `componentize-js`: see `.ci/run` for how
//! they are installed, and `CHANCERY_COMPONENTIZE_PY` and `CHANCERY_COMPONENTIZE_JS` for where.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    author,
    support::exports::{Connector, Installation},
};

fn tools(variable: &str) -> PathBuf {
    let folder = std::env::var_os(variable);
    folder.unwrap_or_else(|| panic!("CHANCERY_TEST_SERVICES=1 needs {variable}: see CONTRIBUTING.md")).into()
}

fn is_wanted() -> bool {
    std::env::var_os("CHANCERY_TEST_SERVICES").is_some_and(|value| value == "1")
}

/// Makes a plugin of each of these kinds, which builds and passes what it says it does.
fn begun(folder: &Path, language: &str, kinds: &[&str]) {
    for kind in kinds {
        if language == "python" {
            author::begin(folder, kind, language, &tools("CHANCERY_COMPONENTIZE_PY").join("bin"), &[]);
        } else {
            // What npm has fetched once is there; nothing is fetched in a test.
            let (cache, offline) = (tools("CHANCERY_COMPONENTIZE_JS").join("cache"), PathBuf::from("true"));
            let environment = [("npm_config_cache", cache.as_path()), ("npm_config_offline", offline.as_path())];
            author::begin(folder, kind, language, Path::new("/nonexistent"), &environment);
        }
    }
}

#[test]
fn a_source_in_python_and_a_converter_in_javascript_run_beside_a_mapper_in_rust() {
    if !is_wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    begun(folder.path(), "python", &["source"]);
    begun(folder.path(), "javascript", &["converter"]);
    let installation = Installation::new(&[]);
    let component = |kind: &str| {
        let name = format!("acme-{kind}");
        fs::copy(folder.path().join(&name).join(format!("{name}.wasm")), installation.path(&format!("{name}.wasm")))
            .unwrap();
        format!("./{name}.wasm")
    };
    let (source, converter) = (component("source"), component("converter"));
    installation.put(
        "inbox/a.jsonl",
        "{\"id\":\"1\",\"at\":1700000000000,\"chat\":\"général\",\"from\":\"anna@example.com\",\"text\":\"grüezi, from two languages\"}\n\
         no message\n{\"id\":\"2\",\"at\":1700000001000,\"chat\":\"général\",\"from\":\"anna@example.com\"}\n",
    );
    installation.put("map.csv", "External User ID,Microsoft 365 User Mailbox\nanna@example.com,anna@example.com\n");
    for plugin in [&source, &converter] {
        installation.done(&["plugin", "approve", plugin]);
    }
    let connector = Connector {
        source: &source,
        settings: "path = \"inbox\"",
        grant: "folders = [\"inbox\"]",
        converter: &converter,
        mapping: Some("map.csv"),
        mapper: "ids = \"text\"",
        ..Connector::default()
    };
    installation.configure(&[connector], "");
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    let outcome = outcomes.values().next().unwrap();
    assert_eq!((outcome.item("delivered"), outcome.item("parked"), outcome.copy("imported")), (2, 1, 2), "{outcome:?}");
    let mails = installation.mails_of("anna@example.com");
    assert!(mails.iter().any(|mail| mail.text().contains("grüezi, from two languages")));
    let (_, outcomes) = installation.sync(&[]);
    assert_eq!(outcomes.values().next().unwrap().item("fetched"), 0, "nothing comes twice");
    installation.done(&["ledger", "verify"]);
}

#[test]
fn every_kind_can_be_begun_in_every_language() {
    if !is_wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    begun(folder.path(), "python", &["mapper", "converter"]);
    let folder = tempfile::tempdir().unwrap();
    begun(folder.path(), "javascript", &["source", "mapper"]);
}
