//! Decisions with 10,000 contracts in force: the first, and then many.

use crate::{quantile, us};
use authority::plane::EVENT;
use contract::canonical::digest;
use ledger::{Append as _, Entry, NoteSigner, Submission};
use policy::{AsOf, Bundle, Counters, Documents, Request, Rules, Verdict, decide};
use registry::{
    Actor, Environment, Event, Identity, IdentityId, IdentityKind, Instrument, InstrumentId,
    InstrumentStatus, Lifecycle, Operation, Party, PartyId, PersonId, Recorded, Resource, Seat, Service,
    ServiceId,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{EmbeddedLog, LogConfig};

const CONTRACTS: u32 = 10_000;
const DECISIONS: u32 = 200_000;
const NOW: u64 = 1_800_000_000_000;

struct Shelf(HashMap<[u8; 32], String>);

impl Documents for Shelf {
    fn document(&self, digest: &[u8; 32]) -> Option<String> {
        self.0.get(digest).cloned()
    }
}

fn id(n: u32) -> [u8; 10] {
    let mut id = [0; 10];
    id[6..].copy_from_slice(&n.to_be_bytes());
    id
}

fn document(n: u32) -> String {
    let source = format!(
        "+++\ninstrument = \"contract\"\nname = \"deal-{n}\"\nversion = 1\ntitle = \"Deal {n}\"\n\n[provider]\nparty = \"forge\"\n\
         legal-name = \"Forge\"\nservice = \"files\"\n\n[consumer]\nparty = \"acme\"\nlegal-name = \"Acme\"\n\
         machines = [\"machine-{n}\"]\n+++\n\n# Deal\n\n## Clauses\n\n\
         ```clause\nkind = \"permit\"\nactions = [\"read\", \"create\"]\nresources = [\"orders\"]\n```\n\n\
         ```clause\nkind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"orders\"]\n```\n\n\
         ```clause\nkind = \"quota\"\nlimit = 60000\nwindow = \"1 minute\"\n```\n\n\
         ```clause\nkind = \"credential\"\nmax-ttl = \"1 hour\"\n```\n\n\
         ```clause\nkind = \"term\"\nstart = 2026-01-01\nend = 2036-01-01\n```\n"
    );
    contract::format(&source).unwrap_or_default()
}

/// The documents, and the events that bring them into force.
fn history() -> anyhow::Result<(Arc<Shelf>, Vec<Recorded>)> {
    let documents: Vec<String> = (0..CONTRACTS).map(document).collect();
    let shelf = Shelf(documents.iter().map(|text| (digest(text), text.clone())).collect());
    let mut events = Vec::new();
    let mut apply = |event| events.push(Recorded { actor: Actor::System, events: vec![event] });
    let (acme, forge) = (PartyId::from_entropy(id(1)), PartyId::from_entropy(id(2)));
    for (id, name) in [(acme, "acme"), (forge, "forge")] {
        let (legal_name, jurisdiction) = (name.to_owned(), String::new());
        apply(Event::PartyRegistered(Party { id, name: name.parse()?, legal_name, jurisdiction }));
    }
    let service = ServiceId::from_entropy(id(1));
    let operation = Operation {
        action: "read".parse()?,
        methods: vec!["GET".into()],
        path: "/**".into(),
        query: vec![],
        changes: false,
    };
    let person = PersonId::from_entropy(id(1));
    apply(Event::ServiceRegistered(Service {
        id: service,
        name: "files".parse()?,
        party: forge,
        owner: person,
        host: "files.localhost".into(),
        upstream: "http://127.0.0.1:1".into(),
        resources: vec![Resource { name: "orders".parse()?, operations: vec![operation] }],
        injection: None,
    }));
    let seat = Seat { person, accepted_ms: Some(1), offer: [0; 10] };
    for (n, text) in (0..).zip(&documents) {
        let machine = IdentityId::from_entropy(id(n));
        apply(Event::IdentityProposed(Identity {
            id: machine,
            name: format!("machine-{n}").parse()?,
            party: acme,
            kind: IdentityKind::Microservice,
            purpose: "x".into(),
            environment: Environment::Production,
            owner: seat,
            deputy: seat,
            review_ms: u64::MAX,
            roles: vec![],
            state: Lifecycle::Active,
            grace_until_ms: None,
        }));
        let contract = contract::check(text).map_err(|found| anyhow::anyhow!("{found:?}"))?;
        // Validated when it was drafted; here only the hash is needed.
        let bundle = if n == 0 { Bundle::compile(&contract)? } else { Bundle::unchecked(&contract) };
        let instrument = InstrumentId::from_entropy(id(n));
        apply(Event::InstrumentDrafted(Instrument {
            id: instrument,
            name: format!("deal-{n}").parse()?,
            version: 1,
            title: format!("Deal {n}"),
            provider: forge,
            service,
            consumer: acme,
            machines: vec![machine],
            document: digest(text),
            bundle: bundle.hash(),
            envelope: String::new(),
            credential_ttl_max_ms: None,
            start_ms: None,
            end_ms: None,
            signatures: vec![],
            status: InstrumentStatus::Drafted,
            quota_window_max_ms: None,
        }));
        apply(Event::InstrumentInForce { instrument });
    }
    // One issuance for all: each prunes what expired by walking all of them.
    for n in 0..64 {
        apply(Event::CredentialIssued {
            identity: IdentityId::from_entropy(id(n)),
            serial: serial(n),
            public_key: [0; 32],
            not_before_ms: NOW - 60_000,
            not_after_ms: NOW + 3_000_000,
            token: None,
        });
    }
    Ok((Arc::new(shelf), events))
}

/// From a process that has just started to its first decision: open the log, read and hash all of it,
/// fold it, read one contract, compile it, decide.
fn start(shelf: &Arc<Shelf>, events: &[Recorded]) -> anyhow::Result<Duration> {
    let folder = tempfile::TempDir::new_in(".")?;
    let config = || {
        let signer = NoteSigner::from_seed("bench.example/log", &[7; 32])?;
        Ok::<_, anyhow::Error>(LogConfig::new(folder.path().to_owned(), signer))
    };
    let log = EmbeddedLog::open(config()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for chunk in events.chunks(4_000) {
        let entries = chunk.iter().map(|recorded| {
            let body = ledger::entry::encode_body(recorded)?;
            let entry = Entry { kind: EVENT.to_owned(), time_ms: NOW - 1_000, key: Vec::new(), body };
            Ok(log.append(Submission { entry: entry.encode()?, addendum: Vec::new() }))
        });
        let pending = entries.collect::<anyhow::Result<Vec<_>>>()?;
        runtime.block_on(async {
            for landed in pending {
                landed.await?;
            }
            Ok::<_, ledger::AppendError>(())
        })?;
    }
    drop(log);
    let started = Instant::now();
    let log = EmbeddedLog::open(config()?)?;
    let mut rules = Rules::new(shelf.clone());
    authority::plane::fold(&log, &mut rules)?;
    let verdict = ask(&rules, &Counters::default(), 1, NOW);
    let took = started.elapsed();
    anyhow::ensure!(matches!(verdict, Verdict::Permit(_)), "{verdict:?}");
    Ok(took)
}

fn ask(rules: &Rules, counters: &Counters, n: u32, now_ms: u64) -> Verdict {
    let machine = n % 64;
    let request = Request {
        identity: IdentityId::from_entropy(id(machine)),
        serial: serial(machine),
        service: ServiceId::from_entropy(id(1)),
        action: if n.is_multiple_of(4) { "delete" } else { "read" }
            .parse()
            .unwrap_or_else(|_| unreachable!()),
        resource: "orders".parse().unwrap_or_else(|_| unreachable!()),
        changes: false,
        now_ms,
    };
    decide(rules, counters, request)
}

fn serial(n: u32) -> [u8; 16] {
    [n as u8 + 1; 16]
}

pub(crate) fn run() -> anyhow::Result<()> {
    let (shelf, events) = history()?;
    let start = start(&shelf, &events)?;
    let mut rules = Rules::new(shelf);
    events.iter().for_each(|recorded| rules.apply(recorded, NOW - 1_000));
    rules.seal(AsOf { size: 1, root: [0; 32] });
    let counters = Counters::default();
    let started = Instant::now();
    let verdict = ask(&rules, &counters, 1, NOW);
    let first = started.elapsed();
    anyhow::ensure!(matches!(verdict, Verdict::Permit(_)), "{verdict:?}");
    (0..64).for_each(|n| drop(ask(&rules, &counters, n, NOW)));
    let mut samples = Vec::with_capacity(DECISIONS as usize);
    let mut permits = 0u32;
    for n in 0..DECISIONS {
        let started = Instant::now();
        let verdict = ask(&rules, &counters, n, NOW + u64::from(n) / 100);
        samples.push(started.elapsed());
        permits += u32::from(matches!(verdict, Verdict::Permit(_)));
    }
    anyhow::ensure!(permits == DECISIONS / 4 * 3, "{permits} permits");
    samples.sort();
    println!(
        "\ndecision, {CONTRACTS} contracts in force, 5 clauses each, one thread, {DECISIONS} samples (¼ denied)\n  \
         from start to the first decision   {:>8.2} s   ({} ledger entries)\n  \
         first of a contract: read, compiled {:>7} µs\n  p50 {} µs   p99 {} µs   p99.9 {} µs",
        start.as_secs_f64(),
        events.len(),
        us(first),
        us(quantile(&samples, 0.5)),
        us(quantile(&samples, 0.99)),
        us(quantile(&samples, 0.999)),
    );
    Ok(())
}
