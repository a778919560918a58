//! Decisions with many contracts in force: the first, and then many; and what a contract costs in memory.

use crate::{quantile, resident_kib, us};
use ledger::{Append as _, Entry, NoteSigner, Submission};
use policy::{AsOf, Bundle, Counters, Request, Rules, Verdict, decide};
use registry::event::EVENT;
use registry::{Actor, Event, IdentityId, InstrumentId, Recorded, State};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{EmbeddedLog, LogConfig};
use testkit::{NOW, Shelf, contract_for, id};

/// How much is registered.
#[derive(Clone, Copy)]
struct Size {
    contracts: u32,
    identities: u32,
}

const SIZES: [Size; 2] =
    [Size { contracts: 10_000, identities: 10_000 }, Size { contracts: 100_000, identities: 1_000_000 }];
const DECISIONS: u32 = 200_000;
/// Machines that ask again and again, beside those that ask once in a while.
const BUSY: u32 = 64;

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

fn machine(n: u32) -> IdentityId {
    IdentityId::from_entropy(id(n))
}

fn serial(n: u32) -> [u8; 16] {
    (u128::from(n) + 1).to_be_bytes()
}

/// The documents, and the events that bring them into force. Every machine under a contract has a certificate.
fn history(size: Size) -> anyhow::Result<(Arc<Shelf>, Vec<Recorded>)> {
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
    for n in 0..size.identities {
        apply(&mut state, Event::IdentityProposed(testkit::robot(machine(n), &format!("machine-{n}"))));
    }
    for n in 0..size.contracts {
        let instrument = InstrumentId::from_entropy(id(n));
        let text = document(n);
        let read = contract::read(&text).map_err(|found| anyhow::anyhow!("{found:?}"))?;
        // Validated when it was drafted; here only the hash is needed.
        let bundle = if n == 0 { Bundle::compile(&read)? } else { Bundle::unchecked(&read) };
        shelf.put(&text);
        let drafted = testkit::drafted_unchecked(&state, instrument, &text, &read, bundle.hash());
        apply(&mut state, Event::InstrumentDrafted(Box::new(drafted)));
        apply(&mut state, Event::InstrumentInForce { instrument });
        apply(&mut state, testkit::certificate(machine(n), serial(n)));
    }
    Ok((Arc::new(shelf), events))
}

/// From a process that has just started to its first decision: open the log, read and hash all of it,
/// fold it, read one contract, compile it, decide.
fn start(shelf: &Arc<Shelf>, events: &[Recorded]) -> anyhow::Result<Duration> {
    let folder = tempfile::TempDir::new_in("target")?;
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
    authority::plane::fold(&log, &|_| Ok(None), &mut rules)?;
    let verdict = ask(&rules, &Counters::default(), 1, "read", NOW);
    let took = started.elapsed();
    anyhow::ensure!(matches!(verdict, Verdict::Permit(_)), "{verdict:?}");
    Ok(took)
}

fn ask(rules: &Rules, counters: &Counters, n: u32, action: &str, now_ms: u64) -> Verdict {
    let request =
        Request { identity: machine(n), serial: serial(n), now_ms, ..testkit::request(action, "a") };
    decide(rules, counters, request)
}

/// Decisions by machines that `who` names, a quarter of them denied: sorted times.
fn sample(rules: &Rules, counters: &Counters, who: impl Fn(u32) -> u32) -> anyhow::Result<Vec<Duration>> {
    let mut samples = Vec::with_capacity(DECISIONS as usize);
    let mut permits = 0u32;
    for n in 0..DECISIONS {
        let action = if n.is_multiple_of(4) { "delete" } else { "read" };
        let started = Instant::now();
        let verdict = ask(rules, counters, who(n), action, NOW + u64::from(n) / 100);
        samples.push(started.elapsed());
        permits += u32::from(matches!(verdict, Verdict::Permit(_)));
    }
    anyhow::ensure!(permits == DECISIONS / 4 * 3, "{permits} permits");
    samples.sort();
    Ok(samples)
}

pub(crate) fn run() -> anyhow::Result<()> {
    SIZES.into_iter().try_for_each(with)
}

fn with(size: Size) -> anyhow::Result<()> {
    let (shelf, events) = history(size)?;
    let mut rules = Rules::new(shelf.clone());
    events.iter().for_each(|recorded| rules.apply(recorded, NOW - 1_000));
    rules.seal(AsOf { size: 1, root: [0; 32] });
    let counters = Counters::default();
    let started = Instant::now();
    let verdict = ask(&rules, &counters, 1, "read", NOW);
    let first = started.elapsed();
    anyhow::ensure!(matches!(verdict, Verdict::Permit(_)), "{verdict:?}");
    let cold = resident_kib()?;
    (0..size.contracts).for_each(|n| drop(ask(&rules, &counters, n, "read", NOW)));
    let compiled = resident_kib()?;
    let busy = sample(&rules, &counters, |n| n % BUSY)?;
    // A stride that is coprime to the number of contracts: each is met far from the one before.
    let any = sample(&rules, &counters, |n| (n * 7_919) % size.contracts)?;
    // As a gateway: what was permitted is remembered. A first round is worked out.
    let remembering = Counters::remembering();
    sample(&rules, &remembering, |n| n % BUSY)?;
    let before = remembering.given_again();
    let again = sample(&rules, &remembering, |n| n % BUSY)?;
    anyhow::ensure!(remembering.given_again() > before, "nothing was remembered");
    drop(rules);
    let start = start(&shelf, &events)?;
    println!(
        "\ndecision (request, slice, decide), {} contracts in force, 5 clauses each, {} identities, one thread, \
         {DECISIONS} samples (¼ denied)\n  \
         from start to the first decision   {:>8.2} s   ({} ledger entries)\n  \
         first of a contract: read, compiled {:>7} µs\n  \
         {BUSY} machines   p50 {} µs   p99 {} µs   p99.9 {} µs\n  \
         the same, asked again by who was permitted before   p50 {} µs   p99 {} µs\n  \
         all machines  p50 {} µs   p99 {} µs   p99.9 {} µs\n  \
         memory: {:.1} KiB per contract that was asked, {} MiB for everything, the documents of this bench included",
        size.contracts,
        size.identities,
        start.as_secs_f64(),
        events.len(),
        us(first),
        us(quantile(&busy, 0.5)),
        us(quantile(&busy, 0.99)),
        us(quantile(&busy, 0.999)),
        us(quantile(&again, 0.5)),
        us(quantile(&again, 0.99)),
        us(quantile(&any, 0.5)),
        us(quantile(&any, 0.99)),
        us(quantile(&any, 0.999)),
        compiled.saturating_sub(cold) as f64 / f64::from(size.contracts),
        compiled / 1024,
    );
    Ok(())
}
