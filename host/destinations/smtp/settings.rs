//! What the operator configured.

use crate::destinations::{
    Mailboxes,
    imap::{Mechanism, Security},
};

/// An SMTP destination as configured, without secrets.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// The server that takes the mail; its certificate must be for this name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: Security,
    /// How the host signs in, where it does.
    pub mechanism: Mechanism,
    /// The credential's name; none: the server knows the host by its address.
    pub credential: Option<String>,
    /// Who sends: bounces come here.
    pub from: String,
    /// Where journal reports go.
    pub to: String,
    /// Which addresses are mailboxes; nothing exists beforehand.
    pub mailboxes: Mailboxes,
    /// Largest message, without its report.
    pub message_bytes_max: Option<u64>,
}

impl SmtpSettings {
    /// The port where servers expect mail that is encrypted so.
    pub const fn usual_port(security: Security) -> u16 {
        match security {
            Security::Tls => 465,
            Security::Starttls => 587,
            Security::None => 25,
        }
    }

    /// The domain that sends: how the host greets.
    pub(super) fn domain(&self) -> &str {
        self.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }

    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}
