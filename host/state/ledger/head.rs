//! The signed head: how far the ledger had certainly come. A ledger that ends before it has lost records.

use std::path::{Path, PathBuf};

use ed25519_dalek::VerifyingKey;

use crate::state::{
    error::StateError,
    files::{read_if_there, replace},
    keys::{Keys, hex},
    note::{self, Lines},
};

use super::Position;

/// Written at a clean stop and when a window is sealed, beside the segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) struct Head {
    /// Where the ledger stood.
    pub(in crate::state) position: Position,
    /// The host's clock.
    pub(in crate::state) at_ms: i64,
}

impl Head {
    /// Writes it, durably.
    pub(in crate::state) fn write(&self, folder: &Path, connector: &str, keys: &Keys) -> Result<(), StateError> {
        replace(&path(folder), &self.note(connector, keys))
    }

    /// Signs it.
    pub(in crate::state) fn note(&self, connector: &str, keys: &Keys) -> Vec<u8> {
        let text = self.text(connector);
        note::close(&text, &keys.sign(text.as_bytes())).into_bytes()
    }

    /// Reads it; none when there is none yet.
    pub(in crate::state) fn read(
        folder: &Path,
        connector: &str,
        keys: &[VerifyingKey],
    ) -> Result<Option<Self>, StateError> {
        let file = path(folder);
        let Some(bytes) = read_if_there(&file)? else { return Ok(None) };
        Self::open(&file, &bytes, connector, keys).map(Some)
    }

    /// Checks its bytes.
    pub(super) fn open(file: &Path, bytes: &[u8], connector: &str, keys: &[VerifyingKey]) -> Result<Self, StateError> {
        let damaged =
            |what: &str| StateError::Damaged { file: file.to_owned(), offset: 0, record: 0, what: what.into() };
        let text = note::open(bytes, keys).map_err(damaged)?;
        Self::parse(text, connector).ok_or_else(|| damaged("it is not the head of this connector's ledger"))
    }

    fn text(&self, connector: &str) -> String {
        let Self { position, at_ms } = self;
        let Position { segment, offset, private, group, chain } = position;
        let chain = hex(chain);
        format!(
            "chancery head 1\nconnector {connector}\nsegment {segment}\noffset {offset}\nprivate {private}\n\
             group {group}\nchain {chain}\nat-ms {at_ms}\n"
        )
    }

    fn parse(text: &str, connector: &str) -> Option<Self> {
        let mut lines = Lines::new(text);
        (lines.value("chancery")? == "head 1").then_some(())?;
        (lines.value("connector")? == connector).then_some(())?;
        let position = Position {
            segment: lines.number("segment")?,
            offset: lines.number("offset")?,
            private: lines.number("private")?,
            group: lines.number("group")?,
            chain: lines.digest("chain")?,
        };
        let head = Self { position, at_ms: lines.value("at-ms")?.parse().ok()? };
        // One head has one text.
        (head.text(connector) == text).then_some(head)
    }
}

/// Where it is kept.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("head")
}
