//! Writes the copies of a group: each mailbox's in order, small ones in batches, some mailboxes at once.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{StreamExt as _, stream};
use reqwest::Method;
use sha2::{Digest as _, Sha256};

use super::{
    Delivered, Delivery, Graph,
    client::{Answer, Inner, doubtful},
    cloud::escaped,
    files,
    shape::{File, Shape, shape},
    verdict::Verdict,
};
use crate::item::{BlobSource, Failure, NextMove, limits};

/// What became of a copy, before it is known whether a refusal is about its mailbox alone.
enum Outcome {
    Final(Delivered),
    Denied(Failure),
}

/// A copy as it is sent.
struct Prepared {
    index: usize,
    copy: Delivery,
    body: Vec<u8>,
    /// Files that follow, because they do not fit.
    later: Vec<File>,
}

/// Writes a group; one answer a copy.
pub(super) async fn deliver(
    graph: &Graph,
    group: Vec<Delivery>,
    blobs: Arc<dyn BlobSource>,
) -> Result<Vec<Delivered>, Failure> {
    let copies = group.len();
    let mut lanes: BTreeMap<Arc<str>, VecDeque<(usize, Delivery)>> = BTreeMap::new();
    for (index, copy) in group.into_iter().enumerate() {
        lanes.entry(Arc::clone(&copy.mailbox)).or_default().push_back((index, copy));
    }
    let several = lanes.len() > 1;
    // A lane that fails leaves the group in doubt. The others end what they are at, so that nothing is still at work
    // when somebody looks for it, and begin nothing more.
    let stop = AtomicBool::new(false);
    let ended: Vec<Result<Vec<(usize, Outcome)>, Failure>> = stream::iter(lanes)
        .map(|(mailbox, copies)| {
            let (blobs, stop) = (&blobs, &stop);
            async move {
                let lane = Lane { graph, mailbox, blobs, stop };
                let ended = lane.run(copies).await;
                if ended.is_err() {
                    stop.store(true, Ordering::Relaxed);
                }
                ended
            }
        })
        .buffer_unordered(limits::GRAPH_MAILBOXES_AT_ONCE_MAX)
        .collect()
        .await;
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    outcomes.resize_with(copies, || None);
    let mut failed: Option<Failure> = None;
    for lane in ended {
        match lane {
            Ok(done) => done.into_iter().for_each(|(index, outcome)| outcomes[index] = Some(outcome)),
            // What needs a person comes before what needs time.
            Err(failure) => match &failed {
                Some(known) if !matches!(known.next, NextMove::Retry { .. }) => {}
                Some(_) if matches!(failure.next, NextMove::Retry { .. }) => {}
                _ => failed = Some(failure),
            },
        }
    }
    if let Some(failure) = failed {
        return Err(failure);
    }
    if outcomes.iter().flatten().any(|outcome| matches!(outcome, Outcome::Final(Delivered::Stored(_)))) {
        graph.reached.store(true, Ordering::Relaxed);
    }
    // Denied everywhere, and nothing was ever written: the application has no right at all, which is nothing to park
    // copies for.
    let denied_everywhere = outcomes.iter().flatten().all(|outcome| matches!(outcome, Outcome::Denied(_)));
    if several && denied_everywhere && !graph.reached.load(Ordering::Relaxed) {
        return Err(graph.no_rights());
    }
    let settled = outcomes.into_iter().map(|outcome| match outcome {
        Some(Outcome::Final(delivered)) => Ok(delivered),
        Some(Outcome::Denied(failure)) => Ok(Delivered::Refused(failure)),
        None => Err(lane_lost()),
    });
    settled.collect()
}

fn lane_lost() -> Failure {
    Failure::new("no-answer", NextMove::Retry { after: None }, "a group of copies was not written to its end")
}

struct Lane<'a> {
    graph: &'a Graph,
    mailbox: Arc<str>,
    blobs: &'a Arc<dyn BlobSource>,
    stop: &'a AtomicBool,
}

impl Lane<'_> {
    async fn run(&self, mut queue: VecDeque<(usize, Delivery)>) -> Result<Vec<(usize, Outcome)>, Failure> {
        let mut outcomes = Vec::with_capacity(queue.len());
        let mut held: Option<Prepared> = None;
        let (mut attempt, mut lost_folder) = (0, false);
        while held.is_some() || !queue.is_empty() {
            if self.stop.load(Ordering::Relaxed) {
                return Err(lane_lost());
            }
            let path = match self.graph.messages_path(&self.mailbox).await? {
                Ok(path) => path,
                Err(verdict) => {
                    let outcome = settle(verdict)?;
                    let left = held.take().map(|prepared| prepared.index).into_iter();
                    let left = left.chain(queue.drain(..).map(|(index, _)| index));
                    outcomes.extend(left.map(|index| (index, again(&outcome))));
                    break;
                }
            };
            let batch = self.fill(&mut queue, &mut held, &mut outcomes).await?;
            if batch.is_empty() {
                continue;
            }
            let (left, waits) = self.send(&path, batch, &mut outcomes, &mut lost_folder).await?;
            if left.is_empty() {
                attempt = 0;
                continue;
            }
            for prepared in left.into_iter().rev() {
                queue.push_front((prepared.index, prepared.copy));
            }
            if let Some(wait) = waits {
                attempt += 1;
                self.graph.client.throttled(&self.mailbox, wait, attempt)?;
            }
        }
        Ok(outcomes)
    }

    /// The next batch: small copies as many as fit, or one large one.
    async fn fill(
        &self,
        queue: &mut VecDeque<(usize, Delivery)>,
        held: &mut Option<Prepared>,
        outcomes: &mut Vec<(usize, Outcome)>,
    ) -> Result<Vec<Prepared>, Failure> {
        let mut batch: Vec<Prepared> = Vec::new();
        let mut bytes = 0;
        loop {
            let prepared = match held.take() {
                Some(prepared) => prepared,
                None => {
                    let Some((index, copy)) = queue.pop_front() else { break };
                    match self.prepare(index, copy).await? {
                        Ok(prepared) => prepared,
                        Err(failure) => {
                            outcomes.push((index, Outcome::Final(Delivered::Refused(failure))));
                            continue;
                        }
                    }
                }
            };
            // What a batch adds to a request: path and headers.
            let size = prepared.body.len() + 1024;
            let fits = bytes + size <= limits::GRAPH_REQUEST_BYTES_MAX && prepared.later.is_empty();
            if batch.is_empty() || (fits && batch.len() < limits::GRAPH_BATCH_REQUESTS_MAX) {
                bytes += size;
                let alone = !prepared.later.is_empty();
                batch.push(prepared);
                if alone {
                    break;
                }
            } else {
                *held = Some(prepared);
                break;
            }
        }
        Ok(batch)
    }

    async fn prepare(&self, index: usize, copy: Delivery) -> Result<Result<Prepared, Failure>, Failure> {
        let (settings, blobs) = (self.graph.settings.shape.clone(), Arc::clone(self.blobs));
        tokio::task::spawn_blocking(move || prepare(&settings, index, copy, &*blobs)).await.unwrap_or_else(|error| {
            Err(Failure::new(
                "host-panic",
                NextMove::Stop,
                format!("reading a message for Microsoft Graph ended: {error}"),
            ))
        })
    }

    /// Sends a batch. What is to be sent once more comes back, with the wait that was asked for.
    async fn send(
        &self,
        path: &str,
        batch: Vec<Prepared>,
        outcomes: &mut Vec<(usize, Outcome)>,
        lost_folder: &mut bool,
    ) -> Result<(Vec<Prepared>, Option<Option<std::time::Duration>>), Failure> {
        let client = &self.graph.client;
        let inner =
            |prepared: &Prepared| Inner { method: "POST", path: path.to_owned(), body: Some(prepared.body.clone()) };
        let answers = client.batch(&self.mailbox, &batch.iter().map(inner).collect::<Vec<_>>()).await?;
        let (mut left, mut wait, mut unknown) = (Vec::new(), None, None);
        for (mut prepared, answer) in batch.into_iter().zip(answers) {
            let Some(answer) = answer else {
                unknown = Some(lane_lost());
                continue;
            };
            match client.judged(&self.mailbox, &answer)? {
                Verdict::Done => {
                    let later = std::mem::take(&mut prepared.later);
                    let outcome = self.finish(&prepared.copy, &answer, later).await?;
                    outcomes.push((prepared.index, outcome));
                }
                Verdict::Throttled(after) => {
                    wait = Some(wait.flatten().max(after));
                    left.push(prepared);
                }
                // The folder is gone: it is looked for, or made, once more.
                Verdict::NotThere if !*lost_folder => left.push(prepared),
                verdict => match settle(verdict) {
                    Ok(outcome) => outcomes.push((prepared.index, outcome)),
                    Err(failure) => unknown = Some(failure),
                },
            }
        }
        if let Some(failure) = unknown {
            return Err(doubtful(failure));
        }
        if !left.is_empty() && wait.is_none() {
            *lost_folder = true;
            self.graph.places.forget_folder(&self.mailbox);
        }
        Ok((left, wait))
    }

    /// Adds the files that did not fit. A message that does not get them all is removed.
    async fn finish(&self, copy: &Delivery, answer: &Answer, later: Vec<File>) -> Result<Outcome, Failure> {
        let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
        if id.is_empty() {
            // It is there, but an answer without its id is no receipt.
            return Err(doubtful(lane_lost()));
        }
        let Some(user) = self.graph.user_path(&self.mailbox).await? else { return Err(doubtful(lane_lost())) };
        let path = format!("{user}/messages/{}", escaped(&id));
        for file in later {
            let added = files::attach(&self.graph.client, &self.mailbox, &path, file, &copy.message, self.blobs).await;
            let verdict = match added {
                Ok(Verdict::Done) => continue,
                verdict => verdict,
            };
            // Should this fail too, the message is removed when its copy is looked for.
            let removed = self.graph.client.ask(&self.mailbox, Method::DELETE, &path, None).await;
            if !matches!(removed, Ok((_, Verdict::Done | Verdict::NotThere))) {
                tracing::warn!("a message without all its files could not be removed yet");
                return Err(verdict.err().unwrap_or_else(|| doubtful(lane_lost())));
            }
            return settle(verdict?);
        }
        Ok(Outcome::Final(Delivered::Stored(token(&id))))
    }
}

/// What a verdict that is not "done" or "later" makes of a copy.
fn settle(verdict: Verdict) -> Result<Outcome, Failure> {
    match verdict {
        Verdict::Refused(failure) => Ok(Outcome::Final(Delivered::Refused(failure))),
        Verdict::Denied(failure) => Ok(Outcome::Denied(failure)),
        Verdict::Unknown(failure) => Err(doubtful(failure)),
        Verdict::Done | Verdict::NotThere | Verdict::Throttled(_) | Verdict::SignIn => Err(doubtful(lane_lost())),
    }
}

fn again(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Final(delivered) => Outcome::Final(delivered.clone()),
        Outcome::Denied(failure) => Outcome::Denied(failure.clone()),
    }
}

/// What a receipt keeps of a message's id, which has more than 64 bytes: its SHA-256.
pub(super) fn token(id: &str) -> Vec<u8> {
    Sha256::digest(id.as_bytes()).to_vec()
}

/// Reads a message and decides which files go along with it.
fn prepare(
    settings: &Shape,
    index: usize,
    copy: Delivery,
    blobs: &dyn BlobSource,
) -> Result<Result<Prepared, Failure>, Failure> {
    let sha256 = copy.message.sha256(blobs).map_err(|error| Failure::of_attachment(&error))?;
    let refused =
        |code: &str, why: &str| Failure::new(code, NextMove::Reject, format!("the message is not sent: {why}"));
    let mut shaped = match shape(&copy, settings, sha256) {
        Ok(shaped) => shaped,
        Err(why) => {
            return Ok(Err(refused("message-refused", why).hint("tell the author of the converter that wrote it")));
        }
    };
    let mut bytes = shaped.json.to_string().len() as u64 + 64;
    if bytes > limits::GRAPH_REQUEST_BYTES_MAX as u64 {
        let why = format!("its text makes a request of {bytes} bytes, Microsoft Graph takes 4 MB");
        return Ok(Err(refused("message-too-large", &why)
            .hint("look at it with `chancery parked show`; an IMAP destination takes it")));
    }
    let mut along = Vec::new();
    let mut later = Vec::new();
    for file in shaped.files {
        let size = files::inline_bytes(&file);
        // Once one does not fit, the rest follow too: their order stays.
        let fits = later.is_empty()
            && file.size < limits::GRAPH_FILE_BYTES_MAX
            && bytes + size <= limits::GRAPH_REQUEST_BYTES_MAX as u64;
        if fits {
            bytes += size;
            along.push(files::inline(&file, &copy.message, blobs).map_err(|error| Failure::of_attachment(&error))?);
        } else {
            later.push(file);
        }
    }
    if !along.is_empty() {
        shaped.json["attachments"] = along.into();
    }
    Ok(Ok(Prepared { index, body: shaped.json.to_string().into_bytes(), copy, later }))
}
