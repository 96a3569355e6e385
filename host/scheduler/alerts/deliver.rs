//! Telling: a signed webhook, or a mail into a mailbox of a connector's destinations.
//!
//! Each place is told in order what it was not told yet. A place that cannot be reached is tried once each time; what
//! is older than `ALERT_NOTICE_AGE_MAX` by then is given up. After a crash a notice may come twice, under its number.

use std::sync::Arc;

use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::{Alarm, Book, Event, Notice, book};
use crate::{
    config::AlertPlace,
    item::{Failure, Message, NextMove, TimestampMs, hex, limits, time::rfc3339},
    scheduler::{
        Host, assemble,
        evidence::send::{lay, post_json},
        secrets,
    },
};

/// Tells every place what it was not told yet; what failed is for the operator.
pub async fn deliver(host: &Host, now_ms: TimestampMs) -> Vec<Failure> {
    if host.config.alerts.send_to.is_empty() {
        return Vec::new();
    }
    let book = match Book::read(&host.state) {
        Ok(book) => book,
        Err(failure) => return vec![failure],
    };
    let mut failures = Vec::new();
    for place in &host.config.alerts.send_to {
        failures.extend(tell_new(host, place, &book, now_ms).await.err());
    }
    for failure in &failures {
        tracing::warn!(code = failure.code, "{failure}");
    }
    failures
}

/// Sends one notice to each place; returns the places with what became of it.
pub async fn test(host: &Host, now_ms: TimestampMs) -> Vec<(String, Result<(), Failure>)> {
    let alarm = Alarm {
        code: "test".to_owned(),
        connector: None,
        text: "nothing is the matter: this tries whether alerts arrive".to_owned(),
        hint: "nothing is to be done".to_owned(),
    };
    let notice = Notice { number: 0, at: rfc3339(now_ms), at_ms: now_ms, event: Event::Test, alarm };
    let mut tried = Vec::new();
    for place in &host.config.alerts.send_to {
        let done = tell(host, place, std::slice::from_ref(&notice), now_ms).await;
        tried.push((label(place), done.map_err(|failure| undelivered(place, failure, 0))));
    }
    tried
}

async fn tell_new(host: &Host, place: &AlertPlace, book: &Book, now_ms: TimestampMs) -> Result<(), Failure> {
    let key = key(place);
    let told = book.told.get(&key).copied().unwrap_or(0);
    let age_ms_max = limits::ALERT_NOTICE_AGE_MAX.as_millis() as i64;
    let waiting = book.notices.iter().filter(|notice| notice.number > told);
    let (new, old): (Vec<Notice>, Vec<Notice>) =
        waiting.cloned().partition(|notice| now_ms - notice.at_ms <= age_ms_max);
    for notices in new.chunks(limits::ALERT_NOTICES_PER_MESSAGE_MAX) {
        tell(host, place, notices, now_ms).await.map_err(|failure| undelivered(place, failure, old.len()))?;
        if let Some(last) = notices.last() {
            book::record_told(&host.state, &key, last.number)?;
        }
    }
    Ok(())
}

async fn tell(host: &Host, place: &AlertPlace, notices: &[Notice], now_ms: TimestampMs) -> Result<(), Failure> {
    match place {
        AlertPlace::Webhook { url, key } => {
            let key = secrets::read(&host.config, "`key` of `[alerts] send_to`", "alerts-key", key)?;
            let body = serde_json::json!({ "alerts": notices }).to_string();
            let timestamp = now_ms / 1000;
            let headers = [
                ("chancery-timestamp", timestamp.to_string()),
                ("chancery-signature", format!("v1={}", signature(&key, timestamp, &body)?)),
            ];
            post_json(&host.config, url, None, &headers, body).await
        }
        AlertPlace::Mail { connector, mailbox } => {
            let missing = || failed(format!("connector `{connector}` is not configured"));
            let connector = host.config.connector(connector).ok_or_else(missing)?;
            let slots = assemble::destinations_of(host, connector).await?;
            lay(host, &slots, mailbox, |mailbox| message(mailbox, notices)).await
        }
    }
}

/// HMAC-SHA256 over `TIMESTAMP.BODY`, in hex.
pub(super) fn signature(key: &SecretString, timestamp_s: i64, body: &str) -> Result<String, Failure> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .map_err(|_| failed("its key cannot be used".to_owned()))?;
    mac.update(format!("{timestamp_s}.{body}").as_bytes());
    Ok(hex(&mac.finalize().into_bytes()))
}

/// The same bytes for the same notices.
pub(super) fn message(mailbox: &str, notices: &[Notice]) -> Result<(Message, TimestampMs), Failure> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    let last = notices.last().ok_or_else(|| failed("there is nothing to say".to_owned()))?;
    let at = jiff::Timestamp::from_millisecond(last.at_ms).map_err(|error| failed(error.to_string()))?;
    let date = at.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let mut text = String::new();
    for Notice { number, at, event, alarm, .. } in notices {
        let event = match event {
            Event::Fired => "fired",
            Event::Reminded => "still there",
            Event::Cleared => "cleared",
            Event::Summary => "summary",
            Event::Test => "test",
        };
        let about = alarm.connector.as_deref().unwrap_or("this host");
        let of = if event == "summary" { String::new() } else { format!(": {}", alarm.code) };
        text.push_str(&format!("{at} #{number} {event}{of} ({about})\r\n  {}\r\n", alarm.text));
        if event != "cleared" {
            text.push_str(&format!("  hint: {}\r\n", alarm.hint));
        }
    }
    let message_id = format!("<alert.{}@chancery.invalid>", hex(&Sha256::digest(&text)[..16]));
    let mut encoded = String::new();
    for line in STANDARD.encode(&text).as_bytes().chunks(76) {
        encoded.push_str(&String::from_utf8_lossy(line));
        encoded.push_str("\r\n");
    }
    let skeleton = format!(
        "From: <{mailbox}>\r\nTo: <{mailbox}>\r\nDate: {date}\r\nSubject: Chancery alerts: {}\r\n\
         Message-ID: {message_id}\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}",
        notices.len()
    );
    let message =
        Message { skeleton: skeleton.into_bytes().into(), splices: Arc::new([]), message_id: message_id.into() };
    Ok((message, last.at_ms))
}

fn label(place: &AlertPlace) -> String {
    match place {
        // Its path may be a secret itself.
        AlertPlace::Webhook { url, .. } => url.origin().ascii_serialization(),
        AlertPlace::Mail { mailbox, .. } => mailbox.clone(),
    }
}

/// Tells places apart that have one label.
fn key(place: &AlertPlace) -> String {
    match place {
        AlertPlace::Webhook { url, .. } => format!("webhook {}", hex(&Sha256::digest(url.as_str())[..16])),
        AlertPlace::Mail { connector, mailbox } => format!("mail {connector} {mailbox}"),
    }
}

fn failed(why: String) -> Failure {
    Failure::new("alert-undelivered", NextMove::AskPerson, why)
}

fn undelivered(place: &AlertPlace, failure: Failure, given_up: usize) -> Failure {
    let lost = if given_up > 0 { format!("; {given_up} older ones are given up") } else { String::new() };
    let message = format!("alerts could not be sent to `{}`: {failure}{lost}", label(place));
    let hint = failure.hint.unwrap_or_else(|| "make that place reachable and try `chancery alerts test`".to_owned());
    failed(message).hint(hint)
}
