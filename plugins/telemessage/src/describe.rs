//! What the plugin says of itself.

use kit::{
    CredentialScheme, CredentialWish, Descriptor, LoginRecipe, PluginKind, Prerequisite, ReadingMode, SourceTraits,
    Terms,
};

use crate::{archivers, site::CREDENTIAL};

/// Text of its own, not built from a JSON value: the same bytes in every build.
const SETTINGS_SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "site": {
      "type": "string",
      "title": "Gateway",
      "description": "Base URL of the gateway in front of the organisation's TeleMessage account.",
      "format": "uri",
      "pattern": "^https?://[^/?#@]+",
      "maxLength": 2048
    },
    "archiver": {
      "type": "string",
      "title": "Archiver",
      "description": "Which of the account's archivers to read; one connector each, with its own folder.",
      "enum": ["whatsapp", "signal", "telegram", "wechat", "android", "att", "bell", "enterprise-number", "o2", "rogers", "telus", "verizon"],
      "default": "whatsapp"
    },
    "page_size": {
      "type": "integer",
      "title": "Page size",
      "description": "Items asked for at once; fewer where items carry many large files.",
      "minimum": 1,
      "maximum": 1000,
      "default": 500
    },
    "trust_group_id": {
      "type": "boolean",
      "title": "Trust group ids",
      "description": "Thread groups by the site's group id. Only when it is the same on every phone; else by title and members.",
      "default": false
    }
  },
  "required": ["site"]
}"#;

const TERMS: &str = "TeleMessage, a third party, receives the organisation's chats from the phones or linked devices \
it archives, and stores them in its own data centres before Chancery fetches them. What it stores, for how long and \
how it is protected is governed by the organisation's contract with it, not by Chancery. The organisation is \
responsible for telling the people concerned, and for the legal ground of archiving their communication. By \
accepting, the administrator confirms that both are in order.";

const DATA_FLOW: &str = "Phones and linked devices send a copy of each chat item to TeleMessage, which stores it; \
the organisation's gateway answers from there. Chancery fetches each window over HTTPS, keeps items and files \
in its stage until they are delivered, and writes them to the mailboxes of the people who took part.";

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "telemessage".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "Pulls chats, calls, files, edits and deletions that a TeleMessage account archived.".to_owned(),
        settings_schema: SETTINGS_SCHEMA.to_owned(),
        credentials: vec![CredentialWish {
            name: CREDENTIAL.to_owned(),
            scheme: CredentialScheme::Login(LoginRecipe {
                path: "/v1/session".to_owned(),
                username_field: "username".to_owned(),
                password_field: "password".to_owned(),
                token_pointer: "/token".to_owned(),
                header: "authorization".to_owned(),
            }),
            summary: "User name and password of the account's archive administrator.".to_owned(),
        }],
        origins: Vec::new(),
        origin_settings: vec!["site".to_owned()],
        kind: PluginKind::Source(SourceTraits {
            reading: ReadingMode::Windowed,
            prerequisites: prerequisites(),
            terms: Some(Terms { version: "1".to_owned(), text: TERMS.to_owned() }),
            data_flow: DATA_FLOW.to_owned(),
            default_folder: "WhatsApp Archiver".to_owned(),
            folder_setting: None,
            file_endings: Vec::new(),
        }),
        extensions: vec![("folders".to_owned(), archivers::folders())],
    }
}

fn prerequisites() -> Vec<Prerequisite> {
    let wish = |id: &str, checked: bool, text: &str| Prerequisite { id: id.to_owned(), text: text.to_owned(), checked };
    vec![
        wish("service-ordered", false, "The archiver service is ordered from TeleMessage for the organisation."),
        wish("administrator-account", true, "An administrator account exists and the gateway accepts it."),
        wish(
            "users-registered",
            false,
            "Every user is registered there with the e-mail address of their mailbox, or stands in the mapping file.",
        ),
        wish("app-installed", false, "The archiver is installed and activated on every user's phone or linked device."),
    ]
}
