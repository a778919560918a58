//! OpenID AuthZEN Authorization API 1.0: `evaluation` and `evaluations`. The subject is a machine, the
//! resource `service/resource`, the action as the service names it. What the registry knows is not taken
//! from the question; its own clock is used, not the question's. An evaluation consumes no quota.

use super::plain;
use crate::Ports;
use crate::forward::{Body, full};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use policy::{Channel, Denial, Inputs, Reason, Request, VerdictRecord, advise};
use registry::{IdentityId, Name, State};
use serde_json::{Map, Value, json};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::PoisonError;

/// Questions in one request at most.
const EVALUATIONS_MAX: usize = 200;

/// Answers `evaluation`, or `evaluations` when `several`.
pub(super) async fn evaluate(ports: &Ports, body: &[u8], several: bool) -> Response<Body> {
    let Ok(Value::Object(question)) = serde_json::from_slice::<Value>(body) else {
        return plain(StatusCode::BAD_REQUEST, "the body is to be a JSON object");
    };
    let items =
        question.get("evaluations").and_then(Value::as_array).filter(|items| several && !items.is_empty());
    let Some(items) = items else {
        return match one(ports, &question).await {
            Ok(answer) => json_response(&answer),
            Err(error) => plain(StatusCode::BAD_REQUEST, &error),
        };
    };
    if items.len() > EVALUATIONS_MAX {
        return plain(StatusCode::BAD_REQUEST, "too many evaluations in one request");
    }
    let semantic = question.get("options").and_then(|options| options.get("evaluations_semantic"));
    let stops_on = match semantic.map(Value::as_str) {
        None | Some(Some("execute_all")) => None,
        Some(Some("deny_on_first_deny")) => Some(false),
        Some(Some("permit_on_first_permit")) => Some(true),
        Some(Some(_) | None) => {
            return plain(StatusCode::BAD_REQUEST, "this evaluations_semantic is not known");
        }
    };
    let mut answers = Vec::new();
    for item in items {
        // A key of the item replaces the default whole.
        let mut merged = question.clone();
        if let Value::Object(item) = item {
            merged.extend(item.clone());
        }
        let answer = one(ports, &merged).await.unwrap_or_else(
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

fn json_response(value: &Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string().into_bytes()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The parts of a question that are required: subject, action, resource.
struct Question<'q> {
    subject: (&'q str, &'q str),
    action: &'q str,
    resource: (&'q str, &'q str),
    purpose: Option<String>,
}

fn read(question: &Map<String, Value>) -> Result<Question<'_>, String> {
    let text = |object: &str, key: &str| {
        let value = question.get(object).and_then(|value| value.get(key)).and_then(Value::as_str);
        value.ok_or_else(|| format!("`{object}.{key}` is missing or no text"))
    };
    let purpose = question.get("context").and_then(|context| context.get("purpose")).and_then(Value::as_str);
    Ok(Question {
        subject: (text("subject", "type")?, text("subject", "id")?),
        action: text("action", "name")?,
        resource: (text("resource", "type")?, text("resource", "id")?),
        purpose: purpose.map(str::to_owned),
    })
}

/// Decides on one question, records the verdict, and says it.
async fn one(ports: &Ports, question: &Map<String, Value>) -> Result<Value, String> {
    let question = read(question)?;
    let now_ms = (ports.clock)();
    let (record, answer) = {
        let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
        let as_of = rules.as_of();
        let denied = |reason, detail: String| Box::new(Denial::plain(reason, detail, as_of));
        let request = request(rules.state(), &question, now_ms);
        let verdict = match &request {
            Ok(request) => advise(&rules, &ports.counters, request),
            Err((reason, detail)) => Err(denied(*reason, detail.clone())),
        };
        let state = rules.state();
        let name = |id| state.instruments.get(id).map(|found| format!("{}@{}", found.name, found.version));
        match verdict {
            Ok((contract, above)) => {
                let clauses: Vec<String> = contract.clauses.iter().map(ToString::to_string).collect();
                let above: Vec<String> =
                    above.iter().filter_map(|applied| name(&applied.instrument)).collect();
                let context = json!({
                    "instrument": name(&contract.instrument), "clauses": clauses, "above": above, "obligations": [],
                });
                let mut record = VerdictRecord::of_denial(
                    &denied(Reason::NothingPermits, String::new()),
                    [0; 16],
                    [0; 32],
                );
                record.permitted = true;
                record.reason = "permitted".to_owned();
                record.instrument = Some(contract.instrument);
                record.version = Some(contract.version);
                record.bundle = Some(contract.bundle);
                record.clauses = clauses;
                (described(record, request.as_ref().ok()), json!({ "decision": true, "context": context }))
            }
            Err(denial) => {
                let clause = denial.cited.as_ref().map(|cited| {
                    json!({
                        "instrument": format!("{}@{}", cited.name, cited.version),
                        "number": cited.clause.to_string(),
                        "sentence": cited.sentence,
                    })
                });
                let context =
                    json!({ "reason": denial.reason.as_str(), "detail": denial.detail, "clause": clause });
                let record = VerdictRecord::of_denial(&denial, [0; 16], [0; 32]);
                (described(record, request.as_ref().ok()), json!({ "decision": false, "context": context }))
            }
        }
    };
    let text = format!("{} {} {}", question.subject.1, question.action, question.resource.1);
    match written(ports, record, text, question.purpose).await {
        Some(()) => Ok(answer),
        None => Ok(json!({ "decision": false, "context": { "reason": "not-recorded" } })),
    }
}

fn described(mut record: VerdictRecord, request: Option<&Request>) -> VerdictRecord {
    if let Some(request) = request {
        record.identity = Some(request.identity);
        record.serial = request.serial;
        record.service = Some(request.service);
        record.action = Some(request.action.clone());
        record.resource = Some(request.resource.clone());
        record.decided_ms = request.now_ms;
    }
    record
}

async fn written(
    ports: &Ports,
    mut record: VerdictRecord,
    text: String,
    purpose: Option<String>,
) -> Option<()> {
    let inputs = Inputs {
        nonce: (ports.entropy)()?,
        method: "AUTHZEN".to_owned(),
        host: String::new(),
        target: text.chars().take(2_000).collect(),
        peer: String::new(),
        detail: record.reason.clone(),
        purpose,
        key_algorithm: String::new(),
    };
    let (addendum, commitment) = inputs.commit();
    record.inputs = commitment;
    let body = minicbor::to_vec(record).ok()?;
    ports.recorder.record(policy::record::VERDICT, body, addendum).await.ok().map(drop)
}

/// The request the question is about. Whoever asks saw the machine; here its newest live certificate stands
/// for it, and facts of the connection are those nobody can have.
fn request(state: &State, question: &Question<'_>, now_ms: u64) -> Result<Request, (Reason, String)> {
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
    let live = state.credentials.iter().filter(|(_, credential)| {
        credential.identity == identity && credential.revoked.is_none() && credential.not_after_ms > now_ms
    });
    let newest = live.max_by_key(|(_, credential)| credential.not_before_ms).map(|(serial, _)| *serial);
    let serial = newest
        .ok_or_else(|| (Reason::CredentialNotGood, "the machine has no live certificate".to_owned()))?;
    Ok(Request {
        identity,
        serial,
        service: service.id,
        action: first.action.clone(),
        resource,
        changes: first.changes || operations.any(|operation| operation.changes),
        now_ms,
        channel: Channel {
            address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            key_algorithm: "",
            purpose: question.purpose.clone(),
        },
    })
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
