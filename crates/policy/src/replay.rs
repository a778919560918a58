//! Deciding recorded requests again: the same record and the same ledger give the same verdict (check 7 of
//! the seven that keep words and rule together), and another ledger shows what would change.

use crate::decide::{Channel, Request};
use crate::record::{Inputs, VerdictRecord};
use contract::kind::credential::KeyAlgorithm;
use contract::norm::SqlTouch;
use registry::{Millis, Name, State};

/// Stands in place of a method where a question named the act itself.
pub const ASKED: &str = "AUTHZEN";

/// The requests a verdict was about, if the record names them: a denial before the registry knew machine,
/// service and act has none. Of a statement that does several things there are several.
pub fn requests(
    state: &State,
    record: &VerdictRecord,
    inputs: &Inputs,
    time_ms: Millis,
) -> Option<Vec<Request>> {
    let first = (record.action.clone()?, record.resource.clone()?);
    let beside = record.beside.iter().map(|act| (act.action.clone(), act.resource.clone()));
    let acts = std::iter::once(first).chain(beside).enumerate();
    acts.map(|(at, act)| {
        let touch = inputs.touches.get(at).map(|touch| Box::new(SqlTouch::from(touch)));
        Some(Request { touch, ..request(state, record, inputs, time_ms, act)? })
    })
    .collect()
}

fn request(
    state: &State,
    record: &VerdictRecord,
    inputs: &Inputs,
    time_ms: Millis,
    (action, resource): (Name, Name),
) -> Option<Request> {
    let (identity, service) = (record.identity?, record.service?);
    let declared = state.services.get(&service)?.resource(&resource)?;
    let mut operations = declared.operations.iter().filter(|operation| operation.action == action);
    let changes = if inputs.method == ASKED || declared.objects.is_some() {
        // Of an act that was only named, the worst of its forms was decided on; of a database's there is one.
        operations.any(|operation| operation.changes)
    } else {
        operations.find(|operation| operation.methods.contains(&inputs.method))?.changes
    };
    let algorithm = KeyAlgorithm::ALL.iter().find(|known| known.as_str() == inputs.key_algorithm);
    let peer: std::net::SocketAddr = inputs.peer.parse().ok()?;
    Some(Request {
        identity,
        serial: record.serial,
        service,
        action,
        resource,
        changes,
        now_ms: if record.decided_ms == 0 { time_ms } else { record.decided_ms },
        silence_ms: record.silence_ms,
        channel: Channel {
            address: peer.ip(),
            key_algorithm: algorithm.map_or("", |known| known.as_str()),
            purpose: inputs.purpose.clone(),
        },
        under: record.under,
        touch: None,
    })
}
