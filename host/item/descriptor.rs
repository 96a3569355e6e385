//! What a plugin says of itself; meanings are those of `wit/types.wit`, interface `descriptors`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::chat::Extensions;

/// Something to have done before the connector can work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prerequisite {
    /// Stable id.
    pub id: String,
    /// One sentence.
    pub text: String,
    /// `check` proves it.
    pub checked: bool,
}

/// Terms to accept once per version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Version.
    pub version: String,
    /// The terms.
    pub text: String,
}

/// How the host signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRecipe {
    /// Path to post to.
    pub path: String,
    /// JSON member for the user name.
    pub username_field: String,
    /// JSON member for the password.
    pub password_field: String,
    /// RFC 6901 pointer to the token.
    pub token_pointer: String,
    /// Header that carries it.
    pub header: String,
}

/// How the host comes to a token of OAuth 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Oauth2Grant {
    /// RFC 6749, section 4.4.
    ClientCredentials,
    /// RFC 6749, section 4.1: a person signs in once.
    AuthorizationCode,
    /// RFC 7523, section 2.1.
    JwtBearer,
}

impl Oauth2Grant {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client-credentials",
            Self::AuthorizationCode => "authorization-code",
            Self::JwtBearer => "jwt-bearer",
        }
    }
}

/// How the host signs in for an `oauth2` credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oauth2Recipe {
    /// How it comes to a token.
    pub grant: Oauth2Grant,
    /// Where tokens are asked for.
    pub token_url: Option<String>,
    /// Where a person signs in.
    pub authorization_url: Option<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
}

/// A part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HmacPart {
    /// These words.
    Literal(String),
    /// The method, in capitals.
    Method,
    /// The URL's path, with its query.
    PathAndQuery,
    /// Seconds since 1970.
    Timestamp,
    /// The body's bytes.
    Body,
    /// SHA-256 of the body in hex.
    BodySha256,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HmacEncoding {
    /// Lower-case hex digits.
    Hex,
    /// RFC 4648, section 4.
    Base64,
}

/// How the host signs a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacRecipe {
    /// What is signed, in order.
    pub parts: Vec<HmacPart>,
    /// Between the parts.
    pub separator: String,
    /// Header that carries the signature.
    pub header: String,
    /// What stands in front of the signature.
    pub prefix: String,
    /// How the signature is written.
    pub encoding: HmacEncoding,
    /// Header with the time of signing.
    pub timestamp_header: Option<String>,
    /// Header with the key's public name.
    pub key_header: Option<String>,
}

/// How a credential is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialScheme {
    /// RFC 7617.
    Basic,
    /// RFC 6750.
    Bearer,
    /// A header of this name.
    Header(String),
    /// A query parameter of this name.
    Query(String),
    /// Sign in first.
    Login(LoginRecipe),
    /// OAuth 2.
    Oauth2(Oauth2Recipe),
    /// A client certificate (mTLS).
    Certificate,
    /// Sign each request.
    Hmac(HmacRecipe),
}

/// A credential the plugin wants to name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialWish {
    /// Its name in requests.
    pub name: String,
    /// How it is attached.
    pub scheme: CredentialScheme,
    /// One sentence.
    pub summary: String,
}

/// How a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadingMode {
    /// By windows.
    Windowed,
    /// From a bookmark.
    Since,
    /// File by file.
    Whole,
}

/// What a source adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTraits {
    /// How it reads.
    pub reading: ReadingMode,
    /// To tick or prove.
    pub prerequisites: Vec<Prerequisite>,
    /// To accept.
    pub terms: Option<Terms>,
    /// Where data flows.
    pub data_flow: String,
    /// Folder name in the mailbox.
    pub default_folder: String,
    /// Setting that holds the folder to read.
    pub folder_setting: Option<String>,
    /// File name endings of a `Whole` source.
    pub file_endings: Vec<String>,
}

/// How many items one message covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grouping {
    /// One.
    Item,
    /// A conversation's day.
    ConversationDay,
}

/// What kind of plugin it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PluginKind {
    /// Reads items.
    Source(SourceTraits),
    /// Finds mailboxes.
    Mapper,
    /// Writes messages.
    Converter(Grouping),
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Kebab-case name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema subset.
    pub settings_schema: String,
    /// Credentials it names.
    pub credentials: Vec<CredentialWish>,
    /// Origins it wants.
    pub origins: Vec<String>,
    /// Settings whose value is a URL it wants.
    pub origin_settings: Vec<String>,
    /// Kind.
    pub kind: PluginKind,
    /// Room to grow.
    pub extensions: Extensions,
}

impl Descriptor {
    /// How many items one of a converter's messages covers; of other kinds, nothing is to be told by it.
    pub fn grouping(&self) -> Grouping {
        match self.kind {
            PluginKind::Converter(grouping) => grouping,
            PluginKind::Source(_) | PluginKind::Mapper => Grouping::Item,
        }
    }

    /// The folder name in the mailbox of a source with these settings, unless the operator says otherwise; none for other kinds.
    pub fn folder(&self, settings: &Map<String, Value>) -> Option<String> {
        let PluginKind::Source(traits) = &self.kind else { return None };
        let by_setting = self.folders_by_setting().and_then(|(setting, folders)| {
            let value = settings.get(&setting)?.as_str()?;
            folders.get(value)?.as_str().map(str::to_owned)
        });
        Some(by_setting.unwrap_or_else(|| traits.default_folder.clone()))
    }

    /// The extension `folders`: a setting, and the folder for each of its values.
    pub fn folders_by_setting(&self) -> Option<(String, Map<String, Value>)> {
        let (_, text) = self.extensions.iter().find(|(name, _)| name == "folders")?;
        let object: BTreeMap<String, Map<String, Value>> = serde_json::from_str(text).ok()?;
        object.into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_folder_may_hang_on_a_setting() {
        let traits = SourceTraits {
            reading: ReadingMode::Windowed,
            prerequisites: Vec::new(),
            terms: None,
            data_flow: "x".into(),
            default_folder: "Chats".into(),
            folder_setting: None,
            file_endings: Vec::new(),
        };
        let descriptor = |folders: &str| Descriptor {
            name: "a".into(),
            version: "1.0.0".into(),
            summary: "x".into(),
            settings_schema: "{}".into(),
            credentials: Vec::new(),
            origins: Vec::new(),
            origin_settings: Vec::new(),
            kind: PluginKind::Source(traits.clone()),
            extensions: vec![("folders".into(), folders.into())],
        };
        let of = |folders: &str, settings: Value| descriptor(folders).folder(settings.as_object().unwrap()).unwrap();
        let folders = r#"{"archiver":{"signal":"Signal Archiver"}}"#;
        assert_eq!(of(folders, json!({ "archiver": "signal" })), "Signal Archiver");
        for settings in [json!({}), json!({ "archiver": "other" }), json!({ "archiver": 7 })] {
            assert_eq!(of(folders, settings), "Chats");
        }
        for broken in ["", "7", "{}", r#"{"archiver":"x"}"#] {
            assert_eq!(of(broken, json!({ "archiver": "signal" })), "Chats", "{broken}");
        }
        assert_eq!(Descriptor { kind: PluginKind::Mapper, ..descriptor(folders) }.folder(&Map::new()), None);
    }
}
