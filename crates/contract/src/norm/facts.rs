//! What a gateway knows about a request: numbers, words, yes and no.

use super::On;
use crate::clause::Number;
use crate::terms::{Zone, closed};
use crate::value::Span;
use registry::Name;
use serde::Serialize;
use std::collections::BTreeMap;

/// A number a gateway knows about a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// When it is decided, in milliseconds since 1970.
    Now,
    /// From issue to expiry of the certificate, in milliseconds.
    CredentialLife,
    /// Since the certificate's issue, in milliseconds.
    CredentialAge,
    /// Machines between the one that asks and the one it asks for.
    DelegationDepth,
    /// The rank of the resource's classification.
    ResourceClass,
    /// The caller's address, upper half.
    AddressHigh,
    /// The caller's address, lower half.
    AddressLow,
    /// Until when the term was renewed; 0 if never.
    RenewedUntil,
    /// Minutes since Monday 00:00 in a time zone.
    WeekMinute(Zone),
    /// What a quota counted in its window before this call.
    Counted(Meter),
    /// How many different people approved this act in time.
    Approvals(Approvers),
    /// Since the machine's last review was due, in milliseconds; negative before.
    ReviewOverdue,
    /// Since the instrument binds, in milliseconds.
    BoundFor,
    /// Since an owner or deputy left and nobody took over, in milliseconds; 0 while both are there.
    OwnerlessFor,
    /// Since the control ledger was last heard from, in milliseconds.
    Silence,
}

/// Whose approvals count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Approvers {
    /// The clause that asks for them.
    pub clause: Number,
    /// The role they hold; none means anybody of the organisation.
    pub role: Option<Name>,
    /// How long an approval can be used; none means once, at once.
    pub valid_for: Option<Span>,
}

/// One quota's counting: which clause, what, how far back, which acts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Meter {
    /// The clause.
    pub clause: Number,
    /// What is counted.
    pub unit: Unit,
    /// How far back.
    pub window: Span,
    /// Acts that count; empty means all.
    pub actions: Vec<Name>,
    /// On what; empty means all.
    pub resources: Vec<On>,
    /// Whether only acts that change something count, or only those that do not.
    pub changes: Option<bool>,
}

impl Meter {
    /// Whether an act counts.
    pub fn covers(&self, action: &Name, service: &Name, resource: &Name, changes: bool) -> bool {
        let on = |on: &On| on.service == *service && on.resource.as_ref().is_none_or(|r| r == resource);
        (self.actions.is_empty() || self.actions.contains(action))
            && (self.resources.is_empty() || self.resources.iter().any(on))
            && self.changes.is_none_or(|wanted| wanted == changes)
    }
}

closed! {
    /// What a quota counts.
    #[derive(Default)]
    Unit ("meter") {
        /// Bytes of answers.
        Bytes = "bytes" "bytes";
        /// Permitted calls.
        #[default]
        Calls = "calls" "permitted calls";
        /// What calls cost, in whole units.
        Cost = "cost" "units of cost";
        /// Rows of answers.
        Rows = "rows" "rows";
    }
}

closed! {
    /// A word a gateway knows about a request.
    Label ("label") {
        /// The act.
        Action = "action" "act";
        /// How the machine was recognised when it got its certificate.
        Attestation = "attestation" "attestation";
        /// How the credential is bound to the connection.
        Binding = "binding" "binding";
        /// The region the machine is registered in; empty if none.
        CallerRegion = "caller_region" "region of the machine";
        /// The party whose machine asks.
        Consumer = "consumer" "party of the machine";
        /// The kind of credential.
        CredentialKind = "credential_kind" "kind of credential";
        /// Where the machine runs.
        Environment = "environment" "environment";
        /// The algorithm of the machine's key.
        KeyAlgorithm = "key_algorithm" "key algorithm";
        /// `party/name` of the machine.
        Machine = "machine" "machine";
        /// The kind of machine.
        MachineKind = "machine_kind" "kind of machine";
        /// The party whose service is asked.
        Provider = "provider" "party of the service";
        /// The purpose the request declares; empty if none.
        Purpose = "purpose" "declared purpose";
        /// The resource.
        Resource = "resource" "resource";
        /// The service.
        Service = "service" "service";
        /// The region the service is registered in; empty if none.
        ServiceRegion = "service_region" "region of the service";
    }
}

closed! {
    /// A yes or no a gateway knows about a request.
    Flag ("flag") {
        /// The act can change something.
        Changes = "changes" "changes something";
        /// The machine has a charter in force.
        Chartered = "chartered" "has a charter";
        /// Owner and deputy both accepted and are there.
        Owned = "owned" "has an owner and a deputy";
        /// The instrument was suspended under its own clause.
        Suspended = "suspended" "suspended";
    }
}

/// What is known about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `party/name`.
    pub machine: String,
    /// The act.
    pub action: Name,
    /// The service.
    pub service: Name,
    /// The resource.
    pub resource: Name,
    /// The roles the machine holds.
    pub roles: Vec<Name>,
    /// Numbers; what is not here is 0.
    pub measures: BTreeMap<Measure, i64>,
    /// Words; what is not here is empty.
    pub labels: BTreeMap<Label, String>,
    /// Flags; what is not here is not set.
    pub flags: BTreeMap<Flag, bool>,
}

impl Facts {
    /// The number.
    pub fn measure(&self, measure: &Measure) -> i64 {
        self.measures.get(measure).copied().unwrap_or_default()
    }
    /// The word.
    pub fn label(&self, label: Label) -> String {
        match label {
            Label::Action => self.action.to_string(),
            Label::Machine => self.machine.clone(),
            Label::Resource => self.resource.to_string(),
            Label::Service => self.service.to_string(),
            Label::Attestation
            | Label::Binding
            | Label::CallerRegion
            | Label::Consumer
            | Label::CredentialKind
            | Label::Environment
            | Label::KeyAlgorithm
            | Label::MachineKind
            | Label::Provider
            | Label::Purpose
            | Label::ServiceRegion => self.labels.get(&label).cloned().unwrap_or_default(),
        }
    }
    /// The flag.
    pub fn flag(&self, flag: Flag) -> bool {
        self.flags.get(&flag).copied().unwrap_or_default()
    }
}
