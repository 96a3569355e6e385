//! What a plugin says of itself; meanings are those of `wit/types.wit`, interface `descriptors`.

use serde::{Deserialize, Serialize};

use super::chat::Extensions;

/// Something to have done before the connector can work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prerequisite {
    /// Stable id.
    pub id: String,
    /// One sentence.
    pub text: String,
    /// `check` proves it.
    pub checked: bool,
}

/// Terms to accept once per version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Version.
    pub version: String,
    /// The terms.
    pub text: String,
}

/// How the host signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRecipe {
    /// Path to post to.
    pub path: String,
    /// JSON member for the user name.
    pub username_field: String,
    /// JSON member for the password.
    pub password_field: String,
    /// RFC 6901 pointer to the token.
    pub token_pointer: String,
    /// Header that carries it.
    pub header: String,
}

/// How a credential is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialScheme {
    /// RFC 7617.
    Basic,
    /// RFC 6750.
    Bearer,
    /// A header of this name.
    Header(String),
    /// A query parameter of this name.
    Query(String),
    /// Sign in first.
    Login(LoginRecipe),
}

/// A credential the plugin wants to name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialWish {
    /// Its name in requests.
    pub name: String,
    /// How it is attached.
    pub scheme: CredentialScheme,
    /// One sentence.
    pub summary: String,
}

/// How a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadingMode {
    /// By windows.
    Windowed,
    /// From a bookmark.
    Since,
    /// File by file.
    Whole,
}

/// What a source adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTraits {
    /// How it reads.
    pub reading: ReadingMode,
    /// To tick or prove.
    pub prerequisites: Vec<Prerequisite>,
    /// To accept.
    pub terms: Option<Terms>,
    /// Where data flows.
    pub data_flow: String,
    /// Folder name in the mailbox.
    pub default_folder: String,
    /// Setting that holds the folder to read.
    pub folder_setting: Option<String>,
    /// File name endings of a `Whole` source.
    pub file_endings: Vec<String>,
}

/// How many items one message covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grouping {
    /// One.
    Item,
    /// A conversation's day.
    ConversationDay,
}

/// What kind of plugin it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PluginKind {
    /// Reads items.
    Source(SourceTraits),
    /// Finds mailboxes.
    Mapper,
    /// Writes messages.
    Converter(Grouping),
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Kebab-case name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema subset.
    pub settings_schema: String,
    /// Credentials it names.
    pub credentials: Vec<CredentialWish>,
    /// Origins it wants.
    pub origins: Vec<String>,
    /// Settings whose value is a URL it wants.
    pub origin_settings: Vec<String>,
    /// Kind.
    pub kind: PluginKind,
    /// Room to grow.
    pub extensions: Extensions,
}
