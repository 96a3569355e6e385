//! The plugins Chancery ships, compiled to WebAssembly by `build.rs` and embedded in the host.
//!
//! Bytes only: what a plugin says of itself, its digest and its grants are the catalog's business.

/// A plugin as a component.
#[derive(Clone, Copy)]
pub struct Bundled {
    /// The package's name, which is the plugin's name in a configuration.
    pub name: &'static str,
    /// A WebAssembly component.
    pub wasm: &'static [u8],
}

/// Every plugin that comes with the host, by name.
pub const PLUGINS: &[Bundled] = include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

/// The hostile guests of the test suite, by name: `misbehaving-converter`, `misbehaving-mapper`, `misbehaving-personal`,
/// `misbehaving-source`.
#[cfg(feature = "misbehaving")]
pub const MISBEHAVING: &[Bundled] = include!(concat!(env!("OUT_DIR"), "/misbehaving.rs"));
