//! The growing Merkle tree: its right edge, and how the hash of any range is put together
//! from complete subtrees. RFC 6962 §2.1; the caller stores the hashes.

use crate::Hash;

/// The right edge of a tree: one hash for each complete subtree, largest first (at most 64).
/// Enough to append to the tree and to know its root, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    nodes: Vec<Hash>,
}

impl Edge {
    /// Adds one leaf. Amortised one node hash.
    pub fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut rest = self.size;
        while rest & 1 == 1 {
            if let Some(left) = self.nodes.pop() {
                hash = Hash::of_node(&left, &hash);
            }
            rest >>= 1;
        }
        self.nodes.push(hash);
        self.size += 1;
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tree's root hash.
    pub fn root(&self) -> Hash {
        self.nodes
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| Hash::of_node(&left, &right))
            .unwrap_or_else(Hash::of_empty)
    }
}

/// Where the hashes of complete subtrees come from: a store, or a vector in a test.
pub trait SubtreeHashes {
    /// The hash of the complete subtree of `2^level` leaves that starts at leaf `index << level`.
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MissingHash>;
}

/// A hash that was asked for is not there: the leaves are not in the log, or the store is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no hash of the subtree at level {level}, index {index}: {reason}")]
pub struct MissingHash {
    /// Height of the subtree (0 is a leaf).
    pub level: u8,
    /// Its place among the subtrees of that height.
    pub index: u64,
    /// What was found instead.
    pub reason: String,
}

/// Leaf hashes in memory; used by verifiers that hash everything again.
impl SubtreeHashes for [Hash] {
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MissingHash> {
        let missing = || MissingHash { level, index, reason: "beyond the end".into() };
        let start = usize::try_from(index << level).map_err(|_| missing())?;
        let width = 1usize.checked_shl(level.into()).ok_or_else(missing)?;
        let leaves = self.get(start..start.saturating_add(width)).ok_or_else(missing)?;
        Ok(fold_complete(leaves))
    }
}

/// The root of a complete subtree from its leaves (their number is a power of two).
pub fn fold_complete(leaves: &[Hash]) -> Hash {
    let mut row = leaves.to_vec();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => Hash::of_node(left, right),
                [single] => *single,
                _ => Hash::of_empty(),
            })
            .collect();
    }
    row.first().copied().unwrap_or_else(Hash::of_empty)
}

/// `MTH(D[start..end])` for a range that RFC 6962's recursion reaches.
pub fn range_root<S: SubtreeHashes + ?Sized>(source: &S, start: u64, end: u64) -> Result<Hash, MissingHash> {
    let width = end - start;
    if width == 0 {
        return Ok(Hash::of_empty());
    }
    if width.is_power_of_two() && start.is_multiple_of(width) {
        let level = width.trailing_zeros() as u8;
        return source.subtree(level, start >> level);
    }
    let split = start + largest_power_below(width);
    Ok(Hash::of_node(&range_root(source, start, split)?, &range_root(source, split, end)?))
}

/// The largest power of two smaller than `n` (for `n ≥ 2`).
pub(crate) fn largest_power_below(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}
