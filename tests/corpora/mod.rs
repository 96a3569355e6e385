//! Public exports that are no part of the project. With `CHANCERY_CORPORA` naming their folder, every WhatsApp file goes
//! through `chancery sync`, and what is in the mailboxes is compared with an independent parser's counts
//! (`ORACLE.json`) and with the file's own text. `docs/whatsapp-exports.md` explains each difference; the test holds
//! that page against what it finds. The other formats are in [`formats`].

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod formats;

use std::{
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

/// An export.
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
        assert_eq!(
            parked,
            vec!["ambiguous-dates"; usize::from(asked)],
            "{}: {:?}",
            export.file,
            outcomes[&export.name]
        );
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
        // A file that was asked about first was parked, and freed once its `date_order` was said.
        let freed = u64::from(ORDERS.iter().any(|(file, _)| *file == export.file));
        let balance = [("fetched", delivered + freed), ("excluded", freed), ("parked", 0), ("duplicate", 0)];
        let balances = balance.iter().all(|(name, count)| report["items"][name].as_u64() == Some(*count));
        if delivered != mails.len() as u64 || !balances {
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

    /// What the page should say of it and does not: the row of the table, and each difference to the independent parser.
    fn counts(&self, mails: &[Mail], page: &str) -> Vec<String> {
        let notices = mails.iter().filter(|mail| is_notice(&mail.text())).count();
        let named = mails.iter().filter(|mail| names_file(&mail.text())).count();
        let order = ORDERS.iter().find(|(file, _)| *file == self.file).map_or("", |(_, order)| order);
        let row = format!("| `{}` | {} | {named} | {} | {order} |", self.file, mails.len(), notices - named);
        let missing = (!page.contains(&row)).then(|| format!("the page has no row {row}"));
        // The parser's first and last are those of the file, whose heads need not be in order: some mail is of each.
        let instant = |name: &str, none: Option<i64>| {
            let theirs = self.oracle[name].as_str().map(|text| text.replace(".000Z", "Z"));
            let shown = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap().to_string();
            let found = mails.iter().map(date_seconds).map(shown).find(|at| Some(at) == theirs.as_ref());
            (found.or_else(|| none.map(shown)).unwrap_or_default(), theirs.unwrap_or_default())
        };
        let compared = [
            ("messages", (mails.len().to_string(), self.oracle["messages"].to_string())),
            ("attachments", (named.to_string(), self.oracle["attachments"].to_string())),
            ("first", instant("first", mails.iter().map(date_seconds).min())),
            ("last", instant("last", mails.iter().map(date_seconds).max())),
        ];
        let unexplained =
            compared.into_iter().filter(|(_, (ours, theirs))| ours != theirs).filter_map(|(count, (ours, theirs))| {
                let row = format!("| `{}` | {count} | {ours} | {theirs} |", self.file);
                (!page.contains(&row)).then(|| format!("the page does not explain {row}"))
            });
        missing.into_iter().chain(unexplained).collect()
    }

    /// Every line of the file is in a mail, or stands for a medium, of which a mail says visibly that it is missing.
    fn missing_text(&self, mails: &[Mail]) -> Vec<String> {
        let pool: String = mails.iter().map(|mail| written(&mail.text()) + "\n").collect();
        let lines = self.text.lines().map(plain).enumerate();
        let missing: Vec<_> = lines.filter(|(_, line)| !line.is_empty() && !holds(&pool, line)).collect();
        let notices = mails.iter().filter(|mail| is_notice(&mail.text())).count();
        if missing.len() == notices {
            return Vec::new();
        }
        let shown: Vec<String> = missing.iter().map(|(number, line)| format!("  {}: {line}", number + 1)).collect();
        vec![format!(
            "{}: {notices} notices for {} lines that are in no mail\n{}",
            self.file,
            missing.len(),
            shown.join("\n")
        )]
    }
}

/// Whether a line's text stands in the mails: the whole line, or what follows its head.
fn holds(pool: &str, line: &str) -> bool {
    let after = |mark: &'static str| line.match_indices(mark).map(move |(at, mark)| &line[at + mark.len()..]);
    let marks: &[&str] = if line.contains(": ") { &["] ", " - ", ": "] } else { &["] ", " - ", ":"] };
    let ends = marks.iter().flat_map(|mark| after(mark)).chain([line]);
    let texts: Vec<&str> = ends.map(str::trim).collect();
    // A head without text: the message is empty, and its mail says so.
    line.ends_with(':') || texts.iter().any(|text| !text.is_empty() && pool.contains(&format!("\n{text}\n")))
}

/// What was written, without the notices and the facts below the line.
fn written(text: &str) -> String {
    let text = text.split("\n----------------------------------------\n").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with("Attachment")).map(plain);
    format!("\n{}\n", lines.collect::<Vec<_>>().join("\n"))
}

/// Whether a mail says that a medium is missing.
fn is_notice(text: &str) -> bool {
    text.contains("Attachment missing: ")
}

/// Whether the missing medium is one that the export names.
fn names_file(text: &str) -> bool {
    text.contains("The source names it but does not have it.")
}

/// Without marks that nobody sees, and with plain spaces.
fn plain(text: &str) -> String {
    let visible = text.chars().filter(|character| !matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'));
    let spaced = visible.map(|character| if matches!(character, '\u{a0}' | '\u{202f}') { ' ' } else { character });
    spaced.collect::<String>().trim().to_owned()
}
