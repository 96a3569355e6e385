//! Windows with their mails and their proof, as a folder for a person without Chancery.

use std::{
    collections::{BTreeMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::{Host, assemble};
use crate::{
    item::{Failure, Interval, NextMove},
    report::bundle::{self, Bundle, BundleItem},
    state::WindowRow,
};

/// What a bundle holds.
#[derive(Clone, Debug)]
pub struct Bundled {
    /// Windows.
    pub windows: usize,
    /// Items of them.
    pub items: usize,
    /// Messages that were read back from mailboxes.
    pub messages: usize,
    /// Why some are not among them: a destination that never shows what it has.
    pub unread: Option<Failure>,
}

fn failed(message: impl Into<String>) -> Failure {
    Failure::new("bundle-refused", NextMove::AskPerson, message)
}

fn io_failure(folder: &Path, error: &io::Error) -> Failure {
    Failure::of_disk(error, failed(format!("cannot write `{}`: {error}", folder.display())))
}

/// Whether a window has to do with an interval. A snapshot counts by the instant of its reading.
pub fn touches(window: &WindowRow, asked: Interval) -> bool {
    let Interval { start_ms, end_ms } = window.interval;
    let start_ms = start_ms.unwrap_or(end_ms - 1);
    start_ms < asked.end_ms && end_ms > asked.start_ms.unwrap_or(i64::MIN)
}

/// Bundles the windows of a connector that an interval touches, into a folder that is not there yet. It stands under
/// another name until it is whole.
///
/// # Errors
/// `bundle-refused` when there is nothing to bundle or the folder is there; what mailboxes fail with.
pub async fn bundle(host: &Host, name: &str, asked: Interval, out: &Path) -> Result<Bundled, Failure> {
    if out.exists() {
        return Err(failed(format!("`{}` exists already", out.display())).hint("name a folder that does not exist yet"));
    }
    let state = host.state.connector(name)?;
    let windows: Vec<WindowRow> = state.windows()?.into_iter().filter(|window| touches(window, asked)).collect();
    if windows.is_empty() {
        return Err(failed("no window touches that time").hint(format!("`chancery report {name}` lists the windows")));
    }
    let mut aside = out.to_owned().into_os_string();
    aside.push(".partial");
    let aside = PathBuf::from(aside);
    let written = |error: io::Error| io_failure(&aside, &error);
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(written)?;
    }
    for folder in ["mail", "proof"] {
        fs::create_dir_all(aside.join(folder)).map_err(written)?;
    }
    let ids: Vec<_> = windows.iter().map(|window| window.id).collect();
    let extract = state.extract(&ids, &bundle::records_path(&aside))?;
    let mut items = bundle::collect(&state, &windows, &extract)?;
    let (messages, unread) = fetch(host, name, &mut items, &aside).await?;
    let whole = Bundle { connector: name, windows: &windows, extract: &extract, items: &items };
    whole.write(&aside).map_err(written)?;
    fs::rename(&aside, out).map_err(written)?;
    Ok(Bundled { windows: windows.len(), items: items.len(), messages, unread })
}

/// Reads the messages back from the mailboxes they were delivered to; returns how many there are.
async fn fetch(
    host: &Host,
    name: &str,
    items: &mut [BundleItem],
    folder: &Path,
) -> Result<(usize, Option<Failure>), Failure> {
    let mut found: HashSet<[u8; 32]> = HashSet::new();
    let mut unread: Option<Failure> = None;
    if let Some(connector) = host.config.connector(name) {
        let mut wanted: BTreeMap<(u16, String), HashSet<[u8; 32]>> = BTreeMap::new();
        for copy in items.iter().flat_map(|item| &item.copies) {
            if let (Some(mailbox), Some(sha256)) = (&copy.mailbox, copy.sha256) {
                wanted.entry((copy.destination, mailbox.clone())).or_default().insert(sha256);
            }
        }
        let destinations = assemble::destinations_of(host, connector).await?;
        for ((number, mailbox), mut wanted) in wanted {
            let Some(slot) = destinations.iter().find(|slot| slot.number == number) else { continue };
            wanted.retain(|sha256| !found.contains(sha256));
            let mut show = |sha256: [u8; 32], bytes: &[u8]| {
                found.insert(sha256);
                fs::write(folder.join(bundle::message_name(&sha256)), bytes)
            };
            match slot.destination.read_back(&mailbox, wanted, &mut show).await {
                // It will never show them: the bundle says which messages are not in it.
                Err(failure) if failure.next == NextMove::Reject => unread = Some(failure),
                read => read?,
            }
        }
    }
    for copy in items.iter_mut().flat_map(|item| &mut item.copies) {
        copy.file = copy.sha256.filter(|sha256| found.contains(sha256)).map(|sha256| bundle::message_name(&sha256));
    }
    Ok((found.len(), unread))
}
