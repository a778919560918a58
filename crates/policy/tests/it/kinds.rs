//! Every kind of clause through the compiler: examples tried, every parameter in the bundle, the same bytes
//! from the counterparty's compiler (checks 3, 4 and 6 of the seven that keep words and rule together).

use contract::setting::Setting;
use contract::{Instrument, Kind};
use policy::Bundle;
use testkit::document;

fn block(name: &str) -> String {
    format!("kind = \"{name}\"\n{}", Kind::sample(name).unwrap())
}

/// One document per kind, beside a permit so that something is permitted at all.
fn of_kind(name: &str) -> Instrument {
    let permit =
        "kind = \"permit\"\nactions = [\"read\", \"create\"]\nresources = [\"charges\", \"records\"]";
    let own = block(name).replace("\"checkout\"", "\"robot\"");
    let source = document("sample", &[permit, &own]);
    contract::check(&source).unwrap_or_else(|found| panic!("{found:#?}"))
}

#[test]
fn every_kind_compiles_and_its_examples_decide_as_printed() {
    for name in Kind::NAMES {
        let instrument = of_kind(name);
        let bundle = Bundle::compile(&instrument).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(bundle, Bundle::compile(&instrument.clone()).unwrap(), "rebuilt by the counterparty");
    }
}

#[test]
fn a_wrong_example_is_found() {
    // The compiler tries examples; a policy that says something else than the words must not pass.
    let instrument = of_kind("quota");
    let mut other = instrument.clone();
    let Kind::Quota(quota) = &mut other.clauses[1].kind else { panic!("not the quota") };
    quota.limit = contract::terms::Whole::new(7).unwrap();
    let (honest, changed) = (Bundle::unchecked(&instrument), Bundle::unchecked(&other));
    assert_ne!(honest.policies, changed.policies);
    assert_ne!(honest.hash(), changed.hash());
}

#[test]
fn every_kind_has_every_parameter_in_the_bundle() {
    for name in Kind::NAMES {
        let base = of_kind(name);
        let before = Bundle::unchecked(&base).hash();
        let serde_json::Value::Object(terms) = base.clauses[1].kind.terms() else { panic!("no object") };
        let mut tried = 0;
        for key in terms.keys() {
            let mut fewer = terms.clone();
            fewer.remove(key);
            let mut changed = base.clone();
            let Ok(kind) = Kind::from_terms(name, fewer.into()) else { continue };
            let of = Setting { instrument: &base, number: base.clauses[1].number };
            if kind == base.clauses[1].kind || !kind.faults(&of).is_empty() {
                continue;
            }
            changed.clauses[1].kind = kind;
            // What reads the same may compile to the same (`only` may name all machines), and nothing else may.
            let number = base.clauses[1].number;
            let words = |of: &Instrument| contract::words::clause_text(of, number);
            let (same_words, same_rule) =
                (words(&changed) == words(&base), Bundle::unchecked(&changed).hash() == before);
            assert_eq!(same_words, same_rule, "{name}: `{key}`");
            tried += 1;
        }
        let required = ["audit", "words", "duty", "incident-notice", "retention"];
        assert!(tried > 0 || required.contains(name), "{name}: nothing could be left out");
    }
}

#[test]
fn attribute_names_cannot_hide_control_characters() {
    for name in Kind::NAMES {
        let bundle = Bundle::unchecked(&of_kind(name));
        let plain = |text: &str| text.chars().all(|c| !c.is_control() || c == '\n');
        assert!(plain(&bundle.schema) && plain(&bundle.policies), "{name}");
    }
}
