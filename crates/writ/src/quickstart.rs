//! `writ quickstart`: the main job once, on this machine, with everything shown.
//!
//! Nothing is staged: the same API calls, the same gateway, the same ledger as in real use. What
//! is brought along is the estate (`examples/quickstart`), the people's keys, and the service.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

mod estate;
mod tamper;
mod upstream;

use crate::commands::{explain, join, show_verdict};
use crate::output;
use crate::serve::{Options, Running};
use crate::tls_client::{Answer, TlsClient};
use crate::verify::{ledger_folder, verify};
use anyhow::{Context as _, ensure};
use estate::Estate;
use http_body_util::BodyExt as _;
use hyper::Method;
use ledger::Append as _;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

const MACHINE: &str = "acme-retail/checkout";
const HOST: &str = "payments.localhost";
const CONTRACT: &str = "card-payments";

/// Runs it. With `check`, once; otherwise everything stays up afterwards.
pub(crate) async fn run(check: bool) -> anyhow::Result<()> {
    let began = Instant::now();
    let data = fresh_directory()?;
    let upstream = upstream::start().await?;
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = Options {
        data: data.clone(),
        trust_domain: Some("quickstart.writ.localhost".into()),
        listen: any,
        api: any,
        advise: None,
        upstream_roots: None,
        workload_api: None,
        unlock: None,
        root_keys: None,
        bundle_endpoint: None,
    };
    let mut running = Running::start(options).await?;
    say("a data directory, an authority and a gateway");
    detail(format!("{}", data.display()));
    detail(format!("ledger key {}", running.control.verifier()));
    let shown = show(&running, upstream, &data).await;
    let result = match shown {
        Ok(mut figures) => {
            figures["seconds"] = json!(began.elapsed().as_secs_f64());
            if check {
                output::line(figures.to_string());
                Ok(())
            } else {
                stay(&mut running, &data, &figures).await
            }
        }
        Err(error) => Err(error),
    };
    running.stop().await?;
    if !check {
        output::line(format!("kept: {} (delete it when you are done)", data.display()));
    }
    if check {
        // Left behind only by a person who may want to look around.
        std::fs::remove_dir_all(&data)?;
    }
    result
}

async fn show(running: &Running, upstream: SocketAddr, data: &Path) -> anyhow::Result<Value> {
    let client = running.client();
    let estate = Estate::load(&client, upstream).await?;

    say("an identity, and the people who answer for it");
    detail(format!("{MACHINE} is proposed; it may do nothing yet"));
    for (office, person, index) in estate.accept(&client, MACHINE).await? {
        detail(format!("{person} accepted as {office} by SSH signature  [control {index}]"));
    }
    let active: Value =
        client.post(&format!("/v1/identities/{MACHINE}/steps/activate"), &json!({ "reason": "" })).await?;
    detail(format!("{MACHINE} is active  [control {}]", active["index"]));

    say("a contract, signed by both owners");
    let draft: Value = client.post("/v1/instruments", &json!({ "document": estate::CONTRACT })).await?;
    detail(format!("{CONTRACT} drafted  [control {}]", draft["index"]));
    let envelope = draft["envelope"].as_str().unwrap_or_default();
    for (person, signed) in estate.sign(&client, CONTRACT, envelope).await? {
        detail(format!(
            "{person} signed; {CONTRACT} is {}  [control {}]",
            signed["instrument"]["status"].as_str().unwrap_or("?"),
            signed["index"]
        ));
    }

    say("a certificate, on record before it leaves");
    let token: Value =
        client.post("/v1/tokens", &json!({ "party": "acme-retail", "name": "checkout" })).await?;
    let joined = join(&client, token["token"].as_str().unwrap_or_default()).await?;
    let credential = &joined.credential;
    let life = credential.not_after_ms.saturating_sub(running.authority.now_ms()).div_ceil(60_000);
    detail(format!(
        "{}, {life} minutes as clause 3.2 asks  [control {}]",
        credential.spiffe_id, credential.index
    ));
    let mut machine =
        TlsClient::connect(running.gateway, HOST, &credential.chain, &joined.key_pem, &credential.bundle)
            .await?;

    say("what the contract permits, passes");
    let listed = machine.call(Method::GET, "/v1/charges", "").await?;
    permitted("GET /v1/charges", &listed)?;
    detail("the service saw its own secret, which the machine never had");
    for n in 1..=3 {
        let made = machine.call(Method::POST, "/v1/charges", &json!({ "order": n }).to_string()).await?;
        permitted("POST /v1/charges", &made)?;
    }

    say("what it does not, is refused, with the clause");
    let deleted = machine.call(Method::DELETE, "/v1/charges/1", "").await?;
    refused("DELETE /v1/charges/1", &deleted, "2.1")?;
    let other = machine.call(Method::GET, "/v1/refunds", "").await?;
    refused("GET /v1/refunds", &other, "0.1")?;

    say("a quota runs out");
    let fourth = machine.call(Method::POST, "/v1/charges", "{}").await?;
    refused("POST /v1/charges (the fourth)", &fourth, "3.1")?;

    say("the record, in words (`writ why`)");
    let index = decision_index(&deleted)?;
    let why = client.get(&format!("/v1/decisions/{index}")).await?;
    for line in explain(&why).lines() {
        detail(line);
    }

    say("a kill ends what is open");
    let mut stream = machine.send(Method::GET, "/v1/charges/stream", "").await?.into_body();
    let first = stream.frame().await.context("the stream is silent")??;
    let first = first.into_data().unwrap_or_default();
    detail(format!("a stream is open: {}", String::from_utf8_lossy(&first).trim()));
    let killed = Instant::now();
    let kill = async {
        let body = json!({ "reason": "quickstart" });
        client.post::<Value>(&format!("/v1/identities/{MACHINE}/steps/kill"), &body).await
    };
    let ended = async {
        while let Some(Ok(_)) = stream.frame().await {}
        killed.elapsed()
    };
    let (kill, ended) = tokio::join!(kill, tokio::time::timeout(Duration::from_secs(5), ended));
    let (kill, ended) = (kill?, ended.context("the stream survived the kill")?);
    let kill_ms = ended.as_secs_f64() * 1000.0;
    detail(format!(
        "{MACHINE} revoked; the stream ended {kill_ms:.1} ms after the command was sent  [control {}]",
        kill["index"]
    ));
    let after =
        TlsClient::connect(running.gateway, HOST, &credential.chain, &joined.key_pem, &credential.bundle)
            .await?
            .call(Method::GET, "/v1/charges", "")
            .await?;
    ensure!(after.status == 403, "a killed machine got {}", after.status);
    detail(format!(
        "a new connection is refused: {}",
        problem(&after)["detail"].as_str().unwrap_or_default()
    ));

    say("the ledger proves it, offline (`writ verify`)");
    // The outcome of the stream is written when it has ended; give it its place before sealing.
    tokio::time::sleep(Duration::from_millis(50)).await;
    running.decisions.publish()?;
    running.authority.anchor(&running.anchored).await;
    running.control.publish()?;
    let ledger = ledger_folder(data);
    let verdict = verify(&ledger, &running.control.verifier())?;
    show_verdict(&verdict);
    ensure!(verdict.findings.is_empty(), "the ledger does not verify");

    say("one byte of a copy changed");
    let (copy, entry) = tamper::copy_with_one_byte_changed(data)?;
    let tampered = verify(&ledger_folder(&copy), &running.control.verifier())?;
    show_verdict(&tampered);
    let named = tampered.findings.iter().find_map(|finding| finding.entry);
    ensure!(named == Some(entry), "the change in entry {entry} was found at {named:?}");
    detail(format!("the byte was in entry {entry}, and that is where it was found"));
    std::fs::remove_dir_all(&copy)?;

    let entries =
        ledger::ReadLog::size(running.control.as_ref()) + ledger::ReadLog::size(running.decisions.as_ref());
    let decisions: Value = client.get("/v1/decisions?from=0&limit=1000").await?;
    let count = |kind: &str| decisions.as_array().into_iter().flatten().filter(|d| d["kind"] == kind).count();
    Ok(json!({
        "ok": true, "permitted": count("permitted"), "refused": count("denied"), "kill_ms": kill_ms, "entries": entries, "tampered_entry": entry,
    }))
}

/// Stays up until the person has seen enough.
async fn stay(running: &mut Running, data: &Path, figures: &Value) -> anyhow::Result<()> {
    let seconds = figures["seconds"].as_f64().unwrap_or_default();
    let data = data.display();
    output::line(format!("\nall of that in {seconds:.1} s. Writ stays up:"));
    output::line(format!("  API       http://{}   (OpenAPI: docs/reference/openapi.json)", running.api));
    output::line(format!("  gateway   https://{}", running.gateway));
    output::line("\nin another terminal, try:");
    output::line(format!("  export WRIT_DATA={data}"));
    output::line("  writ log --follow                  decisions as they happen");
    output::line("  writ why 6                         any of them explained");
    output::line(format!("  writ contract show {CONTRACT}    the words that are the rule"));
    output::line("  writ identity list                 who may act, and who answers for them");
    output::line("  writ verify                        the proof, offline");
    output::line("\nctrl-c ends it");
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
        _ = terminate.recv() => Ok(()),
        failed = running.failed() => failed,
    }
}

fn fresh_directory() -> anyhow::Result<PathBuf> {
    let name = format!("writ-quickstart-{}", contract::canonical::hex(&authority::entropy::<4>()?));
    Ok(std::env::temp_dir().join(name))
}

fn permitted(what: &str, answer: &Answer) -> anyhow::Result<()> {
    ensure!(
        answer.status < 300,
        "{what} was answered {}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    detail(format!("{what} → {}  [{}]", answer.status, answer.decision.as_deref().unwrap_or("no record")));
    Ok(())
}

fn refused(what: &str, answer: &Answer, clause: &str) -> anyhow::Result<()> {
    let problem = problem(answer);
    let cited = &problem["clause"];
    ensure!(cited["number"] == clause, "{what} was not refused by clause {clause}: {problem}");
    detail(format!("{what} → {}  [{}]", answer.status, problem["instance"].as_str().unwrap_or("no record")));
    detail(format!(
        "  {} (version {}), clause {clause}: {}",
        cited["title"].as_str().unwrap_or_default(),
        cited["version"],
        cited["sentence"].as_str().unwrap_or_default()
    ));
    Ok(())
}

fn decision_index(answer: &Answer) -> anyhow::Result<u64> {
    let problem = problem(answer);
    let instance = problem["instance"].as_str().and_then(|instance| instance.rsplit('/').next());
    instance.and_then(|index| index.parse().ok()).context("the refusal is not on record")
}

fn problem(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

fn say(what: &str) {
    let (bold, plain) = if output::colour() { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    output::line(format!("\n{bold}{what}{plain}"));
}

fn detail(what: impl std::fmt::Display) {
    output::line(format!("  {what}"));
}
