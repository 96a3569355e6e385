//! What a plugin's author needs: looking at a component, and trying it against the contract.
//!
//! What lives here: findings for an author ([`report`]), the look at a component ([`check`]), the suite that tries one
//! ([`conformance`]), a new plugin's project ([`scaffold`]). What may not: connectors, ledgers,
//! mailboxes; a plugin is tried alone, with nothing of the operator's in reach.

pub mod check;
pub mod conformance;
pub mod report;
pub mod scaffold;

pub use report::{Finding, Report, Verdict};
