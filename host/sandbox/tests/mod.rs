//! The sandbox against true guests: the bundled plugins, and the hostile ones.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod converting;
mod loading;
mod mapping;
mod sourcing;

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use super::*;

/// One engine for all tests. Its limits are those of production, which no honest guest meets.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new(None, CallLimits::default()).unwrap());

/// A sandbox in which what never ends is ended soon: endless computing after a second, endless waiting after `time_max`.
fn impatient(time_max: Duration) -> Sandbox {
    let limits = CallLimits {
        time_max,
        cpu_time_max: Duration::from_secs(1),
        log_bytes_max: 256 << 10,
        memory_bytes_max: 64 << 20,
        ..CallLimits::default()
    };
    Sandbox::new(None, limits).unwrap()
}

fn wasm(name: &str) -> &'static [u8] {
    let all = || bundle::PLUGINS.iter().chain(bundle::MISBEHAVING);
    all().find(|bundled| bundled.name == name).unwrap_or_else(|| panic!("no plugin `{name}`")).wasm
}

/// A plugin in [`SANDBOX`], compiled once for all tests.
async fn bundled(name: &'static str) -> Plugin {
    static LOADED: tokio::sync::Mutex<BTreeMap<&str, Plugin>> = tokio::sync::Mutex::const_new(BTreeMap::new());
    let mut loaded = LOADED.lock().await;
    if !loaded.contains_key(name) {
        loaded.insert(name, load(&SANDBOX, name).await);
    }
    loaded[name].clone()
}

async fn load(sandbox: &Sandbox, name: &str) -> Plugin {
    sandbox.load(name, "bundled", wasm(name)).await.unwrap()
}
