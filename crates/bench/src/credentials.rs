//! Credentials: what the Workload API gives, how fast a change reaches an open stream, how fast a kill reaches what is
//! open. The client runs on the same cores; the crate `spiffe` is the workload, unmodified.

use crate::estate::Estate;
use anyhow::Context as _;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use spiffe::{WorkloadApiClient, X509Source};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_stream::StreamExt as _;

/// Parallel clients, as in the figures others publish.
const CLIENTS: usize = 8;
const PERIOD: Duration = Duration::from_secs(8);
/// Issuances through the API, and how many wait at once.
const ISSUED: usize = 4_000;
const WAITING: usize = 64;
/// Open streams.
const STREAMS: usize = 1_000;
const CHANGES: usize = 100;
/// Machines that are loaded at once.
const MACHINES: usize = 10_000;
/// Live connections when a machine is killed.
const CONNECTIONS: usize = 1_000;

pub(crate) async fn run() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new_in("target")?;
    let estate = Estate::start(folder.path(), 1).await?;
    println!("\ncredentials ({CLIENTS} clients of the crate `spiffe` on the same cores, {PERIOD:?} each)");
    println!("  {:<34}{:>10}{:>14}{:>20}", "", "per s", "per CPU-s", "p50 / p99 ms");
    recognise(&estate).await?;
    let socket = estate.workload_api();
    let opened = rate(&estate, async |client: &WorkloadApiClient, _| {
        client.fetch_x509_context().await.map(drop).map_err(anyhow::Error::from)
    });
    shown("X.509 stream, open to first message", &opened.await?);
    let tokens = rate(&estate, async |client: &WorkloadApiClient, n| {
        client.fetch_jwt_token([format!("audience-{n}")], None).await.map(drop).map_err(anyhow::Error::from)
    });
    shown("JWT-SVID, fresh and on record", &tokens.await?);
    issued(&estate).await?;
    streams(&estate, &socket).await?;
    changes(&estate, &socket).await?;
    killed(&estate).await?;
    loaded().await
}

/// Ten thousand machines from a folder in one apply, and what a restart makes of them.
async fn loaded() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new_in("target")?;
    let mut estate = Estate::start(folder.path(), 1).await?;
    let machine = |n: usize| {
        json!({
            "party": "acme", "name": format!("machine-{n}"), "kind": "microservice", "purpose": "Measures",
            "environment": "test", "owner": "owner", "deputy": "deputy", "review": "2035-01-01",
        })
    };
    let machines: Vec<Value> = (0..MACHINES).map(machine).collect();
    let started = Instant::now();
    let body = json!({ "estate": { "identity": machines }, "removals_max": 0 });
    estate.client.post::<Value>("/v1/estate/apply", &body).await?;
    let applied = started.elapsed();
    let resident = estate.resident_kib()?;
    let restarted = estate.restart().await?;
    let last: Value = estate.client.get(&format!("/v1/identities/acme/machine-{}", MACHINES - 1)).await?;
    anyhow::ensure!(last["name"] == format!("machine-{}", MACHINES - 1), "not all are there: {last}");
    println!(
        "  {MACHINES} machines: applied and durable in {:.2} s (resident {:.1} MB), ready {:.2} s after a restart (resident {:.1} MB)",
        applied.as_secs_f64(),
        resident as f64 / 1024.0,
        restarted.as_secs_f64(),
        estate.resident_kib()? as f64 / 1024.0,
    );
    Ok(())
}

/// This program, as this user, is the machine.
async fn recognise(estate: &Estate) -> anyhow::Result<()> {
    let path = std::env::current_exe()?;
    let rules = json!({ "rules": [{ "selectors": [format!("path:{}", path.display())] }] });
    estate.client.post::<Value>("/v1/identities/acme/robot/workloads", &rules).await.map(drop)?;
    Ok(())
}

struct Rate {
    count: usize,
    wall: Duration,
    cpu: Duration,
    times: Vec<Duration>,
}

fn shown(what: &str, rate: &Rate) {
    let mut times = rate.times.clone();
    times.sort();
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3;
    println!(
        "  {what:<34}{:>10.0}{:>14.0}{:>20}",
        rate.count as f64 / rate.wall.as_secs_f64(),
        rate.count as f64 / rate.cpu.as_secs_f64(),
        format!("{:.2} / {:.2}", at(0.5), at(0.99)),
    );
}

async fn rate<F>(estate: &Estate, call: F) -> anyhow::Result<Rate>
where
    F: AsyncFn(&WorkloadApiClient, usize) -> anyhow::Result<()>,
{
    let (before, started) = (estate.cpu()?, Instant::now());
    let one = async |client: usize| -> anyhow::Result<Vec<Duration>> {
        let connected = WorkloadApiClient::connect_to(estate.workload_api()).await?;
        let mut times = Vec::new();
        while started.elapsed() < PERIOD {
            let asked = Instant::now();
            call(&connected, client + times.len() * CLIENTS).await?;
            times.push(asked.elapsed());
        }
        Ok(times)
    };
    let all = tokio::try_join!(one(0), one(1), one(2), one(3), one(4), one(5), one(6), one(7))?;
    let times = [all.0, all.1, all.2, all.3, all.4, all.5, all.6, all.7].concat();
    Ok(Rate { count: times.len(), wall: started.elapsed(), cpu: estate.cpu()? - before, times })
}

/// X.509-SVIDs through the API, each durable and proven before it leaves.
async fn issued(estate: &Estate) -> anyhow::Result<()> {
    let csr = CertificateParams::default().serialize_request(&KeyPair::generate()?)?.pem()?;
    let mut tokens = Vec::with_capacity(ISSUED);
    for _ in 0..ISSUED {
        let token: Value =
            estate.client.post("/v1/tokens", &json!({ "party": "acme", "name": "robot" })).await?;
        tokens.push(token["token"].as_str().context("no token")?.to_owned());
    }
    let (before, started) = (estate.cpu()?, Instant::now());
    let share = ISSUED / WAITING;
    let mut tasks = tokio::task::JoinSet::new();
    for tokens in tokens.chunks(share) {
        let (client, csr, tokens) = (estate.client.clone(), csr.clone(), tokens.to_vec());
        tasks.spawn(async move {
            let mut times = Vec::new();
            for token in tokens {
                let asked = Instant::now();
                client.post::<Value>("/v1/credentials", &json!({ "token": token, "csr": csr })).await?;
                times.push(asked.elapsed());
            }
            Ok::<_, anyhow::Error>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    let rate = Rate { count: times.len(), wall: started.elapsed(), cpu: estate.cpu()? - before, times };
    shown(&format!("X.509-SVID by token, {WAITING} waiting"), &rate);
    Ok(())
}

/// Memory of streams that stay open, each on a connection of its own.
async fn streams(estate: &Estate, socket: &str) -> anyhow::Result<()> {
    let before = estate.resident_kib()?;
    let mut open = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        let client = WorkloadApiClient::connect_to(socket).await?;
        let mut stream = Box::pin(client.stream_x509_contexts().await?);
        stream.next().await.context("the stream ended")??;
        open.push((client, stream));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let grown = estate.resident_kib()?.saturating_sub(before);
    println!(
        "  {STREAMS} open streams: {:.1} KiB each (resident {:.1} MB idle, {:.1} MB before, {:.1} MB with them)",
        grown as f64 / STREAMS as f64,
        estate.idle_kib as f64 / 1024.0,
        before as f64 / 1024.0,
        (before + grown) as f64 / 1024.0,
    );
    Ok(())
}

/// From a command at the API to the new certificate on an open stream.
async fn changes(estate: &Estate, socket: &str) -> anyhow::Result<()> {
    let source = X509Source::builder().endpoint(socket).build().await?;
    let mut updates = source.updated();
    let mut times = Vec::new();
    for _ in 0..CHANGES {
        let svid = source.svid()?;
        let leaf = svid.cert_chain().first().context("no certificate")?.as_bytes().to_vec();
        let read = credential::Svid::parse(&leaf)?;
        let serial = contract::canonical::hex(&read.serial);
        let asked = Instant::now();
        let body = json!({ "target": { "certificate": serial }, "reason": "measured" });
        estate.client.post::<Value>("/v1/stops", &body).await?;
        while source.svid()?.cert_chain().first().is_some_and(|now| now.as_bytes() == leaf) {
            updates.changed().await?;
        }
        times.push(asked.elapsed());
    }
    times.sort();
    println!(
        "  a killed certificate replaced on an open stream: p50 {:.1} ms, p99 {:.1} ms ({CHANGES} changes)",
        times[CHANGES / 2].as_secs_f64() * 1e3,
        times[CHANGES * 99 / 100].as_secs_f64() * 1e3,
    );
    Ok(())
}

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// From the command to the last byte of every connection of the machine.
async fn killed(estate: &Estate) -> anyhow::Result<()> {
    let connect = async || -> anyhow::Result<_> {
        let mut tls = estate.connect("files.localhost", &[]).await?;
        // One request each, so that the connection is served and known.
        tls.write_all(b"DELETE /strict HTTP/1.1\r\nHost: files.localhost\r\n\r\n").await?;
        let mut answer = Vec::new();
        // To the end of the problem it is refused with.
        while !answer.ends_with(b"}") && answer.len() < ANSWER_BYTES_MAX {
            anyhow::ensure!(tls.read_buf(&mut answer).await? > 0, "the connection ended without an answer");
        }
        Ok((tls, String::from_utf8(answer)?))
    };
    let (mut live, opening) = (Vec::with_capacity(CONNECTIONS), Instant::now());
    for _ in 0..CONNECTIONS {
        let (tls, answer) = connect().await?;
        anyhow::ensure!(!answer.contains("is revoked"), "refused before it was killed: {answer}");
        live.push(tls);
    }
    let opened = opening.elapsed();
    let (ready, started) = (Arc::new(tokio::sync::Barrier::new(CONNECTIONS + 1)), Instant::now());
    let mut tasks = tokio::task::JoinSet::new();
    for mut tls in live {
        let ready = ready.clone();
        tasks.spawn(async move {
            ready.wait().await;
            let mut rest = Vec::new();
            // Whatever was under way, the reason, then the end.
            while rest.len() < ANSWER_BYTES_MAX && matches!(tls.read_buf(&mut rest).await, Ok(1..)) {}
            (started.elapsed(), String::from_utf8_lossy(&rest).contains("is revoked"))
        });
    }
    ready.wait().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = started.elapsed();
    let body = json!({ "target": { "identity": "acme/robot" }, "reason": "measured", "for_good": true });
    estate.client.post::<Value>("/v1/stops", &body).await?;
    let answered = started.elapsed();
    let (mut times, mut early, mut told) = (Vec::new(), 0, 0);
    while let Some(ended) = tasks.join_next().await {
        let (ended, why) = ended?;
        told += usize::from(why);
        match ended.checked_sub(asked) {
            Some(time) => times.push(time),
            None => early += 1,
        }
    }
    anyhow::ensure!(
        early == 0,
        "{early} of {CONNECTIONS} connections ended before they were killed: nothing was measured (opened in {:.1} s)",
        opened.as_secs_f64()
    );
    times.sort();
    let refused = match connect().await {
        Ok((_, answer)) => {
            anyhow::ensure!(answer.contains("is revoked"), "a new connection was served: {answer}");
            "a new connection is answered with a refusal".to_owned()
        }
        Err(error) => format!("a new connection is refused ({error})"),
    };
    println!(
        "  kill with {CONNECTIONS} live mTLS connections: command {:.1} ms, last byte p50 {:.1} ms, p99 {:.1} ms, all {:.1} ms, {told} told why; {refused}",
        (answered - asked).as_secs_f64() * 1e3,
        times[CONNECTIONS / 2].as_secs_f64() * 1e3,
        times[CONNECTIONS * 99 / 100].as_secs_f64() * 1e3,
        times[CONNECTIONS - 1].as_secs_f64() * 1e3,
    );
    Ok(())
}
