//! Measurements, as ratios in one run: `cargo xtask bench`.
//!
//! Machines like this are noisy and shared: single figures mean little. Everything that is compared
//! is interleaved in the same run, and the table says what to divide by what. No test looks at these.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measuring tool: it prints, and it indexes what it has just made"
)]

mod credentials;
mod decide;
mod documents;
mod estate;
mod ledger_log;
mod load;
#[cfg(feature = "peers")]
mod peers;
mod plan;
mod postgres;
mod proofs;
mod proxy;
mod servers;

use std::time::Duration;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.first().map(String::as_str) {
        // Run as processes of their own, so that each has its own threads and allocator.
        Some("upstream") => return runtime.block_on(servers::upstream()),
        Some("tcp-proxy") => return runtime.block_on(servers::tcp_proxy(&arguments[1..])),
        Some("null-proxy") => return runtime.block_on(servers::null_proxy(&arguments[1..])),
        Some(_) | None => {}
    }
    // Without a name, everything.
    let wanted = |part: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == part);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{cores} cores, load average {}", load.split(' ').take(3).collect::<Vec<_>>().join(" "));
    if wanted("decide") {
        decide::run()?;
    }
    #[cfg(feature = "peers")]
    if wanted("peers") {
        runtime.block_on(peers::run())?;
    }
    if wanted("documents") {
        documents::run()?;
    }
    if wanted("credentials") {
        runtime.block_on(credentials::run())?;
    }
    if wanted("proofs") {
        runtime.block_on(proofs::run())?;
    }
    if wanted("plan") {
        runtime.block_on(plan::run())?;
    }
    if wanted("ledger") {
        ledger_log::run()?;
    }
    // Or a part of it: `postgres-kill`.
    let parts: Vec<postgres::Part> = postgres::Part::ALL
        .into_iter()
        .filter(|part| wanted("postgres") || wanted(&format!("postgres-{}", part.as_str())))
        .collect();
    if !parts.is_empty() {
        runtime.block_on(postgres::run(&parts))?;
    }
    if wanted("proxy") {
        runtime.block_on(proxy::run())?;
    }
    Ok(())
}

/// This process's resident memory.
fn resident_kib() -> anyhow::Result<u64> {
    estate::resident_kib(std::process::id())
}

/// A quantile of sorted samples.
fn quantile(sorted: &[Duration], q: f64) -> Duration {
    let at = ((sorted.len() as f64 - 1.0) * q).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// Microseconds with one decimal.
fn us(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}
