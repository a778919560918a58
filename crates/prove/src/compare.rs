//! Two versions of an instrument: what machines gain, what they lose, and whether anything else changed.

use crate::domain::{domain, not_suspended};
use crate::query::{Part, Query};
use crate::scene::Scene;
use crate::solver::Solver;
use crate::{Answer, Scripts, Version};
use contract::canonical::norms;
use contract::example::explain;
use contract::norm::{Facts, Norm, Test};
use contract::words::{ANNEX, CLOSE, OPEN, frame, opening};
use contract::{Instrument, Number};
use policy::Verdict;

/// The decision difference between two versions of an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The solver and its version.
    pub solver: String,
    /// Whether the new version permits nothing the old one refuses; else what it permits anew, in sentences.
    pub narrower: Answer<Vec<String>>,
    /// The scripts behind that.
    pub narrower_scripts: Scripts,
    /// Whether it permits all the old one permits; else what it refuses anew.
    pub wider: Answer<Vec<String>>,
    /// The scripts behind that.
    pub wider_scripts: Scripts,
    /// Whether everything but the rules of gateways is word for word as before, and recording no later.
    pub beside: Result<(), String>,
}

impl Difference {
    /// Whether the new version is proven to take nothing away from anybody but machines.
    pub fn only_narrows(&self) -> bool {
        self.narrower == Answer::Proven && self.beside.is_ok()
    }
}

/// Compares two versions of an instrument.
pub async fn compare(solver: &Solver, old: &Version, new: &Version) -> Difference {
    let (mut narrower_scripts, mut wider_scripts) = (Scripts::default(), Scripts::default());
    let narrower = beyond(solver, new, old, &mut narrower_scripts).await;
    let wider = beyond(solver, old, new, &mut wider_scripts).await;
    Difference {
        solver: solver.version().to_owned(),
        narrower,
        narrower_scripts,
        wider,
        wider_scripts,
        beside: beside(old, new),
    }
}

/// Whether `first` permits something `second` refuses: one sentence for each permit of `first` that does.
async fn beyond(
    solver: &Solver,
    first: &Version,
    second: &Version,
    scripts: &mut Scripts,
) -> Answer<Vec<String>> {
    // Both are versions of one instrument: what was counted, renewed or suspended is the same for both.
    let part = |test: Test| Part { instrument: first.name.to_string(), test };
    let both = [first.instrument(), second.instrument()];
    let ground = |query: &mut Query| {
        query.require(&part(first.permitted())).exclude(&part(second.permitted()));
        query.require(&part(domain(&both))).require(&part(not_suspended(&both)));
    };
    let mut query = Query::default();
    ground(&mut query);
    match query.never(solver, scripts).await {
        Answer::Proven => return Answer::Proven,
        Answer::Unknown(why) => return Answer::Unknown(why),
        Answer::NoneFound | Answer::Refuted(_) => {}
    }
    let scenes = (Scene::of(&[first]), Scene::of(&[second]));
    let (mut sentences, mut doubt) = (Vec::new(), None);
    for (_, _, rule) in first.rules().iter().filter(|(_, _, rule)| rule.permits) {
        let mut query = Query::default();
        query.require(&part(rule.reach())).visible();
        ground(&mut query);
        let case = match query.never(solver, scripts).await {
            Answer::NoneFound | Answer::Proven => continue,
            Answer::Unknown(why) => return Answer::Unknown(why),
            Answer::Refuted(case) => case,
        };
        match case.facts(first.name.as_str()).and_then(|facts| tell(&scenes, first, &facts)) {
            Ok(sentence) if sentences.contains(&sentence) => {}
            Ok(sentence) => sentences.push(sentence),
            Err(why) => doubt = Some(why),
        }
    }
    match (sentences.is_empty(), doubt) {
        (false, _) => Answer::Refuted(sentences),
        (true, Some(why)) => Answer::Unknown(format!(
            "a counterexample did not hold when it was tried on the real decision: {why}"
        )),
        (true, None) => Answer::Unknown(
            "they differ only for requests that no gateway of this version can tell apart".to_owned(),
        ),
    }
}

/// A counterexample in words, if the real decision permits it under the first version and refuses it under
/// the second, each by its own clauses.
fn tell(scenes: &(Scene<'_>, Scene<'_>), first: &Version, facts: &Facts) -> Result<String, String> {
    let differs = |facts: &Facts| -> Result<(), String> {
        match scenes.0.decide(facts, &[])? {
            Verdict::Permit(_) => {}
            Verdict::Denial(denial) => return Err(denial.detail),
        }
        let other = scenes.1.decide(facts, &[])?;
        match &other {
            Verdict::Denial(_) if scenes.1.refuses(&other) => Ok(()),
            Verdict::Denial(denial) => Err(denial.detail.clone()),
            Verdict::Permit(_) => Err("the other version permits it too".to_owned()),
        }
    };
    differs(facts)?;
    Ok(explain(first, facts, |fewer| differs(fewer).is_ok()))
}

/// Everything but the rules of gateways, the number of the version and the generated examples must stay word
/// for word; recording may only become stricter.
fn beside(old: &Version, new: &Version) -> Result<(), String> {
    let body = |of: &Instrument| {
        let sides: Vec<_> = of.body.sides().iter().map(|side| of.body.organisation(*side).clone()).collect();
        (of.body.noun(), sides, of.body.service().cloned())
    };
    let same = |same: bool, why: &str| if same { Ok(()) } else { Err(why.to_owned()) };
    // What was worded by another library would be worded anew beside the amendment.
    same(
        contract::check(old.source()).is_ok(),
        "the version before is worded otherwise than this Writ words it",
    )?;
    same(contract::check(new.source()).is_ok(), "its generated wording is not what this Writ writes")?;
    same(old.name == new.name, "it has another name")?;
    same(body(old) == body(new), "it is between others, or for another service")?;
    same(old.signing == new.signing, "other people sign it")?;
    same(old.title == new.title, "it has another title")?;
    same(old.headings == new.headings, "its sections have other titles")?;
    same(
        opening(old) == opening(new) && frame(old) == frame(new),
        "it binds others, or is to be read otherwise",
    )?;
    same(norms(old) == norms(new) && words(old) == words(new), "its duties, powers or words are others")?;
    same(by_hand(old.source()) == by_hand(new.source()), "people wrote other text into it")?;
    let permits = |of: &Instrument| -> Vec<Option<u64>> {
        let permits =
            of.rules().into_iter().filter(|(number, _, rule)| rule.permits && *number != Number::READING);
        permits.map(|(_, _, rule)| rule.recorded_within.map(|span| span.as_ms())).collect()
    };
    let strictest = permits(old).into_iter().map(Option::unwrap_or_default).min().unwrap_or(0);
    let later = permits(new).into_iter().map(Option::unwrap_or_default).any(|span| span > strictest);
    same(!later, "acts may be recorded later than before")?;
    let put_off = |of: &Instrument| -> Vec<Number> {
        of.rules().into_iter().filter(|(_, _, rule)| rule.puts_off).map(|(number, _, _)| number).collect()
    };
    same(put_off(old) == put_off(new), "other refusals say when the request may be tried again")
}

/// The sentences that are no rules of a gateway, each with its clause.
fn words(instrument: &Instrument) -> Vec<(Number, String)> {
    let said = instrument.statements().into_iter();
    said.filter(|(_, _, said)| !matches!(said.norm, Norm::Rule(_)))
        .map(|(number, _, said)| (number, said.text))
        .collect()
}

/// The lines of a document that are neither generated nor parameters: headings of every level, and comments
/// in the TOML of blocks and front matter, which people read and sign with the rest.
fn by_hand(source: &str) -> Vec<String> {
    let (mut generated, mut toml) = (false, false);
    let mut found = Vec::new();
    for line in source.lines() {
        let text = line.trim();
        if generated {
            generated = text != CLOSE;
        } else if text == OPEN || text == ANNEX {
            generated = true;
        } else if matches!(text, "+++" | "```clause" | "```") {
            toml = text == "```clause" || (text == "+++" && !toml);
        } else if !text.is_empty() && (!toml || text.contains('#')) {
            found.push(text.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::by_hand;

    #[test]
    fn what_people_wrote_is_seen_and_what_writ_wrote_is_not() {
        let source = "+++\nname = \"deal\" # a note\n+++\n\n# Title\n\n<!-- words of Writ -->\n> words\n<!-- end of words -->\n\n\
                      ### Aside\n\n```clause\nkind = \"permit\"\n# and more\n```\n";
        assert_eq!(by_hand(source), ["name = \"deal\" # a note", "# Title", "### Aside", "# and more"]);
    }
}
