//! The straight line every request takes.

use crate::authenticate::Peer;
use crate::connections::Live;
use crate::decide::{Operation, decide, host, purpose};
use crate::forward::{Body, ForwardError, Forwarder, ResponseBody, UpstreamRequest};
use crate::limits::{EXCHANGES_MAX, RECORDED_TARGET_CHARS_MAX};
use crate::postgres::Databases;
use crate::record::{Meter, RecordError, outcome, patience};
use crate::{Pending, Ports, deny};
use contract::Recording;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use policy::record::VERDICT;
use policy::{Denial, Ending, Inputs, Permit, TouchInputs, Verdict, VerdictRecord};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

/// A strict record that takes longer than this makes relaxed recording strict too.
const LATE: Duration = Duration::from_secs(1);

/// What all requests of a gateway share.
pub(crate) struct Pipeline {
    pub(crate) ports: Ports,
    forwarder: Forwarder,
    pub(crate) tasks: TaskTracker,
    pub(crate) room: Arc<Semaphore>,
    pub(crate) databases: Databases,
    /// A relaxed record came too late: until one is in time again, all recording is strict.
    late: Arc<AtomicBool>,
}

impl Pipeline {
    pub(crate) fn new(ports: Ports, forwarder: Forwarder, databases: Databases, tasks: TaskTracker) -> Self {
        let room = Arc::new(Semaphore::new(EXCHANGES_MAX));
        Self { ports, forwarder, tasks, room, databases, late: Arc::default() }
    }

    /// Whether what a clause lets be recorded later may be: not while the recorder is late.
    pub(crate) fn relaxes(&self, recording: Recording) -> bool {
        matches!(recording, Recording::Within(_)) && !self.late.load(Ordering::Relaxed)
    }

    /// Decide, record, forward, record the outcome.
    pub(crate) async fn serve(&self, peer: &Peer, live: &Live, request: Request<Incoming>) -> Response<Body> {
        let Ok(seat) = self.room.clone().try_acquire_owned() else {
            let detail = format!("{EXCHANGES_MAX} requests are under way: try again");
            return deny::failure(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "the gateway is full",
                detail,
            );
        };
        let (parts, body) = request.into_parts();
        let now_ms = (self.ports.clock)();
        let decided = decide(&self.ports, peer, &parts, now_ms);
        let permit = match decided.verdict {
            Verdict::Permit(permit) => permit,
            Verdict::Denial(denial) => {
                let (looked, detail) = (Looked::of_http(&parts), denial.detail.clone());
                let denied = self.record_denial(peer, looked, detail, &denial, |record| {
                    record.identity = decided.identity;
                    record.service = decided.service.as_ref().map(|service| service.id);
                    record.action = decided.operation.as_ref().map(|operation| operation.action.clone());
                    record.decided_ms = now_ms;
                    record.silence_ms = decided.silence_ms;
                    record.resource = decided.operation.as_ref().map(|operation| operation.resource.clone());
                });
                let instance = denied.await;
                return deny::denial(&denial, instance, &parts.headers);
            }
        };
        self.ports.metrics.decided("permitted", "permitted");
        let Some(operation) = decided.operation else {
            return not_recorded(&RecordError("a permit without an operation".into()));
        };
        let detail = format!("permitted by clause {}", list(&permit.contract().clauses));
        let relaxed = self.relaxes(permit.recording());
        let patience = if relaxed { patience(permit.recording()) } else { Duration::ZERO };
        let looked = Looked::of_http(&parts);
        let pending = match record_verdict(&self.ports, peer, looked, detail, patience, |inputs| {
            Some(VerdictRecord::of_permit(&permit, inputs))
        }) {
            Ok(pending) => pending,
            Err(error) => return not_recorded(&error),
        };
        let Some(exchange) = live.exchange(std::slice::from_ref(&permit), &self.ports) else {
            return not_recorded(&RecordError("the gateway is stopping".into()));
        };
        let permitted = Permitted { permit, operation, exchange, pending, relaxed, now_ms, _seat: seat };
        self.forward(peer, permitted, parts, body).await
    }

    /// The permitted half of the line. Recording is awaited where the clause asks for it.
    async fn forward(
        &self,
        peer: &Peer,
        permitted: Permitted,
        parts: Parts,
        body: Incoming,
    ) -> Response<Body> {
        let Permitted { permit, operation, exchange, pending, relaxed, now_ms, _seat: seat } = permitted;
        let meter = Arc::new(Meter::default());
        let (ended, ending) = oneshot::channel();
        let cut = exchange.token().clone();
        let mut recorded =
            self.follow(pending, meter.clone(), ending, (permit.recording(), cut), now_ms, seat);
        let mut index = None;
        if !relaxed && operation.changes {
            // What can change something waits until the record is durable.
            match landed(recorded).await {
                Ok(at) => index = Some(at),
                Err(error) => return not_recorded(&error),
            }
            recorded = None;
        }
        let sent = async {
            let secret = self.secret(&operation)?;
            let identity = peer.svid.id.to_string();
            let upstream = UpstreamRequest::new(
                parts,
                body,
                &operation.service,
                &identity,
                secret.as_ref(),
                meter.clone(),
            )?;
            self.forwarder.send(permit, upstream, &exchange).await
        };
        let response = if relaxed {
            sent.await
        } else if recorded.is_some() {
            // What only reads may be asked meanwhile, but its answer waits for the record.
            let recorded = async { landed(recorded).await.map_err(ForwardError::NotRecorded) };
            match tokio::try_join!(biased; recorded, sent) {
                Ok((at, response)) => {
                    index = Some(at);
                    Ok(response)
                }
                Err(ForwardError::NotRecorded(error)) => return not_recorded(&error),
                Err(error) => Err(error),
            }
        } else {
            sent.await
        };
        let response = match response {
            Ok(response) => response,
            Err(error) => return self.unanswered(&error, ended),
        };
        meter.status.store(response.status().as_u16().into(), Ordering::Relaxed);
        let (mut head, body) = response.into_parts();
        // Our own; hyper writes what this connection speaks.
        head.version = hyper::Version::HTTP_11;
        wire::http::strip_for_forwarding(&mut head.headers);
        if let Some(value) = index.and_then(|index| HeaderValue::from_str(&self.instance(index)).ok()) {
            head.headers.insert("writ-decision", value);
        }
        Response::from_parts(head, ResponseBody::new(body, meter, exchange, ended).boxed_unsync())
    }

    /// Follows an exchange to its end in a task of its own: waits for the record, passes its index
    /// on, then records the outcome. The seat is given back when all is written.
    pub(crate) fn follow(
        &self,
        pending: Pending<Result<u64, RecordError>>,
        meter: Arc<Meter>,
        ending: oneshot::Receiver<Ending>,
        (recording, cut): (Recording, CancellationToken),
        now_ms: u64,
        seat: OwnedSemaphorePermit,
    ) -> Recorded {
        let within = match recording {
            Recording::Within(span) => Some(Duration::from_millis(span.as_ms())),
            Recording::Strict => None,
        };
        let (landed, index) = oneshot::channel();
        let (recorder, clock, metrics) =
            (self.ports.recorder.clone(), self.ports.clock.clone(), self.ports.metrics.clone());
        let late = self.late.clone();
        self.tasks.spawn(async move {
            let started = tokio::time::Instant::now();
            let mut pending = pending;
            let verdict = match tokio::time::timeout(within.unwrap_or(LATE), &mut pending).await {
                Ok(verdict) => {
                    // Only what was in time for a relaxed clause shows that relaxing is safe again.
                    if verdict.is_err() || within.is_some() {
                        late.store(verdict.is_err(), Ordering::Relaxed);
                    }
                    verdict
                }
                Err(_) => {
                    late.store(true, Ordering::Relaxed);
                    pending.await
                }
            };
            metrics.record_seconds.observe(started.elapsed().as_secs_f64());
            let index = match &verdict {
                Ok(index) => *index,
                Err(error) => {
                    metrics.unrecorded.inc();
                    tracing::error!(%error, "a permit could not be recorded");
                    // Whoever waits hears why; what went ahead without waiting is cut.
                    let _ = landed.send(verdict);
                    cut.cancel();
                    return;
                }
            };
            // A relaxed exchange does not wait for the index.
            let _ = landed.send(Ok(index));
            let elapsed = move || clock().saturating_sub(now_ms);
            if let Err(error) = outcome(recorder, index, meter, ending, elapsed).await {
                metrics.unrecorded.inc();
                tracing::error!(%error, "an outcome could not be recorded");
            }
            drop(seat);
        });
        Some(index)
    }

    fn secret(&self, operation: &Operation) -> Result<Option<Zeroizing<Vec<u8>>>, ForwardError> {
        let Some(injection) = &operation.service.injection else { return Ok(None) };
        let name = injection.secret.as_str();
        match self.ports.secrets.secret(name) {
            Ok(Some(secret)) => Ok(Some(secret)),
            Ok(None) => Err(ForwardError::NoSecret(name.to_owned())),
            Err(error) => Err(ForwardError::Secrets(error)),
        }
    }

    fn unanswered(&self, error: &ForwardError, ended: oneshot::Sender<Ending>) -> Response<Body> {
        let (status, ending) = match error {
            ForwardError::NoSecret(_) | ForwardError::Secrets(_) | ForwardError::Upstream(_) => {
                (StatusCode::BAD_GATEWAY, Ending::UpstreamFailed)
            }
            ForwardError::Timeout => (StatusCode::GATEWAY_TIMEOUT, Ending::UpstreamFailed),
            ForwardError::Cut => (StatusCode::FORBIDDEN, Ending::Cut),
            ForwardError::NotRecorded(_) => (StatusCode::SERVICE_UNAVAILABLE, Ending::Cut),
        };
        // The task that records the outcome waits for this.
        let _ = ended.send(ending);
        self.ports.metrics.upstream_failures.inc();
        tracing::warn!(%error, "no response from an upstream");
        deny::failure(status, "upstream", "the upstream gave no response", error.to_string())
    }

    /// Counts and records a denial, of which `add` says what is known of the request. Gives where it is on record; a
    /// denial is one without it too.
    pub(crate) async fn record_denial(
        &self,
        peer: &Peer,
        looked: Looked,
        detail: String,
        denial: &Denial,
        add: impl FnOnce(&mut VerdictRecord),
    ) -> Option<String> {
        let ports = &self.ports;
        ports.metrics.decided("denied", denial.reason.as_str());
        let pending = record_verdict(ports, peer, looked, detail, Duration::ZERO, |inputs| {
            let mut record = VerdictRecord::of_denial(denial, peer.svid.serial, inputs);
            add(&mut record);
            Some(record)
        });
        let index = match pending {
            Ok(pending) => pending.await,
            Err(error) => Err(error),
        };
        match index {
            Ok(index) => Some(self.instance(index)),
            Err(error) => {
                ports.metrics.unrecorded.inc();
                tracing::error!(%error, reason = denial.reason.as_str(), "a denial could not be recorded");
                None
            }
        }
    }

    pub(crate) fn instance(&self, index: u64) -> String {
        format!("{}/{index}", self.ports.recorder.origin())
    }
}

/// A permitted request on its way.
struct Permitted {
    permit: Permit,
    operation: Operation,
    exchange: Live,
    pending: Pending<Result<u64, RecordError>>,
    /// It goes ahead before the record is durable.
    relaxed: bool,
    now_ms: u64,
    _seat: OwnedSemaphorePermit,
}

/// Resolves when the verdict is durable.
pub(crate) type Recorded = Option<oneshot::Receiver<Result<u64, RecordError>>>;

pub(crate) async fn landed(recorded: Recorded) -> Result<u64, RecordError> {
    match recorded {
        Some(recorded) => recorded.await.unwrap_or_else(|_| Err(RecordError("the recorder stopped".into()))),
        None => Err(RecordError("there is no record to wait for".into())),
    }
}

/// What is kept beside the log is bounded: nobody fills the disk with one long path.
pub(crate) fn shortened(text: String) -> String {
    match text.char_indices().nth(RECORDED_TARGET_CHARS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

fn not_recorded(error: &RecordError) -> Response<Body> {
    deny::failure(
        StatusCode::SERVICE_UNAVAILABLE,
        "not-recorded",
        "what cannot be recorded does not happen",
        error.to_string(),
    )
}

/// How what was asked looked, as it is kept beside the log.
pub(crate) struct Looked {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) purpose: Option<String>,
    /// For a statement: what each of its acts touches.
    pub(crate) touches: Vec<TouchInputs>,
    /// What is bound to its parameters, sealed.
    pub(crate) parameters: Option<Vec<u8>>,
}

impl Looked {
    pub(crate) fn of_http(parts: &Parts) -> Self {
        Self {
            method: parts.method.to_string(),
            host: shortened(host(parts).unwrap_or_default()),
            target: shortened(parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default()),
            purpose: purpose(parts).ok().flatten().map(shortened),
            touches: Vec::new(),
            parameters: None,
        }
    }
}

/// Queues the record of a verdict.
pub(crate) fn record_verdict(
    ports: &Ports,
    peer: &Peer,
    looked: Looked,
    detail: String,
    patience: Duration,
    record: impl FnOnce([u8; 32]) -> Option<VerdictRecord>,
) -> Result<Pending<Result<u64, RecordError>>, RecordError> {
    let nonce = (ports.entropy)().ok_or_else(|| RecordError("no randomness".into()))?;
    let inputs = Inputs {
        nonce,
        method: looked.method,
        host: looked.host,
        target: looked.target,
        peer: peer.address.to_string(),
        detail: shortened(detail),
        purpose: looked.purpose,
        key_algorithm: peer.svid.key_algorithm.to_owned(),
        touches: looked.touches,
        parameters: looked.parameters,
    };
    let (addendum, commitment) = inputs.commit();
    let record = record(commitment).ok_or_else(|| RecordError("there is nothing to record".into()))?;
    let body = policy::record::encode(&record).map_err(|error| RecordError(error.to_string()))?;
    let mut pending = ports.recorder.record(VERDICT, body, addendum, patience);
    // What is refused at once (too long, too much under way) must not go ahead, whenever else it may be recorded.
    match pending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(recorded) => recorded.map(|index| -> Pending<_> { Box::pin(ready(Ok(index))) }),
        Poll::Pending => Ok(pending),
    }
}

pub(crate) fn list(clauses: &[contract::Number]) -> String {
    clauses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
