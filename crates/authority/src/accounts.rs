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
    /// Reads a subject identifier of a security event.
    fn of_event(subject: &Value, issuer: &str) -> Option<Self> {
        let text = |name: &str| subject.get(name).and_then(Value::as_str).map(str::to_owned);
        match text("format").as_deref() {
            Some("email") => Some(Self::Email(text("email")?)),
            // Nobody speaks for the subjects of another issuer.
            Some("iss_sub") if text("iss").as_deref() == Some(issuer) => {
                Some(Self::Subject { issuer: issuer.to_owned(), subject: text("sub")? })
            }
            Some("opaque") => Some(Self::Subject { issuer: issuer.to_owned(), subject: text("id")? }),
            Some("account") => Some(Self::Email(text("uri")?.strip_prefix("acct:")?.to_owned())),
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
        let command = Command::ReceiveSecurityEvent {
            issuer: issuer.name.clone(),
            token: digest,
            kind: kinds.join(" "),
            person: self.subject(&issuer, &claims, events),
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

    /// Of whom an event speaks: its `sub_id` (RFC 9493), or the older `subject` within the event.
    fn subject(
        &self,
        issuer: &TrustedIssuer,
        claims: &Map<String, Value>,
        events: &Map<String, Value>,
    ) -> Option<PersonId> {
        // Of several events the one that says that somebody left is the one that matters.
        let departing = events.iter().find(|(kind, _)| DEPARTURES.contains(&kind.as_str()));
        let event = departing.or_else(|| events.iter().next()).map(|(_, event)| event);
        let subject = claims.get("sub_id").or_else(|| event?.get("subject"))?;
        // SCIM names its resources by our own ids; they mean somebody once an account of theirs was linked.
        let person = if subject.get("format").and_then(Value::as_str) == Some("scim") {
            let id: PersonId =
                subject.get("uri").and_then(Value::as_str)?.rsplit('/').next()?.parse().ok()?;
            self.rules().state().accounts.values().any(|linked| *linked == id).then_some(id)?
        } else {
            self.person_of(&Account::of_event(subject, &issuer.issuer)?)?
        };
        let rules = self.rules();
        let party = rules.state().people.get(&person)?.party;
        (issuer.party == Some(party)).then_some(person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn subjects_of_events_are_accounts() {
        let of = |subject: Value| Account::of_event(&subject, "https://idp.example");
        let email = |text: &str| Some(Account::Email(text.into()));
        let subject = |issuer: &str, subject: &str| {
            Some(Account::Subject { issuer: issuer.into(), subject: subject.into() })
        };
        assert_eq!(of(json!({ "format": "email", "email": "a@b.example" })), email("a@b.example"));
        assert_eq!(of(json!({ "format": "account", "uri": "acct:a@b.example" })), email("a@b.example"));
        let own = json!({ "format": "iss_sub", "iss": "https://idp.example", "sub": "s" });
        assert_eq!(of(own), subject("https://idp.example", "s"));
        assert_eq!(of(json!({ "format": "iss_sub", "iss": "https://other.example", "sub": "s" })), None);
        assert_eq!(of(json!({ "format": "opaque", "id": "7" })), subject("https://idp.example", "7"));
        for nobody in
            [json!({}), json!({ "format": "did", "url": "x" }), json!({ "format": "email" }), json!(5)]
        {
            assert_eq!(of(nobody), None);
        }
    }
}
