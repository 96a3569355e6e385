use super::*;
use crate::item::PluginKind;

/// The component with a text replaced by one of the same length, wherever it stands.
fn patched(name: &str, old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len(), "{old} and {new}");
    let mut bytes = wasm(name).to_vec();
    let places: Vec<_> = memchr::memmem::find_iter(&bytes, old).collect();
    assert!(!places.is_empty(), "`{old}` is not in `{name}`");
    places.into_iter().for_each(|at| bytes[at..at + new.len()].copy_from_slice(new.as_bytes()));
    bytes
}

#[tokio::test]
async fn every_bundled_plugin_loads_and_says_what_it_is() {
    for bundled in bundle::PLUGINS.iter().chain(bundle::MISBEHAVING) {
        let plugin = SANDBOX.load(bundled.name, "bundled", bundled.wasm).await.unwrap();
        assert_eq!(plugin.descriptor.name, bundled.name);
        let world = match plugin.descriptor.kind {
            PluginKind::Source(_) => World::Source,
            PluginKind::Mapper => World::Mapper,
            PluginKind::Converter(_) => World::Converter,
        };
        assert_eq!(plugin.world, world, "{}", bundled.name);
    }
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_with_what_to_do() {
    let good = wasm("email");
    let half = &good[..good.len() / 2];
    let import = |new: &str| patched("email", "wasi:cli/environment", new);
    let version = |interface: &str| {
        patched(
            "email",
            &format!("chancery:connector/{interface}@1.0.0"),
            &format!("chancery:connector/{interface}@1.2.0"),
        )
    };
    let table: Vec<(&str, Vec<u8>, &str, &str, &str)> = vec![
        ("nothing", vec![], "plugin-corrupt", "it is not WebAssembly", "fetch or build"),
        ("text", b"#!/bin/sh".to_vec(), "plugin-corrupt", "it is not WebAssembly", "fetch or build"),
        ("module", b"\0asm\x01\0\0\0".to_vec(), "plugin-not-component", "a core module", "wasm-tools component new"),
        ("future", b"\0asm\x0e\0\x01\0".to_vec(), "plugin-corrupt", "it is not WebAssembly", "fetch or build"),
        ("cut", half.to_vec(), "plugin-corrupt", "not valid WebAssembly", "fetch or build"),
        ("empty", b"\0asm\x0d\0\x01\0".to_vec(), "plugin-world", "exports none of", "`converter-plugin`"),
        ("large", vec![0; (64 << 20) + 1], "plugin-too-large", "the limit is 64", "strip it"),
        ("http", import("wasi:http/environmen"), "plugin-import", "`wasi:http/environmen@0.2.", "--stub-wasi"),
        ("sockets", import("wasi:sockets/environ"), "plugin-import", "a converter may not", "--stub-wasi"),
        ("stranger", import("acme:cli/environment"), "plugin-import", "`acme:cli/environment", "without this import"),
        (
            "export",
            version("converter"),
            "plugin-contract-version",
            "needs `chancery:connector/converter@1.2.0`, this host offers `@1.0.0`",
            "newer Chancery",
        ),
        (
            "types",
            version("types"),
            "plugin-contract-version",
            "needs `chancery:connector/types@1.2.0`",
            "newer Chancery",
        ),
        (
            "drift",
            patched("email", "settings-schema", "settings-schemo"),
            "plugin-contract-drift",
            "another draft",
            "this host's `wit/`",
        ),
    ];
    for (case, bytes, code, why, hint) in table {
        let failure = SANDBOX.load("thing", "plugins/thing.wasm", &bytes).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), (code, NextMove::AskPerson), "{case}: {failure}");
        let start = "plugin `thing` from `plugins/thing.wasm` cannot be loaded: ";
        assert!(failure.message.starts_with(start) && failure.message.contains(why), "{case}: {failure}");
        assert!(failure.hint.as_deref().unwrap_or_default().contains(hint), "{case}: {:?}", failure.hint);
        assert!(!failure.message.contains("linker") && !failure.message.contains('\n'), "{case}: {failure}");
    }
}

#[tokio::test]
async fn a_plugin_does_only_the_work_of_its_world() {
    let email = bundled("email").await;
    let failure = MapperWorker::new(&SANDBOX, &email, "{}".into(), Vec::new()).unwrap_err();
    assert_eq!(failure.message, "plugin `email` is a converter, not a mapper");
    let powers = sourcing::powers(Egress::closed(), Folders::none());
    assert!(SourceWorker::new(&SANDBOX, &email, powers, "{}".into()).is_err());
    let users = bundled("users").await;
    assert_eq!(ConverterWorker::new(&SANDBOX, &users).unwrap_err().code, "plugin-world");
}

#[tokio::test]
async fn compiled_code_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let cache = || Some(dir.path().join("code"));
    for _ in 0..2 {
        let sandbox = Sandbox::new(cache(), CallLimits::default()).unwrap();
        load(&sandbox, "email").await;
        assert_eq!(std::fs::read_dir(dir.path().join("code")).unwrap().count(), 1);
    }
}
