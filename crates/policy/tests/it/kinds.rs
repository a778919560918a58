//! Every kind of clause through the compiler: examples tried, every parameter in the bundle, the same bytes
//! from the counterparty's compiler (checks 3, 4 and 6 of the seven that keep words and rule together).

use contract::setting::Setting;
use contract::{Instrument, Kind};
use policy::{Bundle, CompileError};
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

/// Check 6: a clause that can never matter is a fault of the drafting, and named.
#[test]
fn a_clause_without_examples_on_both_sides_does_not_compile() {
    let idle = |clauses: &[&str]| match Bundle::compile(&contract::check(&document("deal", clauses)).unwrap())
    {
        Err(CompileError::Idle { clause, why }) => format!("{clause}: {why}"),
        compiled => format!("{compiled:?}").chars().take(80).collect(),
    };
    let permit = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]";
    let covering = "kind = \"prohibit\"\nactions = \"any\"\nresources = [\"a\", \"b\"]";
    assert_eq!(idle(&[permit, covering]), "1.1: every request it permits is prohibited by another clause");
    let beside = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"c\"]";
    assert_eq!(
        idle(&[beside, permit, covering]),
        "1.2: every request it permits is prohibited by another clause"
    );
    assert!(idle(&[covering]).starts_with("1.1: nothing is permitted beside it"), "{}", idle(&[covering]));
    let bots = "kind = \"prohibit\"\nactions = [\"read\"]\nresources = [\"a\"]\nonly = { kinds = [\"bot\"] }\n\
                unless = { kinds = [\"bot\"] }";
    assert_eq!(idle(&[permit, bots]), "1.2: it refuses no request that can be made");
    let always = "kind = \"window\"\nhours = [\"00:00-12:00\", \"12:00-24:00\"]\nzone = \"UTC\"";
    assert_eq!(idle(&[permit, always]), "1.2: it refuses no request that can be made");
    let ceiling = "kind = \"classification\"\nmax = \"restricted\"";
    assert_eq!(idle(&[permit, ceiling]), "1.2: it refuses no request that can be made");
    let level = "kind = \"availability\"\nbearer = \"provider\"\ntarget = \"0%\"\nperiod = \"30 days\"";
    assert_eq!(idle(&[permit, level]), "1.2: nothing that can happen is beyond it");
}

/// What binds people has examples of its values; a long way past several prohibitions is found.
#[test]
fn what_can_matter_has_its_examples() {
    let permit = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]";
    let printed = |clauses: &[&str], lines: &[&str]| {
        let source = document("deal", clauses);
        Bundle::compile(&contract::check(&source).unwrap()).unwrap_or_else(|error| panic!("{error}"));
        for line in lines {
            assert!(source.contains(line), "{line} is not in\n{source}");
        }
    };
    let amendment = [
        "Has effect: a new version signed by 1 person for the Provider and 1 person for the Consumer.",
        "Has no effect: a new version signed by 1 person for the Provider and nobody for the Consumer.",
    ];
    printed(&[permit, "kind = \"amendment\""], &amendment);
    let insurance = "kind = \"liability\"\nbearer = \"provider\"\ninsurance = \"EUR 1000\"";
    printed(
        &[permit, insurance],
        &["In line: insurance of EUR\u{a0}1,000.", "Not in line: insurance of EUR\u{a0}999."],
    );
    let window = "kind = \"window\"\nnetworks = [\"2001:db8::/32\"]";
    printed(&[permit, window], &["from 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff.", "from 2001:db9::."]);
    let weekend = "kind = \"window\"\ndays = [\"sunday\", \"saturday\"]\nzone = \"UTC\"";
    let mornings = "kind = \"window\"\nhours = [\"06:00-10:00\"]\nzone = \"UTC\"";
    let shifts =
        "kind = \"prohibit\"\nactions = \"any\"\nresources = \"any\"\nunless = { roles = [\"early\"] }";
    printed(&[permit, weekend, mornings, shifts], &["with the role “early”"]);
}
