//! Proofs by the solver: the amendment of a contract of 30 clauses, and what signing examines.

use crate::{quantile, us};
use prove::{Answer, Solver, Version};
use std::time::Instant;
use testkit::document;

/// The contract; `limit` and `extra` are what amendments change.
fn deal(limit: u32, extra: Option<&str>) -> anyhow::Result<Version> {
    let mut clauses = Vec::new();
    for n in 0..12 {
        clauses.push(format!("kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a{n}\"]"));
    }
    for n in 0..6 {
        clauses.push(format!("kind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"a{n}\"]"));
    }
    for n in 0..4 {
        clauses.push(format!(
            "kind = \"quota\"\nlimit = {}\nwindow = \"{} minutes\"\nonly = {{ resources = [\"a{n}\"] }}",
            limit + n,
            n + 1
        ));
    }
    for clause in [
        "kind = \"credential\"\nmax-ttl = \"1 hour\"",
        "kind = \"term\"\nstart = 2026-01-01\nend = 2036-01-01",
        "kind = \"purpose\"\npurposes = [\"billing\", \"support\"]",
        "kind = \"window\"\ndays = [\"monday\", \"friday\"]\nhours = [\"08:00-18:00\"]\nzone = \"Europe/Berlin\"\nnetworks = [\"10.0.0.0/8\"]",
        "kind = \"classification\"\nmax = \"internal\"",
        "kind = \"delegation\"\nmax-depth = 0",
        "kind = \"ownership\"\nrecertify-every = \"365 days\"",
    ] {
        clauses.push(clause.to_owned());
    }
    clauses.push(
        extra.unwrap_or("kind = \"prohibit\"\nactions = [\"write\"]\nresources = [\"a11\"]").to_owned(),
    );
    let text = document("deal", &clauses.iter().map(String::as_str).collect::<Vec<_>>());
    Version::read(&text).map_err(|found| anyhow::anyhow!("{found:?}"))
}

pub(crate) async fn run() -> anyhow::Result<()> {
    let solver = match Solver::find(std::env::var_os("WRIT_CVC5")).await {
        Ok(solver) => solver,
        Err(why) => {
            println!("\nproofs: not measured, {why}");
            return Ok(());
        }
    };
    let old = deal(1_000, None)?;
    anyhow::ensure!(old.clauses.len() == 30, "{} clauses", old.clauses.len());
    let (mut samples, mut proven) = (Vec::new(), 0);
    let extras = [
        "kind = \"permit\"\nactions = [\"delete\"]\nresources = [\"a7\"]",
        "kind = \"prohibit\"\nactions = [\"read\", \"write\"]\nresources = [\"a11\"]",
        "kind = \"prohibit\"\nactions = [\"write\"]\nresources = [\"a10\"]",
    ];
    for n in 0..40u32 {
        let extra = extras.get(n as usize % 4).copied();
        let new = deal(if n % 8 < 4 { 900 + n } else { 1_001 + n }, extra)?;
        let started = Instant::now();
        let difference = prove::compare(&solver, &old, &new).await;
        samples.push(started.elapsed());
        anyhow::ensure!(!matches!(difference.narrower, Answer::Unknown(_)), "{difference:?}");
        proven += u32::from(difference.narrower == Answer::Proven);
    }
    // Lower quotas with more prohibitions or nothing else.
    anyhow::ensure!(proven == 10, "{proven} amendments were proven to narrow");
    samples.sort();
    let started = Instant::now();
    let examined = prove::examine(&solver, &old, &[], None).await;
    println!(
        "\nproofs, contract of 30 clauses, {}: amendment (narrower? wider?) p50 {} ms   p95 {} ms   (40 amendments)\n  \
         what signing examines: {} questions in {} ms",
        solver.version(),
        us(quantile(&samples, 0.5) / 1000),
        us(quantile(&samples, 0.95) / 1000),
        examined.findings.len(),
        us(started.elapsed() / 1000),
    );
    Ok(())
}
