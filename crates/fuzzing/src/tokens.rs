//! Tokens: our own, and those of others under keys they publish.

use crate::text;
use credential::TrustDomain;
use credential::foreign::{self, Expected, IssuerKeys, Kind};
use credential::jwt;

const NOW_MS: u64 = 1_800_000_000_000;

/// Without a key nothing is a token of ours.
pub fn credential_jwt(data: &[u8]) {
    let Some(token) = text(data) else { return };
    let domain: TrustDomain = "acme.example".parse().unwrap();
    assert!(jwt::verify(token, &domain, &[], "audience", NOW_MS).is_err());
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
