//! Every folder of `cases/` is a case: `settings.json`, the inbox as the phone's owner filled it, and `expected.txt`.
//! A folder whose name ends in `.zip` stands for an archive. `UPDATE_CASES=1` writes what came out.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use kit::{Content, Event};

use crate::fake::{Fake, Whole, read};

#[test]
fn every_case_gives_what_is_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut failed = Vec::new();
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 10, "the cases are there");
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let settings = fs::read_to_string(case.join("settings.json")).unwrap();
        let host = load(&case);
        let paths: Vec<String> =
            host.archives.keys().chain(host.files.keys().filter(|path| path.ends_with(".txt"))).cloned().collect();
        let mut shown = String::new();
        for path in paths {
            let _ = writeln!(shown, "== {path}");
            match read(&mut host.clone(), &settings, &path, 3) {
                Ok(whole) => show(&whole, &mut shown),
                Err(error) => {
                    let _ = writeln!(
                        shown,
                        "{:?} {}: {}\nhint: {}",
                        error.kind,
                        error.code,
                        error.message,
                        error.hint.unwrap_or_default()
                    );
                }
            }
        }
        let expected = case.join("expected.txt");
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&expected, &shown).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != shown {
            failed.push(format!("---- {name}\n{shown}"));
        }
    }
    assert!(failed.is_empty(), "cases differ from their expected.txt:\n{}", failed.join("\n"));
}

/// The case's inbox as a host offers it.
fn load(case: &Path) -> Fake {
    let mut host = Fake::default();
    let mut folders = vec![case.join("inbox")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(case).unwrap().to_string_lossy().into_owned();
            if name.ends_with(".zip") {
                let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
                collect(&path, &path, &mut entries);
                entries.sort();
                host.archives.insert(name, entries);
            } else if path.is_dir() {
                folders.push(path);
            } else {
                host.files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    host
}

fn collect(root: &Path, folder: &Path, entries: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, entries);
        } else {
            entries.push((path.strip_prefix(root).unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()));
        }
    }
}

/// What people would look at, one line a fact.
fn show(whole: &Whole, out: &mut String) {
    if let Some(first) = whole.items.first() {
        let people: Vec<&str> =
            first.item.participants.iter().map(|place| first.people[*place as usize].id.as_str()).collect();
        let _ = writeln!(out, "{:?} {:?}: {}", first.conversation.kind, first.conversation.title, people.join(", "));
    }
    for seen in &whole.items {
        let item = &seen.item;
        let at = jiff::Timestamp::from_millisecond(item.sent_at).unwrap();
        let sender = seen.sender().map_or("-", |person| person.name.as_deref().unwrap_or(&person.id));
        let direction = item.direction.map_or(String::new(), |direction| format!(" {direction:?}").to_lowercase());
        let event = if item.event == Event::Message { String::new() } else { format!(" [{}]", item.event.name()) };
        let _ = writeln!(out, "{at} {sender}{direction}{event} {:?}", item.text.as_deref().unwrap_or_default());
        if let Some(call) = item.call {
            let _ = writeln!(out, "    call: video {} {:?} {:?} ms", call.video, call.outcome, call.duration_ms);
        }
        for file in &item.attachments {
            let content = match &file.content {
                Content::Present(blob) => format!("{} bytes", blob.size),
                Content::Withheld(withheld) => format!("withheld {}", withheld.reason),
                Content::Missing(code) => format!("missing {code}"),
            };
            let _ = writeln!(out, "    file: {:?} {:?} {content} {:?}", file.name, file.media_type, file.extensions);
        }
        for (name, value) in &item.extensions {
            let _ = writeln!(out, "    {name}: {value}");
        }
    }
    for unreadable in &whole.unreadable {
        let _ = writeln!(
            out,
            "unreadable {}: {} ({} bytes)",
            unreadable.code,
            unreadable.message,
            unreadable.original.len()
        );
    }
}
