//! What can be chosen: the sources with what they say of themselves, and the plugins beside them.

use crate::{
    catalog::{
        self,
        lock::{Lock, Wishes},
        schema::Schema,
    },
    config::PluginSource,
    item::{
        Descriptor, Failure, PluginKind,
        descriptor::{CredentialWish, SourceTraits},
        limits::SETUP_SETTINGS_MAX,
    },
    scheduler::{self, Host},
};

/// The mapper and the converter of a new connector; others are put into its file by hand.
pub(super) const MAPPER: &str = "users";
pub(super) const CONVERTER: &str = "email";

/// A source to choose.
#[derive(Clone, Debug)]
pub struct Offer {
    /// As the configuration names it.
    pub plugin: String,
    /// What it says of itself.
    pub descriptor: Descriptor,
    /// What it adds as a source.
    pub traits: SourceTraits,
    /// What it asks for, in words.
    pub wishes: Vec<String>,
    /// Its settings; or why they cannot be asked for.
    pub(super) schema: Result<Schema, String>,
}

impl Offer {
    /// Why it cannot be chosen here.
    pub fn problem(&self) -> Option<&str> {
        self.schema.as_ref().err().map(String::as_str)
    }

    /// The credential that it names; a connector has one.
    pub(super) fn credential(&self) -> Option<&CredentialWish> {
        self.descriptor.credentials.first()
    }
}

/// Everything that can be chosen.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Sources, bundled ones first.
    pub offers: Vec<Offer>,
    pub(super) mapper: Schema,
    /// Names that connectors have already.
    pub(super) taken: Vec<String>,
}

impl Catalogue {
    /// What this host has: bundled plugins and approved files.
    ///
    /// # Errors
    /// When `chancery.lock` or a bundled plugin cannot be read.
    pub async fn read(host: &Host) -> Result<Self, Failure> {
        let lock = Lock::beside(&host.config.file)?;
        let bundled = catalog::bundled_names().map(|name| PluginSource::Bundled(name.to_owned()));
        let approved = lock.plugins().keys().filter(|path| path.contains(['/', '.']));
        let sources: Vec<PluginSource> =
            bundled.chain(approved.map(|path| PluginSource::File(host.config.base.join(path)))).collect();
        let (mut offers, mut mapper) = (Vec::new(), None);
        for source in sources {
            // A file that is gone cannot be chosen; `chancery plugin list` says more.
            let Ok(inspected) = scheduler::inspect(&host.sandbox, &source).await else { continue };
            let descriptor = inspected.descriptor().clone();
            if descriptor.name == MAPPER {
                mapper = Some(Schema::parse(&descriptor.settings_schema));
            }
            if let PluginKind::Source(traits) = &descriptor.kind {
                let wishes = Wishes::of(&descriptor).beyond(&Wishes::default());
                let (plugin, traits) = (inspected.component.source.clone(), traits.clone());
                let schema = askable(&descriptor.settings_schema);
                offers.push(Offer { plugin, traits, wishes, schema, descriptor });
            }
        }
        let broken = |why: String| Failure::new("plugin-schema", crate::item::NextMove::Stop, why);
        let mapper = mapper.unwrap_or_else(|| Err("the mapper is not bundled".to_owned())).map_err(broken)?;
        let mut taken = host.state.connectors()?;
        taken.extend(host.config.connectors.iter().map(|connector| connector.name.clone()));
        Ok(Self { offers, mapper, taken })
    }

    pub(super) fn offer(&self, plugin: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.plugin == plugin)
    }
}

/// A schema whose settings a form can ask for.
pub(super) fn askable(text: &str) -> Result<Schema, String> {
    let schema = Schema::parse(text).map_err(|why| format!("its settings' schema cannot be used: {why}"))?;
    let count = schema.properties().count();
    if count > SETUP_SETTINGS_MAX {
        return Err(format!("it has {count} settings, more than the {SETUP_SETTINGS_MAX} that are asked for here"));
    }
    Ok(schema)
}
