//! The site's JSON, as `plugins/telemessage/README.md` writes it down.

use serde::Serialize;

use crate::story::Person as CastPerson;

#[derive(Serialize)]
pub(crate) struct Item<'a> {
    pub(crate) id: String,
    pub(crate) key: &'a str,
    pub(crate) network: &'static str,
    pub(crate) archiver: &'static str,
    pub(crate) r#type: &'static str,
    pub(crate) event_time_ms: i64,
    pub(crate) owner: Person<'a>,
    pub(crate) sender: Option<Person<'a>>,
    pub(crate) recipients: Vec<Person<'a>>,
    pub(crate) direction: &'static str,
    pub(crate) chat: Chat<'a>,
    pub(crate) subject: String,
    pub(crate) text: Option<&'a str>,
    pub(crate) reply_to: Option<&'a str>,
    pub(crate) original: Option<Original<'a>>,
    pub(crate) deletion: Option<Deletion>,
    pub(crate) call: Option<Call>,
    pub(crate) attachments: Vec<File<'a>>,
}

/// The short form: what is not known is not written at all.
#[derive(Serialize)]
pub(crate) struct ShortItem<'a> {
    pub(crate) id: String,
    pub(crate) key: &'a str,
    pub(crate) network: &'static str,
    pub(crate) r#type: &'static str,
    pub(crate) event_time_ms: i64,
    pub(crate) recipients: Vec<Person<'a>>,
    pub(crate) chat: Chat<'a>,
    pub(crate) text: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Person<'a> {
    pub(crate) user_id: Option<&'a str>,
    pub(crate) phone: Option<&'a str>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Chat<'a> {
    pub(crate) id: Option<String>,
    pub(crate) mode: &'static str,
    pub(crate) title: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Original<'a> {
    pub(crate) key: &'a str,
    pub(crate) text: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Deletion {
    pub(crate) scope: &'static str,
    pub(crate) state: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Call {
    pub(crate) media: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) duration_s: Option<u32>,
}

#[derive(Serialize)]
pub(crate) struct File<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) size: u64,
}

/// A user of the roster.
#[derive(Serialize)]
pub(crate) struct User<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) phone: &'a str,
    pub(crate) name: String,
    pub(crate) email: Option<&'a str>,
    pub(crate) archivers: &'static [&'static str],
    pub(crate) status: &'static str,
}

/// What `GET /v1/account` answers.
#[derive(Serialize)]
pub(crate) struct Account<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) archivers: &'static [&'static str],
}

pub(crate) const ARCHIVERS: &[&str] = &["whatsapp-phone", "whatsapp-cloud"];

/// The subject as the vendor writes it: digits without a plus sign, or the group's title.
pub(crate) fn subject(what: &str, sender: &CastPerson, to: &str) -> String {
    format!("WhatsApp {what} from {} to {to}", sender.phone)
}
