//! What the plugin says of itself.

use kit::{Descriptor, PluginKind, Prerequisite, ReadingMode, SourceTraits};

use crate::settings::SCHEMA;

const DATA_FLOW: &str = "An owner or administrator of the Slack workspace downloads its export and puts the zip file \
into a folder of yours. This plugin reads that folder and nothing else; it has no network. Files are links to Slack \
in an export, not bytes; the tokens in those links are taken out.";

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    let wish = |id: &str, checked: bool, text: &str| Prerequisite { id: id.to_owned(), text: text.to_owned(), checked };
    Descriptor {
        name: "slack-export".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "Reads the zip files that Slack's workspace export gives.".to_owned(),
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
                    "export-allowed",
                    false,
                    "The workspace's plan gives exports of all conversations that are to be archived; without Slack's approval an export holds public channels only.",
                ),
                wish("people-informed", false, "The people whose conversations are archived know it."),
            ],
            terms: None,
            data_flow: DATA_FLOW.to_owned(),
            default_folder: "Slack Archiver".to_owned(),
            folder_setting: Some("path".to_owned()),
            file_endings: vec![".zip".to_owned()],
        }),
        extensions: Vec::new(),
    }
}
