//! Joining with a token of somebody else: a CI job with its identity token, a pod with its service-account token.
//! The issuer must be trusted by name, the token verify under its keys, and exactly one machine have a rule that fits.

use crate::issue::{IssueFailure, Issued, not_entitled};
use crate::{Authority, SubmitError};
use credential::IssueError;
use credential::device;
use credential::foreign::{self, Expected, ForeignError, IssuerKeys, Kind};
use credential::issue::SigningRequest;
use registry::command::IssueGround;
use registry::{Actor, Attestation, Attested, IdentityId, IssuerKind, JoinRule, State, TrustedIssuer};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The longest life that is left of a token that joins once: for so long it is remembered.
const ONCE_LIFE_MAX_MS: u64 = 24 * 3_600_000;
/// What to do about most refusals here.
const HELP: &str =
    "`writ issuer list` and `writ identity show` say whose tokens count, and with which claims";

impl Authority {
    /// Certifies the key of a machine that a token of somebody else shows.
    pub(crate) async fn issue_with_foreign(
        &self,
        token: &str,
        csr_pem: &str,
    ) -> Result<Issued, IssueFailure> {
        let key = SigningRequest::parse(csr_pem)?.into_key();
        let (issuer, claims) = self.verify_foreign(token, &key.digest())?;
        let identity = {
            let rules = self.rules();
            recognise(rules.state(), &issuer, &claims).map_err(|why| not_entitled(why, HELP))?
        };
        let digest = foreign::digest(token);
        let evidence =
            Sha256::new_with_prefix(b"writ/foreign-token/1").chain_update(digest).finalize().into();
        let instance = Some(instance(&issuer, &claims));
        let expires = foreign::time(&claims, "exp").ok().flatten();
        let until_ms = expires.ok_or_else(|| IssueError::Failed("the token has no end".into()))?;
        let once = issuer.kind != IssuerKind::Kubernetes;
        if once && until_ms.saturating_sub(self.now_ms()) > ONCE_LIFE_MAX_MS {
            let help = "have it made for the job that uses it";
            let hours = ONCE_LIFE_MAX_MS / 3_600_000;
            return Err(not_entitled(
                format!("a token that joins once lives for {hours} hours at most"),
                help,
            )
            .into());
        }
        let ground = match issuer.kind {
            // A job joins once; a pod presents the same token until its kubelet gives it another.
            IssuerKind::GithubActions | IssuerKind::GitlabCi | IssuerKind::SecurityEvents => {
                IssueGround::Once {
                    attested: Attested { by: Attestation::CiOidc, evidence, instance },
                    digest,
                    until_ms,
                }
            }
            IssuerKind::Devices => IssueGround::Once {
                attested: Attested { by: Attestation::DeviceCertificate, evidence, instance },
                digest,
                until_ms,
            },
            IssuerKind::Kubernetes => {
                IssueGround::Attested(Attested { by: Attestation::Kubernetes, evidence, instance })
            }
        };
        // Only Writ itself says that it recognised somebody.
        let (leaf, made) = self.certify(Actor::System, identity, ground, &key).await?;
        Ok(self.issued(&leaf, made))
    }

    fn verify_foreign(
        &self,
        token: &str,
        key: &[u8; 32],
    ) -> Result<(TrustedIssuer, Map<String, Value>), SubmitError> {
        let claimed = foreign::claimed_issuer(token).unwrap_or_default();
        let found = {
            let rules = self.rules();
            let mut issuers = rules.state().issuers.values();
            issuers
                .find(|issuer| issuer.issuer == claimed && issuer.kind != IssuerKind::SecurityEvents)
                .cloned()
        };
        let issuer =
            found.ok_or_else(|| not_entitled(format!("nobody here trusts tokens of `{claimed}`"), HELP))?;
        let verified = match issuer.kind {
            IssuerKind::Devices => device::roots(&issuer.jwks).and_then(|roots| {
                device::verify(token, &roots, (&issuer.issuer, &issuer.audience), key, self.now_ms())
            }),
            IssuerKind::GithubActions
            | IssuerKind::GitlabCi
            | IssuerKind::Kubernetes
            | IssuerKind::SecurityEvents => self.verified(&issuer, Kind::Identity, token),
        };
        let claims = verified.map_err(|error| {
            let said = match issuer.kind {
                IssuerKind::Devices => format!("what the device signed is no proof: {error}"),
                IssuerKind::GithubActions
                | IssuerKind::GitlabCi
                | IssuerKind::Kubernetes
                | IssuerKind::SecurityEvents => error.to_string(),
            };
            not_entitled(said, HELP)
        })?;
        Ok((issuer, claims))
    }

    /// The claims of a token of this issuer.
    pub(crate) fn verified(
        &self,
        issuer: &TrustedIssuer,
        kind: Kind,
        token: &str,
    ) -> Result<Map<String, Value>, ForeignError> {
        // Keys that cannot be used were refused when they were given.
        let keys =
            IssuerKeys::parse(&issuer.jwks).map_err(|_| ForeignError::Signature(issuer.issuer.clone()))?;
        let expected = Expected { issuer: &issuer.issuer, audience: &issuer.audience, kind };
        foreign::verify(token, &keys, expected, self.now_ms())
    }
}

/// What a token was given to, by what stays when it is given another: the pod, the job, or else its subject.
fn instance(issuer: &TrustedIssuer, claims: &Map<String, Value>) -> [u8; 32] {
    let names: &[&str] = match issuer.kind {
        IssuerKind::GithubActions => &["repository_id", "run_id"],
        IssuerKind::GitlabCi => &["project_id", "job_id"],
        IssuerKind::Kubernetes => &["/kubernetes.io/namespace", "/kubernetes.io/pod/uid"],
        IssuerKind::Devices => &["fingerprint"],
        IssuerKind::SecurityEvents => &[],
    };
    let mut hash = Sha256::new_with_prefix(b"writ/foreign-instance/1");
    let known: Option<Vec<String>> = names.iter().map(|name| foreign::claim(claims, name)).collect();
    let parts = known.unwrap_or_else(|| vec![foreign::claim(claims, "sub").unwrap_or_default()]);
    for part in std::iter::once(&issuer.issuer).chain(&parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The machine whose rule fits these claims; or why there is none, or more than one.
fn recognise(
    state: &State,
    issuer: &TrustedIssuer,
    claims: &Map<String, Value>,
) -> Result<IdentityId, String> {
    let failing = |rule: &JoinRule| {
        let fails =
            |claim: &&registry::Claim| foreign::claim(claims, &claim.path).as_ref() != Some(&claim.value);
        rule.claims.iter().filter(fails).cloned().collect::<Vec<_>>()
    };
    let rules =
        state.joins.iter().flat_map(|(identity, rules)| rules.iter().map(move |rule| (*identity, rule)));
    let tried: Vec<_> = rules
        .filter(|(_, rule)| rule.issuer == issuer.name)
        .map(|(identity, rule)| (identity, failing(rule)))
        .collect();
    let mut fitting: Vec<IdentityId> =
        tried.iter().filter(|(_, failing)| failing.is_empty()).map(|(identity, _)| *identity).collect();
    fitting.dedup();
    match fitting.as_slice() {
        [only] => Ok(*only),
        [first, second, ..] => Err(format!(
            "the token fits `{}` and `{}`: let their rules ask for claims that differ",
            state.identity_label(*first),
            state.identity_label(*second)
        )),
        [] => {
            let nearest = tried.iter().min_by_key(|(_, failing)| failing.len());
            let shown = nearest.and_then(|(identity, failing)| Some((identity, failing.first()?)));
            Err(match shown {
                Some((identity, claim)) => format!(
                    "no rule fits the token; nearest is `{}`, which asks for {}={} where the token has {}",
                    state.identity_label(*identity),
                    claim.path,
                    claim.value,
                    foreign::claim(claims, &claim.path).unwrap_or_else(|| "none".to_owned()),
                ),
                None => format!("no machine joins with tokens of `{}`", issuer.name),
            })
        }
    }
}
