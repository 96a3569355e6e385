//! Checkpoints that are sent: to a webhook, or as mail into a mailbox of the connector's own destinations.
//!
//! Such a place cannot be asked what it holds, so the connector remembers up to which of the ledger's groups it has
//! been told. A checkpoint may come twice after a crash, under the same key; a mail is looked for first.

use std::{fs, path::PathBuf, sync::Arc};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::{
    config::{Config, Connector},
    destinations::Delivery,
    item::{BlobRef, BlobSource, Failure, Message, NextMove, TimestampMs, hex},
    network,
    pipeline::DestinationSlot,
    scheduler::{Host, assemble, secrets},
};

/// A place that checkpoints are sent to.
pub(super) enum Sender {
    /// Gets a JSON document by POST.
    Webhook { url: url::Url, token: Option<SecretString> },
    /// Gets a message with the checkpoint as its attachment.
    Mailbox(String),
}

impl Sender {
    pub(super) fn webhook(
        config: &Config,
        url: &url::Url,
        token: Option<&crate::config::SecretRef>,
    ) -> Result<Self, Failure> {
        let token =
            token.map(|token| secrets::read(config, "`token` of `[checkpoints] copy_to`", "checkpoints-token", token));
        Ok(Self::Webhook { url: url.clone(), token: token.transpose()? })
    }

    pub(super) fn label(&self) -> String {
        match self {
            // Its path may be a secret itself.
            Self::Webhook { url, .. } => url.origin().ascii_serialization(),
            Self::Mailbox(address) => address.clone(),
        }
    }

    /// Sends what the place has not been told of yet, oldest first.
    pub(super) async fn send_new(
        &self,
        host: &Host,
        connector: &Connector,
        files: &[(String, PathBuf)],
    ) -> Result<(), Failure> {
        let state = host.state.connector(&connector.name)?;
        let key = format!("checkpoints-sent:{}", self.label());
        let told = state.recall(&key)?.map(|group| String::from_utf8_lossy(&group).into_owned()).unwrap_or_default();
        let mut new: Vec<_> = files.iter().filter(|(name, _)| group(name) > told.as_str()).collect();
        new.sort_by_key(|(name, _)| group(name));
        if new.is_empty() {
            return Ok(());
        }
        let slots = match self {
            Self::Webhook { .. } => Vec::new(),
            Self::Mailbox(_) => assemble::destinations_of(host, connector).await?,
        };
        for (name, path) in new {
            let text = fs::read_to_string(path)
                .map_err(|error| unread(format!("`{}` cannot be read: {error}", path.display())))?;
            match self {
                Self::Webhook { url, token } => {
                    post(&host.config, url, token.as_ref(), &connector.name, name, &text).await?
                }
                Self::Mailbox(address) => {
                    lay(host, &slots, address, |mailbox| message(mailbox, &connector.name, name, &text)).await?
                }
            }
            state.remember(&key, group(name).as_bytes())?;
        }
        Ok(())
    }
}

/// The group's number in a checkpoint's name, with leading zeros: in the order in which they were signed.
fn group(name: &str) -> &str {
    name.strip_suffix(".checkpoint").and_then(|name| name.rsplit('-').next()).unwrap_or_default()
}

fn unread(why: String) -> Failure {
    Failure::new("checkpoint-copy-failed", NextMove::AskPerson, why)
}

async fn post(
    config: &Config,
    url: &url::Url,
    token: Option<&SecretString>,
    connector: &str,
    name: &str,
    text: &str,
) -> Result<(), Failure> {
    let body = serde_json::json!({ "connector": connector, "name": name, "checkpoint": text }).to_string();
    // The same document comes again when its answer was lost.
    post_json(config, url, token, &[("idempotency-key", format!("{connector}/{name}"))], body).await
}

/// Posts a JSON document as `[network]` says.
pub(in crate::scheduler) async fn post_json(
    config: &Config,
    url: &url::Url,
    token: Option<&SecretString>,
    headers: &[(&str, String)],
    body: String,
) -> Result<(), Failure> {
    let place = url.origin().ascii_serialization();
    let address = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
    network::check_literal(&config.network, &place, address)?;
    let mut request =
        network::http_client(&config.network)?.post(url.clone()).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }
    let answer = request.body(body).send().await.map_err(|error| network::no_answer(&place, &error))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(unread(format!("it answers {status}"))),
    }
}

/// There are no attachments to be streamed: the checkpoint is part of the skeleton.
struct NoBlobs;

impl BlobSource for NoBlobs {
    fn open(&self, _: &BlobRef) -> std::io::Result<Box<dyn std::io::Read + Send>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// Lays a message into a mailbox of one of the destinations, unless it is there.
pub(in crate::scheduler) async fn lay(
    host: &Host,
    slots: &[DestinationSlot],
    address: &str,
    write: impl Fn(&str) -> Result<(Message, TimestampMs), Failure>,
) -> Result<(), Failure> {
    let wanted = [address.to_owned()];
    for slot in slots {
        let Some(mailbox) = slot.destination.lookup(&wanted).await?.pop().flatten() else { continue };
        let (message, received_at_ms) = write(&mailbox)?;
        let delivery = Delivery { mailbox: mailbox.as_str().into(), message, received_at_ms };
        let _guard = host.locks.hold(slot.destination.identity(), [mailbox.as_str()].into()).await;
        let group = vec![delivery];
        if slot.destination.present(&group).await?.iter().any(Option::is_some) {
            return Ok(());
        }
        return match slot.destination.deliver(group, Arc::new(NoBlobs)).await?.pop() {
            Some(crate::destinations::Delivered::Refused(failure)) => Err(failure),
            _ => Ok(()),
        };
    }
    Err(unread(format!("no destination of the connector has the mailbox `{address}`")))
}

/// The same bytes for the same checkpoint.
fn message(mailbox: &str, connector: &str, name: &str, text: &str) -> Result<(Message, TimestampMs), Failure> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    let at_ms = text.lines().find_map(|line| line.strip_prefix("at-ms ")?.parse().ok());
    let at = at_ms.and_then(|at_ms| jiff::Timestamp::from_millisecond(at_ms).ok());
    let (Some(at_ms), Some(at)) = (at_ms, at) else { return Err(unread(format!("`{name}` says no time"))) };
    let date = at.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let digest = Sha256::digest(format!("{connector}/{name}\n{text}"));
    let id = hex(&digest[..16]);
    let message_id = format!("<checkpoint.{id}@chancery.invalid>");
    let mut encoded = String::new();
    for line in STANDARD.encode(text).as_bytes().chunks(76) {
        encoded.push_str(&String::from_utf8_lossy(line));
        encoded.push_str("\r\n");
    }
    let skeleton = format!(
        "From: <{mailbox}>\r\nTo: <{mailbox}>\r\nDate: {date}\r\nSubject: Chancery checkpoint of {connector}: {name}\r\n\
         Message-ID: {message_id}\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
         Content-Type: application/octet-stream; name=\"{name}\"\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}"
    );
    let message =
        Message { skeleton: skeleton.into_bytes().into(), splices: Arc::new([]), message_id: message_id.into() };
    Ok((message, at_ms))
}
