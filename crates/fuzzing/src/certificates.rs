//! Certificates, SPIFFE IDs and signing requests.

use crate::text;
use credential::issue::SigningRequest;
use credential::spiffe::{SpiffeId, TrustDomain};
use credential::svid::Svid;

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
