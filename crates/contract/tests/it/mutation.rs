//! Sensitivity and injectivity (checks 3 and 2 of the seven): whatever can be changed about a clause, in whatever
//! instrument, changes its words and its meaning; what reads alike means the same.

use contract::canonical::{form, to_jcs};
use contract::example::{examples, idle};
use std::collections::{BTreeMap, BTreeSet};
use testkit::mutation::{NOUNS, clause_words, keys, kinds, mutations, norms, said};

/// Keys that no instrument can have where they stand, each with what it reads instead.
const NOWHERE: [(&str, &str, &str); 7] = [
    ("permit", "only.actions", "`actions` of its own"),
    ("permit", "only.effect", "`effect` of its own"),
    ("permit", "only.resources", "`resources` of its own"),
    (
        "permit",
        "only.side",
        "nothing: a guardrail permits nothing, and nothing else binds one side or the other",
    ),
    ("prohibit", "only.actions", "`actions` of its own"),
    ("prohibit", "only.effect", "`effect` of its own"),
    ("prohibit", "only.resources", "`resources` of its own"),
];

/// Keys by which a clause can come to nothing: a ceiling above everything, an exception as wide as the rule.
const NEVER_MATTER: [&str; 8] = [
    "max of classification",
    "only.environments of prohibit",
    "only.kinds of prohibit",
    "only.roles of prohibit",
    "only.side of prohibit",
    "unless.environments of prohibit",
    "unless.kinds of prohibit",
    "unless.roles of prohibit",
];

#[test]
fn kinds_stand_where_they_can_bind_somebody() {
    let all: BTreeSet<&str> = contract::Kind::NAMES.iter().copied().collect();
    let without = |nowhere: &[&str]| -> BTreeSet<&str> {
        all.iter().copied().filter(|kind| !nowhere.contains(kind)).collect()
    };
    let of = |noun: &str| -> BTreeSet<&str> { kinds(noun).into_iter().collect() };
    assert_eq!(of("contract"), all);
    assert_eq!(of("charter"), without(&["liability"]));
    assert_eq!(of("guardrail"), without(&["liability", "permit", "suspension", "term"]));
}

/// Check 3: no parameter hides, in no instrument.
#[test]
fn no_parameter_hides() {
    let mut touched: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut tried = 0;
    for noun in NOUNS {
        for mutation in mutations(noun) {
            let (kind, path) = (mutation.kind, &mutation.path);
            let [base, changed] = mutation.clauses();
            let what =
                format!("{noun}: {kind}: {path}: {:#?} to {:#?}", base.kind.terms(), changed.kind.terms());
            let words = said(&mutation.base) != said(&mutation.changed);
            let form_differs = to_jcs(&form(&mutation.base)) != to_jcs(&form(&mutation.changed));
            assert!(form_differs, "not in the canonical form: {what}");
            let bundle = contract::canonical::norms(&mutation.base)
                != contract::canonical::norms(&mutation.changed)
                || norms(&mutation.base, base) != norms(&mutation.changed, changed);
            assert!(words || mutation.may_say_the_same(), "not in the words: {what}");
            assert_eq!(words, bundle, "words ({words}) and meaning ({bundle}) part: {what}");
            touched.entry(kind).or_default().insert(path.clone());
            tried += 1;
        }
    }
    for kind in contract::Kind::NAMES {
        for key in keys(kind) {
            let nowhere = NOWHERE.iter().any(|(of, path, _)| of == kind && *path == key);
            let found = touched.get(kind).is_some_and(|touched| touched.contains(&key));
            assert_eq!(found, !nowhere, "`{key}` of {kind}: changed {found}");
        }
    }
    assert!(tried > 4_000, "{tried}");
}

/// Check 2 at the level of words: two clauses that read alike mean the same, whatever their kinds.
#[test]
fn what_reads_alike_means_the_same() {
    for noun in NOUNS {
        let mut seen = BTreeMap::new();
        for mutation in mutations(noun) {
            for (instrument, clause) in
                [&mutation.base, &mutation.changed].into_iter().zip(mutation.clauses())
            {
                let norms = norms(instrument, clause);
                let before = seen.entry(clause_words(instrument, clause)).or_insert_with(|| norms.clone());
                assert_eq!(*before, norms, "{noun}: {}", clause_words(instrument, clause));
            }
        }
        assert!(seen.len() > 500, "{noun}: {}", seen.len());
    }
}

/// Check 6 over everything that can be written: each clause has an example within it and one beyond it, judged as
/// printed. The clauses that have not can never matter.
#[test]
fn every_clause_has_examples_on_both_sides() {
    let mut without = BTreeSet::new();
    for noun in NOUNS {
        for mutation in mutations(noun) {
            let instrument = &mutation.changed;
            let found = examples(instrument);
            for example in &found {
                assert_eq!(instrument.judge(example), Some(example.holds), "{example:#?}");
            }
            if let Some((number, why)) = idle(instrument, &found) {
                let kind = instrument.clause(number).unwrap().kind.as_str();
                assert_eq!(why, "it refuses no request that can be made", "{noun}: {number}");
                without.insert(format!("{} of {kind}", mutation.path));
            }
        }
    }
    let without: Vec<&str> = without.iter().map(String::as_str).collect();
    assert_eq!(without, NEVER_MATTER, "{without:#?}");
}
