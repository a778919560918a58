//! What travels in a PDF, read back out of a file that anybody may have made.

/// Nothing larger than its limit comes out, and always the same.
pub fn press_attached(data: &[u8]) {
    const ATTACHED_BYTES_MAX: usize = 4 * 1024 * 1024;
    let found = press::attached(data);
    if let Ok(found) = &found {
        assert!(found.text.len() <= ATTACHED_BYTES_MAX && found.seal.len() <= ATTACHED_BYTES_MAX);
    }
    assert_eq!(press::attached(data), found);
}
