//! `chancery serve`, from outside: the real program, stopped, reloaded, doubled, and asked while it works.
//!
//! - `life`: the first look, stopping in the middle, days without a service, signals;
//! - `reload`: configurations that are taken and those that are not;
//! - `alerts`: what is the matter, told by the service itself;
//! - `beside`: commands beside a running service, and pauses.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod alerts;
mod beside;
mod life;
mod reload;

use std::fs;

use crate::support::world::World;

/// Moves the schedule far from now, so that no test runs into it; the configuration as it is then.
pub(crate) fn quiet(world: &World) -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(12);
    let schedule = then.strftime("daily at %H:%M UTC").to_string();
    let text = fs::read_to_string(world.path("chancery.toml")).unwrap();
    let text = text.replace("daily at 02:00 Europe/Berlin", &schedule);
    fs::write(world.path("chancery.toml"), &text).unwrap();
    text
}

/// A service on a port of its own.
pub(crate) const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
