//! What the plugin says of itself.

use kit::{Descriptor, PluginKind, Prerequisite, ReadingMode, SourceTraits};

use crate::settings::SCHEMA;

const DATA_FLOW: &str = "A person exports chats with Telegram Desktop as JSON and puts the folder with result.json and its files \
into a folder of yours. This plugin reads that folder and nothing else; it has no network.";

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    let wish = |id: &str, checked: bool, text: &str| Prerequisite { id: id.to_owned(), text: text.to_owned(), checked };
    Descriptor {
        name: "telegram-export".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "Reads the result.json that Telegram Desktop exports, of one chat or of a whole account.".to_owned(),
        settings_schema: SCHEMA.to_owned(),
        credentials: Vec::new(),
        origins: Vec::new(),
        origin_settings: Vec::new(),
        kind: PluginKind::Source(SourceTraits {
            reading: ReadingMode::Whole,
            prerequisites: vec![
                wish(
                    "inbox-folder",
                    true,
                    "There is a folder that receives the exports, and the connector is granted to read it.",
                ),
                wish(
                    "exported-as-json",
                    false,
                    "The exports were made with Telegram Desktop as machine-readable JSON, with the files that are to be archived.",
                ),
                wish("people-informed", false, "The people whose chats are archived know it."),
            ],
            terms: None,
            data_flow: DATA_FLOW.to_owned(),
            default_folder: "Telegram Archiver".to_owned(),
            folder_setting: Some("path".to_owned()),
            file_endings: vec![".json".to_owned()],
        }),
        extensions: Vec::new(),
    }
}
