//! `whatsapp-export`: any bytes as an exported chat. The first byte chooses the settings.

use kit::source::Reading;
use whatsapp_export::WhatsappExport;

use super::host::{Shelf, read_all};

const SETTINGS: [&str; 4] = [
    r#"{"path":"inbox","owner":"anna@example.com","zone":"Europe/Berlin","date_order":"dmy"}"#,
    r#"{"path":"inbox","owner":"anna@example.com","zone":"America/New_York","date_order":"mdy","kind":"group"}"#,
    r#"{"path":"inbox","owner":"anna@example.com","zone":"Asia/Tokyo"}"#,
    r#"{"path":"inbox","owner":"anna@example.com","owner_name":"Anna","zone":"Asia/Tehran"}"#,
];

/// Reads the chat in large and in small pages: both give the same items.
pub(super) fn run(data: &[u8]) -> bool {
    let Some((choice, text)) = data.split_first() else { return false };
    let settings = SETTINGS[usize::from(*choice) % SETTINGS.len()];
    let path = "inbox/WhatsApp Chat with Ben.txt".to_owned();
    let shelf = Shelf { files: vec![(path.clone(), text.to_vec())], ..Shelf::default() };
    let reading = Reading::File(path);
    let whole = read_all::<WhatsappExport>(&shelf, settings, &reading, 1_000);
    let in_parts = read_all::<WhatsappExport>(&shelf, settings, &reading, 3);
    match (whole, in_parts) {
        (Ok(whole), Ok(in_parts)) => {
            assert_eq!(whole.items, in_parts.items, "items do not depend on the size of pages");
            assert_eq!(whole.unreadable, in_parts.unreadable);
            let mut ids: Vec<&str> = whole.items.iter().map(|(item, _)| item.id.as_str()).collect();
            ids.sort_unstable();
            assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "two items of one chat have the same id");
            !whole.items.is_empty()
        }
        (whole, in_parts) => {
            assert_eq!(
                whole.is_ok(),
                in_parts.is_ok(),
                "whether a chat can be read does not depend on the size of pages"
            );
            false
        }
    }
}
