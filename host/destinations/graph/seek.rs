//! What is there already: copies in doubt, and originals to read back.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use reqwest::Method;
use sha2::{Digest as _, Sha256};

use super::{
    Delivery, Graph, Show,
    client::{Answer, Inner, doubtful},
    cloud::{escaped, literal},
    deliver::token,
    shape::{ORIGINAL_NAME, item_property, item_value, sha256_property, shape},
    verdict::Verdict,
};
use crate::item::{Failure, NextMove, hex, limits};

/// For each copy the token of the message that is there, with all its files. One that lacks some is removed.
pub(super) async fn present(graph: &Graph, group: &[Delivery]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let mut tokens = vec![None; group.len()];
    let mut lanes: BTreeMap<&Arc<str>, Vec<usize>> = BTreeMap::new();
    for (index, copy) in group.iter().enumerate() {
        lanes.entry(&copy.mailbox).or_default().push(index);
    }
    for (mailbox, indices) in lanes {
        let Some(user) = graph.user_path(mailbox).await? else { continue };
        for some in indices.chunks(limits::GRAPH_BATCH_REQUESTS_MAX) {
            let values: Vec<String> = some.iter().map(|index| item_value(&group[*index].message.message_id)).collect();
            let messages = found(graph, mailbox, &user, &item_property(), &values).await?;
            for (index, messages) in some.iter().zip(messages) {
                for Found { id, .. } in messages {
                    if is_whole(graph, mailbox, &user, &id, &group[*index]).await? {
                        tokens[*index] = Some(token(&id));
                        break;
                    }
                    remove(graph, mailbox, &user, &id).await?;
                }
            }
        }
    }
    Ok(tokens)
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) id: String,
    /// The id of the folder it lies in.
    pub(super) folder: Option<String>,
}

/// For each value, the messages of the whole mailbox that have it in a property: a user may have moved them.
pub(super) async fn found(
    graph: &Graph,
    mailbox: &Arc<str>,
    user: &str,
    property: &str,
    values: &[String],
) -> Result<Vec<Vec<Found>>, Failure> {
    let path = |value: &String| {
        format!(
            "{user}/messages?$filter=singleValueExtendedProperties/Any(ep:%20ep/id%20eq%20{}%20and%20ep/value%20eq%20{})&$select=id,hasAttachments,parentFolderId",
            literal(property),
            literal(value)
        )
    };
    let mut messages = vec![Vec::new(); values.len()];
    let mut left: Vec<usize> = (0..values.len()).collect();
    let mut attempt = 0;
    while !left.is_empty() {
        let requests: Vec<Inner> =
            left.iter().map(|index| Inner { method: "GET", path: path(&values[*index]), body: None }).collect();
        let answers = graph.client.batch(mailbox, &requests).await?;
        let (mut later, mut wait) = (Vec::new(), None);
        for (index, answer) in left.into_iter().zip(answers) {
            let answer = answer.unwrap_or_default();
            match graph.client.judged(mailbox, &answer)? {
                Verdict::Done => messages[index] = named(&answer),
                Verdict::Throttled(after) => {
                    wait = wait.max(after);
                    later.push(index);
                }
                // No mailbox, nothing in it.
                Verdict::Refused(failure) if failure.code == "mailbox-gone" => {}
                Verdict::NotThere => {}
                // Whoever may not look must not write a second time.
                Verdict::Denied(failure) | Verdict::Refused(failure) => {
                    return Err(Failure { next: NextMove::AskPerson, ..failure });
                }
                Verdict::Unknown(failure) => return Err(doubtful(failure)),
                Verdict::SignIn => {}
            }
        }
        left = later;
        if !left.is_empty() {
            attempt += 1;
            graph.client.throttled(mailbox, wait, attempt)?;
        }
    }
    Ok(messages)
}

fn named(answer: &Answer) -> Vec<Found> {
    let document = answer.json();
    let entries = document["value"].as_array().into_iter().flatten();
    let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().map(str::to_owned);
    entries.filter_map(|entry| Some(Found { id: text(entry, "id")?, folder: text(entry, "parentFolderId") })).collect()
}

/// Whether a message has as many files as it was to have.
async fn is_whole(graph: &Graph, mailbox: &Arc<str>, user: &str, id: &str, copy: &Delivery) -> Result<bool, Failure> {
    let files = shape(copy, &graph.settings.shape, [0; 32]).map_or(0, |shaped| shaped.files.len());
    if files == 0 {
        return Ok(true);
    }
    Ok(attachments(graph, mailbox, user, id).await?.len() >= files)
}

/// Id, name and media type of a message's files.
async fn attachments(
    graph: &Graph,
    mailbox: &Arc<str>,
    user: &str,
    id: &str,
) -> Result<Vec<(String, String, String)>, Failure> {
    let path = format!("{user}/messages/{}/attachments?$select=id,name,contentType,size&$top=500", escaped(id));
    let (answer, verdict) = graph.client.ask(mailbox, Method::GET, &path, None).await?;
    match verdict {
        Verdict::Done => {}
        Verdict::NotThere => return Ok(Vec::new()),
        Verdict::Unknown(failure) => return Err(doubtful(failure)),
        Verdict::Refused(failure) | Verdict::Denied(failure) => {
            return Err(Failure { next: NextMove::AskPerson, ..failure });
        }
        Verdict::Throttled(_) | Verdict::SignIn => return Ok(Vec::new()),
    }
    let document = answer.json();
    let entries = document["value"].as_array().into_iter().flatten();
    let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    Ok(entries.map(|entry| (text(entry, "id"), text(entry, "name"), text(entry, "contentType"))).collect())
}

async fn remove(graph: &Graph, mailbox: &Arc<str>, user: &str, id: &str) -> Result<(), Failure> {
    let path = format!("{user}/messages/{}", escaped(id));
    match graph.client.ask(mailbox, Method::DELETE, &path, None).await?.1 {
        Verdict::Done | Verdict::NotThere => Ok(()),
        Verdict::Unknown(failure) => Err(doubtful(failure)),
        Verdict::Refused(failure) | Verdict::Denied(failure) => Err(Failure { next: NextMove::AskPerson, ..failure }),
        Verdict::Throttled(after) => Err(Failure::new(
            "destination-throttled",
            NextMove::Retry { after },
            "Microsoft Graph asks to wait with a mailbox",
        )),
        Verdict::SignIn => Err(doubtful(Failure::new("no-answer", NextMove::Retry { after: None }, "not signed in"))),
    }
}

/// Shows the originals whose bytes are wanted.
pub(super) async fn read_back(
    graph: &Graph,
    mailbox: &str,
    wanted: HashSet<[u8; 32]>,
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let mailbox: Arc<str> = Arc::from(mailbox);
    let Some(user) = graph.user_path(&mailbox).await? else { return Ok(()) };
    let mut wanted: Vec<[u8; 32]> = wanted.into_iter().collect();
    wanted.sort_unstable();
    for some in wanted.chunks(limits::GRAPH_BATCH_REQUESTS_MAX) {
        let values: Vec<String> = some.iter().map(|sha256| hex(sha256)).collect();
        let messages = found(graph, &mailbox, &user, &sha256_property(), &values).await?;
        for (sha256, messages) in some.iter().zip(messages) {
            for Found { id, .. } in messages {
                let Some(bytes) = original(graph, &mailbox, &user, &id).await? else { continue };
                // What somebody changed is not what was delivered.
                if <[u8; 32]>::from(Sha256::digest(&bytes)) == *sha256 {
                    show(*sha256, &bytes).map_err(|error| {
                        let message = format!("a message that was read back cannot be written: {error}");
                        Failure::new("disk-full", NextMove::AskPerson, message)
                    })?;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The bytes of the original that a message carries, if it does.
pub(super) async fn original(
    graph: &Graph,
    mailbox: &Arc<str>,
    user: &str,
    id: &str,
) -> Result<Option<bytes::Bytes>, Failure> {
    let files = attachments(graph, mailbox, user, id).await?;
    let is_original = |name: &str, kind: &str| name == ORIGINAL_NAME && kind.eq_ignore_ascii_case("message/rfc822");
    let Some((file, ..)) = files.into_iter().rfind(|(_, name, kind)| is_original(name, kind)) else { return Ok(None) };
    let path = format!("{user}/messages/{}/attachments/{}/$value", escaped(id), escaped(&file));
    let bytes_max = usize::try_from(graph.settings.message_bytes_max).unwrap_or(usize::MAX);
    let answer = graph.client.bytes(mailbox, &path, bytes_max).await?;
    Ok((answer.status == 200).then_some(answer.body))
}
