//! What clauses come down to. Twenty-two kinds of clause are sugar over these few norms, so that the
//! policy compiler, proofs and monitors see nothing else. [`Rule`] and [`Test`] are also evaluated
//! here, naively: that is how examples are found, and an independent reading of the compiled policy.

use crate::clause::{Mode, Number};
use crate::terms::{Class, MachineKind, Money, Place, Side, Zone, closed};
use crate::value::Span;
use registry::Name;
use serde::Serialize;
use std::collections::BTreeMap;

/// One sentence of a clause and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The sentence, in the document's marks.
    pub text: String,
    /// What it comes down to.
    pub norm: Norm,
}

/// What a sentence comes down to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Permits or prohibits requests at the gateway.
    Rule(Rule),
    /// Somebody must see to it that something happens in time.
    Duty(Duty),
    /// A measured share must reach a target in each period.
    Level(Level),
    /// A side may change the instrument's standing.
    Power(Power),
    /// Fields of answers are changed before they are released.
    Masking(Masking),
    /// Statements to databases must be of a certain form.
    Statement(StatementBound),
    /// Checked by a query over ledger and registry.
    Evidence(Evidence),
    /// What Writ does when somebody accountable has left.
    Departure(Departure),
    /// What a credential must be when it is issued or renewed.
    Issuance(Issuance),
    /// An amount up to which somebody is liable.
    Cap(Cap),
    /// Words between people, with the values they name.
    Words(Words),
}

impl Norm {
    /// How far the system holds it. Authors cannot choose it.
    pub fn mode(&self) -> Mode {
        match self {
            Self::Rule(_)
            | Self::Power(_)
            | Self::Masking(_)
            | Self::Statement(_)
            | Self::Issuance(_)
            | Self::Departure(_) => Mode::Enforced,
            Self::Duty(duty) => match duty.capability() {
                Capability::Causable => Mode::Enforced,
                Capability::Observed => Mode::Monitored,
                Capability::Unseen => Mode::Words,
            },
            Self::Level(_) => Mode::Monitored,
            Self::Evidence(_) => Mode::Evidenced,
            Self::Cap(_) | Self::Words(_) => Mode::Words,
        }
    }

    /// What a gateway must be able to do before it may serve an instrument with this norm.
    pub fn needs(&self) -> Vec<Need> {
        match self {
            Self::Rule(rule) => rule.when.needs(),
            Self::Masking(_) => vec![Need::Masking],
            Self::Duty(duty) => match duty.capability() {
                Capability::Causable => vec![Need::Deadlines],
                Capability::Observed | Capability::Unseen => Vec::new(),
            },
            Self::Level(_)
            | Self::Power(_)
            | Self::Statement(_)
            | Self::Evidence(_)
            | Self::Departure(_)
            | Self::Issuance(_)
            | Self::Cap(_)
            | Self::Words(_) => Vec::new(),
        }
    }
}

closed! {
    /// What enforcing a clause needs and not every gateway can do.
    Need ("ability") {
        /// Asks people and waits for them.
        Approval = "approval" "human approval of single acts";
        /// Counts bytes that were transferred.
        Bytes = "bytes" "counting bytes";
        /// Adds up what calls cost.
        Cost = "cost" "counting cost";
        /// Acts by itself when a deadline passes.
        Deadlines = "deadlines" "acting at deadlines";
        /// Changes fields of answers.
        Masking = "masking" "masking of answers";
        /// Counts rows that were returned.
        Rows = "rows" "counting rows";
    }
}

/// Permits or prohibits. A request is permitted when a permit applies and no prohibition does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    /// Whether it permits; else it prohibits.
    pub permits: bool,
    /// `party/name` of the machines; empty means any.
    pub machines: Vec<String>,
    /// Acts; empty means any.
    pub actions: Vec<Name>,
    /// On what; empty means anything.
    pub resources: Vec<On>,
    /// Under this condition.
    pub when: Test,
    /// For permits: how long after the act its record may become durable; none means before.
    pub recorded_within: Option<Span>,
    /// For prohibitions: whether the request may be tried again later.
    pub puts_off: bool,
}

/// A service or a resource of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct On {
    /// The service.
    pub service: Name,
    /// The resource; none means all of them.
    pub resource: Option<Name>,
}

impl Rule {
    /// About any request.
    pub fn any() -> Self {
        Self {
            permits: true,
            machines: Vec::new(),
            actions: Vec::new(),
            resources: Vec::new(),
            when: Test::always(),
            recorded_within: None,
            puts_off: false,
        }
    }

    /// Its reach and its condition as one test.
    pub fn reach(&self) -> Test {
        let one_of = |label, words: Vec<String>| match words.is_empty() {
            true => Test::always(),
            false => Test::OneOf(label, words),
        };
        let on = |on: &On| {
            let resource = on.resource.iter().map(ToString::to_string).collect();
            Test::and(vec![
                Test::OneOf(Label::Service, vec![on.service.to_string()]),
                one_of(Label::Resource, resource),
            ])
        };
        let resources = match self.resources.as_slice() {
            [] => Test::always(),
            [only] => on(only),
            several => Test::Any(several.iter().map(on).collect()),
        };
        Test::and(vec![
            one_of(Label::Machine, self.machines.clone()),
            one_of(Label::Action, self.actions.iter().map(ToString::to_string).collect()),
            resources,
            self.when.clone(),
        ])
    }

    /// Whether it speaks about a request.
    pub fn applies(&self, facts: &Facts) -> bool {
        self.reaches(&facts.machine, &facts.action, &facts.service, &facts.resource) && self.when.holds(facts)
    }

    /// Whether a request is in its reach, its condition aside.
    pub fn reaches(&self, machine: &String, action: &Name, service: &Name, resource: &Name) -> bool {
        let on = |on: &On| on.service == *service && on.resource.as_ref().is_none_or(|r| r == resource);
        (self.machines.is_empty() || self.machines.contains(machine))
            && (self.actions.is_empty() || self.actions.contains(action))
            && (self.resources.is_empty() || self.resources.iter().any(on))
    }
}

/// A condition on the facts of a request. Every fact is always there, so no test can fail to be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// All hold; none means: always.
    All(Vec<Test>),
    /// Any holds; none means: never.
    Any(Vec<Test>),
    /// It does not hold.
    Not(Box<Test>),
    /// The measure is at least this.
    AtLeast(Measure, i64),
    /// The measure is more than this.
    MoreThan(Measure, i64),
    /// The label is one of these.
    OneOf(Label, Vec<String>),
    /// The flag is set.
    Is(Flag),
    /// The machine holds this role.
    HasRole(Name),
}

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

/// A step Writ takes after somebody accountable left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Departure {
    /// How long after, in milliseconds.
    pub after_ms: u64,
    /// What is done.
    pub step: crate::kind::ownership::Step,
    /// The longest life of credentials from then on, where that is the step.
    pub life: Option<Span>,
}

/// What Writ holds when it issues a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuance {
    /// A JWT-SVID is for these and for nobody else.
    Audiences(Vec<String>),
    /// A certificate is renewed when this much of its life is over, in percent, or before.
    RenewAt(u8),
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

impl Test {
    /// Always.
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// This and that, without nesting what says nothing.
    pub fn and(tests: Vec<Self>) -> Self {
        let mut tests: Vec<Self> = tests.into_iter().filter(|test| *test != Self::always()).collect();
        match (tests.pop(), tests.is_empty()) {
            (Some(only), true) => only,
            (Some(last), false) => Self::All(tests.into_iter().chain([last]).collect()),
            (None, _) => Self::always(),
        }
    }

    /// Not this.
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Whether it holds.
    pub fn holds(&self, facts: &Facts) -> bool {
        match self {
            Self::All(tests) => tests.iter().all(|test| test.holds(facts)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(facts)),
            Self::Not(test) => !test.holds(facts),
            Self::AtLeast(measure, bound) => facts.measure(measure) >= *bound,
            Self::MoreThan(measure, bound) => facts.measure(measure) > *bound,
            Self::OneOf(label, words) => words.contains(&facts.label(*label)),
            Self::Is(flag) => facts.flag(*flag),
            Self::HasRole(role) => facts.roles.contains(role),
        }
    }

    /// Every measure, label and flag it asks for.
    pub fn visit(&self, see: &mut dyn FnMut(&Self)) {
        see(self);
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.visit(see)),
            Self::Not(test) => test.visit(see),
            Self::AtLeast(..) | Self::MoreThan(..) | Self::OneOf(..) | Self::Is(_) | Self::HasRole(_) => {}
        }
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        self.visit(&mut |test| {
            let (Self::AtLeast(measure, _) | Self::MoreThan(measure, _)) = test else { return };
            needs.extend(match measure {
                Measure::Approvals(_) => Some(Need::Approval),
                Measure::Counted(meter) => match meter.unit {
                    Unit::Bytes => Some(Need::Bytes),
                    Unit::Rows => Some(Need::Rows),
                    Unit::Cost => Some(Need::Cost),
                    Unit::Calls => None,
                },
                Measure::Now
                | Measure::CredentialLife
                | Measure::CredentialAge
                | Measure::DelegationDepth
                | Measure::ResourceClass
                | Measure::AddressHigh
                | Measure::AddressLow
                | Measure::RenewedUntil
                | Measure::WeekMinute(_)
                | Measure::ReviewOverdue
                | Measure::BoundFor
                | Measure::OwnerlessFor
                | Measure::Silence => None,
            });
        });
        needs
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

/// A share that must be reached in each period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Level {
    /// Who must reach it.
    pub bearer: Side,
    /// What is measured.
    pub metric: String,
    /// In thousandths of a percent.
    pub target: u32,
    /// How long a period is.
    pub period: Span,
}

/// What a side may do to the instrument's standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Power {
    /// Who has it.
    pub holders: Vec<Side>,
    /// To what end.
    pub effect: PowerEffect,
    /// On which grounds, one of which is named when it is exercised; empty means none is needed.
    pub grounds: Vec<Ground>,
    /// With which notice.
    pub notice: Option<Span>,
    /// For how long it goes on.
    pub period: Option<Span>,
}

/// A ground on which a power is exercised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ground {
    /// How a notice names it.
    pub code: String,
    /// How a sentence does.
    pub words: String,
}

closed! {
    /// What a power changes.
    PowerEffect ("power") {
        /// A change that was proven to only narrow takes effect on one signature.
        Narrow = "narrow" "alone signs a new version";
        /// The term goes on unless somebody objects in time.
        Renew = "renew" "gives notice against its renewal in time";
        /// The instrument goes on after a suspension.
        Resume = "resume" "lets it go on";
        /// The instrument rests.
        Suspend = "suspend" "suspends it";
        /// The instrument ends.
        Terminate = "terminate" "ends it";
    }
}

impl Power {
    /// Whether an exercise of the power has effect.
    /// No holder means somebody who is no side of the instrument.
    pub fn is_effective(&self, holder: Option<Side>, ground: Option<&str>) -> bool {
        let entitled = holder.is_some_and(|holder| self.holders.contains(&holder));
        entitled
            && (self.grounds.is_empty()
                || ground.is_some_and(|g| self.grounds.iter().any(|known| known.code == g)))
    }
}

/// What becomes of fields in answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Masking {
    /// For answers to these requests.
    pub rule: Rule,
    /// The fields.
    pub fields: Vec<String>,
    /// What is looked for in texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detect: Vec<Detector>,
    /// What becomes of them.
    pub method: Method,
}

closed! {
    /// What becomes of a masked field.
    Method ("method of masking") {
        /// It is left out.
        Drop = "drop" "left out";
        /// Its digest is given.
        Hash = "hash" "replaced by a keyed digest";
        /// Nothing is given in its place.
        Null = "null" "emptied";
        /// A stable stand-in is given.
        Tokenise = "tokenise" "replaced by a stable stand-in";
        /// Its last four characters are given.
        Truncate = "truncate" "cut to the last 4 characters";
    }
}

closed! {
    /// What is found in a text by its form and its check digits.
    Detector ("thing to look for") {
        /// A mail address.
        Email = "email" "mail address";
        /// An account number by ISO 13616, with its check digits.
        Iban = "iban" "IBAN";
        /// A number that a state gives to a person, with its check digits.
        NationalId = "national-id" "national identity number";
        /// A payment card's number, with its check digit.
        PaymentCard = "payment-card" "payment card number";
        /// A key or token by which somebody could act.
        Secret = "secret" "key or token";
    }
}

/// How statements to databases must look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatementBound {
    /// For statements that do this.
    pub rule: Rule,
    /// What must hold.
    pub bound: Bound,
}

/// What must hold of statements to databases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// They name no other columns than these.
    Columns(Vec<String>),
    /// What changes or removes rows says which.
    WhichRows,
    /// No transaction is open for longer.
    Transaction(Span),
    /// None gives, adds, changes or removes more rows.
    Rows(u32),
}

/// What a statement does to what it touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlTouch {
    /// Each column as `schema.table.column`; none if they can be any.
    pub columns: Option<Vec<String>>,
    /// Whether what it changes or removes is certain rows; also where it does neither.
    pub which_rows: bool,
    /// Columns of which more is learned than what the answer has in their place: what is computed from them, ordered by
    /// them, copied from them. A column that is only compared with a value for equality is none of these.
    pub used: Vec<String>,
    /// Why it cannot be told in time how many rows it changes; none where it can.
    pub uncounted: Option<String>,
}

impl SqlTouch {
    /// What no clause about statements could mind.
    pub fn plain() -> Self {
        Self { columns: Some(Vec::new()), which_rows: true, used: Vec::new(), uncounted: None }
    }
}

impl StatementBound {
    /// Whether a statement is within it. How long its transaction will be and how many its rows nobody knows beforehand.
    pub fn allows(&self, touched: &SqlTouch) -> bool {
        match &self.bound {
            Bound::Columns(named) => {
                let within = |column: &String| named.iter().any(|name| ends_with(column, name));
                touched.columns.as_ref().is_some_and(|columns| columns.iter().all(within))
            }
            Bound::WhichRows => touched.which_rows,
            Bound::Rows(_) => touched.uncounted.is_none(),
            Bound::Transaction(_) => true,
        }
    }

    /// Whether a transaction may be open for so long, in milliseconds.
    pub fn allows_transaction(&self, ms: u64) -> bool {
        match &self.bound {
            Bound::Transaction(longest) => ms <= longest.as_ms(),
            Bound::Columns(_) | Bound::WhichRows | Bound::Rows(_) => true,
        }
    }

    /// Whether a statement may have so many rows.
    pub fn allows_rows(&self, rows: u64) -> bool {
        match &self.bound {
            Bound::Rows(most) => rows <= u64::from(*most),
            Bound::Columns(_) | Bound::WhichRows | Bound::Transaction(_) => true,
        }
    }
}

/// Whether `schema.table.column` is what a name with fewer levels means.
fn ends_with(column: &str, name: &str) -> bool {
    column.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Something that holds if a query over ledger and registry says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evidence {
    /// What is measured.
    pub subject: String,
    /// The span in question.
    pub span: Span,
    /// Whether it must be at least the span; else at most.
    pub at_least: bool,
}

impl Evidence {
    /// Whether a measured age is in line.
    pub fn holds(&self, age_ms: u64) -> bool {
        if self.at_least { age_ms >= self.span.as_ms() } else { age_ms <= self.span.as_ms() }
    }
}

impl Masking {
    /// Whether a field is changed: `schema.table.column`, where fields can be written with fewer levels.
    pub fn covers(&self, field: &str) -> bool {
        self.fields.iter().any(|known| ends_with(field, known))
    }

    /// Whether what a statement does can be answered with these fields masked: none of them gets into the answer or
    /// elsewhere but in its own place.
    pub fn allows(&self, touched: &SqlTouch) -> bool {
        !touched.used.iter().any(|column| match column.strip_suffix(".*") {
            // All columns of a table, also those nobody knows of: any that the clause names with the table.
            Some(table) => {
                let of_table =
                    |field: &String| field.rsplit_once('.').is_some_and(|(of, _)| ends_with(table, of));
                self.fields.iter().any(of_table)
            }
            None => self.covers(column),
        })
    }
}

impl Level {
    /// Whether a measured share, in thousandths of a percent, is enough.
    pub fn is_reached(&self, measured: u32) -> bool {
        measured >= self.target
    }
}

/// Liability up to an amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cap {
    /// Whose liability.
    pub bearer: Side,
    /// In whole units of the currency.
    pub amount: u64,
    /// With its currency.
    pub money: Money,
    /// Per what.
    pub per: String,
}

impl Cap {
    /// How much of a claim is owed.
    pub fn owed(&self, claim: u64) -> u64 {
        claim.min(self.amount)
    }
}

/// Words and the values they name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Words {
    /// Names and values.
    pub values: BTreeMap<&'static str, String>,
}

impl From<MachineKind> for String {
    fn from(kind: MachineKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.as_str().to_owned()
    }
}

impl From<Class> for i64 {
    fn from(class: Class) -> Self {
        class.rank()
    }
}
