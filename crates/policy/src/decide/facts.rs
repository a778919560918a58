//! The facts of a request, as instruments ask for them.

use super::asked::Asked;
use crate::attribute::Attribute;
use crate::compile::{Compiled, Wanted, cedar_request};
use crate::quota::{Key, Meters};
use crate::rules::Slot;
use cedar_policy::{Context, RestrictedExpression};
use contract::norm::{Flag, Label, Measure, Unit};
use registry::{CredentialKind, Name};

impl<'a> Asked<'a> {
    /// One request for all instruments: its context holds every fact any of them asks for.
    pub(super) fn cedar(
        &self,
        layers: impl Iterator<Item = (&'a Slot, &'a Compiled)>,
        meters: &mut Meters,
    ) -> Result<cedar_policy::Request, String> {
        let mut pairs: Vec<(String, RestrictedExpression)> = Vec::with_capacity(16);
        for (slot, compiled) in layers {
            for Wanted { name, attribute, .. } in &compiled.attributes {
                if !pairs.iter().any(|(known, _)| known == name) {
                    pairs.push((name.clone(), self.value(slot, compiled, attribute, meters)));
                }
            }
        }
        let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
        let resource = format!("{}/{}", self.service.name, self.request.resource);
        cedar_request(self.label, self.request.action.as_str(), &resource, context)
    }

    fn value(
        &self,
        slot: &Slot,
        compiled: &Compiled,
        attribute: &Attribute,
        meters: &mut Meters,
    ) -> RestrictedExpression {
        match attribute {
            Attribute::Measure(measure) => {
                RestrictedExpression::new_long(self.measure(slot, compiled, measure, meters))
            }
            Attribute::Label(label) => RestrictedExpression::new_string(self.word(*label)),
            Attribute::Flag(flag) => RestrictedExpression::new_bool(self.flag(slot, *flag)),
            Attribute::Roles => {
                let roles = self.identity.roles.iter();
                RestrictedExpression::new_set(
                    roles.map(|role| RestrictedExpression::new_string(role.to_string())),
                )
            }
        }
    }

    pub(super) fn measure(
        &self,
        slot: &Slot,
        compiled: &Compiled,
        measure: &Measure,
        meters: &mut Meters,
    ) -> i64 {
        let now_ms = self.request.now_ms;
        let long = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        match measure {
            Measure::Now => long(now_ms.max(self.begins_ms)),
            Measure::CredentialLife => {
                long(self.credential.not_after_ms.saturating_sub(self.credential.not_before_ms))
            }
            Measure::CredentialAge => long(now_ms.saturating_sub(self.credential.not_before_ms)),
            // Nobody can present authority of somebody else yet: every call is direct.
            Measure::DelegationDepth => 0,
            Measure::ResourceClass => {
                let class = self.service.resource(&self.request.resource).and_then(|resource| resource.class);
                i64::from(class.map_or(registry::Classification::Restricted.rank(), |class| class.rank()))
            }
            Measure::AddressHigh => contract::terms::halves(self.request.channel.address).0,
            Measure::AddressLow => contract::terms::halves(self.request.channel.address).1,
            Measure::RenewedUntil => {
                let instrument = self.rules.state().instruments.get(&slot.instrument);
                long(instrument.and_then(|instrument| instrument.renewed_until_ms).unwrap_or(0))
            }
            Measure::Silence => long(self.request.silence_ms),
            Measure::OwnerlessFor => long(self.identity.ownerless_for_ms(now_ms)),
            Measure::BoundFor => {
                let instrument = self.rules.state().instruments.get(&slot.instrument);
                long(instrument.map_or(0, |instrument| instrument.bound_for_ms(now_ms)))
            }
            Measure::WeekMinute(zone) => zone.week_minute(now_ms),
            Measure::Counted(meter) => {
                let key: Key = (slot.instrument, meter.clause, self.request.identity);
                let window = meter.window.as_ms();
                match meter.unit {
                    Unit::Calls => {
                        let longest = compiled.longest_of(meter.clause).unwrap_or(window);
                        i64::from(meters.count(key, window, longest, now_ms))
                    }
                    Unit::Rows => long(meters.rows(key, window, now_ms)),
                    // Not reached: an instrument that needs them is refused before it is evaluated.
                    Unit::Bytes | Unit::Cost => i64::MAX,
                }
            }
            Measure::Approvals(_) => 0,
            Measure::ReviewOverdue => long(now_ms).saturating_sub(long(self.identity.review_ms)),
        }
    }

    pub(super) fn word(&self, label: Label) -> String {
        let state = self.rules.state();
        let party = |id| state.parties.get(id).map(|party| party.name.to_string()).unwrap_or_default();
        let region = |region: &Option<Name>| region.as_ref().map(ToString::to_string).unwrap_or_default();
        match label {
            Label::Action => self.request.action.to_string(),
            Label::Machine => self.label.to_owned(),
            Label::Resource => self.request.resource.to_string(),
            Label::Attestation => self.credential.attestation.as_str().to_owned(),
            Label::Binding => match self.credential.kind {
                CredentialKind::Certificate => "mtls".to_owned(),
                // Whoever has it can show it.
                CredentialKind::Token => "bearer".to_owned(),
            },
            Label::CallerRegion => region(&self.identity.region),
            Label::Consumer => party(&self.identity.party),
            Label::CredentialKind => match self.credential.kind {
                CredentialKind::Certificate => "x509-svid".to_owned(),
                CredentialKind::Token => "jwt-svid".to_owned(),
            },
            Label::Environment => self.identity.environment.to_string(),
            Label::KeyAlgorithm => self.request.channel.key_algorithm.to_owned(),
            Label::MachineKind => self.identity.kind.to_string(),
            Label::Provider => party(&self.service.party),
            Label::Purpose => self.request.channel.purpose.clone().unwrap_or_default(),
            Label::Service => self.service.name.to_string(),
            Label::ServiceRegion => region(&self.service.region),
        }
    }

    pub(super) fn flag(&self, slot: &Slot, flag: Flag) -> bool {
        let (state, now_ms) = (self.rules.state(), self.request.now_ms);
        match flag {
            Flag::Changes => self.request.changes,
            Flag::Chartered => {
                let charters = self.rules.charters(self.request.identity);
                charters.iter().any(|charter| self.rules.is_in_force(charter.instrument, now_ms))
            }
            Flag::Owned => state.is_answered_for(self.identity),
            Flag::Suspended => {
                let instrument = state.instruments.get(&slot.instrument);
                instrument.is_none_or(|instrument| instrument.is_suspended(now_ms))
            }
        }
    }
}
