//! What converters write e-mail with: who and what an item is in headers, and what is said of it in a body.
//!
//! Pure: nothing but an item and the tables it points to reaches the bytes. Whatever is kept from one item to the next is
//! a cache of such a function's answers. The README of `email` says what is written, header by header.
//!
//! In reading order: [`identity`], [`people`], [`thread`] and [`subject`] decide who and what an item is; [`body`] says
//! in words what happened; [`envelope`] writes the headers and files that all messages have; [`header`], [`mime`], [`html`]
//! and [`clean`] are the syntax.
//!
//! Deliberately absent: a clock, randomness, the host name, attachment bytes (the host splices them in), and any
//! library that chooses a boundary or an id by itself.

pub mod identity;
pub mod people;
pub mod subject;
pub mod thread;

pub mod body;
pub mod envelope;
pub mod moment;
pub mod settings;
pub mod words;

pub mod clean;
pub mod header;
pub mod html;
pub mod mime;

use kit::converter::Failure;

/// The largest skeleton the contract allows, in bytes. A message that would be larger is a failure.
pub const SKELETON_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest body that also gets an HTML alternative: nobody reads a longer one, and it would double the message.
pub const HTML_TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Why an item cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable kebab-case reason code.
    pub code: &'static str,
    /// One sentence without message text.
    pub message: String,
}

impl Problem {
    /// The answer for some items of a batch.
    pub fn into_failure(self, items: Vec<u32>) -> Failure {
        Failure { items, code: self.code.to_owned(), message: self.message }
    }

    /// A message of so many bytes is over [`SKELETON_BYTES_MAX`].
    pub fn too_large(bytes: usize) -> Self {
        Self {
            code: "message-too-large",
            message: format!(
                "The message without its attachments would have at least {bytes} bytes; the limit is {SKELETON_BYTES_MAX}."
            ),
        }
    }

    /// An index of the item that its batch's table does not have.
    pub fn out_of_range(what: &str, index: u32) -> Self {
        Self {
            code: "index-out-of-range",
            message: format!("The item names {what} {index}, which the batch does not have."),
        }
    }
}
