//! Examples of norms that are no rules of a gateway: duties, levels, powers, masking, statements, evidence, caps, words.

use super::telling::span;
use super::{Found, START_MS, Subject, say};
use crate::clause::Number;
use crate::document::Instrument;
use crate::kind::Liability;
use crate::norm::{
    Bound, Cap, Departure, Detector, Duty, Evidence, Ground as PowerGround, Issuance, Level, Masking, Power,
    Rule, SqlTouch, StatementBound, Words,
};
use crate::setting::{Setting, join};
use crate::terms::{Money, Ratio, Side};
use crate::value::{grouped, instant};

pub(super) fn duty_examples(duty: &Duty) -> Found {
    let deadline = duty.deadline_ms(START_MS);
    let example = |done_ms: u64, holds| {
        let (start, done) = (instant(START_MS), instant(done_ms));
        let act = duty.act.words();
        let text = match duty.after {
            Some(trigger) => say(
                "annex.timeline",
                &[("trigger", trigger.words()), ("start", &start), ("act", act), ("done", &done)],
            ),
            None => say("annex.recurring", &[("act", act), ("start", &start), ("done", &done)]),
        };
        (Subject::Times { start_ms: START_MS, done_ms }, holds, text)
    };
    vec![example(deadline, true), example(deadline + 1_000, false)]
}

pub(super) fn level_examples(level: &Level) -> Found {
    let example = |milli: u32, holds| {
        let measured = Ratio::from_milli_percent(milli).map_or_else(String::new, |ratio| ratio.to_string());
        let text = say("annex.level", &[("measured", &measured), ("period", &level.period.to_string())]);
        (Subject::Measured(milli), holds, text)
    };
    let below = level.target.checked_sub(1).map(|milli| example(milli, false));
    std::iter::once(example(level.target, true)).chain(below).collect()
}

pub(super) fn power_examples(power: &Power, setting: &Setting<'_>) -> Found {
    let example = |holder: Option<Side>, ground: Option<&PowerGround>, holds| {
        let who = holder.map_or_else(|| "somebody else".to_owned(), |side| setting.side(side));
        let on = ground.map_or_else(String::new, |ground| format!(" {}", ground.words));
        let text = say("annex.power", &[("holder", &who), ("effect", power.effect.words()), ("ground", &on)]);
        (Subject::Exercise { holder, ground: ground.map(|ground| ground.code.clone()) }, holds, text)
    };
    let because =
        |ground: &PowerGround| PowerGround { words: format!("because {}", ground.words), ..ground.clone() };
    let known = power.grounds.first().map(because);
    let other =
        PowerGround { code: "none-of-these".to_owned(), words: "without naming such a ground".to_owned() };
    let known = known.as_ref();
    let mut found = vec![example(power.holders.first().copied(), known, true)];
    if known.is_some() {
        found.push(example(power.holders.first().copied(), Some(&other), false));
    }
    found.push(example(None, known, false));
    found
}

pub(super) fn masking_examples(masking: &Masking) -> Found {
    let field = |field: &str, holds| {
        (Subject::Field(field.to_owned()), holds, say("annex.field", &[("field", field)]))
    };
    let text = |found: Option<Detector>| {
        let what = found.map_or("nothing of these", Detector::words);
        (Subject::Found(found), found.is_some(), say("annex.found", &[("found", what)]))
    };
    if let Some(found) = masking.detect.first() {
        return vec![text(Some(*found)), text(None)];
    }
    let other = (0..).map(|n| if n == 0 { "note".to_owned() } else { format!("note-{n}") });
    let other = other.into_iter().find(|field| !masking.covers(field)).unwrap_or_default();
    masking.fields.first().map(|known| field(known, true)).into_iter().chain([field(&other, false)]).collect()
}

pub(super) fn statement_examples(bound: &Bound) -> Found {
    let statement = |columns: Option<&str>, which_rows, holds, text| {
        let columns = columns.map(|column| vec![column.to_owned()]);
        (Subject::Statement(SqlTouch { columns, which_rows, ..SqlTouch::plain() }), holds, text)
    };
    match bound {
        Bound::Columns(named) => {
            let says = |column: &str| say("annex.column", &[("column", column)]);
            let within = |column: &str| {
                let bound = StatementBound { rule: Rule::any(), bound: bound.clone() };
                let columns = Some(vec![column.to_owned()]);
                bound.allows(&SqlTouch { columns, ..SqlTouch::plain() })
            };
            let other = (0..).map(|n| if n == 0 { "note".to_owned() } else { format!("note-{n}") });
            let other = other.into_iter().find(|column| !within(column)).unwrap_or_default();
            let first = named.first().map_or("", String::as_str);
            vec![
                statement(Some(first), true, true, says(first)),
                statement(Some(&other), true, false, says(&other)),
                statement(None, true, false, say("annex.columns-all", &[])),
            ]
        }
        Bound::WhichRows => vec![
            statement(None, true, true, say("annex.rows-some", &[])),
            statement(None, false, false, say("annex.rows-all", &[])),
        ],
        Bound::Rows(most) => {
            let gives = |rows: u64, holds| {
                let text = say("annex.rows", &[("rows", &grouped(rows))]);
                (Subject::Rows(rows), holds, text)
            };
            vec![gives((*most).into(), true), gives(u64::from(*most) + 1, false)]
        }
        Bound::Transaction(longest) => {
            let ms = longest.as_ms();
            let open = |ms: u64, holds| {
                let text = say("annex.transaction", &[("span", &span(ms.cast_signed()))]);
                (Subject::Transaction(ms), holds, text)
            };
            vec![open(ms, true), open(ms.saturating_add(1_000), false)]
        }
    }
}

pub(super) fn evidence_examples(evidence: &Evidence) -> Found {
    let example = |ms: u64, holds| {
        let age = span(ms.cast_signed());
        (Subject::Age(ms), holds, say("annex.age", &[("subject", &evidence.subject), ("age", &age)]))
    };
    let bound = evidence.span.as_ms();
    // The unit the clause is written in, so that both ages read easily.
    let unit = if bound.is_multiple_of(86_400_000) { 86_400_000 } else { 1_000 };
    let beyond = if evidence.at_least { bound.saturating_sub(unit) } else { bound + unit };
    vec![example(bound, true), example(beyond, false)]
}

pub(super) fn departure_examples(departure: &Departure) -> Found {
    let gone = |ms: u64, holds| {
        let shown = say("annex.departure", &[("span", &span(ms.cast_signed()))]);
        (Subject::Gone(Some(ms)), holds, shown)
    };
    match departure.after_ms {
        0 => vec![gone(1_000, true), (Subject::Gone(None), false, say("annex.departure-none", &[]))],
        after => vec![gone(after, true), gone(after.saturating_sub(1_000), false)],
    }
}

pub(super) fn issuance_examples(issuance: &Issuance) -> Found {
    match issuance {
        Issuance::Audiences(known) => {
            let example = |audience: &str, holds| {
                let shown = say("annex.audience", &[("audience", audience)]);
                (Subject::Audience(audience.to_owned()), holds, shown)
            };
            let other = format!("{}.another", known.first().map_or("", String::as_str));
            known.first().map(|one| example(one, true)).into_iter().chain([example(&other, false)]).collect()
        }
        Issuance::RenewAt(most) => {
            let example = |percent: u8, holds| {
                let shown = say("annex.renewal", &[("percent", &percent.to_string())]);
                (Subject::Renewed(percent), holds, shown)
            };
            vec![example(*most, true), example(most.saturating_add(1), false)]
        }
    }
}

pub(super) fn cap_examples(cap: &Cap) -> Found {
    let example = |claim: u64, holds| {
        (Subject::Claim(claim), holds, say("annex.cap", &[("claim", &cap.money.with_amount(claim).words())]))
    };
    vec![example(cap.amount, true), example(cap.amount + 1, false)]
}

/// Words name values people can keep to: an address for notices, a forum.
pub(super) fn value_examples(words: &Words) -> Found {
    let named = ["address", "forum"].iter().find_map(|key| words.values.get_key_value(key));
    let Some((key, value)) = named else { return Vec::new() };
    let (yes, no) = match *key {
        "address" => (format!("a notice to {value}"), "a notice to another address".to_owned()),
        _ => (format!("a suit before the courts of {value}"), "a suit before other courts".to_owned()),
    };
    let example = |value: String, holds, text: &str| {
        (Subject::Value(key, value), holds, say("annex.value", &[("value", text)]))
    };
    vec![example(value.clone(), true, &yes), example(String::new(), false, &no)]
}

/// Of a promise in words: what it names, and what it does not.
pub(super) fn liability_examples(liability: &Liability, words: &Words) -> Found {
    let Some(text) = words.values.get("text") else { return Vec::new() };
    let is = |promise: Option<String>| promise.as_ref() == Some(text);
    let (yes, no) = if is(liability.insurance.map(Money::words)) {
        let less = liability.insurance.map(|sum| sum.with_amount(sum.amount.saturating_sub(1)).words());
        (format!("insurance of {text}"), format!("insurance of {}", less.unwrap_or_default()))
    } else if is(liability.indemnity.as_ref().map(ToString::to_string)) {
        (format!("to indemnify against {text}"), "to indemnify against nothing".to_owned())
    } else {
        (format!("that {text}"), "that this is not so".to_owned())
    };
    let example = |value: String, holds, text: &str| {
        (Subject::Value("text", value), holds, say("annex.value", &[("value", text)]))
    };
    vec![example(text.clone(), true, &yes), example(String::new(), false, &no)]
}

/// Of a change: signed as it must be, and by one person less.
pub(super) fn signing_examples(instrument: &Instrument) -> Found {
    let setting = Setting { instrument, number: Number::READING };
    let enough: Vec<(Side, u32)> =
        instrument.body.sides().iter().map(|side| (*side, instrument.signing.quorum_of(*side))).collect();
    let mut fewer = enough.clone();
    if let Some((_, people)) = fewer.last_mut() {
        *people = people.saturating_sub(1);
    }
    let example = |people: Vec<(Side, u32)>, holds| {
        let signed: Vec<String> = people
            .iter()
            .map(|(side, people)| match people {
                0 => format!("nobody for {}", setting.side(*side)),
                1 => format!("1 person for {}", setting.side(*side)),
                several => format!("{several} people for {}", setting.side(*side)),
            })
            .collect();
        let text = format!("a new version signed by {}", join(&signed, "and"));
        (Subject::Signed(people), holds, say("annex.value", &[("value", &text)]))
    };
    vec![example(enough, true), example(fewer, false)]
}
