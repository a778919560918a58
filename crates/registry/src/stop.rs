//! Stopping: one machine, one running instance of it, one certificate, one key, or all machines of an instrument, of an
//! owner, of a party. One command, one entry, and all of it has lost its right.

use crate::admit::{Context, Refusal, RefusalKind};
use crate::{Event, Identity, IdentityId, InstrumentStatus, Lifecycle, Name, PartyId, PersonId, State};

/// What is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopTarget {
    /// One certificate; its machine gets another.
    Certificate([u8; 16]),
    /// A machine.
    Identity(IdentityId),
    /// What a certificate was issued to (a program of a user, a pod, a job): nothing more is issued to that, as
    /// whichever machine.
    Instance([u8; 16]),
    /// An instrument in all its versions, for good: what it permits is permitted no more.
    Instrument(Name),
    /// A key (SHA-256 of its SPKI): every certificate of it, and it is certified no more.
    Key([u8; 32]),
    /// All machines of an owner.
    Owner(PersonId),
    /// All machines of a party.
    Party(PartyId),
}

/// The events of a stop. Machines are suspended, or revoked when it is for good.
pub(crate) fn stop(
    state: &State,
    target: StopTarget,
    reason: &str,
    for_good: bool,
    context: &Context,
) -> Result<Vec<Event>, Refusal> {
    let machines = |belongs: &dyn Fn(&Identity) -> bool| -> Vec<Event> {
        let stopped = state.identities.values().filter(|machine| belongs(machine));
        stopped.filter_map(|machine| machine_stopped(machine, reason, for_good)).collect()
    };
    let certificates = |belongs: &dyn Fn(&crate::Credential) -> bool| -> Vec<Event> {
        let live = state.credentials.iter().filter(|(_, credential)| {
            credential.revoked.is_none() && credential.not_after_ms > context.now_ms && belongs(credential)
        });
        live.map(|(serial, _)| Event::CredentialRevoked { serial: *serial, reason: reason.to_owned() })
            .collect()
    };
    let of_serial = |serial: &[u8; 16]| {
        state.credentials.get(serial).ok_or_else(|| missing("no live certificate has this serial number"))
    };
    let idle = Idle::of(&target);
    let events = match target {
        StopTarget::Certificate(serial) => {
            of_serial(&serial)?;
            let revoked = state.credentials.get(&serial).is_none_or(|found| found.revoked.is_some());
            let event = Event::CredentialRevoked { serial, reason: reason.to_owned() };
            if revoked { Vec::new() } else { vec![event] }
        }
        StopTarget::Identity(identity) => {
            if !state.identities.contains_key(&identity) {
                return Err(missing("there is no such machine"));
            }
            machines(&|machine| machine.id == identity)
        }
        StopTarget::Instance(serial) => {
            let found = of_serial(&serial)?;
            let Some((identity, instance)) = found.instance.map(|instance| (found.identity, instance)) else {
                // It was recognised by something it used up: without this certificate it has nothing.
                return stop(state, StopTarget::Certificate(serial), reason, for_good, context);
            };
            let mut events = certificates(&|other| other.instance == Some(instance));
            if !state.barred.contains_key(&instance) {
                events.push(Event::InstanceBarred { identity, instance, reason: reason.to_owned() });
            }
            events
        }
        StopTarget::Instrument(name) => {
            if state.instrument_versions(&name).next().is_none() {
                return Err(missing("there is no such instrument"));
            }
            let open = state.instrument_versions(&name).filter(|one| one.status != InstrumentStatus::Ended);
            open.map(|one| Event::InstrumentEnded { instrument: one.id, reason: reason.to_owned() }).collect()
        }
        StopTarget::Key(key) => {
            let mut events = certificates(&|credential| credential.public_key == key);
            if !state.barred_keys.contains(&key) {
                events.push(Event::KeyBarred { key, reason: reason.to_owned() });
            }
            events
        }
        StopTarget::Owner(person) => machines(&|machine| machine.owner.person == person),
        StopTarget::Party(party) => machines(&|machine| machine.party == party),
    };
    if events.is_empty() {
        return Err(nothing_to_stop(idle, for_good));
    }
    Ok(events)
}

/// Of what nothing could be stopped.
enum Idle {
    /// Machines, one or many.
    Machines,
    /// What can only be stopped for good, and was.
    Once,
}

impl Idle {
    fn of(target: &StopTarget) -> Self {
        match target {
            StopTarget::Identity(_) | StopTarget::Owner(_) | StopTarget::Party(_) => Self::Machines,
            StopTarget::Certificate(_)
            | StopTarget::Instance(_)
            | StopTarget::Instrument(_)
            | StopTarget::Key(_) => Self::Once,
        }
    }
}

fn nothing_to_stop(idle: Idle, for_good: bool) -> Refusal {
    let (reason, help) = match (idle, for_good) {
        (Idle::Once, _) => ("it is stopped already", "`writ why` says what it gets"),
        (Idle::Machines, true) => (
            "it has no machine that is not revoked or retired already",
            "`writ identity list` says which are",
        ),
        (Idle::Machines, false) => (
            "it has no machine that is active",
            "machines that are only suspended are ended with `--for-good`; `writ identity list` says which are",
        ),
    };
    Refusal { kind: RefusalKind::Conflict, reason: reason.into(), help: help.into() }
}

fn machine_stopped(machine: &Identity, reason: &str, for_good: bool) -> Option<Event> {
    let (identity, reason) = (machine.id, reason.to_owned());
    match (machine.state, for_good) {
        (Lifecycle::Active, false) => Some(Event::IdentitySuspended { identity, reason }),
        (Lifecycle::Active | Lifecycle::Proposed | Lifecycle::Suspended, true) => {
            Some(Event::IdentityRevoked { identity, reason })
        }
        (Lifecycle::Proposed | Lifecycle::Suspended, false)
        | (Lifecycle::Retired | Lifecycle::Revoked, _) => None,
    }
}

fn missing(reason: &str) -> Refusal {
    Refusal { kind: RefusalKind::NotFound, reason: reason.into(), help: "list what there is first".into() }
}
