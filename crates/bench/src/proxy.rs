//! One request through the gateway, beside the null proxy and the upstream itself.

use crate::estate::Estate;
use crate::load::Target;
use crate::{quantile, us};
use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: usize = 5;
const REQUESTS: usize = 2_000;

/// A process of this program, and the port it printed.
struct Server(Child, u16);

impl Server {
    fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child =
            Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self(child, line.trim().parse()?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn run() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new_in(".")?;
    let upstream = Server::start(&["upstream"])?;
    let estate = Estate::start(folder.path(), upstream.1).await?;
    let bundle = null_certificates(folder.path(), &estate.credential.bundle)?;
    let null = Server::start(&["null-proxy", &upstream.1.to_string(), &folder.path().display().to_string()])?;
    let tls = client(&estate, &bundle)?;
    println!(
        "\none request, 128 B answer, loopback, keep-alive, {ROUNDS} interleaved rounds of {REQUESTS}; medians of rounds, µs"
    );
    println!(
        "  {:<14}{:>16}{:>16}{:>22}{:>22}",
        "", "direct (clear)", "null proxy", "writ, relaxed", "writ, strict"
    );
    println!(
        "  {:<14}{:>16}{:>16}{:>22}{:>22}",
        "", "p50 / p99", "p50 / p99", "over null p50 / p99", "over null p50 / p99"
    );
    for (http2, concurrency) in [(false, 1), (false, 16), (true, 1), (true, 16)] {
        let target =
            |port, path, tls: Option<&Arc<ClientConfig>>| Target { port, path, tls: tls.cloned(), http2 };
        let targets = [
            target(upstream.1, "/strict", None),
            target(null.1, "/strict", Some(&tls)),
            target(estate.port, "/relaxed", Some(&tls)),
            target(estate.port, "/strict", Some(&tls)),
        ];
        let mut rounds: [Vec<(Duration, Duration)>; 4] = Default::default();
        for _ in 0..ROUNDS {
            for (target, round) in targets.iter().zip(&mut rounds) {
                target.measure(concurrency, 100.max(concurrency)).await?;
                let samples = target.measure(concurrency, REQUESTS).await?;
                round.push((quantile(&samples, 0.5), quantile(&samples, 0.99)));
            }
        }
        let median = |round: &[(Duration, Duration)]| {
            let mut p50: Vec<_> = round.iter().map(|(p50, _)| *p50).collect();
            let mut p99: Vec<_> = round.iter().map(|(_, p99)| *p99).collect();
            p50.sort();
            p99.sort();
            (p50[ROUNDS / 2], p99[ROUNDS / 2])
        };
        let [direct, null, relaxed, strict] = rounds.map(|round| median(&round));
        let plain = |(p50, p99)| format!("{} / {}", us(p50), us(p99));
        let over = |(p50, p99): (Duration, Duration)| {
            let more = |time: Duration, base: Duration| {
                format!("{:+.0}", (time.as_secs_f64() - base.as_secs_f64()) * 1e6)
            };
            format!("{} / {}", more(p50, null.0), more(p99, null.1))
        };
        let name = format!("HTTP/{} c={concurrency}", if http2 { "2" } else { "1.1" });
        println!(
            "  {name:<14}{:>16}{:>16}{:>22}{:>22}",
            plain(direct),
            plain(null),
            over(relaxed),
            over(strict)
        );
    }
    println!(
        "\nresident memory of `writ up`: {:.1} MB idle, {:.1} MB after {} requests",
        estate.idle_kib as f64 / 1024.0,
        estate.resident_kib()? as f64 / 1024.0,
        2 * 4 * ROUNDS * (REQUESTS + 100),
    );
    Ok(())
}

/// A server certificate for the null proxy under a root of its own; gives that root (PEM).
fn null_certificates(folder: &Path, machines: &str) -> anyhow::Result<String> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let root = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let server = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec!["files.localhost".to_owned()])?.signed_by(&server, &issuer)?;
    std::fs::write(folder.join("server.pem"), leaf.pem())?;
    std::fs::write(folder.join("server.key"), server.serialize_pem())?;
    std::fs::write(folder.join("bundle.pem"), machines)?;
    Ok(root)
}

fn client(estate: &Estate, null_root: &str) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for pem in [estate.credential.bundle.as_str(), null_root] {
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes())?)?;
    }
    let chain =
        CertificateDer::pem_slice_iter(estate.credential.chain.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(estate.key_pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    Ok(Arc::new(config))
}
