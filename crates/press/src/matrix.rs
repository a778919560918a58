//! The authority matrix: for each act on each resource what the clauses say, at a glance. It is worked
//! out from the same rules the gateway holds; what it cannot know without a request counts as a limit.

use contract::norm::{Flag, Label, Masking, Measure, Norm, On, Rule, StatementBound, Test};
use contract::{Body, Instrument, Kind, Number};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A column: acts of one name, or all that no clause names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Named(String),
    /// With whether they change something, where a clause tells these apart.
    Other(Option<bool>),
}

/// A row: a resource, a whole service, or all that no clause names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    Named(On),
    Other,
}

/// What is known of a condition before there is a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    Always,
    Depends,
    Never,
}

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    May,
    MayLimited,
    NeedsApproval,
    Refused,
    ShallNot,
}

impl Verdict {
    /// A guardrail permits nothing by itself.
    fn words(self, guardrail: bool) -> &'static str {
        match (self, guardrail) {
            (Self::May, false) => "may",
            (Self::May, true) => "not prohibited",
            (Self::MayLimited, false) => "may, limited",
            (Self::MayLimited, true) => "limited",
            (Self::NeedsApproval, _) => "needs approval",
            (Self::Refused, _) => "refused",
            (Self::ShallNot, _) => "shall not",
        }
    }
}

/// A clause's rule, and whether the clause is about the instrument's life rather than about acts.
struct Held {
    number: Number,
    rule: Rule,
    approval: bool,
    standing: bool,
}

struct Matrix<'i> {
    instrument: &'i Instrument,
    held: Vec<Held>,
}

/// The data of the matrix.
pub(crate) fn of(instrument: &Instrument) -> Value {
    let matrix = Matrix { instrument, held: held(instrument) };
    let (acts, things) = (matrix.acts(), matrix.things());
    let row = |thing: &Thing| {
        let cells: Vec<Value> = acts.iter().map(|act| matrix.cell(act, thing)).collect();
        json!({ "resource": matrix.thing(thing), "cells": cells })
    };
    let labels: Vec<String> = acts.iter().map(|act| label(act, acts.len())).collect();
    json!({
        "acts": labels,
        "rows": things.iter().map(row).collect::<Vec<_>>(),
        "notes": matrix.notes().iter().map(|note| crate::data::runs(note)).collect::<Vec<_>>(),
    })
}

fn held(instrument: &Instrument) -> Vec<Held> {
    let kind = |number| instrument.clause(number).map(|clause| &clause.kind);
    let standing =
        |number| matches!(kind(number), Some(Kind::Ownership(_) | Kind::Suspension(_) | Kind::Term(_)));
    let approval = |number| matches!(kind(number), Some(Kind::Approval(_)));
    let masked = instrument.statements().into_iter().filter_map(|(number, _, said)| match said.norm {
        // A masked answer is an answer: a limit, not a prohibition.
        Norm::Masking(Masking { rule, .. }) | Norm::Statement(StatementBound { rule, .. }) => {
            Some((number, Rule { permits: false, when: unknown(rule.when), ..rule }))
        }
        Norm::Cap(_)
        | Norm::Duty(_)
        | Norm::Departure(_)
        | Norm::Evidence(_)
        | Norm::Issuance(_)
        | Norm::Level(_)
        | Norm::Power(_)
        | Norm::Rule(_)
        | Norm::Words(_) => None,
    });
    let rules = instrument.rules().into_iter().map(|(number, _, rule)| (number, rule));
    rules
        .chain(masked)
        .map(|(number, rule)| Held { number, rule, approval: approval(number), standing: standing(number) })
        .collect()
}

/// The condition, and something nobody knows before the answer is there.
fn unknown(when: Test) -> Test {
    Test::and(vec![when, Test::AtLeast(Measure::ResourceClass, 0)])
}

fn label(act: &Act, columns: usize) -> String {
    let other = |word: &str| if columns > 2 { format!("any other {word}") } else { format!("any {word}") };
    match act {
        Act::Named(name) => name.clone(),
        Act::Other(None) => other("act"),
        Act::Other(Some(true)) => other("change"),
        Act::Other(Some(false)) => other("reading"),
    }
}

impl Matrix<'_> {
    fn acts(&self) -> Vec<Act> {
        let mut acts: Vec<Act> = Vec::new();
        for name in self.held.iter().flat_map(|held| &held.rule.actions) {
            let act = Act::Named(name.to_string());
            if !acts.contains(&act) {
                acts.push(act);
            }
        }
        let mut by_effect = false;
        for held in self.held.iter().filter(|held| held.rule.actions.is_empty()) {
            held.rule.when.visit(&mut |test| by_effect |= *test == Test::Is(Flag::Changes));
        }
        if by_effect {
            acts.extend([Act::Other(Some(false)), Act::Other(Some(true))]);
        } else {
            acts.push(Act::Other(None));
        }
        acts
    }

    fn things(&self) -> Vec<Thing> {
        let mut things: Vec<Thing> = Vec::new();
        for on in self.held.iter().flat_map(|held| &held.rule.resources) {
            let thing = Thing::Named(on.clone());
            if !things.contains(&thing) {
                things.push(thing);
            }
        }
        things.push(Thing::Other);
        things
    }

    fn thing(&self, thing: &Thing) -> String {
        let alone = self.things().len() == 1;
        match (thing, &self.instrument.body) {
            (Thing::Named(On { resource: Some(resource), .. }), Body::Contract { .. }) => {
                resource.to_string()
            }
            (Thing::Named(On { service, resource: Some(resource) }), _) => format!("{service}/{resource}"),
            (Thing::Named(On { service, resource: None }), _) => format!("{service} (all)"),
            (Thing::Other, Body::Contract { .. }) if alone => "any resource".to_owned(),
            (Thing::Other, Body::Contract { .. }) => "any other resource".to_owned(),
            (Thing::Other, Body::Charter { .. } | Body::Guardrail { .. }) if alone => {
                "any service".to_owned()
            }
            (Thing::Other, Body::Charter { .. } | Body::Guardrail { .. }) => "anything else".to_owned(),
        }
    }

    /// Whether a rule is in force for an act on a thing, as far as that can be known.
    fn reach(&self, rule: &Rule, act: &Act, thing: &Thing) -> Truth {
        let acts = match act {
            Act::Named(name) => {
                rule.actions.is_empty() || rule.actions.iter().any(|known| known.as_str() == name)
            }
            Act::Other(_) => rule.actions.is_empty(),
        };
        let on = match thing {
            Thing::Named(on) => {
                let covers = |known: &On| {
                    known.service == on.service && (known.resource.is_none() || known.resource == on.resource)
                };
                rule.resources.is_empty() || rule.resources.iter().any(covers)
            }
            Thing::Other => rule.resources.is_empty(),
        };
        if !acts || !on {
            return Truth::Never;
        }
        let changes = match act {
            Act::Named(_) => None,
            Act::Other(changes) => *changes,
        };
        let party = &self.instrument.body.machine_side().party;
        let names = self.instrument.body.machines();
        let mut bound = names.iter().map(|name| rule.machines.contains(&format!("{party}/{name}")));
        let everybody = rule.machines.is_empty() || (!names.is_empty() && bound.all(|bound| bound));
        match truth(&rule.when, changes) {
            Truth::Always if !everybody => Truth::Depends,
            known @ (Truth::Always | Truth::Depends | Truth::Never) => known,
        }
    }

    fn cell(&self, act: &Act, thing: &Thing) -> Value {
        let found = |permits: bool, wanted: Truth| -> BTreeSet<Number> {
            let held = self.held.iter().filter(|held| held.rule.permits == permits && !held.standing);
            held.filter(|held| self.reach(&held.rule, act, thing) == wanted).map(|held| held.number).collect()
        };
        let guardrail = matches!(self.instrument.body, Body::Guardrail { .. });
        let cell = |verdict: Verdict, clauses: &BTreeSet<Number>, limits: &BTreeSet<Number>| json!({ "verdict": verdict.words(guardrail), "clauses": spans(clauses), "limits": spans(limits) });
        let (none, never) = (BTreeSet::new(), found(false, Truth::Always));
        if !never.is_empty() {
            return cell(Verdict::ShallNot, &never, &none);
        }
        let (always, some) = (found(true, Truth::Always), found(true, Truth::Depends));
        if always.is_empty() && some.is_empty() {
            return cell(Verdict::Refused, &BTreeSet::from([Number::READING]), &none);
        }
        let permits: BTreeSet<Number> = always.union(&some).copied().collect();
        let mut limits = found(false, Truth::Depends);
        if always.is_empty() {
            limits.extend(&some);
        }
        let approval = self.held.iter().filter(|held| held.approval && limits.contains(&held.number));
        let mut approval = approval.filter(|held| matches!(&held.rule.when, Test::Not(inner) if matches!(**inner, Test::AtLeast(Measure::Approvals(_), _))));
        let verdict = match (approval.next().is_some(), limits.is_empty()) {
            (true, _) => Verdict::NeedsApproval,
            (false, false) => Verdict::MayLimited,
            (false, true) => Verdict::May,
        };
        cell(verdict, &permits, &limits)
    }

    fn notes(&self) -> Vec<String> {
        let legend = match self.instrument.body {
            Body::Guardrail { .. } => {
                "“not prohibited”: left to charters and contracts. “limited”: left to them within the clauses named. \
                 “shall not”: prohibited, whatever they say."
            }
            Body::Charter { .. } | Body::Contract { .. } => {
                "“may”: permitted. “may, limited”: permitted within the clauses named after “limits”. “needs approval”: a \
                 person approves each act. “shall not”: prohibited. “refused”: no clause permits it."
            }
        };
        let standing: BTreeSet<Number> =
            self.held.iter().filter(|held| held.standing).map(|held| held.number).collect();
        let mut notes = vec![legend.to_owned()];
        if !standing.is_empty() {
            let (noun, verb) = if standing.len() == 1 { ("clause", "is") } else { ("clauses", "are") };
            let list: Vec<String> = standing.iter().map(ToString::to_string).collect();
            notes.push(format!("Beside these, {noun} {} {verb} about every act.", list.join(", ")));
        }
        notes.push("What the clauses say prevails over this page.".to_owned());
        vec![notes.join(" ")]
    }
}

/// What is known of a condition, given at most whether the act changes something.
fn truth(test: &Test, changes: Option<bool>) -> Truth {
    let all = |tests: &[Test], found: Truth, otherwise: Truth| {
        let known: Vec<Truth> = tests.iter().map(|test| truth(test, changes)).collect();
        if known.contains(&found) {
            found
        } else if known.contains(&Truth::Depends) {
            Truth::Depends
        } else {
            otherwise
        }
    };
    match test {
        Test::All(tests) => all(tests, Truth::Never, Truth::Always),
        Test::Any(tests) => all(tests, Truth::Always, Truth::Never),
        Test::Not(test) => match truth(test, changes) {
            Truth::Always => Truth::Never,
            Truth::Depends => Truth::Depends,
            Truth::Never => Truth::Always,
        },
        Test::Is(Flag::Changes) => match changes {
            Some(true) => Truth::Always,
            Some(false) => Truth::Never,
            None => Truth::Depends,
        },
        // A guardrail is read for the machines of its own party.
        Test::OneOf(Label::Consumer, _) => Truth::Always,
        Test::AtLeast(..) | Test::HasRole(_) | Test::Is(_) | Test::MoreThan(..) | Test::OneOf(..) => {
            Truth::Depends
        }
    }
}

/// Clauses that follow one another as spans: `[["1.1"], ["3.1", "3.4"]]`.
fn spans(numbers: &BTreeSet<Number>) -> Vec<Vec<String>> {
    let mut spans: Vec<(Number, Number)> = Vec::new();
    for number in numbers {
        match spans.last_mut() {
            Some((_, last))
                if last.section == number.section && last.item.checked_add(1) == Some(number.item) =>
            {
                *last = *number;
            }
            Some(_) | None => spans.push((*number, *number)),
        }
    }
    let one = |(first, last): (Number, Number)| {
        if first == last { vec![first.to_string()] } else { vec![first.to_string(), last.to_string()] }
    };
    spans.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRONT: &str = "+++\ninstrument = \"contract\"\nname = \"sample\"\nversion = 1\ntitle = \"Sample\"\n\n[provider]\n\
         party = \"bank\"\nlegal-name = \"Bank plc\"\nservice = \"payments\"\n\n[consumer]\nparty = \"acme\"\n\
         legal-name = \"Acme Ltd\"\nmachines = [\"a\", \"b\"]\n+++\n\n# Sample\n\n## All\n";
    const RAIL: &str = "+++\ninstrument = \"guardrail\"\nname = \"rail\"\nversion = 1\ntitle = \"Rail\"\n\n[holder]\n\
         party = \"acme\"\nlegal-name = \"Acme Ltd\"\n+++\n\n# Rail\n\n## All\n";

    /// The matrix as lines: `resource: act = verdict clauses | limits`.
    fn told(front: &str, blocks: &[&str]) -> Vec<String> {
        let blocks: String = blocks.iter().map(|block| format!("\n```clause\n{block}\n```\n")).collect();
        let source = contract::format(&format!("{front}{blocks}")).unwrap();
        let matrix = of(&contract::check(&source).unwrap());
        let acts: Vec<&str> =
            matrix["acts"].as_array().unwrap().iter().map(|act| act.as_str().unwrap()).collect();
        let list = |value: &Value| {
            let spans = value.as_array().unwrap().iter().map(|span| {
                span.as_array()
                    .unwrap()
                    .iter()
                    .map(|number| number.as_str().unwrap())
                    .collect::<Vec<_>>()
                    .join("–")
            });
            spans.collect::<Vec<_>>().join(",")
        };
        let mut lines = Vec::new();
        for row in matrix["rows"].as_array().unwrap() {
            for (act, cell) in acts.iter().zip(row["cells"].as_array().unwrap()) {
                let line = format!(
                    "{}: {act} = {} {} | {}",
                    row["resource"].as_str().unwrap(),
                    cell["verdict"].as_str().unwrap(),
                    list(&cell["clauses"]),
                    list(&cell["limits"])
                );
                lines.push(line.trim_end_matches(" | ").to_owned());
            }
        }
        lines
    }

    const READ: &str = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"charges\"]";

    #[test]
    fn what_nothing_limits_may() {
        assert_eq!(
            told(FRONT, &[READ, "kind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"charges\"]"]),
            [
                "charges: read = may 1.1",
                "charges: delete = shall not 1.2",
                "charges: any other act = refused 0.1",
                "any other resource: read = refused 0.1",
                "any other resource: delete = refused 0.1",
                "any other resource: any other act = refused 0.1",
            ]
        );
    }

    #[test]
    fn limits_on_every_act_are_limits() {
        let quota = "kind = \"quota\"\nlimit = 5\nwindow = \"1 minute\"";
        let class = "kind = \"classification\"\nmax = \"internal\"";
        let of = told(
            FRONT,
            &[
                READ,
                quota,
                class,
                "kind = \"quota\"\nlimit = 2\nwindow = \"1 hour\"\nonly = { actions = [\"pay\"] }",
            ],
        );
        assert_eq!(of[0], "charges: read = may, limited 1.1 | 1.2–1.3");
    }

    #[test]
    fn what_is_for_some_machines_is_limited() {
        let roles = format!("{READ}\nonly = {{ roles = [\"teller\"] }}");
        assert_eq!(told(FRONT, &[&roles])[0], "charges: read = may, limited 1.1 | 1.1");
        let machines = format!("{READ}\nonly = {{ machines = [\"a\"] }}");
        assert_eq!(told(FRONT, &[&machines])[0], "charges: read = may, limited 1.1 | 1.1");
        let not_for_a = "kind = \"prohibit\"\nactions = [\"read\"]\nresources = [\"charges\"]\nonly = { machines = [\"a\"] }";
        assert_eq!(told(FRONT, &[READ, not_for_a])[0], "charges: read = may, limited 1.1 | 1.2");
    }

    #[test]
    fn approval_and_masking_are_told() {
        let approval = "kind = \"approval\"\npeople = 1\nrole = \"lead\"\nvalid-for = \"1 hour\"\nonly = { actions = [\"read\"] }";
        assert_eq!(told(FRONT, &[READ, approval])[0], "charges: read = needs approval 1.1 | 1.2");
        let masking = "kind = \"masking\"\nfields = [\"card.number\"]\nmethod = \"drop\"";
        assert_eq!(told(FRONT, &[READ, masking])[0], "charges: read = may, limited 1.1 | 1.2");
    }

    #[test]
    fn a_guardrail_that_names_no_act_has_one_too() {
        let prohibit = "kind = \"prohibit\"\nactions = \"any\"\nresources = \"any\"\neffect = \"change\"";
        assert_eq!(
            told(RAIL, &[prohibit, "kind = \"delegation\"\nmax-depth = 2"]),
            ["any service: any reading = limited 0.1 | 1.2", "any service: any change = shall not 1.1"]
        );
        let some = format!("{prohibit}\nonly = {{ environments = [\"test\"] }}");
        assert_eq!(
            told(RAIL, &[&some]),
            ["any service: any reading = not prohibited 0.1", "any service: any change = limited 0.1 | 1.1"]
        );
    }
}
