//! The sandbox against true guests: the bundled plugins, and the hostile ones.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod converting;
mod loading;
mod mapping;
mod sourcing;

use std::{sync::LazyLock, time::Duration};

use super::*;

/// One engine for all tests. Its limits are those of production, which no honest guest meets.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new(None, CallLimits::default()).unwrap());

/// A sandbox in which what never ends is ended soon.
fn impatient() -> Sandbox {
    let limits = CallLimits {
        time_max: Duration::from_secs(3),
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

async fn load(sandbox: &Sandbox, name: &str) -> Plugin {
    sandbox.load(name, "bundled", wasm(name)).await.unwrap()
}
