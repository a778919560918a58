//! The mathematics and the bytes of Writ's transparency log.
//!
//! In scope: RFC 6962 hashing, right edges, inclusion and consistency proofs; the C2SP formats
//! (tlog-tiles, tlog-checkpoint, signed-note, tlog-proof); the envelope every ledger entry wears;
//! the frame and segment formats of the write-ahead log; the ports a store implements.
//!
//! Out of scope: files, threads, clocks, randomness (see `store`), and the meaning of an entry's
//! body (see `registry` and `policy`): to this crate a body is bytes.
//!
//! ```text
//!  Entry ──encode──▶ leaf bytes ──Hash::of_leaf──▶ Edge::append ──▶ root ──▶ Checkpoint ──▶ Note
//!                        │                             │
//!                     Frame (WAL)                 tiles, proofs
//! ```

pub mod checkpoint;
pub mod entry;
pub mod frame;
pub mod hash;
pub mod note;
pub mod port;
pub mod proof;
pub mod proof_file;
pub mod segment;
pub mod tile;
pub mod tree;

pub use checkpoint::Checkpoint;
pub use entry::{ENTRY_BYTES_MAX, Entry, EntryError};
pub use hash::Hash;
pub use note::{Note, NoteError, NoteSigner, VerifierKey};
pub use port::{Append, AppendError, Heads, Objects, ReadLog, Sequenced, StoreError, Submission};
pub use tree::{Edge, SubtreeHashes};
