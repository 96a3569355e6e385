//! A bundle: what became of some windows, with the proof, for a person without Chancery.
//!
//! Everything in it is a file that common tools read. `HOW-TO-CHECK.md` in it says how each statement is checked against
//! the signed ledger; a test follows exactly those steps with nothing of ours.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::csv;
use crate::{
    item::{hex, time::rfc3339},
    state::{
        ConnectorState, CopyKey, CopyStep, Extract, ItemPrivate, ItemRow, ItemStep, RepairOutcome, Standing,
        StateError, Target, WindowRow,
    },
};

const HOW_TO_CHECK: &str = include_str!("how-to-check.md");

/// An item as the bundle shows it.
#[derive(Clone, Debug, Serialize)]
pub struct BundleItem {
    item: u64,
    window: u64,
    event: &'static str,
    source_id: Option<String>,
    source_user: Option<String>,
    sent_at: Option<String>,
    state: &'static str,
    reason: Option<String>,
    duplicate_of: Option<u64>,
    late: bool,
    unreadable: bool,
    erased: bool,
    /// Its copies.
    pub copies: Vec<BundleCopy>,
}

/// A copy as the bundle shows it.
#[derive(Clone, Debug, Serialize)]
pub struct BundleCopy {
    item: u64,
    copy: u16,
    /// Index of its destination.
    pub destination: u16,
    /// Its mailbox; none when that was erased, or for a person without one.
    pub mailbox: Option<String>,
    person: Option<String>,
    state: String,
    reason: Option<String>,
    /// The SHA-256 of its message when it is delivered.
    #[serde(serialize_with = "hex_or_null")]
    pub sha256: Option<[u8; 32]>,
    /// The message in the bundle.
    pub file: Option<String>,
}

/// What a bundle is about.
pub struct Bundle<'a> {
    /// The connector's name.
    pub connector: &'a str,
    /// The windows.
    pub windows: &'a [WindowRow],
    /// The records, which are in [`records_path`] already, and their proof.
    pub extract: &'a Extract,
    /// The items.
    pub items: &'a [BundleItem],
}

/// Where the ledger's records go.
pub fn records_path(folder: &Path) -> PathBuf {
    folder.join("proof").join("records.bin")
}

/// The name of a message in the bundle.
pub fn message_name(sha256: &[u8; 32]) -> String {
    format!("mail/{}.eml", hex(sha256))
}

/// Gathers the items of some windows with their copies.
///
/// # Errors
/// What reading the state fails with.
pub fn collect(
    state: &ConnectorState,
    windows: &[WindowRow],
    extract: &Extract,
) -> Result<Vec<BundleItem>, StateError> {
    let mut items = Vec::new();
    for window in windows {
        for page in state.pages(window.id)? {
            for row in state.page_items(window.id, page.seq)? {
                let private = state.item_private(row.ordinal)?;
                items.push(item(row, private, extract));
            }
        }
    }
    Ok(items)
}

fn item(row: ItemRow, private: Option<ItemPrivate>, extract: &Extract) -> BundleItem {
    let erased = private.is_none();
    let private = private.unwrap_or_default();
    let text = |text: String| (!erased && !text.is_empty()).then_some(text);
    let ordinal = row.ordinal;
    let copies = (0_u16..).zip(row.copies).map(|(number, copy)| {
        let (mut mailbox, mut person) = (None, None);
        match private.targets.get(usize::from(number)) {
            Some(Target::Mailbox(address)) => mailbox = Some(address.clone()),
            Some(Target::Person(id)) => person = Some(id.clone()),
            None => {}
        }
        let intent = extract.intents.get(&CopyKey { ordinal, copy: number }).copied();
        let (state, reason, sha256) = match copy.state {
            CopyStep::Planned => ("planned", None, None),
            CopyStep::Intended { .. } => ("in doubt", None, None),
            CopyStep::Done(outcome) => (outcome.name(), None, intent),
            CopyStep::Parked { code } => ("parked", Some(code), None),
            CopyStep::Discarded => ("discarded", None, None),
        };
        let (item, state) = (ordinal.0, state.to_owned());
        BundleCopy {
            item,
            copy: number,
            destination: copy.destination,
            mailbox,
            person,
            state,
            reason,
            sha256,
            file: None,
        }
    });
    BundleItem {
        item: ordinal.0,
        window: row.window.0,
        event: row.event.name(),
        copies: copies.collect(),
        source_id: text(private.id),
        source_user: private.owner.and_then(text),
        sent_at: private.sent_at_ms.map(rfc3339),
        state: match row.step {
            ItemStep::Staged => "staged",
            ItemStep::Pending => "pending",
            ItemStep::Delivered => "delivered",
            ItemStep::Parked => "parked",
            ItemStep::Duplicate => "duplicate",
            ItemStep::Excluded => "excluded",
        },
        reason: row.parked.or(row.excluded),
        duplicate_of: match row.standing {
            Standing::Duplicate { of, .. } => Some(of.0),
            _ => None,
        },
        late: row.late,
        unreadable: row.unreadable,
        erased,
    }
}

impl Bundle<'_> {
    /// Writes everything but the records and the messages, which are there already, and the list of digests last.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let put = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes);
        let csv_error = |error: ::csv::Error| io::Error::other(error.to_string());
        put("HOW-TO-CHECK.md", HOW_TO_CHECK.as_bytes())?;
        put("summary.txt", self.summary().as_bytes())?;
        put("items.csv", self.items_csv().map_err(csv_error)?.as_bytes())?;
        put("copies.csv", self.copies_csv().map_err(csv_error)?.as_bytes())?;
        put("items.json", &serde_json::to_vec_pretty(&self.items)?)?;
        self.proof(folder)?;
        let mut sums = String::new();
        for name in files_below(folder, "")? {
            let digest: [u8; 32] = Sha256::digest(fs::read(folder.join(&name))?).into();
            let _infallible = writeln!(sums, "{}  {name}", hex(&digest));
        }
        put("SHA256SUMS", sums.as_bytes())
    }

    fn proof(&self, folder: &Path) -> io::Result<()> {
        let extract = self.extract;
        let proof = folder.join("proof");
        let (text, signature) =
            extract.statement().ok_or_else(|| io::Error::other("the signed statement cannot be read"))?;
        fs::write(proof.join("chain-before.hex"), format!("{}\n", extract.chain_before))?;
        fs::write(proof.join("signed.txt"), text)?;
        fs::write(proof.join("signed.sig"), signature)?;
        fs::write(proof.join("key.hex"), format!("{}\n", hex(&extract.public_key)))?;
        fs::write(proof.join("key.pem"), pem(&extract.public_key))?;
        for (window, note) in &extract.checkpoints {
            fs::write(proof.join(format!("window-{window}.checkpoint")), note)?;
        }
        for (number, note) in (1..).zip(&extract.rotations) {
            fs::write(proof.join(format!("next-key-{number}.txt")), note)?;
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let mut text = format!("What connector `{}` archived\n\n", self.connector);
        let mut line = |line: std::fmt::Arguments<'_>| {
            let _infallible = text.write_fmt(format_args!("{line}\n"));
        };
        for window in self.windows {
            let end = rfc3339(window.interval.end_ms);
            match window.interval.start_ms {
                Some(start_ms) => line(format_args!("window {}: {} .. {end}", window.id.0, rfc3339(start_ms))),
                None => line(format_args!("window {}: a file read at {end}", window.id.0)),
            }
            let items = &window.items;
            line(format_args!(
                "  items   {} fetched = {} delivered + {} parked + {} duplicate + {} excluded; {} seen before",
                items.fetched, items.delivered, items.parked, items.duplicate, items.excluded, items.seen
            ));
            for (destination, copies) in window.copies.iter().enumerate() {
                line(format_args!(
                    "  copies  {} available = {} imported + {} partial + {} skipped + {} failed + {} pending (destination {destination})",
                    copies.available, copies.imported, copies.partial, copies.skipped, copies.failed, copies.pending
                ));
            }
            if !self.extract.checkpoints.contains_key(&window.id.0) {
                line(format_args!("  this window is not sealed: something of it is still under way"));
            }
        }
        let copies = || self.items.iter().flat_map(|item| &item.copies).filter(|copy| copy.sha256.is_some());
        let absent = copies().filter(|copy| copy.file.is_none()).count();
        line(format_args!("\n{} delivered copies; of {absent} the message is not in this bundle,", copies().count()));
        line(format_args!("because its mailbox does not hold those bytes any more, or its address was erased."));
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for item in self.items {
            for reason in item.reason.iter().chain(item.copies.iter().filter_map(|copy| copy.reason.as_ref())) {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        for (reason, count) in reasons {
            line(format_args!("not delivered, `{reason}`: {count}"));
        }
        if self.extract.erasures.is_empty() {
            line(format_args!("Nothing of these items was erased from the record."));
        }
        for erasure in &self.extract.erasures {
            line(format_args!(
                "erased from the record: what is private of item {}, at {}, by {}: {}",
                erasure.ordinal.0,
                rfc3339(erasure.at_ms),
                erasure.actor,
                erasure.reason
            ));
        }
        for repair in &self.extract.repairs {
            let outcome = repair.outcome.map_or("begun, its end is not recorded", RepairOutcome::name);
            line(format_args!(
                "written again: copy {} of item {}, at {}, by {}: {} ({outcome})",
                repair.copy.copy,
                repair.copy.ordinal.0,
                rfc3339(repair.at_ms),
                repair.actor,
                repair.reason
            ));
        }
        let signed =
            if self.extract.is_checkpoint(self.connector) { "a window's checkpoint" } else { "the ledger's head" };
        line(format_args!(
            "\nThe proof has {} groups of records after the first {}; {signed} signs the chain after them.",
            self.extract.groups, self.extract.groups_before
        ));
        line(format_args!("How to check all this: HOW-TO-CHECK.md"));
        text
    }

    fn items_csv(&self) -> Result<String, ::csv::Error> {
        let header = [
            "item",
            "window",
            "event",
            "source_id",
            "source_user",
            "sent_at",
            "state",
            "reason",
            "duplicate_of",
            "late",
            "unreadable",
            "erased",
        ];
        let rows = self.items.iter().map(|item| {
            vec![
                item.item.to_string(),
                item.window.to_string(),
                item.event.to_owned(),
                item.source_id.clone().unwrap_or_default(),
                item.source_user.clone().unwrap_or_default(),
                item.sent_at.clone().unwrap_or_default(),
                item.state.to_owned(),
                item.reason.clone().unwrap_or_default(),
                item.duplicate_of.map_or_else(String::new, |of| of.to_string()),
                item.late.to_string(),
                item.unreadable.to_string(),
                item.erased.to_string(),
            ]
        });
        csv::table(&header, rows)
    }

    fn copies_csv(&self) -> Result<String, ::csv::Error> {
        let header = ["item", "copy", "destination", "mailbox", "person", "state", "reason", "sha256", "file"];
        let rows = self.items.iter().flat_map(|item| &item.copies).map(|copy| {
            vec![
                copy.item.to_string(),
                copy.copy.to_string(),
                copy.destination.to_string(),
                copy.mailbox.clone().unwrap_or_default(),
                copy.person.clone().unwrap_or_default(),
                copy.state.clone(),
                copy.reason.clone().unwrap_or_default(),
                copy.sha256.as_ref().map_or_else(String::new, |sha256| hex(sha256)),
                copy.file.clone().unwrap_or_default(),
            ]
        });
        csv::table(&header, rows)
    }
}

/// Every file below a folder, sorted, by path relative to it.
fn files_below(folder: &Path, prefix: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join(prefix))? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            names.extend(files_below(folder, &format!("{name}/"))?);
        } else {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// An Ed25519 public key as other tools read it (RFC 8410).
fn pem(key: &[u8; 32]) -> String {
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = [&PREFIX[..], key].concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

fn hex_or_null<S: serde::Serializer>(sha256: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
    sha256.as_ref().map(|sha256| hex(sha256)).serialize(serializer)
}
