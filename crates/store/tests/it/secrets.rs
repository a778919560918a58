//! Sealed secrets, and objects that never change.

use ledger::{Heads as _, Objects as _, StoreError};
use store::{Directory, SealedSecrets};
use tempfile::TempDir;

#[test]
fn secrets_open_under_their_key_and_name_only() {
    let folder = TempDir::new().unwrap();
    let store = SealedSecrets::open(folder.path(), &[1; 32]).unwrap();
    assert!(store.get("payments").unwrap().is_none());
    store.put("payments", b"sk_live_1").unwrap();
    store.put("payments", b"sk_live_2").unwrap();
    assert_eq!(store.get("payments").unwrap().unwrap().as_slice(), b"sk_live_2");
    let at_rest = std::fs::read(folder.path().join("payments")).unwrap();
    assert!(!at_rest.windows(7).any(|window| window == b"sk_live"), "not in clear");
    // Another name, another key, a changed byte.
    std::fs::copy(folder.path().join("payments"), folder.path().join("refunds")).unwrap();
    assert!(matches!(store.get("refunds"), Err(StoreError::Damaged { .. })));
    let other = SealedSecrets::open(folder.path(), &[2; 32]).unwrap();
    assert!(other.get("payments").is_err());
    let mut changed = at_rest;
    changed[14] ^= 1;
    std::fs::write(folder.path().join("payments"), changed).unwrap();
    assert!(store.get("payments").is_err());
    for name in ["", "../x", "a/b", "."] {
        assert!(store.put(name, b"x").is_err(), "{name}");
    }
}

#[test]
fn objects_are_put_once_and_heads_swapped() {
    let folder = TempDir::new().unwrap();
    let store = Directory::open(folder.path()).unwrap();
    store.put("documents/ab", b"text").unwrap();
    store.put("documents/ab", b"text").unwrap();
    assert!(matches!(store.put("documents/ab", b"other"), Err(StoreError::Damaged { .. })));
    assert_eq!(ledger::Objects::get(&store, "documents/ab").unwrap().unwrap(), b"text");
    assert_eq!(store.get_range("documents/ab", 1, 2).unwrap(), b"ex");
    for name in ["../ab", "/etc/passwd", "a//b", "", ".hidden"] {
        assert!(store.put(name, b"x").is_err(), "{name}");
    }
    assert!(store.swap("head", None, b"1").unwrap());
    assert!(!store.swap("head", None, b"2").unwrap());
    assert!(!store.swap("head", Some(b"0"), b"2").unwrap());
    assert!(store.swap("head", Some(b"1"), b"2").unwrap());
    assert_eq!(ledger::Heads::get(&store, "head").unwrap().unwrap(), b"2");
}
