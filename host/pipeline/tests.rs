//! What the tests of several steps share.

use crate::item::{Event, Item};

/// An item of which nothing is known.
pub(super) fn item() -> Item {
    Item {
        id: String::new(),
        event: Event::Message,
        revision: 0,
        conversation: 0,
        sender: None,
        owner: None,
        participants: Vec::new(),
        direction: None,
        sent_at_ms: 0,
        zone: None,
        text: None,
        previous_text: None,
        refers_to: None,
        call: None,
        attachments: Vec::new(),
        original: None,
        extensions: Vec::new(),
    }
}
