//! The tree against RFC 6962's recursive definition, written down again without any cleverness.

use ledger::proof::{consistency, inclusion, verify_consistency, verify_inclusion};
use ledger::tree::range_root;
use ledger::{Edge, Hash};
use proptest::prelude::*;

fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_empty(),
        [leaf] => *leaf,
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            Hash::of_node(&naive(&leaves[..split]), &naive(&leaves[split..]))
        }
    }
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|n| Hash::of_leaf(&(n as u64).to_be_bytes())).collect()
}

#[test]
fn roots_for_every_size() {
    let all = leaves(1_100);
    let mut edge = Edge::default();
    for size in 0..=all.len() {
        let expected = naive(&all[..size]);
        assert_eq!(edge.root(), expected, "edge at {size}");
        assert_eq!(range_root(all.as_slice(), 0, size as u64).unwrap(), expected, "range at {size}");
        if let Some(leaf) = all.get(size) {
            edge.append(*leaf);
        }
    }
}

#[test]
fn every_inclusion_proof_of_small_trees() {
    let all = leaves(130);
    for size in 1..=all.len() as u64 {
        let root = naive(&all[..size as usize]);
        for index in 0..size {
            let path = inclusion(all.as_slice(), index, size).unwrap();
            verify_inclusion(all[index as usize], index, size, &path, root).unwrap();
            assert!(verify_inclusion(Hash::of_leaf(b"forged"), index, size, &path, root).is_err());
            if size > 1 {
                let other = (index + 1) % size;
                assert!(verify_inclusion(all[index as usize], other, size, &path, root).is_err());
                assert!(verify_inclusion(all[index as usize], index, size, &path[1..], root).is_err());
            }
        }
        assert!(verify_inclusion(all[0], size, size, &[], root).is_err());
    }
}

#[test]
fn every_consistency_proof_of_small_trees() {
    let all = leaves(130);
    for new in 0..=all.len() as u64 {
        for old in 0..=new {
            let path = consistency(all.as_slice(), old, new).unwrap();
            let (old_root, new_root) = (naive(&all[..old as usize]), naive(&all[..new as usize]));
            verify_consistency(old, new, old_root, new_root, &path).unwrap();
            let forged = Hash::of_leaf(b"forged");
            assert!(verify_consistency(old, new, forged, new_root, &path).is_err());
            if old > 0 {
                assert!(verify_consistency(old, new, old_root, forged, &path).is_err());
            }
            let mut longer = path.clone();
            longer.push(forged);
            assert!(verify_consistency(old, new, old_root, new_root, &longer).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn large_trees(size in 1u64..200_000, index in any::<u64>(), old in any::<u64>(), flip in any::<(usize, u8)>()) {
        let all = leaves(size as usize);
        let (index, old) = (index % size, old % (size + 1));
        let root = range_root(all.as_slice(), 0, size).unwrap();
        let path = inclusion(all.as_slice(), index, size).unwrap();
        prop_assert!(verify_inclusion(all[index as usize], index, size, &path, root).is_ok());
        let old_root = range_root(all.as_slice(), 0, old).unwrap();
        let steps = consistency(all.as_slice(), old, size).unwrap();
        prop_assert!(verify_consistency(old, size, old_root, root, &steps).is_ok());
        // Any changed bit of any hash is noticed.
        if !path.is_empty() {
            let mut changed = path.clone();
            let at = flip.0 % changed.len();
            changed[at].0[usize::from(flip.1) % 32] ^= 1 << (flip.1 % 8);
            prop_assert!(verify_inclusion(all[index as usize], index, size, &changed, root).is_err());
        }
    }
}
