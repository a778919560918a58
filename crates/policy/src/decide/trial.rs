//! Trials: what drafts would have said of a request that the instruments in force permit. Nothing that is decided here
//! has an effect.

use super::{Applied, Asked, Denial, Reason, Request};
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

/// What each draft on trial that is about a request says of it.
pub(super) fn tried(rules: &Rules, meters: &mut Meters, request: &Request) -> Vec<Tried> {
    if rules.trials().is_empty() {
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
    let is_about = |slot: &&Arc<Slot>| {
        let Some(draft) = state.instruments.get(&slot.instrument) else { return false };
        let concerned = match draft.kind {
            InstrumentKind::Charter => draft.machines.contains(&request.identity),
            InstrumentKind::Contract => {
                draft.machines.contains(&request.identity) && draft.service == Some(request.service)
            }
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
