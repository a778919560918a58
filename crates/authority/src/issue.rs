//! Issuance: the entry is durable before the certificate leaves.

use crate::ca::{Intermediate, key_pair, serial, terms};
use crate::{Authority, SubmitError, entropy};
use credential::foreign;
use credential::issue::{
    BACKDATE_MS, Certified, CertifiedKey, DEFAULT_LIFE_MS, IssueError, SigningRequest, Terms, server_params,
};
use credential::signer::MemoryKey;
use credential::{IssuanceTerms, KeyAlgorithm, SpiffeId};
use registry::command::{IssueGround, IssueRequest};
use registry::{Actor, Command, IdentityId, Millis, Scope};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The life of a gateway's own certificate.
pub const SERVER_LIFE_MS: Millis = 24 * 3_600_000;

/// A certificate with its chain and its place in the ledger.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The leaf and the intermediate, PEM.
    pub chain_pem: String,
    /// The trust bundle, PEM.
    pub bundle_pem: String,
    /// The SPIFFE ID.
    pub spiffe_id: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// When it expires.
    pub not_after_ms: Millis,
    /// The issuance's index in the control ledger.
    pub index: u64,
}

/// What a certificate was made with, and where it is on record.
pub(crate) struct Made {
    pub(crate) spiffe_id: SpiffeId,
    pub(crate) terms: Terms,
    pub(crate) intermediate: Arc<Intermediate>,
    pub(crate) index: u64,
}

/// A join token, shown once.
pub struct NewToken {
    /// The secret text.
    pub token: Zeroizing<String>,
    /// When it expires.
    pub expires_ms: Millis,
    /// Its index in the control ledger.
    pub index: u64,
}

/// A gateway's own certificate and key.
pub struct ServerCertificate {
    /// Leaf and intermediate, DER.
    pub chain: Vec<Vec<u8>>,
    /// The private key, PKCS#8 DER.
    pub key: Zeroizing<Vec<u8>>,
    /// When it expires.
    pub not_after_ms: Millis,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum IssueFailure {
    /// The request or the authority is at fault.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// It was not admitted or not recorded.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Authority {
    /// Hands out a one-time token for the first certificate of an identity.
    pub async fn create_token(
        &self,
        actor: Actor,
        identity: IdentityId,
        life_ms: Millis,
        scope: Option<Scope>,
    ) -> Result<NewToken, SubmitError> {
        let secret = Zeroizing::new(entropy::<32>()?);
        let token = Zeroizing::new(format!("writ_join_{}", contract::canonical::hex(secret.as_slice())));
        let expires_ms = self.now_ms().saturating_add(life_ms);
        let command = Command::CreateJoinToken { identity, digest: digest(&token), expires_ms, scope };
        let admitted = self.submit(actor, command).await?;
        Ok(NewToken { token, expires_ms, index: admitted.index })
    }

    /// Certifies the key of whoever holds the token: one of ours, or one of an issuer that is trusted.
    pub async fn issue_with_token(&self, token: &str, csr_pem: &str) -> Result<Issued, IssueFailure> {
        let token = token.trim();
        if foreign::is_token(token) {
            return self.issue_with_foreign(token, csr_pem).await;
        }
        let digest = digest(token);
        let identity = self.rules().state().tokens.get(&digest).map(|token| token.identity);
        let Some(identity) = identity else {
            let help = "ask for a new one: `writ token create`";
            return Err(not_entitled("the token is neither a signed one of an issuer nor a join token that is known, unused and in time", help).into());
        };
        let key = SigningRequest::parse(csr_pem)?.into_key();
        let ground = IssueGround::Token { digest };
        let (leaf, made) = self.certify(Actor::Identity(identity), identity, ground, &key).await?;
        Ok(self.issued(&leaf, made))
    }

    pub(crate) fn issued(&self, leaf: &Certified, made: Made) -> Issued {
        Issued {
            chain_pem: format!("{}{}", leaf.pem, made.intermediate.certificate.pem),
            bundle_pem: self.bundle_pem(),
            spiffe_id: made.spiffe_id.to_string(),
            serial: contract::canonical::hex(&made.terms.serial),
            not_after_ms: made.terms.not_after_ms,
            index: made.index,
        }
    }

    /// What a credential of this machine must be now: what all its instruments allow, at most an hour of life.
    pub fn issuance_terms(&self, identity: IdentityId) -> Result<IssuanceTerms, SubmitError> {
        let rules = self.rules();
        let clauses = rules.credential_clauses(identity, self.now_ms());
        let machine = rules.state().identities.get(&identity);
        let shortened = machine.and_then(|machine| rules.state().shortened_ms(machine, self.now_ms()));
        let life_max_ms = shortened.map_or(DEFAULT_LIFE_MS, |life| life.min(DEFAULT_LIFE_MS));
        let terms = IssuanceTerms::strictest(clauses, life_max_ms);
        let help = "amend one of them: `writ instrument show` gives their words";
        terms.map_err(|error| not_entitled(error.to_string(), help))
    }

    /// Certifies a key on some ground. Only when this returns is the certificate on record; it does not leave
    /// before.
    pub(crate) async fn certify(
        &self,
        actor: Actor,
        identity: IdentityId,
        ground: IssueGround,
        key: &CertifiedKey,
    ) -> Result<(Certified, Made), IssueFailure> {
        let now_ms = self.now_ms();
        let unknown = || IssueError::Failed("the identity is not registered".into());
        let spiffe_id = self.spiffe_id(identity).ok_or_else(unknown)?;
        let allowed = self.issuance_terms(identity)?;
        let life_ms = allowed.life_max_ms;
        allows_key(&allowed, key.algorithm())?;
        // The life a contract limits is the whole of it: from the first to the last valid moment.
        let mut terms = terms(serial()?, now_ms, life_ms);
        terms.not_before_ms = terms.not_before_ms.max(now_ms.saturating_sub(BACKDATE_MS.min(life_ms / 10)));
        terms.not_before_ms -= terms.not_before_ms % 1000;
        terms.not_after_ms = terms.not_before_ms.saturating_add(life_ms);
        terms.not_after_ms -= terms.not_after_ms % 1000;
        let intermediate = self.ca.machines();
        let draft = key.draft(&spiffe_id, terms, &allowed.clauses, &intermediate.issuer)?;
        let command = Command::IssueCredential(IssueRequest {
            identity,
            ground,
            serial: terms.serial,
            public_key: key.digest(),
            not_before_ms: terms.not_before_ms,
            not_after_ms: terms.not_after_ms,
            tbs: draft.digest(),
            root: Some(intermediate.root),
        });
        let admitted = self.submit(actor, command).await?;
        let leaf = draft.finish(&self.receipt(admitted.index).await?, &intermediate.issuer)?;
        Ok((leaf, Made { spiffe_id, terms, intermediate, index: admitted.index }))
    }

    /// Makes the certificate a gateway shows to machines, for these host names.
    pub async fn certify_server(&self, hosts: &[String]) -> Result<ServerCertificate, IssueFailure> {
        let key = key_pair()?;
        let terms = terms(serial()?, self.now_ms(), SERVER_LIFE_MS);
        let intermediate = self.ca.servers();
        let secret = Zeroizing::new(key.serialize_der());
        let public_key = Sha256::digest(rcgen::PublicKeyData::subject_public_key_info(&key)).into();
        let key = MemoryKey::new(key).map_err(IssueError::from)?;
        let leaf = intermediate.issuer.certify(&server_params(hosts, terms)?, &key)?;
        let command = Command::CertifyServer {
            hosts: hosts.to_vec(),
            serial: terms.serial,
            public_key,
            not_after_ms: terms.not_after_ms,
        };
        self.submit(Actor::System, command).await?;
        Ok(ServerCertificate {
            chain: vec![leaf.der, intermediate.certificate.der.clone()],
            key: secret,
            not_after_ms: terms.not_after_ms,
        })
    }
}

/// Whether a key may be certified under these terms.
fn allows_key(allowed: &IssuanceTerms, key: Option<KeyAlgorithm>) -> Result<(), SubmitError> {
    if key.is_some_and(|key| allowed.algorithms.contains(&key)) {
        return Ok(());
    }
    let kinds: Vec<&str> = allowed.algorithms.iter().map(|known| known.as_str()).collect();
    let found = key.map_or("of a kind that is not known here", KeyAlgorithm::as_str);
    Err(not_entitled(
        format!("the key is {found}: {}", allowed.cited()),
        format!("make a key of the kind {}", kinds.join(" or ")),
    ))
}

pub(crate) fn not_entitled(reason: impl Into<String>, help: impl Into<String>) -> SubmitError {
    SubmitError::Refused(registry::Refusal {
        kind: registry::RefusalKind::NotEntitled,
        reason: reason.into(),
        help: help.into(),
    })
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
