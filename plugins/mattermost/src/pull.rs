//! One page's journey.

use kit::{
    Conversation, ConversationKind, Error, ErrorKind, Event, Host, Item, Tables,
    source::{Page, PullRequest, Reading, Unreadable},
};
use serde_json::Value;

use crate::{
    cursor::Cursor,
    directory::Directory,
    export::{Export, LINE_BYTES_MAX, Line, Lines},
    post::{Around, Broken},
    settings::Settings,
};

/// Bytes kept of what cannot be read.
const ORIGINAL_BYTES_MAX: usize = 64 << 10;
/// Bytes of texts and originals after which a page ends.
const PAGE_BYTES_MAX: usize = 8 << 20;
/// Lines that describe the server, and hold nothing that anybody wrote.
const STRUCTURE: [&str; 11] = [
    "version",
    "team",
    "channel",
    "user",
    "bot",
    "role",
    "scheme",
    "emoji",
    "direct_channel",
    "thread_follower",
    "post_index",
];

/// Reads one page of an export.
pub(crate) fn pull(host: &mut dyn Host, settings: &Settings, request: &PullRequest) -> Result<Page, Error> {
    let Reading::File(path) = &request.reading else {
        return Err(Error::new(ErrorKind::Misconfigured, "wrong-reading", "`mattermost` is read by files"));
    };
    let export = Export::open(host, path)?;
    let mut cursor = match &request.cursor {
        Some(bytes) => Cursor::decode(bytes)?,
        None => Cursor::default(),
    };
    if request.cursor.is_none() {
        first_line(host, &export, path)?;
    }
    let directory = Directory::of(host, &export, path, request.cursor.is_none())?;
    let around = Around { directory: &directory, export: &export, settings };
    let mut reading =
        PageReading { path, max: request.max_items.max(1) as usize, page: Page::default(), tables: Tables::default() };
    let mut lines = Lines::new(&export, cursor.at);
    let is_done = loop {
        if reading.is_full() {
            break false;
        }
        let Some(line) = lines.next(host)? else { break true };
        if !reading.line(host, &around, &line, &mut cursor)? {
            break false;
        }
        cursor.at = line.end;
    };
    let PageReading { mut page, tables, .. } = reading;
    (page.people, page.conversations) = tables.into_rows();
    page.cursor = (!is_done).then(|| cursor.encode());
    page.progress = is_done.then_some(1_000);
    Ok(page)
}

/// An export begins by saying that it is one.
fn first_line(host: &mut dyn Host, export: &Export, path: &str) -> Result<(), Error> {
    let refused = |why: &str| {
        Error::new(ErrorKind::Rejected, "not-a-mattermost-export", format!("nothing was taken from `{path}`: {why}"))
            .hint("make it with `mmctl export create`, and copy it as it is")
    };
    let line = Lines::new(export, 0).next(host)?.ok_or_else(|| refused("it is empty"))?;
    let first: Value = serde_json::from_slice(&line.bytes).map_err(|_| refused("its first line is no JSON"))?;
    match first.get("type").and_then(Value::as_str) {
        Some("version") => Ok(()),
        _ => Err(refused("its first line is not the export's version")),
    }
}

/// A page that is being read.
struct PageReading<'a> {
    path: &'a str,
    max: usize,
    page: Page,
    tables: Tables,
}

impl PageReading<'_> {
    fn count(&self) -> usize {
        self.page.items.len() + self.page.unreadable.len()
    }

    fn is_full(&self) -> bool {
        let weight = |item: &Item| {
            item.text.as_ref().map_or(0, String::len)
                + item.original.as_ref().map_or(0, Vec::len)
                + 4 * item.participants.len()
        };
        let parked = self.page.unreadable.iter().map(|unreadable| unreadable.original.len());
        self.count() >= self.max || self.page.items.iter().map(weight).chain(parked).sum::<usize>() >= PAGE_BYTES_MAX
    }

    /// Takes a line; false when the page ended in the middle of it.
    fn line(
        &mut self,
        host: &mut dyn Host,
        around: &Around<'_>,
        line: &Line,
        cursor: &mut Cursor,
    ) -> Result<bool, Error> {
        if line.bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(true);
        }
        if !line.is_whole {
            let limit = LINE_BYTES_MAX >> 20;
            self.park(cursor.at, 0, "line-too-long", &format!("is longer than {limit} MiB"), &line.bytes);
            return Ok(true);
        }
        let Ok(row) = serde_json::from_slice::<Value>(&line.bytes) else {
            self.park(cursor.at, 0, "line-broken", "is no JSON", &line.bytes);
            return Ok(true);
        };
        let kind = row.get("type").and_then(Value::as_str).unwrap_or_default();
        if STRUCTURE.contains(&kind) {
            if !Directory::reads(&line.bytes) {
                self.park(cursor.at, 0, "structure-broken", "is a user or a channel that cannot be read", &line.bytes);
            }
            return Ok(true);
        }
        let post = row.get(kind).unwrap_or(&Value::Null);
        let place = match kind {
            "post" => around.of_channel(post),
            "direct_post" => around.of_direct(post),
            _ => {
                self.unknown(kind, &row, line, cursor.at);
                return Ok(true);
            }
        };
        match place {
            Ok(place) => self.thread(host, around, &place, post, cursor),
            Err(why) => {
                self.park(cursor.at, 0, "post-broken", why, &line.bytes);
                Ok(true)
            }
        }
    }

    fn thread(
        &mut self,
        host: &mut dyn Host,
        around: &Around<'_>,
        place: &crate::post::Place,
        post: &Value,
        cursor: &mut Cursor,
    ) -> Result<bool, Error> {
        let (given, before) = (cursor.given, cursor.clone());
        let room = self.max.saturating_sub(self.count());
        let (items, broken, is_whole) = around.items(host, place, post, cursor, &mut self.tables, (given, room))?;
        let made = items.len();
        self.page.items.extend(items);
        // What cannot be read of it is said once, where there is room.
        if is_whole && (broken.is_empty() || self.count() < self.max) {
            cursor.given = 0;
            self.park_parts(before.at, &broken, post);
            return Ok(true);
        }
        // The rest comes with the next page, which counts the line from its start again.
        *cursor = before;
        cursor.given = given + made;
        Ok(false)
    }

    /// Parts of a thread that cannot be items, together: the line says which.
    fn park_parts(&mut self, at: u64, broken: &[Broken], post: &Value) {
        if let Some(first) = broken.first() {
            let original = serde_json::to_vec(post).unwrap_or_default();
            let why = format!("has {} parts that cannot be read; of the first: {first}", broken.len());
            self.park(at, 1, "post-broken", &why, &original);
        }
    }

    /// A line of a kind that came after this plugin: an item where it tells a time, parked else.
    fn unknown(&mut self, kind: &str, row: &Value, line: &Line, at: u64) {
        let body = row.get(kind).unwrap_or(&Value::Null);
        let Some(sent_at) = body.get("create_at").and_then(Value::as_i64).filter(|at| *at > 0) else {
            self.park(at, 0, "unknown-type", "is of a type that is not known, and tells no time", &line.bytes);
            return;
        };
        let conversation = Conversation {
            id: "other".to_owned(),
            kind: ConversationKind::Other,
            title: None,
            extensions: vec![("network".to_owned(), "Mattermost".to_owned())],
        };
        let mut original = line.bytes.clone();
        original.truncate(ORIGINAL_BYTES_MAX);
        let kind = crate::directory::cut(kind);
        self.page.items.push(Item {
            id: crate::directory::cut(&format!("other:{at}:{kind}")).chars().take(120).collect(),
            event: Event::Other,
            revision: 0,
            conversation: self.tables.conversation(conversation),
            sender: None,
            owner: None,
            participants: Vec::new(),
            direction: None,
            sent_at,
            zone: None,
            text: None,
            previous_text: None,
            refers_to: None,
            call: None,
            attachments: Vec::new(),
            original: Some(original),
            extensions: vec![("kind".to_owned(), kind)],
        });
    }

    fn park(&mut self, at: u64, part: usize, code: &str, why: &str, bytes: &[u8]) {
        let original = bytes.get(..bytes.len().min(ORIGINAL_BYTES_MAX)).unwrap_or_default().to_vec();
        let name = self.path.rsplit('/').next().unwrap_or(self.path);
        self.page.unreadable.push(Unreadable {
            id: crate::directory::cut(&format!("{code}:{name}:{at}:{part}")).chars().take(120).collect(),
            code: code.to_owned(),
            message: format!("the line at byte {at} of `{}` {why}", self.path),
            sent_at: None,
            original,
        });
    }
}
