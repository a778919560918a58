//! Inclusion and consistency proofs: made from subtree hashes (RFC 6962 §2.1.1, §2.1.2),
//! checked without any (RFC 9162 §2.1.3.2, §2.1.4.2).

use crate::Hash;
use crate::tree::{MissingHash, SubtreeHashes, largest_power_below, range_root};

/// The audit path of leaf `index` in the tree of `size` leaves, from the leaf towards the root.
pub fn inclusion<S: SubtreeHashes + ?Sized>(
    source: &S,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, MissingHash> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let split = start + largest_power_below(end - start);
        if index < split {
            path.push(range_root(source, split, end)?);
            end = split;
        } else {
            path.push(range_root(source, start, split)?);
            start = split;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `old` leaves is a prefix of the tree of `new` leaves.
/// Empty when `old` is 0 or equals `new`.
pub fn consistency<S: SubtreeHashes + ?Sized>(
    source: &S,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, MissingHash> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    let (mut start, mut end, mut known) = (0, new, true);
    while old != end {
        let split = start + largest_power_below(end - start);
        if old <= split {
            path.push(range_root(source, split, end)?);
            end = split;
        } else {
            path.push(range_root(source, start, split)?);
            start = split;
            known = false;
        }
    }
    if !known {
        path.push(range_root(source, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks an audit path. `Ok` means: `leaf` is entry `index` of the tree of `size` leaves with `root`.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if node & 1 == 1 || node == last {
            hash = Hash::of_node(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::of_node(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 { Err(ProofError::WrongLength) } else { equal(hash, root) }
}

/// Checks that the tree (`old`, `old_root`) is a prefix of the tree (`new`, `new_root`).
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: Hash,
    new_root: Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange);
    }
    if old == new || old == 0 {
        if !path.is_empty() {
            return Err(ProofError::WrongLength);
        }
        return equal(old_root, if old == 0 { Hash::of_empty() } else { new_root });
    }
    let (first, rest) = if old.is_power_of_two() {
        (old_root, path)
    } else {
        let (first, rest) = path.split_first().ok_or(ProofError::WrongLength)?;
        (*first, rest)
    };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if node & 1 == 1 || node == last {
            old_hash = Hash::of_node(sibling, &old_hash);
            new_hash = Hash::of_node(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = Hash::of_node(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    equal(old_hash, old_root)?;
    equal(new_hash, new_root)
}

fn equal(found: Hash, expected: Hash) -> Result<(), ProofError> {
    if found == expected { Ok(()) } else { Err(ProofError::RootMismatch { found, expected }) }
}

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index or the old size lies beyond the tree.
    #[error("the index or old size lies beyond the tree")]
    OutOfRange,
    /// The hashes lead to another root.
    #[error("the proof leads to root {found}, not to {expected}")]
    RootMismatch {
        /// The root the hashes lead to.
        found: Hash,
        /// The root that was to be proven.
        expected: Hash,
    },
    /// The proof has too many or too few hashes for these sizes.
    #[error("the proof has the wrong number of hashes for these tree sizes")]
    WrongLength,
}
