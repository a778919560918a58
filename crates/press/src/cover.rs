//! The key terms on the cover: what a lawyer looks for first, each with the clause that says it. The
//! clauses prevail; nothing here is left out of them.

use crate::data::{Sheet, capital, is_complete, runs, side_of};
use contract::kind::general::General;
use contract::kind::liability::Liability;
use contract::kind::quota::Quota;
use contract::kind::term::Term;
use contract::terms::Side;
use contract::value::{grouped, instant};
use contract::{Instrument, Kind, Number, Span};
use serde_json::{Value, json};

/// A term: its name, what it is, the clauses that say it.
struct KeyTerm {
    label: &'static str,
    text: String,
    clauses: Vec<Number>,
}

/// The key terms, in the order in which they are asked for.
pub(crate) fn terms(sheet: &Sheet<'_>) -> Value {
    let terms = about(sheet).into_iter().chain(of_clauses(sheet.instrument)).chain(standing(sheet));
    let one = |term: KeyTerm| {
        let clauses: Vec<String> = term.clauses.iter().map(ToString::to_string).collect();
        json!({ "label": term.label, "text": runs(&term.text), "clauses": clauses })
    };
    terms.map(one).collect()
}

fn about(sheet: &Sheet<'_>) -> Vec<KeyTerm> {
    let body = &sheet.instrument.body;
    let plain = |label, text| KeyTerm { label, text, clauses: Vec::new() };
    let mut terms = Vec::new();
    if let Some(service) = body.service() {
        terms.push(plain("Service", format!("`{service}` of {}", body.holder().legal_name)));
    }
    let machines: Vec<String> = body.machines().iter().map(|machine| format!("`{machine}`")).collect();
    if !machines.is_empty() {
        let label = if machines.len() == 1 { "Machine" } else { "Machines" };
        terms.push(plain(label, format!("{} of {}", machines.join(", "), body.machine_side().legal_name)));
    }
    terms
}

/// What clauses say, kinds in the order of this list, clauses of a kind together.
fn of_clauses(instrument: &Instrument) -> Vec<KeyTerm> {
    let mut terms: Vec<KeyTerm> = Vec::new();
    let mut found: Vec<(usize, &'static str, String, Number)> = Vec::new();
    for clause in &instrument.clauses {
        let mut say = |rank, label, text| found.push((rank, label, text, clause.number));
        match &clause.kind {
            Kind::Term(term) => {
                say(0, "Term", span_of(term));
                if let Some(text) = ending(term) {
                    say(1, "Ending", text);
                }
            }
            Kind::Quota(quota) => say(2, "Quotas", quota_of(quota)),
            Kind::Availability(availability) => {
                let (target, period) = (availability.target, availability.period);
                say(3, "Availability", format!("{target} in each period of {period}"));
            }
            Kind::IncidentNotice(notice) => {
                let bearer = capital(&side_of(instrument, notice.bearer));
                say(
                    4,
                    "Incident notice",
                    format!("{bearer}: within {}, from severity {}", notice.within, notice.severity),
                );
            }
            Kind::Suspension(suspension) => {
                let holders: Vec<String> =
                    suspension.holders.iter().map(|side| side_of(instrument, *side)).collect();
                let when = suspension.notice.map_or("with immediate effect".to_owned(), |span| {
                    format!("on {} notice", possessive(span))
                });
                say(5, "Suspension", format!("By {}, {when}", holders.join(" or ")));
            }
            Kind::Audit(audit) => {
                let auditor = capital(&side_of(instrument, audit.auditor));
                say(
                    6,
                    "Audit",
                    format!(
                        "{auditor}: on {} notice, {} a year",
                        possessive(audit.notice),
                        times(audit.per_year.get())
                    ),
                );
            }
            Kind::Retention(retention) => {
                let bearer = capital(&side_of(instrument, retention.bearer));
                say(
                    7,
                    "Retention",
                    format!(
                        "{bearer}: {}, {} after {}",
                        retention.data,
                        retention.max_age,
                        retention.after.words()
                    ),
                );
            }
            Kind::Liability(liability) => {
                if let Some(text) = cap(instrument, liability) {
                    say(8, "Liability cap", text);
                }
            }
            Kind::General(general) => {
                say(9, "Governing law", law(general));
                let notices: Vec<String> = general
                    .notices
                    .iter()
                    .map(|notice| {
                        format!("{}: {}", capital(&side_of(instrument, notice.side)), notice.address)
                    })
                    .collect();
                if !notices.is_empty() {
                    say(10, "Notices", notices.join("; "));
                }
            }
            Kind::Amendment(_)
            | Kind::Approval(_)
            | Kind::Classification(_)
            | Kind::Credential(_)
            | Kind::Delegation(_)
            | Kind::Duty(_)
            | Kind::Masking(_)
            | Kind::Statement(_)
            | Kind::Ownership(_)
            | Kind::Permit(_)
            | Kind::Prohibit(_)
            | Kind::Purpose(_)
            | Kind::Residency(_)
            | Kind::Window(_)
            | Kind::Words(_) => {}
        }
    }
    found.sort_by_key(|(rank, _, _, number)| (*rank, *number));
    for (_, label, text, number) in found {
        match terms.last_mut() {
            Some(last) if last.label == label => {
                last.text.push_str(&format!("; {text}"));
                last.clauses.push(number);
            }
            Some(_) | None => terms.push(KeyTerm { label, text, clauses: vec![number] }),
        }
    }
    terms
}

/// Where it stands, as far as the seal shows it.
fn standing(sheet: &Sheet<'_>) -> Vec<KeyTerm> {
    let plain = |label, text| KeyTerm { label, text, clauses: Vec::new() };
    let mut terms = Vec::new();
    let signed = sheet.seal.signatories.iter().filter(|signatory| signatory.signature.is_some()).count();
    terms.push(match (crate::data::in_force_ms(sheet), signed) {
        (Some(from), _) => plain("In force from", day(from)),
        (None, 0) => plain("Standing", "Draft, signed by nobody".to_owned()),
        (None, 1) => plain("Standing", "Not in force: signed by 1 person so far".to_owned()),
        (None, several) => plain("Standing", format!("Not in force: signed by {several} people so far")),
    });
    if let Some(narrowing) = sheet.seal.narrowing.as_ref().filter(|_| is_complete(sheet)) {
        terms.push(plain("Narrows", format!("version {}, on the signature of one side", narrowing.version)));
    }
    let domain = sheet.seal.trust_domain();
    if !domain.is_empty() {
        terms.push(plain("Trust domain", format!("`{domain}`")));
    }
    terms
}

fn span_of(term: &Term) -> String {
    let renewed = term.renew_for.map_or(String::new(), |span| format!(", renewed for {span} each time"));
    format!("{} until {}{renewed}", day(term.start.0), day(term.end.0))
}

fn ending(term: &Term) -> Option<String> {
    let ways = [
        term.convenience.map(|span| format!("without cause on {} notice", possessive(span))),
        term.cure.map(|span| format!("for a breach not put right within {span} of notice")),
        term.renewal_notice.map(|span| format!("against renewal {span} before its end")),
    ];
    let ways: Vec<String> = ways.into_iter().flatten().collect();
    (!ways.is_empty()).then(|| capital(&ways.join("; ")))
}

fn quota_of(quota: &Quota) -> String {
    let acts: Vec<String> = quota.only.actions.iter().map(|act| format!("**{act}**")).collect();
    let acts = if acts.is_empty() { String::new() } else { format!(" ({})", acts.join(", ")) };
    let burst =
        quota.burst.map_or(String::new(), |burst| format!(", {} in 1 second", grouped(burst.get().into())));
    let limit = grouped(quota.limit.get().into());
    format!("{limit} {} in {}{burst}{acts}", quota.meter.words(), quota.window)
}

fn cap(instrument: &Instrument, liability: &Liability) -> Option<String> {
    let (cap, per) = (liability.cap?, liability.per?);
    let carved = if liability.carve_outs.is_empty() { "" } else { ", with exceptions" };
    Some(format!(
        "{}: {} {}{carved}",
        capital(&side_of(instrument, liability.bearer)),
        cap.words(),
        per.words()
    ))
}

fn law(general: &General) -> String {
    format!("{}; courts of {}", general.law, general.forum)
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        several => format!("{several} times"),
    }
}

/// A day if it is its first moment.
pub(crate) fn day(ms: u64) -> String {
    instant(ms).trim_end_matches(", 00:00:00 UTC").to_owned()
}

fn possessive(span: Span) -> String {
    let text = span.to_string();
    if text.ends_with('s') { format!("{text}'") } else { format!("{text}'s") }
}

/// A side in a sentence that has no article of its own.
pub(crate) fn role(side: Side) -> Value {
    match side {
        Side::Party => Value::Null,
        Side::Consumer | Side::Provider => json!(side.words()),
    }
}
