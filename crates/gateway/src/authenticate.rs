//! Who is at the other end: the certificate's SPIFFE ID, and the identity the registry has under it.

use crate::Ports;
use credential::{Svid, SvidError};
use registry::{IdentityId, Name};
use rustls::ServerConnection;
use std::net::SocketAddr;
use std::sync::PoisonError;

/// A peer whose certificate chain and profile hold. Whether it may do anything is decided per request.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) svid: Svid,
    pub(crate) address: SocketAddr,
}

impl Peer {
    /// Reads the certificate that the handshake verified.
    pub(crate) fn authenticate(tls: &ServerConnection, address: SocketAddr) -> Result<Self, SvidError> {
        let leaf = tls.peer_certificates().and_then(|chain| chain.first()).ok_or(SvidError::Malformed)?;
        Ok(Self { svid: Svid::parse(leaf)?, address })
    }

    /// The identity of this SPIFFE ID, if the trust domain is ours and the registry knows it.
    pub(crate) fn identity(&self, ports: &Ports) -> Option<IdentityId> {
        let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
        let state = rules.state();
        if state.trust_domain.as_deref() != Some(self.svid.id.trust_domain().as_str()) {
            return None;
        }
        let (party, machine) = self.svid.id.path().strip_prefix('/')?.split_once('/')?;
        let machine: Name = machine.parse().ok()?;
        state.identity_named(state.party_named(party)?.id, &machine).map(|identity| identity.id)
    }
}
