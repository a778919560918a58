//! Signing: who may, in which order, how many; and what is wrong with a signature.

use super::{Admission, Context, active_person, conflict, instrument_of, invalid, not_entitled};
use crate::signature::INSTRUMENT;
use crate::{
    Event, Instrument, InstrumentId, InstrumentKind, InstrumentSignature, InstrumentStatus, Millis, Person,
    PersonId, Refusal, Side, SignatureError, State,
};

/// Who may sign an instrument for a side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatories {
    /// The owners of the service and the machines it binds: all of them, unless a recorded signatory signs.
    pub owners: Vec<PersonId>,
    /// People whose authority to sign is on record.
    pub recorded: Vec<PersonId>,
}

impl Signatories {
    /// Everybody who may sign, once.
    pub fn all(&self) -> impl Iterator<Item = PersonId> {
        let others = self.recorded.iter().filter(|person| !self.owners.contains(person));
        self.owners.iter().chain(others).copied()
    }

    /// Whether these signatures are enough.
    fn is_complete(&self, signed: &[PersonId], quorum: u32) -> bool {
        let by_owners = !self.owners.is_empty() && self.owners.iter().all(|owner| signed.contains(owner));
        let by_record = self.recorded.iter().any(|person| signed.contains(person));
        let people = self.all().filter(|person| signed.contains(person)).count();
        (by_owners || by_record) && u32::try_from(people).is_ok_and(|people| people >= quorum)
    }
}

/// Who may sign an instrument for one of its sides at `now_ms`.
pub fn signatories(state: &State, instrument: &Instrument, side: Side, now_ms: Millis) -> Signatories {
    let services = || instrument.service.iter().filter_map(|id| state.services.get(id)).map(|s| s.owner);
    let machines =
        || instrument.machines.iter().filter_map(|m| state.identities.get(m)).map(|i| i.owner.person);
    let mut owners: Vec<PersonId> = match side {
        Side::Consumer | Side::Party => machines().collect(),
        Side::Provider => services().collect(),
    };
    owners.sort();
    owners.dedup();
    let party = instrument.party(side);
    let good = |until: &Option<Millis>| until.is_none_or(|until| now_ms < until);
    let recorded = state
        .signatories
        .iter()
        .filter(|((_, kind), until)| *kind == instrument.kind && good(until))
        .map(|((person, _), _)| *person)
        .filter(|person| state.people.get(person).is_some_and(|p| p.party == party && p.is_active()))
        .collect();
    Signatories { owners, recorded }
}

pub(super) fn grant(
    state: &State,
    person: PersonId,
    mut kinds: Vec<InstrumentKind>,
    until_ms: Option<Millis>,
    context: &Context,
) -> Admission {
    active_person(state, person)?;
    kinds.sort();
    kinds.dedup();
    if kinds.is_empty() {
        return Err(invalid("no kind of instrument is named", "name contract, charter or guardrail"));
    }
    if until_ms.is_some_and(|until| until <= context.now_ms) {
        return Err(invalid("the authority would have ended already", "choose a date to come"));
    }
    Ok(vec![Event::AuthorityGranted { person, kinds, until_ms }])
}

pub(super) fn sign(
    state: &State,
    instrument: InstrumentId,
    person: PersonId,
    signature: String,
    context: &Context,
) -> Admission {
    let found = instrument_of(state, instrument)?;
    if found.status != InstrumentStatus::Drafted {
        return Err(conflict(format!("`{}` is {}", found.name, found.status), "only a draft can be signed"));
    }
    if state.instrument_versions(&found.name).any(|other| other.version > found.version) {
        return Err(conflict(
            format!("`{}` has a newer version than {}", found.name, found.version),
            "sign the newest version",
        ));
    }
    let signer = active_person(state, person)?;
    let unaccepted = found.machines.iter().filter_map(|machine| state.identities.get(machine));
    if let Some(machine) = unaccepted.into_iter().find(|machine| machine.owner.accepted_ms.is_none()) {
        return Err(not_entitled(
            format!("the owner of `{}` has not accepted", machine.name),
            "only somebody who answers for a machine can bind it",
        ));
    }
    let sides = sides_of(state, found, signer, context)?;
    if found.signatures.iter().any(|there| there.person == person) {
        return Err(conflict(format!("`{}` has signed already", signer.name), ""));
    }
    in_order(state, found, &sides, context)?;
    signer
        .key
        .verify(INSTRUMENT, found.envelope.as_bytes(), &signature)
        .map_err(|error| unfit(state, found, signer, &signature, error))?;
    let signature = InstrumentSignature { person, time_ms: context.now_ms, signature, sides };
    let mut signed = found.clone();
    signed.signatures.push(signature.clone());
    let mut events = vec![Event::InstrumentSigned { instrument, signature }];
    if is_signed(state, &signed, context.now_ms) {
        events.push(Event::InstrumentInForce { instrument });
        // A new version takes the place of older drafts at once, and of what is in force when its term begins.
        let begun = found.has_begun(context.now_ms);
        events.extend(
            state
                .instrument_versions(&found.name)
                .filter(|other| other.version < found.version && other.status != InstrumentStatus::Ended)
                .filter(|other| begun || other.status == InstrumentStatus::Drafted)
                .map(|other| Event::InstrumentEnded {
                    instrument: other.id,
                    reason: format!("replaced by version {}", found.version),
                }),
        );
    }
    Ok(events)
}

/// Whether everybody it needs has signed an instrument, by those who may sign at `now_ms`: each side, or
/// one side alone where the version in force lets it narrow that version and this one was proven to.
pub fn is_signed(state: &State, instrument: &Instrument, now_ms: Millis) -> bool {
    let signed: Vec<PersonId> = instrument.signatures.iter().map(|there| there.person).collect();
    let complete = |side: &Side| {
        let quorum = quorum(state, instrument, *side);
        signatories(state, instrument, *side, now_ms).is_complete(&signed, quorum)
    };
    let sides = instrument.sides();
    sides.iter().all(complete) || sides.iter().any(|side| complete(side) && narrows(state, instrument, *side))
}

/// The version in force that this one would replace.
fn replaced<'s>(state: &'s State, instrument: &Instrument) -> Option<&'s Instrument> {
    state
        .instrument_versions(&instrument.name)
        .filter(|other| other.version < instrument.version)
        .filter(|other| matches!(other.status, InstrumentStatus::InForce | InstrumentStatus::Suspended))
        .last()
}

/// How many people sign for a side: as the version says, and not fewer than the one it replaces asks for.
fn quorum(state: &State, instrument: &Instrument, side: Side) -> u32 {
    let before = replaced(state, instrument).map_or(1, |before| before.quorum(side));
    instrument.quorum(side).max(before)
}

/// The sides a person signs for, or why there is none.
fn sides_of(
    state: &State,
    found: &Instrument,
    signer: &Person,
    context: &Context,
) -> Result<Vec<Side>, Refusal> {
    let now_ms = context.now_ms;
    let may = |side: &Side| signatories(state, found, *side, now_ms).all().any(|person| person == signer.id);
    let sides: Vec<Side> = found.sides().iter().copied().filter(may).collect();
    if !sides.is_empty() {
        return Ok(sides);
    }
    let anew = "record it anew: `writ person authorize`";
    if let Some(Some(until)) = state.signatories.get(&(signer.id, found.kind)) {
        let why =
            format!("the authority of `{}` to sign a {} ended on {}", signer.name, found.kind, date(*until));
        return Err(not_entitled(why, anew));
    }
    if let Some(withdrawn) = state.withdrawn.get(&(signer.id, found.kind)) {
        let why = format!(
            "the authority of `{}` to sign a {} was withdrawn on {}",
            signer.name,
            found.kind,
            date(*withdrawn)
        );
        return Err(not_entitled(why, anew));
    }
    let help = match found.kind {
        InstrumentKind::Contract => {
            "it is signed by the owner of the service and the owner of every machine it names, or by people with recorded authority: `writ person authorize`"
        }
        InstrumentKind::Charter => {
            "it is signed by the owner of the machine, or by somebody with recorded authority: `writ person authorize`"
        }
        InstrumentKind::Guardrail => {
            "a guardrail is signed by people with recorded authority: `writ person authorize`"
        }
    };
    Err(not_entitled(format!("`{}` does not sign `{}`", signer.name, found.name), help))
}

/// `2026-12-01 09:30:00 UTC`.
fn date(ms: Millis) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(
        || "a day beyond the calendar".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

/// Refuses a side that signs before the one that is to sign first.
fn in_order(state: &State, found: &Instrument, sides: &[Side], context: &Context) -> Result<(), Refusal> {
    if sides.iter().any(|side| narrows(state, found, *side)) {
        return Ok(());
    }
    let first = found.terms.first.or_else(|| replaced(state, found).and_then(|before| before.terms.first));
    let Some(first) = first.filter(|first| !sides.contains(first)) else { return Ok(()) };
    let signed: Vec<PersonId> = found.signatures.iter().map(|there| there.person).collect();
    if signatories(state, found, first, context.now_ms).is_complete(&signed, quorum(state, found, first)) {
        return Ok(());
    }
    Err(conflict(
        format!("the {first} of `{}` signs first and has not yet done so", found.name),
        "the order stands in its clause 0.2",
    ))
}

/// Whether a version in force lets this side alone narrow it, and this one was proven to do no more.
fn narrows(state: &State, found: &Instrument, side: Side) -> bool {
    let before = replaced(state, found).filter(|before| before.status == InstrumentStatus::InForce);
    before.is_some_and(|before| {
        found.narrows == Some(before.version) && before.terms.narrowed_by.contains(&side)
    })
}

/// Says what is wrong with a signature that does not fit: replayed, or of a changed document.
fn unfit(
    state: &State,
    found: &Instrument,
    signer: &Person,
    signature: &str,
    error: SignatureError,
) -> Refusal {
    let fits = |other: &&Instrument| {
        other.id != found.id && signer.key.verify(INSTRUMENT, other.envelope.as_bytes(), signature).is_ok()
    };
    let other = match error {
        SignatureError::DoesNotFit => state.instruments.values().find(fits),
        SignatureError::KeyKind(_)
        | SignatureError::Malformed
        | SignatureError::Namespace { .. }
        | SignatureError::NobodyPresent
        | SignatureError::NotAKey
        | SignatureError::OtherKey { .. } => None,
    };
    let help = "sign the envelope that `writ sign` shows";
    match (other, error) {
        (Some(other), _) => not_entitled(
            format!(
                "this signature is under `{}` version {}: it cannot be used again",
                other.name, other.version
            ),
            help,
        ),
        (None, SignatureError::DoesNotFit) => not_entitled(
            format!(
                "the signature does not fit `{}` version {}: what was signed is not this document",
                found.name, found.version
            ),
            "the document was changed after it was signed, or another text was signed; sign the envelope that `writ sign` shows",
        ),
        (None, error) => not_entitled(error.to_string(), help),
    }
}
