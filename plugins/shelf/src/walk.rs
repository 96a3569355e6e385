//! The walk through all pages of a file.

use kit::{
    Conversation, Error, Item, Person, Source,
    source::{PullRequest, Reading, Unreadable},
};

use crate::Shelf;

/// Limits of the contract, in bytes.
const CURSOR_BYTES_MAX: usize = 16 * 1024;
const BOOKMARK_BYTES_MAX: usize = 64 * 1024;
const ORIGINAL_BYTES_MAX: usize = 64 * 1024;

/// An item with what it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The item.
    pub item: Item,
    /// The people of its page.
    pub people: Vec<Person>,
    /// Its conversation.
    pub conversation: Conversation,
}

impl Seen {
    /// Who sent it.
    pub fn sender(&self) -> Option<&Person> {
        self.item.sender.map(|place| &self.people[place as usize])
    }
}

/// Everything that a file gave.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// Items, in their order.
    pub items: Vec<Seen>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// How many pages there were.
    pub pages: usize,
    /// What the last page gave to remember.
    pub bookmark: Option<Vec<u8>>,
}

/// Reads a whole file, page by page.
///
/// # Errors
/// What the source fails with.
pub fn read<S: Source>(host: &mut Shelf, settings: &str, path: &str, max_items: u32) -> Result<Whole, Error> {
    read_after::<S>(host, settings, path, max_items, None)
}

/// As [`read`], with the bookmark that the file before left.
///
/// # Errors
/// What the source fails with.
pub fn read_after<S: Source>(
    host: &mut Shelf,
    settings: &str,
    path: &str,
    max_items: u32,
    bookmark: Option<&[u8]>,
) -> Result<Whole, Error> {
    let account = S::check(host, settings)?.id;
    assert!(!account.is_empty(), "an account has an id");
    let mut whole = Whole::default();
    let (mut cursor, mut progress) = (None, 0);
    loop {
        let request = PullRequest {
            reading: Reading::File(path.to_owned()),
            account: account.clone(),
            bookmark: bookmark.map(<[u8]>::to_vec),
            cursor,
            max_items,
        };
        let again = S::pull(host, settings, request.clone());
        let page = S::pull(host, settings, request)?;
        assert_eq!(Ok(&page), again.as_ref(), "the same cursor gives the same page");
        assert!(page.items.len() + page.unreadable.len() <= max_items as usize, "no more than asked for");
        assert!(page.cursor.as_ref().is_none_or(|cursor| cursor.len() <= CURSOR_BYTES_MAX), "a cursor's limit");
        if let Some(now) = page.progress {
            assert!(now >= progress && now <= 1000, "progress only grows");
            progress = now;
        }
        for unreadable in &page.unreadable {
            assert!(!unreadable.id.is_empty() && unreadable.original.len() <= ORIGINAL_BYTES_MAX);
        }
        for item in page.items {
            assert!(!item.id.is_empty(), "an item has an id");
            assert!(item.participants.iter().all(|place| (*place as usize) < page.people.len()));
            assert!(item.sender.is_none_or(|sender| item.participants.contains(&sender)), "the sender takes part");
            assert!(item.owner.is_none_or(|owner| item.participants.contains(&owner)), "the owner takes part");
            assert!(item.original.as_ref().is_none_or(|original| original.len() <= ORIGINAL_BYTES_MAX));
            let conversation = page.conversations[item.conversation as usize].clone();
            whole.items.push(Seen { item, people: page.people.clone(), conversation });
        }
        whole.unreadable.extend(page.unreadable);
        whole.pages += 1;
        cursor = page.cursor;
        if cursor.is_none() {
            assert!(page.bookmark.as_ref().is_none_or(|bookmark| bookmark.len() <= BOOKMARK_BYTES_MAX));
            whole.bookmark = page.bookmark;
            return Ok(whole);
        }
        assert!(page.bookmark.is_none(), "only the last page has a bookmark");
    }
}
