//! Machine identities: what they are for, who answers for them, whether they may act.

use crate::{IdentityId, Millis, Name, PartyId, PersonId};
use minicbor::{Decode, Encode};

/// A machine identity. Nothing about it is optional: what is not documented does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Identity {
    /// Its id.
    #[n(0)]
    pub id: IdentityId,
    /// Its name, unique within the party.
    #[n(1)]
    pub name: Name,
    /// The party it acts for.
    #[n(2)]
    pub party: PartyId,
    /// What kind of machine it is.
    #[n(3)]
    pub kind: IdentityKind,
    /// What it is for, in a sentence.
    #[n(4)]
    pub purpose: String,
    /// Where it runs.
    #[n(5)]
    pub environment: Environment,
    /// The person who answers for it.
    #[n(6)]
    pub owner: Seat,
    /// The person who answers for it when the owner cannot.
    #[n(7)]
    pub deputy: Seat,
    /// When its owner must look at it again.
    #[n(8)]
    pub review_ms: Millis,
    /// The roles it holds.
    #[n(9)]
    pub roles: Vec<Name>,
    /// Where it is in its life.
    #[n(10)]
    pub state: Lifecycle,
    /// Set when an owner or deputy left: from then on it is suspended unless somebody took over.
    #[n(11)]
    pub grace_until_ms: Option<Millis>,
    /// The region it is in.
    #[n(12)]
    pub region: Option<Name>,
    /// When an owner or deputy left whose office nobody has taken over yet.
    #[n(13)]
    pub departed_ms: Option<Millis>,
    /// The steps that were taken since.
    #[n(14)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub steps: Vec<DepartureStep>,
}

/// One of the two offices, and whether its holder accepted it by signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Seat {
    /// The person.
    #[n(0)]
    pub person: PersonId,
    /// When they accepted, if they did.
    #[n(1)]
    pub accepted_ms: Option<Millis>,
    /// Random, new with every offer: an acceptance is of this offer and of no later one.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub offer: [u8; 10],
}

impl Seat {
    /// A seat that was offered and not yet accepted.
    pub fn offered(person: PersonId, offer: [u8; 10]) -> Self {
        Self { person, accepted_ms: None, offer }
    }
}

/// Which of the two accountable people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Office {
    /// The deputy.
    #[n(1)]
    Deputy,
    /// The owner.
    #[n(0)]
    Owner,
}

impl Office {
    /// As written in statements.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deputy => "deputy",
            Self::Owner => "owner",
        }
    }
}

macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $n:literal $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
        #[cbor(index_only)]
        pub enum $name { $($(#[$vdoc])* #[n($n)] $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// As written in files, on the wire and in sentences.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
            /// Reads what [`Self::as_str`] writes.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
            }
            /// All spellings, for error messages.
            pub fn spellings() -> String {
                Self::ALL.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ")
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named_enum;

named_enum! {
    /// The nine kinds of machine identity.
    IdentityKind {
        /// An AI agent.
        AiAgent = 0 "ai-agent";
        /// A long-lived key for an API.
        ApiKey = 1 "api-key";
        /// A bot.
        Bot = 2 "bot";
        /// A CI/CD pipeline.
        CiPipeline = 3 "ci-pipeline";
        /// A container workload.
        ContainerWorkload = 4 "container-workload";
        /// A device.
        IotDevice = 5 "iot-device";
        /// A microservice.
        Microservice = 6 "microservice";
        /// A service account.
        ServiceAccount = 7 "service-account";
        /// A synthetic (integration) account.
        SyntheticAccount = 8 "synthetic-account";
    }
}

named_enum! {
    /// Where an identity runs.
    Environment {
        /// Where people develop.
        Development = 0 "development";
        /// The real thing.
        Production = 1 "production";
        /// The rehearsal.
        Staging = 2 "staging";
        /// Automated tests.
        Test = 3 "test";
    }
}

named_enum! {
    /// Where an identity is in its life.
    Lifecycle {
        /// May act.
        Active = 1 "active";
        /// Documented; nobody accepted to answer for it yet, or nobody activated it.
        Proposed = 0 "proposed";
        /// At the end of its life by plan.
        Retired = 4 "retired";
        /// Killed. Final.
        Revoked = 3 "revoked";
        /// Stopped for now.
        Suspended = 2 "suspended";
    }
}

named_enum! {
    /// What is done, step by step, when nobody takes over from somebody who left.
    DepartureStep {
        /// Notice is given.
        Warn = 0 "warn";
        /// The one who is left answers alone.
        Deputy = 1 "deputy";
        /// Credentials live for less.
        ShortenLife = 2 "shorten-life";
        /// The machine stops.
        Suspend = 3 "suspend";
        /// The machine ends.
        Kill = 4 "kill";
    }
}

/// Whether an identity may act or be issued a credential at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Good,
    /// It may not; says why, as a clause that follows the identity's name: "is suspended".
    Refused(String),
}

impl Identity {
    /// Whether it may act at `now_ms`. A grace that ran out counts, even before the suspension is recorded.
    pub fn standing(&self, now_ms: Millis) -> Standing {
        match self.state {
            Lifecycle::Active => match self.grace_until_ms {
                Some(until) if until <= now_ms => {
                    Standing::Refused("has no accountable owner and deputy any more".into())
                }
                Some(_) | None => Standing::Good,
            },
            Lifecycle::Proposed => Standing::Refused(
                "is proposed and not active: owner and deputy must accept, then it is activated".into(),
            ),
            Lifecycle::Retired | Lifecycle::Revoked | Lifecycle::Suspended => {
                Standing::Refused(format!("is {}", self.state))
            }
        }
    }

    /// For how long it has been without an owner or a deputy at `now_ms`.
    pub fn ownerless_for_ms(&self, now_ms: Millis) -> Millis {
        self.departed_ms.map_or(0, |departed| now_ms.saturating_sub(departed))
    }

    /// The seat of an office.
    pub fn seat(&self, office: Office) -> &Seat {
        match office {
            Office::Deputy => &self.deputy,
            Office::Owner => &self.owner,
        }
    }

    /// The seat of an office, to change.
    pub(crate) fn seat_mut(&mut self, office: Office) -> &mut Seat {
        match office {
            Office::Deputy => &mut self.deputy,
            Office::Owner => &mut self.owner,
        }
    }

    /// What a person signs to accept an office (SSH signature, namespace `writ.ownership`).
    pub fn statement(&self, office: Office, party: &str) -> String {
        format!(
            "I accept to answer for this machine identity as its {office}.\n\
             identity: {id}\nname: {party}/{name}\nkind: {kind}\nenvironment: {environment}\n\
             purpose: {purpose}\nperson: {person}\noffer: {offer}\n",
            office = office.as_str(),
            id = self.id,
            name = self.name,
            kind = self.kind,
            environment = self.environment,
            purpose = self.purpose,
            person = self.seat(office).person,
            offer = self.seat(office).offer.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        )
    }
}
