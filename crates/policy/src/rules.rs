//! What decisions are made from: a fold of the control ledger. Contracts are indexed by (machine,
//! service), charters by machine, guardrails by party.
//! The authority and every gateway keep one; both fold the same entries.

use crate::attribute::policy;
use crate::compile::{Compiled, cedar_request};
use crate::decide::Request;
use cedar_policy::{Authorizer, Context, Decision, Entities, PolicySet, RestrictedExpression};
use contract::norm::{On, Rule, Test};
use registry::{
    CredentialClause, Event, IdentityId, Instrument, InstrumentId, InstrumentKind, Millis, Name, PartyId,
    Recorded, Scope, ScopedOn, Service, ServiceId, State,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// The control ledger's size and root that a decision was made under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// Entries.
    pub size: u64,
    /// Root over them.
    pub root: [u8; 32],
}

/// Where the text of instruments comes from.
pub trait Documents: Send + Sync {
    /// The document with this SHA-256, if it can be had.
    fn document(&self, digest: &[u8; 32]) -> Option<String>;
}

/// Documents, and one more.
struct OneMore {
    digest: [u8; 32],
    text: String,
    others: Arc<dyn Documents>,
}

impl Documents for OneMore {
    fn document(&self, digest: &[u8; 32]) -> Option<String> {
        if *digest == self.digest { Some(self.text.clone()) } else { self.others.document(digest) }
    }
}

/// The state of the registry and the instruments in force.
pub struct Rules {
    state: State,
    as_of: AsOf,
    pairs: HashMap<(IdentityId, ServiceId), Vec<Arc<Slot>>>,
    charters: HashMap<IdentityId, Vec<Arc<Slot>>>,
    guardrails: HashMap<PartyId, Vec<Arc<Slot>>>,
    /// Drafts that are tried.
    trials: Vec<Arc<Slot>>,
    /// Contracts and charters that ask something of every credential of a machine.
    credentials: HashMap<IdentityId, Vec<InstrumentId>>,
    hosts: HashMap<String, Arc<Service>>,
    /// What certificates with a scope are good for: each a policy set of its own. None cannot be applied.
    scopes: BTreeMap<Scope, Option<Arc<PolicySet>>>,
    documents: Arc<dyn Documents>,
    stops: u64,
    /// Another with every change, and of no other rules.
    revision: u64,
    /// When the writer of the control ledger was last heard from; 0 while nobody listens for it.
    heard_ms: Arc<AtomicU64>,
}

/// An instrument in force or suspended. It is read and compiled when it is first needed.
pub(crate) struct Slot {
    pub(crate) instrument: InstrumentId,
    pub(crate) kind: InstrumentKind,
    pub(crate) version: u32,
    pub(crate) name: String,
    pub(crate) title: String,
    document: [u8; 32],
    pub(crate) bundle: [u8; 32],
    /// What became of the very text that was signed: the same each time.
    compiled: OnceLock<Result<Compiled, String>>,
}

impl Slot {
    fn of(instrument: &Instrument) -> Self {
        Self {
            instrument: instrument.id,
            kind: instrument.kind,
            version: instrument.version,
            name: instrument.name.to_string(),
            title: instrument.title.clone(),
            document: instrument.document,
            bundle: instrument.bundle,
            compiled: OnceLock::new(),
        }
    }

    /// The rule, or why there is none. What cannot be read does not permit; it is read again the next time.
    pub(crate) fn compiled(&self, documents: &dyn Documents) -> Result<&Compiled, String> {
        if let Some(compiled) = self.compiled.get() {
            return compiled.as_ref().map_err(String::clone);
        }
        let source = documents.document(&self.document).ok_or("its document is missing")?;
        let digest: [u8; 32] = Sha256::digest(&source).into();
        if digest != self.document {
            return Err("its document is not the one that was signed".to_owned());
        }
        let compiled = Compiled::load(&source, &self.bundle);
        self.compiled.get_or_init(|| compiled).as_ref().map_err(String::clone)
    }
}

/// Of all rules in this process.
fn next_revision() -> u64 {
    static REVISIONS: AtomicU64 = AtomicU64::new(0);
    REVISIONS.fetch_add(1, Ordering::Relaxed)
}

impl Rules {
    /// No rules yet: everything is denied.
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        let as_of = AsOf { size: 0, root: Sha256::digest([]).into() };
        Self {
            state: State::default(),
            as_of,
            pairs: HashMap::new(),
            charters: HashMap::new(),
            guardrails: HashMap::new(),
            trials: Vec::new(),
            credentials: HashMap::new(),
            hosts: HashMap::new(),
            scopes: BTreeMap::new(),
            documents,
            stops: 0,
            revision: next_revision(),
            heard_ms: Arc::default(),
        }
    }

    /// Folds one entry of the control ledger.
    pub fn apply(&mut self, recorded: &Recorded, time_ms: Millis) {
        for event in &recorded.events {
            self.apply_event(event, time_ms);
        }
    }

    fn apply_event(&mut self, event: &Event, time_ms: Millis) {
        self.revision = next_revision();
        self.state.apply(event, time_ms);
        if may_stop(event) {
            self.stops += 1;
        }
        match event {
            Event::CredentialIssued { scope: Some(scope), .. } => {
                self.scopes.entry(scope.clone()).or_insert_with(|| scope_policies(scope).ok().map(Arc::new));
            }
            Event::InstrumentEnded { instrument, .. } => {
                self.remove(*instrument);
                self.end_trial(*instrument);
            }
            Event::InstrumentInForce { instrument } => {
                self.end_trial(*instrument);
                self.insert(*instrument);
            }
            Event::TrialBegun { instrument, .. } => self.begin_trial(*instrument, time_ms),
            Event::TrialEnded { instrument } => self.end_trial(*instrument),
            Event::ServiceRegistered(service) => {
                self.hosts.insert(service.host.clone(), Arc::new(service.clone()));
            }
            Event::AccountLinked { .. }
            | Event::AccountUnlinked { .. }
            | Event::RootActivated { .. }
            | Event::RootPrepared { .. }
            | Event::RootRetired { .. }
            | Event::RootTainted { .. }
            | Event::InstanceBarred { .. }
            | Event::InstancesReadmitted { .. }
            | Event::KeyBarred { .. }
            | Event::SecurityEventReceived { .. }
            | Event::AuthorityGranted { .. }
            | Event::AuthorityWithdrawn { .. }
            | Event::CredentialIssued { scope: None, .. }
            | Event::CredentialRevoked { .. }
            | Event::DepartureStepTaken { .. }
            | Event::Established { .. }
            | Event::EstateExamined { .. }
            | Event::IdentityActivated { .. }
            | Event::IdentityProposed(_)
            | Event::IdentityResumed { .. }
            | Event::IdentityRetired { .. }
            | Event::IdentityRevoked { .. }
            | Event::IdentitySuspended { .. }
            | Event::InstrumentDrafted(_)
            | Event::InstrumentExamined { .. }
            | Event::InstrumentRenewed { .. }
            | Event::InstrumentSigned { .. }
            | Event::JoinTokenCreated { .. }
            | Event::JwtIssued { .. }
            | Event::FederatedBundleRead { .. }
            | Event::FederatedBundleUnread { .. }
            | Event::FederationEnded { .. }
            | Event::FederationEstablished(_)
            | Event::IssuerDropped { .. }
            | Event::IssuerKeysRead { .. }
            | Event::IssuerKeysUnread { .. }
            | Event::IssuerTrusted(_)
            | Event::JoinRuled { .. }
            | Event::JwtKeyPublished { .. }
            | Event::LogAnchored { .. }
            | Event::NoticeGiven { .. }
            | Event::OfficeOffered { .. }
            | Event::OwnershipAccepted { .. }
            | Event::PartyRegistered(_)
            | Event::PersonLeft { .. }
            | Event::PersonRegistered(_)
            | Event::SecretChanged { .. }
            | Event::SecretSealed { .. }
            | Event::ServerCertified { .. }
            | Event::WorkloadRecognized { .. } => {}
        }
    }

    /// A copy to try things on: what is applied to it changes nothing here.
    pub fn scratch(&self) -> Self {
        Self {
            state: self.state.clone(),
            as_of: self.as_of,
            pairs: self.pairs.clone(),
            charters: self.charters.clone(),
            guardrails: self.guardrails.clone(),
            trials: self.trials.clone(),
            credentials: self.credentials.clone(),
            hosts: self.hosts.clone(),
            scopes: self.scopes.clone(),
            documents: self.documents.clone(),
            stops: self.stops,
            revision: next_revision(),
            heard_ms: self.heard_ms.clone(),
        }
    }

    /// Lets a copy read one more document.
    pub fn with_document(mut self, text: &str) -> Self {
        let digest = Sha256::digest(text).into();
        self.revision = next_revision();
        self.documents = Arc::new(OneMore { digest, text: text.to_owned(), others: self.documents.clone() });
        self
    }

    /// The words of an instrument in force, if they can be read and a gateway can enforce them.
    pub fn instrument(&self, instrument: InstrumentId) -> Result<contract::Instrument, String> {
        let found = self.state.instruments.get(&instrument).ok_or("it is not registered")?;
        Slot::of(found).compiled(self.documents()).map(|compiled| compiled.instrument.clone())
    }

    /// Names the ledger size and root that the state now corresponds to.
    pub fn seal(&mut self, as_of: AsOf) {
        self.as_of = as_of;
    }

    /// The registry's state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What decisions are made under now.
    pub fn as_of(&self) -> AsOf {
        self.as_of
    }

    /// Where the writer of the control ledger says that it is there: the time, in milliseconds since 1970.
    pub fn heartbeat(&self) -> Arc<AtomicU64> {
        self.heard_ms.clone()
    }

    /// For how long nothing was heard from the control ledger: what was stopped meanwhile is not known here.
    pub fn silence_ms(&self, now_ms: Millis) -> Millis {
        match self.heard_ms.load(Ordering::Acquire) {
            0 => 0,
            heard => now_ms.saturating_sub(heard),
        }
    }

    /// Says which rules these are: two that have the same are the same.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Counts up with every event that can end what is already running: what a gateway watches.
    pub fn stops(&self) -> u64 {
        self.stops
    }

    /// Whether an instrument binds at `now_ms`.
    pub fn is_in_force(&self, instrument: InstrumentId, now_ms: Millis) -> bool {
        self.state.instruments.get(&instrument).is_some_and(|instrument| instrument.binds(now_ms))
    }

    /// The service reached under a host name.
    pub fn service_at(&self, host: &str) -> Option<&Arc<Service>> {
        self.hosts.get(host)
    }

    /// All services.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.hosts.values()
    }

    /// Whether an instrument in an index binds at `now_ms`: what ended by notice neither permits nor prohibits any
    /// more, and of several versions only one binds at a time.
    pub(crate) fn binds(&self, slot: &Slot, beside: &[Arc<Slot>], now_ms: Millis) -> bool {
        let Some(instrument) = self.state.instruments.get(&slot.instrument) else { return false };
        // A term that was renewed and ran out binds no more; one that was never renewed says so in its own clause.
        let lapsed =
            instrument.renewed_until_ms.is_some() && instrument.last_ms().is_some_and(|last| last <= now_ms);
        let alone = || !beside.iter().any(|other| other.name == slot.name && other.version != slot.version);
        let binding = || self.state.binding_version(&instrument.name, now_ms);
        !instrument.is_over(now_ms)
            && !lapsed
            && (alone() || binding().is_some_and(|found| found.id == slot.instrument))
    }

    /// Whether a certificate's scope covers a request. What cannot be evaluated covers nothing.
    pub(crate) fn within_scope(&self, scope: &Scope, label: &str, service: &Name, request: &Request) -> bool {
        let Some(Some(policies)) = self.scopes.get(scope) else { return false };
        let facts = [("service".to_owned(), RestrictedExpression::new_string(service.to_string()))];
        let on = format!("{service}/{}", request.resource);
        let asked = Context::from_pairs(facts)
            .map_err(|error| error.to_string())
            .and_then(|context| cedar_request(label, request.action.as_str(), &on, context));
        asked.is_ok_and(|asked| {
            let response = Authorizer::new().is_authorized(&asked, policies, &Entities::empty());
            response.decision() == Decision::Allow && response.diagnostics().errors().next().is_none()
        })
    }

    /// The contracts that bind between a machine and a service at `now_ms`, with their names.
    pub fn contracts_between(
        &self,
        identity: IdentityId,
        service: ServiceId,
        now_ms: Millis,
    ) -> Vec<(InstrumentId, String)> {
        let slots = self.contracts(identity, service);
        let binding = slots.iter().filter(|slot| self.binds(slot, slots, now_ms));
        binding.map(|slot| (slot.instrument, slot.name.clone())).collect()
    }

    pub(crate) fn contracts(&self, identity: IdentityId, service: ServiceId) -> &[Arc<Slot>] {
        self.pairs.get(&(identity, service)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn charters(&self, identity: IdentityId) -> &[Arc<Slot>] {
        self.charters.get(&identity).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn guardrails(&self, party: PartyId) -> &[Arc<Slot>] {
        self.guardrails.get(&party).map_or(&[], Vec::as_slice)
    }

    /// Drafts whose trial was begun; some can be over.
    pub(crate) fn trials(&self) -> &[Arc<Slot>] {
        &self.trials
    }

    pub(crate) fn documents(&self) -> &dyn Documents {
        self.documents.as_ref()
    }

    /// The clauses that bind every credential of a machine at `now_ms`: of its contracts, its charter, and the
    /// guardrails of its party.
    pub fn credential_clauses(
        &self,
        identity: IdentityId,
        now_ms: Millis,
    ) -> impl Iterator<Item = (InstrumentId, &CredentialClause)> {
        let of_machine = self.credentials.get(&identity).into_iter().flatten().copied();
        let party = self.state.identities.get(&identity).map(|machine| machine.party);
        let guardrails = party.map_or(&[][..], |party| self.guardrails(party));
        let asked = of_machine.chain(guardrails.iter().map(|slot| slot.instrument));
        let binding = asked.filter(move |id| self.is_in_force(*id, now_ms));
        binding
            .filter_map(|id| self.state.instruments.get(&id))
            .flat_map(|instrument| instrument.credentials.iter().map(move |clause| (instrument.id, clause)))
    }

    fn begin_trial(&mut self, id: InstrumentId, now_ms: Millis) {
        let instruments = &self.state.instruments;
        let goes_on = |slot: &Arc<Slot>| {
            let other = instruments.get(&slot.instrument);
            slot.instrument != id && other.is_some_and(|other| other.is_tried(now_ms))
        };
        self.trials.retain(goes_on);
        self.trials.extend(instruments.get(&id).map(|draft| Arc::new(Slot::of(draft))));
    }

    fn end_trial(&mut self, id: InstrumentId) {
        self.trials.retain(|slot| slot.instrument != id);
    }

    fn insert(&mut self, id: InstrumentId) {
        let Some(instrument) = self.state.instruments.get(&id) else { return };
        let slot = Arc::new(Slot::of(instrument));
        if !instrument.credentials.is_empty() {
            for machine in &instrument.machines {
                self.credentials.entry(*machine).or_default().push(id);
            }
        }
        match (instrument.kind, instrument.service) {
            (InstrumentKind::Contract, Some(service)) => {
                for machine in &instrument.machines {
                    self.pairs.entry((*machine, service)).or_default().push(slot.clone());
                }
            }
            (InstrumentKind::Contract, None) => {}
            (InstrumentKind::Charter, _) => {
                for machine in &instrument.machines {
                    self.charters.entry(*machine).or_default().push(slot.clone());
                }
            }
            (InstrumentKind::Guardrail, _) => {
                self.guardrails.entry(instrument.provider).or_default().push(slot);
            }
        }
    }

    fn remove(&mut self, id: InstrumentId) {
        let Some(instrument) = self.state.instruments.get(&id) else { return };
        for machine in &instrument.machines {
            if let Some(bound) = self.credentials.get_mut(machine) {
                bound.retain(|of| *of != id);
            }
            if let Some(service) = instrument.service {
                drop_slot(&mut self.pairs, &(*machine, service), id);
            }
            drop_slot(&mut self.charters, machine, id);
        }
        drop_slot(&mut self.guardrails, &instrument.provider, id);
    }
}

/// A scope as a policy set: it permits what it names and nothing else.
fn scope_policies(scope: &Scope) -> Result<PolicySet, String> {
    let on = |on: &ScopedOn| On { service: on.service.clone(), resource: on.resource.clone() };
    let rule = Rule {
        permits: true,
        machines: Vec::new(),
        actions: scope.actions.clone(),
        resources: scope.on.iter().map(on).collect(),
        when: Test::always(),
        recorded_within: None,
        puts_off: false,
    };
    policy(&rule, "credential", &[]).parse().map_err(|error: cedar_policy::ParseErrors| error.to_string())
}

fn drop_slot<K: Eq + std::hash::Hash>(index: &mut HashMap<K, Vec<Arc<Slot>>>, key: &K, id: InstrumentId) {
    if let Some(slots) = index.get_mut(key) {
        slots.retain(|slot| slot.instrument != id);
        if slots.is_empty() {
            index.remove(key);
        }
    }
}

/// Whether an event can take away somebody's right to go on.
fn may_stop(event: &Event) -> bool {
    match event {
        Event::CredentialRevoked { .. }
        | Event::DepartureStepTaken { .. }
        | Event::InstanceBarred { .. }
        | Event::KeyBarred { .. }
        | Event::RootRetired { .. }
        | Event::IdentityRetired { .. }
        | Event::IdentityRevoked { .. }
        | Event::IdentitySuspended { .. }
        | Event::InstrumentEnded { .. }
        | Event::InstrumentInForce { .. }
        | Event::NoticeGiven { .. }
        | Event::PersonLeft { .. } => true,
        Event::AccountLinked { .. }
        | Event::AccountUnlinked { .. }
        | Event::RootActivated { .. }
        | Event::RootPrepared { .. }
        | Event::RootTainted { .. }
        | Event::SecurityEventReceived { .. }
        | Event::AuthorityGranted { .. }
        | Event::AuthorityWithdrawn { .. }
        | Event::CredentialIssued { .. }
        | Event::Established { .. }
        | Event::EstateExamined { .. }
        | Event::IdentityActivated { .. }
        | Event::IdentityProposed(_)
        | Event::IdentityResumed { .. }
        | Event::InstrumentDrafted(_)
        | Event::InstrumentExamined { .. }
        | Event::InstrumentRenewed { .. }
        | Event::TrialBegun { .. }
        | Event::TrialEnded { .. }
        | Event::InstrumentSigned { .. }
        | Event::JoinTokenCreated { .. }
        | Event::JwtIssued { .. }
        | Event::FederatedBundleRead { .. }
        | Event::FederatedBundleUnread { .. }
        | Event::FederationEnded { .. }
        | Event::FederationEstablished(_)
        | Event::IssuerDropped { .. }
        | Event::IssuerKeysRead { .. }
        | Event::IssuerKeysUnread { .. }
        | Event::IssuerTrusted(_)
        | Event::JoinRuled { .. }
        | Event::JwtKeyPublished { .. }
        | Event::LogAnchored { .. }
        | Event::OfficeOffered { .. }
        | Event::OwnershipAccepted { .. }
        | Event::PartyRegistered(_)
        | Event::PersonRegistered(_)
        | Event::SecretChanged { .. }
        | Event::SecretSealed { .. }
        | Event::ServerCertified { .. }
        | Event::ServiceRegistered(_)
        | Event::InstancesReadmitted { .. }
        | Event::WorkloadRecognized { .. } => false,
    }
}
