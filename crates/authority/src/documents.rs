//! Documents by their digest, among the objects.

use ledger::{Objects, StoreError};
use std::sync::Arc;

/// The documents of instruments in an object store.
pub(crate) struct ObjectDocuments(pub(crate) Arc<dyn Objects>);

impl policy::Documents for ObjectDocuments {
    fn document(&self, digest: &[u8; 32]) -> Option<String> {
        match read(self.0.as_ref(), digest) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "a document cannot be read");
                None
            }
        }
    }
}

/// The document with this digest.
pub fn read(objects: &dyn Objects, digest: &[u8; 32]) -> Result<Option<String>, StoreError> {
    let path = path(digest);
    let bytes = objects.get(&path)?;
    bytes
        .map(|bytes| {
            String::from_utf8(bytes).map_err(|_| StoreError::Damaged { path, reason: "not text".into() })
        })
        .transpose()
}

/// Where a document lies among the objects.
pub fn path(digest: &[u8; 32]) -> String {
    format!("documents/{}", contract::canonical::hex(digest))
}
