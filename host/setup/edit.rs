//! The file of a connector that is there: read as it lies, and replaced by what a person made of it.

use std::{fs, path::PathBuf};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::finish::{refused, unwritten, with};
use crate::{
    config::Connector,
    item::{Failure, NextMove, hex},
    scheduler::{self, Host},
    state::Act,
};

/// A connector's file.
#[derive(Debug, Serialize)]
pub struct FileText {
    /// Where it is.
    pub file: PathBuf,
    /// What is in it.
    pub text: String,
    /// The SHA-256 of its bytes, in hex: a change says what it was made from.
    pub digest: String,
    /// The connectors in it.
    pub connectors: Vec<String>,
}

fn known<'a>(host: &'a Host, name: &str) -> Result<&'a Connector, Failure> {
    host.config.connector(name).ok_or_else(|| {
        Failure::new("connector-unknown", NextMove::AskPerson, format!("there is no connector `{name}`"))
            .hint("`chancery connector list` has them")
    })
}

/// The file of a connector.
///
/// # Errors
/// `connector-unknown`; `connector-refused` when it stands in the main file, whose other keys are for whoever administers
/// the machine, or the file cannot be read.
pub fn read(host: &Host, name: &str) -> Result<FileText, Failure> {
    let connector = known(host, name)?;
    if connector.file == host.config.file {
        let message = format!("`{name}` stands in `{}`, which is not changed from here", host.config.file.display());
        return Err(
            refused(message).hint("move its `[[connector]]` to a file of its own in `connectors.d`, and reload")
        );
    }
    let unread = |error: &dyn std::fmt::Display| {
        refused(format!("cannot read `{}`: {error}", connector.file.display()))
            .hint("look at the file and its folder on the machine")
    };
    let text = fs::read_to_string(&connector.file).map_err(|error| unread(&error))?;
    let of_file = host.config.connectors.iter().filter(|other| other.file == connector.file);
    Ok(FileText {
        file: connector.file.clone(),
        digest: hex(&Sha256::digest(text.as_bytes())),
        connectors: of_file.map(|other| other.name.clone()).collect(),
        text,
    })
}

/// Puts a text in place of a connector's file: proven whole with the rest of the configuration, recorded with who did it,
/// then replaced. The next reload reads it.
///
/// # Errors
/// `connector-stale` when the file is not the one it was made from (`before`: its digest); `connector-refused` when the text
/// does not fit, has other connectors than the file, or cannot be written. The file stays as it is.
pub async fn replace(host: &Host, name: &str, before: &str, text: &str, actor: &str) -> Result<(), Failure> {
    // Of two at once, the second one finds what the first one wrote.
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = ONE_AT_A_TIME.lock().await;
    let file = read(host, name)?;
    unchanged(&file, before)?;
    let tried = with(host, text, Vec::new(), &file.file)?;
    let of_file = tried.config.connectors.iter().filter(|connector| connector.file == file.file);
    let names: Vec<&str> = of_file.clone().map(|connector| connector.name.as_str()).collect();
    if names != file.connectors {
        return Err(refused(format!("it has the connectors `{}`, not `{}`", names.join(", "), file.connectors.join(", ")))
            .hint("a name stays what it is, because everything in the ledger is under it; add others, and remove this one, by their own ways"));
    }
    let mut terms = Vec::new();
    for connector in of_file {
        scheduler::prove(&tried, connector).await?;
        let accepted = connector.accepted_terms.as_ref();
        if accepted != known(host, &connector.name)?.accepted_terms.as_ref()
            && let Some(version) = accepted
        {
            terms.push(format!("terms {version} accepted"));
        }
    }
    // Between reading it and here plugins were compiled and asked.
    unchanged(&read(host, name)?, before)?;
    let subject = format!("{name}: {}", hex(&Sha256::digest(text.as_bytes())));
    host.state.record_act(Act::of(actor, "connector edit", &subject, &terms.join(", ")))?;
    let path = fs::canonicalize(&file.file).unwrap_or(file.file);
    scheduler::replace_file(&path, text.as_bytes()).map_err(|error| {
        unwritten(&path, &error).hint("put the text there yourself, then reload: `systemctl reload chancery`")
    })
}

fn unchanged(file: &FileText, before: &str) -> Result<(), Failure> {
    if file.digest == before {
        return Ok(());
    }
    let message = format!("`{}` was changed by somebody else meanwhile", file.file.display());
    Err(Failure::new("connector-stale", NextMove::AskPerson, message)
        .hint("open it again: it shows the file as it is now; then make your change there"))
}
