//! Who is at the other end: the SPIFFE ID of its certificate, or of its token where it may show one, and the identity the
//! registry has under it.

use crate::Ports;
use credential::jwt::{self, JwtError, SvidKeys};
use credential::{LedgerKey, NotLogged, Svid, SvidError, TrustDomain, logged};
use policy::Rules;
use registry::{CredentialKind, IdentityId};
use rustls::ServerConnection;
use std::net::SocketAddr;
use std::sync::PoisonError;

/// Why a token shows nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// Nothing was said of whose it could be.
    #[error("the trust domain has no name yet, so no token is of it")]
    NoTrustDomain,
    /// It is not one of the trust domain's for this audience.
    #[error(transparent)]
    Jwt(#[from] JwtError),
}

/// A peer whose certificate chain and profile hold. Whether it may do anything is decided per request.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) svid: Svid,
    pub(crate) address: SocketAddr,
    /// What its certificate lacks of a proof that the ledger knows of it.
    pub(crate) unproven: Option<NotLogged>,
    /// What it showed.
    kind: CredentialKind,
}

impl Peer {
    /// Reads the certificate that the handshake verified.
    pub(crate) fn authenticate(
        tls: &ServerConnection,
        address: SocketAddr,
        ledger: &LedgerKey,
    ) -> Result<Self, SvidError> {
        let leaf = tls.peer_certificates().and_then(|chain| chain.first()).ok_or(SvidError::Malformed)?;
        Self::of(leaf, address, ledger)
    }

    /// The holder of a certificate whose chain somebody verified.
    pub(crate) fn of(leaf: &[u8], address: SocketAddr, ledger: &LedgerKey) -> Result<Self, SvidError> {
        let svid = Svid::parse(leaf)?;
        let unproven = logged::verify(leaf, ledger).err();
        Ok(Self { svid, address, unproven, kind: CredentialKind::Certificate })
    }

    /// The holder of a JWT-SVID that is for this audience (JWT-SVID §4). That the ledger knows of it is looked up under its
    /// id: a signature alone shows nothing, whoever has the key can make one.
    pub(crate) fn of_token(
        token: &str,
        audience: &str,
        address: SocketAddr,
        ports: &Ports,
    ) -> Result<Self, TokenError> {
        let now_ms = (ports.clock)();
        let (trust_domain, keys) = {
            let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
            let state = rules.state();
            let trust_domain = state.trust_domain.as_deref().and_then(|name| name.parse().ok());
            (trust_domain, jwt::live_keys(state, now_ms))
        };
        let trust_domain: TrustDomain = trust_domain.ok_or(TokenError::NoTrustDomain)?;
        let (claims, _) = jwt::verify(token, &trust_domain, SvidKeys::Own(&keys), audience, now_ms)?;
        let serial = claims.id().ok_or(JwtError::Claim("jti"))?;
        let svid = Svid {
            id: claims.subject,
            serial,
            not_after_ms: claims.expires_ms,
            // A token that says anything else under the same id is another.
            public_key: registry::token_digest(&claims.audiences, claims.expires_ms),
            key_algorithm: "",
        };
        Ok(Self { svid, address, unproven: None, kind: CredentialKind::Token })
    }

    /// The identity, and what keeps what it showed from being what the ledger knows.
    pub(crate) fn known(&self, ports: &Ports) -> (Option<IdentityId>, Option<String>) {
        let identity = self.identity(ports);
        let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
        (identity, self.problem(&rules))
    }

    /// What keeps what it showed from being what the ledger knows under its number.
    pub(crate) fn problem(&self, rules: &Rules) -> Option<String> {
        // A serial number alone shows nothing: whoever has the authority's key can give any certificate any number.
        let known = rules.state().credentials.get(&self.svid.serial);
        let shown = self.kind;
        if known.is_some_and(|known| known.kind != shown || known.public_key != self.svid.public_key) {
            let number = match shown {
                CredentialKind::Certificate => "serial number",
                CredentialKind::Token => "id",
            };
            return Some(format!("the {shown} presented is not the one in the ledger under its {number}"));
        }
        let lack = self.unproven.as_ref()?;
        Some(format!("the {shown} presented is not shown to be in the ledger: {lack}"))
    }

    /// The identity of this SPIFFE ID, if the trust domain is ours and the registry knows it.
    pub(crate) fn identity(&self, ports: &Ports) -> Option<IdentityId> {
        let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
        let state = rules.state();
        if state.trust_domain.as_deref() != Some(self.svid.id.trust_domain().as_str()) {
            return None;
        }
        state.identity_of_path(self.svid.id.path()).map(|identity| identity.id)
    }
}
