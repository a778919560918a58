//! What the registry keeps of an instrument: who is bound, which hashes were signed, what stands.
//! The words themselves lie in the object store under `document`.

use crate::command::InstrumentDraft;
use crate::identity::named_enum;
use crate::{DepartureStep, IdentityId, InstrumentId, Millis, Name, PartyId, PersonId, ServiceId};
use minicbor::{Decode, Encode};

/// A charter, contract or guardrail.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Instrument {
    /// Its id.
    #[n(0)]
    pub id: InstrumentId,
    /// Its short name, unique; versions share it.
    #[n(1)]
    pub name: Name,
    /// Its version, counting from 1.
    #[n(2)]
    pub version: u32,
    /// Its title.
    #[n(3)]
    pub title: String,
    /// The party that provides the service; of a charter or guardrail, the party that sets it.
    #[n(4)]
    pub provider: PartyId,
    /// The service of a contract.
    #[n(5)]
    pub service: Option<ServiceId>,
    /// The party whose machines act.
    #[n(6)]
    pub consumer: PartyId,
    /// The machines.
    #[n(7)]
    pub machines: Vec<IdentityId>,
    /// SHA-256 of the document.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub document: [u8; 32],
    /// SHA-256 of the policy bundle.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub bundle: [u8; 32],
    /// The envelope both parties sign: canonical JSON naming all the hashes.
    #[n(10)]
    pub envelope: String,
    /// The longest life a credential used under it may have.
    #[n(11)]
    pub credential_ttl_max_ms: Option<Millis>,
    /// From when it is in force.
    #[n(12)]
    pub start_ms: Option<Millis>,
    /// Until when (exclusive).
    #[n(13)]
    pub end_ms: Option<Millis>,
    /// The signatures so far.
    #[n(14)]
    pub signatures: Vec<InstrumentSignature>,
    /// Where it stands.
    #[n(15)]
    pub status: InstrumentStatus,
    /// The longest window of its quotas: how far back a restarting gateway must count.
    #[n(16)]
    pub quota_window_max_ms: Option<Millis>,
    /// Which kind of instrument it is.
    #[n(17)]
    #[cbor(default)]
    pub kind: InstrumentKind,
    /// What its clauses say about signing and about its own life.
    #[n(18)]
    #[cbor(default)]
    pub terms: InstrumentTerms,
    /// Until when renewals carried it beyond its end.
    #[n(19)]
    pub renewed_until_ms: Option<Millis>,
    /// From when it rests.
    #[n(20)]
    pub suspended_from_ms: Option<Millis>,
    /// When it ends by notice.
    #[n(21)]
    pub ends_by_notice_ms: Option<Millis>,
    /// The version this one was proven to only narrow.
    #[n(22)]
    pub narrows: Option<u32>,
    /// How many notices were given under it: names the next one.
    #[n(23)]
    #[cbor(default)]
    pub notices: u32,
    /// Whether somebody objected to its renewal.
    #[n(24)]
    #[cbor(default)]
    pub not_renewed: bool,
    /// Which party suspended it: only that one lets it go on.
    #[n(25)]
    pub suspender: Option<PartyId>,
    /// Notices of its end that were not withdrawn: who gave each, and when it has effect.
    #[n(26)]
    #[cbor(default)]
    pub endings: Vec<(PartyId, Millis)>,
    /// What its clauses ask of every credential of its machines.
    #[n(27)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub credentials: Vec<CredentialClause>,
    /// What is done when somebody who answers for its machines has left.
    #[n(29)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub departure: Vec<DepartureRung>,
    /// Since when everybody it needs has signed.
    #[n(28)]
    pub in_force_ms: Option<Millis>,
    /// Until when it is tried, as a draft.
    #[n(30)]
    pub tried_until_ms: Option<Millis>,
}

/// A step after a departure, as a clause has it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DepartureRung {
    /// The clause's number.
    #[n(0)]
    pub clause: String,
    /// How long after the departure.
    #[n(1)]
    pub after_ms: Millis,
    /// What is done.
    #[n(2)]
    pub step: DepartureStep,
    /// The longest life of credentials from then on, where that is the step.
    #[n(3)]
    pub life_ms: Option<Millis>,
}

/// What a clause asks of every credential a machine is issued.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CredentialClause {
    /// Its number.
    #[n(0)]
    pub clause: String,
    /// SHA-256 of the clause in canonical form.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// The longest life.
    #[n(2)]
    pub life_max_ms: Millis,
    /// Which keys; empty means any.
    #[n(3)]
    pub key_algorithms: Vec<String>,
    /// For whom JWT-SVIDs may be; empty means anybody.
    #[n(4)]
    pub audiences: Vec<String>,
    /// When certificates are renewed: when this much of their life is over, in percent.
    #[n(5)]
    pub renew_at_percent: Option<u8>,
}

impl Instrument {
    /// A draft that nobody has signed.
    pub fn drafted(id: InstrumentId, draft: InstrumentDraft) -> Self {
        Self {
            id,
            name: draft.name,
            version: draft.version,
            title: draft.title,
            provider: draft.provider,
            service: draft.service,
            consumer: draft.consumer,
            machines: draft.machines,
            document: draft.document,
            bundle: draft.bundle,
            envelope: draft.envelope,
            credential_ttl_max_ms: draft.credentials.iter().map(|clause| clause.life_max_ms).min(),
            start_ms: draft.start_ms,
            end_ms: draft.end_ms,
            signatures: Vec::new(),
            status: InstrumentStatus::Drafted,
            quota_window_max_ms: draft.quota_window_max_ms,
            kind: draft.kind,
            terms: draft.terms,
            renewed_until_ms: None,
            suspended_from_ms: None,
            ends_by_notice_ms: None,
            narrows: None,
            notices: 0,
            not_renewed: false,
            suspender: None,
            endings: Vec::new(),
            credentials: draft.credentials,
            departure: draft.departure,
            in_force_ms: None,
            tried_until_ms: None,
        }
    }

    /// Drafts of early versions name the longest life of a credential alone.
    pub(crate) fn read_as_before(&mut self) {
        if let (Some(life_max_ms), true) = (self.credential_ttl_max_ms, self.credentials.is_empty()) {
            self.credentials.push(CredentialClause {
                clause: String::new(),
                digest: self.document,
                life_max_ms,
                key_algorithms: Vec::new(),
                audiences: Vec::new(),
                renew_at_percent: None,
            });
        }
    }

    /// The sides that sign it.
    pub fn sides(&self) -> &'static [Side] {
        match self.kind {
            InstrumentKind::Contract => &[Side::Provider, Side::Consumer],
            InstrumentKind::Charter | InstrumentKind::Guardrail => &[Side::Party],
        }
    }

    /// The party on a side.
    pub fn party(&self, side: Side) -> PartyId {
        match side {
            Side::Consumer => self.consumer,
            Side::Party | Side::Provider => self.provider,
        }
    }

    /// How many people sign for a side at least.
    pub fn quorum(&self, side: Side) -> u32 {
        self.terms.quorum.iter().find(|(of, _)| *of == side).map_or(1, |(_, people)| *people)
    }

    /// Whether it is a draft that is tried at `now_ms`.
    pub fn is_tried(&self, now_ms: Millis) -> bool {
        self.status == InstrumentStatus::Drafted && self.tried_until_ms.is_some_and(|until| now_ms < until)
    }

    /// Whether it rests at `now_ms`.
    pub fn is_suspended(&self, now_ms: Millis) -> bool {
        self.suspended_from_ms.is_some_and(|from| from <= now_ms)
    }

    /// Whether notice ended it by `now_ms`.
    pub fn is_over(&self, now_ms: Millis) -> bool {
        self.ends_by_notice_ms.is_some_and(|end| end <= now_ms)
    }

    /// Whether its term has begun by `now_ms`.
    pub fn has_begun(&self, now_ms: Millis) -> bool {
        self.start_ms.is_none_or(|start| start <= now_ms)
    }

    /// Whether it binds at `now_ms`: signed by everybody, begun, and neither resting nor at its end.
    pub fn binds(&self, now_ms: Millis) -> bool {
        let signed = matches!(self.status, InstrumentStatus::InForce | InstrumentStatus::Suspended);
        signed
            && self.has_begun(now_ms)
            && !self.is_suspended(now_ms)
            && !self.is_over(now_ms)
            && self.last_ms().is_none_or(|end| now_ms < end)
    }

    /// For how long it has bound at `now_ms`: signed by everybody, and its term begun.
    pub fn bound_for_ms(&self, now_ms: Millis) -> Millis {
        let since =
            self.in_force_ms.map(|in_force| self.start_ms.map_or(in_force, |start| start.max(in_force)));
        since.map_or(0, |since| now_ms.saturating_sub(since))
    }

    /// The last moment of its term, renewals included.
    pub fn last_ms(&self) -> Option<Millis> {
        self.end_ms.map(|end| self.renewed_until_ms.map_or(end, |renewed| renewed.max(end)))
    }

    /// What a person signs to give notice (SSH signature, namespace `writ.notice`).
    pub fn notice(&self, kind: NoticeKind, ground: &str, person: PersonId) -> String {
        format!(
            "I give notice under this instrument.\ninstrument: {id}\nname: {name}\nversion: {version}\n\
             notice: {kind}\nground: {ground}\nnumber: {number}\nperson: {person}\n",
            id = self.id,
            name = self.name,
            version = self.version,
            number = self.notices + 1,
        )
    }
}

/// What clauses say about signing and about the instrument's own life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InstrumentTerms {
    /// How many people sign for a side, where it is more than one.
    #[n(0)]
    pub quorum: Vec<(Side, u32)>,
    /// Which side signs first.
    #[n(1)]
    pub first: Option<Side>,
    /// Which sides may suspend it.
    #[n(2)]
    pub suspended_by: Vec<Side>,
    /// With which notice.
    #[n(3)]
    pub suspension_notice_ms: Option<Millis>,
    /// For how long it is renewed.
    #[n(4)]
    pub renewal_ms: Option<Millis>,
    /// How long before the end somebody must object to that.
    #[n(5)]
    pub renewal_notice_ms: Option<Millis>,
    /// With which notice either side may end it without a reason.
    #[n(6)]
    pub convenience_ms: Option<Millis>,
    /// How long a breach may be put right before either side may end it.
    #[n(7)]
    pub cure_ms: Option<Millis>,
    /// Whose signature alone is enough for a version that is proven to only narrow this one.
    #[n(8)]
    pub narrowed_by: Vec<Side>,
    /// Clauses that go on after the end.
    #[n(9)]
    pub survives: Vec<String>,
    /// The grounds on which it may be suspended, as its clause spells them.
    #[n(10)]
    #[cbor(default)]
    pub suspension_grounds: Vec<String>,
    /// The numbers of its clauses: what a notice of a breach can name.
    #[n(11)]
    #[cbor(default)]
    pub clauses: Vec<String>,
}

/// What was proven about an instrument, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProofRecord {
    /// The question, as a stable code.
    #[n(0)]
    pub question: String,
    /// What it is about: a clause, another instrument; empty for the whole.
    #[n(1)]
    pub about: String,
    /// `proven`, `refuted`, `unknown`, or `none-found` by a comparison that proves nothing.
    #[n(2)]
    pub verdict: String,
    /// The solver and its version.
    #[n(3)]
    pub solver: String,
    /// SHA-256 of the SMT-LIB scripts, in the order they were run.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub script: [u8; 32],
}

/// A person's signature over the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InstrumentSignature {
    /// Who signed.
    #[n(0)]
    pub person: PersonId,
    /// When it reached the registry.
    #[n(1)]
    pub time_ms: Millis,
    /// The SSH signature (armored).
    #[n(2)]
    pub signature: String,
    /// For which sides it counts.
    #[n(3)]
    #[cbor(default)]
    pub sides: Vec<Side>,
}

named_enum! {
    /// Where an instrument stands.
    InstrumentStatus {
        /// Written; at least one signature is missing.
        Drafted = 0 "drafted";
        /// Over.
        Ended = 3 "ended";
        /// Signed by everybody it needs.
        InForce = 1 "in-force";
        /// Held for now.
        Suspended = 2 "suspended";
    }
}

named_enum! {
    /// The kinds of instrument.
    InstrumentKind {
        /// Rights, responsibilities and boundaries of one machine.
        Charter = 1 "charter";
        /// Between the machines of two parties.
        Contract = 0 "contract";
        /// The bounds of one organisation.
        Guardrail = 2 "guardrail";
    }
}

impl Default for InstrumentKind {
    /// What old entries, which do not say it, are about.
    fn default() -> Self {
        Self::Contract
    }
}

named_enum! {
    /// A side of an instrument.
    Side {
        /// The consumer of a contract.
        Consumer = 0 "consumer";
        /// The organisation of a charter or guardrail.
        Party = 1 "party";
        /// The provider of a contract.
        Provider = 2 "provider";
    }
}

named_enum! {
    /// What somebody gives notice of.
    NoticeKind {
        /// It is not to be renewed.
        NoRenewal = 0 "no-renewal";
        /// It goes on after a suspension.
        Resumption = 1 "resumption";
        /// It rests.
        Suspension = 2 "suspension";
        /// It ends, without a reason.
        Termination = 3 "termination";
        /// It ends, for a breach that is not put right.
        TerminationForCause = 4 "termination-for-cause";
        /// It does not end after all: whoever gave notice of its end takes that back.
        Withdrawal = 5 "withdrawal";
    }
}
