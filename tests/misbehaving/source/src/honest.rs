//! What a source without guile returns; the other rooms start from it and change one thing.

use kit::{
    Conversation, ConversationKind, Error, ErrorKind, Event, Item, Person,
    source::{Page, PullRequest, Reading},
};

/// The account's id.
pub(crate) const ACCOUNT: &str = "misbehaving";

/// The page that the request's cursor asks for, of `items` items a window. The cursor is the next item's number in
/// decimal digits, the bookmark the window's end.
pub(crate) fn page(request: &PullRequest, items: u32) -> Result<Page, Error> {
    let first = cursor(request)?;
    let next = first.saturating_add(request.max_items.max(1)).min(items);
    let last = next == items;
    let (start, end) = bounds(request);
    // As late as can be, so that they lie in the window itself and not in its look-back.
    let sent_at = |number| end.saturating_sub(i64::from(items - number)).max(start);
    Ok(Page {
        items: (first..next).map(|number| item(format!("plain-{end}-{number}"), sent_at(number))).collect(),
        cursor: (!last).then(|| digits(next)),
        bookmark: last.then(|| end.to_string().into_bytes()),
        progress: Some(u64::from(next).saturating_mul(1000).checked_div(u64::from(items)).unwrap_or(1000) as u32),
        ..empty_page()
    })
}

/// The request's cursor as a number; 0 for the first page.
pub(crate) fn cursor(request: &PullRequest) -> Result<u32, Error> {
    let Some(cursor) = &request.cursor else { return Ok(0) };
    let number = std::str::from_utf8(cursor).ok().and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Error::new(ErrorKind::Rejected, "bad-cursor", "the cursor is none that this source gave"))
}

/// A number as a cursor.
pub(crate) fn digits(number: u32) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// The last and only page of a window, without items.
pub(crate) fn empty_page() -> Page {
    Page {
        people: vec![person("+1 202 555 0101", "Anna Beispiel"), person("+1 202 555 0102", "Ben Muster")],
        conversations: vec![Conversation {
            id: "anna-ben".to_owned(),
            kind: ConversationKind::Direct,
            title: None,
            extensions: Vec::new(),
        }],
        ..Page::default()
    }
}

/// One page with an item for each attempt: its id says what was tried, its text what came of it.
pub(crate) fn report(request: &PullRequest, attempts: Vec<Attempt>) -> Page {
    let (start, end) = bounds(request);
    let sent_at = end.saturating_sub(1).max(start);
    let mut page = empty_page();
    page.bookmark = Some(end.to_string().into_bytes());
    page.items = attempts
        .into_iter()
        .map(|attempt| Item { text: Some(attempt.outcome), ..item(attempt.what, sent_at) })
        .collect();
    page
}

/// Something tried that should not succeed.
pub(crate) struct Attempt {
    what: String,
    outcome: String,
}

impl Attempt {
    /// `refused` with the error's kind and code, or `escaped` with what was got.
    pub(crate) fn new<T>(what: impl Into<String>, got: Result<T, Error>, show: impl FnOnce(T) -> String) -> Self {
        let outcome = match got {
            Ok(got) => format!("escaped: {}", show(got)),
            Err(error) => format!("refused: {:?} {}", error.kind, error.code),
        };
        Self { what: what.into(), outcome }
    }

    /// For what has no error of the contract: `escaped` with what was got, or `refused`.
    pub(crate) fn found(what: impl Into<String>, got: Option<String>) -> Self {
        let outcome = got.map_or_else(|| "refused".to_owned(), |got| format!("escaped: {got}"));
        Self { what: what.into(), outcome }
    }

    /// For what is no escape, but must be the same every time.
    pub(crate) fn observed(what: impl Into<String>, outcome: String) -> Self {
        Self { what: what.into(), outcome: format!("observed: {outcome}") }
    }
}

/// A plain message from the first person to the second.
pub(crate) fn item(id: String, sent_at: i64) -> Item {
    Item {
        text: Some(format!("This is {id}.")),
        id,
        event: Event::Message,
        revision: 0,
        conversation: 0,
        sender: Some(0),
        owner: Some(0),
        participants: vec![0, 1],
        direction: Some(kit::Direction::Outgoing),
        sent_at,
        zone: None,
        previous_text: None,
        refers_to: None,
        call: None,
        attachments: Vec::new(),
        original: None,
        extensions: Vec::new(),
    }
}

/// A person known by number and name.
pub(crate) fn person(phone: &str, name: &str) -> Person {
    Person { id: phone.to_owned(), name: Some(name.to_owned()), phone: Some(phone.to_owned()), ..Person::default() }
}

/// The window's ends; the first day of 1970 for readings that have none.
fn bounds(request: &PullRequest) -> (i64, i64) {
    match &request.reading {
        Reading::Window(window) => (window.start, window.end),
        Reading::Since | Reading::File(_) => (0, 86_400_000),
    }
}
