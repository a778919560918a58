//! How a request, a span of time and a number read in an example. What is asked in one is beside this.

use super::{START_MS, say};
use crate::document::{Body, Instrument};
use crate::norm::{Facts, Flag, Label, Measure, Test};
use crate::terms::{Class, Weekday};
use crate::value::{Span, instant};
use registry::Name;

/// What a test speaks of, so that the text mentions it.
#[derive(Default)]
pub(super) struct Touched {
    measures: Vec<Measure>,
    labels: Vec<Label>,
    flags: Vec<Flag>,
    roles: Vec<Name>,
}

impl Touched {
    pub(super) fn by(test: &Test) -> Self {
        let mut touched = Self::default();
        test.visit(&mut |test| match test {
            Test::AtLeast(measure, _) | Test::MoreThan(measure, _) => touched.measures.push(measure.clone()),
            Test::OneOf(label, _) => touched.labels.push(*label),
            Test::Is(flag) => touched.flags.push(*flag),
            Test::HasRole(role) => touched.roles.push(role.clone()),
            Test::All(_) | Test::Any(_) | Test::Not(_) => {}
        });
        touched.measures.sort();
        touched.measures.dedup();
        touched.labels.sort();
        touched.labels.dedup();
        touched.flags.sort();
        touched.flags.dedup();
        touched.roles.sort();
        touched.roles.dedup();
        touched
    }
}

pub(super) fn request_text(instrument: &Instrument, facts: &Facts, touched: &Touched) -> String {
    let mut parts: Vec<String> = Vec::new();
    let address = [Measure::AddressHigh, Measure::AddressLow];
    let halves = touched.measures.contains(&Measure::AddressLow);
    for measure in touched.measures.iter().filter(|measure| !(halves && **measure == Measure::AddressHigh)) {
        let value = facts.measure(measure);
        parts.push(match measure {
            Measure::Now => format!("on {}", instant(value.unsigned_abs())),
            Measure::CredentialLife => format!("with a certificate issued for {}", span(value)),
            Measure::CredentialAge => format!("with a certificate issued {} ago", span(value)),
            Measure::DelegationDepth => format!("through {} in between", counted(value, "machine")),
            Measure::ResourceClass => {
                let class = Class::ALL.iter().find(|class| class.rank() == value);
                format!("which is classified {}", class.map_or("higher still", |class| class.words()))
            }
            Measure::AddressHigh | Measure::AddressLow => {
                format!("from {}", address_of(address.each_ref().map(|half| facts.measure(half))))
            }
            Measure::RenewedUntil if value == 0 => "never renewed".to_owned(),
            Measure::RenewedUntil => format!("renewed until {}", instant(value.unsigned_abs())),
            Measure::WeekMinute(zone) => {
                let day = Weekday::ALL.get(usize::try_from(value.rem_euclid(10_080) / 1_440).unwrap_or(0));
                let minute = value.rem_euclid(1_440);
                let day = day.map_or("a day", |day| day.words()).trim_end_matches('s');
                format!("on a {day} at {:02}:{:02} (time of {zone})", minute / 60, minute % 60)
            }
            Measure::Counted(meter) => {
                let number = crate::value::grouped(value.unsigned_abs());
                format!("after {number} {} in the {} before", meter.unit.words(), meter.window)
            }
            Measure::Approvals(_) => format!("with {}", counted(value, "approval")),
            Measure::ReviewOverdue => format!("with a review overdue by {}", span(value)),
            Measure::Silence => format!("{} after the control ledger was last heard from", span(value)),
            Measure::OwnerlessFor => format!("{} after one of them left", span(value)),
            Measure::BoundFor => format!("{} after this instrument began to bind", span(value)),
        });
    }
    for label in &touched.labels {
        let value = facts.label(*label);
        parts.push(match value.as_str() {
            "" => format!("without a {}", label.words()),
            value => format!("where the {} is “{value}”", label.words()),
        });
    }
    for flag in &touched.flags {
        let set = facts.flag(*flag);
        let text = match (flag, set) {
            (Flag::Changes, true) => "which changes something",
            (Flag::Changes, false) => "which only reads",
            (Flag::Chartered, true) => "with a charter in force",
            (Flag::Chartered, false) => "without a charter in force",
            (Flag::Owned, true) => "with an owner and a deputy",
            (Flag::Owned, false) => "without an owner or a deputy",
            (Flag::Suspended, true) => "while the instrument is suspended",
            (Flag::Suspended, false) => "while the instrument is not suspended",
        };
        parts.push(text.to_owned());
    }
    for role in &touched.roles {
        let held = if facts.roles.contains(role) { "with" } else { "without" };
        parts.push(format!("{held} the role “{role}”"));
    }
    let circumstances: String = parts.iter().map(|part| format!(", {part}")).collect();
    let resource = match &instrument.body {
        Body::Contract { .. } => facts.resource.to_string(),
        Body::Charter { .. } | Body::Guardrail { .. } => format!("{}/{}", facts.service, facts.resource),
    };
    say(
        "annex.request",
        &[
            ("machine", &facts.machine),
            ("action", facts.action.as_str()),
            ("resource", &resource),
            ("circumstances", &circumstances),
        ],
    )
}

/// A request in words, with those of its facts that matter: setting any of them back to nothing would
/// change what `still` says of it.
pub fn explain(instrument: &Instrument, facts: &Facts, mut still: impl FnMut(&Facts) -> bool) -> String {
    let mut facts = facts.clone();
    let mut try_without = |facts: &mut Facts, change: &dyn Fn(&mut Facts)| {
        let mut fewer = facts.clone();
        change(&mut fewer);
        if still(&fewer) {
            *facts = fewer;
        }
    };
    // An ordinary Monday morning needs no mention.
    try_without(&mut facts, &|facts| {
        facts.measures.insert(Measure::Now, START_MS.cast_signed());
    });
    for measure in facts.measures.keys().cloned().collect::<Vec<_>>() {
        try_without(&mut facts, &|facts| {
            facts.measures.remove(&measure);
        });
    }
    for label in facts.labels.keys().copied().collect::<Vec<_>>() {
        try_without(&mut facts, &|facts| {
            facts.labels.remove(&label);
        });
    }
    for flag in facts.flags.keys().copied().collect::<Vec<_>>() {
        try_without(&mut facts, &|facts| {
            facts.flags.remove(&flag);
        });
    }
    for role in facts.roles.clone() {
        try_without(&mut facts, &|facts| facts.roles.retain(|held| *held != role));
    }
    let own = [Label::Action, Label::Machine, Label::Resource, Label::Service];
    let touched = Touched {
        measures: facts
            .measures
            .iter()
            .filter(|(measure, value)| **measure != Measure::Now || **value != START_MS.cast_signed())
            .map(|(measure, _)| measure.clone())
            .collect(),
        labels: facts.labels.keys().copied().filter(|label| !own.contains(label)).collect(),
        flags: facts.flags.keys().copied().collect(),
        roles: facts.roles.clone(),
    };
    request_text(instrument, &facts, &touched)
}

fn counted(number: i64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A span that may be just beyond a round one.
pub(super) fn span(ms: i64) -> String {
    let ms = ms.unsigned_abs();
    let (round, rest) = (ms - ms % 1_000, ms % 1_000);
    match (round, rest) {
        (0, rest) => format!("{rest} ms"),
        (round, 0) => Span::from_ms(round).to_string(),
        (round, rest) => format!("{} and {rest} ms", Span::from_ms(round)),
    }
}

fn address_of([high, low]: [i64; 2]) -> std::net::IpAddr {
    let half = |half: i64| u128::from(half.cast_unsigned() ^ (1 << 63));
    std::net::Ipv6Addr::from_bits((half(high) << 64) | half(low)).to_canonical()
}
