//! Public exports that are no part of the project. With `CHANCERY_CORPORA` naming their folder, every WhatsApp file goes
//! through `chancery sync`, and what is in the mailboxes is compared with an independent parser's counts
//! (`ORACLE.json`) and with the file's own text. `docs/whatsapp-exports.md` explains each difference; the test holds
//! that page against what it finds.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::support::{
    exports::{Connector, Installation, date_seconds},
    mail::Mail,
};

/// Files whose dates do not tell day from month, and what they mean.
const ORDERS: &[(&str, &str)] =
    &[("mlomb+chat-analytics/whatsapp_4A_11M.txt", "dmy"), ("starkdmi+whats_json/android_group_EN.txt", "dmy")];

/// The page that explains the differences.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/whatsapp-exports.md");

/// An export and what became of it.
struct Export {
    /// Its path in the corpora.
    file: String,
    /// The independent parser's counts.
    oracle: Value,
    /// Its connector, also the local part of its owner's mailbox.
    name: String,
    text: String,
}

#[test]
fn public_exports_arrive_whole_and_once() {
    let Some(corpora) = std::env::var_os("CHANCERY_CORPORA").map(PathBuf::from) else { return };
    let exports = read(&corpora);
    assert_eq!(exports.len(), 24, "every WhatsApp file of the oracle");
    let installation = Installation::new(&[]);
    for export in &exports {
        let file_name = export.file.rsplit('/').next().unwrap_or_default();
        installation.put(&format!("inbox/{}/{file_name}", export.name), &export.text);
    }

    // Files that need an answer ask for it first, and everything else is read.
    configure(&installation, &exports, false);
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(3);
    for export in &exports {
        let parked: Vec<String> = installation.parked(&export.name).into_iter().map(|row| row.reason).collect();
        let asked = ORDERS.iter().any(|(file, _)| *file == export.file);
        assert_eq!(parked, vec!["ambiguous-dates"; usize::from(asked)], "{}: {:?}", export.file, outcomes[&export.name]);
    }
    configure(&installation, &exports, true);
    let (ran, _) = installation.sync(&["--strict"]);
    ran.expect(0);

    let page = fs::read_to_string(PAGE).unwrap();
    let mut wrong = Vec::new();
    for export in &exports {
        let mails = installation.mails_of(&format!("{}@example.com", export.name));
        let report = installation.done(&["report", &export.name, "--json"]).json();
        let delivered = report["items"]["delivered"].as_u64().unwrap_or_default();
        if delivered != mails.len() as u64 || report["items"]["fetched"] != report["items"]["delivered"] {
            wrong.push(format!("{}: {} mails, the report says {}", export.file, mails.len(), report["items"]));
        }
        wrong.extend(export.counts(&mails, &page));
        wrong.extend(export.missing_text(&mails));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let mails = installation.mails().len();
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(0);
    for (name, outcome) in outcomes {
        assert_eq!((outcome.item("fetched"), outcome.copy("imported")), (0, 0), "{name} again: {outcome:?}");
    }
    assert_eq!(installation.mails().len(), mails, "nothing comes twice");
    // Renamed and laid there again, the same chats bring nothing new either, but for those whose title is their name.
    installation.done(&["ledger", "verify"]);
}

fn read(corpora: &Path) -> Vec<Export> {
    let oracle: Value = serde_json::from_slice(&fs::read(corpora.join("ORACLE.json")).unwrap()).unwrap();
    let rows = oracle["files"].as_array().unwrap().clone();
    let export = |(number, oracle): (usize, Value)| {
        let file = oracle["file"].as_str().unwrap().to_owned();
        let text = fs::read_to_string(corpora.join(&file)).unwrap();
        Export { file, oracle, name: format!("export-{number:02}"), text }
    };
    rows.into_iter().enumerate().map(export).collect()
}

fn configure(installation: &Installation, exports: &[Export], answered: bool) {
    let settings: Vec<[String; 2]> = exports.iter().map(|export| export.settings(answered)).collect();
    let connectors: Vec<Connector<'_>> = exports
        .iter()
        .zip(&settings)
        .map(|(export, [settings, grant])| Connector { name: &export.name, settings, grant, ..Connector::default() })
        .collect();
    installation.configure(&connectors, "");
}

impl Export {
    fn settings(&self, answered: bool) -> [String; 2] {
        let order = ORDERS.iter().find(|(file, _)| answered && *file == self.file);
        let order = order.map_or_else(String::new, |(_, order)| format!(", date_order = \"{order}\""));
        [
            format!("path = \"inbox/{0}\", owner = \"{0}@example.com\", zone = \"UTC\"{order}", self.name),
            format!("folders = [\"inbox/{}\"]", self.name),
        ]
    }

    /// Counts that differ from the independent parser's and are not explained by the page.
    fn counts(&self, mails: &[Mail], page: &str) -> Vec<String> {
        let at = |seconds: Option<i64>| seconds.map(|seconds| jiff::Timestamp::from_second(seconds).unwrap().to_string());
        let named = |mail: &&Mail| names_attachment(&mail.text());
        let ours = BTreeMap::from([
            ("messages", mails.len().to_string()),
            ("attachments", mails.iter().filter(named).count().to_string()),
            ("earliest", at(mails.iter().map(date_seconds).min()).unwrap_or_default()),
            ("latest", at(mails.iter().map(date_seconds).max()).unwrap_or_default()),
        ]);
        let theirs = |count: &str| match (count, &self.oracle["first"], &self.oracle["last"]) {
            // The oracle has the first and the last line's; headers need not be in order.
            ("earliest", Value::String(first), Value::String(last)) => first.min(last).replace(".000Z", "Z"),
            ("latest", Value::String(first), Value::String(last)) => first.max(last).replace(".000Z", "Z"),
            _ => self.oracle[count].to_string(),
        };
        let explained = |count: &str, ours: &str, theirs: &str| {
            page.contains(&format!("| `{}` | {count} | {ours} | {theirs} | ", self.file))
        };
        let differs = ours.into_iter().filter_map(|(count, ours)| {
            let theirs = theirs(count);
            (ours != theirs && !explained(count, &ours, &theirs))
                .then(|| format!("{}: {count} {ours}, theirs {theirs}, and the page does not explain it", self.file))
        });
        differs.collect()
    }

    /// Lines of the file that are in none of the mails.
    fn missing_text(&self, mails: &[Mail]) -> Vec<String> {
        let pool: String = mails.iter().map(|mail| plain(&mail.text()) + "\n").collect();
        let missing = self.text.lines().map(plain).enumerate().filter(|(_, line)| !line.is_empty() && !holds(&pool, line));
        missing.map(|(number, line)| format!("{}: line {} is in no mail: {line}", self.file, number + 1)).collect()
    }
}

/// Whether a line's text stands in the mails: the whole line, or what follows its head.
fn holds(pool: &str, line: &str) -> bool {
    let after = |mark: &'static str| line.match_indices(mark).map(move |(at, mark)| &line[at + mark.len()..]);
    let ends = ["] ", " - ", "- ", ": "].into_iter().flat_map(after).chain([line]);
    ends.map(str::trim).any(|text| match text {
        // A head without text: the message is empty, and its mail says so.
        "" => line.ends_with(':'),
        text => pool.contains(text) || is_medium(text),
    })
}

/// What stands for a medium is said in a mail in other words.
fn is_medium(text: &str) -> bool {
    let lower = text.to_lowercase();
    text.starts_with('<') && text.ends_with('>') || lower.contains("omitted")
}

/// Whether a mail says that a file was named which the export does not hold.
fn names_attachment(text: &str) -> bool {
    text.contains("was not in the export")
}

/// Without marks that nobody sees, and with plain spaces.
fn plain(text: &str) -> String {
    let visible = text.chars().filter(|character| !matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'));
    let spaced = visible.map(|character| if matches!(character, '\u{a0}' | '\u{202f}') { ' ' } else { character });
    spaced.collect::<String>().trim().to_owned()
}
