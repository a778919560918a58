//! Envoy's secret discovery service, v3, on the same socket and by the same rules as the Workload API. Names: a
//! SPIFFE ID or `default` is a certificate, `spiffe://<trust domain>` or `ROOTCA` what peers of one trust domain are
//! verified by, `ALL` what peers of each trust domain are: each by its own roots.
//!
//! Envoy keeps a secret when its stream ends. When a machine may have no certificate any more, it is therefore
//! given one that nobody accepts, so that no new connection can be made with the old one; what is open already
//! is for Envoy to end. In the same way a trust domain that is not trusted, or no more, gets a root that nothing leads
//! to. Another trust domain's roots never stand alone: Envoy is told for which SPIFFE IDs they count.

use crate::caller::Caller;
use crate::proto::sds::secret::Kind;
use crate::proto::sds::secret_discovery_service_server::SecretDiscoveryService;
use crate::proto::sds::spiffe_cert_validator_config::TrustDomain as ByDomain;
use crate::proto::sds::{
    CertificateValidationContext, DataSource, DiscoveryRequest, DiscoveryResponse, Secret,
    SpiffeCertValidatorConfig, TlsCertificate, TypedExtensionConfig, data_source::Specifier,
};
use crate::svids::Newest;
use crate::workload_api::{WorkloadApi, any_changed, look_again};
use crate::{Bundle, Entitlement, refuse};
use credential::TrustDomain;
use prost::Message as _;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::sync::OnceLock;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
/// The machine's default certificate.
const DEFAULT: &str = "default";
/// What peers of the trust domain are verified by.
const ROOT: &str = "ROOTCA";
/// What peers of every trust domain are verified by, each by its own.
const ALL: &str = "ALL";
/// Envoy's validator that picks the roots by the trust domain of the peer's SPIFFE ID.
const SPIFFE_VALIDATOR: &str = "envoy.tls.cert_validator.spiffe";
const SPIFFE_VALIDATOR_CONFIG: &str =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";
/// Names one stream may ask for.
const NAMES_MAX: usize = 64;
/// Responses that may wait for a slow reader.
const WAITING_MAX: usize = 4;

/// The service.
#[derive(Clone)]
pub(crate) struct Sds(pub(crate) WorkloadApi);

type Secrets = (Vec<Secret>, Vec<watch::Receiver<Newest>>);

impl Sds {
    /// The secrets of these names for a caller; all of them when no name is given.
    async fn secrets(&self, caller: &Caller, names: &[String]) -> Result<Secrets, Status> {
        if names.len() > NAMES_MAX {
            return Err(refuse::invalid(format!("more than {NAMES_MAX} names in one stream")));
        }
        let (evidence, entitled) = self.0.entitled(caller).await?;
        let bundle = self.0.issuer().bundle();
        let machines: Vec<_> = entitled.iter().map(|machine| machine.identity).collect();
        let federated = self.0.issuer().federated(&machines);
        let all = [DEFAULT.to_owned(), ROOT.to_owned()];
        let (mut secrets, mut listening) = (Vec::new(), Vec::new());
        for name in if names.is_empty() { &all[..] } else { names } {
            if name == ALL {
                let known = std::iter::once(&bundle).chain(&federated);
                let each = known.map(|bundle| (bundle.trust_domain.clone(), roots(bundle)));
                // One without roots is left out: Envoy accepts nobody of it.
                secrets
                    .push(validation_by_domain(name, each.filter(|(_, roots)| !roots.is_empty()).collect()));
                continue;
            }
            if name == ROOT || *name == bundle.trust_domain.uri() {
                secrets.push(validation(name, roots(&bundle)));
                continue;
            }
            if let Some(domain) = name.strip_prefix("spiffe://").and_then(|name| name.parse().ok()) {
                let known = federated.iter().find(|bundle| bundle.trust_domain == domain);
                if known.is_none() {
                    tracing::warn!(
                        name,
                        "Envoy is told to accept nobody of a trust domain that is not trusted"
                    );
                }
                let roots = known.map(roots).filter(|roots| !roots.is_empty());
                let roots = roots.map_or_else(nothing_leads_here, Ok)?;
                secrets.push(validation_by_domain(name, vec![(domain, roots)]));
                continue;
            }
            let machine = named(&entitled, name)
                .ok_or_else(|| refuse::invalid(format!("there is no secret `{name}` for this caller")))?;
            let newest = self.0.svids().of(machine.identity, &evidence).await;
            let mut receiver = newest.map_err(|error| refuse::unissued(&error))?;
            let svid = receiver.borrow_and_update().clone().map_err(|error| refuse::unissued(&error))?;
            let chain = svid.certificates().iter().map(|der| pem("CERTIFICATE", der)).collect::<String>();
            secrets.push(certificate(name, chain, pem("PRIVATE KEY", &svid.key)));
            listening.push(receiver);
        }
        Ok((secrets, listening))
    }

    async fn run(
        self,
        caller: Caller,
        mut asked: Streaming<DiscoveryRequest>,
        answers: mpsc::Sender<Result<DiscoveryResponse, Status>>,
    ) {
        let mut entitlements = self.0.issuer().entitlements();
        let mut stream = Told::default();
        let mut names: Option<Vec<String>> = None;
        let mut listening: Vec<watch::Receiver<Newest>> = Vec::new();
        loop {
            tokio::select! {
                message = asked.message() => match message {
                    Ok(Some(message)) => match stream.read(&message, names.as_deref()) {
                        Read::Nothing => continue,
                        Read::Names => names = Some(message.resource_names),
                        Read::Malformed(status) => return drop(answers.send(Err(status)).await),
                    },
                    Ok(None) | Err(_) => return,
                },
                () = answers.closed() => return,
                () = caller.ended() => return,
                () = self.0.stopped() => return drop(answers.send(Err(Status::unavailable("this host is stopping"))).await),
                changed = entitlements.changed() => if changed.is_err() { return },
                () = any_changed(&mut listening) => {}
                () = tokio::time::sleep(look_again()) => {}
            }
            let Some(wanted) = &names else { continue };
            match self.secrets(&caller, wanted).await {
                Ok((secrets, next)) => {
                    listening = next;
                    if let Some(answer) = stream.answer(secrets)
                        && answers.send(Ok(answer)).await.is_err()
                    {
                        return;
                    }
                }
                Err(status) => {
                    if status.code() == Code::PermissionDenied
                        && let Some(answer) = stream.worthless()
                    {
                        let _ = answers.send(Ok(answer)).await;
                    }
                    return drop(answers.send(Err(status)).await);
                }
            }
        }
    }
}

fn named<'e>(entitled: &'e [Entitlement], name: &str) -> Option<&'e Entitlement> {
    let of_name = || entitled.iter().find(|machine| machine.spiffe_id.to_string() == name);
    if name == DEFAULT { entitled.first() } else { of_name() }
}

/// What a stream was told.
#[derive(Default)]
struct Told {
    version: u64,
    /// The version that the client last said it does not accept.
    refused: u64,
    secrets: Vec<Secret>,
}

/// What a message of the client asks for.
enum Read {
    /// An acknowledgement, or what is stale.
    Nothing,
    /// These names from now on.
    Names,
    /// It breaks the protocol.
    Malformed(Status),
}

impl Told {
    fn read(&mut self, message: &DiscoveryRequest, names: Option<&[String]>) -> Read {
        if !message.type_url.is_empty() && message.type_url != SECRET {
            return Read::Malformed(refuse::invalid(format!(
                "there are no resources of type `{}` here",
                message.type_url
            )));
        }
        if let Some(error) = &message.error_detail
            && self.refused != self.version
        {
            // It goes on with what it had; so do we. Said once, however often it says so.
            self.refused = self.version;
            tracing::warn!(error = %error.message, "Envoy did not accept a secret");
        }
        let stale = !message.response_nonce.is_empty() && message.response_nonce != self.version.to_string();
        if stale || names.is_some_and(|names| *names == message.resource_names) {
            return Read::Nothing;
        }
        Read::Names
    }

    /// The next answer, unless nothing changed.
    fn answer(&mut self, secrets: Vec<Secret>) -> Option<DiscoveryResponse> {
        if self.version > 0 && self.secrets == secrets {
            return None;
        }
        self.version += 1;
        self.secrets = secrets;
        let any =
            |secret: &Secret| prost_types::Any { type_url: SECRET.to_owned(), value: secret.encode_to_vec() };
        Some(DiscoveryResponse {
            version_info: self.version.to_string(),
            resources: self.secrets.iter().map(any).collect(),
            type_url: SECRET.to_owned(),
            nonce: self.version.to_string(),
        })
    }

    /// The same names, with certificates that nobody accepts.
    fn worthless(&mut self) -> Option<DiscoveryResponse> {
        if self.version == 0 {
            return None;
        }
        let (chain, key) = worthless()?;
        let secrets = self.secrets.iter().map(|secret| match &secret.kind {
            Some(Kind::TlsCertificate(_)) => certificate(&secret.name, chain.clone(), key.clone()),
            Some(Kind::ValidationContext(_)) | None => secret.clone(),
        });
        let secrets = secrets.collect();
        self.answer(secrets)
    }
}

/// A certificate that expired long ago, of no authority, and its key.
fn worthless() -> Option<(String, String)> {
    let key = KeyPair::generate().ok()?;
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2000, 1, 2);
    Some((params.self_signed(&key).ok()?.pem(), key.serialize_pem()))
}

/// A root that nothing leads to: nobody has its key. The same while the process lives.
fn nothing_leads_here() -> Result<String, Status> {
    static MADE: OnceLock<Option<String>> = OnceLock::new();
    let made = MADE.get_or_init(|| worthless().map(|(certificate, _)| certificate));
    made.clone().ok_or_else(|| Status::internal("a root that nothing leads to could not be made"))
}

/// The roots of a trust domain (PEM).
fn roots(bundle: &Bundle) -> String {
    bundle.roots.iter().map(|root| pem("CERTIFICATE", root)).collect()
}

/// What peers of these trust domains are verified by: each SPIFFE ID by the roots (PEM) of its own.
fn validation_by_domain(name: &str, domains: Vec<(TrustDomain, String)>) -> Secret {
    let by_domain = |(domain, roots): (TrustDomain, String)| ByDomain {
        name: domain.to_string(),
        trust_bundle: Some(inline(roots)),
    };
    let config = SpiffeCertValidatorConfig { trust_domains: domains.into_iter().map(by_domain).collect() };
    let typed_config =
        prost_types::Any { type_url: SPIFFE_VALIDATOR_CONFIG.to_owned(), value: config.encode_to_vec() };
    let validator =
        TypedExtensionConfig { name: SPIFFE_VALIDATOR.to_owned(), typed_config: Some(typed_config) };
    let kind = CertificateValidationContext { trusted_ca: None, custom_validator_config: Some(validator) };
    Secret { name: name.to_owned(), kind: Some(Kind::ValidationContext(kind)) }
}

fn certificate(name: &str, chain: String, key: String) -> Secret {
    let kind = TlsCertificate { certificate_chain: Some(inline(chain)), private_key: Some(inline(key)) };
    Secret { name: name.to_owned(), kind: Some(Kind::TlsCertificate(kind)) }
}

fn validation(name: &str, roots: String) -> Secret {
    let kind =
        CertificateValidationContext { trusted_ca: Some(inline(roots)), custom_validator_config: None };
    Secret { name: name.to_owned(), kind: Some(Kind::ValidationContext(kind)) }
}

fn inline(text: String) -> DataSource {
    DataSource { specifier: Some(Specifier::InlineBytes(text.into_bytes())) }
}

fn pem(label: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(label, der))
}

/// Envoy sends no security header: what it asks for is not of the Workload API.
fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Status::unavailable("the caller cannot be told"))
}

#[tonic::async_trait]
impl SecretDiscoveryService for Sds {
    type StreamSecretsStream = ReceiverStream<Result<DiscoveryResponse, Status>>;

    async fn stream_secrets(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamSecretsStream>, Status> {
        let caller = caller(&request)?;
        let (answers, stream) = mpsc::channel(WAITING_MAX);
        tokio::spawn(self.clone().run(caller, request.into_inner(), answers));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn fetch_secrets(
        &self,
        request: Request<DiscoveryRequest>,
    ) -> Result<Response<DiscoveryResponse>, Status> {
        let caller = caller(&request)?;
        let mut told = Told::default();
        let (secrets, _) = self.secrets(&caller, &request.get_ref().resource_names).await?;
        told.answer(secrets).map(Response::new).ok_or_else(|| Status::internal("there is no answer"))
    }
}
