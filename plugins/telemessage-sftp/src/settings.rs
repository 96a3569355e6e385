//! What the operator set.

use kit::{Error, ErrorKind};
use serde::Deserialize;

use crate::archivers;

/// The settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The folder TeleMessage delivers to.
    pub(crate) path: String,
    /// The account's id; part of every item's identity.
    #[serde(default = "default_account")]
    pub(crate) account: String,
    /// Which archiver delivers there. It names the mailbox folder, which is the host's to know; what is read does not
    /// depend on it.
    archiver: Option<String>,
}

fn default_account() -> String {
    "telemessage".to_owned()
}

impl Settings {
    /// Reads the settings; `misconfigured` with what to change otherwise.
    pub(crate) fn parse(settings: &str) -> Result<Self, Error> {
        let invalid = |why: String| {
            Error::new(ErrorKind::Misconfigured, "settings-invalid", why)
                .hint("see the settings with `chancery plugin inspect telemessage-sftp`")
        };
        let settings: Self = serde_json::from_str(settings)
            .map_err(|problem| invalid(format!("the settings of `telemessage-sftp` cannot be used: {problem}")))?;
        if settings.path.is_empty() || settings.account.is_empty() {
            return Err(invalid("the settings `path` and `account` must not be empty".to_owned()));
        }
        archivers::known(settings.archiver.as_deref()).map_err(invalid)?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn wrong_settings_are_refused() {
        for settings in [
            "",
            "{}",
            r#"{"path":""}"#,
            r#"{"path":"in","account":""}"#,
            r#"{"path":"in","x":1}"#,
            r#"{"path":"in","archiver":"fax"}"#,
        ] {
            assert_eq!(Settings::parse(settings).unwrap_err().code, "settings-invalid", "{settings}");
        }
        assert_eq!(Settings::parse(r#"{"path":"in"}"#).unwrap().account, "telemessage");
    }
}
