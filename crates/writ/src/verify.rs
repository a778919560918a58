//! Proving a ledger offline, with nothing but its files and one key.
//!
//! Control ledger: every entry hashed up to the signed root; every event readable and canonical, also where
//! the entry names a body kept apart, which must be there and be the one it names;
//! every acceptance and signature checked again; every document there, unchanged, compiling to the
//! bundle that was signed. Decision log: the same hashing; every anchor in the control ledger fits;
//! every decision names a state of the control ledger that existed.

use crate::replay::Taken;
use ledger::entry::decode_canonical;
use ledger::{Edge, Entry, Hash, Objects as _, StoreError, VerifierKey};
use policy::record::VERDICT;
use policy::{Bundle, COMPILER, VerdictRecord};
use registry::signature::{INSTRUMENT, NOTICE, OWNERSHIP};
use registry::{Event, Instrument, Recorded, State};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use store::{Directory, Finding, Level};

/// What a verification found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Verdict {
    /// What was checked and held.
    pub(crate) checked: Vec<Checked>,
    /// What does not hold.
    pub(crate) findings: Vec<Problem>,
}

/// One thing that was checked.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) what: &'static str,
    pub(crate) count: u64,
    pub(crate) note: String,
}

/// One thing that does not hold.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) log: &'static str,
    pub(crate) entry: Option<u64>,
    pub(crate) what: String,
}

/// The `ledger` folder of a data directory, or the folder itself.
pub(crate) fn ledger_folder(directory: &Path) -> PathBuf {
    let inner = directory.join("ledger");
    if inner.is_dir() { inner } else { directory.to_owned() }
}

/// The objects beside a `ledger` folder: texts, and bodies too long for an entry.
pub(crate) struct Beside(Option<Directory>);

impl Beside {
    pub(crate) fn of(ledger: &Path) -> Self {
        Self(Directory::open_existing(&ledger.parent().unwrap_or(ledger).join("objects")).ok())
    }

    /// An object's bytes; what cannot be opened is not there.
    pub(crate) fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.as_ref().map_or(Ok(None), |objects| objects.get(path))
    }
}

/// Verifies the logs below `ledger`; documents are looked for beside it.
pub(crate) fn verify(ledger: &Path, key: &VerifierKey) -> anyhow::Result<Verdict> {
    let beside = Beside::of(ledger);
    let mut control = Control {
        documents: ledger.parent().unwrap_or(ledger).join("objects/objects/documents"),
        ..Control::default()
    };
    let report =
        store::fsck(&ledger.join("control"), key, Level::Full, &mut |index, bytes, addendum, covered| {
            if covered {
                control.entry(index, bytes, addendum, &beside);
            }
        })?;
    control.claimed = report.size.max(report.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size));
    let mut verdict = Verdict::default();
    take(&mut verdict, "control", report.findings);
    verdict.findings.append(&mut control.findings);
    let signed = report.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let root = report.checkpoint.as_ref().map_or_else(String::new, |checkpoint| checkpoint.root.to_base64());
    let note = format!("root {root} signed{}", unsigned(report.size, signed));
    verdict.checked.push(Checked { what: "control entries", count: signed.min(report.size), note });
    let note = "checked against the people's keys".to_owned();
    verdict.checked.push(Checked { what: "signatures", count: control.signatures, note });
    let note = "present, unchanged, and compiling to what was signed".to_owned();
    verdict.checked.push(Checked { what: "instruments", count: control.contracts, note });
    match control.decision_log.clone() {
        Some((origin, key)) if ledger.join("decisions").is_dir() => {
            decisions(ledger, &origin, &key, &control, &mut verdict)?;
        }
        Some((origin, _)) => {
            let what = format!("the log `{origin}` is anchored in the control ledger, but it is not here");
            verdict.findings.push(Problem { log: "decisions", entry: None, what });
        }
        None => {
            let what = "no decision log is named in the control ledger".to_owned();
            verdict.findings.push(Problem { log: "decisions", entry: None, what });
        }
    }
    Ok(verdict)
}

/// What is there beyond the checkpoint: read, not proven.
fn unsigned(size: u64, signed: u64) -> String {
    match size.saturating_sub(signed) {
        0 => String::new(),
        more => format!("; {more} more not signed yet, and not looked at"),
    }
}

fn take(verdict: &mut Verdict, log: &'static str, findings: Vec<Finding>) {
    verdict.findings.extend(findings.into_iter().map(|f| Problem { log, entry: f.entry, what: f.what }));
}

/// The control ledger as it is read.
#[derive(Default)]
struct Control {
    state: State,
    edge: Edge,
    /// The root at every size, so that a decision's claim can be looked up.
    roots: Vec<Hash>,
    anchors: Vec<(u64, u64, Hash)>,
    decision_log: Option<(String, String)>,
    documents: PathBuf,
    signatures: u64,
    contracts: u64,
    findings: Vec<Problem>,
    last_ms: u64,
    /// How many entries there are or should be: read, or signed for.
    claimed: u64,
    /// What happened, entry by entry: decisions are taken again from it.
    history: Vec<(Recorded, u64)>,
}

impl Control {
    fn entry(&mut self, index: u64, bytes: &[u8], addendum: Option<&[u8]>, beside: &Beside) {
        if self.roots.is_empty() {
            self.roots.push(Hash::of_empty());
        }
        self.edge.append(Hash::of_leaf(bytes));
        self.roots.push(self.edge.root());
        let (recorded, time_ms) = match authority::entry::read(bytes, &|path| beside.get(path)) {
            Ok(read) => read,
            Err(error) => return self.find(index, error.to_string()),
        };
        if time_ms < self.last_ms {
            self.find(index, "its time lies before the entry before it".into());
        }
        self.last_ms = time_ms;
        if let (Some(addendum), Some(Event::PersonRegistered(person))) = (addendum, recorded.events.first())
            && contract::canonical::digest_bytes(addendum) != person.profile
        {
            self.find(index, "what is kept beside it is not what it commits to".into());
        }
        for event in &recorded.events {
            self.check(index, event);
            self.state.apply(event, time_ms);
        }
        self.history.push((recorded, time_ms));
    }

    fn find(&mut self, index: u64, what: String) {
        self.findings.push(Problem { log: "control", entry: Some(index), what });
    }

    fn check(&mut self, index: u64, event: &Event) {
        match event {
            Event::OwnershipAccepted { identity, office, person, signature, .. } => {
                let Some(identity) = self.state.identities.get(identity) else {
                    return self.find(index, "accepts an identity that is not there".into());
                };
                let party = self.state.parties.get(&identity.party).map(|party| party.name.to_string());
                let statement = identity.statement(*office, &party.unwrap_or_default());
                let key = self.state.people.get(person).map(|person| &person.key);
                let held =
                    key.is_some_and(|key| key.verify(OWNERSHIP, statement.as_bytes(), signature).is_ok());
                self.signature(index, held, "the acceptance is not signed by the person");
            }
            Event::InstrumentSigned { instrument, signature } => {
                let Some(instrument) = self.state.instruments.get(instrument) else {
                    return self.find(index, "signs an instrument that is not there".into());
                };
                let key = self.state.people.get(&signature.person).map(|person| &person.key);
                let message = instrument.envelope.as_bytes();
                let held =
                    key.is_some_and(|key| key.verify(INSTRUMENT, message, &signature.signature).is_ok());
                self.signature(index, held, "the instrument is not signed by the person");
            }
            Event::InstrumentDrafted(instrument) => {
                self.contracts += 1;
                let service = instrument.service.and_then(|id| self.state.services.get(&id));
                let bound = service.map(registry::Service::meaning);
                let trust_domain = self.state.trust_domain.clone().unwrap_or_default();
                if let Err(what) = document(&self.documents, instrument, bound, &trust_domain) {
                    self.find(index, format!("the {} `{}`: {what}", instrument.kind, instrument.name));
                }
            }
            Event::CredentialIssued { identity, .. } | Event::JwtIssued { identity, .. } => {
                let found = self.state.identities.get(identity);
                let answered = found.is_some_and(|identity| {
                    identity.grace_until_ms.is_some() || self.state.is_answered_for(identity)
                });
                if !answered {
                    self.find(index, "issues a credential to a machine for which nobody answers".into());
                }
            }
            Event::LogAnchored { origin, key, size, root } => {
                let named = (origin.clone(), key.clone());
                if self.decision_log.as_ref().is_some_and(|before| *before != named) {
                    self.find(index, "anchors another decision log, or the same under another key".into());
                }
                self.anchors.push((index, *size, Hash(*root)));
                self.decision_log = Some(named);
            }
            Event::IdentityActivated { identity } | Event::IdentityResumed { identity } => {
                let found = self.state.identities.get(identity);
                if !found.is_some_and(|identity| self.state.is_answered_for(identity)) {
                    self.find(index, "activates an identity for which nobody accepted to answer".into());
                }
            }
            Event::InstrumentInForce { instrument } => {
                let found = self.state.instruments.get(instrument);
                let signed = found.is_some_and(|found| {
                    let when = found.signatures.last().map_or(0, |last| last.time_ms);
                    registry::admit::is_signed(&self.state, found, when)
                });
                if !signed {
                    self.find(index, "brings an instrument into force that not everybody has signed".into());
                }
            }
            Event::NoticeGiven { instrument, kind, person, ground, signature, .. } => {
                let Some(found) = self.state.instruments.get(instrument) else {
                    return self.find(index, "gives notice under an instrument that is not there".into());
                };
                let statement = found.notice(*kind, ground, *person);
                let key = self.state.people.get(person).map(|person| &person.key);
                let held = key.is_some_and(|key| key.verify(NOTICE, statement.as_bytes(), signature).is_ok());
                self.signature(index, held, "the notice is not signed by the person");
            }
            Event::PersonRegistered(person) => {
                if self.state.people.contains_key(&person.id) {
                    self.find(index, "registers a person a second time".into());
                }
            }
            Event::AuthorityGranted { .. }
            | Event::AuthorityWithdrawn { .. }
            | Event::CredentialRevoked { .. }
            | Event::Established { .. }
            | Event::EstateExamined { .. }
            | Event::IdentityProposed(_)
            | Event::IdentityRetired { .. }
            | Event::IdentityRevoked { .. }
            | Event::IdentitySuspended { .. }
            | Event::InstrumentEnded { .. }
            | Event::InstrumentExamined { .. }
            | Event::InstrumentRenewed { .. }
            | Event::TrialBegun { .. }
            | Event::TrialEnded { .. }
            | Event::JoinTokenCreated { .. }
            | Event::DepartureStepTaken { .. }
            | Event::InstanceBarred { .. }
            | Event::InstancesReadmitted { .. }
            | Event::RootActivated { .. }
            | Event::RootPrepared { .. }
            | Event::RootRetired { .. }
            | Event::RootTainted { .. }
            | Event::KeyBarred { .. }
            | Event::AccountLinked { .. }
            | Event::AccountUnlinked { .. }
            | Event::SecurityEventReceived { .. }
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
            | Event::OfficeOffered { .. }
            | Event::PartyRegistered(_)
            | Event::PersonLeft { .. }
            | Event::SecretChanged { .. }
            | Event::SecretSealed { .. }
            | Event::ServerCertified { .. }
            | Event::ServiceRegistered(_)
            | Event::WorkloadRecognized { .. } => {}
        }
    }

    fn signature(&mut self, index: u64, held: bool, otherwise: &str) {
        self.signatures += 1;
        if !held {
            self.find(index, otherwise.to_owned());
        }
    }
}

/// Reads the document again and compiles it again, as the counterparty would.
fn document(
    documents: &Path,
    instrument: &Instrument,
    service: Option<[u8; 32]>,
    trust_domain: &str,
) -> Result<(), String> {
    let path = documents.join(contract::canonical::hex(&instrument.document));
    let source =
        std::fs::read_to_string(path).map_err(|_| "its document is not beside the ledger".to_owned())?;
    let digest: [u8; 32] = Sha256::digest(&source).into();
    if digest != instrument.document {
        return Err("its document was changed".into());
    }
    let contract =
        contract::check(&source).map_err(|_| "its words are not what its clauses say".to_owned())?;
    let bundle = Bundle::compile(&contract).map_err(|error| error.to_string())?;
    let envelope =
        contract::Envelope::of(&contract, &source, bundle.hash(), COMPILER).bind(service, trust_domain);
    if envelope.to_json() != instrument.envelope || bundle.hash() != instrument.bundle {
        return Err("it compiles to another rule than the one that was signed".into());
    }
    Ok(())
}

fn decisions(
    ledger: &Path,
    origin: &str,
    key: &str,
    control: &Control,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let key = VerifierKey::parse(key)?;
    let mut edge = Edge::default();
    let mut anchors = control.anchors.iter().peekable();
    let mut findings = Vec::new();
    let (mut held, mut count, mut beyond) = (0, 0, 0u64);
    let mut taken = Vec::new();
    let mut find =
        |entry, what: String| findings.push(Problem { log: "decisions", entry: Some(entry), what });
    let mut last_ms = 0;
    while anchors.next_if(|(_, size, root)| *size == 0 && *root == Hash::of_empty()).is_some() {
        held += 1;
    }
    let report =
        store::fsck(&ledger.join("decisions"), &key, Level::Full, &mut |index, bytes, beside, covered| {
            edge.append(Hash::of_leaf(bytes));
            while let Some((at, size, root)) = anchors.next_if(|(_, size, _)| *size <= edge.size()) {
                if *size == edge.size() && *root == edge.root() {
                    held += 1;
                } else {
                    find(
                        index,
                        format!("the log differs from what control entry {at} anchors at size {size}"),
                    );
                }
            }
            if !covered {
                return;
            }
            let entry = match Entry::decode(bytes) {
                Ok(entry) => entry,
                Err(error) => return find(index, error.to_string()),
            };
            if entry.time_ms < last_ms {
                find(index, "its time lies before the entry before it".into());
            }
            last_ms = entry.time_ms;
            if entry.kind != VERDICT {
                return;
            }
            match decode_canonical::<VerdictRecord>(&entry.body) {
                Err(error) => find(index, error.to_string()),
                Ok(record) => {
                    count += 1;
                    let inputs = beside.and_then(policy::Inputs::decode);
                    taken.push(Taken { index, time_ms: entry.time_ms, record: record.clone(), inputs });
                    if beside.is_some_and(|beside| contract::canonical::digest_bytes(beside) != record.inputs)
                    {
                        find(index, "what is kept beside it is not what it commits to".into());
                    }
                    match usize::try_from(record.as_of_size).ok().and_then(|size| control.roots.get(size)) {
                        Some(root) if root.0 == record.as_of_root => {}
                        // Beyond what is signed (a running ledger) or could be read (a finding of
                        // its own): nothing can be said of it.
                        None if record.as_of_size <= control.claimed => beyond += 1,
                        Some(_) | None => {
                            find(index, "names a state of the control ledger that never was".into())
                        }
                    }
                }
            }
        })?;
    let missing = anchors.next().map(|(at, size, _)| {
        format!("control entry {at} anchors {size} entries, but only {} can be read", report.size)
    });
    verdict.findings.append(&mut findings);
    verdict.findings.extend(missing.map(|what| Problem { log: "decisions", entry: None, what }));
    take(verdict, "decisions", report.findings);
    let signed = report.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let note = format!("{origin}{}", unsigned(report.size, signed));
    verdict.checked.push(Checked { what: "decision entries", count: signed.min(report.size), note });
    let note = match beyond {
        0 => "each names a state of the control ledger that existed".to_owned(),
        beyond => format!("of which {beyond} name a state that is not signed yet or could not be read"),
    };
    verdict.checked.push(Checked { what: "decisions", count, note });
    let replayed = crate::replay::run(&control.history, control.documents.clone(), taken);
    let mut note = "taken again from the ledger, with the same verdict".to_owned();
    if replayed.by_order > 0 {
        note.push_str(&format!("; {} hung on the order of calls at a quota", replayed.by_order));
    }
    if replayed.skipped > 0 {
        note.push_str(&format!(
            "; {} not taken again: refused before they named an act, or erased",
            replayed.skipped
        ));
    }
    verdict.checked.push(Checked { what: "replayed", count: replayed.same, note });
    let other = replayed.other.into_iter();
    verdict.findings.extend(other.map(|(at, what)| Problem { log: "decisions", entry: Some(at), what }));
    verdict.checked.push(Checked { what: "anchors", count: held, note: "fit the decision log".to_owned() });
    Ok(())
}
