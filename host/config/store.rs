//! Where the stage lies and checkpoints are copied to: folders, and object stores with references to their secrets.
//!
//! Read by hand: a kind has keys of its own, and the message is about the kind.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;

use super::{credential::SecretRef, typed};
use crate::item::limits;

/// The stage.
#[derive(Clone, Debug)]
pub struct StageConfig {
    /// The object store; none: the data folder.
    pub store: Option<StoreConfig>,
    /// Days a staged page is kept after everything in its window was settled.
    pub keep_days: u32,
    /// Who else can open what is staged: age recipients.
    pub recipients: Vec<String>,
}

/// Where signed checkpoints are copied to.
#[derive(Clone, Debug)]
pub enum CheckpointCopy {
    /// A folder, best on a disk that the host cannot change.
    Folder(PathBuf),
    /// An object store, best with a rule that keeps what was written.
    Store(StoreConfig),
    /// An address that gets each as a JSON document.
    Webhook {
        /// `https://…`, or this machine.
        url: url::Url,
        /// Sent as `Authorization: Bearer`.
        token: Option<SecretRef>,
    },
    /// A mailbox of the connector's own destinations.
    Mail {
        /// Its address.
        mailbox: String,
    },
}

/// An object store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Whose.
    pub provider: ProviderConfig,
    /// The container or bucket.
    pub container: String,
    /// Where it is reached, when that is not the provider's own address.
    pub endpoint: Option<String>,
    /// What every name begins with.
    pub prefix: String,
}

/// Whose object store, with references to what lets the host in.
#[derive(Clone, Debug)]
pub enum ProviderConfig {
    /// Azure Blob Storage.
    Azure {
        /// The storage account.
        account: String,
        /// How the host gets in.
        access: AzureAccess,
    },
    /// S3, or what speaks like it.
    S3 {
        /// Its region.
        region: String,
        /// Which key.
        access_key_id: String,
        /// Its secret half.
        secret_access_key: SecretRef,
    },
    /// Google Cloud Storage.
    Gcs {
        /// The key file of a service account.
        service_account: SecretRef,
    },
}

/// How the host gets into an Azure storage account.
#[derive(Clone, Debug)]
pub enum AzureAccess {
    /// A key of the account.
    Key(SecretRef),
    /// A shared access signature.
    Sas(SecretRef),
}

impl StageConfig {
    pub(super) fn parse(base: &Path, typed: Option<&toml::Table>) -> Result<Self, String> {
        let keys = Keys { section: "[stage]", base, table: typed.cloned().unwrap_or_default() };
        let keep_days = match keys.table.get("keep_days") {
            None => limits::STAGE_KEEP_DAYS,
            Some(days) => days
                .as_integer()
                .and_then(|days| u32::try_from(days).ok())
                .ok_or("`[stage] keep_days` is no number of days")?,
        };
        let recipients = match keys.table.get("recipients") {
            None => Vec::new(),
            Some(list) => Vec::<String>::deserialize(list.clone())
                .map_err(|_| "`[stage] recipients` is no list of texts: write `[\"age1…\"]`")?,
        };
        let common = ["kind", "keep_days", "recipients"];
        let store = match keys.text("kind")?.as_deref() {
            None | Some("local") => {
                keys.only(&common)?;
                None
            }
            Some(kind) => Some(keys.store(kind, &common, "`local`", "chancery")?),
        };
        Ok(Self { store, keep_days, recipients })
    }
}

impl StoreConfig {
    /// The store of an `eml` destination's archives.
    pub(super) fn of_archives(base: &Path, typed: &toml::Table) -> Result<Self, String> {
        let keys = Keys { section: "`store` of a destination", base, table: typed.clone() };
        keys.store(&keys.needed("kind")?, &["kind"], "no folder here (that is `root`)", "archives")
    }

    /// What people call it.
    pub fn label(&self) -> String {
        match &self.provider {
            ProviderConfig::Azure { account, .. } => format!("azure:{account}/{}", self.container),
            ProviderConfig::S3 { .. } => format!("s3:{}", self.container),
            ProviderConfig::Gcs { .. } => format!("gcs:{}", self.container),
        }
    }
}

impl CheckpointCopy {
    pub(super) fn parse(base: &Path, typed: &toml::Table) -> Result<Self, String> {
        let keys = Keys { section: "`checkpoints.copy_to`", base, table: typed.clone() };
        match &*keys.needed("kind")? {
            "folder" => {
                keys.only(&["kind", "path"])?;
                Ok(Self::Folder(base.join(keys.needed("path")?)))
            }
            "webhook" => {
                keys.only(&["kind", "url", "token"])?;
                let url = super::credential::encrypted_url(&keys.needed("url")?);
                let url = url.ok_or("`checkpoints.copy_to` has a `url` that is no URL of `https://`")?;
                Ok(Self::Webhook { url, token: keys.secret("token")? })
            }
            "mail" => {
                keys.only(&["kind", "mailbox"])?;
                Ok(Self::Mail { mailbox: keys.needed("mailbox")?.trim().to_lowercase() })
            }
            kind => Ok(Self::Store(keys.store(kind, &["kind"], "`folder`, `mail`, `webhook`", "checkpoints")?)),
        }
    }
}

/// The keys of one section.
pub(super) struct Keys<'a> {
    pub(super) section: &'static str,
    pub(super) base: &'a Path,
    pub(super) table: toml::Table,
}

impl Keys<'_> {
    fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.table.get(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("{} has a `{key}` that is no text", self.section)),
        }
    }

    pub(super) fn needed(&self, key: &str) -> Result<String, String> {
        self.text(key)?.ok_or_else(|| format!("{} needs `{key}`", self.section))
    }

    fn secret(&self, key: &str) -> Result<Option<SecretRef>, String> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        // What the value is, is never repeated: it may be the secret.
        let secret = typed::Secret::deserialize(value.clone())
            .map_err(|error| format!("{} has a `{key}` that cannot be used: {}", self.section, error.message()))?;
        Ok(Some(secret.meaning(self.base)))
    }

    pub(super) fn needed_secret(&self, key: &str) -> Result<SecretRef, String> {
        self.secret(key)?.ok_or_else(|| format!("{} needs `{key} = {{ store = \"NAME\" }}`", self.section))
    }

    pub(super) fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.table.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(format!("{} has an unknown key `{key}`", self.section)),
            None => Ok(()),
        }
    }

    fn store(&self, kind: &str, common: &[&str], own: &str, prefix: &str) -> Result<StoreConfig, String> {
        let (container, own_keys) = match kind {
            "azure" => ("container", &["account", "container", "key", "sas"][..]),
            "s3" => ("bucket", &["bucket", "region", "access_key_id", "secret_access_key"][..]),
            "gcs" => ("bucket", &["bucket", "service_account"][..]),
            _ => {
                return Err(format!(
                    "{} names the kind `{kind}`; this version offers {own}, `azure`, `s3`, `gcs`",
                    self.section
                ));
            }
        };
        self.only(&[common, own_keys, &["endpoint", "prefix"]].concat())?;
        let provider = match kind {
            "azure" => {
                let access = match (self.secret("key")?, self.secret("sas")?) {
                    (Some(key), None) => AzureAccess::Key(key),
                    (None, Some(sas)) => AzureAccess::Sas(sas),
                    _ => return Err(format!("{} of kind `azure` needs one of `key` and `sas`", self.section)),
                };
                ProviderConfig::Azure { account: self.needed("account")?, access }
            }
            "s3" => ProviderConfig::S3 {
                region: self.needed("region")?,
                access_key_id: self.needed("access_key_id")?,
                secret_access_key: self.needed_secret("secret_access_key")?,
            },
            _ => ProviderConfig::Gcs { service_account: self.needed_secret("service_account")? },
        };
        Ok(StoreConfig {
            provider,
            container: self.needed(container)?,
            endpoint: self.text("endpoint")?,
            prefix: self.text("prefix")?.unwrap_or_else(|| prefix.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn stage(text: &str) -> Result<StageConfig, String> {
        StageConfig::parse(Path::new("/base"), Some(&text.parse().unwrap()))
    }

    #[test]
    fn the_stage_is_read_with_its_secrets_left_where_they_are() {
        let local = StageConfig::parse(Path::new("/base"), None).unwrap();
        assert_eq!((local.keep_days, local.store.is_none()), (limits::STAGE_KEEP_DAYS, true));
        let azure = stage(
            "kind = 'azure'\naccount = 'a'\ncontainer = 'c'\nkey = { file = 'k' }\nkeep_days = 0\nrecipients = ['age1x']",
        )
        .unwrap();
        let store = azure.store.unwrap();
        assert_eq!((azure.keep_days, &*store.prefix, azure.recipients.len()), (0, "chancery", 1));
        let ProviderConfig::Azure { access: AzureAccess::Key(key), .. } = store.provider else { panic!("azure") };
        assert_eq!(key, SecretRef::File("/base/k".into()));
        assert!(
            stage("kind = 's3'\nbucket = 'b'\nregion = 'r'\naccess_key_id = 'i'\nsecret_access_key = { env = 'S' }")
                .is_ok()
        );
        assert!(stage("kind = 'gcs'\nbucket = 'b'\nservice_account = { store = 's' }").is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_and_a_secret_is_never_repeated() {
        let table = [
            ("kind = 'ftp'", "this version offers `local`, `azure`, `s3`, `gcs`"),
            ("keep_days = -1", "keep_days"),
            ("recipients = 'age1x'", "recipients"),
            ("container = 'c'", "unknown key `container`"),
            ("kind = 'azure'\naccount = 'a'\ncontainer = 'c'", "one of `key` and `sas`"),
            ("kind = 'azure'\naccount = 'a'\nkey = { env = 'K' }", "needs `container`"),
            ("kind = 's3'\nbucket = 'b'\nregion = 'r'\naccess_key_id = 'i'", "needs `secret_access_key"),
            ("kind = 'gcs'\nbucket = 'b'\nservice_account = 'canary'", "a secret is never written here"),
        ];
        for (text, expect) in table {
            let error = stage(text).unwrap_err();
            assert!(error.contains(expect) && !error.contains("canary"), "{text}: {error}");
        }
    }
}
