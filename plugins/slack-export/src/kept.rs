//! What an instance keeps of an export between its pages: where things lie, and its users and conversations unless they are very
//! many. Reading them for every page would cost a large workspace more than its messages do.
//!
//! It only saves that reading: a page is the same from an instance that has kept nothing.

use kit::{Error, Host};

use crate::{
    cursor::{self, Cursor},
    directory::Directory,
    layout::Layout,
    limits::KEPT_BYTES_MAX,
};

/// What is kept of one export.
pub(crate) struct Kept {
    path: String,
    with_public_members: bool,
    /// Where things lie.
    pub(crate) layout: Layout,
    /// Its users and conversations; none when they are too many, and each page looks up whom it names.
    pub(crate) directory: Option<Directory>,
}

impl Kept {
    /// What is kept of the export that a page is asked of. The first page reads it anew, and so does a page whose cursor is of
    /// another export than the one that is kept.
    ///
    /// # Errors
    /// `cursor-unknown` when the cursor is not of this export; what reading it ends with.
    pub(crate) fn of<'k>(
        kept: &'k mut Option<Self>,
        host: &mut dyn Host,
        path: &str,
        with_public_members: bool,
        cursor: Option<&Cursor>,
    ) -> Result<&'k Self, Error> {
        let is_of = |kept: &Self, cursor: &Cursor| {
            let is_same = kept.path == path && kept.with_public_members == with_public_members;
            is_same && kept.layout.fingerprint == cursor.archive
        };
        if !matches!((&*kept, cursor), (Some(kept), Some(cursor)) if is_of(kept, cursor)) {
            // What was kept goes first: two would be twice the memory.
            *kept = None;
            let layout = Layout::read(host, path)?;
            if cursor.is_some_and(|cursor| cursor.archive != layout.fingerprint) {
                return Err(cursor::unknown(path));
            }
            let directory = Directory::whole(host, path, &layout, with_public_members, KEPT_BYTES_MAX)?;
            *kept = Some(Self { path: path.to_owned(), with_public_members, layout, directory });
        }
        kept.as_ref().ok_or_else(|| cursor::unknown(path))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use std::fs;

    use kit::source::{Page, PullRequest, Reading};
    use shelf::Shelf;

    use super::*;
    use crate::{pull::pull, settings::Settings};

    /// What is kept from a page to the next.
    #[derive(Clone, Copy, PartialEq)]
    enum Keeping {
        Everything,
        /// The users and conversations are too many.
        Layout,
        /// Each page has an instance of its own.
        Nothing,
    }

    fn walk(host: &mut Shelf, settings: &Settings, path: &str, keeping: Keeping) -> Result<Vec<Page>, Error> {
        let (mut kept, mut cursor, mut pages) = (None::<Kept>, None, Vec::new());
        loop {
            let request = PullRequest {
                reading: Reading::File(path.to_owned()),
                account: "acme".to_owned(),
                bookmark: None,
                cursor: cursor.take(),
                max_items: 2,
            };
            match (&mut kept, keeping) {
                (Some(kept), Keeping::Layout) => kept.directory = None,
                (_, Keeping::Nothing) => kept = None,
                _ => {}
            }
            let page = pull(host, settings, &request, &mut kept)?;
            cursor.clone_from(&page.cursor);
            pages.push(page);
            if cursor.is_none() {
                return Ok(pages);
            }
        }
    }

    #[test]
    fn pages_are_the_same_whatever_is_kept() {
        let mut compared = 0;
        for case in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/cases")).unwrap() {
            let case = case.unwrap().path();
            let settings = fs::read_to_string(case.join("settings.json")).unwrap();
            let Ok(settings) = Settings::parse(&settings) else { continue };
            let host = shelf::load(&case);
            for path in host.archives.keys() {
                let all = [Keeping::Everything, Keeping::Layout, Keeping::Nothing]
                    .map(|keeping| walk(&mut host.clone(), &settings, path, keeping));
                assert_eq!(all[0], all[1], "{}", case.display());
                assert_eq!(all[0], all[2], "{}", case.display());
                compared += usize::from(all[0].as_ref().is_ok_and(|pages| pages.len() > 1));
            }
        }
        assert!(compared >= 5, "{compared} cases of several pages");
    }

    const DAY: &str = r#"[{"type":"message","user":"U1","text":"one","ts":"1793577600.000100"},
{"type":"message","user":"U1","text":"two","ts":"1793577601.000100"},
{"type":"message","user":"U1","text":"three","ts":"1793577602.000100"}]"#;

    fn workspace() -> Shelf {
        let user = |number: u32| format!(r#"{{"id":"U{number}","name":"person{number}"}}"#);
        let users = format!("[{}]", (0..2_000).map(user).collect::<Vec<_>>().join(",\n"));
        let channels = r#"[{"id":"C1","name":"general","members":["U1","U2"]}]"#;
        let entries: [(&str, &[u8]); 3] = [
            ("users.json", users.as_bytes()),
            ("channels.json", channels.as_bytes()),
            ("general/2026-11-02.json", DAY.as_bytes()),
        ];
        Shelf::archive("in/acme.zip", &entries)
    }

    #[test]
    fn a_later_page_reads_nothing_but_its_messages() {
        let settings = Settings::parse(r#"{"path":"in"}"#).unwrap();
        for (keeping, listings) in [(Keeping::Everything, 1), (Keeping::Layout, 1), (Keeping::Nothing, 2)] {
            let mut host = workspace();
            let lists: usize = host.archives["in/acme.zip"][..2].iter().map(|(_, bytes)| bytes.len()).sum();
            let pages = walk(&mut host, &settings, "in/acme.zip", keeping).unwrap();
            assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [2, 1]);
            // Users and channels are walked through once besides, for what is broken in them.
            let times = if keeping == Keeping::Everything { 2 } else { 3 };
            let bytes = usize::try_from(host.bytes_read).unwrap();
            assert_eq!(host.archive_listings, listings);
            assert!((times * lists..times * lists + 2 * DAY.len() + 10).contains(&bytes), "{bytes} of {lists}");
        }
    }

    #[test]
    fn lists_that_take_too_much_are_not_kept() {
        let mut host = workspace();
        let layout = Layout::read(&mut host, "in/acme.zip").unwrap();
        let mut whole = |bytes_max| Directory::whole(&mut host, "in/acme.zip", &layout, true, bytes_max).unwrap();
        assert_eq!(whole(100_000), None);
        assert_eq!(whole(10_000_000).unwrap().user_name("U1999"), Some("person1999"));
    }

    #[test]
    fn a_place_in_another_export_is_refused() {
        let settings = Settings::parse(r#"{"path":"in"}"#).unwrap();
        let mut host = workspace();
        let pages = walk(&mut host, &settings, "in/acme.zip", Keeping::Everything).unwrap();
        host.archives.get_mut("in/acme.zip").unwrap()[2].1.push(b' ');
        let request = PullRequest {
            reading: Reading::File("in/acme.zip".to_owned()),
            account: "acme".to_owned(),
            bookmark: None,
            cursor: pages[0].cursor.clone(),
            max_items: 2,
        };
        assert_eq!(pull(&mut host, &settings, &request, &mut None).unwrap_err().code, "cursor-unknown");
    }
}
