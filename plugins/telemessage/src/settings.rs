//! What the operator set, and what it means.

use kit::{Error, ErrorKind};
use serde::Deserialize;

use crate::{
    archivers,
    limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX},
};

/// The settings as typed. Strict, although the host checked them against the schema: a test or another host may not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    site: String,
    archiver: Option<String>,
    page_size: Option<u32>,
    trust_group_id: Option<bool>,
}

/// The settings as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Base URL without a slash at its end.
    pub(crate) site: String,
    /// One of [`archivers::ARCHIVERS`].
    pub(crate) archiver: &'static str,
    /// Items a page is asked for, 1 to [`PAGE_ITEMS_MAX`].
    pub(crate) page_items: u32,
    /// Whether a group's id of the site names its conversation.
    pub(crate) trust_group_id: bool,
}

impl Settings {
    /// Reads the settings; `misconfigured` with what to change otherwise.
    pub(crate) fn parse(settings: &str) -> Result<Self, Error> {
        let typed: Typed = serde_json::from_str(settings)
            .map_err(|problem| invalid(format!("the settings of `telemessage` cannot be used: {problem}")))?;
        let archiver = archivers::known(typed.archiver.as_deref()).map_err(invalid)?;
        let page_items = typed.page_size.unwrap_or(PAGE_ITEMS_DEFAULT);
        if !(1..=PAGE_ITEMS_MAX).contains(&page_items) {
            return Err(invalid(format!("the setting `page_size` must be between 1 and {PAGE_ITEMS_MAX}")));
        }
        Ok(Self {
            site: base_url(&typed.site)?,
            archiver,
            page_items,
            trust_group_id: typed.trust_group_id.unwrap_or(false),
        })
    }
}

/// Takes `https://host[:port][/path]`, and plain `http://` on loopback only (a gateway on the same machine): the
/// vendor's deliveries were in clear text by default once, and chats left that way.
fn base_url(site: &str) -> Result<String, Error> {
    let (rest, encrypted) = match (site.strip_prefix("https://"), site.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return Err(invalid("the setting `site` must be a URL that begins with `https://`")),
    };
    let rest = rest.trim_end_matches('/');
    let authority = rest.split('/').next().unwrap_or_default();
    let clean = !authority.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@' | b'\\' | b'"'));
    if !clean {
        return Err(invalid("the setting `site` must name a host, without user name, query or fragment"));
    }
    if !encrypted && !is_loopback(authority) {
        return Err(Error::new(
            ErrorKind::Misconfigured,
            "site-not-encrypted",
            "the setting `site` is a plain `http://` URL of another machine; chats would cross the network in clear",
        )
        .hint("set `site` to the gateway's `https://` URL"));
    }
    Ok(format!("{}{rest}", if encrypted { "https://" } else { "http://" }))
}

fn is_loopback(authority: &str) -> bool {
    if authority.starts_with('[') {
        return authority.split(']').next() == Some("[::1");
    }
    let host = authority.split(':').next().unwrap_or_default();
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Misconfigured, "settings-invalid", message)
        .hint("see the settings with `chancery plugin inspect telemessage`")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn defaults_are_filled_in() {
        let settings = Settings::parse(r#"{"site":"https://gate.example.com/"}"#).unwrap();
        assert_eq!(
            settings,
            Settings {
                site: "https://gate.example.com".into(),
                archiver: "whatsapp",
                page_items: 500,
                trust_group_id: false
            }
        );
    }

    #[test]
    fn site_is_checked() {
        let cases = [
            ("https://gate.example.com:8443/archive/", Ok("https://gate.example.com:8443/archive")),
            ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080")),
            ("http://localhost:8080/", Ok("http://localhost:8080")),
            ("http://[::1]:8080", Ok("http://[::1]:8080")),
            ("http://gate.example.com", Err("site-not-encrypted")),
            ("http://127.0.0.1.example.com", Err("site-not-encrypted")),
            ("http://[::2]", Err("site-not-encrypted")),
            ("https://", Err("settings-invalid")),
            ("https:///v1", Err("settings-invalid")),
            ("https://user:pass@gate.example.com", Err("settings-invalid")),
            ("https://gate.example.com/?a=b", Err("settings-invalid")),
            ("https://gate.example.com/ x", Err("settings-invalid")),
            ("ftp://gate.example.com", Err("settings-invalid")),
            ("", Err("settings-invalid")),
        ];
        for (site, expected) in cases {
            let found = base_url(site);
            assert_eq!(found.as_deref().map_err(|error| error.code.as_str()), expected, "{site}");
        }
    }

    #[test]
    fn wrong_settings_are_refused() {
        for settings in [
            "",
            "[]",
            "{}",
            r#"{"site":"https://a.example","archiver":"fax"}"#,
            r#"{"site":"https://a.example","page_size":0}"#,
            r#"{"site":"https://a.example","page_size":1001}"#,
            r#"{"site":"https://a.example","password":"x"}"#,
        ] {
            let error = Settings::parse(settings).unwrap_err();
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Misconfigured, "settings-invalid"), "{settings}");
            assert!(error.hint.is_some());
        }
    }
}
