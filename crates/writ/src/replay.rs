//! Replay: recorded decisions taken again from the ledger alone, offline. The same record and the same
//! ledger must give the same verdict (check 7 of the seven that keep words and rule together).

use policy::{Counters, Documents, Inputs, Reason, Rules, VerdictRecord, decide_together, replay};
use registry::Recorded;
use std::path::PathBuf;
use std::sync::Arc;

/// The texts of instruments, beside the ledger.
struct Folder(PathBuf);

impl Documents for Folder {
    fn document(&self, digest: &[u8; 32]) -> Option<String> {
        std::fs::read_to_string(self.0.join(contract::canonical::hex(digest))).ok()
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// Taken again, with the same verdict.
    pub(crate) same: u64,
    /// Not taken again: how the request looked was erased, or it was refused before it named an act.
    pub(crate) skipped: u64,
    /// At a quota, where the order of requests at the same moment decides.
    pub(crate) by_order: u64,
    /// Taken again, with another verdict.
    pub(crate) other: Vec<(u64, String)>,
}

/// One decision to take again.
pub(crate) struct Taken {
    pub(crate) index: u64,
    pub(crate) time_ms: u64,
    pub(crate) record: VerdictRecord,
    pub(crate) inputs: Option<Inputs>,
}

/// Takes decisions again under the control ledger's entries up to where each was taken.
pub(crate) fn run(control: &[(Recorded, u64)], documents: PathBuf, mut taken: Vec<Taken>) -> Replayed {
    let when =
        |taken: &Taken| if taken.record.decided_ms == 0 { taken.time_ms } else { taken.record.decided_ms };
    taken.sort_by_key(|taken| (taken.record.as_of_size, when(taken), taken.index));
    let mut rules = Rules::new(Arc::new(Folder(documents)));
    let counters = Counters::default();
    let mut entries = control.iter();
    let (mut folded, mut replayed) = (0, Replayed::default());
    for taken in &taken {
        while folded < taken.record.as_of_size {
            let Some((recorded, time_ms)) = entries.next() else { break };
            rules.apply(recorded, *time_ms);
            folded += 1;
        }
        let record = &taken.record;
        let requests = taken
            .inputs
            .as_ref()
            .and_then(|inputs| replay::requests(rules.state(), record, inputs, taken.time_ms));
        let Some(requests) = requests else {
            replayed.skipped += 1;
            continue;
        };
        let again = match decide_together(&rules, &counters, requests) {
            Ok(permits) => VerdictRecord::of_permits(&permits, record.inputs),
            Err(denied) => Some(VerdictRecord::of_denial(&denied.1, record.serial, record.inputs)),
        };
        let Some(again) = again else {
            replayed.skipped += 1;
            continue;
        };
        let exhausted = |record: &VerdictRecord| record.reason == Reason::QuotaExhausted.as_str();
        match difference(record, &again) {
            None => match record.permitted.then(|| trial_difference(record, &again)).flatten() {
                None => replayed.same += 1,
                Some(what) => replayed.other.push((taken.index, what)),
            },
            // Which of two calls at the same moment was the last one allowed is not on record.
            Some(_) if exhausted(record) || exhausted(&again) => replayed.by_order += 1,
            Some(what) => replayed.other.push((taken.index, what)),
        }
    }
    replayed
}

/// What drafts on trial are recorded to have said, and did not say when it is taken again. Which of two calls at the same
/// moment was the last one a quota left room for is not on record, nor when a document could not be read.
fn trial_difference(record: &VerdictRecord, again: &VerdictRecord) -> Option<String> {
    let by_chance = [Reason::QuotaExhausted.as_str(), Reason::InstrumentUnusable.as_str()];
    let of = |record: &VerdictRecord, instrument| {
        record.tried.iter().find(|tried| tried.instrument == instrument).cloned()
    };
    let all = record.tried.iter().chain(&again.tried).map(|tried| tried.instrument);
    let differs = |instrument: &_| {
        let (was, is) = (of(record, *instrument), of(again, *instrument));
        let excused = was.is_some() == is.is_some()
            && [&was, &is].into_iter().flatten().any(|tried| by_chance.contains(&tried.reason.as_str()));
        was != is && !excused
    };
    let found = all.into_iter().find(differs)?;
    Some(format!(
        "the draft {found} on trial is recorded to have said something else than it says when it is taken again"
    ))
}

/// What of a recorded verdict differs when it is taken again.
fn difference(record: &VerdictRecord, again: &VerdictRecord) -> Option<String> {
    let said = |record: &VerdictRecord| {
        let verdict = if record.permitted { "permitted" } else { "refused" };
        match (record.permitted, record.clauses.as_slice()) {
            (true, clauses) => format!("{verdict} by clause {}", clauses.join(", ")),
            (false, []) => format!("{verdict} ({})", record.reason),
            (false, clauses) => format!("{verdict} by clause {} ({})", clauses.join(", "), record.reason),
        }
    };
    let (was, is) = (said(record), said(again));
    if was != is || record.reason != again.reason {
        return Some(format!("was {was}, but taken again it is {is}"));
    }
    // Entries that do not say when they were decided do not name what stands above the contract either.
    let above = record.decided_ms == 0 || record.above == again.above;
    let other = [
        ("instrument", record.instrument == again.instrument),
        ("version", record.version == again.version),
        ("compiled rule", record.bundle == again.bundle),
        ("quotas it counts against", record.counted == again.counted),
        ("acts", record.beside == again.beside),
        ("charter and guardrails", above),
    ];
    let other: Vec<&str> = other.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect();
    let is = if record.permitted { "permitted" } else { "refused" };
    (!other.is_empty())
        .then(|| format!("was {is}, but taken again it names another {}", other.join(", another ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::{AsOf, Denial, TriedRecord};
    use registry::InstrumentId;

    /// A permit of which drafts said this.
    fn permitted(tried: &[(u8, &str)]) -> VerdictRecord {
        let as_of = AsOf { size: 1, root: [0; 32] };
        let denial = Denial::plain(Reason::NothingPermits, String::new(), as_of);
        let said = |(draft, reason): &(u8, &str)| TriedRecord {
            instrument: InstrumentId::from_entropy([*draft; 10]),
            version: 1,
            bundle: [0; 32],
            reason: (*reason).to_owned(),
            clauses: Vec::new(),
            counted: Vec::new(),
            most: None,
        };
        let (permitted, reason) = (true, "permitted".to_owned());
        let record = VerdictRecord::of_denial(&denial, [0; 16], [0; 32]);
        VerdictRecord { permitted, reason, tried: tried.iter().map(said).collect(), ..record }
    }

    #[test]
    fn what_a_draft_said_excuses_no_verdict_and_its_chance_is_its_own() {
        let differs = |was: &[(u8, &str)], is: &[(u8, &str)]| {
            trial_difference(&permitted(was), &permitted(is)).is_some()
        };
        assert!(!differs(&[(1, "permitted")], &[(1, "permitted")]));
        assert!(differs(&[(1, "permitted")], &[(1, "nothing-permits")]));
        assert!(differs(&[(1, "permitted")], &[]) && differs(&[], &[(1, "permitted")]));
        assert!(!differs(&[(1, "quota-exhausted")], &[(1, "permitted")]));
        assert!(!differs(&[(1, "permitted")], &[(1, "instrument-unusable")]));
        // Of one draft chance, of the other not.
        let was = [(1, "quota-exhausted"), (2, "permitted")];
        assert!(differs(&was, &[(1, "permitted"), (2, "clause-forbids")]));
        assert!(differs(&[(1, "quota-exhausted")], &[]), "it was on trial or it was not");
        let mut other = permitted(&[(1, "quota-exhausted")]);
        other.bundle = Some([1; 32]);
        assert!(difference(&permitted(&[(1, "quota-exhausted")]), &other).is_some());
    }
}
