//! `term`: from when, until when, how it goes on and how it ends.

use super::{Fault, Terms};
use crate::clause::Number;
use crate::document::Body;
use crate::norm::{Ground, Measure, Norm, Power, PowerEffect, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, join, possessive};
use crate::terms::{List, Side};
use crate::value::{Instant, Span, instant};
use serde::{Deserialize, Serialize};

/// 1 January 2200: the dates of a term lie before it. Proofs look further than any date a clause may name.
pub const TERM_BEFORE_MS: u64 = 7_258_118_400_000;

/// The life of the instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Term {
    /// From this instant.
    pub start: Instant,
    /// Until this one, exclusive.
    pub end: Instant,
    /// It goes on for further periods of this length unless somebody objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_for: Option<Span>,
    /// How long before the end somebody must object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_notice: Option<Span>,
    /// Either side may end it without a reason, with this notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convenience: Option<Span>,
    /// Either side may end it for a breach that is not put right in this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<Span>,
    /// Clauses that go on after the end.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub survives: List<Number>,
}

impl Terms for Term {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let (start, end) = (instant(self.start.0), instant(self.end.0));
        let now = |at: Instant| Test::AtLeast(Measure::Now, at.0.cast_signed());
        let blanks = [("instrument", of.instrument.body.noun()), ("start", start.as_str()), ("end", &end)];
        let sides = of.instrument.body.sides();
        let power = |effect, grounds, notice| {
            Norm::Power(Power { holders: sides.to_vec(), effect, grounds, notice, period: self.renew_for.filter(|_| effect == PowerEffect::Renew) })
        };
        let mut statements = Vec::new();
        match self.renew_for {
            None => {
                let outside = Test::Any(vec![now(self.start).negated(), now(self.end)]);
                statements.push(of.state("term.fixed", &blanks, of.rule(false, &Only::default(), outside)));
            }
            Some(period) => {
                // Past the end and past what renewals added: no arithmetic, so nothing can overflow.
                let renewed = Test::AtLeast(Measure::RenewedUntil, self.end.0.cast_signed());
                let over = Test::and(vec![now(self.end), renewed.negated()]);
                let outside = Test::Any(vec![now(self.start).negated(), over]);
                statements.push(of.state("term.renewing", &blanks, of.rule(false, &Only::default(), outside)));
                let notice = self.renewal_notice.unwrap_or(Span::from_ms(0)).to_string();
                let period = period.to_string();
                let blanks = [("period", period.as_str()), ("notice", &notice)];
                statements.push(of.state(
                    "term.renewal",
                    &blanks,
                    power(PowerEffect::Renew, Vec::new(), self.renewal_notice),
                ));
            }
        }
        let either = if sides.len() == 2 { "Either side".to_owned() } else { of.side(Side::Party) };
        if let Some(span) = self.convenience {
            let blanks = [("either", either.as_str()), ("span", &possessive(span))];
            let norm = power(PowerEffect::Terminate, Vec::new(), Some(span));
            statements.push(of.state("term.convenience", &blanks, norm));
        }
        if let Some(span) = self.cure {
            let blanks = [("either", either.as_str()), ("span", &span.to_string())];
            let breach = Ground { code: "breach".to_owned(), words: "a clause was breached, which it names".to_owned() };
            let norm = power(PowerEffect::Terminate, vec![breach], Some(span));
            statements.push(of.state("term.cause", &blanks, norm));
        }
        if !self.survives.is_empty() {
            let noun = if self.survives.as_slice().len() == 1 { "Clause" } else { "Clauses" };
            let verb = if self.survives.as_slice().len() == 1 { "survives" } else { "survive" };
            let list = join(self.survives.as_slice(), "and");
            let instrument = of.instrument.body.noun();
            let blanks = [("noun", noun), ("list", &list), ("verb", verb), ("instrument", instrument)];
            statements.push(of.words("term.survival", &blanks));
        }
        statements
    }

    fn faults(&self, of: &Setting<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if matches!(of.instrument.body, Body::Guardrail { .. }) {
            let help = "leave the clause out: a guardrail binds until it is replaced or ended by signatures";
            faults.push(Fault::new("start", "writ::term", "a guardrail that runs out would protect nobody", help));
        }
        if self.cure.is_some() && of.instrument.body.sides().len() < 2 {
            let help = "leave it out: nobody else is bound who could be in breach";
            faults.push(Fault::new("cure", "writ::term", "there is no other side here", help));
        }
        if self.start >= self.end {
            let help = "the end lies after the start";
            faults.push(Fault::new("end", "writ::term", "the term ends before it begins", help));
        }
        for (key, date) in [("start", self.start), ("end", self.end)] {
            if date.0 >= TERM_BEFORE_MS {
                let help = format!("write a date before {}; let the term be renewed instead", Instant(TERM_BEFORE_MS));
                faults.push(Fault::new(key, "writ::term", "this date is further away than anything can be proven about", &help));
            }
        }
        if self.renew_for.is_some() != self.renewal_notice.is_some() {
            let help = "write both `renew-for` and `renewal-notice`, or neither";
            faults.push(Fault::new("start", "writ::term", "a renewal and its notice belong together", help));
        }
        if let Some(missing) = self.survives.iter().find(|number| of.instrument.clause(**number).is_none()) {
            let help = "name clauses by their numbers in this document";
            faults.push(Fault::new("survives", "writ::number", &format!("there is no clause {missing}"), help));
        }
        faults
    }
}
