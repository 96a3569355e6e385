//! Where copies go, as forms: a schema for each kind, and the table of the configuration that answers mean.

use serde_json::{Map, Value};

use crate::catalog::schema::Schema;

/// A kind of destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct DestinationKind {
    /// As the configuration names it.
    pub(super) name: &'static str,
    /// What people read.
    pub(super) label: &'static str,
    schema: &'static str,
    /// How its credential is, if it has one.
    pub(super) credential: Option<Login>,
}

/// What its credential is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// User name and password.
    Basic,
    /// An application of a directory (OAuth 2, client credentials).
    Application,
}

const DOMAINS: &str = r#""domains": { "type": "array", "items": { "type": "string" }, "minItems": 1, "title": "Domains of mailboxes", "description": "Every address of these domains is taken for a mailbox there." }"#;

/// Every kind that is offered.
pub(super) const KINDS: [DestinationKind; 5] = [
    DestinationKind {
        name: "maildir",
        label: "Maildir: folders on this machine",
        schema: r#"{ "type": "object", "required": ["root", "domains"], "properties": {
            "root": { "type": "string", "minLength": 1, "default": "mail", "title": "Folder", "description": "One Maildir for each mailbox is made below it; relative to the configuration." },
            DOMAINS
        } }"#,
        credential: None,
    },
    DestinationKind {
        name: "imap",
        label: "IMAP: a mail server",
        schema: r#"{ "type": "object", "required": ["host", "domains"], "properties": {
            "host": { "type": "string", "minLength": 1, "title": "Server", "description": "Its name, as its certificate has it." },
            "port": { "type": "integer", "minimum": 1, "maximum": 65535, "title": "Port", "description": "993 when left out." },
            "master": { "type": "string", "title": "Sign in for others as", "description": "The separator of Dovecot's master users, `*`; leave it empty where the account is allowed for all mailboxes." },
            DOMAINS
        } }"#,
        credential: Some(Login::Basic),
    },
    DestinationKind {
        name: "graph",
        label: "Microsoft 365: Exchange Online by Microsoft Graph",
        schema: r#"{ "type": "object", "required": ["domains"], "properties": {
            "cloud": { "type": "string", "enum": ["global", "gcc", "gcc-high", "dod", "china"], "default": "global", "title": "Cloud", "description": "Where the tenant lives." },
            DOMAINS
        } }"#,
        credential: Some(Login::Application),
    },
    DestinationKind {
        name: "eml",
        label: "Archive files: one file a message, with a list",
        schema: r#"{ "type": "object", "required": ["root", "domains"], "properties": {
            "root": { "type": "string", "minLength": 1, "default": "archive", "title": "Folder", "description": "Relative to the configuration." },
            DOMAINS
        } }"#,
        credential: None,
    },
    DestinationKind {
        name: "smtp",
        label: "Journal: reports by SMTP to another archive",
        schema: r#"{ "type": "object", "required": ["host", "from", "to", "domains"], "properties": {
            "host": { "type": "string", "minLength": 1, "title": "Server", "description": "Its name, as its certificate has it." },
            "port": { "type": "integer", "minimum": 1, "maximum": 65535, "title": "Port", "description": "465 when left out." },
            "from": { "type": "string", "minLength": 3, "title": "From", "description": "The sender's address of each report." },
            "to": { "type": "string", "minLength": 3, "title": "Journal address", "description": "Where the other archive takes reports." },
            DOMAINS
        } }"#,
        credential: Some(Login::Basic),
    },
];

impl DestinationKind {
    /// The kind of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Its settings.
    ///
    /// # Panics
    /// Never: a test reads each.
    pub(super) fn schema(&self) -> Result<Schema, String> {
        Schema::parse(&self.schema.replace("DOMAINS", DOMAINS))
    }
}

/// The table of the configuration.
pub(super) fn table(kind: &DestinationKind, mut settings: Map<String, Value>, credential: Option<&str>) -> toml::Table {
    let mut table = toml::Table::new();
    table.insert("kind".to_owned(), kind.name.into());
    let domains = settings.remove("domains");
    for (name, value) in settings {
        table.extend(toml::Value::try_from(value).ok().map(|value| (name, value)));
    }
    if let Some(credential) = credential {
        table.insert("credential".to_owned(), credential.into());
    }
    if let Some(Ok(domains)) = domains.map(toml::Value::try_from) {
        table.insert("mailboxes".to_owned(), toml::Table::from_iter([("domains".to_owned(), domains)]).into());
    }
    table
}
