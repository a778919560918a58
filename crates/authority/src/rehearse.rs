//! Rehearsal: recorded requests decided again as if another document had been in force. What was decided is
//! taken from the record; what would have been is decided under the ledger as it stood then.

use crate::documents::ObjectDocuments;
use crate::instruments::{DraftError, compile, resolve};
use crate::{Authority, documents, entry};
use contract::Envelope;
use ledger::entry::decode_canonical;
use ledger::{Entry, ReadLog};
use policy::record::VERDICT;
use policy::{
    Bundle, COMPILER, CompileError, Counters, Inputs, Rules, VerdictRecord, decide_together, replay,
};
use registry::{
    Actor, Command, Context, Event, Instrument, InstrumentId, Millis, Name, NoticeKind, Recorded, State,
    admit,
};
use std::sync::Arc;

/// Decisions rehearsed at most, the newest of the period.
pub const DECISIONS_MAX: usize = 200_000;
/// Entries of the decision log looked at at most.
pub const ENTRIES_MAX: u64 = 5_000_000;
/// Decisions told one by one.
const TOLD_MAX: usize = 20;

/// Which decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// From this moment.
    pub from_ms: Millis,
    /// Until this one, exclusive.
    pub to_ms: Millis,
}

/// What a document would change of what was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// Decisions that could be taken again.
    pub decisions: usize,
    /// Permitted, and refused with the document in force.
    pub newly_refused: usize,
    /// Refused, and permitted with the document in force.
    pub newly_permitted: usize,
    /// Not taken again: how the request looked was erased.
    pub erased: usize,
    /// Not taken again: the record cannot be read.
    pub unreadable: usize,
    /// Not taken again: refused before the request named a known machine, service and act.
    pub nameless: usize,
    /// Older ones of the period that were left out, beyond [`DECISIONS_MAX`].
    pub left_out: usize,
    /// Whether the period goes back further than was looked at.
    pub cut_short: bool,
    /// The first of those that change: their index in the decision log, and how, in a sentence.
    pub changed: Vec<(u64, String)>,
}

impl Authority {
    /// Decides again what was decided in a period, with the document in force all the time in place of what
    /// stands under its name. Suspensions and renewals of that are taken as its own.
    pub fn rehearse(&self, log: &dyn ReadLog, source: &str, period: Period) -> Result<Rehearsal, DraftError> {
        let (adopted, window_ms) = self.adopted(source)?;
        let mut rehearsal = Rehearsal::default();
        // What counted against a quota when the period began lies before it.
        let counted = Period { from_ms: period.from_ms.saturating_sub(window_ms), ..period };
        let taken = recorded(log, counted, period.from_ms, &mut rehearsal)?;
        let documents = Arc::new(ObjectDocuments(self.ports.objects.clone()));
        let mut world = World::new(Rules::new(documents).with_document(source), adopted);
        let counters = Counters::default();
        let mut folded = 0;
        for Taken { index, time_ms, record, inputs } in taken {
            let until = record.as_of_size.min(self.log().size());
            while folded < until {
                if let Some((recorded, time_ms)) = self.event(folded)? {
                    world.apply(recorded, time_ms);
                }
                folded += 1;
            }
            let told = time_ms >= period.from_ms;
            let Some(requests) = replay::requests(world.rules.state(), &record, &inputs, time_ms) else {
                rehearsal.nameless += usize::from(told);
                continue;
            };
            let label = requests.first().map(|request| world.rules.state().identity_label(request.identity));
            let acts: Vec<String> =
                requests.iter().map(|request| format!("{} `{}`", request.action, request.resource)).collect();
            let act = format!("`{}` asked to {}", label.unwrap_or_default(), acts.join(" and to "));
            let is = decide_together(&world.rules, &counters, requests);
            if !told {
                continue;
            }
            rehearsal.decisions += 1;
            let sentence = match (record.permitted, &is) {
                (true, Err(denied)) => {
                    rehearsal.newly_refused += 1;
                    format!("{act}: permitted, and would be refused: {}", denied.1.detail)
                }
                (false, Ok(permits)) => {
                    rehearsal.newly_permitted += 1;
                    let clauses = permits.iter().flat_map(|permit| &permit.contract().clauses);
                    let clauses: Vec<String> = clauses.map(ToString::to_string).collect();
                    format!("{act}: refused, and would be permitted by clause {}", clauses.join(", "))
                }
                (true, Ok(_)) | (false, Err(_)) => continue,
            };
            if rehearsal.changed.len() < TOLD_MAX {
                rehearsal.changed.push((index, sentence));
            }
        }
        Ok(rehearsal)
    }

    /// What an entry of the control ledger says happened, and when; none if it says nothing of the kind.
    fn event(&self, index: u64) -> Result<Option<(Recorded, Millis)>, DraftError> {
        let Some(bytes) = self.log().entry(index)? else { return Ok(None) };
        Ok(entry::read(&bytes, &|path| self.objects().get(path)).ok())
    }

    /// The instrument a document would be, as the registry stands now, and the longest window of any quota:
    /// how far back calls may count.
    fn adopted(&self, source: &str) -> Result<(Instrument, Millis), DraftError> {
        let instrument = contract::check(source).map_err(DraftError::Document)?;
        let bundle = match Bundle::compile(&instrument) {
            // A clause that can never matter keeps a document from being drafted, not from being tried.
            Err(CompileError::Idle { .. }) => Bundle::unchecked(&instrument),
            Ok(bundle) => bundle,
            Err(CompileError::Invalid(_)) => compile(&instrument, source).map_err(DraftError::Document)?,
        };
        let rules = self.rules();
        let state = rules.state();
        let envelope = Envelope::of(&instrument, source, bundle.hash(), COMPILER);
        let mut draft = resolve(state, &instrument, source, envelope).map_err(DraftError::Document)?;
        // Whatever version the document bears, it is rehearsed as the next one.
        draft.version = state.instrument_versions(&draft.name).last().map_or(1, |newest| newest.version + 1);
        let context = Context { actor: Actor::System, now_ms: self.now_ms(), entropy: [0xee; 10] };
        let events = admit(state, Command::DraftInstrument(Box::new(draft)), &context)
            .map_err(crate::SubmitError::from)?;
        let adopted = events.into_iter().find_map(|event| {
            if let Event::InstrumentDrafted(drafted) = event { Some(*drafted) } else { None }
        });
        let adopted =
            adopted.ok_or_else(|| crate::SubmitError::Internal("no draft among the events".into()))?;
        let windows = state.instruments.values().filter_map(|other| other.quota_window_max_ms);
        let window_ms = windows.chain(adopted.quota_window_max_ms).max().unwrap_or(0);
        Ok((adopted, window_ms))
    }

    /// The document of an instrument, by its name and version.
    pub fn document(&self, id: InstrumentId) -> Option<String> {
        let digest = self.rules().state().instruments.get(&id)?.document;
        documents::read(self.objects(), &digest).ok().flatten()
    }
}

/// The ledger as it is folded, with one instrument in force in place of all others of its name.
struct World {
    rules: Rules,
    adopted: InstrumentId,
    name: Name,
}

impl World {
    fn new(mut rules: Rules, adopted: Instrument) -> Self {
        let (id, name) = (adopted.id, adopted.name.clone());
        let events =
            vec![Event::InstrumentDrafted(Box::new(adopted)), Event::InstrumentInForce { instrument: id }];
        rules.apply(&Recorded { actor: Actor::System, events }, 0);
        Self { rules, adopted: id, name }
    }

    fn apply(&mut self, recorded: Recorded, time_ms: Millis) {
        let mut events = Vec::with_capacity(recorded.events.len());
        for event in recorded.events {
            let state = self.rules.state();
            if let Some(instead) = self.instead(state, &event) {
                events.extend(instead);
            } else {
                events.push(event);
            }
        }
        self.rules.apply(&Recorded { actor: recorded.actor, events }, time_ms);
    }

    /// What happens instead of an event that brings another version into force, suspends or renews it.
    fn instead(&self, state: &State, event: &Event) -> Option<Vec<Event>> {
        let of_name = |id: &InstrumentId| state.instruments.get(id).is_some_and(|i| i.name == self.name);
        if let Event::InstrumentInForce { instrument } = event {
            return of_name(instrument).then(Vec::new);
        }
        if let Event::InstrumentRenewed { instrument, until_ms } = event {
            let renewed = Event::InstrumentRenewed { instrument: self.adopted, until_ms: *until_ms };
            return of_name(instrument).then(|| vec![renewed]);
        }
        let Event::NoticeGiven { instrument, kind, .. } = event else { return None };
        let rests = matches!(kind, NoticeKind::Suspension | NoticeKind::Resumption);
        if !rests || !of_name(instrument) {
            return None;
        }
        let mut notice = event.clone();
        if let Event::NoticeGiven { instrument, .. } = &mut notice {
            *instrument = self.adopted;
        }
        Some(vec![notice])
    }
}

/// One decision to take again.
struct Taken {
    index: u64,
    time_ms: Millis,
    record: VerdictRecord,
    inputs: Inputs,
}

/// Verdicts of a period with how the request looked, in the order they were taken in. Those since `from_ms`
/// that cannot be taken again are counted.
fn recorded(
    log: &dyn ReadLog,
    period: Period,
    from_ms: Millis,
    rehearsal: &mut Rehearsal,
) -> Result<Vec<Taken>, DraftError> {
    let mut found = Vec::new();
    for (looked_at, index) in (0..log.size()).rev().enumerate() {
        if looked_at as u64 >= ENTRIES_MAX {
            rehearsal.cut_short = true;
            break;
        }
        let Some(bytes) = log.entry(index)? else { break };
        let Ok(entry) = Entry::decode(&bytes) else {
            rehearsal.unreadable += 1;
            continue;
        };
        if entry.time_ms < period.from_ms {
            break;
        }
        if entry.kind != VERDICT || entry.time_ms >= period.to_ms {
            continue;
        }
        let told = usize::from(entry.time_ms >= from_ms);
        if found.len() >= DECISIONS_MAX {
            rehearsal.left_out += told;
            continue;
        }
        let Ok(record) = decode_canonical::<VerdictRecord>(&entry.body) else {
            rehearsal.unreadable += told;
            continue;
        };
        let Some(inputs) = log.addendum(index)?.and_then(|bytes| Inputs::decode(&bytes)) else {
            rehearsal.erased += told;
            continue;
        };
        found.push(Taken { index, time_ms: entry.time_ms, record, inputs });
    }
    let when = |taken: &Taken| match taken.record.decided_ms {
        0 => taken.time_ms,
        decided_ms => decided_ms,
    };
    found.sort_by_key(|taken| (taken.record.as_of_size, when(taken), taken.index));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::{Verdict, decide};
    use registry::PersonId;
    use testkit::{NOW, document, drafted, id, request};

    const PERMIT: &str = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]";
    const REST: &str = "kind = \"suspension\"\nholders = [\"provider\"]\ngrounds = [\"breach\"]";

    /// The rehearsed document stands in place of what came into force, and rests when that did.
    #[test]
    fn the_document_takes_the_place_of_the_version_it_would_replace() {
        let fixture = testkit::World::new();
        let (old, new) = (document("deal", &[PERMIT]), document("deal", &[PERMIT, REST]));
        fixture.shelf.put(&old);
        let state = fixture.rules.state();
        let [before, adopted] = [(&old, 1), (&new, 2)].map(|(source, n)| {
            let id = InstrumentId::from_entropy(id(n));
            Instrument { version: n, ..drafted(state, id, source) }
        });
        let mut world = World::new(fixture.rules.scratch().with_document(&new), adopted.clone());
        let apply = |world: &mut World, event| {
            world.apply(Recorded { actor: Actor::System, events: vec![event] }, NOW);
        };
        let permits = |world: &World| match decide(&world.rules, &Counters::default(), request("read", "a")) {
            Verdict::Permit(permit) => Some(permit.contract().instrument),
            Verdict::Denial(_) => None,
        };
        let of = before.id;
        apply(&mut world, Event::InstrumentDrafted(Box::new(before)));
        apply(&mut world, Event::InstrumentInForce { instrument: of });
        assert_eq!(permits(&world), Some(adopted.id));
        let notice = |kind| Event::NoticeGiven {
            instrument: of,
            kind,
            person: PersonId::from_entropy(id(3)),
            ground: "breach".into(),
            effective_ms: NOW - 1,
            signature: String::new(),
        };
        apply(&mut world, notice(NoticeKind::Suspension));
        assert_eq!(permits(&world), None, "it rests as the other did");
        apply(&mut world, notice(NoticeKind::Resumption));
        assert_eq!(permits(&world), Some(adopted.id));
        apply(&mut world, Event::InstrumentEnded { instrument: of, reason: "over".into() });
        assert_eq!(permits(&world), Some(adopted.id), "it is rehearsed all the time");
    }
}
