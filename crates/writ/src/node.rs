//! The host's port to the authority when both run in one process.

use authority::{Authority, IssueFailure, SubmitError};
use credential::{ProcessEvidence, SpiffeId, TrustDomain, Unrecognised};
use host::{Bundle, Certificate, CertificateTerms, Entitlement, Issuer, IssuerError, Pending};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use registry::{Attestation, Attested, IdentityId, Millis, TrustBundle};
use serde_json::{Map, Value};
use tokio::sync::watch;

/// The authority of this process.
pub(crate) struct Local(pub(crate) Authority);

impl Issuer for Local {
    fn recognise(&self, evidence: &ProcessEvidence) -> Result<Vec<Entitlement>, Unrecognised> {
        let recognised = self.0.recognise(evidence)?;
        let entitled = recognised.into_iter().filter_map(|found| {
            let spiffe_id = self.0.spiffe_id(found.identity)?;
            Some(Entitlement {
                identity: found.identity,
                spiffe_id,
                hint: found.rule.hint.unwrap_or_default(),
            })
        });
        Ok(entitled.collect())
    }

    fn wants_digest(&self) -> bool {
        credential::wants_digest(self.0.rules().state())
    }

    fn terms(&self, identity: IdentityId) -> Result<CertificateTerms, IssuerError> {
        let terms = self.0.issuance_terms(identity).map_err(|error| refused(&error.into()))?;
        Ok(CertificateTerms {
            life_max_ms: terms.life_max_ms,
            algorithm: terms.algorithm(),
            renew_at_percent: terms.renew_at_percent,
        })
    }

    fn replaced_ms(&self, identity: IdentityId, certificate: &Certificate) -> Option<Millis> {
        let rules = self.0.rules();
        let found = rules.state().credentials.get(&certificate.serial);
        if found.is_none_or(|found| found.revoked.is_some()) {
            return Some(0);
        }
        rules.state().reissue_ms(identity, &certificate.root)
    }

    fn certify(
        &self,
        identity: IdentityId,
        spki: Vec<u8>,
        evidence: ProcessEvidence,
    ) -> Pending<Result<Certificate, IssuerError>> {
        let authority = self.0.clone();
        Box::pin(async move {
            let issued = authority.issue_attested(identity, &spki, attested(&evidence)).await;
            let issued = issued.map_err(|error| refused(&error))?;
            Ok(Certificate {
                chain: issued.chain,
                serial: issued.serial,
                root: issued.root,
                not_before_ms: issued.not_before_ms,
                not_after_ms: issued.not_after_ms,
            })
        })
    }

    fn sign_jwt(
        &self,
        identity: IdentityId,
        audiences: Vec<String>,
        evidence: ProcessEvidence,
    ) -> Pending<Result<String, IssuerError>> {
        let authority = self.0.clone();
        Box::pin(async move {
            let signed = authority.issue_jwt(identity, audiences, attested(&evidence)).await;
            signed.map(|(_, token)| token).map_err(|error| refused(&error))
        })
    }

    fn validate_jwt(
        &self,
        asking: &[IdentityId],
        audience: &str,
        token: &str,
    ) -> Result<(SpiffeId, Struct), String> {
        let valid = self.0.validate_jwt(asking, audience, token);
        let (subject, claims) = valid.map_err(|error| error.to_string())?;
        Ok((subject, object(claims)))
    }

    fn bundle(&self) -> Bundle {
        Bundle {
            trust_domain: self.0.ca().trust_domain().clone(),
            roots: self.0.bundle(),
            jwks: credential::jwt::jwks(&self.0.jwt_keys()),
        }
    }

    fn federated(&self, machines: &[IdentityId]) -> Vec<Bundle> {
        let bundle = |(trust_domain, bundle): (TrustDomain, TrustBundle)| Bundle {
            trust_domain,
            roots: bundle.roots.into_iter().map(Into::into).collect(),
            jwks: bundle.jwks,
        };
        self.0.federated(machines).into_iter().map(bundle).collect()
    }

    fn entitlements(&self) -> watch::Receiver<u64> {
        self.0.entitlements()
    }
}

fn attested(evidence: &ProcessEvidence) -> Attested {
    Attested { by: Attestation::Process, evidence: evidence.digest(), instance: Some(evidence.instance()) }
}

fn refused(error: &IssueFailure) -> IssuerError {
    match error {
        IssueFailure::Submit(SubmitError::Refused(refusal)) => IssuerError::Refused(refusal.to_string()),
        IssueFailure::Issue(_)
        | IssueFailure::Submit(SubmitError::Append(_) | SubmitError::Internal(_) | SubmitError::Store(_)) => {
            IssuerError::Unavailable(error.to_string())
        }
    }
}

fn object(members: Map<String, Value>) -> Struct {
    Struct { fields: members.into_iter().map(|(key, member)| (key, value(member))).collect() }
}

fn value(value: Value) -> prost_types::Value {
    let kind = match value {
        Value::Array(items) => {
            Kind::ListValue(ListValue { values: items.into_iter().map(self::value).collect() })
        }
        Value::Bool(flag) => Kind::BoolValue(flag),
        Value::Null => Kind::NullValue(0),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::Object(members) => Kind::StructValue(object(members)),
        Value::String(text) => Kind::StringValue(text),
    };
    prost_types::Value { kind: Some(kind) }
}
