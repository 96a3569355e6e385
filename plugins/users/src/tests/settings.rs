//! Settings that cannot be meant.

use kit::{ErrorKind, mapper::Mapper};
use serde_json::Value;

use crate::Users;

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    for (settings, code) in [
        ("[]", "settings-invalid"),
        (r#"{"automatic":"yes"}"#, "settings-invalid"),
        (r#"{"automatik":true}"#, "settings-invalid"),
        (r#"{"ids":"email"}"#, "settings-invalid"),
        (r#"{"default_region":"XX"}"#, "unknown-region"),
        (r#"{"default_region":"Germany"}"#, "unknown-region"),
        (r#"{"internal":["anna@example.com"]}"#, "internal-invalid"),
        (r#"{"internal":["example"]}"#, "internal-invalid"),
        (r#"{"internal":["015112345678"]}"#, "internal-invalid"),
        (r#"{"internal":["*"]}"#, "internal-invalid"),
        (r#"{"internal":["110"]}"#, "internal-invalid"),
        (r#"{"internal":[""]}"#, "internal-invalid"),
    ] {
        let error = Users::load(b"", settings).err().unwrap();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Misconfigured, code), "{settings}");
        assert!(error.hint.is_some(), "{settings}");
    }
}

#[test]
fn the_schema_is_json_and_names_every_setting() {
    let schema: Value = serde_json::from_str(&Users::describe().settings_schema).unwrap();
    let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["automatic", "default_region", "ids", "internal"]);
    let all = r#"{"automatic":false,"default_region":"AT","ids":"phone","internal":["example.com"]}"#;
    assert!(Users::load(b"", all).is_ok());
}
