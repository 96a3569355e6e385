//! `[console]`: how people reach the pages of a running service.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    credential::{SecretRef, encrypted_url},
    typed::Secret,
};

/// How people reach the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// What stands before the path in a browser (`https://chancery.example.com`); none: the address that is listened at.
    pub origin: Option<String>,
    /// The certificate that the host itself shows; none: it speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Proxies that are believed when they say for whom they ask.
    pub proxies: Vec<IpAddr>,
    /// The directory by which people sign in besides with a password.
    pub openid: Option<OpenIdConfig>,
}

/// A directory that speaks OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIdConfig {
    /// What stands in its tokens as `iss`.
    pub issuer: url::Url,
    /// The application there.
    pub client_id: String,
    /// Where its secret is, if it has one.
    pub client_secret: Option<SecretRef>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that is a person's name here.
    pub name_claim: String,
    /// The claim that lists their groups.
    pub groups_claim: String,
    /// Names of rights, by group.
    pub groups: BTreeMap<String, Vec<String>>,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, its own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Typed {
    origin: Option<String>,
    tls: Option<TypedTls>,
    proxies: Vec<IpAddr>,
    openid: Option<TypedOpenId>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedOpenId {
    issuer: String,
    client_id: String,
    client_secret: Option<Secret>,
    scopes: Option<Vec<String>>,
    name_claim: Option<String>,
    groups_claim: Option<String>,
    groups: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedTls {
    certificate: PathBuf,
    key: PathBuf,
}

impl ConsoleConfig {
    pub(super) fn parse(base: &Path, typed: Option<Typed>) -> Result<Self, String> {
        let Typed { origin, tls, proxies, openid } = typed.unwrap_or_default();
        let tls = tls
            .map(|TypedTls { certificate, key }| TlsFiles { certificate: base.join(certificate), key: base.join(key) });
        let origin = origin.as_deref().map(parse_origin).transpose()?;
        let openid = openid.map(|openid| OpenIdConfig::parse(base, openid)).transpose()?;
        if openid.is_some() && origin.is_none() {
            return Err("`console.openid` needs `console.origin`: the directory sends people back there".to_owned());
        }
        Ok(Self { origin, tls, proxies, openid })
    }
}

impl OpenIdConfig {
    fn parse(base: &Path, typed: TypedOpenId) -> Result<Self, String> {
        let issuer = encrypted_url(&typed.issuer).ok_or("`console.openid.issuer` is no URL of `https://`")?;
        Ok(Self {
            issuer,
            client_id: typed.client_id,
            client_secret: typed.client_secret.map(|secret| secret.meaning(base)),
            scopes: typed.scopes.unwrap_or_else(|| ["profile", "email"].map(str::to_owned).to_vec()),
            name_claim: typed.name_claim.unwrap_or_else(|| "preferred_username".to_owned()),
            groups_claim: typed.groups_claim.unwrap_or_else(|| "groups".to_owned()),
            groups: typed.groups,
        })
    }
}

/// Scheme, host and port, and nothing else.
fn parse_origin(text: &str) -> Result<String, String> {
    let refused = || format!("`console.origin` is `{text}`; write `https://chancery.example.com`, without a path");
    let url = encrypted_url(text).ok_or_else(refused)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if bare { Ok(url.origin().ascii_serialization()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn console(text: &str) -> Result<ConsoleConfig, String> {
        let typed = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        ConsoleConfig::parse(Path::new("/etc/chancery"), Some(typed))
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        let origin = |text: &str| console(&format!("origin = {text:?}")).map(|console| console.origin.unwrap());
        assert_eq!(origin("https://Chancery.example.com/").unwrap(), "https://chancery.example.com");
        assert_eq!(origin("https://chancery.example.com:8443").unwrap(), "https://chancery.example.com:8443");
        assert_eq!(origin("http://localhost:8460").unwrap(), "http://localhost:8460");
        for wrong in
            ["http://chancery.example.com", "https://a.example/x", "https://a.example/?x", "https://u@a.example"]
        {
            assert!(origin(wrong).unwrap_err().contains("console.origin"), "{wrong}");
        }
    }

    #[test]
    fn a_directory_is_named_with_its_groups_and_needs_an_origin() {
        let openid =
            "openid = { issuer = \"https://login.example\", client_id = \"x\", groups = { ops = [\"operate\"] } }";
        assert!(console(openid).unwrap_err().contains("console.origin"));
        let read = console(&format!("origin = \"https://a.example\"\n{openid}")).unwrap().openid.unwrap();
        assert_eq!((&*read.name_claim, &read.groups["ops"][..]), ("preferred_username", &["operate".to_owned()][..]));
        let plain = openid.replace("https://login", "http://login");
        assert!(console(&format!("origin = \"https://a.example\"\n{plain}")).unwrap_err().contains("issuer"));
    }

    #[test]
    fn files_stand_beside_the_configuration_and_unknown_keys_are_errors() {
        let read =
            console("tls = { certificate = \"tls.pem\", key = \"/keys/tls.key\" }\nproxies = [\"::1\"]").unwrap();
        let tls = read.tls.unwrap();
        assert_eq!(
            (tls.certificate.as_path(), tls.key.as_path()),
            (Path::new("/etc/chancery/tls.pem"), Path::new("/keys/tls.key"))
        );
        assert_eq!(read.proxies, [IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]);
        for wrong in ["tls = { certificate = \"a\" }", "proxies = [\"proxy.example\"]", "password = \"x\""] {
            assert!(console(wrong).is_err(), "{wrong}");
        }
    }
}
