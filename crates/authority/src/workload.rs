//! Credentials for workloads that a host recognised: X.509-SVIDs for keys it made, and JWT-SVIDs.

use crate::Authority;
use crate::ca::serial;
use crate::issue::{IssueFailure, not_entitled};
use credential::foreign::IssuerKeys;
use credential::issue::CertifiedKey;
use credential::jwt::{self, DEFAULT_LIFE_MS, SvidKeys};
use credential::{
    IssueError, JwtClaims, JwtError, JwtPublicKey, ProcessEvidence, Recognised, SpiffeId, Unrecognised,
};
use registry::command::{IssueGround, JwtRequest};
use registry::{Actor, Attested, Command, Event, IdentityId, Millis, Standing};
use serde_json::{Map, Value};

/// An X.509-SVID for a key that somebody else holds.
#[derive(Clone, Debug)]
pub struct IssuedSvid {
    /// Leaf and intermediate, DER.
    pub chain: Vec<Vec<u8>>,
    /// Whose it is.
    pub spiffe_id: SpiffeId,
    /// Its serial number.
    pub serial: [u8; 16],
    /// The root it rests on.
    pub root: [u8; 32],
    /// From when it is valid.
    pub not_before_ms: Millis,
    /// When it expires.
    pub not_after_ms: Millis,
    /// The issuance's index in the control ledger.
    pub index: u64,
}

impl Authority {
    /// The machines a process is, its default identity first.
    pub fn recognise(&self, evidence: &ProcessEvidence) -> Result<Vec<Recognised>, Unrecognised> {
        credential::recognise(self.rules().state(), evidence)
    }

    /// The SPIFFE ID of a machine, if it is registered.
    pub fn spiffe_id(&self, identity: IdentityId) -> Option<SpiffeId> {
        let rules = self.rules();
        let found = rules.state().identities.get(&identity)?;
        let party = rules.state().parties.get(&found.party)?;
        Some(self.ca.trust_domain().machine(&party.name, &found.name))
    }

    /// Certifies a key that a host made for a workload it recognised.
    pub async fn issue_attested(
        &self,
        identity: IdentityId,
        spki: &[u8],
        attested: Attested,
    ) -> Result<IssuedSvid, IssueFailure> {
        let key = CertifiedKey::held(spki)?;
        let ground = IssueGround::Attested(attested);
        let (leaf, made) = self.certify(Actor::System, identity, ground, &key).await?;
        Ok(IssuedSvid {
            chain: vec![leaf.der, made.intermediate.certificate.der.clone()],
            spiffe_id: made.spiffe_id,
            serial: made.terms.serial,
            root: made.intermediate.root,
            not_before_ms: made.terms.not_before_ms,
            not_after_ms: made.terms.not_after_ms,
            index: made.index,
        })
    }

    /// Signs a JWT-SVID for a workload that a host recognised. It is on record before it leaves.
    pub async fn issue_jwt(
        &self,
        identity: IdentityId,
        audiences: Vec<String>,
        attested: Attested,
    ) -> Result<(SpiffeId, String), IssueFailure> {
        let now_ms = self.now_ms();
        let unknown = || IssueError::Failed("the identity is not registered".into());
        let subject = self.spiffe_id(identity).ok_or_else(unknown)?;
        let allowed = self.issuance_terms(identity)?;
        if let Some(other) = audiences.iter().find(|audience| !allowed.allows_audience(audience)) {
            let help = "ask for a token for an audience that the machine's instruments name";
            return Err(
                not_entitled(format!("no token may be for `{other}`: {}", allowed.cited()), help).into()
            );
        }
        let life_ms = allowed.life_max_ms.min(DEFAULT_LIFE_MS);
        let jti: [u8; 16] = serial()?;
        // Whole seconds are what a token can say.
        let not_after_ms = (now_ms + life_ms) / 1_000 * 1_000;
        let claims = JwtClaims {
            subject: subject.clone(),
            audiences: audiences.clone(),
            issued_ms: now_ms,
            begins_ms: 0,
            expires_ms: not_after_ms,
            jti: contract::canonical::hex(&jti),
            clauses: allowed.clauses,
        };
        let signer = self.jwt.signer();
        let token = signer.sign(&claims)?;
        let kid = signer.kid().to_owned();
        let request = JwtRequest { identity, jti, audiences, kid, not_after_ms, attested };
        self.submit(Actor::System, Command::IssueJwt(request)).await?;
        Ok((subject, token))
    }

    /// The keys by which this trust domain's JWT-SVIDs are verified.
    pub fn jwt_keys(&self) -> Vec<JwtPublicKey> {
        jwt::live_keys(self.rules().state(), self.now_ms())
    }

    /// Verifies a JWT-SVID for machines that ask: of this trust domain, or of one that theirs is federated with, by its
    /// own keys and no others. Gives its subject and all its claims.
    pub fn validate_jwt(
        &self,
        asking: &[IdentityId],
        audience: &str,
        token: &str,
    ) -> Result<(SpiffeId, Map<String, Value>), JwtError> {
        let own = self.ca.trust_domain();
        let other = jwt::claimed_trust_domain(token).filter(|of| of != own);
        if let Some(other) = other
            && let Some(bundle) = self.federated(asking).get(&other)
        {
            let keys = IssuerKeys::of_bundle(&bundle.jwks).map_err(|_| JwtError::Signature(other.clone()))?;
            let verified = jwt::verify(token, &other, SvidKeys::Federated(&keys), audience, self.now_ms());
            return verified.map(|(claims, all)| (claims.subject, all));
        }
        let keys = self.jwt_keys();
        let (claims, all) = jwt::verify(token, own, SvidKeys::Own(&keys), audience, self.now_ms())?;
        // What a signature cannot say: whether its machine may act still.
        let subject = claims.subject;
        match self.rules().state().identity_of_path(subject.path()).map(|one| one.standing(self.now_ms())) {
            Some(Standing::Good) => Ok((subject, all)),
            Some(Standing::Refused(why)) => Err(JwtError::Subject(format!("{subject} {why}"))),
            None => Err(JwtError::Subject(format!("{subject} is not registered"))),
        }
    }
}

/// Whether an event changes the roots that certificates may lead to: what whoever verifies them watches.
pub(crate) fn is_of_roots(event: &Event) -> bool {
    matches!(
        event,
        Event::RootActivated { .. }
            | Event::RootPrepared { .. }
            | Event::RootRetired { .. }
            | Event::RootTainted { .. }
    )
}

/// Whether an event can change at once what a workload is given: what hosts watch. A key more for everybody to know is
/// not of that kind: each stream comes to it in its own time, so that no fleet comes at once.
pub(crate) fn may_entitle(event: &Event) -> bool {
    match event {
        Event::CredentialRevoked { .. }
        | Event::DepartureStepTaken { .. }
        | Event::FederationEnded { .. }
        | Event::InstanceBarred { .. }
        | Event::InstancesReadmitted { .. }
        | Event::RootActivated { .. }
        | Event::RootRetired { .. }
        | Event::RootTainted { .. }
        | Event::KeyBarred { .. }
        | Event::IdentityActivated { .. }
        | Event::IdentityResumed { .. }
        | Event::IdentityRetired { .. }
        | Event::IdentityRevoked { .. }
        | Event::IdentitySuspended { .. }
        | Event::InstrumentEnded { .. }
        | Event::InstrumentInForce { .. }
        | Event::InstrumentRenewed { .. }
        | Event::TrialBegun { .. }
        | Event::TrialEnded { .. }
        | Event::NoticeGiven { .. }
        | Event::OfficeOffered { .. }
        | Event::OwnershipAccepted { .. }
        | Event::PersonLeft { .. }
        | Event::WorkloadRecognized { .. } => true,
        Event::AccountLinked { .. }
        | Event::AccountUnlinked { .. }
        | Event::SecurityEventReceived { .. }
        | Event::AuthorityGranted { .. }
        | Event::AuthorityWithdrawn { .. }
        | Event::CredentialIssued { .. }
        | Event::Established { .. }
        | Event::EstateExamined { .. }
        | Event::FederatedBundleRead { .. }
        | Event::FederatedBundleUnread { .. }
        | Event::FederationEstablished(_)
        | Event::IdentityProposed(_)
        | Event::InstrumentDrafted(_)
        | Event::InstrumentExamined { .. }
        | Event::InstrumentSigned { .. }
        | Event::IssuerDropped { .. }
        | Event::IssuerKeysRead { .. }
        | Event::IssuerKeysUnread { .. }
        | Event::IssuerTrusted(_)
        | Event::JoinRuled { .. }
        | Event::JoinTokenCreated { .. }
        | Event::JwtKeyPublished { .. }
        | Event::RootPrepared { .. }
        | Event::JwtIssued { .. }
        | Event::LogAnchored { .. }
        | Event::PartyRegistered(_)
        | Event::PersonRegistered(_)
        | Event::SecretChanged { .. }
        | Event::SecretSealed { .. }
        | Event::ServerCertified { .. }
        | Event::ServiceRegistered(_) => false,
    }
}
