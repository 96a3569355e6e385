//! What the plugin says of itself.

use kit::{Descriptor, PluginKind, Prerequisite, ReadingMode, SourceTraits};

use crate::settings::SCHEMA;

/// File name endings that are read.
pub(crate) const ENDINGS: [&str; 3] = [".json", ".jsonl", ".ndjson"];

const DATA_FLOW: &str = "Meta posts webhooks of your WhatsApp Business numbers to a receiver of yours, which checks \
their signature and writes each body, and the media if it fetches them, into a folder. This plugin reads that folder \
and nothing else; it has no network. What Meta's links to media need as proof is taken out.";

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    let wish = |id: &str, checked: bool, text: &str| Prerequisite { id: id.to_owned(), text: text.to_owned(), checked };
    Descriptor {
        name: "whatsapp-cloud".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "Reads webhook bodies of the WhatsApp Business Cloud API from a spool folder.".to_owned(),
        settings_schema: SCHEMA.to_owned(),
        credentials: Vec::new(),
        origins: Vec::new(),
        origin_settings: Vec::new(),
        kind: PluginKind::Source(SourceTraits {
            reading: ReadingMode::Whole,
            prerequisites: vec![
                wish(
                    "spool-folder",
                    true,
                    "There is a folder that receives the webhook bodies, and the connector is granted to read it.",
                ),
                wish(
                    "signature-checked",
                    false,
                    "The receiver checks X-Hub-Signature-256 of every webhook before it writes the body.",
                ),
                wish(
                    "media-fetched",
                    false,
                    "The receiver downloads media within the days that Meta keeps them and writes them before the body.",
                ),
                wish("people-informed", false, "The people whose conversations are archived know it."),
            ],
            terms: None,
            data_flow: DATA_FLOW.to_owned(),
            default_folder: "WhatsApp Archiver".to_owned(),
            folder_setting: Some("path".to_owned()),
            file_endings: ENDINGS.iter().map(|ending| (*ending).to_owned()).collect(),
        }),
        extensions: Vec::new(),
    }
}
