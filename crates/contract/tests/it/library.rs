//! The ready instruments: formatted, sound, and what they claim to be.

use contract::{check, format};

const READY: [(&str, &str); 7] = [
    ("charter", include_str!("../../../../library/ai-agent-tools.writ.md")),
    ("contract", include_str!("../../../../library/api-provider-consumer.writ.md")),
    ("contract", include_str!("../../../../library/ci-pipeline-production.writ.md")),
    ("contract", include_str!("../../../../library/database-reader.writ.md")),
    ("guardrail", include_str!("../../../../library/guardrail-organisation.writ.md")),
    ("contract", include_str!("../../../../library/iot-telemetry.writ.md")),
    ("contract", include_str!("../../../../library/saas-integration.writ.md")),
];

#[test]
fn every_ready_instrument_is_formatted_and_sound() {
    for (kind, source) in READY {
        assert_eq!(format(source).unwrap(), source);
        assert_eq!(check(source).unwrap().body.noun(), kind);
    }
}

#[test]
fn together_they_show_nearly_every_kind() {
    let mut kinds: Vec<&str> = Vec::new();
    for (_, source) in READY {
        kinds.extend(check(source).unwrap().clauses.iter().map(|clause| clause.kind.as_str()));
    }
    let unused = contract::Kind::NAMES.iter().filter(|kind| !kinds.contains(kind));
    assert_eq!(unused.collect::<Vec<_>>(), [&"approval", &"words"]);
}
