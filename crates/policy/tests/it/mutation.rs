//! Sensitivity on the compiled side (check 3 of the seven): every single change of every clause, in every kind of
//! instrument, changes words and bundle; no change touches one of them alone.

use policy::Bundle;
use testkit::mutation::{NOUNS, mutations, said};

#[test]
fn words_and_bundle_change_together() {
    let mut tried = 0;
    for noun in NOUNS {
        for mutation in mutations(noun) {
            let [base, changed] = mutation.clauses();
            let what = || {
                let (base, changed) = (base.kind.terms(), changed.kind.terms());
                format!("{noun}: {}: {}: {base:#?} to {changed:#?}", mutation.kind, mutation.path)
            };
            let words = said(&mutation.base) != said(&mutation.changed);
            let bundle =
                Bundle::unchecked(&mutation.base).hash() != Bundle::unchecked(&mutation.changed).hash();
            assert!(words || mutation.may_say_the_same(), "not in the words: {}", what());
            assert_eq!(words, bundle, "words ({words}) and bundle ({bundle}) part: {}", what());
            tried += 1;
        }
    }
    assert!(tried > 4_000, "{tried}");
}
