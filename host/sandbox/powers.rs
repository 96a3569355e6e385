//! The powers of a guest are the fields of one struct.

use std::sync::Arc;

use super::{egress::Egress, folders::Folders};

/// What one connector lets its source do. Whatever is not a field here, a source cannot do.
#[derive(Clone, Debug)]
pub struct SourcePowers {
    /// The connector it works for, for diagnostics.
    pub connector: String,
    /// The network: granted origins, with the credentials bound to them.
    pub egress: Arc<Egress>,
    /// Files: the granted folders.
    pub folders: Arc<Folders>,
    /// Size of an attachment it may put into the stage.
    pub attachment_bytes_max: u64,
}
