//! Accounts of people elsewhere, and what identity providers say about them: security event tokens (RFC 8417), and
//! SCIM through the API. Which account is whose lies in the ledger under a keyed digest: nobody reads an address
//! from it.

use crate::{Authority, SubmitError};
use aws_lc_rs::hmac;
use credential::foreign::{self, ForeignError, Kind};
use registry::{Actor, Command, IssuerKind, PersonId, TrustedIssuer};
use serde_json::{Map, Value};

/// How old an event may be that is received for the first time.
const EVENT_AGE_MAX_MS: u64 = 24 * 3_600_000;
/// Types of event in one token at most.
const EVENTS_MAX: usize = 8;
/// Names of one subject that are read at most.
const ALIASES_MAX: usize = 16;

/// Types of event that say that somebody is not there any more (RISC 1.0 §2, SCIM events).
const DEPARTURES: [&str; 4] = [
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
    "https://schemas.openid.net/secevent/risc/event-type/account-purged",
    "urn:ietf:params:SCIM:event:prov:deactivate",
    "urn:ietf:params:SCIM:event:prov:delete",
];

/// The key under which accounts are known.
pub struct AccountKey(hmac::Key);

impl AccountKey {
    /// From a secret of this installation.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

/// An account elsewhere (RFC 9493 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// An e-mail address; upper and lower case are one.
    Email(String),
    /// A subject of an issuer.
    Subject {
        /// The issuer.
        issuer: String,
        /// Its name for somebody.
        subject: String,
    },
}

impl Account {
    /// Reads a subject identifier of a security event (RFC 9493), or one of before it (`subject_type`): every account
    /// that is meant. None when it is of no form that is known; nobody when it is another issuer's.
    fn of_event(subject: &Value, issuer: &str) -> Option<Vec<Self>> {
        let text = |name: &str| subject.get(name).and_then(Value::as_str).map(str::to_owned);
        let own = |subject: String| Self::Subject { issuer: issuer.to_owned(), subject };
        let format = text("format").or_else(|| text("subject_type"))?;
        match format.as_str() {
            "aliases" => {
                let aliases = subject.get("identifiers")?.as_array()?;
                let plain = |one: &&Value| one.get("format").and_then(Value::as_str) != Some("aliases");
                let known = aliases.iter().take(ALIASES_MAX).filter(plain);
                let known: Vec<Self> =
                    known.filter_map(|one| Self::of_event(one, issuer)).flatten().collect();
                (!known.is_empty()).then_some(known)
            }
            "email" => Some(vec![Self::Email(text("email")?)]),
            "iss_sub" | "iss-sub" => {
                let (by, subject) = (text("iss")?, text("sub")?);
                // Nobody speaks for the subjects of another issuer.
                Some(if by == issuer { vec![own(subject)] } else { Vec::new() })
            }
            "opaque" => Some(vec![own(text("id")?)]),
            "account" => Some(vec![Self::Email(text("uri")?.strip_prefix("acct:")?.to_owned())]),
            _ => None,
        }
    }
}

/// Why an event was not taken, as the transmitter is told (RFC 8935 §2.4).
#[derive(Debug, thiserror::Error)]
pub enum EventRefused {
    /// The token is at fault.
    #[error(transparent)]
    Token(#[from] ForeignError),
    /// It is too old, or says nothing.
    #[error("{0}")]
    Invalid(&'static str),
    /// Nobody trusts its issuer.
    #[error("nobody here takes security events of `{0}`")]
    Issuer(String),
    /// It could not be recorded.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Authority {
    /// The digest under which an account is known.
    pub fn account(&self, account: &Account) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.accounts.0);
        let parts: [&str; 3] = match account {
            Account::Email(address) => ["email", &address.to_lowercase(), ""],
            Account::Subject { issuer, subject } => ["subject", issuer, subject],
        };
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let tag = context.sign();
        tag.as_ref().try_into().unwrap_or_default()
    }

    /// Whose an account is.
    pub fn person_of(&self, account: &Account) -> Option<PersonId> {
        self.rules().state().accounts.get(&self.account(account)).copied()
    }

    /// Takes a security event that was pushed. What it says has happened when this returns; an event that was taken
    /// before is taken again without effect.
    pub async fn receive_event(&self, token: &str) -> Result<(), EventRefused> {
        let claimed = foreign::claimed_issuer(token).unwrap_or_default();
        let found = {
            let rules = self.rules();
            let mut issuers = rules.state().issuers.values();
            issuers.find(|one| one.issuer == claimed && one.kind == IssuerKind::SecurityEvents).cloned()
        };
        let issuer = found.ok_or(EventRefused::Issuer(claimed))?;
        let claims = self.verified(&issuer, Kind::SecurityEvent, token)?;
        let digest = foreign::digest(token);
        if self.rules().state().spent.contains_key(&digest) {
            return Ok(());
        }
        let issued_ms = foreign::time(&claims, "iat")?.ok_or(ForeignError::Claim("iat"))?;
        let until_ms = issued_ms.saturating_add(EVENT_AGE_MAX_MS);
        if until_ms < self.now_ms() {
            return Err(EventRefused::Invalid("the event is older than a day"));
        }
        if claims.get("jti").and_then(Value::as_str).is_none() {
            return Err(ForeignError::Claim("jti").into());
        }
        let events = claims.get("events").and_then(Value::as_object).ok_or(ForeignError::Claim("events"))?;
        if events.is_empty() || events.len() > EVENTS_MAX {
            return Err(EventRefused::Invalid("the token holds no event, or too many"));
        }
        let kinds: Vec<&str> = events.keys().map(String::as_str).collect();
        let departs = kinds.iter().any(|kind| DEPARTURES.contains(kind));
        // Who is told that it was taken does not say it again: what is not understood is refused.
        let person = match subject(&claims, events)? {
            Some(subject) => self.subject(&issuer, subject, departs)?,
            None if departs => return Err(EventRefused::Invalid("the event does not say who left")),
            None => None,
        };
        let command = Command::ReceiveSecurityEvent {
            issuer: issuer.name.clone(),
            token: digest,
            kind: kinds.join(" "),
            person,
            until_ms,
            departs,
        };
        match self.submit(Actor::System, command).await {
            Ok(_) => Ok(()),
            // Somebody else sent it at the same moment.
            Err(SubmitError::Refused(_)) if self.rules().state().spent.contains_key(&digest) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Of whom of the issuer's party a subject speaks, if it is somebody here.
    fn subject(
        &self,
        issuer: &TrustedIssuer,
        subject: &Value,
        departs: bool,
    ) -> Result<Option<PersonId>, EventRefused> {
        let known = if subject.get("format").and_then(Value::as_str) == Some("scim") {
            // SCIM names its resources by our own ids; they mean somebody once an account of theirs was linked.
            subject.get("uri").and_then(Value::as_str).map(|uri| {
                let id: Option<PersonId> = uri.rsplit('/').next().and_then(|id| id.parse().ok());
                id.filter(|id| self.rules().state().accounts.values().any(|linked| linked == id))
            })
        } else {
            let accounts = Account::of_event(subject, &issuer.issuer);
            accounts.map(|accounts| accounts.iter().find_map(|account| self.person_of(account)))
        };
        let person = match known {
            Some(person) => person,
            None if departs => {
                return Err(EventRefused::Invalid("who left is said in a form not known here"));
            }
            None => None,
        };
        let rules = self.rules();
        let party = |person: &PersonId| rules.state().people.get(person).map(|person| person.party);
        Ok(person.filter(|person| issuer.party.is_some() && party(person) == issuer.party))
    }
}

/// The subject of an event: the token's `sub_id` (RFC 9493), or the older `subject` within the event. Of several events
/// those that say that somebody left are the ones that matter, and they are to mean one.
fn subject<'a>(
    claims: &'a Map<String, Value>,
    events: &'a Map<String, Value>,
) -> Result<Option<&'a Value>, EventRefused> {
    if let Some(subject) = claims.get("sub_id") {
        return Ok(Some(subject));
    }
    let mut departing = events.iter().filter(|(kind, _)| DEPARTURES.contains(&kind.as_str()));
    let Some((_, first)) = departing.next() else {
        return Ok(events.values().next().and_then(|event| event.get("subject")));
    };
    let first = first.get("subject");
    match departing.all(|(_, other)| other.get("subject") == first) {
        true => Ok(first),
        false => {
            Err(EventRefused::Invalid("the token says of several subjects that they left: send one each"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn subjects_of_events_are_accounts() {
        let of = |subject: Value| Account::of_event(&subject, "https://idp.example");
        let email = |text: &str| Some(vec![Account::Email(text.into())]);
        let subject = |issuer: &str, subject: &str| {
            Some(vec![Account::Subject { issuer: issuer.into(), subject: subject.into() }])
        };
        assert_eq!(of(json!({ "format": "email", "email": "a@b.example" })), email("a@b.example"));
        assert_eq!(of(json!({ "format": "account", "uri": "acct:a@b.example" })), email("a@b.example"));
        let own = json!({ "format": "iss_sub", "iss": "https://idp.example", "sub": "s" });
        assert_eq!(of(own.clone()), subject("https://idp.example", "s"));
        // As RISC wrote it before RFC 9493.
        let older = json!({ "subject_type": "iss-sub", "iss": "https://idp.example", "sub": "s" });
        assert_eq!(of(older), subject("https://idp.example", "s"));
        assert_eq!(of(json!({ "subject_type": "email", "email": "a@b.example" })), email("a@b.example"));
        let other = json!({ "format": "iss_sub", "iss": "https://other.example", "sub": "s" });
        assert_eq!(of(other), Some(Vec::new()));
        assert_eq!(of(json!({ "format": "opaque", "id": "7" })), subject("https://idp.example", "7"));
        let aliases = json!({ "format": "aliases", "identifiers": [{ "format": "phone_number" }, own] });
        assert_eq!(of(aliases), subject("https://idp.example", "s"));
        let nested =
            json!({ "format": "aliases", "identifiers": [{ "format": "aliases", "identifiers": [] }] });
        for unknown in [
            json!({}),
            json!({ "format": "did", "url": "x" }),
            json!({ "format": "email" }),
            json!({ "format": "iss_sub", "iss": "https://idp.example" }),
            nested,
            json!(5),
        ] {
            assert_eq!(of(unknown), None);
        }
    }

    #[test]
    fn several_who_left_are_not_taken_for_one() {
        let [disabled, purged, ..] = DEPARTURES;
        let mail = |text: &str| json!({ "subject": { "format": "email", "email": text } });
        let no_claims = Map::new();
        let of = |events: Value| {
            subject(&no_claims, events.as_object().unwrap())
                .map(|found| found.cloned())
                .map_err(|e| e.to_string())
        };
        let one = of(
            json!({ disabled: mail("a@b.example"), purged: mail("a@b.example"), "x": mail("c@d.example") }),
        );
        assert_eq!(one.unwrap().unwrap()["email"], "a@b.example");
        let two = of(json!({ disabled: mail("a@b.example"), purged: mail("c@d.example") }));
        assert!(two.unwrap_err().contains("several subjects"));
        assert_eq!(of(json!({ disabled: {} })), Ok(None));
    }
}
