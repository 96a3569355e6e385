//! What there is to archive, and what must become of it. Pure: no clock, no network, no files.

mod cast;
mod chats;
mod event;
mod script;
mod texts;
mod told;
mod truth;
mod volume;

use std::fmt;
use std::fmt::Write as _;

use crate::media::Attachment;
use crate::random::Random;
use crate::wire;
use told::Told;
use volume::Volume;

pub use cast::{ABSURD_TIME, MAILBOX_UNKNOWN, Person, Standing, UNMAPPED};
pub use truth::{Expectation, ExpectedFile, Parked, Totals};

/// 2026-11-02T00:00:00Z, a Monday.
const DAY_START_MS: i64 = 1_793_577_600_000;

/// What a told story is made from. The same options make the same story, byte for byte.
#[derive(Clone, Debug)]
pub struct StoryOptions {
    /// Everything left to chance follows from it.
    pub seed: u64,
    /// Distinct items over all days. From 24 on every planted peculiarity occurs; below, the first of them.
    pub items: u32,
    /// First instant of the first day, milliseconds since the epoch.
    pub day_start_ms: i64,
    /// Days over which the items are spread. Those of a day lie in its first 23 hours.
    pub days: u32,
    /// Domain of the organisation's mailboxes.
    pub organisation_domain: String,
    /// The account's user name and password.
    pub credentials: Credentials,
    /// Size of the planted oversize file, in bytes.
    pub oversize_bytes: u64,
    /// The limit over which the archive is expected to show a notice instead of an attachment, in bytes.
    pub oversize_limit_bytes: u64,
    /// Deliveries that the listing shows a second time, on a later page.
    pub repeats: u32,
    /// Items with a file that has expired on the site (404).
    pub expired_attachments: u32,
    /// Items that the site shows only 26 hours after their time (a phone was offline). For use with
    /// [`Site::set_now_ms`](crate::Site::set_now_ms).
    pub late_items: u32,
}

impl Default for StoryOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            items: 2_400,
            day_start_ms: DAY_START_MS,
            days: 1,
            organisation_domain: "example.com".to_owned(),
            credentials: Credentials::default(),
            oversize_bytes: 12 << 20,
            oversize_limit_bytes: 10 << 20,
            repeats: 12,
            expired_attachments: 0,
            late_items: 0,
        }
    }
}

/// What a story of volume is made from.
#[derive(Clone, Debug)]
pub struct VolumeOptions {
    /// Everything left to chance follows from it.
    pub seed: u64,
    /// Distinct items over all days, each with two mailboxes.
    pub items: u64,
    /// First instant of the first day, milliseconds since the epoch.
    pub day_start_ms: i64,
    /// Days over which the items are spread evenly; the last hour of the last one stays empty.
    pub days: u32,
    /// Domain of the organisation's mailboxes.
    pub organisation_domain: String,
    /// The account's user name and password.
    pub credentials: Credentials,
    /// Mailboxes, 2 to 100,000.
    pub mailboxes: u32,
    /// 1: only the sender's archive has the item. 2: the recipient's too.
    pub deliveries_per_item: u32,
    /// Least length of a text, in bytes.
    pub text_bytes: u32,
    /// Every how-manieth item has a file; 0: none.
    pub attachment_every: u64,
    /// Size of these files, in bytes.
    pub attachment_bytes: u64,
    /// The limit over which the archive is expected to show a notice instead of an attachment, in bytes.
    pub oversize_limit_bytes: u64,
}

impl Default for VolumeOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            items: 10_000,
            day_start_ms: DAY_START_MS,
            days: 1,
            organisation_domain: "example.com".to_owned(),
            credentials: Credentials::default(),
            mailboxes: 40,
            deliveries_per_item: 1,
            text_bytes: 60,
            attachment_every: 0,
            attachment_bytes: 0,
            oversize_limit_bytes: u64::MAX,
        }
    }
}

/// The account's user name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self { username: "archive@example.com".to_owned(), password: "demo-password".to_owned() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What somebody asks the site for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    /// Later items do not exist yet.
    pub(crate) now_ms: Option<i64>,
}

impl Query {
    const fn holds(self, at_ms: i64) -> bool {
        self.from_ms <= at_ms && at_ms < self.to_ms
    }
}

/// Everything a site has to tell, and the truth about it.
#[derive(Debug)]
pub struct Story {
    seed: u64,
    account: String,
    credentials: Credentials,
    span: (i64, i64),
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Told(Told),
    Volume(Volume),
}

impl Story {
    /// A realistic story: forty people, direct chats and groups in nine languages, calls, files, edits, deletions,
    /// and everything that can go wrong with mapping, planted.
    pub fn generate(options: &StoryOptions) -> Self {
        let kind = Kind::Told(Told::generate(options));
        Self::new(options.seed, &options.credentials, options.day_start_ms, options.days, kind)
    }

    /// A story of any length for benchmarks; it takes memory for its people only.
    pub fn volume(options: &VolumeOptions) -> Self {
        let kind = Kind::Volume(Volume::new(options));
        Self::new(options.seed, &options.credentials, options.day_start_ms, options.days, kind)
    }

    fn new(seed: u64, credentials: &Credentials, start_ms: i64, days: u32, kind: Kind) -> Self {
        let end_ms = start_ms + i64::from(days.max(1)) * script::DAY_MS;
        let account = format!("acct-{:08x}", Random::new(seed, "account", 0).next() >> 32);
        Self { seed, account, credentials: credentials.clone(), span: (start_ms, end_ms), kind }
    }

    /// The account's id.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What the site asks for at `POST /v1/session`.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The half-open interval of the story's whole days, milliseconds since the epoch.
    pub fn span_ms(&self) -> (i64, i64) {
        self.span
    }

    /// Everybody who takes part.
    pub fn people(&self) -> &[Person] {
        &self.cast().people
    }

    /// The mailboxes that exist, each once, sorted. The planted address that is no mailbox lies in another domain, so
    /// that "every address of the organisation's domain" is a true directory as well.
    pub fn mailboxes(&self) -> impl Iterator<Item = &str> {
        self.cast().mailboxes.iter().map(String::as_str)
    }

    /// The mapping file that belongs to the story.
    pub fn mapping_csv(&self) -> String {
        self.cast().mapping_csv()
    }

    /// What must become of each item, in order of time. Made as it is asked for.
    pub fn expectations(&self) -> Box<dyn Iterator<Item = Expectation> + '_> {
        match &self.kind {
            Kind::Told(told) => Box::new(told.expectations()),
            Kind::Volume(volume) => Box::new(volume.expectations()),
        }
    }

    /// Sums over the items filed in `[from_ms, to_ms)`.
    pub fn totals(&self, from_ms: i64, to_ms: i64) -> Totals {
        let query = Query { from_ms, to_ms, now_ms: None };
        match &self.kind {
            Kind::Told(told) => told.totals(query),
            Kind::Volume(volume) => volume.totals(query),
        }
    }

    /// The file with this id.
    pub fn attachment(&self, id: &str) -> Option<Attachment> {
        match &self.kind {
            Kind::Told(told) => told.attachment(id),
            Kind::Volume(volume) => volume.attachment(id),
        }
    }

    /// Deliveries the site has for a query.
    pub(crate) fn count(&self, query: Query) -> u64 {
        match &self.kind {
            Kind::Told(told) => told.count(query),
            Kind::Volume(volume) => volume.count(query),
        }
    }

    /// Appends the items of a page, separated by commas; returns where the next page begins.
    pub(crate) fn page(&self, query: Query, offset: u64, limit: u64, json: &mut Vec<u8>) -> Option<u64> {
        match &self.kind {
            Kind::Told(told) => told.page(query, offset, limit, json),
            Kind::Volume(volume) => volume.page(query, offset, limit, json),
        }
    }

    /// The users of the roster from `offset`, at most `limit`, and where the next page begins.
    pub(crate) fn users(&self, offset: u64, limit: u64) -> (Vec<wire::User<'_>>, Option<u64>) {
        let cast = self.cast();
        let active = cast.people.iter().map(|person| (person, "active"));
        let all = active.chain(cast.suspended.iter().map(|person| (person, "suspended")));
        let mut users = all
            .filter_map(|(person, status)| {
                Some(wire::User {
                    user_id: person.user_id.as_deref()?,
                    phone: &person.phone,
                    name: person.name(),
                    email: person.email.as_deref(),
                    archivers: wire::ARCHIVERS,
                    status,
                })
            })
            .skip(usize::try_from(offset).unwrap_or(usize::MAX));
        let page: Vec<_> = users.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
        let next = users.next().map(|_| offset + limit);
        (page, next)
    }

    pub(crate) fn wire_account(&self) -> wire::Account<'_> {
        wire::Account { id: &self.account, name: "Example Organisation", archivers: wire::ARCHIVERS }
    }

    /// The token of the `session`-th sign-in: unguessable to look at, the same in every run.
    pub(crate) fn token(&self, session: u64) -> String {
        let mut random = Random::new(self.seed, "token", session);
        (0..4).fold(String::from("tm_"), |mut token, _| {
            let _ = write!(token, "{:016x}", random.next());
            token
        })
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    fn cast(&self) -> &cast::Cast {
        match &self.kind {
            Kind::Told(told) => &told.cast,
            Kind::Volume(volume) => &volume.cast,
        }
    }
}
