//! Examples: for each sentence, what is just within it and what is just beyond. They are printed in the
//! annex, signed with the rest, and tried on the compiled policy whenever a document is drafted.

mod norms;
mod request;
mod telling;

pub use telling::explain;

use crate::clause::Number;
use crate::document::Instrument;
use crate::kind::Kind;
use crate::library::Library;
use crate::norm::{Detector, Facts, Issuance, Norm, Rule, SqlTouch};
use crate::setting::Setting;
use crate::terms::Side;
use norms::{
    cap_examples, departure_examples, duty_examples, evidence_examples, issuance_examples, level_examples,
    liability_examples, masking_examples, power_examples, signing_examples, statement_examples,
    value_examples,
};
use request::{Ground, request_examples};

/// An example of one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The clause.
    pub clause: Number,
    /// Which of its sentences.
    pub statement: usize,
    /// What happens.
    pub subject: Subject,
    /// Whether it is permitted, kept, effective, … .
    pub holds: bool,
    /// What happens, in words.
    pub text: String,
}

/// What happens in an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A request reaches the gateway.
    Request(Box<Facts>),
    /// A duty is set off and fulfilled.
    Times {
        /// Set off.
        start_ms: u64,
        /// Fulfilled.
        done_ms: u64,
    },
    /// A share is measured, in thousandths of a percent.
    Measured(u32),
    /// Somebody exercises a power.
    Exercise {
        /// Who; none is somebody who is no side.
        holder: Option<Side>,
        /// On which ground.
        ground: Option<String>,
    },
    /// A field of an answer.
    Field(String),
    /// A text of an answer, and what is found in it.
    Found(Option<Detector>),
    /// A statement is said to a database.
    Statement(SqlTouch),
    /// A transaction is open for so long, in milliseconds.
    Transaction(u64),
    /// A statement gives or changes so many rows.
    Rows(u64),
    /// An age is measured, in milliseconds.
    Age(u64),
    /// Somebody accountable left so many milliseconds ago; none is that nobody left.
    Gone(Option<u64>),
    /// A token is asked for, for this audience.
    Audience(String),
    /// A certificate is renewed when this much of its life is over, in percent.
    Renewed(u8),
    /// A claim is made.
    Claim(u64),
    /// A new version is signed by so many people of each side.
    Signed(Vec<(Side, u32)>),
    /// A value is used where the words name one.
    Value(&'static str, String),
}

/// Monday, 1 March 2027, 09:00 UTC: where timelines begin.
const START_MS: u64 = 1_803_891_600_000;

impl Example {
    /// The outcome in a word or two.
    pub fn outcome(&self) -> String {
        let kind = match self.subject {
            Subject::Request(_) => "rule",
            Subject::Times { .. } => "duty",
            Subject::Measured(_) => "level",
            Subject::Exercise { .. } | Subject::Signed(_) => "power",
            Subject::Field(_) | Subject::Found(_) => "field",
            Subject::Statement(_) | Subject::Transaction(_) | Subject::Rows(_) => "statement",
            Subject::Age(_) => "age",
            Subject::Audience(_) => "audience",
            Subject::Gone(_) => "departure",
            Subject::Renewed(_) => "renewal",
            Subject::Claim(_) => "cap",
            Subject::Value(..) => "value",
        };
        let answer = if self.holds { "yes" } else { "no" };
        Library::current().fill(&format!("outcome.{kind}-{answer}"), &[])
    }
}

impl Instrument {
    /// Tries an example on the norms, independently of how it was found. None if they do not fit each other.
    pub fn judge(&self, example: &Example) -> Option<bool> {
        if let Subject::Request(facts) = &example.subject {
            return Some(permits(&self.rules(), facts));
        }
        let clause = self.clause(example.clause)?;
        let said = self.statements_of(clause).into_iter().nth(example.statement)?;
        match (&said.norm, &example.subject) {
            (Norm::Duty(duty), Subject::Times { start_ms, done_ms }) => {
                Some(duty.is_kept(*start_ms, *done_ms))
            }
            (Norm::Level(level), Subject::Measured(milli)) => Some(level.is_reached(*milli)),
            (Norm::Power(power), Subject::Exercise { holder, ground }) => {
                Some(power.is_effective(*holder, ground.as_deref()))
            }
            (Norm::Masking(masking), Subject::Field(field)) => Some(masking.covers(field)),
            (Norm::Masking(masking), Subject::Found(found)) => {
                Some(found.is_some_and(|found| masking.detect.contains(&found)))
            }
            (Norm::Statement(bound), Subject::Statement(touched)) => Some(bound.allows(touched)),
            (Norm::Statement(bound), Subject::Transaction(ms)) => Some(bound.allows_transaction(*ms)),
            (Norm::Statement(bound), Subject::Rows(rows)) => Some(bound.allows_rows(*rows)),
            (Norm::Evidence(evidence), Subject::Age(ms)) => Some(evidence.holds(*ms)),
            (Norm::Departure(departure), Subject::Gone(since)) => {
                Some(since.is_some_and(|since| since >= departure.after_ms))
            }
            (Norm::Issuance(Issuance::Audiences(known)), Subject::Audience(audience)) => {
                Some(known.contains(audience))
            }
            (Norm::Issuance(Issuance::RenewAt(most)), Subject::Renewed(percent)) => Some(percent <= most),
            (Norm::Cap(cap), Subject::Claim(claim)) => Some(cap.owed(*claim) == *claim),
            (Norm::Words(words), Subject::Value(key, value)) => Some(words.values.get(key) == Some(value)),
            (Norm::Words(_), Subject::Signed(people)) => {
                let signed = |side: &Side| people.iter().find(|(of, _)| of == side).map_or(0, |(_, n)| *n);
                Some(self.body.sides().iter().all(|side| signed(side) >= self.signing.quorum_of(*side)))
            }
            _ => None,
        }
    }
}

/// Whether rules permit a request: some permit applies and no prohibition does.
pub fn permits(rules: &[(Number, usize, Rule)], facts: &Facts) -> bool {
    let applies =
        |wanted: bool| rules.iter().any(|(_, _, rule)| rule.permits == wanted && rule.applies(facts));
    applies(true) && !applies(false)
}

/// The examples of an instrument, in the order of its sentences.
pub fn examples(instrument: &Instrument) -> Vec<Example> {
    let rules = instrument.rules();
    let ground = Ground::of(instrument, &rules);
    let mut found = Vec::new();
    for (clause, statement, said) in instrument.statements() {
        let setting = Setting { instrument, number: clause };
        let pairs = match &said.norm {
            Norm::Rule(rule) => request_examples(instrument, &rules, &ground, rule),
            Norm::Duty(duty) => duty_examples(duty),
            Norm::Level(level) => level_examples(level),
            Norm::Power(power) => power_examples(power, &setting),
            Norm::Masking(masking) => masking_examples(masking),
            Norm::Statement(bound) => statement_examples(&bound.bound),
            Norm::Evidence(evidence) => evidence_examples(evidence),
            Norm::Departure(departure) => departure_examples(departure),
            Norm::Issuance(issuance) => issuance_examples(issuance),
            Norm::Cap(cap) => cap_examples(cap),
            Norm::Words(words) => match instrument.clause(clause).map(|clause| &clause.kind) {
                Some(Kind::Amendment(amendment)) if amendment.narrowing_by.is_empty() => {
                    signing_examples(instrument)
                }
                Some(Kind::Liability(liability)) => liability_examples(liability, words),
                Some(_) | None => value_examples(words),
            },
        };
        found.extend(pairs.into_iter().map(|(subject, holds, text)| Example {
            clause,
            statement,
            subject,
            holds,
            text,
        }));
    }
    found
}

/// The first clause without an example of what is within it, or without one of what is beyond it, and why: such
/// a clause can never matter, which nobody signs on purpose. Free words name nothing that could be tried.
pub fn idle(instrument: &Instrument, found: &[Example]) -> Option<(Number, String)> {
    instrument.clauses.iter().filter(|clause| !matches!(clause.kind, Kind::Words(_))).find_map(|clause| {
        let has =
            |holds| found.iter().any(|example| example.clause == clause.number && example.holds == holds);
        let permits = matches!(clause.kind, Kind::Permit(_));
        let rules = instrument.statements_of(clause).iter().any(|said| matches!(said.norm, Norm::Rule(_)));
        let why = match (has(true), has(false)) {
            (true, true) => return None,
            (false, _) if permits => "every request it permits is prohibited by another clause",
            (true, false) if permits => "no request is beyond what it permits",
            (_, false) if rules => "it refuses no request that can be made",
            (false, true) if rules => "nothing is permitted beside it: no request gets past the clauses",
            (_, false) => "nothing that can happen is beyond it",
            (false, true) => "nothing that can happen is within it",
        };
        Some((clause.number, why.to_owned()))
    })
}

type Found = Vec<(Subject, bool, String)>;

fn say(key: &str, blanks: &[(&str, &str)]) -> String {
    Library::current().fill(key, blanks)
}
