//! What the operator configured, and what is signed in with.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::SecretString;
use serde::Deserialize;

use crate::{destinations::Mailboxes, network::TokenSource};

/// Names of credentials by mailbox.
pub type CredentialByMailbox = BTreeMap<String, String>;

/// An IMAP destination as configured, without secrets.
#[derive(Clone, Debug)]
pub struct ImapSettings {
    /// The server; its certificate must be for this name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: Security,
    /// How the host signs in.
    pub mechanism: Mechanism,
    /// With whose rights.
    pub access: Access,
    /// Folder name in each mailbox (`WhatsApp Archiver`).
    pub folder: String,
    /// Which addresses are mailboxes.
    pub mailboxes: Mailboxes,
    /// Connections at once.
    pub connections_max: usize,
    /// Largest message.
    pub message_bytes_max: Option<u64>,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    #[default]
    Tls,
    /// TLS after a command; a server that does not offer it is not signed in to.
    Starttls,
    /// None: for a server on the same machine.
    None,
}

impl Security {
    /// The port where servers expect it.
    pub const fn port(self) -> u16 {
        match self {
            Self::Tls => 993,
            Self::Starttls | Self::None => 143,
        }
    }
}

/// How the host signs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mechanism {
    /// User name and password, by AUTHENTICATE PLAIN or LOGIN.
    #[default]
    Plain,
    /// A token, as Google and Microsoft take it.
    Xoauth2,
    /// A token (RFC 7628).
    Oauthbearer,
}

/// With whose rights mailboxes are opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// One account that may act for every mailbox: an authorization id with PLAIN, `user=` with a token.
    Delegated {
        /// The credential's name.
        credential: String,
    },
    /// Dovecot's master user: `mailbox<separator>user`.
    Master {
        /// The credential's name.
        credential: String,
        /// Dovecot's `auth_master_user_separator`.
        separator: String,
    },
    /// Each mailbox has a credential of its own.
    Each(CredentialByMailbox),
}

impl Access {
    /// The credentials it names, each once.
    pub fn credentials(&self) -> Vec<&str> {
        match self {
            Self::Delegated { credential } | Self::Master { credential, .. } => vec![credential],
            Self::Each(names) => {
                let mut names: Vec<&str> = names.values().map(String::as_str).collect();
                names.sort_unstable();
                names.dedup();
                names
            }
        }
    }

    /// The credential for a mailbox.
    pub(super) fn credential_for(&self, mailbox: &str) -> Option<&str> {
        match self {
            Self::Delegated { credential } | Self::Master { credential, .. } => Some(credential),
            Self::Each(names) => names.get(mailbox).map(String::as_str),
        }
    }
}

/// What is signed in with.
#[derive(Clone)]
pub enum Account {
    /// User name and password.
    Password {
        /// User name.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// A source of tokens.
    Token(Arc<TokenSource>),
}
