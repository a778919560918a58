//! Checking and rendering a long contract.

use crate::{quantile, us};
use std::hint::black_box;
use std::time::Instant;
use testkit::document;

const RUNS: usize = 200;

/// A contract of 100 clauses, of the kinds a contract may have many of.
fn long() -> String {
    let mut clauses = Vec::new();
    for n in 0..30 {
        clauses.push(format!(
            "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a{n}\", \"b{n}\"]"
        ));
    }
    for n in 0..20 {
        clauses.push(format!("kind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"a{n}\"]"));
    }
    for n in 1..=15 {
        clauses.push(format!("kind = \"quota\"\nlimit = {n}0\nwindow = \"{n} minutes\""));
    }
    for n in 0..15 {
        clauses.push(format!("kind = \"duty\"\nbearer = \"provider\"\nact = \"report-delivered\"\ndetail = \"the report {n}\"\nafter = \"incident-known\"\nwithin = \"5 days\"\ncalendar = \"weekdays\""));
    }
    for n in 0..18 {
        clauses.push(format!(
            "kind = \"words\"\ntext = \"The parties have read recital {n} and agree on its substance.\""
        ));
    }
    clauses.push("kind = \"credential\"\nmax-ttl = \"1 hour\"".to_owned());
    clauses.push("kind = \"term\"\nstart = 2026-01-01\nend = 2036-01-01".to_owned());
    document("long", &clauses.iter().map(String::as_str).collect::<Vec<_>>())
}

pub(crate) fn run() -> anyhow::Result<()> {
    let text = long();
    let findings = |found| anyhow::anyhow!("{found:?}");
    let checked = contract::check(&text).map_err(findings)?;
    anyhow::ensure!(checked.clauses.len() == 100, "{} clauses", checked.clauses.len());
    let mut samples = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let started = Instant::now();
        black_box(contract::check(black_box(&text)).map_err(findings)?);
        black_box(contract::format(black_box(&text)).map_err(findings)?);
        samples.push(started.elapsed());
    }
    samples.sort();
    println!(
        "\ndocument, {} clauses, {} KiB: check and render   p50 {} µs   p95 {} µs",
        checked.clauses.len(),
        text.len() / 1024,
        us(quantile(&samples, 0.5)),
        us(quantile(&samples, 0.95)),
    );
    Ok(())
}
