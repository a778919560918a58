//! Replay: recorded decisions taken again from the ledger alone, offline. The same record and the same
//! ledger must give the same verdict (check 7 of the seven that keep words and rule together).

use policy::{Counters, Documents, Inputs, Rules, Verdict, VerdictRecord, decide, replay};
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
    /// Near a quota, where the order of requests at the same moment decides.
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
        let request = taken
            .inputs
            .as_ref()
            .and_then(|inputs| replay::request(rules.state(), record, inputs, taken.time_ms));
        let Some(request) = request else {
            replayed.skipped += 1;
            continue;
        };
        let (permitted, by, counts) = match decide(&rules, &counters, request) {
            Verdict::Permit(permit) => {
                let counts = permit
                    .above()
                    .iter()
                    .chain([permit.contract()])
                    .any(|applied| !applied.counted.is_empty());
                let clauses = permit.contract().clauses.iter().map(ToString::to_string).collect();
                (true, (Some(permit.contract().instrument), clauses), counts)
            }
            Verdict::Denial(denial) => {
                let clauses: Vec<String> =
                    denial.cited.iter().map(|cited| cited.clause.to_string()).collect();
                let counts = denial.reason == policy::Reason::QuotaExhausted;
                (false, (denial.cited.as_ref().map(|cited| cited.instrument), clauses), counts)
            }
        };
        if permitted == record.permitted && by == (record.instrument, record.clauses.clone()) {
            replayed.same += 1;
        } else if counts || record.reason == policy::Reason::QuotaExhausted.as_str() {
            replayed.by_order += 1;
        } else {
            let said = |permitted: bool, clauses: &[String]| {
                format!(
                    "{} by clause {}",
                    if permitted { "permitted" } else { "refused" },
                    clauses.join(", ")
                )
            };
            let what = format!(
                "was {}, but taken again it is {}",
                said(record.permitted, &record.clauses),
                said(permitted, &by.1)
            );
            replayed.other.push((taken.index, what));
        }
    }
    replayed
}
