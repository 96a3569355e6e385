//! Where we are in a list of pages, and whether the site leads us in a circle.
//!
//! A cursor is bytes, version first:
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | version, 1 |
//! | 4 | pages read so far, big-endian |
//! | 16 | mark: first half of the SHA-256 of a cursor met earlier |
//! | rest | the site's own cursor, UTF-8 |
//!
//! Circles are found as in Brent's algorithm: the mark is the cursor met at the last page whose number is a power of
//! two, so one remembered value finds a circle of any length within a few rounds, and a cursor stays small however
//! long the window is.

use kit::{Error, ErrorKind};
use sha2::{Digest, Sha256};

use crate::limits::{PAGES_MAX, SITE_CURSOR_BYTES_MAX};

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 1 + 4 + 16;

/// A place in a list of pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pages: u32,
    mark: [u8; 16],
    /// The site's own cursor, to send back as it came.
    pub(crate) site: String,
}

impl Cursor {
    /// The place after a page that was reached with `before` (none: the first page) and named `next`.
    pub(crate) fn after(path: &str, before: Option<&Self>, next: String) -> Result<Self, Error> {
        if next.is_empty() || next.len() > SITE_CURSOR_BYTES_MAX {
            return Err(crate::answer::unexpected(
                ErrorKind::Other,
                format!("`{path}` named a next page by {} bytes; 1 to {SITE_CURSOR_BYTES_MAX} can be used", next.len()),
            ));
        }
        let pages = before.map_or(0, |cursor| cursor.pages) + 1;
        let hash = half_hash(&next);
        if before.is_some_and(|cursor| cursor.site == next || cursor.mark == hash) {
            return Err(loops(format!("`{path}` named a page as its next that was read before, on page {pages}")));
        }
        if pages >= PAGES_MAX {
            return Err(loops(format!("`{path}` has not come to an end after {PAGES_MAX} pages")));
        }
        let mark = match before {
            Some(cursor) if !pages.is_power_of_two() => cursor.mark,
            _ => hash,
        };
        Ok(Self { pages, mark, site: next })
    }

    /// As the host keeps it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.site.len());
        bytes.push(VERSION);
        bytes.extend(self.pages.to_be_bytes());
        bytes.extend(self.mark);
        bytes.extend(self.site.as_bytes());
        bytes
    }

    /// As [`Self::encode`] wrote it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let parts = || {
            let (version, rest) = bytes.split_first()?;
            let (pages, rest) = rest.split_first_chunk::<4>()?;
            let (mark, site) = rest.split_first_chunk::<16>()?;
            let site = std::str::from_utf8(site).ok().filter(|site| !site.is_empty())?;
            let pages = u32::from_be_bytes(*pages);
            let known = *version == VERSION && (1..PAGES_MAX).contains(&pages);
            known.then(|| Self { pages, mark: *mark, site: site.to_owned() })
        };
        parts().ok_or_else(|| {
            Error::new(
                ErrorKind::Rejected,
                "cursor-unknown",
                format!("the stored cursor ({} bytes) was not written by this version of `telemessage`", bytes.len()),
            )
            .hint("go back to the plugin version that wrote it, or read the window anew with `chancery backfill`")
        })
    }
}

fn loops(message: String) -> Error {
    Error::new(ErrorKind::Other, "cursor-loop", message)
        .hint("nothing is lost: the window stays open; ask who runs the gateway why its paging does not end")
}

fn half_hash(text: &str) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    half
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    /// Follows cursors named by `next` until an error; the pages it took.
    fn pages_until_loop(next: impl Fn(u32) -> String) -> u32 {
        let mut cursor = None;
        for page in 0..PAGES_MAX + 1 {
            match Cursor::after("/v1/items", cursor.as_ref(), next(page)) {
                Ok(after) => cursor = Some(Cursor::decode(&after.encode()).unwrap()),
                Err(error) => {
                    assert_eq!(error.code, "cursor-loop");
                    return page;
                }
            }
        }
        panic!("no end");
    }

    #[test]
    fn circles_of_any_length_are_found() {
        for (start, length) in [(0_u32, 1_u32), (5, 1), (0, 2), (3, 2), (1, 7), (100, 13), (1000, 250)] {
            let pages = pages_until_loop(|page| {
                let place = if page < start { page } else { start + (page - start) % length };
                format!("page-{place}")
            });
            assert!(pages >= start && pages <= 4 * (start + length) + 4, "{start} {length}: {pages}");
        }
    }

    #[test]
    fn a_window_without_end_is_stopped() {
        assert_eq!(pages_until_loop(|page| page.to_string()), PAGES_MAX - 1);
    }

    #[test]
    fn bytes_are_as_documented() {
        let cursor = Cursor { pages: 258, mark: [7; 16], site: "ab".into() };
        let bytes = [&[1_u8, 0, 0, 1, 2][..], &[7; 16], b"ab"].concat();
        assert_eq!(cursor.encode(), bytes);
        assert_eq!(Cursor::decode(&bytes).unwrap(), cursor);
    }

    #[test]
    fn foreign_bytes_are_refused() {
        let good = Cursor { pages: 1, mark: [0; 16], site: "a".into() }.encode();
        let mut other_version = good.clone();
        other_version[0] = 2;
        let mut not_utf8 = good.clone();
        not_utf8.push(0xff);
        let mut no_page = good.clone();
        no_page[4] = 0;
        for bytes in [&[][..], &good[..20], &good[..21], &other_version, &not_utf8, &no_page] {
            assert_eq!(Cursor::decode(bytes).unwrap_err().code, "cursor-unknown", "{bytes:?}");
        }
    }

    #[test]
    fn a_cursor_the_host_could_not_keep_is_refused() {
        for next in [String::new(), "x".repeat(SITE_CURSOR_BYTES_MAX + 1)] {
            assert_eq!(Cursor::after("/v1/items", None, next).unwrap_err().code, "unexpected-answer");
        }
    }
}
