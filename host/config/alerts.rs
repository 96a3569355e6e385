//! `[alerts]`: what is worth an alert, and who is told.

use std::path::Path;

use serde::Deserialize;

use super::{
    credential::{SecretRef, encrypted_url},
    meaning::duration_ms,
    schedule::Schedule,
    store::Keys,
};
use crate::item::limits;

/// What is worth an alert, and who is told beside the log.
#[derive(Clone, Debug)]
pub struct AlertsConfig {
    /// What lasts is said again after so long, in milliseconds.
    pub remind_ms: i64,
    /// How late a connector may be, in milliseconds.
    pub overdue_ms: i64,
    /// Days after which people of whom nothing came are counted; none: they are not.
    pub user_silent_days: Option<u32>,
    /// Items parked within a day that are worth an alert.
    pub parked_new_min: u64,
    /// Days before a credential's `expires` that are worth an alert.
    pub credential_days: u32,
    /// Free bytes below which a disk is low.
    pub disk_bytes_min: u64,
    /// When a summary is told; none: never.
    pub summary: Option<Schedule>,
    /// Who is told.
    pub send_to: Vec<AlertPlace>,
}

/// Who is told of alerts.
#[derive(Clone, Debug)]
pub enum AlertPlace {
    /// An address that gets a signed JSON document.
    Webhook {
        /// `https://…`, or this machine.
        url: url::Url,
        /// Signs timestamp and body.
        key: SecretRef,
    },
    /// A mailbox of a connector's own destinations.
    Mail {
        /// The connector whose destinations have it.
        connector: String,
        /// Its address.
        mailbox: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Typed {
    remind: Option<String>,
    overdue: Option<String>,
    user_silent_days: Option<u32>,
    parked_new_min: Option<u64>,
    credential_days: Option<u32>,
    disk_bytes_min: Option<u64>,
    summary: Option<String>,
    send_to: Vec<toml::Table>,
}

impl AlertsConfig {
    pub(super) fn parse(base: &Path, typed: Option<&toml::Table>) -> Result<Self, String> {
        let typed: Typed = toml::Value::Table(typed.cloned().unwrap_or_default())
            .try_into()
            .map_err(|error: toml::de::Error| format!("`[alerts]`: {}", error.message()))?;
        if typed.user_silent_days.is_some_and(|days| !(1..=limits::ALERT_USER_SILENT_DAYS_MAX).contains(&days)) {
            return Err(format!(
                "`alerts.user_silent_days` is no number from 1 to {}",
                limits::ALERT_USER_SILENT_DAYS_MAX
            ));
        }
        Ok(Self {
            remind_ms: duration_ms("alerts.remind", typed.remind.as_ref(), limits::ALERT_REMIND)?,
            overdue_ms: duration_ms("alerts.overdue", typed.overdue.as_ref(), limits::ALERT_OVERDUE)?,
            user_silent_days: typed.user_silent_days,
            parked_new_min: typed.parked_new_min.unwrap_or(limits::ALERT_PARKED_NEW_MIN).max(1),
            credential_days: typed.credential_days.unwrap_or(limits::ALERT_CREDENTIAL_DAYS),
            disk_bytes_min: typed.disk_bytes_min.unwrap_or(limits::ALERT_DISK_BYTES_MIN),
            summary: typed
                .summary
                .as_deref()
                .map(Schedule::parse)
                .transpose()
                .map_err(|why| format!("`alerts.summary`: {why}"))?,
            send_to: typed.send_to.into_iter().map(|table| place(base, table)).collect::<Result<_, _>>()?,
        })
    }
}

fn place(base: &Path, table: toml::Table) -> Result<AlertPlace, String> {
    let keys = Keys { section: "`alerts.send_to`", base, table };
    match &*keys.needed("kind")? {
        "webhook" => {
            keys.only(&["kind", "url", "key"])?;
            let url = encrypted_url(&keys.needed("url")?);
            let url = url.ok_or("`alerts.send_to` has a `url` that is no URL of `https://`")?;
            Ok(AlertPlace::Webhook { url, key: keys.needed_secret("key")? })
        }
        "mail" => {
            keys.only(&["kind", "connector", "mailbox"])?;
            let mailbox = keys.needed("mailbox")?.trim().to_lowercase();
            Ok(AlertPlace::Mail { connector: keys.needed("connector")?, mailbox })
        }
        kind => Err(format!("`alerts.send_to` names the kind `{kind}`; this version offers `webhook`, `mail`")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn alerts(text: &str) -> Result<AlertsConfig, String> {
        AlertsConfig::parse(Path::new("/base"), Some(&text.parse().unwrap()))
    }

    #[test]
    fn alerts_are_read_or_refused_and_a_secret_is_never_repeated() {
        let read = alerts(
            "remind = '12h'\nsend_to = [{ kind = 'webhook', url = 'https://a.example/x', key = { env = 'K' } }, \
             { kind = 'mail', connector = 'c', mailbox = ' Ops@Example.com' }]",
        )
        .unwrap();
        assert_eq!((read.remind_ms, read.send_to.len()), (12 * 3_600_000, 2));
        assert!(matches!(&read.send_to[1], AlertPlace::Mail { mailbox, .. } if mailbox == "ops@example.com"));
        for (text, expect) in [
            ("remind = 'soon'", "no duration"),
            ("colour = 1", "unknown field"),
            ("summary = 'at breakfast'", "`alerts.summary`"),
            ("user_silent_days = 0", "user_silent_days"),
            ("send_to = [{ kind = 'pager' }]", "`webhook`, `mail`"),
            ("send_to = [{ kind = 'webhook', url = 'http://a.example', key = { env = 'K' } }]", "https"),
            ("send_to = [{ kind = 'webhook', url = 'https://a.example' }]", "needs `key"),
            ("send_to = [{ kind = 'webhook', url = 'https://a.example', key = 'canary' }]", "never written here"),
            ("send_to = [{ kind = 'mail', connector = 'c' }]", "needs `mailbox`"),
        ] {
            let error = alerts(text).unwrap_err();
            assert!(error.contains(expect) && !error.contains("canary"), "{text}: {error}");
        }
    }
}
