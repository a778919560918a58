//! Rehearsal: recorded requests decided again as if another document were in force.

use crate::instruments::{DraftError, compile, resolve};
use crate::plane::EVENT;
use crate::{Authority, documents};
use contract::Envelope;
use ledger::entry::decode_canonical;
use ledger::{Entry, ReadLog};
use policy::record::VERDICT;
use policy::{
    Bundle, COMPILER, CompileError, Counters, Inputs, Rules, Verdict, VerdictRecord, decide, replay,
};
use registry::{Actor, Command, Context, Event, InstrumentId, InstrumentStatus, Millis, Recorded, admit};

/// Decisions rehearsed at most.
pub const DECISIONS_MAX: usize = 200_000;
/// Decisions told one by one.
const TOLD_MAX: usize = 20;

/// What a document would change of what was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// Decisions that could be taken again.
    pub decisions: usize,
    /// Permitted, and refused with the document in force.
    pub newly_refused: usize,
    /// Refused, and permitted with the document in force.
    pub newly_permitted: usize,
    /// The first of those that change: their index in the decision log, and how, in a sentence.
    pub changed: Vec<(u64, String)>,
}

impl Authority {
    /// Decides again what was decided since `since_ms`: once by the rules as they are, once with the
    /// document in force in place of the version it would replace.
    pub fn rehearse(
        &self,
        log: &dyn ReadLog,
        source: &str,
        since_ms: Millis,
    ) -> Result<Rehearsal, DraftError> {
        let mut before = self.rules().scratch();
        let issued = self.issued()?;
        before.apply(&Recorded { actor: Actor::System, events: issued }, 0);
        let mut after = before.scratch().with_document(source);
        let events = self.adopted(&after, source)?;
        after.apply(&Recorded { actor: Actor::System, events }, 0);
        let (first, second) = (Counters::default(), Counters::default());
        let mut rehearsal = Rehearsal::default();
        for (index, entry, inputs) in recorded(log, since_ms)? {
            let Ok(record) = decode_canonical::<VerdictRecord>(&entry.body) else { continue };
            let Some(request) = replay::request(before.state(), &record, &inputs, entry.time_ms) else {
                continue;
            };
            rehearsal.decisions += 1;
            let label = before.state().identity_label(request.identity);
            let act = format!("`{label}` asked to {} `{}`", request.action, request.resource);
            let was = decide(&before, &first, request.clone());
            let is = decide(&after, &second, request);
            let sentence = match (&was, &is) {
                (Verdict::Permit(_), Verdict::Denial(denial)) => {
                    rehearsal.newly_refused += 1;
                    format!("{act}: permitted, and would be refused: {}", denial.detail)
                }
                (Verdict::Denial(_), Verdict::Permit(permit)) => {
                    rehearsal.newly_permitted += 1;
                    let clauses: Vec<String> =
                        permit.contract().clauses.iter().map(ToString::to_string).collect();
                    format!("{act}: refused, and would be permitted by clause {}", clauses.join(", "))
                }
                (Verdict::Permit(_), Verdict::Permit(_)) | (Verdict::Denial(_), Verdict::Denial(_)) => {
                    continue;
                }
            };
            if rehearsal.changed.len() < TOLD_MAX {
                rehearsal.changed.push((index, sentence));
            }
        }
        Ok(rehearsal)
    }

    /// The events that would bring a document into force in place of what stands under its name.
    fn adopted(&self, rules: &Rules, source: &str) -> Result<Vec<Event>, DraftError> {
        let instrument = contract::check(source).map_err(DraftError::Document)?;
        let bundle = match Bundle::compile(&instrument) {
            // A clause that can never matter keeps a document from being drafted, not from being tried.
            Err(CompileError::Idle { .. }) => Bundle::unchecked(&instrument),
            Ok(bundle) => bundle,
            Err(CompileError::Invalid(_)) => compile(&instrument, source).map_err(DraftError::Document)?,
        };
        let state = rules.state();
        let envelope = Envelope::of(&instrument, source, bundle.hash(), COMPILER);
        let mut draft = resolve(state, &instrument, source, envelope).map_err(DraftError::Document)?;
        let standing: Vec<(InstrumentId, u32)> = state
            .instrument_versions(&draft.name)
            .filter(|other| other.status != InstrumentStatus::Ended)
            .map(|other| (other.id, other.version))
            .collect();
        // Whatever version the document bears, it is rehearsed as the next one.
        draft.version = state.instrument_versions(&draft.name).last().map_or(1, |newest| newest.version + 1);
        let context = Context { actor: Actor::System, now_ms: self.now_ms(), entropy: [0xee; 10] };
        let mut events = admit(state, Command::DraftInstrument(Box::new(draft)), &context)
            .map_err(crate::SubmitError::from)?;
        let adopted = events.iter().find_map(|event| {
            if let Event::InstrumentDrafted(drafted) = event { Some(drafted.id) } else { None }
        });
        events.extend(adopted.map(|instrument| Event::InstrumentInForce { instrument }));
        let ended = |(instrument, _): (InstrumentId, u32)| Event::InstrumentEnded {
            instrument,
            reason: "rehearsed".into(),
        };
        events.extend(standing.into_iter().map(ended));
        Ok(events)
    }

    /// Every certificate that was ever issued: those that expired since are not in the state any more.
    fn issued(&self) -> Result<Vec<Event>, DraftError> {
        let mut issued = Vec::new();
        for index in 0..self.log().size() {
            let Some(bytes) = self.log().entry(index)? else { break };
            let Ok(entry) = Entry::decode(&bytes) else { continue };
            if entry.kind != EVENT {
                continue;
            }
            if let Ok(recorded) = decode_canonical::<Recorded>(&entry.body) {
                let certificate = |event: &Event| matches!(event, Event::CredentialIssued { .. });
                issued.extend(recorded.events.into_iter().filter(certificate));
            }
        }
        Ok(issued)
    }

    /// The document of an instrument, by its name and version.
    pub fn document(&self, id: InstrumentId) -> Option<String> {
        let digest = self.rules().state().instruments.get(&id)?.document;
        documents::read(self.objects(), &digest).ok().flatten()
    }
}

/// Verdicts since a time with how the request looked, oldest first. Those whose look was erased are left out.
fn recorded(log: &dyn ReadLog, since_ms: Millis) -> Result<Vec<(u64, Entry, Inputs)>, DraftError> {
    let mut found = Vec::new();
    for index in (0..log.size()).rev() {
        let Some(bytes) = log.entry(index)? else { break };
        let Ok(entry) = Entry::decode(&bytes) else { continue };
        if entry.time_ms < since_ms || found.len() >= DECISIONS_MAX {
            break;
        }
        if entry.kind != VERDICT {
            continue;
        }
        let inputs = log.addendum(index)?.and_then(|bytes| Inputs::decode(&bytes));
        found.extend(inputs.map(|inputs| (index, entry, inputs)));
    }
    found.reverse();
    Ok(found)
}
