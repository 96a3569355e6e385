//! What the plugin says of itself.

use kit::{Descriptor, PluginKind, Prerequisite, ReadingMode, SourceTraits};

use crate::settings::SCHEMA;

/// Endings of what it reads.
pub(crate) const ENDINGS: [&str; 2] = [".zip", ".jsonl"];

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "mattermost".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "Reads channels, direct messages, threads, reactions and files from Mattermost's bulk exports."
            .to_owned(),
        settings_schema: SCHEMA.to_owned(),
        credentials: Vec::new(),
        origins: Vec::new(),
        origin_settings: Vec::new(),
        kind: PluginKind::Source(SourceTraits {
            reading: ReadingMode::Whole,
            prerequisites: vec![
                Prerequisite {
                    id: "export".to_owned(),
                    text: "A system administrator makes a bulk export regularly: `mmctl export create`.".to_owned(),
                    checked: false,
                },
                Prerequisite {
                    id: "folder".to_owned(),
                    text: "There is a folder that receives the exports, and the connector is granted to read it."
                        .to_owned(),
                    checked: true,
                },
            ],
            terms: None,
            data_flow:
                "The Mattermost server writes an export, which somebody or a script puts into a folder of yours. \
                This plugin reads that folder and nothing else."
                    .to_owned(),
            default_folder: "Mattermost Archiver".to_owned(),
            folder_setting: Some("path".to_owned()),
            file_endings: ENDINGS.map(str::to_owned).to_vec(),
        }),
        extensions: Vec::new(),
    }
}
