//! SPIFFE IDs and trust domains (SPIFFE-ID §2).

use registry::Name;
use std::fmt;
use std::str::FromStr;

pub use registry::federation::{SPIFFE_ID_BYTES_MAX, TRUST_DOMAIN_BYTES_MAX};

/// The name of a trust domain: `acme.example`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ID of the trust domain itself, which its authorities carry.
    pub fn uri(&self) -> String {
        format!("spiffe://{}", self.0)
    }

    /// The ID of Writ itself: what its own servers show. No machine can have it, theirs have two parts.
    pub fn writ(&self) -> SpiffeId {
        SpiffeId { trust_domain: self.clone(), path: "/writ".to_owned() }
    }

    /// The ID of a party's machine.
    pub fn machine(&self, party: &Name, machine: &Name) -> SpiffeId {
        SpiffeId { trust_domain: self.clone(), path: format!("/{party}/{machine}") }
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeIdError;
    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        if registry::federation::is_trust_domain(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SpiffeIdError(
                "the trust domain has characters other than a–z, 0–9, `.`, `-`, `_`, or a bad length",
            ))
        }
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ID of a workload: a trust domain and a path that is not empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    trust_domain: TrustDomain,
    path: String,
}

impl SpiffeId {
    /// The trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The path, beginning with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;
    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        if text.len() > SPIFFE_ID_BYTES_MAX {
            return Err(SpiffeIdError("it is longer than 2048 bytes"));
        }
        let rest =
            text.strip_prefix("spiffe://").ok_or(SpiffeIdError("it does not begin with `spiffe://`"))?;
        let (domain, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => return Err(SpiffeIdError("it has no path")),
        };
        let segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
        };
        if !path.split('/').skip(1).all(segment) {
            return Err(SpiffeIdError(
                "a path segment is empty, relative, or has a character that is not allowed",
            ));
        }
        Ok(Self { trust_domain: domain.parse()?, path: path.to_owned() })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}{}", self.trust_domain, self.path)
    }
}

/// Not a SPIFFE ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SPIFFE ID: {0}")]
pub struct SpiffeIdError(&'static str);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, sound: bool) {
        assert_eq!(text.parse::<SpiffeId>().is_ok(), sound, "{text}");
    }

    #[test]
    fn grammar() {
        check("spiffe://acme.example/acme-retail/checkout", true);
        check("spiffe://acme.example/A.b_c-1", true);
        check("spiffe://acme.example", false);
        check("spiffe://acme.example/", false);
        check("spiffe://acme.example/a/", false);
        check("spiffe://acme.example/a//b", false);
        check("spiffe://acme.example/../b", false);
        check("spiffe://acme.example/a%2Fb", false);
        check("spiffe://acme.example/a?b", false);
        check("spiffe://Acme.example/a", false);
        check("spiffe://acme.example:8443/a", false);
        check("https://acme.example/a", false);
        check(&format!("spiffe://acme.example/{}", "a".repeat(2048)), false);
    }
}
