//! Destinations: what was typed, and what it means.

use std::{collections::BTreeSet, net::IpAddr, path::Path};

use super::{
    credential::{Credential, Scheme},
    typed,
};
use crate::{
    destinations::{
        Mailboxes,
        imap::{self, Access, ImapSettings, Mechanism, Security},
        maildir::MaildirSettings,
    },
    item::limits,
};

/// A destination.
///
/// The folder's name is filled in by whoever knows the source's default.
#[derive(Clone, Debug)]
pub enum DestinationConfig {
    /// Maildirs.
    Maildir(MaildirSettings),
    /// Mailboxes of an IMAP server; secrets are found by the names in [`ImapSettings::access`].
    Imap(ImapSettings),
}

impl DestinationConfig {
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
        }
    }

    /// What people call it (`maildir /srv/mail`).
    pub fn label(&self) -> String {
        match self {
            Self::Maildir(settings) => format!("maildir {}", settings.root.display()),
            Self::Imap(settings) => format!("imap {}:{}", settings.host, settings.port),
        }
    }

    /// The credentials it names.
    pub(super) fn credentials(&self) -> Vec<&str> {
        match self {
            Self::Maildir(_) => Vec::new(),
            Self::Imap(settings) => settings.access.credentials(),
        }
    }

    /// Whether it can use this credential.
    pub(super) fn check_scheme(&self, credential: &Credential) -> Result<(), String> {
        let (kind, wanted, fits) = match self {
            Self::Maildir(_) => return Ok(()),
            Self::Imap(settings) if settings.mechanism == Mechanism::Plain => {
                ("imap", "basic", matches!(credential.scheme, Scheme::Basic { .. }))
            }
            Self::Imap(_) => ("imap", "oauth2", matches!(credential.scheme, Scheme::Oauth2 { .. })),
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
    match (typed.domains, typed.addresses, typed.existing.unwrap_or(false)) {
        (Some(domains), None, false) => Ok(Mailboxes::Domains(lower(domains))),
        (None, Some(addresses), false) => Ok(Mailboxes::Addresses(lower(addresses))),
        (None, None, true) => Ok(Mailboxes::Existing),
        _ => Err(format!(
            "a destination of kind `{kind}` needs one of `mailboxes = {{ domains = […] }}`, `{{ addresses = […] }}` or `{{ existing = true }}`"
        )),
    }
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
    let local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    if security == Security::None && !local {
        return Err(format!(
            "the imap destination `{host}` would be reached without encryption; `security = \"none\"` is for a loopback address alone, write `\"tls\"` or `\"starttls\"`"
        ));
    }
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@".contains(c)) {
        return Err(format!("`host = {host:?}` of an imap destination is no host name"));
    }
    let (access, of_table) = match (credential, master) {
        (typed::CredentialNames::One(name), None) => (Access::Delegated { credential: name }, None),
        (typed::CredentialNames::One(name), Some(separator))
            if mechanism == Mechanism::Plain && !separator.is_empty() =>
        {
            (Access::Master { credential: name, separator }, None)
        }
        (typed::CredentialNames::One(_), Some(_)) => {
            return Err("`master` of an imap destination is the separator of Dovecot's master users (`\"*\"`), and goes with `mechanism = \"plain\"`".to_owned());
        }
        (typed::CredentialNames::Each(_), Some(_)) => {
            return Err("an imap destination has either `master` or a credential for each mailbox".to_owned());
        }
        (typed::CredentialNames::Each(names), None) => {
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
