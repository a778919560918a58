//! The formats against the specifications' own examples, the tree against a naive one.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]
mod bytes;
mod golden;
mod naive;
