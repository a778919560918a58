//! Who is at the other end: the certificate's SPIFFE ID, and the identity the registry has under it.

use crate::Ports;
use credential::{LedgerKey, NotLogged, Svid, SvidError, logged};
use registry::IdentityId;
use rustls::ServerConnection;
use std::net::SocketAddr;
use std::sync::PoisonError;

/// A peer whose certificate chain and profile hold. Whether it may do anything is decided per request.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) svid: Svid,
    pub(crate) address: SocketAddr,
    /// What its certificate lacks of a proof that the ledger knows of it.
    pub(crate) unproven: Option<NotLogged>,
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
        Ok(Self { svid, address, unproven: logged::verify(leaf, ledger).err() })
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
