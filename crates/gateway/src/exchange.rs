//! The straight line every request takes.

use crate::authenticate::Peer;
use crate::connections::Live;
use crate::course::{Beginning, Courses, Recorded, UnderWay};
use crate::decide::{Operation, decide, host, purpose};
use crate::forward::{Body, ForwardError, Forwarder, ResponseBody, UpstreamRequest};
use crate::limits::{EXCHANGES_MAX, RECORDED_TARGET_CHARS_MAX};
use crate::postgres::Databases;
use crate::record::{Meter, RecordError};
use crate::{Pending, Ports, deny};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use policy::record::VERDICT;
use policy::{Denial, Ending, Inputs, Permit, TouchInputs, Verdict, VerdictRecord};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

/// What all requests of a gateway share.
pub(crate) struct Pipeline {
    pub(crate) ports: Ports,
    forwarder: Forwarder,
    pub(crate) tasks: TaskTracker,
    pub(crate) room: Arc<Semaphore>,
    pub(crate) databases: Databases,
    pub(crate) courses: Arc<Courses>,
}

impl Pipeline {
    pub(crate) fn new(ports: Ports, forwarder: Forwarder, databases: Databases, tasks: TaskTracker) -> Self {
        let room = Arc::new(Semaphore::new(EXCHANGES_MAX));
        let (recorder, clock, metrics) = (ports.recorder.clone(), ports.clock.clone(), ports.metrics.clone());
        let courses = Arc::new(Courses::new(recorder, clock, metrics, tasks.clone()));
        Self { ports, forwarder, tasks, room, databases, courses }
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
        self.ports.metrics.permitted();
        let Some(operation) = decided.operation else {
            return not_recorded(&RecordError("a permit without an operation".into()));
        };
        let detail = format!("permitted by clause {}", list(&permit.contract().clauses));
        let verdict = verdict(&self.ports, peer, Looked::of_http(&parts), detail, |inputs| {
            Some(VerdictRecord::of_permit(&permit, inputs))
        });
        let Some(exchange) = live.exchange(std::slice::from_ref(&permit), &self.ports) else {
            return not_recorded(&RecordError("the gateway is stopping".into()));
        };
        let recording = permit.recording();
        let relaxed = self.courses.relaxes(recording);
        let (meter, cut) = (Arc::<Meter>::default(), exchange.token().clone());
        let beginning = Beginning { recording, relaxed, meter: meter.clone(), cut, now_ms, seat };
        match verdict.and_then(|verdict| self.courses.begin(verdict, beginning)) {
            Ok((under_way, recorded)) => {
                let permitted = Permitted { permit, operation, exchange, under_way, meter, recorded };
                self.forward(peer, permitted, parts, body).await
            }
            Err(error) => not_recorded(&error),
        }
    }

    /// The permitted half of the line. Recording is awaited where the clause asks for it.
    async fn forward(
        &self,
        peer: &Peer,
        permitted: Permitted,
        parts: Parts,
        body: Incoming,
    ) -> Response<Body> {
        let Permitted { permit, operation, exchange, under_way, meter, mut recorded } = permitted;
        let mut index = None;
        if operation.changes
            && let Some(waited) = recorded.take()
        {
            // What can change something waits until the record is durable.
            match waited.landed().await {
                Ok(at) => index = Some(at),
                Err(error) => return not_recorded(&error),
            }
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
        let response = if let Some(recorded) = recorded {
            // What only reads may be asked meanwhile, but its answer waits for the record.
            let recorded = async { recorded.landed().await.map_err(ForwardError::NotRecorded) };
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
            Err(error) => return self.unanswered(&error, under_way),
        };
        meter.status.store(response.status().as_u16().into(), Ordering::Relaxed);
        let (mut head, body) = response.into_parts();
        // Our own; hyper writes what this connection speaks.
        head.version = hyper::Version::HTTP_11;
        wire::http::strip_for_forwarding(&mut head.headers);
        if let Some(value) = index.and_then(|index| HeaderValue::from_str(&self.instance(index)).ok()) {
            head.headers.insert("writ-decision", value);
        }
        Response::from_parts(head, ResponseBody::new(body, meter, exchange, under_way).boxed_unsync())
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

    fn unanswered(&self, error: &ForwardError, under_way: UnderWay) -> Response<Body> {
        let (status, ending) = match error {
            ForwardError::NoSecret(_) | ForwardError::Secrets(_) | ForwardError::Upstream(_) => {
                (StatusCode::BAD_GATEWAY, Ending::UpstreamFailed)
            }
            ForwardError::Timeout => (StatusCode::GATEWAY_TIMEOUT, Ending::UpstreamFailed),
            ForwardError::Cut => (StatusCode::FORBIDDEN, Ending::Cut),
            ForwardError::NotRecorded(_) => (StatusCode::SERVICE_UNAVAILABLE, Ending::Cut),
        };
        under_way.end(ending);
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
        ports.metrics.denied(denial.reason.as_str());
        let recorded = record_verdict(ports, peer, looked, detail, |inputs| {
            let mut record = VerdictRecord::of_denial(denial, peer.svid.serial, inputs);
            add(&mut record);
            Some(record)
        });
        match recorded.await {
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
    under_way: UnderWay,
    meter: Arc<Meter>,
    recorded: Option<Recorded>,
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
#[derive(Default)]
pub(crate) struct Looked {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) purpose: Option<String>,
    /// For a statement: what each of its acts touches.
    pub(crate) touches: Vec<TouchInputs>,
    /// What is bound to its parameters, sealed.
    pub(crate) parameters: Option<Vec<u8>>,
    /// Which text of its session it is, where those have numbers.
    pub(crate) trace: Option<u64>,
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
            trace: None,
        }
    }
}

/// Queues the record of a verdict for whoever waits for it.
pub(crate) fn record_verdict(
    ports: &Ports,
    peer: &Peer,
    looked: Looked,
    detail: String,
    record: impl FnOnce([u8; 32]) -> Option<VerdictRecord>,
) -> Pending<Result<u64, RecordError>> {
    match verdict(ports, peer, looked, detail, record) {
        Ok((body, addendum)) => ports.recorder.record(VERDICT, body, addendum),
        Err(error) => Box::pin(ready(Err(error))),
    }
}

/// What is recorded of a verdict: in the log, and beside it.
pub(crate) fn verdict(
    ports: &Ports,
    peer: &Peer,
    looked: Looked,
    detail: String,
    record: impl FnOnce([u8; 32]) -> Option<VerdictRecord>,
) -> Result<(Vec<u8>, Vec<u8>), RecordError> {
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
        trace: looked.trace,
    };
    let (addendum, commitment) = inputs.commit();
    let record = record(commitment).ok_or_else(|| RecordError("there is nothing to record".into()))?;
    let body = policy::record::encode(&record).map_err(|error| RecordError(error.to_string()))?;
    Ok((body, addendum))
}

pub(crate) fn list(clauses: &[contract::Number]) -> String {
    clauses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
