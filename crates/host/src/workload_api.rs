//! The SPIFFE Workload API over what this host knows of its callers. Every message of a stream is the whole
//! state; a stream ends with the reason when the right to it ends.

use crate::attest::{attest, attest_at_once};
use crate::caller::Caller;
use crate::proto::spiffe_workload_api_server::SpiffeWorkloadApi;
use crate::proto::{
    JwtBundlesRequest, JwtBundlesResponse, Jwtsvid, JwtsvidRequest, JwtsvidResponse, ValidateJwtsvidRequest,
    ValidateJwtsvidResponse, X509BundlesRequest, X509BundlesResponse, X509svid, X509svidRequest,
    X509svidResponse,
};
use crate::svids::{Newest, Svids};
use crate::{Bundle, Clock, Entitlement, Issuer, refuse};
use credential::ProcessEvidence;
use registry::IdentityId;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::future::Future;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

/// The metadata every call must carry (SPIFFE Workload Endpoint §4).
const SECURITY_HEADER: &str = "workload.spiffe.io";
/// Messages that may wait for a slow reader; each is the whole state, so the last would do.
const WAITING_MAX: usize = 4;
/// How often the caller of an open stream is looked at anew at least: a process can become another program.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(3);
/// Streams look at times of their own, up to so much earlier: what is new for all of them does not bring all at once.
const LOOK_SPREAD_MS: u64 = 1_500;
/// Audiences of one request at most.
const AUDIENCES_MAX: usize = registry::admit::AUDIENCES_MAX;

/// The service.
#[derive(Clone)]
pub(crate) struct WorkloadApi {
    issuer: Arc<dyn Issuer>,
    svids: Arc<Svids>,
    stop: CancellationToken,
}

type Stream<T> = ReceiverStream<Result<T, Status>>;

impl WorkloadApi {
    pub(crate) fn new(issuer: Arc<dyn Issuer>, clock: Clock, stop: CancellationToken) -> Self {
        Self { svids: Arc::new(Svids::new(issuer.clone(), clock)), issuer, stop }
    }

    pub(crate) fn issuer(&self) -> &dyn Issuer {
        self.issuer.as_ref()
    }

    pub(crate) fn svids(&self) -> &Arc<Svids> {
        &self.svids
    }

    /// Returns when the host stops.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Who calls and what the process is now.
    async fn evidence(&self, caller: &Caller) -> Result<ProcessEvidence, Status> {
        let wanted_hash = self.issuer.wants_digest();
        if !wanted_hash && let Some(evidence) = attest_at_once(caller) {
            return evidence.map_err(|error| refuse::unattested(&error));
        }
        let caller = caller.clone();
        let read = tokio::task::spawn_blocking(move || attest(&caller, wanted_hash)).await;
        match read {
            Ok(evidence) => evidence.map_err(|error| refuse::unattested(&error)),
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }

    pub(crate) async fn entitled(
        &self,
        caller: &Caller,
    ) -> Result<(ProcessEvidence, Vec<Entitlement>), Status> {
        let evidence = self.evidence(caller).await?;
        let entitled = self.issuer.recognise(&evidence).map_err(|error| refuse::unrecognised(&error))?;
        Ok((evidence, entitled))
    }

    /// The bundles of all trust domains whose machines a caller recognises, its own first.
    async fn bundles(&self, caller: &Caller) -> Result<Vec<Bundle>, Status> {
        let (_, entitled) = self.entitled(caller).await?;
        let mut bundles = vec![self.issuer.bundle()];
        bundles.extend(self.issuer.federated(&identities(&entitled)));
        Ok(bundles)
    }

    /// A stream of whole states: `state` gives the next one, and what to listen to for the one after.
    fn stream<T, F, S>(&self, caller: Caller, state: F) -> Stream<T>
    where
        T: prost::Message + 'static,
        F: Fn(Self, Caller) -> S + Send + 'static,
        S: Future<Output = Result<(T, Vec<watch::Receiver<Newest>>), Status>> + Send,
    {
        let (messages, stream) = mpsc::channel(WAITING_MAX);
        let api = self.clone();
        tokio::spawn(async move {
            let mut entitlements = api.issuer.entitlements();
            // What was told last: a stream that waits keeps no keys.
            let mut told: Option<[u8; 32]> = None;
            loop {
                entitlements.mark_unchanged();
                // Apart, so that its room is not kept while the stream waits.
                let mut listening = match Box::pin(state(api.clone(), caller.clone())).await {
                    Ok((next, listening)) => {
                        let digest = Sha256::digest(&*Zeroizing::new(next.encode_to_vec())).into();
                        if told != Some(digest) {
                            if messages.send(Ok(next)).await.is_err() {
                                return;
                            }
                            told = Some(digest);
                        }
                        listening
                    }
                    Err(status) => return drop(messages.send(Err(status)).await),
                };
                tokio::select! {
                    () = messages.closed() => return,
                    () = caller.ended() => return,
                    () = api.stop.cancelled() => {
                        let gone = Status::unavailable("this host is stopping");
                        return drop(messages.send(Err(gone)).await);
                    }
                    changed = entitlements.changed() => if changed.is_err() { return },
                    () = any_changed(&mut listening) => {}
                    () = tokio::time::sleep(look_again()) => {}
                }
            }
        });
        ReceiverStream::new(stream)
    }

    async fn x509_state(
        self,
        caller: Caller,
    ) -> Result<(X509svidResponse, Vec<watch::Receiver<Newest>>), Status> {
        let (evidence, entitled) = self.entitled(&caller).await?;
        let bundle = self.issuer.bundle().roots.concat();
        let federated_bundles = by_trust_domain(self.issuer.federated(&identities(&entitled)), der);
        let (mut svids, mut listening) = (Vec::new(), Vec::new());
        for machine in entitled {
            let mut receiver =
                self.svids.of(machine.identity, &evidence).await.map_err(|error| refuse::unissued(&error))?;
            let newest = receiver.borrow_and_update().clone();
            let svid = newest.map_err(|error| refuse::unissued(&error))?;
            svids.push(X509svid {
                spiffe_id: machine.spiffe_id.to_string(),
                x509_svid: svid.certificates().concat(),
                x509_svid_key: svid.key.to_vec(),
                bundle: bundle.clone(),
                hint: machine.hint,
            });
            listening.push(receiver);
        }
        Ok((X509svidResponse { svids, crl: Vec::new(), federated_bundles }, listening))
    }
}

/// When a stream looks again.
pub(crate) fn look_again() -> Duration {
    let random = std::hash::RandomState::new().hash_one(0_u8);
    LOOK_AGAIN_MAX - Duration::from_millis(random % LOOK_SPREAD_MS)
}

/// Returns when any of them changed.
pub(crate) async fn any_changed(listening: &mut [watch::Receiver<Newest>]) {
    let changes = listening.iter_mut().map(|receiver| Box::pin(receiver.changed()));
    let mut changes: Vec<_> = changes.collect();
    if changes.is_empty() {
        return std::future::pending().await;
    }
    std::future::poll_fn(|context| {
        let ready = changes.iter_mut().any(|change| change.as_mut().poll(context).is_ready());
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

fn identities(entitled: &[Entitlement]) -> Vec<IdentityId> {
    entitled.iter().map(|machine| machine.identity).collect()
}

/// Bundles under the names of their trust domains: none is within another's.
fn by_trust_domain(
    bundles: Vec<Bundle>,
    of: impl Fn(&Bundle) -> Option<Vec<u8>>,
) -> BTreeMap<String, Vec<u8>> {
    bundles.iter().filter_map(|bundle| Some((bundle.trust_domain.uri(), of(bundle)?))).collect()
}

/// The roots of a bundle. A trust domain that took all of them back is left out: nothing of it is trusted.
fn der(bundle: &Bundle) -> Option<Vec<u8>> {
    (!bundle.roots.is_empty()).then(|| bundle.roots.concat())
}

/// The keys of a bundle for JWT-SVIDs, of which there may be none.
fn jwks(bundle: &Bundle) -> Option<Vec<u8>> {
    Some(bundle.jwks.clone().into_bytes())
}

/// The caller of a request that carries the security header, exactly once, as `true`.
fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let mut values = request.metadata().get_all(SECURITY_HEADER).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok("true")), None) => {}
        (_, Some(_)) => return Err(refuse::invalid("the security header `workload.spiffe.io` stands twice")),
        (_, None) => {
            return Err(refuse::invalid("the security header `workload.spiffe.io: true` is missing"));
        }
    }
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Status::unavailable("the caller cannot be told"))
}

#[tonic::async_trait]
impl SpiffeWorkloadApi for WorkloadApi {
    type FetchX509SVIDStream = Stream<X509svidResponse>;
    type FetchX509BundlesStream = Stream<X509BundlesResponse>;
    type FetchJWTBundlesStream = Stream<JwtBundlesResponse>;

    async fn fetch_x509svid(
        &self,
        request: Request<X509svidRequest>,
    ) -> Result<Response<Self::FetchX509SVIDStream>, Status> {
        let caller = caller(&request)?;
        Ok(Response::new(self.stream(caller, Self::x509_state)))
    }

    async fn fetch_x509_bundles(
        &self,
        request: Request<X509BundlesRequest>,
    ) -> Result<Response<Self::FetchX509BundlesStream>, Status> {
        let caller = caller(&request)?;
        Ok(Response::new(self.stream(caller, async |api: Self, caller: Caller| {
            let bundles = by_trust_domain(api.bundles(&caller).await?, der);
            Ok((X509BundlesResponse { crl: Vec::new(), bundles }, Vec::new()))
        })))
    }

    async fn fetch_jwtsvid(
        &self,
        request: Request<JwtsvidRequest>,
    ) -> Result<Response<JwtsvidResponse>, Status> {
        let caller = caller(&request)?;
        let JwtsvidRequest { audience, spiffe_id } = request.into_inner();
        if audience.is_empty() || audience.len() > AUDIENCES_MAX || audience.iter().any(String::is_empty) {
            return Err(refuse::invalid(format!("name between 1 and {AUDIENCES_MAX} audiences")));
        }
        let wanted: Option<credential::SpiffeId> = match spiffe_id.as_str() {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|error: credential::spiffe::SpiffeIdError| refuse::invalid(error.to_string()))?,
            ),
        };
        let (evidence, entitled) = self.entitled(&caller).await?;
        let mut svids = Vec::new();
        for machine in entitled {
            if wanted.as_ref().is_some_and(|wanted| *wanted != machine.spiffe_id) {
                continue;
            }
            let signed = self.issuer.sign_jwt(machine.identity, audience.clone(), evidence.clone()).await;
            let svid = signed.map_err(|error| refuse::unissued(&error))?;
            svids.push(Jwtsvid { spiffe_id: machine.spiffe_id.to_string(), svid, hint: machine.hint });
        }
        if svids.is_empty() {
            let error = crate::IssuerError::Refused(format!("the caller is not `{spiffe_id}`"));
            return Err(refuse::unissued(&error));
        }
        Ok(Response::new(JwtsvidResponse { svids }))
    }

    async fn fetch_jwt_bundles(
        &self,
        request: Request<JwtBundlesRequest>,
    ) -> Result<Response<Self::FetchJWTBundlesStream>, Status> {
        let caller = caller(&request)?;
        Ok(Response::new(self.stream(caller, async |api: Self, caller: Caller| {
            let bundles = by_trust_domain(api.bundles(&caller).await?, jwks);
            Ok((JwtBundlesResponse { bundles }, Vec::new()))
        })))
    }

    async fn validate_jwtsvid(
        &self,
        request: Request<ValidateJwtsvidRequest>,
    ) -> Result<Response<ValidateJwtsvidResponse>, Status> {
        let caller = caller(&request)?;
        let ValidateJwtsvidRequest { audience, svid } = request.into_inner();
        if audience.is_empty() || svid.is_empty() {
            return Err(refuse::invalid("name the audience, and give the token"));
        }
        let (_, entitled) = self.entitled(&caller).await?;
        let valid = self.issuer.validate_jwt(&identities(&entitled), &audience, &svid);
        let (spiffe_id, claims) = valid.map_err(refuse::invalid)?;
        Ok(Response::new(ValidateJwtsvidResponse { spiffe_id: spiffe_id.to_string(), claims: Some(claims) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn streams_look_at_times_of_their_own() {
        let times: BTreeSet<Duration> = (0..1_000).map(|_| look_again()).collect();
        let least = LOOK_AGAIN_MAX - Duration::from_millis(LOOK_SPREAD_MS);
        assert!(times.iter().all(|time| (least..=LOOK_AGAIN_MAX).contains(time)));
        assert!(times.len() > 500, "a thousand streams come at {} times", times.len());
    }
}
