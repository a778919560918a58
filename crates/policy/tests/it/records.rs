//! Entries are eternal: what an earlier version wrote is read, and written again, as the same bytes.

use policy::{Ending, Inputs, MaskedRecord, Outcome};

/// An outcome as it was written before there were fields for rows, errors and masks.
const BEFORE: &str = "a600030118c802010318630401050c";
/// The same, with three mail addresses masked.
const MASKED: &str = "a700030118c802010318630401050c0981a20065656d61696c0103";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn outcomes_of_before_are_read_as_they_are() {
    let outcome = Outcome {
        verdict: 3,
        status: 200,
        bytes_up: 1,
        bytes_down: 99,
        ending: Ending::Cut,
        duration_ms: 12,
        rows: None,
        error: None,
        given: None,
        masked: Vec::new(),
    };
    let written = policy::record::encode(&outcome).unwrap();
    assert_eq!(written, bytes(BEFORE), "{written:02x?}");
    assert_eq!(minicbor::decode::<Outcome>(&written).unwrap(), outcome);
    // What it says beside has its bytes from now on, too.
    let masked = vec![MaskedRecord { what: "email".into(), count: 3 }];
    let outcome = Outcome { masked, ..outcome };
    let written = policy::record::encode(&outcome).unwrap();
    assert_eq!(written, bytes(MASKED), "{written:02x?}");
    assert_eq!(minicbor::decode::<Outcome>(&written).unwrap(), outcome);
}

/// What is kept beside a decision says which text of a session it was only where those have numbers.
#[test]
fn inputs_have_a_number_only_where_texts_do() {
    let without = Inputs {
        nonce: [1; 16],
        method: "SELECT".into(),
        host: "db.localhost".into(),
        target: "SELECT 1".into(),
        peer: "10.0.0.1:9".into(),
        detail: "permitted".into(),
        purpose: None,
        key_algorithm: "ed25519".into(),
        touches: Vec::new(),
        parameters: None,
        trace: None,
    };
    let (before, _) = without.commit();
    assert_eq!(Inputs::decode(&before), Some(without.clone()));
    let traced = Inputs { trace: Some(3), ..without };
    let (after, _) = traced.commit();
    // One entry more in the map, under the number 10.
    let more = [&[before[0] + 1], &before[1..], &[10, 3]].concat();
    assert_eq!(after, more);
    assert_eq!(Inputs::decode(&after), Some(traced));
}
