//! What every benchmark needs: measuring in turn, the table, folders on a real disk, a pipeline to run, children,
//! counting syncs.

pub(crate) mod child;
pub(crate) mod compare;
pub(crate) mod export;
pub(crate) mod folder;
pub(crate) mod house;
pub(crate) mod inputs;
pub(crate) mod installation;
pub(crate) mod items;
pub(crate) mod sandboxed;
pub(crate) mod syncs;
pub(crate) mod table;

use std::path::PathBuf;

use anyhow::Result;
use chancery::sandbox::{CallLimits, Sandbox};
use tokio::runtime::Runtime;

use folder::Folder;

/// What the benchmarks share.
pub(crate) struct Bench {
    /// Fewer items and repetitions: to see that everything works, not to judge by.
    pub(crate) quick: bool,
    /// Where async work runs.
    pub(crate) runtime: Runtime,
    /// Where plugins run, with every call's limits and the epoch clock on, as in the product.
    pub(crate) sandbox: Sandbox,
    /// Holds the sandbox's compiled code.
    cache: Folder,
}

impl Bench {
    /// Starts the runtime and the sandbox.
    ///
    /// # Errors
    /// When either cannot start.
    pub(crate) fn new(quick: bool) -> Result<Self> {
        let cache = Folder::new("cache")?;
        let runtime = Runtime::new()?;
        let sandbox = runtime.block_on(async { Sandbox::new(Some(code(&cache)), CallLimits::default()) })?;
        Ok(Self { quick, runtime, sandbox, cache })
    }

    /// Where the sandbox keeps compiled code.
    pub(crate) fn code(&self) -> PathBuf {
        code(&self.cache)
    }

    /// `full`, or `quick` when that was asked for.
    pub(crate) fn choose<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Repetitions of a comparison.
    pub(crate) fn repetitions(&self) -> usize {
        self.choose(9, 3)
    }
}

fn code(cache: &Folder) -> PathBuf {
    cache.path().join("code")
}
