//! Tokens: our own, and those of others under keys they publish.

use crate::text;
use credential::TrustDomain;
use credential::bundle;
use credential::foreign::{self, Expected, IssuerKeys, Kind};
use credential::jwt::{self, SvidKeys};

const NOW_MS: u64 = 1_800_000_000_000;

/// Without a key nothing is a token of ours.
pub fn credential_jwt(data: &[u8]) {
    let Some(token) = text(data) else { return };
    let domain: TrustDomain = "acme.example".parse().unwrap();
    assert!(jwt::verify(token, &domain, SvidKeys::Own(&[]), "audience", NOW_MS).is_err());
}

/// What another trust domain publishes: what is kept of it is read again as it is kept, and no root of somebody else's
/// trust domain is among it.
pub fn credential_bundle(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (domain, other): (TrustDomain, TrustDomain) =
        ("acme.example".parse().unwrap(), "partner.example".parse().unwrap());
    let Ok(read) = bundle::parse(text, &domain) else { return };
    assert_eq!(bundle::parse(&read.jwks, &other).map(|again| again.jwks), Ok(read.jwks.clone()));
    let kept: Vec<Vec<u8>> = read.roots.iter().map(|root| root.to_vec()).collect();
    let written = bundle::document(&kept, &[], 1);
    let again = bundle::parse(&written, &domain).unwrap();
    assert!(again.roots.iter().all(|root| read.roots.contains(root)));
    assert!(IssuerKeys::of_bundle(&read.jwks).is_ok() || !read.jwks.contains("\"kid\""));
}

/// Keys, and behind an empty line a token under them: one is never an identity and a security event, the digest of
/// what is used up does not depend on the signature, and no claim is read where there is none.
pub fn credential_foreign(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (jwks, token) = text.split_once("\n\n").unwrap_or(("", text));
    let Ok(keys) = IssuerKeys::parse(jwks) else { return };
    // What is kept of a published set says the same, and nothing more is to be taken from it.
    let normal = IssuerKeys::normal(jwks).map(|normal| (IssuerKeys::normal(&normal), normal));
    assert!(matches!(normal, Ok((Ok(again), once)) if again == once));
    let issuer = foreign::claimed_issuer(token).unwrap_or_default();
    let read = |kind| {
        let expected = Expected { issuer: &issuer, audience: "writ", kind };
        foreign::verify(token, &keys, expected, NOW_MS)
    };
    let (identity, event) = (read(Kind::Identity), read(Kind::SecurityEvent));
    assert!(identity.is_err() || event.is_err(), "one token is taken for two");
    if let Ok(claims) = identity {
        assert_eq!(foreign::claim(&claims, "iss").as_deref(), Some(issuer.as_str()));
        assert_eq!(foreign::claim(&claims, "/no/such/claim"), None);
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(foreign::digest(token), foreign::digest(&format!("{signed}.AAAA")));
    }
}
