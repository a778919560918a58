//! Drafting: a document becomes an instrument that can be signed.

use crate::proofs::{Examined, ProofError};
use crate::{Admitted, Authority, SubmitError, documents};
use contract::diagnostic::suggestion;
use contract::kind::ownership::Step;
use contract::norm::{Norm, On, PowerEffect, Rule};
use contract::{Body, Clause, Diagnostic, Envelope, Instrument, Kind, Organisation};
use ledger::StoreError;
use policy::{Bundle, COMPILER, CompileError};
use registry::command::InstrumentDraft;
use registry::{
    Actor, Command, CredentialClause, DepartureRung, DepartureStep, Event, IdentityId, InstrumentId,
    InstrumentKind, InstrumentTerms, Name, PartyId, Service, Side, State,
};

/// A draft that is in the ledger.
#[derive(Debug)]
pub struct Drafted {
    /// Its id.
    pub instrument: InstrumentId,
    /// What everybody signs.
    pub envelope: String,
    /// Its index in the control ledger.
    pub index: u64,
    /// Clauses that this version's gateways cannot enforce: they refuse to serve the instrument.
    pub unenforceable: Vec<String>,
    /// What a solver said, or why there was none.
    pub examined: Result<Examined, ProofError>,
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
        let instrument = contract::check(source).map_err(DraftError::Document)?;
        let bundle = compile(&instrument, source).map_err(DraftError::Document)?;
        let envelope = Envelope::of(&instrument, source, bundle.hash(), COMPILER);
        let unenforceable =
            policy::compile::unenforceable(&instrument).into_iter().map(|(_, why)| why).collect();
        let draft = {
            let rules = self.rules();
            resolve(rules.state(), &instrument, source, envelope).map_err(DraftError::Document)?
        };
        let json = draft.envelope.clone();
        // The text first: an entry never names a document that is not there.
        self.objects().put(&documents::path(&draft.document), source.as_bytes())?;
        let Admitted { events, index } =
            self.submit(actor, Command::DraftInstrument(Box::new(draft))).await?;
        match events.first() {
            Some(Event::InstrumentDrafted(instrument)) => {
                let id = instrument.id;
                let examined = self.examine(id).await;
                Ok(Drafted { instrument: id, envelope: json, index, unenforceable, examined })
            }
            Some(_) | None => Err(SubmitError::Internal("no draft among the events".into()).into()),
        }
    }
}

/// The bundle of a checked instrument; a clause that can never matter is shown where it stands, a compiler error at
/// the front matter.
pub fn compile(instrument: &Instrument, source: &str) -> Result<Bundle, Vec<Diagnostic>> {
    Bundle::compile(instrument).map_err(|error| {
        let message = error.to_string();
        vec![match &error {
            CompileError::Idle { clause, .. } => {
                let span = instrument.clause(*clause).map_or(0..0, |clause| clause.span.clone());
                let help = "every clause has an example of what is within it and of what is beyond it: change it, or \
                            the clause that stands in its way, or leave it out";
                Diagnostic::new("writ::idle", span, message, "this clause", help)
            }
            CompileError::Invalid(_) => {
                let span = 0..source.find("\n+++\n").map_or(0, |at| at + 4);
                let help = "report this: it is a fault of Writ";
                Diagnostic::new("writ::compile", span, message, "this instrument", help)
            }
        }]
    })
}

/// What an instrument binds, as the registry knows it.
struct Bound {
    kind: InstrumentKind,
    provider: PartyId,
    consumer: PartyId,
    service: Option<Service>,
    machines: Vec<IdentityId>,
}

/// Replaces the names in an instrument by what the registry knows under them.
pub fn resolve(
    state: &State,
    instrument: &Instrument,
    source: &str,
    envelope: Envelope,
) -> Result<InstrumentDraft, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let bound = bound(state, instrument, source, &mut findings);
    for clause in &instrument.clauses {
        findings.extend(unknown_acts(state, instrument, clause, source));
    }
    let Some(bound) = bound.filter(|_| findings.is_empty()) else { return Err(findings) };
    let meaning = bound.service.as_ref().map(Service::meaning);
    let envelope = envelope.bind(meaning, state.trust_domain.as_deref().unwrap_or_default());
    let mut draft = InstrumentDraft {
        kind: bound.kind,
        name: instrument.name.clone(),
        version: instrument.version,
        title: instrument.title.clone(),
        provider: bound.provider,
        service: bound.service.map(|service| service.id),
        consumer: bound.consumer,
        machines: bound.machines,
        document: envelope.text,
        bundle: envelope.bundle,
        envelope: envelope.to_json(),
        credentials: credentials(instrument),
        departure: departure(instrument),
        start_ms: None,
        end_ms: None,
        quota_window_max_ms: None,
        terms: terms(instrument),
    };
    for clause in &instrument.clauses {
        match &clause.kind {
            Kind::Term(term) => (draft.start_ms, draft.end_ms) = (Some(term.start.0), Some(term.end.0)),
            Kind::Quota(quota) => {
                draft.quota_window_max_ms = draft.quota_window_max_ms.max(Some(quota.window.as_ms()));
            }
            Kind::Credential(_)
            | Kind::Permit(_)
            | Kind::Prohibit(_)
            | Kind::Duty(_)
            | Kind::Classification(_)
            | Kind::Masking(_)
            | Kind::Statement(_)
            | Kind::Purpose(_)
            | Kind::Residency(_)
            | Kind::Retention(_)
            | Kind::Delegation(_)
            | Kind::Approval(_)
            | Kind::Window(_)
            | Kind::Availability(_)
            | Kind::Audit(_)
            | Kind::IncidentNotice(_)
            | Kind::Ownership(_)
            | Kind::Liability(_)
            | Kind::Suspension(_)
            | Kind::General(_)
            | Kind::Amendment(_)
            | Kind::Words(_) => {}
        }
    }
    Ok(draft)
}

fn side(side: contract::terms::Side) -> Side {
    match side {
        contract::terms::Side::Consumer => Side::Consumer,
        contract::terms::Side::Party => Side::Party,
        contract::terms::Side::Provider => Side::Provider,
    }
}

/// What its clauses ask of every credential. A limit for some acts only is held by the gateway, not at issuance.
fn credentials(instrument: &Instrument) -> Vec<CredentialClause> {
    let asked = instrument.clauses.iter().filter_map(|clause| {
        let Kind::Credential(credential) = &clause.kind else { return None };
        credential.only.is_empty().then(|| CredentialClause {
            clause: clause.number.to_string(),
            digest: contract::canonical::clause_digest(clause),
            life_max_ms: credential.max_ttl.as_ms(),
            key_algorithms: credential.key_algorithms.iter().map(|key| key.as_str().to_owned()).collect(),
            audiences: credential.audiences.iter().map(|audience| audience.as_str().to_owned()).collect(),
            renew_at_percent: credential.renew_at.map(|percent| percent.get() as u8),
        })
    });
    asked.collect()
}

/// What its clauses say about departures.
fn departure(instrument: &Instrument) -> Vec<DepartureRung> {
    let said = instrument.statements().into_iter().filter_map(|(number, _, said)| {
        let Norm::Departure(departure) = said.norm else { return None };
        Some(DepartureRung {
            clause: number.to_string(),
            after_ms: departure.after_ms,
            step: match departure.step {
                Step::Warn => DepartureStep::Warn,
                Step::Deputy => DepartureStep::Deputy,
                Step::ShortenLife => DepartureStep::ShortenLife,
                Step::Suspend => DepartureStep::Suspend,
                Step::Kill => DepartureStep::Kill,
            },
            life_ms: departure.life.map(|life| life.as_ms()),
        })
    });
    said.collect()
}

/// What its clauses say about signing and about its own life.
fn terms(instrument: &Instrument) -> InstrumentTerms {
    let signing = &instrument.signing;
    let mut terms = InstrumentTerms {
        quorum: signing.quorum.iter().map(|(of, people)| (side(*of), *people)).collect(),
        first: signing.first.map(side),
        ..InstrumentTerms::default()
    };
    for (_, _, said) in instrument.statements() {
        let Norm::Power(power) = said.norm else { continue };
        let holders = power.holders.iter().map(|holder| side(*holder)).collect();
        let notice = power.notice.map(|span| span.as_ms());
        match power.effect {
            PowerEffect::Narrow => terms.narrowed_by = holders,
            PowerEffect::Renew => {
                terms.renewal_ms = power.period.map(|span| span.as_ms());
                terms.renewal_notice_ms = notice;
            }
            // Whoever suspended it: the registry knows who did.
            PowerEffect::Resume => {}
            PowerEffect::Suspend => {
                (terms.suspended_by, terms.suspension_notice_ms) = (holders, notice);
                terms.suspension_grounds = power.grounds.into_iter().map(|ground| ground.code).collect();
            }
            PowerEffect::Terminate if power.grounds.is_empty() => terms.convenience_ms = notice,
            PowerEffect::Terminate => terms.cure_ms = notice,
        }
    }
    let survives = instrument.clauses.iter().filter(|clause| clause.survives).map(|clause| clause.number);
    let listed = instrument.clauses.iter().flat_map(|clause| {
        if let Kind::Term(term) = &clause.kind { term.survives.as_slice().to_vec() } else { Vec::new() }
    });
    let mut survives: Vec<_> = survives.chain(listed).collect();
    survives.sort_unstable();
    survives.dedup();
    terms.survives = survives.iter().map(ToString::to_string).collect();
    terms.clauses = instrument.clauses.iter().map(|clause| clause.number.to_string()).collect();
    terms
}

/// Looks up parties, service and machines; what is not there is a finding.
fn bound(
    state: &State,
    instrument: &Instrument,
    source: &str,
    findings: &mut Vec<Diagnostic>,
) -> Option<Bound> {
    let mut find = |word: &str, message: String, help: String| {
        findings.push(Diagnostic::new(
            "writ::unknown-name",
            place(source, word),
            message,
            "not in the registry",
            help,
        ));
    };
    let mut party = |side: &Organisation| {
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
    let (kind, provider, consumer) = match &instrument.body {
        Body::Contract { provider, consumer, .. } => {
            (InstrumentKind::Contract, party(provider), party(consumer))
        }
        Body::Charter { holder, .. } => {
            let holder = party(holder);
            (InstrumentKind::Charter, holder, holder)
        }
        Body::Guardrail { holder } => {
            let holder = party(holder);
            (InstrumentKind::Guardrail, holder, holder)
        }
    };
    let mut missing = false;
    let service = instrument.body.service().and_then(|name| {
        let found = state.service_named(name.as_str());
        if found.is_none() {
            missing = true;
            let known: Vec<&str> = state.services.values().map(|service| service.name.as_str()).collect();
            let message = format!("there is no service `{name}`");
            find(name.as_str(), message, suggestion(name.as_str(), &known));
        }
        found.cloned()
    });
    let mut machines = Vec::new();
    for name in instrument.body.machines() {
        let party = instrument.body.machine_side();
        match consumer.and_then(|consumer| state.identity_named(consumer, name)) {
            Some(identity) => machines.push(identity.id),
            None => {
                missing = true;
                let message = format!("`{}` has no machine `{name}`", party.party);
                if consumer.is_some() {
                    find(name.as_str(), message, "propose it first: `writ identity propose`".into());
                }
            }
        }
    }
    if missing {
        return None;
    }
    Some(Bound { kind, provider: provider?, consumer: consumer?, service, machines })
}

/// Acts and resources in a clause that no service has: such a clause could never apply.
fn unknown_acts(state: &State, instrument: &Instrument, clause: &Clause, source: &str) -> Vec<Diagnostic> {
    let (mut findings, mut without_database) = (Vec::new(), Vec::new());
    let block = source.get(clause.span.clone()).unwrap_or_default();
    let mut find = |word: &str, message: String, label: &str, help: String| {
        let at = block.find(&format!("\"{word}\"")).map_or(clause.span.clone(), |at| {
            clause.span.start + at..clause.span.start + at + word.len() + 2
        });
        let finding = Diagnostic::new("writ::unknown-name", at, message, label, help);
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    };
    let contract = matches!(instrument.body, Body::Contract { .. });
    let services: Vec<&Service> = match instrument.body.service() {
        Some(name) => state.service_named(name.as_str()).into_iter().collect(),
        None => state.services.values().collect(),
    };
    for Named { actions, resources: targets, of_databases } in named(instrument, clause) {
        let mut resources = Vec::new();
        let mut unknown = false;
        for on in &targets {
            let word = if contract {
                on.resource.as_ref().map(ToString::to_string).unwrap_or_default()
            } else {
                on.resource.as_ref().map_or_else(|| on.service.to_string(), |r| format!("{}/{r}", on.service))
            };
            let service = services.iter().find(|service| service.name == on.service);
            let Some(service) = service else {
                unknown = true;
                let known: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
                if !contract {
                    let message = format!("there is no service `{}`", on.service);
                    find(&word, message, "not in the registry", suggestion(on.service.as_str(), &known));
                }
                continue;
            };
            match &on.resource {
                None => resources.extend(service.resources.iter()),
                Some(name) => match service.resource(name) {
                    Some(resource) => resources.push(resource),
                    None => {
                        unknown = true;
                        let known: Vec<&str> = service.resources.iter().map(|r| r.name.as_str()).collect();
                        let message = format!("the service `{}` has no resource `{name}` here", service.name);
                        find(
                            &word,
                            message,
                            "not declared by the service",
                            suggestion(name.as_str(), &known),
                        );
                    }
                },
            }
        }
        // What could be done to a resource that is not there is no further finding.
        if unknown {
            continue;
        }
        // A rule for all services is one for those to come, too.
        let certain = !services.is_empty() && (contract || !targets.is_empty());
        if targets.is_empty() {
            resources.extend(services.iter().flat_map(|service| service.resources.iter()));
        }
        if of_databases && certain && !resources.iter().any(|resource| resource.objects.is_some()) {
            without_database.push(Diagnostic::new(
                "writ::no-database",
                clause.span.clone(),
                "this clause is held by what passes between machines and a database, and nothing it is about is one".to_owned(),
                "could never apply",
                "name a service whose `upstream` is a `postgresql://` address, or leave the clause out"
                    .to_owned(),
            ));
            continue;
        }
        let known: Vec<&str> =
            resources.iter().flat_map(|r| r.operations.iter().map(|o| o.action.as_str())).collect();
        for name in actions.iter().filter(|name| !services.is_empty() && !known.contains(&name.as_str())) {
            let place = match services.as_slice() {
                [only] => format!("the service `{}` has", only.name),
                _ => "no service has".to_owned(),
            };
            let message = if services.len() == 1 {
                format!("{place} no action `{name}` here")
            } else {
                format!("{place} the action `{name}` here")
            };
            find(name.as_str(), message, "not declared by the service", suggestion(name.as_str(), &known));
        }
    }
    findings.extend(without_database);
    findings
}

/// What a norm of a clause is about.
struct Named {
    actions: Vec<Name>,
    resources: Vec<On>,
    /// It is held where statements go to a database and rows come back.
    of_databases: bool,
}

/// What each norm of a clause is about, as far as it names acts.
fn named(instrument: &Instrument, clause: &Clause) -> Vec<Named> {
    let of = |rule: Rule, of_databases| {
        Some(Named { actions: rule.actions, resources: rule.resources, of_databases })
    };
    instrument
        .statements_of(clause)
        .into_iter()
        .filter_map(|said| match said.norm {
            Norm::Rule(rule) => of(rule, false),
            Norm::Masking(masking) => of(masking.rule, true),
            Norm::Statement(bound) => of(bound.rule, true),
            Norm::Duty(_)
            | Norm::Level(_)
            | Norm::Power(_)
            | Norm::Departure(_)
            | Norm::Evidence(_)
            | Norm::Issuance(_)
            | Norm::Cap(_)
            | Norm::Words(_) => None,
        })
        .collect()
}

/// Where a word of the front matter stands.
fn place(source: &str, word: &str) -> std::ops::Range<usize> {
    let quoted = format!("\"{word}\"");
    source.find(&quoted).map_or(0..0, |at| at..at + quoted.len())
}
