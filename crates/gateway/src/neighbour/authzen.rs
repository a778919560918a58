//! OpenID AuthZEN Authorization API 1.0: `evaluation` and `evaluations`. The subject is a machine, the
//! resource `service/resource`, the action as the service names it. What the registry knows is not taken
//! from the question; its own clock is used, not the question's. An evaluation is a call: it is counted
//! against quotas and recorded, so a proxy asks once per call.

use super::plain;
use crate::Ports;
use crate::exchange::shortened;
use crate::forward::{Body, full};
use contract::kind::credential::KeyAlgorithm;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use policy::record::VERDICT;
use policy::replay::ASKED;
use policy::{
    Channel, Counters, Denial, Inputs, Permit, Reason, Request, Rules, Verdict, VerdictRecord, decide,
};
use registry::{IdentityId, Millis, Name, State};
use serde_json::{Map, Value, json};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::PoisonError;

/// Questions in one request at most.
const EVALUATIONS_MAX: usize = 200;

/// Where a decision point says what it offers (Authorization API §9).
pub(super) fn metadata(base: &str) -> Response<Body> {
    json_response(&json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
    }))
}

/// Answers `evaluation`, or `evaluations` when `several`.
pub(super) async fn evaluate(ports: &Ports, body: &[u8], several: bool) -> Response<Body> {
    let bad = |text: &str| plain(StatusCode::BAD_REQUEST, text);
    let Ok(Value::Object(question)) = serde_json::from_slice::<Value>(body) else {
        return bad("the body is to be a JSON object");
    };
    let items = match question.get("evaluations").filter(|_| several) {
        None => &[][..],
        Some(Value::Array(items)) => items,
        Some(_) => return bad("`evaluations` is to be an array"),
    };
    if items.is_empty() {
        return match one(ports, &question).await {
            Ok(answer) => json_response(&answer),
            Err(error) => bad(&error),
        };
    }
    if items.len() > EVALUATIONS_MAX {
        return bad("too many evaluations in one request");
    }
    let stops_on = match stops_on(&question) {
        Ok(stops_on) => stops_on,
        Err(error) => return bad(error),
    };
    let mut answers = Vec::new();
    for item in items {
        let answer = match item {
            Value::Object(item) => {
                // A key of the item replaces the default whole.
                let mut merged = question.clone();
                merged.extend(item.clone());
                one(ports, &merged).await
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err("an evaluation is to be a JSON object".to_owned())
            }
        };
        let answer = answer.unwrap_or_else(
            |error| json!({ "decision": false, "context": { "error": { "status": 400, "message": error } } }),
        );
        let decision = answer.get("decision").and_then(Value::as_bool);
        answers.push(answer);
        if decision == stops_on && stops_on.is_some() {
            break;
        }
    }
    json_response(&json!({ "evaluations": answers }))
}

/// The decision that ends a batch early, if one does.
fn stops_on(question: &Map<String, Value>) -> Result<Option<bool>, &'static str> {
    let semantic = match question.get("options") {
        None => None,
        Some(Value::Object(options)) => options.get("evaluations_semantic"),
        Some(_) => return Err("`options` is to be a JSON object"),
    };
    match semantic.map(Value::as_str) {
        None | Some(Some("execute_all")) => Ok(None),
        Some(Some("deny_on_first_deny")) => Ok(Some(false)),
        Some(Some("permit_on_first_permit")) => Ok(Some(true)),
        Some(Some(_) | None) => Err("this evaluations_semantic is not known"),
    }
}

fn json_response(value: &Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string().into_bytes()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A question, read: subject, action and resource, and what the proxy saw of the machine's connection.
struct Question<'q> {
    subject: (&'q str, &'q str),
    action: &'q str,
    resource: (&'q str, &'q str),
    purpose: Option<String>,
    seen: Seen,
}

/// What the proxy saw. What it does not say is taken to be what nobody can have.
struct Seen {
    /// The serial number of the certificate that was presented.
    serial: Option<[u8; 16]>,
    address: IpAddr,
    key_algorithm: &'static str,
}

fn read(question: &Map<String, Value>) -> Result<Question<'_>, String> {
    let object = |of: &'_ Map<String, Value>, key: &str, name: &str| match of.get(key) {
        None => Ok(None),
        Some(Value::Object(found)) => Ok(Some(found.clone())),
        Some(_) => Err(format!("`{name}` is to be a JSON object")),
    };
    let text = |of: &str, key: &str| {
        let value = question.get(of).and_then(|value| value.get(key)).and_then(Value::as_str);
        value.ok_or_else(|| format!("`{of}.{key}` is missing or no text"))
    };
    let subject = (text("subject", "type")?, text("subject", "id")?);
    let action = text("action", "name")?;
    let resource = (text("resource", "type")?, text("resource", "id")?);
    let context = object(question, "context", "context")?.unwrap_or_default();
    let whole = question.get("subject").and_then(Value::as_object);
    let properties = match whole {
        Some(subject) => object(subject, "properties", "subject.properties")?.unwrap_or_default(),
        None => Map::new(),
    };
    let said = |of: &Map<String, Value>, key: &str, name: &str| match of.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{name}` is to be a text")),
    };
    let purpose = said(&context, "purpose", "context.purpose")?;
    let serial = said(&properties, "serial", "subject.properties.serial")?;
    let serial = serial
        .map(|hex| {
            registry::unhex(&hex).ok_or("`subject.properties.serial` is to have 32 hexadecimal digits")
        })
        .transpose()?;
    let address = said(&properties, "address", "subject.properties.address")?;
    let address = address
        .map(|text| text.parse().map_err(|_| "`subject.properties.address` is to be an IP address"))
        .transpose()?;
    let algorithm = said(&properties, "key_algorithm", "subject.properties.key_algorithm")?;
    let algorithm = algorithm
        .map(|text| {
            let known = KeyAlgorithm::ALL.iter().find(|known| known.as_str() == text);
            known.ok_or("`subject.properties.key_algorithm` is none of those clauses name")
        })
        .transpose()?;
    let seen = Seen {
        serial,
        address: address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        key_algorithm: algorithm.map_or("", |known| known.as_str()),
    };
    Ok(Question { subject, action, resource, purpose, seen })
}

/// Decides on one question, records the verdict, and says it.
async fn one(ports: &Ports, question: &Map<String, Value>) -> Result<Value, String> {
    let question = read(question)?;
    let now_ms = (ports.clock)();
    let answer = {
        let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
        Answer::to(&rules, &ports.counters, &question, now_ms)
    };
    let text = format!("{} {} {}", question.subject.1, question.action, question.resource.1);
    match written(ports, answer.record, text, &question).await {
        Some(index) => {
            let mut context = answer.context;
            context.insert("record".to_owned(), json!(format!("{}/{index}", ports.recorder.origin())));
            Ok(json!({ "decision": answer.decision, "context": context }))
        }
        None => {
            ports.metrics.unrecorded.inc();
            Ok(json!({ "decision": false, "context": { "reason": "not-recorded" } }))
        }
    }
}

/// A decision, what is said of it, and what is recorded.
struct Answer {
    decision: bool,
    context: Map<String, Value>,
    record: VerdictRecord,
}

impl Answer {
    fn to(rules: &Rules, counters: &Counters, question: &Question<'_>, now_ms: Millis) -> Self {
        let request = request(rules, question, now_ms);
        let described = request.as_ref().ok().cloned();
        let verdict = match request {
            Ok(request) => decide(rules, counters, request),
            Err((reason, detail)) => Verdict::Denial(Denial::plain(reason, detail, rules.as_of())),
        };
        match verdict {
            Verdict::Permit(permit) => Self {
                decision: true,
                context: permitted(rules.state(), &permit),
                record: VerdictRecord::of_permit(&permit, [0; 32]),
            },
            Verdict::Denial(denial) => {
                let mut record = VerdictRecord::of_denial(&denial, [0; 16], [0; 32]);
                if let Some(request) = described {
                    record.identity = Some(request.identity);
                    record.serial = request.serial;
                    record.service = Some(request.service);
                    record.action = Some(request.action);
                    record.resource = Some(request.resource);
                    record.silence_ms = request.silence_ms;
                }
                record.decided_ms = now_ms;
                Self { decision: false, context: denied(&denial), record }
            }
        }
    }
}

/// What permitted, and what whoever lets the call through must see to.
fn permitted(state: &State, permit: &Permit) -> Map<String, Value> {
    let name = |id| state.instruments.get(id).map(|found| format!("{}@{}", found.name, found.version));
    let contract = permit.contract();
    let clauses: Vec<String> = contract.clauses.iter().map(ToString::to_string).collect();
    let above: Vec<String> = permit.above().iter().filter_map(|applied| name(&applied.instrument)).collect();
    let certificate = state.credentials.get(&permit.request().serial).map(|found| found.not_after_ms);
    let term = state.instruments.get(&contract.instrument).and_then(|found| {
        let ends = [found.last_ms(), found.ends_by_notice_ms];
        ends.into_iter().flatten().min()
    });
    // Nothing may go on longer than the right it rests on.
    let ends = [certificate, term].into_iter().flatten().min();
    let obligations: Vec<Value> = ends
        .map(|ends| {
            json!({
                "id": "end-with-the-right", "type": "session_termination",
                "properties": { "not_after_ms": ends },
            })
        })
        .into_iter()
        .collect();
    Map::from_iter([
        ("instrument".to_owned(), json!(name(&contract.instrument))),
        ("clauses".to_owned(), json!(clauses)),
        ("above".to_owned(), json!(above)),
        ("obligations".to_owned(), json!(obligations)),
    ])
}

fn denied(denial: &Denial) -> Map<String, Value> {
    let clause = denial.cited.as_ref().map(|cited| {
        json!({
            "instrument": format!("{}@{}", cited.name, cited.version),
            "number": cited.clause.to_string(),
            "sentence": cited.sentence,
        })
    });
    let mut context = Map::from_iter([
        ("reason".to_owned(), json!(denial.reason.as_str())),
        ("detail".to_owned(), json!(denial.detail)),
        ("clause".to_owned(), json!(clause)),
        ("obligations".to_owned(), json!([])),
    ]);
    if let Some(ms) = denial.retry_after_ms {
        context.insert("retry_after_ms".to_owned(), json!(ms));
    }
    context
}

/// Makes the verdict durable; gives its index.
async fn written(
    ports: &Ports,
    mut record: VerdictRecord,
    text: String,
    question: &Question<'_>,
) -> Option<u64> {
    let inputs = Inputs {
        nonce: (ports.entropy)()?,
        method: ASKED.to_owned(),
        host: String::new(),
        target: shortened(text),
        peer: SocketAddr::new(question.seen.address, 0).to_string(),
        detail: record.reason.clone(),
        purpose: question.purpose.clone().map(shortened),
        key_algorithm: question.seen.key_algorithm.to_owned(),
        touches: Vec::new(),
        parameters: None,
        trace: None,
    };
    let (addendum, commitment) = inputs.commit();
    record.inputs = commitment;
    let body = policy::record::encode(&record).ok()?;
    ports.recorder.record(VERDICT, body, addendum).await.ok()
}

/// The request the question is about.
fn request(rules: &Rules, question: &Question<'_>, now_ms: Millis) -> Result<Request, (Reason, String)> {
    let state = rules.state();
    let unknown = || (Reason::UnknownIdentity, format!("there is no machine `{}`", question.subject.1));
    let identity = (question.subject.0 == "machine").then(|| machine(state, question.subject.1)).flatten();
    let identity = identity.ok_or_else(unknown)?;
    let nowhere = || (Reason::NoSuchService, format!("there is no resource `{}`", question.resource.1));
    let (service, resource) = question.resource.1.split_once('/').ok_or_else(nowhere)?;
    let service =
        state.service_named(service).filter(|_| question.resource.0 == "resource").ok_or_else(nowhere)?;
    let nothing = || (Reason::NoSuchOperation, format!("`{}` is no act there", question.action));
    let resource: Name = resource.parse().map_err(|_| nowhere())?;
    let declared = service.resource(&resource).ok_or_else(nowhere)?;
    let mut operations =
        declared.operations.iter().filter(|operation| operation.action.as_str() == question.action);
    let first = operations.next().ok_or_else(nothing)?;
    Ok(Request {
        identity,
        serial: match question.seen.serial {
            // Tokens in the ledger are for databases.
            Some(serial) if is_token(state, &serial) => {
                return Err((Reason::CredentialNotGood, "the serial number is that of a token".to_owned()));
            }
            Some(serial) => serial,
            None => only_certificate(state, identity, now_ms)?,
        },
        service: service.id,
        action: first.action.clone(),
        resource,
        changes: first.changes || operations.any(|operation| operation.changes),
        now_ms,
        silence_ms: rules.silence_ms(now_ms),
        channel: Channel {
            address: question.seen.address,
            key_algorithm: question.seen.key_algorithm,
            purpose: question.purpose.clone(),
        },
        under: None,
        touch: None,
    })
}

fn is_token(state: &State, serial: &[u8; 16]) -> bool {
    state.credentials.get(serial).is_some_and(|credential| !credential.is_certificate())
}

/// The machine's one live certificate. Of several, the question has to say which was presented.
fn only_certificate(
    state: &State,
    identity: IdentityId,
    now_ms: Millis,
) -> Result<[u8; 16], (Reason, String)> {
    let mut live = state.credentials.iter().filter(|(_, credential)| {
        credential.identity == identity
            && credential.is_certificate()
            && credential.revoked.is_none()
            && credential.not_after_ms > now_ms
    });
    match (live.next(), live.next()) {
        (None, _) => Err((Reason::CredentialNotGood, "the machine has no live certificate".to_owned())),
        (Some((serial, _)), None) => Ok(*serial),
        (Some(_), Some(_)) => Err((
            Reason::CredentialNotGood,
            "the machine has several live certificates: say which was presented in `subject.properties.serial`"
                .to_owned(),
        )),
    }
}

/// A machine by its SPIFFE ID or as `party/name`.
fn machine(state: &State, id: &str) -> Option<IdentityId> {
    let domain = state.trust_domain.as_deref()?;
    let path =
        id.strip_prefix("spiffe://").map_or(Some(id), |rest| rest.strip_prefix(domain)?.strip_prefix('/'))?;
    let (party, name) = path.split_once('/')?;
    let party = state.party_named(party)?.id;
    state.identity_named(party, &name.parse().ok()?).map(|identity| identity.id)
}
