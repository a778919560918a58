//! Instruments: drafting, notices, renewal, end.

use super::{
    Admission, Context, MACHINES_MAX, active_person, conflict, identity_of, instrument_of, invalid, line,
    not_entitled, not_found, party_of, text,
};
use crate::command::InstrumentDraft;
use crate::signature::NOTICE;
use crate::{
    Actor, Event, Instrument, InstrumentId, InstrumentKind, InstrumentStatus, NoticeKind, PersonId,
    ProofRecord, Refusal, Side, State,
};

/// Proofs recorded of one instrument at a time.
const PROOFS_MAX: usize = 2_000;

pub(super) fn draft(state: &State, draft: InstrumentDraft, context: &Context) -> Admission {
    party_of(state, draft.provider)?;
    party_of(state, draft.consumer)?;
    bound(state, &draft)?;
    let newest = state.instrument_versions(&draft.name).last();
    if let Some(other) = newest.filter(|other| {
        (other.kind, other.provider, other.consumer, other.service)
            != (draft.kind, draft.provider, draft.consumer, draft.service)
            || (draft.kind == InstrumentKind::Charter && other.machines != draft.machines)
    }) {
        return Err(conflict(
            format!("`{}` is a {} of other parties or for something else", other.name, other.kind),
            "choose another name",
        ));
    }
    let newest = newest.map_or(0, |instrument| instrument.version);
    if draft.version != newest + 1 {
        return Err(conflict(
            format!("`{}` has version {newest}; the next is {}", draft.name, newest + 1),
            format!("write `version = {}`", newest + 1),
        ));
    }
    let draft = InstrumentDraft { title: line(draft.title)?, ..draft };
    let id = InstrumentId::from_entropy(context.entropy);
    Ok(vec![Event::InstrumentDrafted(Box::new(Instrument::drafted(id, draft)))])
}

/// Whether the draft binds what its kind binds.
fn bound(state: &State, draft: &InstrumentDraft) -> Result<(), Refusal> {
    for machine in &draft.machines {
        if identity_of(state, *machine)?.party != draft.consumer {
            let label = state.identity_label(*machine);
            return Err(invalid(format!("`{label}` is not a machine of the party that is bound"), ""));
        }
    }
    let service = match draft.service {
        None => None,
        Some(id) => Some(state.services.get(&id).ok_or_else(|| not_found(format!("no service `{id}`")))?),
    };
    let machines = draft.machines.len();
    match (draft.kind, service) {
        (InstrumentKind::Contract, Some(service)) if service.party != draft.provider => {
            Err(invalid(format!("`{}` is not a service of the provider", service.name), ""))
        }
        (InstrumentKind::Contract, Some(_)) if machines == 0 || machines > MACHINES_MAX => {
            Err(invalid(format!("a contract names between 1 and {MACHINES_MAX} machines"), ""))
        }
        (InstrumentKind::Contract, None) => Err(invalid("a contract is for a service", "")),
        (InstrumentKind::Charter, _) if machines != 1 => Err(invalid("a charter is for one machine", "")),
        (InstrumentKind::Guardrail, _) if machines != 0 => Err(invalid("a guardrail names no machine", "")),
        (InstrumentKind::Charter | InstrumentKind::Guardrail, service) => {
            if service.is_some() || draft.provider != draft.consumer {
                return Err(invalid(format!("a {} is set by one party for itself", draft.kind), ""));
            }
            Ok(())
        }
        (InstrumentKind::Contract, Some(_)) => Ok(()),
    }
}

pub(super) fn end(state: &State, instrument: InstrumentId, reason: String) -> Admission {
    let found = instrument_of(state, instrument)?;
    if found.status == InstrumentStatus::Ended {
        return Err(conflict(format!("`{}` has ended already", found.name), ""));
    }
    Ok(vec![Event::InstrumentEnded { instrument, reason: text(reason)? }])
}

pub(super) fn notice(
    state: &State,
    instrument: InstrumentId,
    kind: NoticeKind,
    person: PersonId,
    ground: String,
    signature: String,
    context: &Context,
) -> Admission {
    let found = instrument_of(state, instrument)?;
    let standing = matches!(found.status, InstrumentStatus::InForce | InstrumentStatus::Suspended);
    if !standing {
        return Err(conflict(
            format!("`{}` is {}", found.name, found.status),
            "notices are given while it is in force",
        ));
    }
    let signer = active_person(state, person)?;
    let sides: Vec<Side> =
        found.sides().iter().copied().filter(|side| found.party(*side) == signer.party).collect();
    let entitled = sides
        .iter()
        .any(|side| super::signatories(state, found, *side, context.now_ms).all().any(|may| may == person));
    if !entitled {
        return Err(not_entitled(
            format!("`{}` cannot speak for a side of `{}`", signer.name, found.name),
            "notice is given by an owner concerned, or by somebody with authority to sign",
        ));
    }
    let after = |span: Option<u64>| context.now_ms.saturating_add(span.unwrap_or(0));
    let terms = &found.terms;
    let lacking = |what: &str| {
        let help = format!("its clauses give no side that power; `writ end {}` ends it at once", found.name);
        not_entitled(format!("`{}` cannot be {what} by notice", found.name), help)
    };
    let effective_ms = match kind {
        NoticeKind::Suspension if found.status == InstrumentStatus::Suspended => {
            return Err(conflict(format!("`{}` is suspended already", found.name), ""));
        }
        NoticeKind::Suspension | NoticeKind::Resumption
            if !sides.iter().any(|side| terms.suspended_by.contains(side)) =>
        {
            return Err(lacking("suspended"));
        }
        NoticeKind::Suspension => {
            named(&ground, &terms.suspension_grounds, "a notice of suspension names its ground")?;
            after(terms.suspension_notice_ms)
        }
        NoticeKind::Resumption if found.status != InstrumentStatus::Suspended => {
            return Err(conflict(format!("`{}` is not suspended", found.name), ""));
        }
        NoticeKind::Resumption if found.suspender.is_some_and(|by| by != signer.party) => {
            return Err(not_entitled(
                format!("`{}` was suspended by the other side", found.name),
                "the side that suspended it lets it go on",
            ));
        }
        NoticeKind::Resumption => context.now_ms,
        NoticeKind::Termination => {
            after(Some(terms.convenience_ms.ok_or_else(|| lacking("ended without a reason"))?))
        }
        NoticeKind::TerminationForCause => {
            let cure = terms.cure_ms.ok_or_else(|| lacking("ended for cause"))?;
            named(&ground, &terms.clauses, "a notice for cause names the clause that was breached")?;
            after(Some(cure))
        }
        NoticeKind::Withdrawal if !found.endings.iter().any(|(by, _)| *by == signer.party) => {
            return Err(conflict(
                format!("`{}` gave no notice of the end of `{}`", signer.name, found.name),
                "the side that gave notice takes it back",
            ));
        }
        NoticeKind::Withdrawal => context.now_ms,
        NoticeKind::NoRenewal => {
            let latest =
                found.last_ms().zip(terms.renewal_notice_ms).map(|(end, notice)| end.saturating_sub(notice));
            let latest =
                latest.filter(|_| terms.renewal_ms.is_some()).ok_or_else(|| lacking("kept from renewal"))?;
            if context.now_ms > latest {
                return Err(conflict("it is too late to object to this renewal", "end it by notice instead"));
            }
            context.now_ms
        }
    };
    signer
        .key
        .verify(NOTICE, found.notice(kind, &ground, person).as_bytes(), &signature)
        .map_err(|error| not_entitled(error.to_string(), "sign the notice that `writ notice` shows"))?;
    Ok(vec![Event::NoticeGiven {
        instrument,
        kind,
        person,
        ground: line_or_empty(ground)?,
        effective_ms,
        signature,
    }])
}

/// A ground begins with a word the clauses know; details may follow it.
fn named(ground: &str, known: &[String], what: &str) -> Result<(), Refusal> {
    let word = ground.split([' ', ':', ',']).next().unwrap_or_default();
    if known.iter().any(|known| known == word) {
        return Ok(());
    }
    Err(invalid(
        format!("{what}, and `{ground}` is none of them"),
        format!("begin with one of: {}", known.join(", ")),
    ))
}

fn line_or_empty(ground: String) -> Result<String, Refusal> {
    if ground.is_empty() { Ok(ground) } else { line(ground) }
}

/// Renewal is certain once nobody can object any more.
pub(super) fn renew(state: &State, instrument: InstrumentId, context: &Context) -> Admission {
    let found = instrument_of(state, instrument)?;
    let due = found.renewal_due_ms().is_some_and(|due| due < context.now_ms);
    match found.last_ms().zip(found.terms.renewal_ms) {
        Some((end, period)) if due && !found.is_over(context.now_ms) => {
            Ok(vec![Event::InstrumentRenewed { instrument, until_ms: end.saturating_add(period) }])
        }
        Some(_) | None => Err(conflict(format!("`{}` is not to be renewed now", found.name), "")),
    }
}

impl Instrument {
    /// The last moment to object to its next renewal, if it has one to come.
    pub fn renewal_due_ms(&self) -> Option<u64> {
        let open = self.status == InstrumentStatus::InForce && !self.not_renewed;
        let notice = self.terms.renewal_notice_ms.filter(|_| open && self.terms.renewal_ms.is_some())?;
        self.last_ms().map(|end| end.saturating_sub(notice))
    }
}

pub(super) fn examined(
    state: &State,
    instrument: InstrumentId,
    proofs: Vec<ProofRecord>,
    narrows: Option<u32>,
    context: &Context,
) -> Admission {
    let found = instrument_of(state, instrument)?;
    if context.actor != Actor::System {
        return Err(not_entitled("only Writ itself records what its solver said", ""));
    }
    if proofs.len() > PROOFS_MAX {
        return Err(invalid(format!("more than {PROOFS_MAX} proofs in one record"), "split the instrument"));
    }
    if narrows.is_some_and(|version| version >= found.version) {
        return Err(invalid("a version narrows an earlier one", ""));
    }
    Ok(vec![Event::InstrumentExamined { instrument, proofs, narrows }])
}
