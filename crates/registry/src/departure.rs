//! What follows when somebody who answers for machines leaves and nobody takes over: the steps that instruments name,
//! of each the earliest that any of them asks for.

use crate::{
    DepartureRung, DepartureStep, Event, Identity, IdentityId, Instrument, InstrumentId, InstrumentKind,
    Lifecycle, Millis, PersonId, State,
};
use std::collections::BTreeMap;

/// How long others have to take over when an identity provider says that somebody left, where no instrument says less.
pub const DEPARTURE_GRACE_MS: Millis = 7 * 86_400_000;

/// Steps, each with the instrument that asks for it first.
pub type Ladder<'a> = BTreeMap<DepartureStep, (InstrumentId, &'a DepartureRung)>;

impl State {
    /// The steps that the instruments in force name for a machine.
    pub fn ladder(&self, identity: &Identity, now_ms: Millis) -> Ladder<'_> {
        let mut ladder = Ladder::new();
        for (instrument, rung) in self.rungs(identity, now_ms) {
            let earliest = ladder.entry(rung.step).or_insert((instrument, rung));
            if rung.after_ms < earliest.1.after_ms {
                *earliest = (instrument, rung);
            }
        }
        ladder
    }

    /// Every step of every instrument that binds a machine.
    fn rungs(
        &self,
        identity: &Identity,
        now_ms: Millis,
    ) -> impl Iterator<Item = (InstrumentId, &DepartureRung)> {
        let (id, party) = (identity.id, identity.party);
        let concerns = move |instrument: &&Instrument| match instrument.kind {
            InstrumentKind::Charter | InstrumentKind::Contract => instrument.machines.contains(&id),
            InstrumentKind::Guardrail => instrument.provider == party,
        };
        let saying = self.instruments.values().filter(|one| !one.departure.is_empty());
        let binding = saying.filter(concerns).filter(move |one| one.binds(now_ms));
        binding.flat_map(|instrument| instrument.departure.iter().map(move |rung| (instrument.id, rung)))
    }

    /// The longest life of a machine's credentials where a departure shortens it: the shortest of all that are due.
    pub fn shortened_ms(&self, identity: &Identity, now_ms: Millis) -> Option<Millis> {
        let departed_ms = identity.departed_ms?;
        let due = self.rungs(identity, now_ms).filter(|(_, rung)| {
            rung.step == DepartureStep::ShortenLife && departed_ms.saturating_add(rung.after_ms) <= now_ms
        });
        due.filter_map(|(_, rung)| rung.life_ms).min()
    }

    /// How long after a departure a machine stops, where instruments say so.
    pub(crate) fn stops_after_ms(&self, identity: &Identity, now_ms: Millis) -> Option<Millis> {
        let ladder = self.ladder(identity, now_ms);
        let stopping = [DepartureStep::Suspend, DepartureStep::Kill];
        stopping.iter().filter_map(|step| ladder.get(step)).map(|(_, rung)| rung.after_ms).min()
    }

    /// The steps that are due at `now_ms` and not taken, the mildest of each machine first.
    pub fn due_steps(&self, now_ms: Millis) -> Vec<(IdentityId, DepartureStep)> {
        let alive = |identity: &&Identity| matches!(identity.state, Lifecycle::Active | Lifecycle::Suspended);
        let departed = self.identities.values().filter(|one| one.departed_ms.is_some()).filter(alive);
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
