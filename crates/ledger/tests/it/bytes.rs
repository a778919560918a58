//! Entries, frames and segments: one spelling each, and every damage named.

use ledger::frame::{self, Found};
use ledger::segment::{SEGMENT_ENTRIES, Segment, encode};
use ledger::{Entry, EntryError, Hash, Submission};
use proptest::prelude::*;

fn entry() -> Entry {
    Entry { kind: "registry/event".into(), time_ms: 1_700_000_000_000, key: vec![1, 2], body: vec![3; 5] }
}

/// The eternal spelling of an envelope.
#[test]
fn golden_entry() {
    let expected = [
        &[0xa4, 0x00, 0x6e][..],
        b"registry/event",
        &[0x01, 0x1b, 0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00],
        &[0x02, 0x42, 1, 2, 0x03, 0x45, 3, 3, 3, 3, 3],
    ]
    .concat();
    assert_eq!(entry().encode().unwrap(), expected);
    assert_eq!(Entry::decode(&expected).unwrap(), entry());
}

#[test]
fn other_spellings_are_refused() {
    let canonical = entry().encode().unwrap();
    let longer_number = [&canonical[..1], &[0x18, 0x00], &canonical[2..]].concat();
    assert_eq!(Entry::decode(&longer_number), Err(EntryError::NotCanonical));
    let indefinite = [&[0xbf], &canonical[1..], &[0xff]].concat();
    assert_eq!(Entry::decode(&indefinite), Err(EntryError::NotCanonical));
    let trailing = [&canonical[..], &[0]].concat();
    assert_eq!(Entry::decode(&trailing), Err(EntryError::NotCanonical));
    assert!(Entry::decode(&canonical[..canonical.len() - 1]).is_err());
    assert!(Entry::decode(&[]).is_err());
    let long = Entry { body: vec![0; 65_536], ..entry() };
    assert!(matches!(long.encode(), Err(EntryError::TooLong(_))));
}

fn batch(entries: &[Vec<u8>]) -> Vec<Submission> {
    entries
        .iter()
        .map(|entry| Submission { entry: entry.clone(), addendum: entry.iter().rev().copied().collect() })
        .collect()
}

proptest! {
    #[test]
    fn frames_round_trip_and_every_flipped_bit_is_noticed(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..8),
        first in 0u64..1_000_000,
        flip in any::<(prop::sample::Index, u8)>(),
    ) {
        let mut bytes = Vec::new();
        let digest = frame::encode(&[1; 32], first, &[5; 32], &Hash([6; 32]), &batch(&entries), &mut bytes);
        let Found::Frame(read) = frame::read(&bytes) else { panic!("not a frame") };
        prop_assert_eq!((read.first, read.previous, read.digest, read.length), (first, [5; 32], digest, bytes.len()));
        for (item, entry) in read.items.iter().zip(&entries) {
            prop_assert_eq!(&bytes[item.entry_at..item.entry_at + item.entry_length], entry.as_slice());
        }
        let at = flip.0.index(bytes.len());
        bytes[at] ^= 1 << (flip.1 % 8);
        // The tag is not part of what a reader without the key checks.
        match frame::read(&bytes) {
            Found::Frame(read) => prop_assert!(read.tag != frame::tag(&[1; 32], &read.digest), "bit at {}", at),
            Found::Broken { .. } | Found::End => {}
        }
    }

    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = frame::read(&bytes);
        let _ = frame::read(&[b"WRF1".as_slice(), &bytes].concat());
        let _ = Entry::decode(&bytes);
        let _ = ledger::tile::decode_bundle(&bytes);
        let _ = Segment::decode("x", &[b"WRITSEG1".as_slice(), &bytes].concat());
        let text = String::from_utf8_lossy(&bytes);
        let _ = ledger::Note::parse(&text);
        let _ = ledger::Checkpoint::parse(&text);
        let _ = ledger::proof_file::ProofFile::parse(&text);
        let _ = ledger::tile::TilePath::parse(&text);
    }
}

#[test]
fn the_damaged_entry_of_a_frame_is_named() {
    let entries: Vec<Vec<u8>> = (0..5u8).map(|n| vec![n; 20]).collect();
    let mut bytes = Vec::new();
    frame::encode(&[1; 32], 100, &[0; 32], &Hash::of_empty(), &batch(&entries), &mut bytes);
    let Found::Frame(frame) = frame::read(&bytes) else { panic!("not a frame") };
    for (number, item) in frame.items.iter().enumerate() {
        let mut damaged = bytes.clone();
        damaged[item.entry_at + 7] ^= 0x10;
        let Found::Broken { intact, .. } = frame::read(&damaged) else { panic!("not noticed") };
        assert_eq!(intact, number as u64);
    }
    assert_eq!(frame::read(&[]), Found::End);
    assert_eq!(frame::read(&[0; 500]), Found::End);
    assert!(matches!(frame::read(&bytes[..bytes.len() - 1]), Found::Broken { .. }));
    assert!(frame::any_frame_in(&[&[0; 13][..], &bytes].concat()));
    assert!(!frame::any_frame_in(&bytes[1..]));
}

#[test]
fn segments_round_trip() {
    let entries: Vec<Vec<u8>> =
        (0..SEGMENT_ENTRIES).map(|n| n.to_be_bytes()[..(n % 8) as usize].to_vec()).collect();
    let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
    let bytes = encode(SEGMENT_ENTRIES, &entries, &leaves);
    let read = Segment::decode("segments/1", &bytes).unwrap();
    assert_eq!(read.first, SEGMENT_ENTRIES);
    assert_eq!(read.leaves, leaves);
    assert!(read.entries.iter().zip(&entries).all(|(read, entry)| *read == entry.as_slice()));
    assert!(Segment::decode("segments/1", &bytes[..bytes.len() - 1]).is_err());
    assert!(Segment::decode("segments/1", &bytes[1..]).is_err());
}
