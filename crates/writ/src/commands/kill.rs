//! `writ kill`.

use crate::args::{KillHow, KillTarget};
use crate::output;
use anyhow::Context as _;
use api::view::Stopped;
use contract::canonical::hex;
use credential::Svid;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::path::Path;

pub(crate) async fn run(client: &api::Client, target: KillTarget, json: bool) -> anyhow::Result<()> {
    let (target, reason, for_good) = body(target)?;
    let asked = json!({ "target": target, "reason": reason, "for_good": for_good });
    let stopped: Stopped = client.post("/v1/stops", &asked).await?;
    if json {
        output::json(&stopped);
        return Ok(());
    }
    let counts = [
        (stopped.machines.len(), "machine", stopped.machines.join(", ")),
        (stopped.certificates.len(), "certificate", stopped.certificates.join(", ")),
        (stopped.instruments.len(), "instrument", stopped.instruments.join(", ")),
    ];
    output::line(format!("stopped; what was open is cut  (control entry {})", stopped.index));
    if stopped.machines.is_empty() && stopped.certificates.is_empty() && stopped.instruments.is_empty() {
        output::line("  no live certificate is of it; none will be");
    }
    for (count, noun, names) in counts.into_iter().filter(|(count, ..)| *count > 0) {
        let plural = if count == 1 { "" } else { "s" };
        output::line(format!("  {count} {noun}{plural}: {names}"));
    }
    if !stopped.machines.is_empty() {
        output::line(match stopped.for_good {
            true => "  revoked: nothing brings them back",
            false => "  suspended: `writ identity resume` undoes it, until `--for-good`",
        });
    }
    Ok(())
}

fn body(target: KillTarget) -> anyhow::Result<(Value, String, bool)> {
    let of = |kind: &str, name: String, how: KillHow| (json!({ kind: name }), how.reason, how.for_good);
    Ok(match target {
        KillTarget::Certificate { certificate, reason } => {
            (json!({ "certificate": serial(certificate)? }), reason, false)
        }
        KillTarget::Identity { identity, how } => {
            of("identity", super::pair(&identity).map(|(party, name)| format!("{party}/{name}"))?, how)
        }
        KillTarget::Instance { certificate, reason } => {
            (json!({ "instance": serial(certificate)? }), reason, false)
        }
        KillTarget::Instrument { instrument, reason } => (json!({ "instrument": instrument }), reason, true),
        KillTarget::Key { key, reason } => {
            let digest = if looks_like_file(&key) { hex(&read(&key)?.public_key) } else { key };
            (json!({ "key": digest }), reason, false)
        }
        KillTarget::Owner { owner, how } => of("owner", owner, how),
        KillTarget::Party { party, how } => of("party", party, how),
    })
}

/// A serial number, or that of the certificate in a file.
fn serial(text: String) -> anyhow::Result<String> {
    if looks_like_file(&text) { Ok(hex(&read(&text)?.serial)) } else { Ok(text) }
}

/// Whether somebody means a file: numbers have neither dots nor slashes.
pub(super) fn looks_like_file(text: &str) -> bool {
    text.ends_with(".pem") || text.ends_with(".crt") || Path::new(text).is_file()
}

/// A machine's certificate.
pub(super) fn read(file: &str) -> anyhow::Result<Svid> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read `{file}`"))?;
    let der = CertificateDer::from_pem_slice(&bytes)
        .with_context(|| format!("`{file}` is no certificate (PEM)"))?;
    Svid::parse(&der).with_context(|| format!("`{file}` is no machine's certificate"))
}
