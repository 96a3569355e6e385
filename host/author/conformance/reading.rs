//! A source of files, run once: what it makes of the files of a folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    Finding,
    golden::trouble,
    source::{At, PAGES_MAX, document, pull, reads_files, unread},
    watch::Used,
};
use crate::{
    item::{Failure, NextMove, limits},
    sandbox::{Plugin, Sandbox},
};

fn unable(finding: Finding) -> Failure {
    let failure = Failure::new("author-case", NextMove::AskPerson, finding.text);
    match finding.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn at<'a>(sandbox: &'a Sandbox, plugin: &'a Plugin, settings: &str) -> Result<At<'a>, Failure> {
    if !reads_files(plugin) {
        let why = format!("`{}` is no source that reads files", plugin.descriptor.name);
        return Err(Failure::new("author-case", NextMove::AskPerson, why)
            .hint("put it into a configuration, and look with `chancery sync NAME --dry-run`"));
    }
    At::new(sandbox, plugin, settings).map_err(unable)
}

/// What a source made of one file.
#[derive(Clone, Debug)]
pub struct ReadFile {
    /// Its path.
    pub path: String,
    /// Its items, and then what is unreadable, as JSON.
    pub items: Vec<Value>,
    /// How many of them are unreadable.
    pub unreadable: usize,
    /// Pages it took.
    pub pages: usize,
    /// Why it ended before its end.
    pub failure: Option<Failure>,
}

/// What a source made of the files of a folder.
#[derive(Clone, Debug)]
pub struct ReadFiles {
    /// Each of them.
    pub files: Vec<ReadFile>,
    /// What the calls came to.
    pub used: Used,
}

/// Reads the files of the folder that the settings name, below the folder this runs in.
///
/// # Errors
/// When it reads no files, or nothing can be read at all.
pub(super) async fn read(sandbox: &Sandbox, plugin: &Plugin, settings: &str) -> Result<ReadFiles, Failure> {
    let at = at(sandbox, plugin, settings)?;
    let base = Path::new("");
    let account = at.worker(base).check().await?.id;
    let mut read = Vec::new();
    for file in at.files(base).map_err(unable)? {
        let maker = at.worker(base);
        let (folders, mut worker) = maker.make().map_err(unable)?;
        folders.expect(&file);
        let mut of = ReadFile { path: file.path.clone(), items: Vec::new(), unreadable: 0, pages: 0, failure: None };
        let (mut cursor, mut unreadable) = (None::<Vec<u8>>, Vec::new());
        loop {
            let call = at.watch.call();
            let page = pull(&mut worker, &account, &file, cursor.as_deref(), limits::PAGE_ITEMS_MAX).await;
            call.ended(worker.last_call());
            match page {
                Ok(page) => {
                    of.pages += 1;
                    of.items.extend(page.items.iter().map(|item| document(&page, item)));
                    unreadable.extend(page.unreadable.iter().map(unread));
                    cursor = page.cursor;
                }
                Err(failure) => of.failure = Some(failure),
            }
            if cursor.is_none() || of.failure.is_some() || of.pages > PAGES_MAX {
                break;
            }
        }
        of.unreadable = unreadable.len();
        of.items.append(&mut unreadable);
        read.push(of);
    }
    Ok(ReadFiles { files: read, used: at.watch.used() })
}

/// Copies the files that would be read, with the settings, as a case.
///
/// # Errors
/// When it is there already, or cannot be written.
pub(super) fn copy_case(sandbox: &Sandbox, plugin: &Plugin, settings: &str, case: &Path) -> Result<(), Failure> {
    let at = at(sandbox, plugin, settings)?;
    if case.exists() {
        let why = format!("`{}` is there already", case.display());
        return Err(Failure::new("author-case", NextMove::AskPerson, why).hint("choose another folder"));
    }
    let write = |path: PathBuf, bytes: &[u8]| {
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes));
        made.map_err(|error| trouble(&path, "write", &error))
    };
    for stamp in at.granted(Path::new("")).list(&at.folder)? {
        let bytes = fs::read(&stamp.path).map_err(|error| trouble(Path::new(&stamp.path), "read", &error))?;
        write(case.join(&stamp.path), &bytes)?;
    }
    write(case.join("settings.json"), format!("{settings}\n").as_bytes())
}
