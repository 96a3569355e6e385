//! Which plugins exist, what they ask for, and what the operator allows them.
//!
//! What lives here: finding a plugin's bytes and digest, `chancery.lock`, checking settings against a plugin's schema,
//! and the store of secrets. What may not: running a plugin (that is the sandbox's), and secrets in any text that is
//! shown. A plugin's identity is its source and digest, never what it says of itself.

pub mod lock;
pub mod schema;
pub mod secrets;

use std::{borrow::Cow, fs, path::Path};

use sha2::{Digest, Sha256};

use crate::item::{Failure, NextMove, limits};

/// A component's bytes and identity.
#[derive(Clone, Debug)]
pub struct Component {
    /// Where it comes from, as in `chancery.lock`: a bundled name, or a path.
    pub source: String,
    /// Shipped with this binary, and trusted through its release.
    pub bundled: bool,
    /// SHA-256 of the bytes.
    pub digest: [u8; 32],
    /// The component.
    pub bytes: Cow<'static, [u8]>,
}

impl Component {
    fn new(source: String, bundled: bool, bytes: Cow<'static, [u8]>) -> Self {
        Self { source, bundled, digest: Sha256::digest(&bytes).into(), bytes }
    }

    /// The name to call it by: a bundled name, or the file's without its ending.
    pub fn name(&self) -> &str {
        let name = self.source.rsplit('/').next().unwrap_or(&self.source);
        name.strip_suffix(".wasm").unwrap_or(name)
    }

    /// The digest as `sha256:…`.
    pub fn digest_text(&self) -> String {
        digest_text(&self.digest)
    }
}

/// A digest as it is written in `chancery.lock`.
pub fn digest_text(digest: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// The names of the plugins shipped with this binary.
pub fn bundled_names() -> impl Iterator<Item = &'static str> {
    bundle::PLUGINS.iter().map(|plugin| plugin.name)
}

/// Finds a bundled plugin.
///
/// # Errors
/// `plugin-unknown`, naming those there are.
pub fn bundled(name: &str) -> Result<Component, Failure> {
    let found = bundle::PLUGINS.iter().find(|plugin| plugin.name == name);
    found.map(|plugin| Component::new(name.to_owned(), true, Cow::Borrowed(plugin.wasm))).ok_or_else(|| {
        let names: Vec<String> = bundled_names().map(|name| format!("`{name}`")).collect();
        Failure::new("plugin-unknown", NextMove::AskPerson, format!("there is no bundled plugin `{name}`")).hint(
            format!(
                "the bundled ones are {}; a plugin of your own is named by its path, ending in `.wasm`",
                names.join(", ")
            ),
        )
    })
}

/// A plugin that was fetched. `source` is where from.
pub fn fetched(source: &str, bytes: Vec<u8>) -> Component {
    Component::new(source.to_owned(), false, Cow::Owned(bytes))
}

/// Reads a plugin from a file.
///
/// # Errors
/// `plugin-unreadable`, `plugin-too-large`.
pub fn from_file(path: &Path) -> Result<Component, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(
            "plugin-unreadable",
            NextMove::AskPerson,
            format!("cannot read plugin `{}`: {error}", path.display()),
        )
        .hint("check the path in the configuration; it is relative to the configuration file")
    };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > limits::COMPONENT_BYTES_MAX {
        let message =
            format!("plugin `{}` has {size} bytes, the limit is {}", path.display(), limits::COMPONENT_BYTES_MAX);
        return Err(Failure::new("plugin-too-large", NextMove::AskPerson, message).hint("strip it: `wasm-tools strip`"));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    Ok(Component::new(path.display().to_string(), false, Cow::Owned(bytes)))
}
