//! Others whose signed tokens count here: CI services and Kubernetes clusters, by whose tokens machines are recognised
//! when they join, and identity providers, who say what becomes of people.

use crate::identity::named_enum;
use crate::{Name, PartyId};
use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

/// Issuers at most.
pub const ISSUERS_MAX: usize = 256;
/// Rules of one machine at most.
pub const JOIN_RULES_MAX: usize = 16;
/// Claims in one rule at most.
pub const CLAIMS_MAX: usize = 16;
/// The longest claim, path or value, in bytes.
pub const CLAIM_BYTES_MAX: usize = 1_024;
/// The longest address or audience, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 1_024;

named_enum! {
    /// What an issuer's tokens say.
    IssuerKind {
        /// Which job of GitHub Actions runs.
        GithubActions = 0 "github-actions";
        /// Which job of GitLab CI runs.
        GitlabCi = 1 "gitlab-ci";
        /// Which service account a pod of a Kubernetes cluster has.
        Kubernetes = 2 "kubernetes";
        /// Which device it is that a manufacturer made (IEEE 802.1AR).
        Devices = 4 "devices";
        /// What became of people (security event tokens, RFC 8417).
        SecurityEvents = 3 "security-events";
    }
}

impl IssuerKind {
    /// The claims a rule must pin, one of each group: names can be taken again by others, numbers and ids cannot.
    pub fn pinned(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::GithubActions => &[&["repository_id"], &["job_workflow_ref", "environment", "ref"]],
            Self::GitlabCi => &[&["project_id"], &["ref_path", "environment", "ci_config_ref_uri"]],
            Self::Kubernetes => &[
                &["/kubernetes.io/namespace"],
                &["/kubernetes.io/serviceaccount/name", "/kubernetes.io/serviceaccount/uid"],
            ],
            Self::Devices => &[&["serial_number", "fingerprint"]],
            Self::SecurityEvents => &[],
        }
    }
}

/// Somebody whose tokens count.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TrustedIssuer {
    /// Its name here.
    #[n(0)]
    pub name: Name,
    /// What its tokens say.
    #[n(1)]
    pub kind: IssuerKind,
    /// Who it is: the claim `iss` of its tokens.
    #[n(2)]
    pub issuer: String,
    /// Who we are to it: the claim `aud`.
    #[n(3)]
    pub audience: String,
    /// Its keys: a JWK Set; of a manufacturer, its roots (PEM).
    #[n(4)]
    pub jwks: String,
    /// Of whose people it speaks; needed of one that says what becomes of people.
    #[n(5)]
    pub party: Option<PartyId>,
    /// Where its keys are read from time to time; they are given by hand unless set.
    #[n(6)]
    pub keys_at: Option<KeysAt>,
}

/// Where an issuer publishes its keys.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum KeysAt {
    /// Where its document says (OpenID Connect Discovery 1.0, section 4): on the issuer's own host.
    #[n(0)]
    Discovery,
    /// At an address that somebody vouched for.
    #[n(1)]
    Set(#[n(0)] String),
}

impl TrustedIssuer {
    /// What is wrong with it, if something is. Whether its keys can be used is not looked at here.
    pub fn problem(&self) -> Option<String> {
        let plain = |text: &str| {
            (1..=ADDRESS_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        if !plain(&self.issuer) || !plain(&self.audience) {
            return Some("issuer and audience are addresses or names in visible ASCII".into());
        }
        match &self.keys_at {
            None => {}
            Some(_) if self.kind == IssuerKind::Devices => {
                return Some("the roots of a manufacturer are given, not read somewhere".into());
            }
            Some(KeysAt::Discovery) => {
                if let Some(problem) = crate::address::problem(&self.issuer) {
                    return Some(format!("its keys cannot be read at the issuer: {problem}"));
                }
            }
            Some(KeysAt::Set(url)) => {
                if let Some(problem) = crate::address::problem(url) {
                    return Some(format!("its keys cannot be read: {problem}"));
                }
            }
        }
        if self.kind == IssuerKind::SecurityEvents && self.party.is_none() {
            return Some("it is not said of which party's people it speaks".into());
        }
        if self.kind != IssuerKind::SecurityEvents && self.party.is_some() {
            return Some(format!("{} speaks of no party's people", self.kind));
        }
        None
    }
}

/// A machine may join with a token of an issuer in which all these claims have these values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct JoinRule {
    /// The issuer.
    #[n(0)]
    pub issuer: Name,
    /// Claims and their values, exactly: nothing stands for anything else.
    #[n(1)]
    pub claims: Vec<Claim>,
}

/// A claim and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct Claim {
    /// Its name, or its path (RFC 6901) where it lies deeper.
    #[n(0)]
    pub path: String,
    /// Its value as text.
    #[n(1)]
    pub value: String,
}

impl JoinRule {
    /// What is wrong with it for this issuer, if something is.
    pub fn problem(&self, kind: IssuerKind) -> Option<String> {
        if self.claims.is_empty() || self.claims.len() > CLAIMS_MAX {
            return Some(format!("a rule has between 1 and {CLAIMS_MAX} claims"));
        }
        if kind == IssuerKind::SecurityEvents {
            return Some("nobody joins by a security event".into());
        }
        let sound = |text: &str| {
            (1..=CLAIM_BYTES_MAX).contains(&text.len()) && !text.chars().any(crate::admit::is_invisible)
        };
        if let Some(bad) = self.claims.iter().find(|claim| !sound(&claim.path) || !sound(&claim.value)) {
            return Some(format!("the claim `{}` is empty, too long, or not one line", bad.path));
        }
        if let Some(claim) = self.claims.iter().find(|claim| claim.value.contains('*')) {
            return Some(format!("`{}` is compared as it stands: `*` stands for nothing else", claim.path));
        }
        let digest = |value: &str| {
            value.len() == 64 && value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
        };
        let print =
            self.claims.iter().find(|claim| kind == IssuerKind::Devices && claim.path == "fingerprint");
        if let Some(claim) = print.filter(|claim| !digest(&claim.value)) {
            return Some(format!(
                "the fingerprint `{}` is not 64 small hexadecimal digits without colons (SHA-256)",
                claim.value
            ));
        }
        let pins = |group: &[&str]| self.claims.iter().any(|claim| group.contains(&claim.path.as_str()));
        let missing = kind.pinned().iter().find(|group| !pins(group))?;
        Some(format!("a rule for {kind} pins {}: without it others could come to fit", missing.join(" or ")))
    }
}

impl FromStr for JoinRule {
    type Err = String;
    /// Reads `ISSUER,claim=value,…`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let issuer = parts.next().unwrap_or_default();
        let issuer = issuer.parse().map_err(|error| format!("the issuer `{issuer}`: {error}"))?;
        let claim = |part: &str| match part.split_once('=') {
            Some((path, value)) => Ok(Claim { path: path.to_owned(), value: value.to_owned() }),
            None => Err(format!("`{part}` is not `claim=value`")),
        };
        Ok(Self { issuer, claims: parts.map(claim).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for JoinRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.issuer)?;
        self.claims.iter().try_for_each(|claim| write!(f, ",{}={}", claim.path, claim.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_pin_what_nobody_else_can_take() {
        let problem = |text: &str, kind| text.parse::<JoinRule>().unwrap().problem(kind);
        let github = IssuerKind::GithubActions;
        assert_eq!(problem("gha,repository_id=42,environment=production", github), None);
        for (bad, why) in [
            ("gha,sub=repo:acme/shop:ref:refs/heads/main", "repository_id"),
            ("gha,repository_id=42", "job_workflow_ref"),
            ("gha,repository=acme/shop,environment=production", "repository_id"),
            ("gha,repository_id=42,environment=prod*", "stands for nothing else"),
            ("gha,repository_id=,environment=production", "empty"),
            ("gha", "between 1 and"),
        ] {
            assert!(problem(bad, github).is_some_and(|said| said.contains(why)), "{bad}");
        }
        let kubernetes = "k8s,/kubernetes.io/namespace=shop,/kubernetes.io/serviceaccount/name=web";
        assert_eq!(problem(kubernetes, IssuerKind::Kubernetes), None);
        assert!(problem("k8s,sub=system:serviceaccount:shop:web", IssuerKind::Kubernetes).is_some());
        assert!(problem("idp,sub=x", IssuerKind::SecurityEvents).is_some_and(|said| said.contains("nobody")));
    }

    #[test]
    fn rules_are_printed_as_they_are_read() {
        let text = "gha,repository_id=42,job_workflow_ref=acme/shop/.github/workflows/x.yml@refs/heads/main";
        assert_eq!(text.parse::<JoinRule>().unwrap().to_string(), text);
        assert!("gha,repository_id".parse::<JoinRule>().is_err());
        assert!("G H A,a=b".parse::<JoinRule>().is_err());
    }
}
