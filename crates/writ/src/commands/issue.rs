//! `writ token`, `writ issue`, `writ credential`.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use crate::args::{CredentialCommand, TokenCommand};
use crate::{client, output};
use anyhow::Context as _;
use api::view::{CredentialView, Done};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) async fn token(client: &api::Client, command: TokenCommand, json: bool) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create { identity, life, actions, on } => {
            let (party, name) = super::pair(&identity)?;
            let body = json!({
                "party": party, "name": name, "life_ms": super::span(&life)?, "actions": actions, "on": on,
            });
            let token: Value = client.post("/v1/tokens", &body).await?;
            if json {
                output::json(&token);
            } else {
                // The token alone on standard output: `WRIT_TOKEN=$(writ token create …) writ issue`.
                output::line(token["token"].as_str().unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// A fresh key and a certificate for it.
pub(crate) struct Joined {
    pub(crate) key_pem: Zeroizing<String>,
    pub(crate) credential: CredentialView,
}

/// Makes a key here, sends only the signing request.
pub(crate) async fn join(client: &api::Client, token: &str) -> anyhow::Result<Joined> {
    let key = KeyPair::generate()?;
    let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
    let credential = client.post("/v1/credentials", &json!({ "token": token, "csr": csr })).await?;
    Ok(Joined { key_pem: Zeroizing::new(key.serialize_pem()), credential })
}

pub(crate) async fn run(
    data: &Path,
    token: &str,
    out: &Path,
    api: Option<String>,
    json: bool,
) -> anyhow::Result<()> {
    let base = match api {
        Some(api) => api,
        None => client::address(data)?.api,
    };
    let joined = join(&api::Client::new(&base, None), token).await?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make `{}`", out.display()))?;
    write(&out.join("key.pem"), joined.key_pem.as_bytes(), 0o600)?;
    write(&out.join("cert.pem"), joined.credential.chain.as_bytes(), 0o644)?;
    write(&out.join("bundle.pem"), joined.credential.bundle.as_bytes(), 0o644)?;
    if json {
        output::json(&joined.credential);
    } else {
        output::line(format!(
            "{}  (control entry {})\n  serial   {}\n  expires  {}\n  files    {}: key.pem, cert.pem, bundle.pem",
            joined.credential.spiffe_id,
            joined.credential.index,
            joined.credential.serial,
            output::time(joined.credential.not_after_ms),
            out.display(),
        ));
    }
    Ok(())
}

pub(crate) async fn credential(
    client: &api::Client,
    command: CredentialCommand,
    json: bool,
) -> anyhow::Result<()> {
    match command {
        CredentialCommand::Revoke { serial, reason } => {
            let path = format!("/v1/credentials/{serial}/revoke");
            let done: Done = client.post(&path, &json!({ "reason": reason })).await?;
            super::done(&done, &format!("certificate {serial} is revoked"), json);
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let open = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(mode).open(path);
    open.and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
