//! What was typed. Every key is in `docs/configuration.md`; an unknown one is an error.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use toml::value::Datetime;

use super::{
    console,
    credential::{CredentialNames, SecretRef},
    scope,
};
use crate::{
    destinations::imap::{Mechanism, Security},
    item::network::Network,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) data_dir: Option<PathBuf>,
    #[serde(default)]
    pub(super) include: Vec<String>,
    #[serde(default)]
    pub(super) connector: Vec<Connector>,
    #[serde(default)]
    pub(super) credential: BTreeMap<String, Credential>,
    pub(super) network: Option<Network>,
    /// Read by hand: see `store`.
    pub(super) stage: Option<toml::Table>,
    /// Read by hand: see `alerts`.
    pub(super) alerts: Option<toml::Table>,
    pub(super) console: Option<console::Typed>,
    pub(super) checkpoints: Option<Checkpoints>,
    pub(super) limits: Option<Limits>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connector {
    pub(super) name: String,
    pub(super) schedule: Option<String>,
    pub(super) jitter: Option<String>,
    pub(super) since: Option<Datetime>,
    pub(super) folder: Option<String>,
    pub(super) source: Source,
    pub(super) mapper: Mapper,
    pub(super) converter: Converter,
    pub(super) destinations: Vec<Destination>,
    #[serde(default)]
    pub(super) grant: Grants,
    pub(super) accepted_terms: Option<String>,
    pub(super) grace: Option<String>,
    pub(super) lookback: Option<String>,
    pub(super) settle: Option<String>,
    pub(super) catch_all: Option<String>,
    #[serde(default)]
    pub(super) scope: scope::Typed,
    pub(super) reread_days: Option<Vec<u32>>,
    pub(super) failures_percent_max: Option<u32>,
}

pub(super) type Settings = serde_json::Map<String, serde_json::Value>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) plugin: String,
    #[serde(default)]
    pub(super) settings: Settings,
    pub(super) credential: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapper {
    pub(super) plugin: String,
    #[serde(default)]
    pub(super) settings: Settings,
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Converter {
    pub(super) plugin: String,
    #[serde(default)]
    pub(super) settings: Settings,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Destination {
    Maildir {
        root: PathBuf,
        mailboxes: Option<Mailboxes>,
        message_bytes_max: Option<u64>,
    },
    Imap(Imap),
    Graph(Graph),
    Eml {
        root: Option<PathBuf>,
        store: Option<toml::Table>,
        mailboxes: Option<Mailboxes>,
        message_bytes_max: Option<u64>,
    },
    Smtp(Smtp),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Imap {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    #[serde(default)]
    pub(super) security: Security,
    #[serde(default)]
    pub(super) mechanism: Mechanism,
    pub(super) credential: CredentialNames,
    pub(super) master: Option<String>,
    pub(super) mailboxes: Option<Mailboxes>,
    pub(super) connections_max: Option<usize>,
    pub(super) message_bytes_max: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Graph {
    pub(super) cloud: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) credential: String,
    pub(super) mailboxes: Option<Mailboxes>,
    pub(super) message_bytes_max: Option<u64>,
    pub(super) requests_max: Option<u32>,
    pub(super) message_class: Option<String>,
    #[serde(default)]
    pub(super) attach_original: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Smtp {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    #[serde(default)]
    pub(super) security: Security,
    #[serde(default)]
    pub(super) mechanism: Mechanism,
    pub(super) credential: Option<String>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) mailboxes: Option<Mailboxes>,
    pub(super) message_bytes_max: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mailboxes {
    pub(super) domains: Option<Vec<String>>,
    pub(super) addresses: Option<Vec<String>>,
    pub(super) existing: Option<bool>,
    pub(super) directory: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grants {
    #[serde(default)]
    pub(super) source: Grant,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grant {
    #[serde(default)]
    pub(super) origins: Vec<String>,
    #[serde(default)]
    pub(super) folders: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    pub(super) scheme: SchemeName,
    #[serde(default)]
    pub(super) origins: Vec<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) token: Option<Secret>,
    pub(super) value: Option<Secret>,
    /// Name of the header or query parameter.
    pub(super) parameter: Option<String>,
    #[serde(default)]
    pub(super) grant: GrantName,
    pub(super) token_url: Option<String>,
    pub(super) authorization_url: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) secret: Option<Secret>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) private_key: Option<Secret>,
    pub(super) scope: Option<String>,
    pub(super) expires: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SchemeName {
    Basic,
    Bearer,
    Header,
    Query,
    Login,
    Oauth2,
    Certificate,
    Hmac,
}

/// How an `oauth2` credential comes to tokens.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GrantName {
    #[default]
    ClientCredentials,
    AuthorizationCode,
    JwtBearer,
}

/// Where a secret is. Read by hand: what serde says of a value of another shape would repeat it, and the most likely
/// one is the secret itself.
#[derive(Clone, Debug)]
pub(super) enum Secret {
    Env(String),
    File(PathBuf),
    Store(String),
}

impl Secret {
    /// With an absolute path.
    pub(super) fn meaning(self, base: &Path) -> SecretRef {
        match self {
            Self::Env(variable) => SecretRef::Env(variable),
            Self::File(path) => SecretRef::File(base.join(path)),
            Self::Store(name) => SecretRef::Store(name),
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

const SECRET_SHAPE: &str = "a secret is never written here, only where it is: `{ env = \"NAME\" }`, `{ file = \"PATH\" }` or `{ store = \"NAME\" }`";

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("where a secret is")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Secret, E> {
        Err(E::custom(SECRET_SHAPE))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom(SECRET_SHAPE))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Secret, M::Error> {
        let mut found = None;
        while let Some((key, place)) = map.next_entry::<String, toml::Value>()? {
            let toml::Value::String(place) = place else { return Err(de::Error::custom(SECRET_SHAPE)) };
            let secret = match key.as_str() {
                "env" => Secret::Env(place),
                "file" => Secret::File(place.into()),
                "store" => Secret::Store(place),
                _ => return Err(de::Error::custom(format!("`{key}` does not say where a secret is: {SECRET_SHAPE}"))),
            };
            if found.replace(secret).is_some() {
                return Err(de::Error::custom(SECRET_SHAPE));
            }
        }
        found.ok_or_else(|| de::Error::custom(SECRET_SHAPE))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoints {
    /// Read by hand: see `store`.
    #[serde(default)]
    pub(super) copy_to: Vec<toml::Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) attachment_bytes_max: Option<u64>,
    pub(super) connectors_at_once_max: Option<usize>,
    pub(super) call_time_max: Option<String>,
    pub(super) call_cpu_time_max: Option<String>,
    pub(super) guest_memory_bytes_max: Option<usize>,
}
