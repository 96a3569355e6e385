//! Which messages of a mailbox were made of what. Graph keeps a rendering of its own, so that a message is known by the
//! SHA-256 it was written with; only one that carries its original can be compared byte for byte.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{
    Graph, Note,
    seek::{found, original},
    shape::sha256_property,
    verdict::Verdict,
};
use crate::{
    destinations::{Lies, Sighting},
    item::{Failure, NextMove, hex, limits},
};

/// Looks for what is wanted in the whole mailbox.
pub(super) async fn inventory(
    graph: &Graph,
    mailbox: &str,
    wanted: &[[u8; 32]],
    note: &mut Note<'_>,
) -> Result<(), Failure> {
    let mailbox: Arc<str> = Arc::from(mailbox);
    let gone = || {
        Failure::new("mailbox-gone", NextMove::Reject, "the tenant's directory does not know the mailbox")
            .hint("restore the mailbox, or keep a leaver's as an inactive or shared one")
    };
    let Some(user) = graph.user_path(&mailbox).await? else { return Err(gone()) };
    let folder = match graph.places.folder(&graph.client, &mailbox, &user, &graph.settings.folder, false).await? {
        Ok(folder) => folder,
        Err(Verdict::NotThere) => return Err(gone()),
        Err(Verdict::Throttled(after)) => {
            let message = "Microsoft Graph asks to wait with a mailbox";
            return Err(Failure::new("destination-throttled", NextMove::Retry { after }, message));
        }
        Err(Verdict::Denied(failure) | Verdict::Refused(failure) | Verdict::Unknown(failure)) => {
            return Err(failure);
        }
        Err(Verdict::Done | Verdict::SignIn) => None,
    };
    for some in wanted.chunks(limits::GRAPH_BATCH_REQUESTS_MAX) {
        let values: Vec<String> = some.iter().map(|sha256| hex(sha256)).collect();
        let messages = found(graph, &mailbox, &user, &sha256_property(), &values).await?;
        for (sha256, messages) in some.iter().zip(messages) {
            for message in messages {
                let in_folder = folder.is_some() && message.folder.as_deref() == folder.as_deref();
                let mut sighting = Sighting {
                    lies: if in_folder { Lies::InFolder } else { Lies::Elsewhere },
                    sha256: *sha256,
                    is_comparable: false,
                    mark: None,
                };
                if graph.settings.shape.attach_original
                    && let Some(bytes) = original(graph, &mailbox, &user, &message.id).await?
                {
                    sighting.sha256 = Sha256::digest(&bytes).into();
                    sighting.is_comparable = true;
                    sighting.mark = crate::destinations::Mark::read(&bytes);
                }
                note(sighting);
            }
        }
    }
    Ok(())
}
