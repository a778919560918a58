//! `writ verify CERT.pem`: a certificate checked by itself and the ledger's key alone: that its issuance is in the
//! ledger, and was of exactly this certificate. Whether it was revoked since, only the ledger of today can say.

use crate::exit::Failure;
use crate::output;
use ::ledger::VerifierKey;
use anyhow::{Context as _, bail};
use contract::canonical::hex;
use credential::{ClauseRef, Svid, logged, tbs, terms};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use std::path::Path;

/// The largest file that is read as a certificate.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Whether a file is one, as PEM.
pub(crate) fn is_one(file: &Path) -> bool {
    let small = std::fs::metadata(file).is_ok_and(|found| found.len() <= FILE_BYTES_MAX);
    small
        && std::fs::read(file)
            .is_ok_and(|bytes| bytes.trim_ascii_start().starts_with(b"-----BEGIN CERTIFICATE"))
}

/// Checks the first certificate of a file.
pub(crate) fn verify(file: &Path, data: &Path, key: Option<&str>, json: bool) -> anyhow::Result<()> {
    let der = CertificateDer::from_pem_file(file)
        .with_context(|| format!("`{}` holds no certificate that can be read", file.display()))?;
    let given = key.is_some();
    let key = match key {
        Some(key) => super::ledger::given_key(key)?,
        None => {
            let known = data.join("ledger/control.vkey");
            let Ok(text) = std::fs::read_to_string(&known) else {
                bail!(
                    "give the ledger's key with --key, from somebody you trust: there is none at `{}`",
                    known.display()
                );
            };
            VerifierKey::parse(text.trim())?
        }
    };
    let found = logged::verify(&der, &key);
    let svid = Svid::parse(&der);
    let clauses = clauses(&der);
    if json {
        output::json(&json!({
            "file": file,
            "verified": found.is_ok(),
            "finding": found.as_ref().err().map(ToString::to_string),
            "spiffe_id": svid.as_ref().ok().map(|svid| svid.id.to_string()),
            "serial": svid.as_ref().ok().map(|svid| hex(&svid.serial)),
            "not_after_ms": svid.as_ref().ok().map(|svid| svid.not_after_ms),
            "clauses": terms::to_json(&clauses),
            "ledger": key.name(),
            "entry": found.as_ref().ok().map(|logged| logged.index),
            "recorded_ms": found.as_ref().ok().map(|logged| logged.time_ms),
        }));
    } else {
        let say = |what: &str, value: String| output::line(format!("  {what:<10} {value}"));
        if let Ok(svid) = &svid {
            say("machine", svid.id.to_string());
            say("serial", hex(&svid.serial));
            say("until", output::time(svid.not_after_ms));
        }
        for clause in &clauses {
            say(
                "under",
                format!("clause {} of {} ({})", clause.clause, clause.instrument, hex(&clause.digest)),
            );
        }
        match &found {
            Ok(logged) => {
                let place = format!("{} of {} ({} entries)", logged.index, logged.origin, logged.size);
                say("entry", place);
                say("recorded", output::time(logged.time_ms));
                output::line(
                    "  verified: exactly this certificate was recorded before it was signed; whether it was revoked since, it cannot say",
                );
                if !given {
                    output::line(format!(
                        "  the ledger's key was taken from `{}`; to rely on nobody there, pin it:\n    --key {key}",
                        data.display()
                    ));
                }
            }
            Err(why) => output::line(format!("  NOT VERIFIED: {why}")),
        }
    }
    if found.is_ok() { Ok(()) } else { Err(Failure::NotVerified.into()) }
}

fn clauses(der: &[u8]) -> Vec<ClauseRef> {
    let value = tbs::of_certificate(der).and_then(|tbs| tbs::extension(tbs, terms::TERMS));
    value.ok().flatten().and_then(|value| terms::from_der(value).ok()).unwrap_or_default()
}
