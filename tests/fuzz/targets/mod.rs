//! What is fuzzed: everything that reads bytes from outside. Each target takes any bytes and panics when something does
//! not hold that must hold whatever comes. `cargo fuzz` runs them without end (`fuzz/`), `cargo test` for a moment.

mod export;
mod host;
mod manifest;
mod mapping;
mod schema;
mod site;

/// Takes any bytes and says whether they were understood: fuzzing what is always refused would find nothing.
pub(crate) type Target = fn(&[u8]) -> bool;

/// All targets by name: the name of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/seeds`.
pub(crate) const TARGETS: [(&str, Target); 7] = [
    ("export", export::run),
    ("ledger", chancery::state::fuzz::ledger),
    ("manifest", manifest::run),
    ("mapping", mapping::run),
    ("message", chancery::sandbox::fuzz::message),
    ("schema", schema::run),
    ("site", site::run),
];

/// Runs a target by its name.
pub(crate) fn run(name: &str, data: &[u8]) -> bool {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(data)
}
