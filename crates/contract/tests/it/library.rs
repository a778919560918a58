//! The ready instruments: formatted, sound, and what they claim to be.

use contract::terms::Side;
use contract::{Kind, check, format};

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

/// What a lawyer of either side would object to.
#[test]
fn the_ready_contracts_do_not_contradict_themselves() {
    for (_, source) in READY {
        let instrument = check(source).unwrap();
        let name = &instrument.name;
        let sides = instrument.body.sides();
        let mut cures = Vec::new();
        for clause in &instrument.clauses {
            if let Kind::Amendment(amendment) = &clause.kind {
                let alone = amendment.narrowing_by.as_slice();
                assert!(
                    !alone.contains(&Side::Provider),
                    "{name}: who provides could end it at once by narrowing"
                );
            }
            if matches!(clause.kind, Kind::Audit(_) | Kind::Liability(_) | Kind::Retention(_)) {
                assert!(clause.survives, "{name}: clause {} ends with the instrument", clause.number);
            }
            if let Kind::Residency(residency) = &clause.kind {
                let several = residency.regions.as_slice().len() > 1;
                assert!(
                    several || residency.mechanism.is_none(),
                    "{name}: a transfer from a region to itself"
                );
            }
            if let Kind::Suspension(suspension) = &clause.kind {
                cures.extend(suspension.cure);
            }
            if let Kind::Term(term) = &clause.kind {
                cures.extend(term.cure);
            }
        }
        cures.dedup();
        assert!(cures.len() <= 1, "{name}: two times to put the same thing right: {cures:?}");
        let has = |kind: &str| instrument.clauses.iter().any(|clause| clause.kind.as_str() == kind);
        assert!(
            has("amendment") || sides == [Side::Party] && !has("term"),
            "{name} does not say how it is changed"
        );
        assert!(
            !has("masking") || has("incident-notice") && has("liability"),
            "{name} has data worth masking"
        );
    }
}

/// A purpose that a clause lets a request declare is one that a permit is for.
#[test]
fn declared_purposes_are_permitted_ones() {
    for (_, source) in READY {
        let instrument = check(source).unwrap();
        let permitted: Vec<String> = instrument
            .clauses
            .iter()
            .filter_map(|clause| if let Kind::Permit(permit) = &clause.kind { Some(permit) } else { None })
            .flat_map(|permit| permit.purposes.iter().map(ToString::to_string))
            .collect();
        for clause in &instrument.clauses {
            let Kind::Purpose(purpose) = &clause.kind else { continue };
            let other =
                purpose.purposes.iter().map(ToString::to_string).find(|purpose| !permitted.contains(purpose));
            assert_eq!(other, None, "{} in clause {}", instrument.name, clause.number);
        }
    }
}
