//! `writ token`, `writ issue`, `writ credential`.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use crate::args::{CredentialCommand, TokenCommand};
use crate::{client, output};
use anyhow::Context as _;
use api::view::{CredentialView, Done};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
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
    join_with(client, KeyPair::generate()?, token).await
}

async fn join_with(client: &api::Client, key: KeyPair, token: &str) -> anyhow::Result<Joined> {
    let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
    let credential = client.post("/v1/credentials", &json!({ "token": token, "csr": csr })).await?;
    Ok(Joined { key_pem: Zeroizing::new(key.serialize_pem()), credential })
}

/// What a machine joins with.
pub(crate) enum With {
    /// A token, ours or of somebody who is trusted.
    Token(String),
    /// The certificate a manufacturer gave it.
    Device { chain: PathBuf, key: PathBuf, manufacturer: String, audience: String },
}

pub(crate) async fn run(
    data: &Path,
    with: With,
    out: &Path,
    api: Option<String>,
    json: bool,
) -> anyhow::Result<()> {
    let base = match api {
        Some(api) => api,
        None => client::address(data)?.api,
    };
    let client = api::Client::new(&base, None);
    let key = KeyPair::generate()?;
    let token = match with {
        With::Token(token) => token,
        With::Device { chain, key: device, manufacturer, audience } => {
            device_token(&chain, &device, &manufacturer, &audience, &key)?
        }
    };
    let joined = join_with(&client, key, &token).await?;
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

/// A token by which a device shows that it has the key of its certificate, for one key that is to be certified.
fn device_token(
    chain: &Path,
    device: &Path,
    manufacturer: &str,
    audience: &str,
    key: &KeyPair,
) -> anyhow::Result<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use rcgen::{PublicKeyData as _, SigningKey as _};
    let shown = chain.display();
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .with_context(|| format!("`{shown}` holds no certificates that can be read"))?;
    let secret = std::fs::read_to_string(device).map(Zeroizing::new);
    let secret = secret.with_context(|| format!("cannot read `{}`", device.display()))?;
    let signer =
        KeyPair::from_pem(&secret).with_context(|| format!("`{}` is no private key", device.display()))?;
    let (name, size) = if signer.algorithm() == &rcgen::PKCS_ECDSA_P256_SHA256 {
        ("ES256", 32)
    } else if signer.algorithm() == &rcgen::PKCS_ECDSA_P384_SHA384 {
        ("ES384", 48)
    } else {
        anyhow::bail!(
            "the key of a device is P-256 or P-384 here; sign a token yourself for others: see the README"
        );
    };
    let now = crate::serve::clock()() / 1_000;
    let x5c: Vec<String> = certificates.iter().map(|der| STANDARD.encode(der)).collect();
    let header = json!({ "alg": name, "typ": "JWT", "x5c": x5c });
    let spki = contract::canonical::hex(&contract::canonical::digest_bytes(&key.subject_public_key_info()));
    let claims = json!({
        "iss": manufacturer, "aud": audience, "iat": now, "exp": now + 300,
        credential::device::KEY_CLAIM: spki,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = fixed(&signer.sign(signed.as_bytes())?, size).context("the signature cannot be read")?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The two numbers of an ECDSA signature in DER, side by side as JWS has them (RFC 7518 §3.4).
fn fixed(der: &[u8], size: usize) -> Option<Vec<u8>> {
    let number = |bytes: &[u8]| -> Option<(Vec<u8>, usize)> {
        let length = usize::from(*bytes.get(1)?);
        let digits = bytes.get(2..2 + length)?;
        let digits: Vec<u8> = digits.iter().skip_while(|byte| **byte == 0).copied().collect();
        let padding = size.checked_sub(digits.len())?;
        (bytes.first() == Some(&2)).then(|| ([vec![0; padding], digits].concat(), 2 + length))
    };
    // A sequence of less than 128 bytes: both curves are short enough.
    let content = der.get(2..).filter(|_| der.first() == Some(&0x30))?;
    let (r, used) = number(content)?;
    let (s, _) = number(content.get(used..)?)?;
    Some([r, s].concat())
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let open = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(mode).open(path);
    open.and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
