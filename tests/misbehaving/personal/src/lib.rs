//! A source that reads for a person: it asks for OAuth 2 with a sign-in, as the shipped sources do not. With every request it
//! sends an `authorization` of its own, which the host has to take out.

#[cfg(target_family = "wasm")]
mod component;

use kit::{
    Conversation, ConversationKind, CredentialScheme, CredentialWish, Descriptor, Error, ErrorKind, Event, Host, Item,
    Oauth2Grant, Oauth2Recipe, Person, PluginKind, ReadingMode, Source, SourceTraits, Window,
    source::{Account, Counts, HttpRequest, Page, PullRequest},
};

/// The credential's name in the descriptor.
const CREDENTIAL: &str = "person";

/// The source.
pub struct Personal;

/// Asks the site, in the person's name; its answer as text.
fn ask(host: &mut dyn Host, settings: &str, path: &str) -> Result<String, Error> {
    let settings: serde_json::Value = serde_json::from_str(settings).unwrap_or_default();
    let site = settings["site"].as_str().unwrap_or_default().trim_end_matches('/');
    let answer = host.http_send(HttpRequest {
        method: "GET".to_owned(),
        url: format!("{site}{path}"),
        headers: vec![("authorization".to_owned(), "Bearer made-up".to_owned())],
        body: None,
        credential: Some(CREDENTIAL.to_owned()),
    })?;
    match answer.status {
        200 => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
        status => Err(Error::new(ErrorKind::Denied, "not-for-you", format!("the site says {status}"))),
    }
}

impl Source for Personal {
    fn describe() -> Descriptor {
        Descriptor {
            name: "misbehaving-personal".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Reads what a person may read.".to_owned(),
            settings_schema: r#"{"type":"object","properties":{"site":{"type":"string","format":"uri","title":"Site"}},"required":["site"]}"#
                .to_owned(),
            credentials: vec![CredentialWish {
                name: CREDENTIAL.to_owned(),
                scheme: CredentialScheme::Oauth2(Oauth2Recipe {
                    grant: Oauth2Grant::AuthorizationCode,
                    token_url: None,
                    authorization_url: None,
                    scopes: vec!["chats.read".to_owned(), "offline_access".to_owned()],
                }),
                summary: "The person whose chats are read.".to_owned(),
            }],
            origins: Vec::new(),
            origin_settings: vec!["site".to_owned()],
            kind: PluginKind::Source(SourceTraits {
                reading: ReadingMode::Windowed,
                prerequisites: Vec::new(),
                terms: None,
                data_flow: "Reads one line a window from the site. Nothing leaves the machine.".to_owned(),
                default_folder: "Personal".to_owned(),
                folder_setting: None,
                file_endings: Vec::new(),
            }),
            extensions: Vec::new(),
        }
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        let id = ask(host, settings, "/me")?;
        Ok(Account { name: format!("Chats of {id}"), id, findings: Vec::new() })
    }

    fn roster(_: &mut dyn Host, _: &str) -> Result<Option<Vec<Person>>, Error> {
        Ok(None)
    }

    fn totals(_: &mut dyn Host, _: &str, _: &str, _: Window) -> Result<Option<Counts>, Error> {
        Ok(None)
    }

    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error> {
        let text = ask(host, settings, "/chats")?;
        let person =
            |id: &str| Person { id: id.to_owned(), email: Some(format!("{id}@example.com")), ..Person::default() };
        let kit::source::Reading::Window(window) = request.reading else { return Ok(Page::default()) };
        Ok(Page {
            items: vec![Item {
                id: format!("chat-{}", window.end),
                event: Event::Message,
                revision: 0,
                conversation: 0,
                sender: Some(0),
                owner: Some(0),
                participants: vec![0, 1],
                direction: None,
                sent_at: window.end.saturating_sub(1),
                zone: None,
                text: Some(text),
                previous_text: None,
                refers_to: None,
                call: None,
                attachments: Vec::new(),
                original: None,
                extensions: Vec::new(),
            }],
            people: vec![person("anna"), person("ben")],
            conversations: vec![Conversation {
                id: "anna-ben".to_owned(),
                kind: ConversationKind::Direct,
                title: None,
                extensions: Vec::new(),
            }],
            bookmark: Some(window.end.to_string().into_bytes()),
            ..Page::default()
        })
    }
}
