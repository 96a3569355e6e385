//! # A simulated TeleMessage site, and a simulated Microsoft Graph
//!
//! For `chancery demo`, the test suite and the benchmarks: a site that speaks the pull contract of
//! `plugins/telemessage/README.md` over HTTP on loopback, with a seeded story to tell and the truth about it.
//!
//! Rooms, and an arrow from the second to the first:
//!
//! - [`Story`] is pure. [`Story::generate`] tells a day (or several) of forty people: employees with mailboxes, known
//!   by their e-mail property, by the mapping file or by both; employees nobody mapped; one whose address is no
//!   mailbox; outside parties. They write in nine languages, call, send pictures, voice notes, documents and contacts,
//!   edit and take back. Whatever an archive must cope with is planted: an oversize file, absurd dates, a kind of
//!   event nobody knows, items in a short form, items without e-mail properties, repeated and unordered pages, group
//!   ids that differ from owner to owner. [`Story::volume`] is any number of plain items that take no memory.
//! - [`Site`] tells a story on a port of 127.0.0.1, with the [`Faults`] that were asked for; they can be changed while
//!   it runs.
//! - [`Graph`] is the other end: mailboxes of a tenant on another port, with their limits, quirks and faults.
//!
//! The same options give the same story, byte for byte: no clock, no randomness, no order of a hash table.
//!
//! ```ignore
//! let story = Arc::new(Story::generate(&StoryOptions::default()));
//! let site = Site::start(Arc::clone(&story), Faults::throttled_moment()).await?;
//! archive_everything(&site.url(), story.credentials(), story.mapping_csv(), story.mailboxes());
//! for expectation in story.expectations() { /* compare with what is in the mailboxes */ }
//! ```
//!
//! # The truth
//!
//! [`Story::expectations`] says for each event which mailboxes must hold it, whose copies must be parked for which
//! reason, and whether a notice stands for an attachment; [`Story::totals`] sums it up for a window. It is derived
//! from the plan of the story, not from the JSON; a test derives it once more from the JSON, the mapping file and the
//! list of mailboxes, and compares.
//!
//! # Where the simulation fixes what the contract leaves open
//!
//! - An item whose time cannot be true is filed, listed and counted under the time the site received it.
//! - A delivery that the listing shows twice is counted once (`GET /v1/items/count` counts deliveries), and carries
//!   the same delivery id both times.
//! - The short form omits what it does not know instead of writing `null`; it is delivered once.
//! - `limit` is taken between 1 and 1,000; an empty `cursor` is the same as none; a cursor that was given for another
//!   question is refused with 400 `bad-cursor`.
//! - A request without a good token is answered with 401 `token-expired`.
//! - Every `archiver` but `whatsapp` has no items; one that the contract does not name is refused with 400
//!   `unknown-archiver`.

mod graph;
mod media;
mod random;
mod site;
mod story;
mod wire;

pub use graph::{
    Graph, GraphAttachment, GraphFault, GraphFaults, GraphMessage, GraphOptions, GraphRoute, GraphUser, MailboxTrouble,
};
pub use media::Attachment;
pub use site::{Fault, Faults, Requests, Route, Site};
pub use story::{
    ABSURD_TIME, Credentials, Expectation, ExpectedFile, MAILBOX_UNKNOWN, Parked, Person, Standing, Story,
    StoryOptions, Totals, UNMAPPED, VolumeOptions,
};
