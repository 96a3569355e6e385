//! Cases as folders: `settings.json`, the inbox as its owner filled it, `expected.txt`. A folder whose name ends in `.zip` stands
//! for an archive. `UPDATE_CASES=1` writes what came out.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use kit::{Content, Event, PluginKind, Source};

use crate::{Shelf, Whole, read};

/// Items asked for at once: few, so that every case has pages.
const PAGE_ITEMS: u32 = 3;

/// Reads every case below a folder and compares.
pub fn cases<S: Source>(root: &Path, at_least: usize) {
    let PluginKind::Source(traits) = S::describe().kind else { panic!("it is no source") };
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= at_least, "the cases are there");
    let mut failed = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let settings = fs::read_to_string(case.join("settings.json")).unwrap();
        let host = load(&case);
        let is_read = |path: &&String| {
            let path = path.to_lowercase();
            traits.file_endings.is_empty() || traits.file_endings.iter().any(|ending| path.ends_with(ending))
        };
        let paths: Vec<String> = host.archives.keys().chain(host.files.keys()).filter(is_read).cloned().collect();
        let mut shown = String::new();
        for path in paths {
            let _ = writeln!(shown, "== {path}");
            match read::<S>(&mut host.clone(), &settings, &path, PAGE_ITEMS) {
                Ok(whole) => shown += &show(&whole),
                Err(error) => {
                    let hint = error.hint.unwrap_or_default();
                    let _ = writeln!(shown, "{:?} {}: {}\nhint: {hint}", error.kind, error.code, error.message);
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

/// A case's inbox as a host offers it.
pub fn load(case: &Path) -> Shelf {
    let mut host = Shelf::default();
    let mut folders = vec![case.join("inbox")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(case).unwrap().to_string_lossy().into_owned();
            if name.ends_with(".zip") && path.is_dir() {
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

/// What people would look at, one line a fact: a conversation is said when it changes.
pub fn show(whole: &Whole) -> String {
    let mut out = String::new();
    let mut conversation = None;
    for seen in &whole.items {
        let item = &seen.item;
        if conversation != Some(&seen.conversation.id) {
            let people: Vec<&str> =
                item.participants.iter().map(|place| seen.people[*place as usize].id.as_str()).collect();
            let of = &seen.conversation;
            let _ = writeln!(out, "{:?} {} {:?}: {}", of.kind, of.id, of.title, people.join(", "));
            conversation = Some(&of.id);
        }
        let at = jiff::Timestamp::from_millisecond(item.sent_at).unwrap();
        let sender = seen.sender().map_or("-", |person| person.name.as_deref().unwrap_or(&person.id));
        let direction = item.direction.map_or(String::new(), |direction| format!(" {direction:?}").to_lowercase());
        let event = if item.event == Event::Message { String::new() } else { format!(" [{}]", item.event.name()) };
        let text = item.text.as_deref().unwrap_or_default();
        let _ = writeln!(out, "{at} {} {sender}{direction}{event} {text:?}", item.id);
        if let Some(previous) = &item.previous_text {
            let _ = writeln!(out, "    before: {previous:?}");
        }
        if let Some(refers_to) = &item.refers_to {
            let _ = writeln!(out, "    refers to: {refers_to:?}");
        }
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
        if let Some(original) = &item.original {
            let _ = writeln!(out, "    original: {} bytes", original.len());
        }
    }
    for unreadable in &whole.unreadable {
        let (code, message) = (&unreadable.code, &unreadable.message);
        let _ = writeln!(out, "unreadable {code}: {message} ({} bytes)", unreadable.original.len());
    }
    out
}
