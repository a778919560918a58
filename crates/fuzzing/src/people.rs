//! The registry: names and ids, keys and SSH signatures, events and the state they fold into.

use crate::text;
use ledger::entry::{decode_canonical, encode_body};
use policy::Rules;
use registry::{
    IdentityId, InstrumentId, Name, PartyId, PersonId, PublicKey, Recorded, ScopedOn, ServiceId, State,
};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use testkit::{NOW, Shelf, World, ground};

/// Names and ids have one spelling each.
pub fn registry_name(data: &[u8]) {
    let Some(text) = text(data) else { return };
    canonical::<Name>(text);
    canonical::<ScopedOn>(text);
    canonical::<IdentityId>(text);
    canonical::<InstrumentId>(text);
    canonical::<PartyId>(text);
    canonical::<PersonId>(text);
    canonical::<ServiceId>(text);
}

fn canonical<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}

/// What was signed, by the key below, in the namespace of instruments.
const MESSAGE: &[u8] = b"{\"instrument\":\"contract\"}";
/// The key.
const KEY: &str = include_str!("../testdata/key.pub");
/// The signature: the only one there is.
const SIGNATURE: &str = include_str!("../testdata/signature.pem");

/// A key that is read is read again from what it prints; no other signature than the true one is accepted, and that
/// one for nothing else.
pub fn registry_signature(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(key) = text.parse::<PublicKey>() {
        let printed = key.to_string();
        assert_eq!(printed.parse::<PublicKey>().as_ref(), Ok(&key));
        assert!(printed.split(' ').count() == 2 && key.fingerprint().starts_with("SHA256:"), "{printed}");
        assert!(key.verify("writ.instrument", MESSAGE, SIGNATURE).is_err() || printed == KEY.trim());
    }
    let key: PublicKey = KEY.parse().unwrap();
    let bare = |armored: &str| armored.split_whitespace().collect::<String>();
    if key.verify("writ.instrument", MESSAGE, text).is_ok() {
        assert_eq!(bare(text), bare(SIGNATURE), "another signature is accepted");
    }
    assert!(key.verify("writ.notice", MESSAGE, text).is_err(), "a signature for another use is accepted");
    assert!(key.verify("writ.instrument", b"{}", text).is_err(), "a signature over another text is accepted");
}

/// Events have one spelling; folding them never fails and always gives the same.
pub fn registry_event(data: &[u8]) {
    let Ok(recorded) = decode_canonical::<Recorded>(data) else { return };
    assert_eq!(encode_body(&recorded).unwrap(), data);
    let fold = |state: &mut State| {
        for event in ground() {
            state.apply(&event, NOW);
        }
        // Twice: an event may meet what it made itself.
        for event in recorded.events.iter().chain(&recorded.events) {
            state.apply(event, NOW);
        }
    };
    let (mut one, mut other) = (State::default(), State::default());
    fold(&mut one);
    fold(&mut other);
    assert_eq!(one, other);
    let mut rules = Rules::new(Arc::new(Shelf::default()));
    rules.apply(&recorded, NOW);
    let mut world = World::new();
    world.rules.apply(&recorded, NOW);
    world.rules.apply(&recorded, NOW + 1);
}
