//! Loads `examples/quickstart/estate.toml` through the API, with keys made for its people.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use anyhow::Context as _;
use api::Client;
use registry::signature::{INSTRUMENT, OWNERSHIP};
use serde_json::{Value, json};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The contract.
pub(super) const CONTRACT: &str = include_str!("../../../../examples/quickstart/card-payments.writ.md");
const ESTATE: &str = include_str!("../../../../examples/quickstart/estate.toml");

/// The estate's people, who can sign.
pub(super) struct Estate {
    keys: BTreeMap<String, PrivateKey>,
}

impl Estate {
    /// Registers everything in the file.
    pub(super) async fn load(client: &Client, upstream: SocketAddr) -> anyhow::Result<Self> {
        let estate: Value = toml::from_str(ESTATE)?;
        let rows = |kind: &str| estate[kind].as_array().cloned().unwrap_or_default();
        let mut keys = BTreeMap::new();
        for party in rows("party") {
            client.post::<Value>("/v1/parties", &party).await?;
        }
        for mut person in rows("person") {
            let key =
                PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&authority::entropy()?)), "")?;
            person["key"] = json!(key.public_key().to_openssh()?);
            client.post::<Value>("/v1/people", &person).await?;
            let label = format!(
                "{}/{}",
                person["party"].as_str().unwrap_or("?"),
                person["name"].as_str().unwrap_or("?")
            );
            keys.insert(label, key);
        }
        client.put("/v1/secrets/payments-key", &json!({ "value": super::upstream::SECRET })).await?;
        for mut service in rows("service") {
            service["upstream"] = json!(format!("http://{upstream}"));
            client.post::<Value>("/v1/services", &service).await?;
        }
        for identity in rows("identity") {
            client.post::<Value>("/v1/identities", &identity).await?;
        }
        Ok(Self { keys })
    }

    /// Owner and deputy accept. Gives office, person and ledger index of each.
    pub(super) async fn accept(
        &self,
        client: &Client,
        machine: &str,
    ) -> anyhow::Result<Vec<(&'static str, String, Value)>> {
        let path = format!("/v1/identities/{machine}");
        let identity: Value = client.get(&path).await?;
        let mut accepted = Vec::new();
        for office in ["owner", "deputy"] {
            let person = identity[office]["person"].as_str().context("no person")?.to_owned();
            let statement = identity[office]["statement"].as_str().context("no statement")?;
            let signature = self.signature(&person, OWNERSHIP, statement)?;
            let body = json!({ "office": office, "signature": signature });
            let done: Value = client.post(&format!("{path}/accept"), &body).await?;
            accepted.push((office, person, done["index"].clone()));
        }
        Ok(accepted)
    }

    /// Everybody the contract needs signs. Gives each signer and the answer.
    pub(super) async fn sign(
        &self,
        client: &Client,
        contract: &str,
        envelope: &str,
    ) -> anyhow::Result<Vec<(String, Value)>> {
        let whole: Value = client.get(&format!("/v1/instruments/{contract}")).await?;
        let mut signed = Vec::new();
        for signatory in whole["instrument"]["signatures"].as_array().into_iter().flatten() {
            let label = signatory["person"].as_str().context("no person")?.to_owned();
            let (party, person) = label.split_once('/').context("no party")?;
            let signature = self.signature(&label, INSTRUMENT, envelope)?;
            let body = json!({ "party": party, "person": person, "signature": signature });
            let answer = client.post(&format!("/v1/instruments/{contract}/sign"), &body).await?;
            signed.push((label, answer));
        }
        Ok(signed)
    }

    fn signature(&self, person: &str, namespace: &str, message: &str) -> anyhow::Result<String> {
        let key = self.keys.get(person).with_context(|| format!("no key of {person}"))?;
        Ok(key.sign(namespace, HashAlg::Sha512, message.as_bytes())?.to_pem(LineEnding::LF)?)
    }
}
