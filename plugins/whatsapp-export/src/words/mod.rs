//! What the app says in people's languages, as plain facts: single words, stems and sentences.
//!
//! WhatsApp writes its own lines in the phone's language and marks them only in part. Wherever the form of a line
//! tells what it is, the form decides; these lists decide the rest. A line in a language they do not know stays
//! what it is, a message or a notice with its whole text: the lists sort, they never drop.
//!
//! Everything here is compared with text that went through [`fold`].

pub(crate) mod calls;
pub(crate) mod day_period;
pub(crate) mod header;
pub(crate) mod media;
pub(crate) mod system;
pub(crate) mod titles;

use crate::chars;

/// Lower case, cleaned, without a full stop at the end: the form in which the lists are written.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() && !text.ends_with(['.', ' ']) && !text.starts_with(' ') && !text.contains("  ") {
        return text.to_ascii_lowercase();
    }
    let cleaned = chars::clean(text).to_lowercase();
    let end = cleaned.trim_end_matches(['.', '。', '．', '।', '۔']).trim_end().len();
    // `to_lowercase` turns the Turkish capital dotted I into i and a combining dot.
    match memchr::memmem::find(cleaned.as_bytes(), "\u{307}".as_bytes()) {
        Some(_) => cleaned[..end].replace('\u{307}', ""),
        None => cleaned[..end].to_owned(),
    }
}
