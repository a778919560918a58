//! The server's side: TLS whose certificate is verified, a login by SCRAM bound to it or by a certificate of the gateway's own, a
//! session.

use crate::limits::{CONNECT_TIME_MAX, DATABASE_LOGIN_TIME_MAX, SERVER_MESSAGE_BYTES_MAX};
use bytes::{Buf as _, BytesMut};
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use registry::DatabaseAddress;
use rustls::crypto::aws_lc_rs::sign;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use sha2::Digest as _;
use sql::catalog::Row;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use wire::postgres::backend::{self, Authentication};
use wire::postgres::frame::{HEADER_BYTES, Header};
use wire::postgres::startup::{CancelKey, SSL_REQUEST};
use wire::postgres::{Malformed, error_response, frontend, startup};
use zeroize::Zeroizing;

/// A connection in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Why there is no session with a server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("the database at {0} cannot be reached: {1}")]
    Unreachable(String, String),
    #[error("the database speaks no TLS; where none is needed its address ends in `?sslmode=disable`")]
    NoTls,
    #[error("the database did not let the gateway in: {0}")]
    Refused(String),
    #[error("the database has no room for another session: {0}")]
    Full(String),
    #[error(
        "the database asks for a password in a way in which it could be overheard; SCRAM-SHA-256 is spoken"
    )]
    NoScram,
    #[error(
        "the database asks for a password, and the gateway has a certificate for it: `hostssl … cert` lets that in"
    )]
    NoCertificate,
    #[error("a certificate is shown over TLS only: the address of the service ends in `?sslmode=disable`")]
    NoTlsForCertificate,
    #[error("the secret `{0}` is not in the sealed store: set it with `writ secret set`, as `user:password`")]
    NoSecret(String),
    #[error(
        "the secret `{0}` is not of the form `user:password`, nor a line with the user and then certificates and a key (PEM)"
    )]
    BadSecret(String),
    #[error("the sealed store failed: {0}")]
    Secrets(String),
    #[error("the database did not answer within {0:?}")]
    Late(std::time::Duration),
    #[error("{0}: statements are looked into in UTF8, with backslashes that are backslashes")]
    Setting(String),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the connection to the database broke: {0}")]
    Io(#[from] io::Error),
}

/// A server, and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: DatabaseAddress,
    pub(crate) tls: Arc<rustls::ClientConfig>,
}

/// Who is let in.
pub(crate) struct Login {
    user: String,
    proof: Proof,
}

/// By what.
enum Proof {
    Password(Zeroizing<Vec<u8>>),
    /// A certificate and its key, shown in TLS.
    Certificate(Arc<SingleCertAndKey>),
}

impl Login {
    /// From `user:password`; or from a line with the user, and after it certificates and a key (PEM).
    pub(crate) fn of(secret: &Zeroizing<Vec<u8>>) -> Option<Self> {
        if let Some(at) = secret.windows(PEM.len()).position(|window| window == PEM) {
            let (user, pem) = secret.split_at(at);
            return Self::with_certificate(std::str::from_utf8(user).ok()?.trim(), pem);
        }
        let at = secret.iter().position(|byte| *byte == b':')?;
        let (user, password) = secret.split_at(at);
        let password = Zeroizing::new(password.get(1..)?.to_vec());
        let user = std::str::from_utf8(user).ok().filter(|user| !user.is_empty())?.to_owned();
        Some(Self { user, proof: Proof::Password(password) })
    }

    fn with_certificate(user: &str, pem: &[u8]) -> Option<Self> {
        let chain: Vec<CertificateDer<'_>> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
        let key = sign::any_supported_type(&PrivateKeyDer::from_pem_slice(pem).ok()?).ok()?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().ok()?;
        let plain = !user.is_empty() && !user.contains(char::is_whitespace);
        let proof = Proof::Certificate(Arc::new(SingleCertAndKey::from(certified)));
        plain.then(|| Self { user: user.to_owned(), proof })
    }
}

/// How what is PEM begins.
const PEM: &[u8] = b"-----BEGIN ";

/// A session with a server.
pub(crate) struct Upstream {
    pub(crate) stream: Box<dyn Duplex>,
    /// What it reported of itself.
    pub(crate) parameters: Vec<(String, String)>,
    /// What cancels what it runs.
    pub(crate) key: Option<CancelKey>,
    /// What it said and nobody read yet.
    pub(crate) heard: BytesMut,
    /// When it was begun.
    pub(crate) begun: Instant,
    /// Where it can be kept: as whom it was let in.
    pub(crate) standing: Vec<Row>,
}

impl Server {
    fn name(&self) -> String {
        format!("{}:{}", self.address.host, self.address.port)
    }

    /// Begins a session.
    pub(crate) async fn login(
        &self,
        login: &Login,
        parameters: &[(&str, &str)],
    ) -> Result<Upstream, UpstreamError> {
        let begun = tokio::time::timeout(DATABASE_LOGIN_TIME_MAX, self.begin(login, parameters));
        begun.await.map_err(|_| UpstreamError::Late(DATABASE_LOGIN_TIME_MAX))?
    }

    async fn begin(&self, login: &Login, parameters: &[(&str, &str)]) -> Result<Upstream, UpstreamError> {
        let (stream, binding) = self.open(Some(login)).await?;
        let (heard, begun) = (BytesMut::new(), Instant::now());
        let standing = Vec::new();
        let mut upstream = Upstream { stream, parameters: Vec::new(), key: None, heard, begun, standing };
        let mut given = vec![("user", login.user.as_str()), ("database", self.address.database.as_str())];
        given.extend(parameters);
        upstream.stream.write_all(&startup::startup(&given)).await?;
        upstream.stream.flush().await?;
        upstream.authenticate(login, binding).await?;
        upstream.settle().await?;
        Ok(upstream)
    }

    /// Connects; gives what SCRAM is bound to where there is TLS.
    async fn open(&self, login: Option<&Login>) -> Result<(Box<dyn Duplex>, Option<Vec<u8>>), UpstreamError> {
        let unreachable = |why: String| UpstreamError::Unreachable(self.name(), why);
        let connected = tokio::time::timeout(
            CONNECT_TIME_MAX,
            TcpStream::connect((self.address.host.as_str(), self.address.port)),
        );
        let mut tcp = connected
            .await
            .map_err(|_| unreachable("it did not answer in time".to_owned()))?
            .map_err(|error| unreachable(error.to_string()))?;
        let _ = tcp.set_nodelay(true);
        let shown = login.and_then(|login| match &login.proof {
            Proof::Certificate(shown) => Some(shown.clone()),
            Proof::Password(_) => None,
        });
        if self.address.clear {
            if shown.is_some() {
                return Err(UpstreamError::NoTlsForCertificate);
            }
            return Ok((Box::new(tcp), None));
        }
        tcp.write_all(&SSL_REQUEST).await?;
        if tcp.read_u8().await? != b'S' {
            return Err(UpstreamError::NoTls);
        }
        let name = ServerName::try_from(self.address.host.clone())
            .map_err(|_| unreachable("it has no name a certificate could have".to_owned()))?;
        let mut tls = self.tls.clone();
        if let Some(shown) = shown {
            Arc::make_mut(&mut tls).client_auth_cert_resolver = shown;
        }
        let connector = TlsConnector::from(tls);
        let tls = connector.connect(name, tcp).await.map_err(|error| unreachable(error.to_string()))?;
        let leaf = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let binding = leaf.and_then(end_point);
        Ok((Box::new(tls), binding))
    }

    /// Ends what a session with this key is doing.
    pub(crate) async fn cancel(&self, key: &CancelKey) -> Result<(), UpstreamError> {
        let cancelled = async {
            let (mut stream, _) = self.open(None).await?;
            stream.write_all(&startup::cancel(key)).await?;
            stream.flush().await?;
            // The server closes when it has passed it on.
            let mut rest = [0; 16];
            while stream.read(&mut rest).await? > 0 {}
            Ok(())
        };
        let late = UpstreamError::Late(DATABASE_LOGIN_TIME_MAX);
        tokio::time::timeout(DATABASE_LOGIN_TIME_MAX, cancelled).await.map_err(|_| late)?
    }
}

/// What `tls-server-end-point` binds to (RFC 5929 §4.1): the digest of the certificate, by the algorithm it is signed with.
fn end_point(leaf: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(leaf).ok()?;
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    match algorithm.as_str() {
        // RSA and ECDSA with SHA-384 and SHA-512.
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(sha2::Sha384::digest(leaf).to_vec()),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(sha2::Sha512::digest(leaf).to_vec()),
        // With SHA-256; MD5 and SHA-1 count as that.
        "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.3.2"
        | "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.10045.4.1" => Some(sha2::Sha256::digest(leaf).to_vec()),
        _ => None,
    }
}

impl Upstream {
    async fn authenticate(&mut self, login: &Login, binding: Option<Vec<u8>>) -> Result<(), UpstreamError> {
        let mut scram: Option<ScramSha256> = None;
        let mut proven = false;
        loop {
            let (tag, body) = self.message().await?;
            if tag == b'E' {
                return Err(refused(&body));
            }
            if tag != b'R' {
                return Err(Malformed("something else stands where authentication should").into());
            }
            let mut out = Vec::new();
            match Authentication::read(&body)? {
                Authentication::Ok => {
                    // A server that knows nothing of the password is not the one the password is for; what a certificate
                    // is shown to is known by its own.
                    let known = proven || matches!(login.proof, Proof::Certificate(_));
                    return if known { Ok(()) } else { Err(UpstreamError::NoScram) };
                }
                Authentication::Sasl(mechanisms) => {
                    if scram.is_some() {
                        return Err(UpstreamError::NoScram);
                    }
                    let offers = |mechanism| mechanisms.contains(&mechanism);
                    let (mechanism, bound) = match &binding {
                        Some(end_point) if offers(SCRAM_SHA_256_PLUS) => {
                            (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(end_point.clone()))
                        }
                        // A server that did offer to be bound hears that it was not heard, and gives up (RFC 5802 §6).
                        Some(_) if offers(SCRAM_SHA_256) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
                        None if offers(SCRAM_SHA_256) => (SCRAM_SHA_256, ChannelBinding::unsupported()),
                        Some(_) | None => return Err(UpstreamError::NoScram),
                    };
                    let Proof::Password(password) = &login.proof else {
                        return Err(UpstreamError::NoCertificate);
                    };
                    let begun = ScramSha256::new(password, bound);
                    frontend::sasl_initial(&mut out, mechanism, begun.message());
                    scram = Some(begun);
                }
                Authentication::SaslContinue(said) => {
                    let scram = scram.as_mut().ok_or(UpstreamError::NoScram)?;
                    scram.update(said).map_err(|error| UpstreamError::Refused(error.to_string()))?;
                    frontend::password(&mut out, scram.message());
                }
                Authentication::SaslFinal(said) => {
                    let scram = scram.as_mut().ok_or(UpstreamError::NoScram)?;
                    scram.finish(said).map_err(|error| UpstreamError::Refused(error.to_string()))?;
                    proven = true;
                }
                Authentication::Cleartext | Authentication::Other(_) => return Err(UpstreamError::NoScram),
            }
            self.stream.write_all(&out).await?;
            self.stream.flush().await?;
        }
    }

    /// Until it is ready: what it reports of itself.
    async fn settle(&mut self) -> Result<(), UpstreamError> {
        loop {
            let (tag, body) = self.message().await?;
            match tag {
                b'S' => self.reports(&body)?,
                b'K' => self.key = Some(backend::key_data(&body)?),
                b'Z' => return Ok(()),
                b'N' | b'v' => {}
                b'E' => return Err(refused(&body)),
                _ => return Err(Malformed("something else stands where a session should begin").into()),
            }
        }
    }

    /// What it says of itself.
    fn reports(&mut self, body: &[u8]) -> Result<(), UpstreamError> {
        let (name, value) = backend::parameter_status(body)?;
        if let Some(problem) = sound(name, value) {
            return Err(UpstreamError::Setting(problem));
        }
        self.report(name, value);
        Ok(())
    }

    /// It was heard to say this of itself.
    pub(crate) fn report(&mut self, name: &str, value: &str) {
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.parameters.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Makes it one that was just begun.
    pub(crate) async fn reset(&mut self) -> Result<(), UpstreamError> {
        let mut out = Vec::new();
        // What failed before is over with that.
        frontend::sync(&mut out);
        frontend::query(&mut out, "DISCARD ALL");
        self.stream.write_all(&out).await?;
        self.stream.flush().await?;
        let (mut ready, mut done) = (0, false);
        while ready < 2 {
            let (tag, body) = self.message().await?;
            match tag {
                b'S' => self.reports(&body)?,
                b'C' if ready == 1 => done = true,
                b'Z' if body.as_ref() == b"I" => ready += 1,
                b'N' | b'A' => {}
                _ => return Err(Malformed("something else stands where a session is reset").into()),
            }
        }
        let clean = done && self.heard.is_empty();
        if clean { Ok(()) } else { Err(Malformed("a session was not reset").into()) }
    }

    /// Asks for rows in text, at most so many bytes of them.
    pub(crate) async fn ask(&mut self, query: &str, bytes_max: usize) -> Result<Vec<Row>, UpstreamError> {
        let mut out = Vec::new();
        frontend::query(&mut out, query);
        self.stream.write_all(&out).await?;
        self.stream.flush().await?;
        let (mut rows, mut bytes, mut failed) = (Vec::new(), 0, None);
        loop {
            let (tag, body) = self.message().await?;
            match tag {
                b'D' => {
                    bytes += body.len();
                    if bytes > bytes_max {
                        return Err(Malformed("an answer is longer than is read").into());
                    }
                    rows.push(backend::row(&body)?);
                }
                b'E' => failed = Some(error_response::read(&body)?.1),
                b'S' => self.reports(&body)?,
                b'Z' => return failed.map_or(Ok(rows), |failed| Err(UpstreamError::Refused(failed))),
                _ => {}
            }
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(mut self) {
        let mut out = Vec::new();
        frontend::terminate(&mut out);
        // Nothing is lost if it does not hear that.
        let _ = self.stream.write_all(&out).await;
        let _ = self.stream.shutdown().await;
    }

    async fn message(&mut self) -> Result<(u8, BytesMut), UpstreamError> {
        loop {
            if let Some(header) = Header::read(&self.heard)? {
                if header.body > SERVER_MESSAGE_BYTES_MAX {
                    return Err(Malformed("a message is longer than is read").into());
                }
                if self.heard.len() >= header.total() {
                    let mut message = self.heard.split_to(header.total());
                    message.advance(HEADER_BYTES);
                    return Ok((header.tag, message));
                }
            }
            if self.stream.read_buf(&mut self.heard).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

/// Why a server begins no session.
fn refused(body: &[u8]) -> UpstreamError {
    match error_response::read(body) {
        // too_many_connections
        Ok((code, message)) if code == "53300" => UpstreamError::Full(message),
        Ok((_, message)) => UpstreamError::Refused(message),
        Err(error) => error.into(),
    }
}

/// What makes a setting the server reports one under which its statements are not read as they were looked into.
pub(crate) fn sound(name: &str, value: &str) -> Option<String> {
    let wanted = match name {
        "server_encoding" | "client_encoding" => "UTF8",
        "standard_conforming_strings" => "on",
        _ => return None,
    };
    (value != wanted).then(|| format!("`{name}` is `{value}`"))
}
