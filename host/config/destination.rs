//! Destinations: what was typed, and what it means.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
};

use super::{
    credential::{Credential, CredentialNames, Oauth2, Scheme},
    store::StoreConfig,
    typed,
};
use crate::{
    destinations::{
        Mailboxes,
        eml::EmlSettings,
        graph::{Cloud, GraphSettings, Shape},
        imap::{self, Access, ImapSettings, Mechanism, Security},
        maildir::MaildirSettings,
        smtp::SmtpSettings,
    },
    item::limits,
};

/// Message class of what Microsoft Graph is given: mail programs show it as mail, and searches find it by
/// `itemclass:`.
const MESSAGE_CLASS: &str = "IPM.Note.Chancery";

/// A destination.
///
/// The folder's name is filled in by whoever knows the source's default.
#[derive(Clone, Debug)]
pub enum DestinationConfig {
    /// Maildirs.
    Maildir(MaildirSettings),
    /// Mailboxes of an IMAP server; secrets are found by the names in [`ImapSettings::access`].
    Imap(ImapSettings),
    /// Mailboxes of a tenant of Microsoft 365. The tenant is that of the credential's token endpoint.
    Graph(GraphSettings),
    /// Archives of files.
    Eml(EmlSettings, EmlPlace),
    /// Another archive behind an SMTP server.
    Smtp(SmtpSettings),
}

/// Where archives lie.
#[derive(Clone, Debug)]
pub enum EmlPlace {
    /// In a folder.
    Folder(PathBuf),
    /// In an object store.
    Store(StoreConfig),
}

impl DestinationConfig {
    /// Its `kind`, as the configuration has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Maildir(_) => "maildir",
            Self::Imap(_) => "imap",
            Self::Graph(_) => "graph",
            Self::Eml(..) => "eml",
            Self::Smtp(_) => "smtp",
        }
    }

    pub(super) fn parse(base: &Path, folder: Option<&str>, typed: typed::Destination) -> Result<Self, String> {
        let folder = folder.unwrap_or_default().to_owned();
        match typed {
            typed::Destination::Maildir { root, mailboxes, message_bytes_max } => Ok(Self::Maildir(MaildirSettings {
                root: base.join(root),
                folder,
                mailboxes: self::mailboxes("maildir", mailboxes)?,
                message_bytes_max,
            })),
            typed::Destination::Imap(typed) => imap(folder, typed).map(Self::Imap),
            typed::Destination::Graph(typed) => graph(folder, typed).map(Self::Graph),
            typed::Destination::Eml { root, store, mailboxes, message_bytes_max } => {
                let mailboxes = named_mailboxes("eml", mailboxes)?;
                let place = match (root, store) {
                    (Some(root), None) => EmlPlace::Folder(base.join(root)),
                    (None, Some(store)) => EmlPlace::Store(StoreConfig::of_archives(base, &store)?),
                    _ => return Err("has a destination of kind `eml` that needs one of `root` and `store`".to_owned()),
                };
                Ok(Self::Eml(EmlSettings { folder, mailboxes, message_bytes_max }, place))
            }
            typed::Destination::Smtp(typed) => smtp(typed).map(Self::Smtp),
        }
    }

    /// What people call it (`maildir /srv/mail`).
    pub fn label(&self) -> String {
        match self {
            Self::Maildir(settings) => format!("maildir {}", settings.root.display()),
            Self::Imap(settings) => format!("imap {}:{}", settings.host, settings.port),
            Self::Graph(settings) => format!("graph {}", settings.endpoint),
            Self::Eml(_, EmlPlace::Folder(root)) => format!("eml {}", root.display()),
            Self::Eml(_, EmlPlace::Store(store)) => format!("eml {}", store.label()),
            Self::Smtp(settings) => format!("smtp {} at {}:{}", settings.to, settings.host, settings.port),
        }
    }

    /// The credentials it names.
    pub(super) fn credentials(&self) -> Vec<&str> {
        match self {
            Self::Maildir(_) | Self::Eml(..) => Vec::new(),
            Self::Imap(settings) => settings.access.credentials(),
            Self::Graph(settings) => vec![&settings.credential],
            Self::Smtp(settings) => settings.credential.as_deref().into_iter().collect(),
        }
    }

    /// Whether it can use this credential.
    pub(super) fn check_scheme(&self, credential: &Credential) -> Result<(), String> {
        let by = |mechanism| match mechanism {
            Mechanism::Plain => ("basic", matches!(credential.scheme, Scheme::Basic { .. })),
            Mechanism::Xoauth2 | Mechanism::Oauthbearer => ("oauth2", matches!(credential.scheme, Scheme::Oauth2(_))),
        };
        let (kind, (wanted, fits)) = match self {
            Self::Maildir(_) | Self::Eml(..) => return Ok(()),
            Self::Imap(settings) => ("imap", by(settings.mechanism)),
            Self::Smtp(settings) => ("smtp", by(settings.mechanism)),
            Self::Graph(settings) => {
                if let Scheme::Oauth2(Oauth2 { scope, .. }) = &credential.scheme
                    && *scope != format!("{}/.default", settings.cloud.graph())
                {
                    return Err(format!(
                        "signs in at its graph destination with credential `{}`, whose scope must be `{}/.default`",
                        credential.name,
                        settings.cloud.graph()
                    ));
                }
                ("graph", ("oauth2", matches!(credential.scheme, Scheme::Oauth2(_))))
            }
        };
        if fits {
            return Ok(());
        }
        Err(format!(
            "signs in at its {kind} destination with credential `{}`, whose scheme must be `{wanted}`",
            credential.name
        ))
    }
}

fn mailboxes(kind: &str, typed: Option<typed::Mailboxes>) -> Result<Mailboxes, String> {
    let typed = typed.unwrap_or_default();
    let lower = |list: Vec<String>| list.into_iter().map(|entry| entry.trim().to_lowercase()).collect::<BTreeSet<_>>();
    if typed.directory.is_some() {
        return Err(format!("`mailboxes = {{ directory = true }}` is for destinations of kind `graph`, not `{kind}`"));
    }
    match (typed.domains, typed.addresses, typed.existing.unwrap_or(false)) {
        (Some(domains), None, false) => Ok(Mailboxes::Domains(lower(domains))),
        (None, Some(addresses), false) => Ok(Mailboxes::Addresses(lower(addresses))),
        (None, None, true) => Ok(Mailboxes::Existing),
        _ => Err(format!(
            "a destination of kind `{kind}` needs one of `mailboxes = {{ domains = […] }}`, `{{ addresses = […] }}` or `{{ existing = true }}`"
        )),
    }
}

/// For destinations that have no mailboxes of their own.
fn named_mailboxes(kind: &str, typed: Option<typed::Mailboxes>) -> Result<Mailboxes, String> {
    match mailboxes(kind, typed)? {
        Mailboxes::Existing => {
            Err(format!("a destination of kind `{kind}` has no mailboxes of its own: name `domains` or `addresses`"))
        }
        mailboxes => Ok(mailboxes),
    }
}

/// Whether a server's host name and the way to it can be used.
fn check_server(kind: &str, host: &str, security: Security) -> Result<(), String> {
    let local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    if security == Security::None && !local {
        return Err(format!(
            "the {kind} destination `{host}` would be reached without encryption; `security = \"none\"` is for a loopback address alone, write `\"tls\"` or `\"starttls\"`"
        ));
    }
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@".contains(c)) {
        return Err(format!("`host = {host:?}` of an {kind} destination is no host name"));
    }
    Ok(())
}

fn imap(folder: String, typed: typed::Imap) -> Result<ImapSettings, String> {
    let typed::Imap {
        host,
        port,
        security,
        mechanism,
        credential,
        master,
        mailboxes,
        connections_max,
        message_bytes_max,
    } = typed;
    check_server("imap", &host, security)?;
    let (access, of_table) = match (credential, master) {
        (CredentialNames::One(name), None) => (Access::Delegated { credential: name }, None),
        (CredentialNames::One(name), Some(separator)) if mechanism == Mechanism::Plain && !separator.is_empty() => {
            (Access::Master { credential: name, separator }, None)
        }
        (CredentialNames::One(_), Some(_)) => {
            return Err("`master` of an imap destination is the separator of Dovecot's master users (`\"*\"`), and goes with `mechanism = \"plain\"`".to_owned());
        }
        (CredentialNames::Each(_), Some(_)) => {
            return Err("an imap destination has either `master` or a credential for each mailbox".to_owned());
        }
        (CredentialNames::Each(names), None) => {
            let names: imap::CredentialByMailbox =
                names.into_iter().map(|(mailbox, name)| (mailbox.trim().to_lowercase(), name)).collect();
            let addresses = names.keys().cloned().collect();
            (Access::Each(names), Some(Mailboxes::Addresses(addresses)))
        }
    };
    let mailboxes = match (mailboxes, of_table) {
        (None, Some(addresses)) => addresses,
        (Some(_), Some(_)) => {
            return Err(
                "an imap destination with a credential for each mailbox has those mailboxes: leave `mailboxes` out"
                    .to_owned(),
            );
        }
        (mailboxes, None) => self::mailboxes("imap", mailboxes)?,
    };
    let connections_max = connections_max.unwrap_or(limits::IMAP_CONNECTIONS_MAX);
    if !(1..=limits::IMAP_CONNECTIONS_HIGHEST).contains(&connections_max) {
        return Err(format!(
            "`connections_max` of an imap destination is from 1 to {}",
            limits::IMAP_CONNECTIONS_HIGHEST
        ));
    }
    Ok(ImapSettings {
        port: port.unwrap_or(security.port()),
        host,
        security,
        mechanism,
        access,
        folder,
        mailboxes,
        connections_max,
        message_bytes_max,
    })
}

fn graph(folder: String, typed: typed::Graph) -> Result<GraphSettings, String> {
    let typed::Graph {
        cloud,
        endpoint,
        credential,
        mailboxes,
        message_bytes_max,
        requests_max,
        message_class,
        attach_original,
    } = typed;
    let name = cloud.as_deref().unwrap_or(Cloud::NAMES[0]);
    let cloud = Cloud::parse(name).ok_or_else(|| {
        format!(
            "`cloud = {name:?}` of a graph destination is none of {}",
            Cloud::NAMES.map(|name| format!("`{name}`")).join(", ")
        )
    })?;
    let endpoint = endpoint.unwrap_or_else(|| cloud.graph().to_owned());
    let local = |url: &url::Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let usable = |url: &url::Url| url.scheme() == "https" || (url.scheme() == "http" && local(url));
    if !url::Url::parse(&endpoint).is_ok_and(|url| usable(&url) && url.path() == "/" && url.query().is_none()) {
        return Err(format!(
            "`endpoint = {endpoint:?}` of a graph destination is no origin like `https://graph.microsoft.com`"
        ));
    }
    let mailboxes = match mailboxes {
        Some(typed::Mailboxes { domains: None, addresses: None, existing: None, directory: Some(true) }) => {
            Mailboxes::Existing
        }
        Some(typed @ typed::Mailboxes { existing: None, directory: None, .. }) => {
            self::mailboxes("graph", Some(typed))?
        }
        _ => {
            return Err(
                "a destination of kind `graph` needs one of `mailboxes = { directory = true }`, `{ domains = […] }` or `{ addresses = […] }`"
                    .to_owned(),
            );
        }
    };
    let message_class = message_class.unwrap_or_else(|| MESSAGE_CLASS.to_owned());
    let is_class =
        message_class.split('.').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric()));
    if !is_class || !message_class.to_ascii_lowercase().starts_with("ipm.") || message_class.len() > 255 {
        return Err(format!("`message_class = {message_class:?}` is no message class like `{MESSAGE_CLASS}`"));
    }
    let requests_max = requests_max.unwrap_or(limits::GRAPH_REQUESTS_MAX);
    if !(100..=limits::GRAPH_REQUESTS_MAX).contains(&requests_max) {
        return Err(format!("`requests_max` of a graph destination is from 100 to {}", limits::GRAPH_REQUESTS_MAX));
    }
    Ok(GraphSettings {
        tenant: String::new(),
        endpoint: endpoint.trim_end_matches('/').to_owned(),
        cloud,
        folder,
        mailboxes,
        credential,
        message_bytes_max: message_bytes_max.unwrap_or(limits::GRAPH_MESSAGE_BYTES_MAX),
        requests_max,
        shape: Shape { message_class, attach_original },
    })
}

fn smtp(typed: typed::Smtp) -> Result<SmtpSettings, String> {
    let typed::Smtp { host, port, security, mechanism, credential, from, to, mailboxes, message_bytes_max } = typed;
    check_server("smtp", &host, security)?;
    for (key, address) in [("from", &from), ("to", &to)] {
        // They stand in commands and in header fields as they are.
        if !address.is_ascii() || !Mailboxes::is_address(address) {
            return Err(format!(
                "`{key} = {address:?}` of an smtp destination is no address like `journal@example.com`"
            ));
        }
    }
    Ok(SmtpSettings {
        port: port.unwrap_or(SmtpSettings::usual_port(security)),
        host,
        security,
        mechanism,
        credential,
        from,
        to,
        mailboxes: named_mailboxes("smtp", mailboxes)?,
        message_bytes_max,
    })
}
