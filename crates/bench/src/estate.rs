//! A running `writ up` with one machine, one service and one contract, set up through its API.

use anyhow::{Context as _, ensure};
use api::Client;
use api::view::CredentialView;
use rcgen::{CertificateParams, KeyPair};
use registry::signature::{INSTRUMENT, OWNERSHIP};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The process, and what its machine needs to connect.
pub(crate) struct Estate {
    process: Child,
    data: PathBuf,
    pub(crate) port: u16,
    pub(crate) key_pem: String,
    pub(crate) credential: CredentialView,
    pub(crate) idle_kib: u64,
    pub(crate) client: Client,
}

const CONTRACT: &str = "+++\ninstrument = \"contract\"\nname = \"deal\"\nversion = 1\ntitle = \"Deal\"\n\n[provider]\nparty = \"forge\"\n\
legal-name = \"Forge\"\nservice = \"files\"\n\n[consumer]\nparty = \"acme\"\nlegal-name = \"Acme\"\nmachines = [\"robot\"]\n+++\n\n\
# Deal\n\n## Permissions\n\n```clause\nkind = \"permit\"\nactions = [\"read\"]\nresources = [\"strict\"]\n```\n\n\
```clause\nkind = \"permit\"\nactions = [\"read\"]\nresources = [\"relaxed\"]\nrecording = \"within 1 second\"\n```\n\n\
## Limits\n\n```clause\nkind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"strict\", \"relaxed\"]\n```\n\n\
```clause\nkind = \"credential\"\nmax-ttl = \"1 hour\"\n```\n\n```clause\nkind = \"term\"\nstart = 2026-01-01\nend = 2036-01-01\n```\n";

impl Estate {
    /// Starts the release binary beside this one on a directory below `folder`.
    pub(crate) async fn start(folder: &Path, upstream: u16) -> anyhow::Result<Self> {
        let data = folder.join("data");
        let process = up(&data)?;
        let address = wait_for(&data.join("api.json")).await?;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let idle_kib = resident_kib(process.id())?;
        let client = Client::new(address["api"].as_str().unwrap_or_default(), address["token"].as_str());
        let port =
            address["gateway"].as_str().and_then(|a| a.rsplit(':').next()).context("no port")?.parse()?;
        let mut estate = Self {
            process,
            data: std::path::absolute(&data)?,
            port,
            key_pem: String::new(),
            credential: serde_json::from_value(json!({
                "chain": "", "bundle": "", "spiffe_id": "", "serial": "", "not_after_ms": 0, "index": 0 }))?,
            idle_kib,
            client,
        };
        estate.fill(upstream).await?;
        Ok(estate)
    }

    async fn fill(&mut self, upstream: u16) -> anyhow::Result<()> {
        let client = self.client.clone();
        let key = |n: u8| PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&[n; 32])), "");
        let sign = |n: u8, namespace: &str, text: &str| -> anyhow::Result<String> {
            Ok(key(n)?.sign(namespace, HashAlg::Sha512, text.as_bytes())?.to_pem(LineEnding::LF)?)
        };
        for (name, legal) in [("forge", "Forge"), ("acme", "Acme")] {
            let body = json!({ "name": name, "legal_name": legal, "jurisdiction": "x" });
            client.post::<Value>("/v1/parties", &body).await?;
        }
        for (party, name, n) in [("forge", "host", 1u8), ("acme", "owner", 2), ("acme", "deputy", 3)] {
            let body = json!({ "party": party, "name": name, "key": key(n)?.public_key().to_openssh()? });
            client.post::<Value>("/v1/people", &body).await?;
        }
        let resource = |name: &str| {
            json!({ "name": name, "operations": [
                { "action": "read", "methods": ["GET"], "path": format!("/{name}") },
                { "action": "delete", "methods": ["DELETE"], "path": format!("/{name}") },
            ]})
        };
        client
            .post::<Value>("/v1/services", &json!({
                "name": "files", "party": "forge", "owner": "host", "host": "files.localhost",
                "upstream": format!("http://127.0.0.1:{upstream}"), "resources": [resource("strict"), resource("relaxed")],
            }))
            .await?;
        client
            .post::<Value>("/v1/identities", &json!({
                "party": "acme", "name": "robot", "kind": "microservice", "purpose": "Measures", "environment": "test",
                "owner": "owner", "deputy": "deputy", "review": "2035-01-01",
            }))
            .await?;
        let path = "/v1/identities/acme/robot";
        let identity: Value = client.get(path).await?;
        for (office, n) in [("owner", 2), ("deputy", 3)] {
            let statement = identity[office]["statement"].as_str().unwrap_or_default();
            let body = json!({ "office": office, "signature": sign(n, OWNERSHIP, statement)? });
            client.post::<Value>(&format!("{path}/accept"), &body).await?;
        }
        client.post::<Value>(&format!("{path}/steps/activate"), &json!({})).await?;
        let document = contract::format(CONTRACT).map_err(|found| anyhow::anyhow!("{found:?}"))?;
        let draft: Value = client.post("/v1/instruments", &json!({ "document": document })).await?;
        for (party, person, n) in [("forge", "host", 1), ("acme", "owner", 2)] {
            let signature = sign(n, INSTRUMENT, draft["envelope"].as_str().unwrap_or_default())?;
            let body = json!({ "party": party, "person": person, "signature": signature });
            client.post::<Value>("/v1/instruments/deal/sign", &body).await?;
        }
        let token: Value = client.post("/v1/tokens", &json!({ "party": "acme", "name": "robot" })).await?;
        let key = KeyPair::generate()?;
        let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
        self.credential =
            client.post("/v1/credentials", &json!({ "token": token["token"], "csr": csr })).await?;
        self.key_pem = key.serialize_pem();
        Ok(())
    }

    /// Puts a database beside the service, which the machine uses under the contracts `strict`, `relaxed` and `masked`;
    /// and as a second service, `pooled-db`, under `pooled`.
    pub(crate) async fn database(&mut self, port: u16) -> anyhow::Result<()> {
        let client = self.client.clone();
        client.put("/v1/secrets/role-bench", &json!({ "value": "bench:bench" })).await?;
        for (name, pool) in [("shop-db", 0), ("pooled-db", 16)] {
            let upstream = format!("postgresql://127.0.0.1:{port}/bench?sslmode=disable&pool={pool}");
            let service = json!({
                "name": name, "party": "forge", "owner": "host", "host": format!("{name}.localhost"),
                "upstream": upstream, "login": "role-bench",
                "resources": [{ "name": "accounts", "tables": ["public.*"] }],
            });
            client.post::<Value>("/v1/services", &service).await?;
        }
        let relaxed = "recording = \"within 1 second\"\n";
        // Half of ten columns by name, the others are looked through.
        let masks = "\n```clause\nkind = \"masking\"\nfields = [\"people.c1\", \"people.c2\", \"people.c3\", \"people.c4\", \"people.c5\", \"pgbench_accounts.filler\"]\n\
             method = \"hash\"\n```\n\n```clause\nkind = \"masking\"\ndetect = [\"email\", \"iban\", \"payment-card\"]\nmethod = \"null\"\n```\n";
        for (name, service, recording, more) in [
            ("strict", "shop-db", "", ""),
            ("relaxed", "shop-db", relaxed, ""),
            ("masked", "shop-db", relaxed, masks),
            ("pooled", "pooled-db", relaxed, ""),
        ] {
            let document = CONTRACT
                .split("## Permissions")
                .next()
                .unwrap_or_default()
                .replace("name = \"deal\"", &format!("name = \"{name}\""))
                .replace("service = \"files\"", &format!("service = \"{service}\""));
            let document = format!(
                "{document}## Permissions\n\n```clause\nkind = \"permit\"\nactions = \"any\"\n\
                 resources = \"any\"\n{recording}```\n\n```clause\nkind = \"statement\"\nwhich-rows = true\nonly = {{ actions = [\"update\", \"delete\"] }}\n```\n{more}"
            );
            let document = contract::format(&document).map_err(|found| anyhow::anyhow!("{found:?}"))?;
            let draft: Value = client.post("/v1/instruments", &json!({ "document": document })).await?;
            for (party, person, n) in [("forge", "host", 1u8), ("acme", "owner", 2)] {
                let key = PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&[n; 32])), "")?;
                let envelope = draft["envelope"].as_str().unwrap_or_default();
                let signature =
                    key.sign(INSTRUMENT, HashAlg::Sha512, envelope.as_bytes())?.to_pem(LineEnding::LF)?;
                let body = json!({ "party": party, "person": person, "signature": signature });
                client.post::<Value>(&format!("/v1/instruments/{name}/sign"), &body).await?;
            }
        }
        Ok(())
    }

    /// Kills it and starts it again. How long that took, from the start of the process until its API answers.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<Duration> {
        self.process.kill()?;
        self.process.wait()?;
        std::fs::remove_file(self.data.join("api.json"))?;
        let started = Instant::now();
        self.process = up(&self.data)?;
        let address = wait_for(&self.data.join("api.json")).await?;
        self.client = Client::new(address["api"].as_str().unwrap_or_default(), address["token"].as_str());
        self.client.get_text("/health/ready").await?;
        Ok(started.elapsed())
    }

    /// A connection of the machine to the gateway, for a service by its host, in this protocol.
    pub(crate) async fn connect(
        &self,
        host: &'static str,
        speaks: &[&[u8]],
    ) -> anyhow::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.credential.bundle.as_bytes())?)?;
        let chain = CertificateDer::pem_slice_iter(self.credential.chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())?;
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_root_certificates(roots)
                .with_client_auth_cert(chain, key)?;
        config.alpn_protocols = speaks.iter().map(|name| name.to_vec()).collect();
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).await?;
        // Else what is said waits for the acknowledgement of the handshake, 40 ms each.
        tcp.set_nodelay(true)?;
        Ok(TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(host)?, tcp).await?)
    }

    /// Where its workloads connect.
    pub(crate) fn workload_api(&self) -> String {
        format!("unix://{}", self.data.join("workload-api.sock").display())
    }

    /// The processor time it has used, user and system.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let after = stat.rsplit(')').next().context("no stat")?;
        let ticks: u64 =
            after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
        // USER_HZ is 100 on every Linux.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The process that runs it.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its resident memory now.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<u64> {
        resident_kib(self.process.id())
    }
}

/// Starts the release binary beside this one.
fn up(data: &Path) -> anyhow::Result<Child> {
    let binary = std::env::current_exe()?.with_file_name("writ");
    ensure!(
        binary.exists(),
        "`{}` is not built: run `cargo build --release --package writ`",
        binary.display()
    );
    let mut command = Command::new(binary);
    command.args(["up", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--data"]).arg(data);
    Ok(command.stdout(Stdio::null()).spawn()?)
}

impl Drop for Estate {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn wait_for(path: &PathBuf) -> anyhow::Result<Value> {
    for _ in 0..500 {
        if let Ok(bytes) = std::fs::read(path) {
            return Ok(serde_json::from_slice(&bytes)?);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("writ did not start")
}

pub(crate) fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
