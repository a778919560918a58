//! Decisions with 10,000 contracts in force: the first, and then many.

use crate::{quantile, us};
use authority::plane::EVENT;
use ledger::{Append as _, Entry, NoteSigner, Submission};
use policy::{AsOf, Bundle, Counters, Request, Rules, Verdict, decide};
use registry::{Actor, Event, IdentityId, InstrumentId, Recorded, State};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{EmbeddedLog, LogConfig};
use testkit::{NOW, Shelf, contract_for, id};

const CONTRACTS: u32 = 10_000;
const DECISIONS: u32 = 200_000;

fn document(n: u32) -> String {
    let clauses = [
        "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a\"]",
        "kind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"a\"]",
        "kind = \"quota\"\nlimit = 60000\nwindow = \"1 minute\"",
        "kind = \"credential\"\nmax-ttl = \"1 hour\"",
        "kind = \"term\"\nstart = 2026-01-01\nend = 2036-01-01",
    ];
    contract_for(&format!("deal-{n}"), &format!("machine-{n}"), &clauses)
}

/// The documents, and the events that bring them into force.
fn history() -> anyhow::Result<(Arc<Shelf>, Vec<Recorded>)> {
    let shelf = Shelf::default();
    let mut state = State::default();
    let mut events = Vec::new();
    let mut apply = |state: &mut State, event: Event| {
        state.apply(&event, NOW - 1_000);
        events.push(Recorded { actor: Actor::System, events: vec![event] });
    };
    for event in testkit::ground() {
        apply(&mut state, event);
    }
    for n in 0..CONTRACTS {
        let (machine, instrument) = (IdentityId::from_entropy(id(n)), InstrumentId::from_entropy(id(n)));
        apply(&mut state, Event::IdentityProposed(testkit::robot(machine, &format!("machine-{n}"))));
        let text = document(n);
        let checked = contract::check(&text).map_err(|found| anyhow::anyhow!("{found:?}"))?;
        // Validated when it was drafted; here only the hash is needed.
        let bundle = if n == 0 { Bundle::compile(&checked)? } else { Bundle::unchecked(&checked) };
        shelf.put(&text);
        let drafted = testkit::drafted_unchecked(&state, instrument, &text, &checked, bundle.hash());
        apply(&mut state, Event::InstrumentDrafted(Box::new(drafted)));
        apply(&mut state, Event::InstrumentInForce { instrument });
    }
    // One issuance for all: each prunes what expired by walking all of them.
    for n in 0..64 {
        apply(&mut state, testkit::certificate(IdentityId::from_entropy(id(n)), serial(n)));
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
        now_ms,
        ..testkit::request(if n.is_multiple_of(4) { "delete" } else { "read" }, "a")
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
