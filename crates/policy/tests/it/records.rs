//! Entries are eternal: what an earlier version wrote is read, and written again, as the same bytes.

use policy::{Ending, MaskedRecord, Outcome};

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
