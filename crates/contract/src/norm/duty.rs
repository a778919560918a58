//! Duties: what must happen, what sets it off, and until when.

use crate::terms::{Side, closed};
use crate::value::Span;
use serde::Serialize;

closed! {
    /// What can happen, as clauses name it.
    Happening ("event") {
        /// People attested that data were deleted.
        DeletionAttested = "deletion-attested" "the attestation that the data are deleted";
        /// A certificate is issued.
        CredentialIssued = "credential-issued" "the issue of a certificate";
        /// A certificate is revoked.
        CredentialRevoked = "credential-revoked" "the revocation of a certificate";
        /// A machine is stopped.
        IdentitySuspended = "identity-suspended" "the suspension of the machine";
        /// Somebody took note of an incident.
        IncidentKnown = "incident-known" "becoming aware of an incident";
        /// The other side was told of an incident.
        IncidentNotified = "incident-notified" "the notice of the incident";
        /// The instrument ended.
        InstrumentEnded = "instrument-ended" "the end of this instrument";
        /// Logs were asked for.
        LogsRequested = "logs-requested" "a request for records";
        /// Logs were handed over.
        LogsProvided = "logs-provided" "the delivery of the records";
        /// A person left.
        PersonLeft = "person-left" "the departure of an owner or deputy";
        /// The owner looked at the machine again.
        Recertified = "recertified" "the owner's confirmation that the machine is still needed";
        /// A call went beyond a quota that lets it through.
        QuotaExceeded = "quota-exceeded" "a call beyond the quota";
        /// A report was delivered.
        ReportDelivered = "report-delivered" "the delivery of the report";
        /// A request was refused.
        RequestRefused = "request-refused" "a refused request";
        /// The machine did something.
        RequestPermitted = "request-permitted" "a permitted request";
        /// Data reached the other side.
        DataReceived = "data-received" "the receipt of the data";
    }
}

/// What Writ can do about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// It can bring it about.
    Causable,
    /// It sees it, or somebody reports it under signature.
    Observed,
    /// It does not see it.
    Unseen,
}

impl Happening {
    /// What Writ can do about it.
    pub fn capability(self) -> Capability {
        match self {
            Self::CredentialRevoked | Self::IdentitySuspended => Capability::Causable,
            Self::CredentialIssued
            | Self::DeletionAttested
            | Self::IncidentKnown
            | Self::IncidentNotified
            | Self::InstrumentEnded
            | Self::LogsRequested
            | Self::LogsProvided
            | Self::PersonLeft
            | Self::QuotaExceeded
            | Self::Recertified
            | Self::ReportDelivered
            | Self::RequestRefused
            | Self::RequestPermitted => Capability::Observed,
            Self::DataReceived => Capability::Unseen,
        }
    }
}

closed! {
    /// How a span is counted.
    #[derive(Default)]
    Calendar ("calendar") {
        /// Every hour counts.
        #[default]
        Always = "always" "counted in hours without interruption";
        /// Monday to Friday count, in UTC.
        Weekdays = "weekdays" "counting Mondays to Fridays (UTC) only";
    }
}

/// `act` must happen within a span after `after`; or again and again at most that far apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Duty {
    /// Who must see to it.
    pub bearer: Side,
    /// What must happen.
    pub act: Happening,
    /// What sets it off; none means it recurs.
    pub after: Option<Happening>,
    /// In what time.
    pub within: Span,
    /// How the time is counted.
    pub calendar: Calendar,
    /// What exactly, in words.
    pub detail: String,
}

const DAY_MS: u64 = 86_400_000;

impl Duty {
    /// What Writ can do about the duty: nothing better than about the event that sets it off.
    pub fn capability(&self) -> Capability {
        match self.after.map(Happening::capability) {
            Some(Capability::Unseen) => Capability::Unseen,
            Some(Capability::Causable | Capability::Observed) | None => self.act.capability(),
        }
    }

    /// The last moment at which the duty is kept, when it was set off at `start_ms`.
    pub fn deadline_ms(&self, start_ms: u64) -> u64 {
        match self.calendar {
            Calendar::Always => start_ms.saturating_add(self.within.as_ms()),
            Calendar::Weekdays => {
                // 1970-01-01 was a Thursday; day 0 of a week is Monday.
                let weekend = |ms: u64| (ms / DAY_MS + 3) % 7 >= 5;
                let (mut at, mut left) = (start_ms, self.within.as_ms());
                loop {
                    let midnight = (at / DAY_MS + 1) * DAY_MS;
                    if weekend(at) {
                        at = midnight;
                    } else if left <= midnight - at {
                        return at + left;
                    } else {
                        left -= midnight - at;
                        at = midnight;
                    }
                }
            }
        }
    }

    /// Whether something done at `done_ms` keeps the duty.
    pub fn is_kept(&self, start_ms: u64, done_ms: u64) -> bool {
        done_ms >= start_ms && done_ms <= self.deadline_ms(start_ms)
    }
}
