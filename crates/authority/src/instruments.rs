//! Drafting: a document becomes an instrument that can be signed.

use crate::{Admitted, Authority, SubmitError, documents};
use contract::diagnostic::suggestion;
use contract::{Clause, Contract, Diagnostic, Envelope, Kind};
use ledger::StoreError;
use policy::{Bundle, COMPILER};
use registry::command::InstrumentDraft;
use registry::{Actor, Command, Event, InstrumentId, Name, Service, State};

/// A draft that is in the ledger.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// Its id.
    pub instrument: InstrumentId,
    /// What everybody signs.
    pub envelope: String,
    /// Its index in the control ledger.
    pub index: u64,
}

/// Why a document is not a draft.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The document is at fault.
    #[error("the document has {} finding(s)", .0.len())]
    Document(Vec<Diagnostic>),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was not admitted or not recorded.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Authority {
    /// Checks a document, compiles it, keeps it, and records the draft.
    pub async fn draft(&self, actor: Actor, source: &str) -> Result<Drafted, DraftError> {
        let contract = contract::check(source).map_err(DraftError::Document)?;
        let bundle = compile(&contract, source).map_err(DraftError::Document)?;
        let envelope = Envelope::of(&contract, source, bundle.hash(), COMPILER);
        let draft = {
            let rules = self.rules();
            resolve(rules.state(), &contract, source, envelope).map_err(DraftError::Document)?
        };
        let json = draft.envelope.clone();
        // The text first: an entry never names a document that is not there.
        self.objects().put(&documents::path(&draft.document), source.as_bytes())?;
        let Admitted { events, index } =
            self.submit(actor, Command::DraftInstrument(Box::new(draft))).await?;
        match events.first() {
            Some(Event::InstrumentDrafted(instrument)) => {
                Ok(Drafted { instrument: instrument.id, envelope: json, index })
            }
            Some(_) | None => Err(SubmitError::Internal("no draft among the events".into()).into()),
        }
    }
}

/// The bundle of a checked contract; a compiler error is shown at the front matter.
pub fn compile(contract: &Contract, source: &str) -> Result<Bundle, Vec<Diagnostic>> {
    Bundle::compile(contract).map_err(|error| {
        let span = 0..source.find("\n+++\n").map_or(0, |at| at + 4);
        vec![Diagnostic::new(
            "writ::compile",
            span,
            error.to_string(),
            "this contract",
            "report this: it is a fault of Writ",
        )]
    })
}

/// Replaces the names in a contract by what the registry knows under them.
fn resolve(
    state: &State,
    contract: &Contract,
    source: &str,
    envelope: Envelope,
) -> Result<InstrumentDraft, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let mut find = |word: &str, message: String, help: String| {
        findings.push(Diagnostic::new(
            "writ::unknown-name",
            place(source, word),
            message,
            "not in the registry",
            help,
        ));
    };
    let mut party = |side: &contract::Side| {
        let known: Vec<&str> = state.parties.values().map(|party| party.name.as_str()).collect();
        match state.party_named(side.party.as_str()) {
            None => {
                let message = format!("there is no party `{}`", side.party);
                find(side.party.as_str(), message, suggestion(side.party.as_str(), &known));
                None
            }
            Some(party) if party.legal_name != side.legal_name => {
                let message = format!("`{}` is registered as `{}`", side.party, party.legal_name);
                find(&side.legal_name, message, format!("write legal-name = \"{}\"", party.legal_name));
                None
            }
            Some(party) => Some(party.id),
        }
    };
    let (provider, consumer) = (party(&contract.provider), party(&contract.consumer));
    let service = state.service_named(contract.service.as_str());
    if service.is_none() {
        let known: Vec<&str> = state.services.values().map(|service| service.name.as_str()).collect();
        let message = format!("there is no service `{}`", contract.service);
        find(contract.service.as_str(), message, suggestion(contract.service.as_str(), &known));
    }
    let machines: Vec<_> = contract
        .machines
        .iter()
        .filter_map(|name| {
            let found = consumer.and_then(|party| state.identity_named(party, name));
            if found.is_none() && consumer.is_some() {
                let message = format!("`{}` has no machine `{name}`", contract.consumer.party);
                find(name.as_str(), message, "propose it first: `writ identity propose`".into());
            }
            found.map(|identity| identity.id)
        })
        .collect();
    if let Some(service) = service {
        findings.extend(contract.clauses.iter().flat_map(|clause| unknown_acts(service, clause, source)));
    }
    match (provider, consumer, service) {
        (Some(provider), Some(consumer), Some(service)) if findings.is_empty() => {
            let envelope =
                envelope.bind(service.meaning(), state.trust_domain.as_deref().unwrap_or_default());
            let mut draft = InstrumentDraft {
                name: contract.name.clone(),
                version: contract.version,
                title: contract.title.clone(),
                provider,
                service: service.id,
                consumer,
                machines,
                document: envelope.text,
                bundle: envelope.bundle,
                envelope: envelope.to_json(),
                credential_ttl_max_ms: None,
                start_ms: None,
                end_ms: None,
                quota_window_max_ms: None,
            };
            for clause in &contract.clauses {
                match &clause.kind {
                    Kind::Credential { max_ttl } => draft.credential_ttl_max_ms = Some(max_ttl.as_ms()),
                    Kind::Term { start_ms, end_ms } => {
                        (draft.start_ms, draft.end_ms) = (Some(*start_ms), Some(*end_ms));
                    }
                    Kind::Quota { window, .. } => {
                        draft.quota_window_max_ms = draft.quota_window_max_ms.max(Some(window.as_ms()));
                    }
                    Kind::Permit { .. } | Kind::Prohibit { .. } | Kind::Words { .. } => {}
                }
            }
            Ok(draft)
        }
        _ => Err(findings),
    }
}

/// Acts and resources in a clause that the service does not have: such a clause could never apply.
fn unknown_acts(service: &Service, clause: &Clause, source: &str) -> Vec<Diagnostic> {
    let (actions, resources): (&[Name], &[Name]) = match &clause.kind {
        Kind::Permit { actions, resources, .. }
        | Kind::Prohibit { actions, resources }
        | Kind::Quota { actions, resources, .. } => (actions, resources),
        Kind::Credential { .. } | Kind::Term { .. } | Kind::Words { .. } => (&[], &[]),
    };
    let known_resources: Vec<&str> =
        service.resources.iter().map(|resource| resource.name.as_str()).collect();
    let in_scope = |name: &Name| resources.is_empty() || resources.contains(name);
    let known_actions: Vec<&str> = service
        .resources
        .iter()
        .filter(|resource| in_scope(&resource.name))
        .flat_map(|resource| resource.operations.iter().map(|operation| operation.action.as_str()))
        .collect();
    let finding = |name: &Name, what: &str, known: &[&str]| {
        let block = source.get(clause.span.clone()).unwrap_or_default();
        let at = block.find(&format!("\"{name}\"")).map_or(clause.span.clone(), |at| {
            clause.span.start + at..clause.span.start + at + name.as_str().len() + 2
        });
        let message = format!("the service `{}` has no {what} `{name}` here", service.name);
        Diagnostic::new(
            "writ::unknown-name",
            at,
            message,
            "not declared by the service",
            suggestion(name.as_str(), known),
        )
    };
    let bad_resources = resources.iter().filter(|name| !known_resources.contains(&name.as_str()));
    let bad_actions = actions.iter().filter(|name| !known_actions.contains(&name.as_str()));
    if resources.iter().any(|name| !known_resources.contains(&name.as_str())) {
        // What could be done to a resource that is not there is no further finding.
        return bad_resources.map(|name| finding(name, "resource", &known_resources)).collect();
    }
    bad_resources
        .map(|name| finding(name, "resource", &known_resources))
        .chain(bad_actions.map(|name| finding(name, "action", &known_actions)))
        .collect()
}

/// Where a word of the front matter stands.
fn place(source: &str, word: &str) -> std::ops::Range<usize> {
    let quoted = format!("\"{word}\"");
    source.find(&quoted).map_or(0..0, |at| at..at + quoted.len())
}
