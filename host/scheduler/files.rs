//! Which files of a folder are due, and which of those that were being read are gone.

use std::sync::Arc;

use crate::{
    config::Connector,
    item::{Failure, Interval, NextMove, TimestampMs, descriptor::SourceTraits},
    pipeline::{self, Due},
    sandbox::Folders,
    state::{ConnectorState, FileMemory, WindowKind},
};

/// A folder that a source reads file by file.
pub(super) struct Folder<'a> {
    traits: &'a SourceTraits,
    folders: &'a Arc<Folders>,
    path: &'a str,
}

impl<'a> Folder<'a> {
    /// The folder that a setting of the source names.
    pub(super) fn of(
        connector: &Connector,
        traits: &'a SourceTraits,
        folders: &'a Arc<Folders>,
        setting: Option<&'a str>,
    ) -> Result<Self, Failure> {
        let Some(path) = setting else {
            let message =
                format!("connector `{}`: its source reads files, but no setting names a folder", connector.name);
            return Err(Failure::new("settings", NextMove::AskPerson, message));
        };
        Ok(Self { traits, folders, path })
    }

    /// Windows that were left open with a file that is not there any more: nothing else would ever end them.
    pub(super) fn gone(&self, state: &ConnectorState) -> Result<Vec<Due>, Failure> {
        let open = state.open_windows()?;
        let mut half_read = open.iter().filter(|row| row.kind == WindowKind::Snapshot).peekable();
        if half_read.peek().is_none() {
            return Ok(Vec::new());
        }
        let there = self.folders.list(self.path)?;
        let is_there = |subject: Option<&str>| there.iter().any(|stamp| Some(&*stamp.path) == subject);
        Ok(half_read
            .filter(|row| !is_there(row.subject.as_deref()))
            .filter_map(|row| pipeline::gone(state, row))
            .collect())
    }

    /// Files that are new or changed and have been quiet for a while, by path.
    pub(super) async fn due(
        &self,
        connector: &Connector,
        state: &ConnectorState,
        now_ms: TimestampMs,
    ) -> Result<Vec<Due>, Failure> {
        let endings = &self.traits.file_endings;
        let wanted = |path: &str| {
            let lower = path.to_lowercase();
            endings.is_empty() || endings.iter().any(|ending| lower.ends_with(ending.as_str()))
        };
        let mut due = Vec::new();
        for stamp in self.folders.list(self.path)? {
            if !wanted(&stamp.path) {
                continue;
            }
            let known = state.file_memory(&stamp.path)?;
            if known.as_ref().is_some_and(|known| known.size == stamp.size && known.modified_ms == stamp.modified_ms) {
                continue;
            }
            if now_ms - stamp.modified_ms < connector.settle_ms {
                tracing::info!(
                    connector = connector.name,
                    "a file changed less than {} ms ago and is left for the next turn",
                    connector.settle_ms
                );
                continue;
            }
            self.folders.expect(&stamp);
            let (folders, path) = (Arc::clone(self.folders), stamp.path.clone());
            let sha256 = tokio::task::spawn_blocking(move || folders.hash(&path))
                .await
                .map_err(|error| Failure::new("host-panic", NextMove::Stop, error.to_string()))??;
            if known.is_some_and(|known| known.sha256 == sha256) {
                continue; // Touched, not changed.
            }
            due.push(Due {
                kind: WindowKind::Snapshot,
                interval: Interval { start_ms: None, end_ms: now_ms },
                file: Some(FileMemory { path: stamp.path, size: stamp.size, modified_ms: stamp.modified_ms, sha256 }),
                is_gone: false,
                since_bookmark: false,
            });
        }
        Ok(due)
    }
}
