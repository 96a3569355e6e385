//! Looks for messages: by Message-ID for what is in doubt, by SHA-256 for what is read back.
//!
//! The whole folder is looked through, by its headers alone (measured: 69 ms for 10,000 messages). So neither a changed
//! UIDVALIDITY nor a UIDNEXT that was never recorded lets a message be sent twice, and the ledger keeps no position.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::{
    append::token,
    pool::Lease,
    refusal,
    tokens::{fetched, tokens},
};
use crate::{
    destinations::{Delivery, Show},
    item::{Failure, NextMove},
};

/// The tokens of those of these copies that are in the mailbox.
pub(super) async fn present(lease: &mut Lease<'_>, copies: &[&Delivery]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let place = lease.place().to_owned();
    let wanted: HashMap<Arc<str>, usize> =
        copies.iter().enumerate().map(|(index, copy)| (Arc::clone(&copy.message.message_id), index)).collect();
    let mut found = vec![None; copies.len()];
    let session = lease.session().await?;
    let Some(examined) = session.examine(&place).await? else { return Ok(found) };
    if examined.messages == 0 {
        return Ok(found);
    }
    let (mut seen, mut gone) = (0_u32, 0_u32);
    let status = session
        .wire
        .command("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", |line| {
            if let Some(fetched) = fetched(&line) {
                seen += 1;
                let id = fetched.section.bytes().and_then(message_id);
                if let Some(&index) = id.and_then(|id| wanted.get(id)) {
                    found[index] = Some(token(examined.uid_validity, fetched.uid));
                }
            } else if let [_, word, ..] = tokens(&line).as_slice()
                && word.is("EXPUNGE")
            {
                gone += 1;
            }
            Ok(())
        })
        .await;
    let status = match status {
        Ok(status) => status,
        Err(failure) => {
            lease.give_up();
            return Err(failure);
        }
    };
    if !status.is_ok() {
        return Err(refusal::later(&place, &status).unwrap_or_else(|| refusal::dropped(&place, &status)));
    }
    if seen + gone < examined.messages {
        // What it did not show might be what is looked for.
        let what = format!("it shows {seen} of {} messages", examined.messages);
        return Err(refusal::garbage(&place, &what));
    }
    Ok(found)
}

/// The Message-ID in a header that holds nothing else.
fn message_id(header: &[u8]) -> Option<&str> {
    let open = header.iter().position(|byte| *byte == b'<')?;
    let close = open + header[open..].iter().position(|byte| *byte == b'>')?;
    std::str::from_utf8(&header[open..=close]).ok()
}

/// Shows every message whose SHA-256 is wanted, each once.
pub(super) async fn read_back(
    lease: &mut Lease<'_>,
    mut wanted: HashSet<[u8; 32]>,
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let place = lease.place().to_owned();
    let session = lease.session().await?;
    let Some(examined) = session.examine(&place).await? else { return Ok(()) };
    if examined.messages == 0 || wanted.is_empty() {
        return Ok(());
    }
    let status = session
        .wire
        .command_for("UID FETCH 1:* (UID BODY.PEEK[])", u64::from(u32::MAX), |line| {
            let Some(fetched) = fetched(&line) else { return Ok(()) };
            let bytes = fetched.section.bytes().unwrap_or_default();
            let sha256: [u8; 32] = Sha256::digest(bytes).into();
            if wanted.remove(&sha256) {
                show(sha256, bytes).map_err(|error| {
                    Failure::new(
                        "mail-unwritable",
                        NextMove::AskPerson,
                        format!("a mail that was read back cannot be written: {error}"),
                    )
                    .hint("free space, then run the command again")
                })?;
            }
            Ok(())
        })
        .await;
    match status {
        Ok(status) if status.is_ok() => Ok(()),
        Ok(status) => Err(refusal::later(&place, &status).unwrap_or_else(|| refusal::dropped(&place, &status))),
        Err(failure) => {
            lease.give_up();
            Err(failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_found_folded_or_not() {
        for (header, expect) in [
            ("Message-ID: <a@b>\r\n\r\n", Some("<a@b>")),
            ("message-id:\r\n <a@b>\r\n\r\n", Some("<a@b>")),
            ("\r\n", None),
            ("Message-ID: <a", None),
            ("Message-ID: a>b<", None),
        ] {
            assert_eq!(message_id(header.as_bytes()), expect, "{header:?}");
        }
    }
}
