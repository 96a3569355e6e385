//! What the plugin says of itself.

use kit::{Descriptor, PluginKind, Prerequisite, ReadingMode, SourceTraits, Terms};

use crate::archivers;

/// Text of its own, not built from a JSON value: the same bytes in every build.
const SETTINGS_SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "path": {
      "type": "string",
      "title": "Folder",
      "description": "The folder that TeleMessage delivers its zip files to by SFTP.",
      "minLength": 1
    },
    "account": {
      "type": "string",
      "title": "Account",
      "description": "A name for the account, part of every item's identity; never change it once items were archived.",
      "default": "telemessage",
      "minLength": 1,
      "maxLength": 128
    },
    "archiver": {
      "type": "string",
      "title": "Archiver",
      "description": "Which archiver delivers into the folder; one connector and one folder each.",
      "enum": ["whatsapp", "signal", "telegram", "wechat", "android", "att", "bell", "enterprise-number", "o2", "rogers", "telus", "verizon"],
      "default": "whatsapp"
    }
  },
  "required": ["path"]
}"#;

const TERMS: &str = "TeleMessage, a third party, receives the organisation's chats from the phones or linked devices \
it archives, stores them in its own data centres, and sends them as zip files to the organisation's SFTP server. What \
it stores, for how long and how it is protected is governed by the organisation's contract with it, not by Chancery. \
The zip files are not encrypted: whoever can read the folder can read the chats. The organisation is responsible for \
the folder, for telling the people concerned, and for the legal ground of archiving their communication. By accepting, \
the administrator confirms that this is in order.";

const DATA_FLOW: &str = "Phones and linked devices send a copy of each chat item to TeleMessage, which stores it and \
uploads daily zip files to the organisation's own SFTP server. Chancery reads them from the granted folder, changes \
and deletes nothing there, keeps items and files in its stage until they are delivered, and writes them to the \
mailboxes of the people who took part.";

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "telemessage-sftp".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "Reads the zip files that TeleMessage delivers by SFTP, each held against its manifest.".to_owned(),
        settings_schema: SETTINGS_SCHEMA.to_owned(),
        credentials: Vec::new(),
        origins: Vec::new(),
        origin_settings: Vec::new(),
        kind: PluginKind::Source(SourceTraits {
            reading: ReadingMode::Whole,
            prerequisites: prerequisites(),
            terms: Some(Terms { version: "1".to_owned(), text: TERMS.to_owned() }),
            data_flow: DATA_FLOW.to_owned(),
            default_folder: "WhatsApp Archiver".to_owned(),
            folder_setting: Some("path".to_owned()),
            file_endings: vec![".zip".to_owned()],
        }),
        extensions: vec![("folders".to_owned(), archivers::folders())],
    }
}

fn prerequisites() -> Vec<Prerequisite> {
    let wish = |id: &str, checked: bool, text: &str| Prerequisite { id: id.to_owned(), text: text.to_owned(), checked };
    vec![
        wish("service-ordered", false, "An archive plan with the destination SFTP is ordered from TeleMessage."),
        wish("folder-granted", true, "The folder it delivers to exists on this machine and is granted."),
        wish(
            "one-mail-per-message",
            false,
            "The plan sends one plain mail per message: neither threaded (one a day) nor wrapped as a journal.",
        ),
        wish(
            "users-registered",
            false,
            "Every user is registered there with the e-mail address of their mailbox, or stands in the mapping file.",
        ),
    ]
}
