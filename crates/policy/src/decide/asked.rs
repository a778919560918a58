//! One instrument's answer to a request: its policies first, then what a policy cannot say.

use super::Request;
use super::denial::{Cited, Denial, Reason};
use super::permit::{Allowance, Applied, Conditions, Longest, Masked, Most};
use crate::compile::{Compiled, Held, RowQuota};
use crate::quota::Meters;
use crate::rules::{Rules, Slot};
use cedar_policy::{Authorizer, Decision, Entities};
use contract::norm::{Bound, Facts, Flag, Masking, Measure, Meter, Rule, StatementBound, Test, Unit};
use contract::{Number, Recording, Span, words};
use registry::{Credential, Identity, Millis, Service};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A request with everything the registry knows about it.
pub(super) struct Asked<'a> {
    pub(super) rules: &'a Rules,
    pub(super) request: &'a Request,
    pub(super) label: &'a str,
    pub(super) identity: &'a Identity,
    pub(super) credential: &'a Credential,
    pub(super) service: &'a Service,
    /// It is looked at as if it was asked no earlier than that.
    pub(super) begins_ms: Millis,
}

impl<'a> Asked<'a> {
    fn unusable(&self, slot: &Slot, why: &str) -> Box<Denial> {
        let detail = format!("the {} `{}` cannot be applied: {why}", slot.kind, slot.name);
        Box::new(Denial::plain(Reason::InstrumentUnusable, detail, self.rules.as_of()))
    }

    pub(super) fn compiled(&self, slot: &'a Arc<Slot>) -> Result<(&'a Slot, &'a Compiled), Box<Denial>> {
        let slot = slot.as_ref();
        let compiled = slot.compiled(self.rules.documents()).map_err(|why| self.unusable(slot, &why))?;
        Ok((slot, compiled))
    }

    /// One instrument's answer.
    pub(super) fn evaluate(
        &self,
        slot: &Slot,
        compiled: &Compiled,
        cedar: &cedar_policy::Request,
        meters: &Meters,
    ) -> Result<(Applied, Recording), Box<Denial>> {
        let response = Authorizer::new().is_authorized(cedar, &compiled.policies, &Entities::empty());
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(self.unusable(slot, &error.to_string()));
        }
        let resting = compiled.sources(response.diagnostics().reason());
        match response.decision() {
            Decision::Allow if !resting.is_empty() => {
                if let Some(beyond) = self.beyond(slot, compiled) {
                    return Err(beyond);
                }
                let conditions = Conditions {
                    longest: self.longest(slot, compiled),
                    most: self.most(slot, compiled),
                    allowances: self.allowances(slot, compiled)?,
                    masks: self.masks(slot, compiled)?,
                };
                let mut clauses: Vec<Number> = resting.iter().map(|source| source.clause).collect();
                clauses.dedup();
                let covers = |meter: &Meter| meter.unit == Unit::Calls && self.counts(meter);
                let mut counted: Vec<Number> =
                    compiled.meters.iter().filter(|meter| covers(meter)).map(|meter| meter.clause).collect();
                counted.sort_unstable();
                counted.dedup();
                let spans: Option<Vec<Span>> =
                    resting.iter().map(|source| source.rule.recorded_within).collect();
                let shortest = spans.and_then(|spans| spans.into_iter().min_by_key(|span| span.as_ms()));
                let applied = Applied {
                    instrument: slot.instrument,
                    version: slot.version,
                    bundle: compiled.bundle,
                    clauses,
                    counted,
                    conditions: (conditions != Conditions::default()).then(|| Arc::new(conditions)),
                };
                Ok((applied, shortest.map_or(Recording::Strict, Recording::Within)))
            }
            Decision::Allow | Decision::Deny => {
                let mut denial = self.refusal(slot, compiled, resting.first().copied());
                // Every rule that puts the call off must have room again.
                let put_off = resting.iter().filter(|source| source.rule.puts_off);
                if denial.reason == Reason::QuotaExhausted {
                    denial.retry_after_ms =
                        put_off.filter_map(|source| self.room_in(slot, source, meters)).max();
                }
                Err(Box::new(denial))
            }
        }
    }

    /// The denial of a statement that is not of the form an instrument asks for.
    fn beyond(&self, slot: &Slot, compiled: &Compiled) -> Option<Box<Denial>> {
        let touch = self.request.touch.as_deref()?;
        let mut bounds = compiled.bounds.iter();
        let held = bounds.find(|held| self.concerns(&held.norm.rule) && !held.norm.allows(touch))?;
        let mut denial = self.forbidden(slot, compiled, held);
        if let (Bound::Rows(_), Some(why)) = (&held.norm.bound, &touch.uncounted) {
            denial.detail.push_str(&format!(" Here {why}."));
        }
        Some(Box::new(denial))
    }

    /// The strictest bound of a kind that an instrument puts on a statement that does this.
    fn strictest<'c>(
        &self,
        compiled: &'c Compiled,
        of: impl Fn(&Bound) -> Option<u64>,
    ) -> Option<(u64, &'c Held<StatementBound>)> {
        self.request.touch.as_deref()?;
        let bounds = compiled.bounds.iter().filter(|held| self.concerns(&held.norm.rule));
        bounds.filter_map(|held| Some((of(&held.norm.bound)?, held))).min_by_key(|(most, _)| *most)
    }

    /// How long an instrument lets a transaction be open in which this happens.
    fn longest(&self, slot: &Slot, compiled: &Compiled) -> Option<Longest> {
        let (ms, held) = self.strictest(compiled, |bound| match bound {
            Bound::Transaction(span) => Some(span.as_ms()),
            Bound::Columns(_) | Bound::WhichRows | Bound::Rows(_) => None,
        })?;
        Some(Longest { ms, cited: held.cited(slot, compiled) })
    }

    /// How many rows an instrument lets a statement have that does this.
    fn most(&self, slot: &Slot, compiled: &Compiled) -> Option<Most> {
        let (rows, held) = self.strictest(compiled, |bound| match bound {
            Bound::Rows(rows) => Some((*rows).into()),
            Bound::Transaction(_) | Bound::Columns(_) | Bound::WhichRows => None,
        })?;
        Some(Most { rows, cited: held.cited(slot, compiled) })
    }

    /// Whether a quota counts what this does.
    fn counts(&self, meter: &Meter) -> bool {
        let Request { action, resource, changes, .. } = self.request;
        meter.covers(action, &self.service.name, resource, *changes)
    }

    /// How many rows an instrument lets be got in a time; or the denial of what has rows nobody counts.
    fn allowances(&self, slot: &Slot, compiled: &Compiled) -> Result<Vec<Allowance>, Box<Denial>> {
        // It is about this request if it would stop it once the rows are used up.
        let counts = |quota: &RowQuota| {
            let used_up = BTreeMap::from([(Measure::Counted(quota.meter.clone()), i64::MAX)]);
            self.counts(&quota.meter) && self.concerns_at(&quota.rule, used_up)
        };
        let counting = compiled.row_quotas.iter().filter(|held| counts(&held.norm));
        let allowance = |held: &Held<RowQuota>| {
            if self.request.touch.is_none() {
                let why = format!("its clause {} counts rows, which is done for databases only", held.clause);
                return Err(self.unusable(slot, &why));
            }
            Ok(Allowance {
                limit: held.norm.limit,
                window_ms: held.norm.meter.window.as_ms(),
                puts_off: held.norm.rule.puts_off,
                cited: held.cited(slot, compiled),
            })
        };
        counting.map(allowance).collect()
    }

    /// What an instrument has masked in the answer; or the denial of what cannot be answered that way.
    fn masks(&self, slot: &Slot, compiled: &Compiled) -> Result<Vec<Masked>, Box<Denial>> {
        let concerned = compiled.maskings.iter().filter(|held| self.concerns(&held.norm.rule));
        let masked = |held: &Held<Arc<Masking>>| {
            let Some(touch) = &self.request.touch else {
                let why = format!(
                    "its clause {} has answers masked, which is done for databases only",
                    held.clause
                );
                return Err(self.unusable(slot, &why));
            };
            if !held.norm.allows(touch) {
                return Err(Box::new(self.forbidden(slot, compiled, held)));
            }
            let (resource, cited) = (self.request.resource.clone(), held.cited(slot, compiled));
            Ok(Masked { resource, masking: held.norm.clone(), cited })
        };
        concerned.map(masked).collect()
    }

    fn forbidden<T>(&self, slot: &Slot, compiled: &Compiled, held: &Held<T>) -> Denial {
        self.denial(slot, compiled, Reason::ClauseForbids, held.clause, held.sentence.clone())
    }

    /// Whether a rule that is no policy is about this request. Its condition narrows machines and nothing else.
    fn concerns(&self, rule: &Rule) -> bool {
        self.concerns_at(rule, BTreeMap::new())
    }

    /// The same where these measures are so.
    fn concerns_at(&self, rule: &Rule, measures: BTreeMap<Measure, i64>) -> bool {
        let request = self.request;
        if !rule.reaches(&self.label.to_owned(), &request.action, &self.service.name, &request.resource) {
            return false;
        }
        let mut labels = BTreeMap::new();
        rule.when.visit(&mut |test| {
            if let Test::OneOf(label, _) = test {
                labels.insert(*label, self.word(*label));
            }
        });
        let facts = Facts {
            machine: self.label.to_owned(),
            action: request.action.clone(),
            service: self.service.name.clone(),
            resource: request.resource.clone(),
            roles: self.identity.roles.clone(),
            measures,
            labels,
            flags: BTreeMap::from([(Flag::Changes, request.changes)]),
        };
        rule.when.holds(&facts)
    }

    /// In how many milliseconds the quota behind a rule has room again.
    fn room_in(&self, slot: &Slot, source: &crate::compile::Source, meters: &Meters) -> Option<u64> {
        let mut longest = None;
        source.rule.when.visit(&mut |test| {
            if let contract::norm::Test::AtLeast(Measure::Counted(meter), limit) = test {
                let key = (slot.instrument, meter.clause, self.request.identity);
                let (window, now_ms) = (meter.window.as_ms(), self.request.now_ms);
                longest = longest.max(match meter.unit {
                    Unit::Rows => meters.rows_room_in(key, window, limit.unsigned_abs(), now_ms),
                    Unit::Calls | Unit::Bytes | Unit::Cost => meters.room_in(key, window, *limit, now_ms),
                });
            }
        });
        longest
    }

    /// The denial of an instrument: by the sentence that forbids, or by the rule of reading.
    fn refusal(&self, slot: &Slot, compiled: &Compiled, by: Option<&crate::compile::Source>) -> Denial {
        let (reason, number, sentence) = match by {
            Some(source) => {
                let mut counts = false;
                source.rule.when.visit(&mut |test| {
                    counts |= matches!(test, contract::norm::Test::AtLeast(Measure::Counted(_), _));
                });
                let reason = if counts { Reason::QuotaExhausted } else { Reason::ClauseForbids };
                (reason, source.clause, words::cited(&compiled.instrument, source.clause, source.sentence))
            }
            None => (Reason::NothingPermits, Number::READING, words::reading(&compiled.instrument.body)),
        };
        self.denial(slot, compiled, reason, number, sentence)
    }

    fn denial(
        &self,
        slot: &Slot,
        compiled: &Compiled,
        reason: Reason,
        number: Number,
        sentence: String,
    ) -> Denial {
        let detail = format!(
            "`{}` may not {} `{}` of the service `{}`: clause {number} of {} (version {}) says: {sentence}",
            self.label,
            self.request.action,
            self.request.resource,
            self.service.name,
            slot.title,
            slot.version
        );
        let cited = Some(cited(slot, compiled, number, sentence));
        Denial { reason, detail, cited, as_of: self.rules.as_of(), retry_after_ms: None }
    }
}

impl<T> Held<T> {
    fn cited(&self, slot: &Slot, compiled: &Compiled) -> Cited {
        cited(slot, compiled, self.clause, self.sentence.clone())
    }
}

fn cited(slot: &Slot, compiled: &Compiled, clause: Number, sentence: String) -> Cited {
    Cited {
        instrument: slot.instrument,
        name: slot.name.clone(),
        title: slot.title.clone(),
        version: slot.version,
        clause,
        sentence,
        bundle: compiled.bundle,
    }
}
