//! Certificates, SPIFFE IDs and signing requests.

use crate::text;
use credential::issue::SigningRequest;
use credential::logged::{self, PROOF};
use credential::spiffe::{SpiffeId, TrustDomain};
use credential::svid::Svid;
use credential::{tbs, terms};

/// A certificate that is read names one workload, and is read whole: with bytes behind it it is refused.
pub fn credential_svid(data: &[u8]) {
    let Ok(svid) = Svid::parse(data) else { return };
    assert_eq!(svid.id.to_string().parse().as_ref(), Ok(&svid.id));
    assert_eq!(Svid::parse(data).as_ref(), Ok(&svid));
    assert!(Svid::parse(&[data, &[0]].concat()).is_err(), "bytes behind the certificate");
}

/// IDs and trust domains have one spelling.
pub fn credential_spiffe(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(id) = text.parse::<SpiffeId>() {
        assert_eq!(id.to_string(), text);
        assert!(id.path().starts_with('/') && id.path().len() > 1);
        assert_eq!(format!("{}{}", id.trust_domain().uri(), id.path()), text);
    }
    if let Ok(domain) = text.parse::<TrustDomain>() {
        assert_eq!(domain.as_str(), text);
    }
}

/// A signing request has one key.
pub fn credential_csr(data: &[u8]) {
    let Some(pem) = text(data) else { return };
    let digest = |pem: &str| SigningRequest::parse(pem).ok().map(|request| request.into_key().digest());
    if let Some(found) = digest(pem) {
        assert_eq!(digest(pem), Some(found));
        assert!(pem.len() <= credential::issue::CSR_BYTES_MAX);
    }
}

/// An extension that is put on comes off again, whatever it was put on; and no certificate that some fuzzer makes
/// proves that it is in a ledger.
pub fn credential_logged(data: &[u8]) {
    let key = ledger::NoteSigner::from_seed("fuzz.example/log", &[43; 32]).unwrap().verifier();
    assert!(logged::verify(data, &key).is_err(), "a certificate proves itself");
    if let Ok(clauses) = terms::from_der(data) {
        assert_eq!(terms::to_der(&clauses), data, "clauses have one spelling");
    }
    let Ok(bare) = tbs::of_certificate(data) else { return };
    let Ok(with) = tbs::with_extension(bare, PROOF, data) else { return };
    // One that was there before makes two, which nothing reads.
    match tbs::without_extension(&with, PROOF) {
        Ok(Some(back)) => assert_eq!((&back.tbs[..], back.value), (bare, data)),
        Ok(None) => panic!("what was put on is not there"),
        Err(_) => assert!(!matches!(tbs::extension(bare, PROOF), Ok(None))),
    }
}
