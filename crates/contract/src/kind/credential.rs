//! `credential`: what a machine must present.

use super::{Fault, Terms};
use crate::norm::{Evidence, Label, Measure, Norm, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, join};
use crate::terms::{List, closed};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// Limits on the credential a machine presents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Credential {
    /// At most this long from issue to expiry.
    pub max_ttl: Span,
    /// Kinds of credential.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub kinds: List<CredentialKind>,
    /// How it is bound to the connection.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub binding: List<Binding>,
    /// Algorithms of the machine's key.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub key_algorithms: List<KeyAlgorithm>,
    /// How the machine was recognised when it got its certificate.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub attestation: List<Attestation>,
    /// The key is a new one at least this often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_every: Option<Span>,
    /// For which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

closed! {
    /// A kind of credential.
    CredentialKind ("kind of credential") {
        /// A SPIFFE JWT.
        JwtSvid = "jwt-svid" "JWT-SVID";
        /// A SPIFFE certificate.
        X509Svid = "x509-svid" "X.509-SVID";
    }
}

closed! {
    /// How a credential is bound to the connection.
    Binding ("binding") {
        /// The holder proves the key in each request.
        Dpop = "dpop" "proof of possession in each request (DPoP)";
        /// The holder proves the key in the handshake.
        Mtls = "mtls" "mutual TLS";
    }
}

closed! {
    /// An algorithm of keys.
    KeyAlgorithm ("key algorithm") {
        /// ECDSA on P-256.
        EcdsaP256 = "ecdsa-p256" "ECDSA P-256";
        /// ECDSA on P-384.
        EcdsaP384 = "ecdsa-p384" "ECDSA P-384";
        /// Ed25519.
        Ed25519 = "ed25519" "Ed25519";
        /// ML-DSA-65.
        MlDsa65 = "ml-dsa-65" "ML-DSA-65";
        /// RSA with at least 2048 bits.
        Rsa = "rsa" "RSA";
    }
}

closed! {
    /// How a machine was recognised.
    Attestation ("attestation") {
        /// By the identity token of a CI job.
        CiOidc = "ci-oidc" "the identity token of a CI job";
        /// By a one-time token.
        JoinToken = "join-token" "a one-time token";
        /// By a projected service-account token.
        Kubernetes = "kubernetes" "a Kubernetes service-account token";
        /// By properties of the process.
        Process = "process" "properties of the running process";
        /// By its live certificate.
        Renewal = "renewal" "its preceding certificate";
    }
}

impl Terms for Credential {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let (bearer, acts) = (of.bearer(&self.only), of.for_acts(&self.only));
        let longer = Test::MoreThan(Measure::CredentialLife, self.max_ttl.as_ms().cast_signed());
        let say = |key: &str, value: &str, norm| {
            of.limit(key, &[("bearer", bearer.as_str()), ("acts", acts.as_str()), ("value", value)], norm)
        };
        let rule = |when| of.rule(false, &self.only, when);
        let mut statements = vec![say("credential.life", &self.max_ttl.to_string(), rule(longer))];
        let mut one_of = |key, label, values: Vec<&'static str>, words: Vec<&'static str>| {
            if !values.is_empty() {
                let values = values.into_iter().map(str::to_owned).collect();
                let other = Test::OneOf(label, values).negated();
                statements.push(say(key, &join(&words, "or"), rule(other)));
            }
        };
        let spell = |list: &List<CredentialKind>| list.iter().map(|v| (v.as_str(), v.words())).unzip();
        let (values, words) = spell(&self.kinds);
        one_of("credential.kind", Label::CredentialKind, values, words);
        let (values, words) = self.binding.iter().map(|v| (v.as_str(), v.words())).unzip();
        one_of("credential.binding", Label::Binding, values, words);
        let (values, words) = self.key_algorithms.iter().map(|v| (v.as_str(), v.words())).unzip();
        one_of("credential.algorithm", Label::KeyAlgorithm, values, words);
        let (values, words) = self.attestation.iter().map(|v| (v.as_str(), v.words())).unzip();
        one_of("credential.attestation", Label::Attestation, values, words);
        if let Some(span) = self.rotate_every {
            let shown = Evidence { subject: "age of the key".to_owned(), span, at_least: false };
            statements.push(say("credential.rotation", &span.to_string(), Norm::Evidence(shown)));
        }
        statements
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let most = Span::from_ms(registry::admit::CREDENTIAL_LIFE_MAX_MS);
        let help = format!("write for example \"15 minutes\"; at most {most}");
        let fault = Fault::new("max-ttl", "writ::span", "no certificate lives that long", &help);
        if self.max_ttl.as_ms() > most.as_ms() { vec![fault] } else { Vec::new() }
    }
}
