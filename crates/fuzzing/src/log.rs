//! The ledger: entries, frames, segments, tiles, notes and proofs. What is read is written again as the same bytes;
//! no proof holds for what is not so.

use crate::text;
use ledger::frame::{self, Found};
use ledger::proof::{consistency, inclusion, verify_consistency, verify_inclusion};
use ledger::proof_file::ProofFile;
use ledger::segment::{self, Pile, SEGMENT_ENTRIES, Segment};
use ledger::tile::{TilePath, decode_bundle, encode_bundle};
use ledger::tree::MissingHash;
use ledger::{
    Checkpoint, ENTRY_BYTES_MAX, Edge, Entry, Hash, Note, NoteSigner, Submission, SubtreeHashes, VerifierKey,
};
use std::sync::LazyLock;

/// An entry has one spelling.
pub fn ledger_entry(data: &[u8]) {
    let Ok(entry) = Entry::decode(data) else { return };
    match entry.encode() {
        Ok(bytes) => assert_eq!(bytes, data),
        Err(error) => assert!(data.len() > ENTRY_BYTES_MAX, "{error}"),
    }
}

/// Any bytes are read as a frame, as the end or as damage; a frame that is written is read back, and no bit of it can
/// change without that being seen.
pub fn ledger_frame(data: &[u8]) {
    if let Found::Frame(found) = frame::read(data) {
        assert_eq!(frame::extent(data), Some(found.length));
        assert!(found.length <= data.len() && frame::any_frame_in(data));
        for item in &found.items {
            assert!(item.entry_at + item.entry_length + item.addendum_length <= found.length);
        }
    }
    let _ = frame::any_frame_in(data);
    // The first bytes say where to cut the rest into entries, and which bit to turn.
    let Some((head, rest)) = data.split_first_chunk::<4>() else { return };
    let [width, beside, at, bit] = head.map(usize::from);
    let cut = |chunk: &[u8]| {
        let (entry, addendum) = chunk.split_at(chunk.len() - beside % chunk.len());
        Submission { entry: entry.to_vec(), addendum: addendum.to_vec() }
    };
    let batch: Vec<Submission> = rest.chunks(width + 1).map(cut).collect();
    if batch.is_empty() {
        return;
    }
    let mut bytes = Vec::new();
    let digest = frame::encode(&[3; 32], 7, &[5; 32], &Hash([9; 32]), &batch, &mut bytes);
    let Found::Frame(read) = frame::read(&bytes) else { panic!("a frame that was written is not read") };
    assert_eq!((read.digest, read.first, read.length), (digest, 7, bytes.len()));
    let entries = read.items.iter().map(|item| bytes.get(item.entry_at..item.entry_at + item.entry_length));
    assert!(entries.eq(batch.iter().map(|submission| Some(submission.entry.as_slice()))));
    let covered = bytes.len() - frame::TRAILER_BYTES / 2;
    if let Some(byte) = bytes.get_mut(at * 257 % covered) {
        *byte ^= 1 << (bit % 8);
    }
    assert!(!matches!(frame::read(&bytes), Found::Frame(_)), "a bit was turned");
}

static SEGMENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let entries: Vec<Vec<u8>> = (0..SEGMENT_ENTRIES).map(|n| vec![n as u8; (n % 3) as usize]).collect();
    let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
    segment::encode(0, &entries, &leaves)
});

/// A segment in which bytes were changed is read whole or refused.
pub fn ledger_segment(data: &[u8]) {
    let _ = Segment::decode("fuzz", data);
    let _ = (Pile::blob(data, 0), Pile::read_span(data), segment::read_span(data));
    let mut bytes = SEGMENT.clone();
    for patch in data.chunks_exact(5) {
        let [a, b, c, d, value] = patch else { continue };
        let at = u32::from_le_bytes([*a, *b, *c, *d]) as usize % bytes.len();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = *value;
        }
    }
    if let Some([length, ..]) = data.first_chunk::<4>().filter(|_| data.len() % 5 == 4) {
        bytes.truncate(bytes.len() / 256 * usize::from(*length));
    }
    if let Ok(found) = Segment::decode("fuzz", &bytes) {
        let count = SEGMENT_ENTRIES as usize;
        assert_eq!(
            (found.entries.len(), found.leaves.len(), found.level8.len()),
            (count, count, count / 256)
        );
    }
}

/// Paths of tiles have one spelling; so have bundles.
pub fn ledger_tile(data: &[u8]) {
    if let Some(path) = text(data).and_then(TilePath::parse) {
        assert_eq!(Some(path.to_string().as_str()), text(data));
    }
    if let Some(entries) = decode_bundle(data) {
        assert_eq!(encode_bundle(entries).as_deref(), Some(data));
    }
}

/// Notes, keys, checkpoints and hashes are printed as they are read.
pub fn ledger_note(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(note) = Note::parse(text) {
        let printed = note.to_string();
        assert_eq!(Note::parse(&printed).as_ref(), Ok(&note), "{printed}");
        assert!(note.verify(&[]).is_err(), "nobody signed it");
    }
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
    if let Some(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Some(hash) = Hash::from_base64(text) {
        assert_eq!(hash.to_base64(), text);
    }
    let log = &*LOG;
    if let Ok(checkpoint) = Checkpoint::open(text, &log.key) {
        assert_eq!(checkpoint, log.checkpoint, "a checkpoint the log never signed");
    }
}

/// A log of a few entries, its key and its one checkpoint.
struct Log {
    entries: Vec<Vec<u8>>,
    key: VerifierKey,
    checkpoint: Checkpoint,
    note: String,
}

/// Everybody knows its seed: it signs nothing but this.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let entries: Vec<Vec<u8>> = (0..11u8).map(|n| vec![n; usize::from(n)]).collect();
    let mut edge = Edge::default();
    entries.iter().for_each(|entry| edge.append(Hash::of_leaf(entry)));
    let signer = NoteSigner::from_seed("fuzz.example/log", &[42; 32]).unwrap();
    let checkpoint = Checkpoint::of("fuzz.example/log", &edge);
    let note = checkpoint.sign(&signer).unwrap().to_string();
    Log { entries, key: signer.verifier(), checkpoint, note }
});

impl Log {
    /// The true proof of an entry.
    fn proof(&self, index: u64) -> ProofFile {
        let path = inclusion(&Leaves::of(&self.entries), index, self.checkpoint.size).unwrap();
        ProofFile { extra: Vec::new(), index, path, checkpoint: self.note.clone() }
    }
}

/// A proof file is read as it is printed; it proves an entry only where and how it really lies.
pub fn ledger_proof(data: &[u8]) {
    let Some(proof) = text(data).and_then(ProofFile::parse) else { return };
    assert_eq!(ProofFile::parse(&proof.to_string()).as_ref(), Some(&proof));
    let log = &*LOG;
    for (index, entry) in log.entries.iter().enumerate() {
        if proof.verify(entry, &log.key).is_ok() {
            let honest = log.proof(index as u64);
            assert_eq!((proof.index, &proof.path), (honest.index, &honest.path), "a false proof holds");
        }
    }
    assert!(proof.verify(b"no entry", &log.key).is_err());
}

/// The hashes of a small tree, computed anew for every question.
struct Leaves(Vec<Hash>);

impl Leaves {
    fn of(entries: &[Vec<u8>]) -> Self {
        Self(entries.iter().map(|entry| Hash::of_leaf(entry)).collect())
    }

    fn root(&self, size: u64) -> Hash {
        let mut edge = Edge::default();
        self.0.iter().take(size as usize).for_each(|leaf| edge.append(*leaf));
        edge.root()
    }
}

impl SubtreeHashes for Leaves {
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MissingHash> {
        let width = 1usize << level;
        let start = (index as usize) * width;
        let leaves =
            self.0.get(start..start + width).ok_or(MissingHash { level, index, reason: String::new() })?;
        let mut edge = Edge::default();
        leaves.iter().for_each(|leaf| edge.append(*leaf));
        Ok(edge.root())
    }
}

/// True proofs hold, whatever the sizes; a proof with one thing changed does not.
pub fn ledger_tree(data: &[u8]) {
    let Some((head, _)) = data.split_first_chunk::<6>() else { return };
    let [size, index, old, at, bit, how] = head.map(u64::from);
    let size = size % 96 + 1;
    let (index, old) = (index % size, old % (size + 1));
    let leaves = Leaves((0..size).map(|n| Hash::of_leaf(&[n as u8])).collect());
    let (root, old_root) = (leaves.root(size), leaves.root(old));
    let Some(leaf) = leaves.0.get(index as usize).copied() else { return };
    let path = inclusion(&leaves, index, size).unwrap();
    assert_eq!(verify_inclusion(leaf, index, size, &path, root), Ok(()));
    let between = consistency(&leaves, old, size).unwrap();
    assert_eq!(verify_consistency(old, size, old_root, root, &between), Ok(()));
    for (path, of_inclusion) in [(path, true), (between, false)] {
        let mut other = path.clone();
        match how % 3 {
            0 => {
                other.pop();
            }
            1 => other.push(root),
            _ => {
                let length = other.len().max(1) as u64;
                if let Some(hash) = other.get_mut((at % length) as usize)
                    && let Some(byte) = hash.0.get_mut((bit % 32) as usize)
                {
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
        let held = if of_inclusion {
            verify_inclusion(leaf, index, size, &other, root)
        } else {
            verify_consistency(old, size, old_root, root, &other)
        };
        assert!(held.is_err() || other == path, "a changed proof holds");
    }
}
