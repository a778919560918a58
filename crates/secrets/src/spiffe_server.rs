//! Servers that are recognised by their SPIFFE ID and not by their host name (X509-SVID §5).

use credential::{SpiffeId, svid};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// Accepts the server with one SPIFFE ID, certified under the roots of that ID's trust domain.
#[derive(Debug)]
pub(crate) struct SpiffeServer {
    pub(crate) id: SpiffeId,
    pub(crate) roots: RootCertStore,
    pub(crate) provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for SpiffeServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        match svid::spiffe_id(end_entity) {
            Ok(id) if id == self.id => Ok(ServerCertVerified::assertion()),
            Ok(other) => Err(Error::General(format!("the server is `{other}`, not `{}`", self.id))),
            Err(error) => Err(Error::General(format!("the server shows no X.509-SVID: {error}"))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl SpiffeServer {
    /// Whoever has this ID, by these roots (DER).
    pub(crate) fn new(
        roots: Vec<Vec<u8>>,
        id: SpiffeId,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut store = RootCertStore::empty();
        let (usable, _) = store.add_parsable_certificates(roots.into_iter().map(CertificateDer::from));
        if usable == 0 {
            return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        }
        Ok(Self { id, roots: store, provider })
    }
}
