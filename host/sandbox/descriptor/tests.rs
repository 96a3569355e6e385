#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
use super::*;

fn traits() -> said::SourceTraits {
    said::SourceTraits {
        reading: said::Reading::Whole,
        prerequisites: vec![said::Prerequisite { id: "have-account".into(), text: "t".into(), checked: false }],
        terms: Some(said::Terms { version: "1".into(), text: "t".into() }),
        data_flow: "From there to here.".into(),
        default_folder: "WhatsApp Archiver".into(),
        folder_setting: Some("path".into()),
        file_endings: vec![".zip".into()],
    }
}

fn login(path: &str, pointer: &str, header: &str) -> said::CredentialWish {
    let recipe = said::LoginRecipe {
        path: path.into(),
        username_field: "user".into(),
        password_field: "password".into(),
        token_pointer: pointer.into(),
        header: header.into(),
    };
    said::CredentialWish { name: "site".into(), scheme: said::CredentialScheme::Login(recipe), summary: "s".into() }
}

fn good() -> said::Descriptor {
    said::Descriptor {
        name: "whatsapp-export".into(),
        version: "0.1.0".into(),
        summary: "Reads exports.".into(),
        settings_schema: r#"{"type":"object","properties":{"path":{"type":"string"},"site":{"type":"string"}}}"#.into(),
        credentials: vec![login("/v1/session", "/token", "Authorization")],
        origins: vec!["https://api.example.com".into()],
        origin_settings: vec!["site".into()],
        kind: said::PluginKind::Source(traits()),
        extensions: Vec::new(),
    }
}

/// A change to a descriptor, and what is said of it.
type Case = (fn(&mut said::Descriptor), &'static str);

fn with_traits(descriptor: &mut said::Descriptor, change: fn(&mut said::SourceTraits)) {
    let mut traits = traits();
    change(&mut traits);
    descriptor.kind = said::PluginKind::Source(traits);
}

#[test]
fn a_good_descriptor_is_taken() {
    let taken = take(good(), World::Source).unwrap();
    assert_eq!((taken.name.as_str(), taken.version.as_str()), ("whatsapp-export", "0.1.0"));
    let mapper = said::Descriptor { kind: said::PluginKind::Mapper, ..good() };
    assert_eq!(take(mapper, World::Mapper).unwrap().kind, PluginKind::Mapper);
}

#[test]
fn what_breaks_the_contract_is_named_by_field() {
    let table: &[Case] = &[
        (|d| d.name = "WhatsApp".into(), "`name` is not kebab-case"),
        (|d| d.name = "a--b".into(), "`name`"),
        (|d| d.name = "1a".into(), "`name`"),
        (|d| d.name.clear(), "`name`"),
        (|d| d.name = "a".repeat(65), "`name`"),
        (|d| d.version = "1.0".into(), "`version`"),
        (|d| d.summary.clear(), "`summary` is empty"),
        (|d| d.settings_schema = "{".into(), "`settings-schema` is not JSON"),
        (|d| d.settings_schema = "[]".into(), "not the schema of an object"),
        (|d| d.settings_schema = r#"{"type":"string"}"#.into(), "not the schema of an object"),
        (|d| d.settings_schema = format!("\"{}\"", "x".repeat(LONG_TEXT_BYTES_MAX)), "over 262144 bytes"),
        (|d| d.origins = vec!["example.com".into()], "`origins`: `example.com` is not an origin"),
        (|d| d.origins = vec!["https://a.example.com".into(); 65], "more than 64 `origins`"),
        (|d| d.origin_settings = vec!["url".into()], "`origin-settings` names a setting"),
        (|d| d.extensions = vec![("a".into(), "x".repeat(4_097))], "`extensions`"),
        (|d| d.kind = said::PluginKind::Mapper, "says it is a mapper, and it exports a source"),
        (|d| d.credentials = vec![login("v1", "/token", "a")], "path or token pointer"),
        (|d| d.credentials = vec![login("//evil.example.com", "/token", "a")], "path or token pointer"),
        (|d| d.credentials = vec![login("/a b", "/token", "a")], "path or token pointer"),
        (|d| d.credentials = vec![login("/a", "token", "a")], "path or token pointer"),
        (|d| d.credentials = vec![login("/a", "/token", "a b")], "header's name"),
        (|d| d.credentials[0].name = "My Site".into(), "a name is not kebab-case"),
        (|d| with_traits(d, |t| t.folder_setting = None), "`folder-setting` is missing"),
        (|d| with_traits(d, |t| t.folder_setting = Some("x".into())), "`folder-setting` names a setting"),
        (|d| with_traits(d, |t| t.default_folder = "a/b".into()), "`default-folder`"),
        (|d| with_traits(d, |t| t.default_folder.clear()), "`default-folder`"),
        (|d| with_traits(d, |t| t.file_endings = vec!["ZIP".into()]), "`file-endings`"),
        (|d| with_traits(d, |t| t.prerequisites[0].id = "A b".into()), "`prerequisites`"),
        (|d| with_traits(d, |t| t.data_flow.clear()), "`data-flow` is empty"),
    ];
    for (number, (change, expect)) in table.iter().enumerate() {
        let mut changed = good();
        change(&mut changed);
        let why = take(changed, World::Source).unwrap_err();
        assert!(why.contains(expect), "case {number}: {why}");
    }
}

#[test]
fn versions_are_semantic() {
    for good in ["0.1.0", "1.2.3-rc.1+build.5", "10.20.30", "1.0.0-0A.is-ok"] {
        assert!(is_semver(good), "{good}");
    }
    for bad in ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "v1.2.3", "1.2.3 ", "1..3"] {
        assert!(!is_semver(bad), "{bad}");
    }
}
