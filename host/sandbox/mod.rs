//! The sandbox: the only room that knows wasmtime.
//!
//! What lives here: the engine with its limits, the contract's bindings, loading (a component is what it claims, and
//! pure where it must be), everything a guest may do (network, folders, archives, blobs, the directory), and the
//! checking of everything a guest says. What may not: what follows a failure (`pipeline`), which plugins there are and
//! what they are granted (`catalog`), where bytes are kept (`stage`). The room imports nothing of ours but `item` and `network`.
//!
//! A guest is a stranger. It cannot be slow, large, loud or wrong at the host's cost: each of these is a [`Failure`]
//! that names plugin, version, digest, function, connector and place, carries the guest's last words, and leaves the
//! host as it was. A store that failed is never used again.
//!
//! Reading order: [`load`] (bytes to [`Plugin`]), the three workers ([`SourceWorker`], [`MapperWorker`],
//! [`ConverterWorker`]), then what they stand on.

mod load;

mod blobs;
mod page;
mod powers;
mod source;
mod source_host;

mod mapper;

mod converted;
mod converter;
#[doc(hidden)]
pub mod fuzz;
mod message;

mod archive;
mod egress;
mod folders;

mod contract;
mod descriptor;
mod diagnostic;

mod compiler;
mod engine;
mod guest_log;
mod limits;
mod store;

use std::{path::PathBuf, sync::Arc};

pub use self::{
    compiler::{COMPILE, compile_here, compile_in_children_of},
    contract::{World, spoken as contract},
    converter::{Converted, ConverterWorker},
    egress::{Asked, Credential, Egress, Origin, Proof, Scrub, Told, Upstream, Witness, without_query},
    folders::{FileStamp, Folders},
    limits::CallLimits,
    load::Plugin,
    mapper::MapperWorker,
    powers::SourcePowers,
    source::{Account, PullRequest, Reading, SourceWorker, Totals},
    store::LastCall,
};
use crate::item::{Failure, NextMove, hex};

/// The engine that all plugins of this process run in. Clones share it.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
    /// Where pure plugins are.
    pure: store::Nature,
}

struct Shared {
    engine: wasmtime::Engine,
    cache: engine::CodeCache,
    linkers: load::Linkers,
    limits: CallLimits,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts the engine. `cache_dir` keeps compiled code; it is made when it is not there, and must be writable by
    /// nobody else. None: every start compiles.
    ///
    /// # Errors
    /// When the engine does not start, or the folder cannot be trusted.
    pub fn new(cache_dir: Option<PathBuf>, limits: CallLimits) -> Result<Self, Failure> {
        let cache = engine::CodeCache::open(cache_dir)?;
        let engine = engine::new_engine()?;
        let linkers = load::Linkers::new(&engine).map_err(|error| {
            Failure::new("engine-unavailable", NextMove::Stop, format!("the contract could not be linked: {error:#}"))
        })?;
        Ok(Self { shared: Arc::new(Shared { engine, cache, linkers, limits }), pure: store::Nature::Pure })
    }

    /// Loads a component: compiles it (or takes it from the cache), proves its world, asks it what it is. `name` is the
    /// name under which it is configured, `source` where it came from.
    ///
    /// # Errors
    /// `plugin-corrupt`, `plugin-not-component`, `plugin-too-large`, `plugin-world`, `plugin-contract-version`,
    /// `plugin-import`, `plugin-wasi-version`, `plugin-contract-drift`, or how its `describe` ended.
    pub async fn load(&self, name: &str, source: &str, bytes: &[u8]) -> Result<Plugin, Failure> {
        load::load(self, name, source, bytes).await
    }

    /// The same sandbox, where it is another time for pure plugins and randomness is other: what they answer must not show it.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), pure: store::Nature::Elsewhere }
    }

    fn engine(&self) -> &wasmtime::Engine {
        &self.shared.engine
    }

    fn cache(&self) -> &engine::CodeCache {
        &self.shared.cache
    }

    fn linkers(&self) -> &load::Linkers {
        &self.shared.linkers
    }

    fn limits(&self) -> &CallLimits {
        &self.shared.limits
    }
}

#[cfg(test)]
mod tests;
