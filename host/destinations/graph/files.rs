//! Files of a message: in the request where they fit, in a request of their own, or in ranges.

use std::{
    io::{self, Write},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    client::{Answer, Client, doubtful},
    shape::{Content, File},
    verdict::Verdict,
};
use crate::item::{BlobSource, Failure, Message, NextMove, limits};

/// A file as a member of `attachments`.
///
/// # Errors
/// When it cannot be read.
pub(super) fn inline(file: &File, message: &Message, blobs: &dyn BlobSource) -> io::Result<Value> {
    let bytes = match &file.content {
        Content::Held(bytes) => STANDARD.encode(bytes),
        Content::Staged(_) | Content::Original => {
            let mut bytes = Vec::with_capacity(usize::try_from(file.size).unwrap_or(0));
            write(file, message, blobs, &mut bytes)?;
            STANDARD.encode(&bytes)
        }
    };
    Ok(json!({
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": file.name,
        "contentType": file.content_type,
        "contentBytes": bytes,
    }))
}

/// Bytes that [`inline`] makes of a file, and a little more.
pub(super) fn inline_bytes(file: &File) -> u64 {
    // A name may double its length by escapes.
    file.size.div_ceil(3) * 4 + 2 * (file.name.len() + file.content_type.len()) as u64 + 128
}

fn write(file: &File, message: &Message, blobs: &dyn BlobSource, out: &mut dyn Write) -> io::Result<()> {
    match &file.content {
        Content::Held(bytes) => out.write_all(bytes),
        Content::Original => message.write_to(out, blobs),
        Content::Staged(blob) => {
            let written = io::copy(&mut io::Read::take(blobs.open(blob)?, blob.size + 1), &mut *out)?;
            if written == blob.size {
                return Ok(());
            }
            let message = format!("a staged attachment has {written} bytes, {} were staged", blob.size);
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        }
    }
}

/// Adds a file to a message that is there.
///
/// # Errors
/// When nobody knows whether it is there now.
pub(super) async fn attach(
    client: &Client,
    mailbox: &Arc<str>,
    message_path: &str,
    file: File,
    message: &Message,
    blobs: &Arc<dyn BlobSource>,
) -> Result<Verdict, Failure> {
    if file.size < limits::GRAPH_FILE_BYTES_MAX {
        let (message, blobs) = (message.clone(), Arc::clone(blobs));
        let body = tokio::task::spawn_blocking(move || inline(&file, &message, &*blobs)).await;
        let body =
            body.map_err(io::Error::other).and_then(|body| body).map_err(|error| Failure::of_attachment(&error))?;
        let path = format!("{message_path}/attachments");
        return Ok(client.ask(mailbox, Method::POST, &path, Some(body.to_string().into_bytes())).await?.1);
    }
    let item = json!({ "AttachmentItem": {
        "attachmentType": "file", "name": file.name, "size": file.size, "contentType": file.content_type,
    } });
    let path = format!("{message_path}/attachments/createUploadSession");
    let (answer, verdict) = client.ask(mailbox, Method::POST, &path, Some(item.to_string().into_bytes())).await?;
    if verdict != Verdict::Done {
        return Ok(verdict);
    }
    let url = client.trusted(answer.json()["uploadUrl"].as_str().unwrap_or_default())?;
    let uploaded = upload(client, mailbox, &url, file, message, blobs).await;
    if !matches!(uploaded, Ok(Verdict::Done)) {
        client.give_up(&url).await;
    }
    uploaded
}

/// Sends a file range by range; never more than three ranges are in memory.
async fn upload(
    client: &Client,
    mailbox: &Arc<str>,
    url: &url::Url,
    file: File,
    message: &Message,
    blobs: &Arc<dyn BlobSource>,
) -> Result<Verdict, Failure> {
    let size = file.size;
    let mut ranges = ranges(file, message.clone(), Arc::clone(blobs));
    let mut start = 0;
    while start < size {
        let bytes = match ranges.recv().await {
            Some(Ok(bytes)) if !bytes.is_empty() => bytes,
            Some(Err(error)) => return Err(Failure::of_attachment(&error)),
            _ => return Err(Failure::of_attachment(&io::Error::new(io::ErrorKind::UnexpectedEof, "it ended early"))),
        };
        let end = start + bytes.len() as u64;
        let content_range = format!("bytes {start}-{}/{size}", end - 1);
        match range(client, mailbox, url, &content_range, bytes, end).await? {
            Verdict::Done => start = end,
            verdict => return Ok(verdict),
        }
    }
    Ok(Verdict::Done)
}

/// Sends one range as often as it takes. A range whose answer was lost is sent again: Graph says which it expects.
async fn range(
    client: &Client,
    mailbox: &Arc<str>,
    url: &url::Url,
    content_range: &str,
    bytes: Bytes,
    end: u64,
) -> Result<Verdict, Failure> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let sent = client.put_range(mailbox, url, content_range, bytes.clone()).await;
        let failure = match sent {
            Ok(answer) if answer.status == 416 && expects(&answer) == Some(end) => return Ok(Verdict::Done),
            Ok(answer) => match client.judged(mailbox, &answer)? {
                Verdict::Throttled(wait) => {
                    client.throttled(mailbox, wait, attempt)?;
                    continue;
                }
                Verdict::Unknown(failure) => failure,
                // The session is gone: the message is removed, and sent again as a whole.
                Verdict::NotThere => {
                    return Err(doubtful(Failure::new(
                        "no-answer",
                        NextMove::Retry { after: None },
                        "Microsoft Graph does not know an upload session any more",
                    )));
                }
                verdict => return Ok(verdict),
            },
            Err(failure) => failure,
        };
        let NextMove::Retry { after } = failure.next else { return Err(failure) };
        if attempt >= 3 {
            return Err(failure);
        }
        tokio::time::sleep(after.unwrap_or_default().min(limits::GRAPH_DOUBT_PAUSE)).await;
    }
}

/// The first byte that a session waits for.
fn expects(answer: &Answer) -> Option<u64> {
    let document = answer.json();
    let first = document["nextExpectedRanges"].as_array()?.first()?.as_str()?.to_owned();
    first.split('-').next()?.parse().ok()
}

/// A file's bytes in ranges, read as they are asked for.
fn ranges(file: File, message: Message, blobs: Arc<dyn BlobSource>) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let mut cutter = Cutter { held: Vec::new(), sender };
        if let Err(error) = write(&file, &message, &*blobs, &mut cutter).and_then(|()| cutter.pass_on()) {
            // A receiver that is gone wants no more.
            let _ = cutter.sender.blocking_send(Err(error));
        }
    });
    receiver
}

struct Cutter {
    held: Vec<u8>,
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Cutter {
    fn pass_on(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let range = Bytes::from(std::mem::take(&mut self.held));
        self.sender.blocking_send(Ok(range)).map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads it"))
    }
}

impl Write for Cutter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = limits::GRAPH_RANGE_BYTES - self.held.len();
        let taken = room.min(bytes.len());
        self.held.extend_from_slice(&bytes[..taken]);
        if self.held.len() == limits::GRAPH_RANGE_BYTES {
            self.pass_on()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
