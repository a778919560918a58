//! `credential`: what a machine must present.

use super::{Fault, Terms};
use crate::norm::{Evidence, Issuance, Label, Measure, Norm, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, code_list, join};
use crate::terms::{Audience, List, Whole, closed};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// The shortest lease: the control ledger is heard from twice a second.
const LEASE_MIN_MS: u64 = 2_000;
/// The longest: after that a gateway refuses by itself.
const LEASE_MAX_MS: u64 = 60_000;

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
    /// For whom tokens may be.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub audiences: List<Audience>,
    /// Certificates are renewed when this much of their life is over, in percent, or before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_at: Option<Whole<10, 90>>,
    /// For how long after the instrument began to bind other certificates are accepted as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Span>,
    /// A gateway that has not heard from the control ledger for so long refuses: what was stopped meanwhile it does
    /// not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Span>,
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
        /// By the certificate its manufacturer gave it.
        DeviceCertificate = "device-certificate" "the certificate its manufacturer gave it";
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
        let noun = of.instrument.body.noun();
        let grace = self.grace.map(|span| {
            of.say("credential.grace", &[("instrument", noun), ("span", &span.to_string())])
        });
        let grace = grace.unwrap_or_default();
        let say = |key: &str, value: &str, norm| {
            let blanks = [
                ("bearer", bearer.as_str()),
                ("acts", acts.as_str()),
                ("value", value),
                ("grace", grace.as_str()),
            ];
            of.limit(key, &blanks, norm)
        };
        let rule = |when| of.rule(false, &self.only, when);
        // What a certificate is was settled when it was issued: the grace is for that.
        let settled = |when| match self.grace {
            None => rule(when),
            Some(span) => {
                let over = Test::MoreThan(Measure::BoundFor, span.as_ms().cast_signed());
                rule(Test::and(vec![over, when]))
            }
        };
        let mut statements = vec![say("credential.life", &self.max_ttl.to_string(), settled(longer))];
        let mut one_of = |key, label, values: Vec<&'static str>, words: Vec<&'static str>| {
            if !values.is_empty() {
                let values = values.into_iter().map(str::to_owned).collect();
                let other = Test::OneOf(label, values).negated();
                let at_issue = matches!(label, Label::Attestation | Label::KeyAlgorithm);
                let norm = if at_issue { settled(other) } else { rule(other) };
                statements.push(say(key, &join(&words, "or"), norm));
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
        if let Some(span) = self.lease {
            let silent = Test::MoreThan(Measure::Silence, span.as_ms().cast_signed());
            statements.push(say("credential.lease", &span.to_string(), rule(silent)));
        }
        if !self.audiences.is_empty() {
            let known = self.audiences.iter().map(|audience| audience.as_str().to_owned()).collect();
            let shown = code_list(self.audiences.as_slice(), "or");
            statements.push(say("credential.audiences", &shown, Norm::Issuance(Issuance::Audiences(known))));
        }
        if let Some(percent) = self.renew_at {
            let norm = Norm::Issuance(Issuance::RenewAt(percent.get() as u8));
            statements.push(say("credential.renewal", &format!("{percent}%"), norm));
        }
        statements
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let most = Span::from_ms(registry::admit::CREDENTIAL_LIFE_MAX_MS);
        let help = format!("write for example \"15 minutes\"; at most {most}");
        let mut faults = Vec::new();
        if self.max_ttl.as_ms() > most.as_ms() {
            faults.push(Fault::new("max-ttl", "writ::span", "no certificate lives that long", &help));
        }
        // At issuance all of a machine's credentials are one: a limit for some acts only cannot be held there.
        let message = "this is held when a credential is issued, whatever it is then used for";
        let help = "leave `only` out, or write this into a clause of its own without it";
        let narrowed = !self.only.is_empty();
        if narrowed && !self.audiences.is_empty() {
            faults.push(Fault::new("audiences", "writ::only", message, help));
        }
        if narrowed && self.renew_at.is_some() {
            faults.push(Fault::new("renew-at", "writ::only", message, help));
        }
        let held = self.lease.is_none_or(|span| (LEASE_MIN_MS..=LEASE_MAX_MS).contains(&span.as_ms()));
        if !held {
            let help = "write a span between \"2 seconds\" and \"1 minute\"";
            faults.push(Fault::new("lease", "writ::span", "no gateway can hold such a lease", help));
        }
        faults
    }
}
