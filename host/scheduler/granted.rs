//! What a source is granted, made into what the sandbox gives it.

use std::sync::Arc;

use super::secrets;
use crate::{
    config::Config,
    item::{Descriptor, Failure, NextMove},
    sandbox::{Egress, Folders, Origin, SourcePowers, Witness},
};

/// What a source is granted.
pub(super) struct Granted<'a> {
    /// The connector, for words.
    pub(super) to: &'a str,
    pub(super) origins: &'a [String],
    /// Relative to the configuration.
    pub(super) folders: Vec<String>,
    pub(super) credential: Option<&'a str>,
}

impl Granted<'_> {
    /// As the sandbox gives it.
    pub(super) fn powers(
        self,
        config: &Config,
        descriptor: &Descriptor,
        witness: Option<Arc<dyn Witness>>,
    ) -> Result<SourcePowers, Failure> {
        let origin = |origin: &String| {
            origin.parse::<Origin>().map_err(|error| {
                let message = format!("connector `{}`: `grant.source.origins` has `{origin}`: {error}", self.to);
                Failure::new("grant-origin", NextMove::AskPerson, message)
                    .hint("write origins as `https://host` or `https://host:port`")
            })
        };
        let origins = self.origins.iter().map(origin).collect::<Result<Vec<_>, _>>()?;
        let credentials = self.credential.map(|name| secrets::credential(config, name, descriptor)).transpose()?;
        let egress = Egress::new(&config.network, origins, credentials.unwrap_or_default())?;
        let egress = match witness {
            Some(witness) => egress.witnessed(witness),
            None => egress,
        };
        Ok(SourcePowers {
            connector: self.to.to_owned(),
            egress: Arc::new(egress),
            folders: Arc::new(Folders::new(&config.base, self.folders)),
            attachment_bytes_max: config.attachment_bytes_max,
        })
    }
}
