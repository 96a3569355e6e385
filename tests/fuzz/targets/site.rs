//! `telemessage`: any bytes as what the site answers.

use kit::{Source as _, Window, source::Reading};
use telemessage::Telemessage;

use super::host::{Shelf, read_all};

const SETTINGS: &str = r#"{"site":"https://gate.example.com","page_size":10}"#;
/// 2026-11-02T00:00:00Z and the day after it.
const DAY: Window = Window { start: 1_793_577_600_000, end: 1_793_664_000_000 };

/// Asks everything that the plugin may ask.
pub(super) fn run(data: &[u8]) -> bool {
    let shelf = Shelf { answer: data.to_vec(), ..Shelf::default() };
    let _refused_or_not = Telemessage::check(&mut shelf.clone(), SETTINGS);
    let _refused_or_not = Telemessage::roster(&mut shelf.clone(), SETTINGS);
    let _refused_or_not = Telemessage::totals(&mut shelf.clone(), SETTINGS, "fuzz", DAY);
    // The same answer for ever: the plugin may go on with a new cursor each time, the host would stop it.
    let request = kit::source::PullRequest {
        reading: Reading::Window(DAY),
        account: "fuzz".to_owned(),
        bookmark: None,
        cursor: None,
        max_items: 10,
    };
    if let Ok(page) = Telemessage::pull(&mut shelf.clone(), SETTINGS, request)
        && page.cursor.is_none()
    {
        let read = read_all::<Telemessage>(&shelf, SETTINGS, &Reading::Window(DAY), 10).expect("as before");
        assert_eq!(read.items.len() + read.unreadable.len(), page.items.len() + page.unreadable.len());
        return !read.items.is_empty();
    }
    false
}
