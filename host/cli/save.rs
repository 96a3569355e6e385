//! `chancery parked show --save`: an item's files out of the stage.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::error::CliError;
use crate::{
    item::{BlobRef, BlobSource as _, Content, Failure, Page},
    pipeline,
    scheduler::{self, Host},
    stage::Stage,
    state::{ItemRow, Ordinal},
};

/// One thing to be written.
enum Source {
    Staged(BlobRef),
    Original(Vec<u8>),
}

/// Writes what the stage has of an item into a folder. Nothing that is there is overwritten.
pub(super) async fn save(host: &Host, name: &str, item: Ordinal, folder: &Path) -> Result<(), CliError> {
    let state = host.state.connector(name)?;
    let row = state.item(item)?;
    let stage = scheduler::stage(&host.config, &state)?;
    let folder = folder.to_owned();
    let written = pipeline::blocking(move || Ok(write_all(&stage, &row, &folder))).await?;
    for (path, bytes) in written? {
        println!("saved {} ({bytes} bytes)", path.display());
    }
    Ok(())
}

fn write_all(stage: &Arc<Stage>, row: &ItemRow, folder: &Path) -> Result<Vec<(PathBuf, u64)>, CliError> {
    let page = stage.read_page(&row.page_name)?;
    let sources = sources(&page, row.position as usize);
    if sources.is_empty() {
        return Err(CliError::failed(format!(
            "item {} has no file, and nothing of it as the source wrote it",
            row.ordinal.0
        )));
    }
    fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))?;
    let targets: Vec<(PathBuf, Source)> =
        sources.into_iter().map(|(name, source)| (folder.join(name), source)).collect();
    if let Some((path, _)) = targets.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        return Err(CliError::usage(format!("`{}` exists already; nothing was written", path.display()))
            .hint("name another folder: `--save DIR`"));
    }
    let mut written = Vec::with_capacity(targets.len());
    for (path, source) in targets {
        let bytes = match source {
            Source::Staged(blob) => {
                let mut staged = stage.open(&blob).map_err(|error| unreadable(&error))?;
                write(&path, &mut staged)?
            }
            Source::Original(bytes) => write(&path, &mut bytes.as_slice())?,
        };
        written.push((path, bytes));
    }
    Ok(written)
}

/// The files of an item, numbered, so that two of a name do not meet.
fn sources(page: &Page, position: usize) -> Vec<(String, Source)> {
    let mut sources = Vec::new();
    let original = match page.items.get(position) {
        Some(item) => {
            for (number, attachment) in (1..).zip(&item.attachments) {
                if let Content::Present(blob) = &attachment.content {
                    let name = plain(attachment.name.as_deref().unwrap_or("attachment"));
                    sources.push((format!("{number:02}-{name}"), Source::Staged(blob.clone())));
                }
            }
            item.original.clone()
        }
        None => page.unreadable.get(position - page.items.len()).map(|unreadable| unreadable.original.clone()),
    };
    sources.extend(original.map(|bytes| ("original".to_owned(), Source::Original(bytes))));
    sources
}

/// A file name that stays in its folder, whatever a stranger called the file.
fn plain(name: &str) -> String {
    /// Characters kept, the last ones: they have the ending.
    const CHARACTERS_MAX: usize = 100;
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    let characters: Vec<char> = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    characters[characters.len().saturating_sub(CHARACTERS_MAX)..].iter().collect()
}

/// A half-written file is removed: it would look like the whole.
fn write(path: &Path, from: &mut dyn Read) -> Result<u64, CliError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| cannot("make", path, &error))?;
    let copied = io::copy(from, &mut file).and_then(|bytes| file.flush().map(|()| bytes));
    copied.map_err(|error| {
        let _gone = fs::remove_file(path);
        if Failure::within(&error).is_some() { unreadable(&error) } else { cannot("write", path, &error) }
    })
}

fn unreadable(error: &io::Error) -> CliError {
    match Failure::within(error) {
        Some(failure) => failure.clone().into(),
        None => CliError::failed(error.to_string()),
    }
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> CliError {
    CliError::failed(format!("cannot {verb} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_stays_in_its_folder() {
        for (name, expect) in [
            ("photo.jpg", "photo.jpg"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("a\0b\nc", "a_b_c"),
            ("Grüße 1.pdf", "Grüße 1.pdf"),
        ] {
            assert_eq!(plain(name), expect);
        }
        assert!(plain(&format!("{}.pdf", "x".repeat(300))).ends_with(".pdf"));
    }
}
