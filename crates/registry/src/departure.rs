//! What follows when somebody who answers for machines leaves and nobody takes over: the steps that instruments name,
//! of each the earliest that any of them asks for.

use crate::{
    DepartureRung, DepartureStep, Event, Identity, IdentityId, Instrument, InstrumentId, InstrumentKind,
    InstrumentStatus, Lifecycle, Millis, PersonId, State,
};
use std::collections::BTreeMap;

/// How long others have to take over when an identity provider says that somebody left, where no instrument says less.
pub const DEPARTURE_GRACE_MS: Millis = 7 * 86_400_000;

/// Steps, each with the instrument that asks for it first.
pub type Ladder<'a> = BTreeMap<DepartureStep, (InstrumentId, &'a DepartureRung)>;

impl State {
    /// The steps that the instruments in force name for a machine.
    pub fn ladder(&self, identity: &Identity, now_ms: Millis) -> Ladder<'_> {
        let bound = |instrument: &&Instrument| {
            let concerns = match instrument.kind {
                InstrumentKind::Charter | InstrumentKind::Contract => {
                    instrument.machines.contains(&identity.id)
                }
                InstrumentKind::Guardrail => instrument.provider == identity.party,
            };
            concerns
                && instrument.status == InstrumentStatus::InForce
                && instrument.has_begun(now_ms)
                && !instrument.is_over(now_ms)
        };
        let mut ladder = Ladder::new();
        for instrument in self.instruments.values().filter(|one| !one.departure.is_empty()).filter(bound) {
            for rung in &instrument.departure {
                let earliest = ladder.entry(rung.step).or_insert((instrument.id, rung));
                if rung.after_ms < earliest.1.after_ms {
                    *earliest = (instrument.id, rung);
                }
            }
        }
        ladder
    }

    /// How long after a departure a machine stops, where instruments say so.
    pub(crate) fn stops_after_ms(&self, identity: &Identity, now_ms: Millis) -> Option<Millis> {
        let ladder = self.ladder(identity, now_ms);
        let stopping = [DepartureStep::Suspend, DepartureStep::Kill];
        stopping.iter().filter_map(|step| ladder.get(step)).map(|(_, rung)| rung.after_ms).min()
    }

    /// The steps that are due at `now_ms` and not taken, the mildest of each machine first.
    pub fn due_steps(&self, now_ms: Millis) -> Vec<(IdentityId, DepartureStep)> {
        let departed = self.identities.values().filter(|identity| identity.departed_ms.is_some());
        let due = departed.flat_map(|identity| {
            let ladder = self.ladder(identity, now_ms);
            let steps = ladder.into_iter().filter(|(_, (_, rung))| is_due(identity, rung, now_ms));
            steps.map(|(step, _)| (identity.id, step)).collect::<Vec<_>>()
        });
        due.collect()
    }

    /// The event of a step that is due.
    pub(crate) fn step(&self, identity: &Identity, step: DepartureStep, now_ms: Millis) -> Option<Event> {
        let ladder = self.ladder(identity, now_ms);
        let (instrument, rung) = ladder.get(&step).filter(|(_, rung)| is_due(identity, rung, now_ms))?;
        Some(Event::DepartureStepTaken {
            identity: identity.id,
            step,
            departed_ms: identity.departed_ms?,
            instrument: *instrument,
            clause: rung.clause.clone(),
            life_ms: rung.life_ms,
            to: self.accountable(identity),
        })
    }

    /// Those of owner and deputy who accepted and have not left.
    pub fn accountable(&self, identity: &Identity) -> Vec<PersonId> {
        let there = [&identity.owner, &identity.deputy].into_iter().filter(|seat| {
            seat.accepted_ms.is_some() && self.people.get(&seat.person).is_some_and(crate::Person::is_active)
        });
        there.map(|seat| seat.person).collect()
    }
}

fn is_due(identity: &Identity, rung: &DepartureRung, now_ms: Millis) -> bool {
    let open = match identity.state {
        Lifecycle::Active => true,
        // What is stopped can still end.
        Lifecycle::Suspended => rung.step == DepartureStep::Kill,
        Lifecycle::Proposed | Lifecycle::Retired | Lifecycle::Revoked => false,
    };
    let departed = identity.departed_ms.is_some_and(|at| at.saturating_add(rung.after_ms) <= now_ms);
    open && departed && !identity.steps.contains(&rung.step)
}
