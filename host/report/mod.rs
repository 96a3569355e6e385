//! Counts for people and programs, and the log.
//!
//! What lives here: the shapes of reports as JSON, text and CSV, and where log lines go. What may not: deciding
//! anything, and message content, names or numbers in log lines.

pub mod bundle;
pub mod compare;
pub mod csv;
pub mod log;
pub mod summary;
pub mod text;

pub use summary::{ConnectorSummary, Summary, WindowSummary};
