//! Trials: what drafts would have said of a request that the instruments in force permit. Nothing that is decided here
//! has an effect.

use super::asked::Asked;
use super::{Applied, Denial, Reason, Request};
use crate::quota::Meters;
use crate::rules::{Rules, Slot};
use registry::{InstrumentId, InstrumentKind};
use std::sync::Arc;

/// What a draft would have said.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Which.
    pub instrument: InstrumentId,
    /// In which version.
    pub version: u32,
    /// The compiled rule.
    pub bundle: [u8; 32],
    /// What it would have permitted by, or why not.
    pub said: Result<Applied, Box<Denial>>,
}

impl Tried {
    /// Which it is, if it would have refused.
    pub(super) fn refusing(&self) -> Option<InstrumentId> {
        self.said.is_err().then_some(self.instrument)
    }
}

/// What each draft on trial that is about a request says of it, which a contract permits. A draft of a contract is about
/// what an earlier version permits: of other contracts it would take nothing away.
pub(super) fn tried(
    rules: &Rules,
    meters: &mut Meters,
    request: &Request,
    contract: InstrumentId,
) -> Vec<Tried> {
    if rules.trials().is_empty() {
        meters.forget_tried();
        return Vec::new();
    }
    let meters = meters.tried();
    let state = rules.state();
    let label = state.identity_label(request.identity);
    let known = (
        state.identities.get(&request.identity),
        state.credentials.get(&request.serial),
        state.services.get(&request.service),
    );
    let (Some(identity), Some(credential), Some(service)) = known else { return Vec::new() };
    let permitting = state.instruments.get(&contract).map(|contract| &contract.name);
    let is_about = |slot: &&Arc<Slot>| {
        let Some(draft) = state.instruments.get(&slot.instrument) else { return false };
        let concerned = match draft.kind {
            InstrumentKind::Charter => draft.machines.contains(&request.identity),
            InstrumentKind::Contract => permitting == Some(&draft.name),
            InstrumentKind::Guardrail => [identity.party, service.party].contains(&draft.provider),
        };
        concerned && draft.is_tried(request.now_ms)
    };
    let tried = |slot: &Arc<Slot>| {
        // As it will be when its term has begun.
        let begins_ms = state.instruments.get(&slot.instrument).and_then(|draft| draft.start_ms).unwrap_or(0);
        let asked = Asked { rules, request, label: &label, identity, credential, service, begins_ms };
        let said = asked.compiled(slot).and_then(|(slot, compiled)| {
            let cedar = asked.cedar(std::iter::once((slot, compiled)), meters).map_err(|detail| {
                Box::new(Denial::plain(Reason::InstrumentUnusable, detail, rules.as_of()))
            })?;
            asked.evaluate(slot, compiled, &cedar, meters).map(|(applied, _)| applied)
        });
        Tried { instrument: slot.instrument, version: slot.version, bundle: slot.bundle, said }
    };
    rules.trials().iter().filter(is_about).map(tried).collect()
}
