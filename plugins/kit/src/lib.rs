//! The connector contract (`wit/`) as plain Rust.
//!
//! A plugin's logic is written against these types and, for sources, against the [`Host`] trait; it builds and is
//! tested natively. Its `src/component.rs` is the only file that knows bindgen: it generates the bindings and hands
//! them to [`export_source!`], [`export_mapper!`] or [`export_converter!`], which carry values across field by field.
//!
//! Field meanings, units and limits are documented once, in `wit/`; the names here are the same.

#![forbid(unsafe_code)]

mod carry;
pub mod converter;
pub mod descriptor;
mod glue;
pub mod mapper;
pub mod source;
mod tables;
pub mod types;

pub use descriptor::*;
pub use source::{Host, Source};
pub use tables::Tables;
pub use types::*;
