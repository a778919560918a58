//! From what a client says to a verdict on record: read, resolved by the catalog, decided, recorded.

use super::reply;
use super::talk::{Known, Running, Talk};
use super::texts::Text;
use super::upstream::{Login, Server, UpstreamError};
use crate::authenticate::Peer;
use crate::connections::Live;
use crate::exchange::{Looked, Pipeline, landed, list, record_verdict};
use crate::limits::EXCHANGES_MAX;
use crate::record::{Meter, patience};
use contract::Recording;
use contract::norm::SqlTouch;
use policy::{
    Channel, Denial, Permit, Request, TouchInputs, VerdictRecord, decide_together, would_deny,
};
use registry::{IdentityId, InstrumentId, Service, Verb};
use sql::{Act, Catalog, Columns, Effect, Kind, Object, Path, Resolved, Statement};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use wire::postgres::error_response::{ErrorResponse, Severity};

/// A named statement can run another by its name, this many times over.
const EXECUTE_DEPTH_MAX: usize = 4;

/// Who is at a session, under what, and what is known of the database.
pub(crate) struct Judge {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) identity: IdentityId,
    pub(crate) service: Arc<Service>,
    /// The contract the session is under.
    pub(crate) contract: InstrumentId,
    /// The connection.
    pub(crate) live: Arc<Live>,
    pub(crate) server: Server,
    /// The secret the gateway logs in with.
    pub(crate) secret: String,
    /// The verdict that opened the session; none while that is decided.
    pub(crate) session: Option<u64>,
    pub(crate) says: Mutex<Says>,
}

/// What was permitted and is being recorded.
struct Begun {
    running: Running,
    recording: Recording,
    changes: bool,
}

/// What the session changes as it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Says {
    /// Where names are looked up.
    pub(crate) path: Path,
    /// What statements are for.
    pub(crate) purpose: Option<String>,
}

/// What becomes of what was said.
pub(crate) enum Judged {
    /// It goes up as it is, or this text in its place.
    Permitted { running: Running, instead: Option<String> },
    /// It does not.
    Denied(ErrorResponse),
    /// Nothing goes on.
    End(ErrorResponse),
}

impl Judge {
    pub(crate) fn says(&self) -> Says {
        self.says.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn login(&self) -> Result<Login, UpstreamError> {
        let secrets = &self.pipeline.ports.secrets;
        let secret = secrets.secret(&self.secret).map_err(UpstreamError::Secrets)?;
        let secret = secret.ok_or_else(|| UpstreamError::NoSecret(self.secret.clone()))?;
        Login::of(&secret).ok_or_else(|| UpstreamError::BadSecret(self.secret.clone()))
    }

    /// Decides whether the session may begin, and records that before it does. It rests on this to its end.
    pub(crate) async fn begin(&self, parameters: &str) -> Result<(u64, Running), ErrorResponse> {
        let says = self.says();
        let mut all = Resolved::default();
        self.at_least(&mut all);
        let looked = self.looked("CONNECT".to_owned(), parameters, &says);
        match self.judge_strictly(looked, all).await {
            Ok(begun) => Ok(begun),
            Err(Judged::Denied(error) | Judged::End(error)) => {
                Err(ErrorResponse { severity: Severity::Fatal, ..error })
            }
            Err(Judged::Permitted { .. }) => Err(reply::cut(None)),
        }
    }

    async fn catalog(&self) -> Result<Arc<Catalog>, UpstreamError> {
        self.pipeline.databases.catalogs.get(self.service.id, &self.server, || self.login()).await
    }

    /// A text that is run at once. Statements in it are taken in their order; they happen together or not at all.
    pub(crate) async fn query(&self, talk: &Mutex<Talk>, text: &str) -> Judged {
        let read = match self.pipeline.databases.texts.read(text) {
            Ok(read) => read,
            Err(error) => return self.unreadable(text, &error.to_string()).await,
        };
        let statements = &read.statements;
        let catalog = match self.catalog().await {
            Ok(catalog) => catalog,
            Err(error) => return Judged::Denied(unknown(&error)),
        };
        let mut says = self.says();
        let mut all = Resolved::default();
        let mut defines = false;
        self.add(&mut all, &read, &catalog, &mut says, talk);
        for statement in statements {
            defines |= statement.effect == Effect::Define;
            if statement.effect == Effect::ApplicationName && statements.len() > 1 {
                let why = "SET application_name stands with others in one text";
                all.administers(&self.service, why.to_owned());
            }
        }
        self.at_least(&mut all);
        let kinds: Vec<&str> = statements.iter().map(|statement| statement.kind.as_str()).collect();
        let judged = self.judge(self.looked(kinds.join("; "), text, &says), all, defines).await;
        if let Judged::Permitted { running, .. } = judged {
            let instead = match statements.as_slice() {
                [only] if only.effect == Effect::ApplicationName => Some(self.own_name()),
                _ => None,
            };
            self.remember(talk, statements, says);
            return Judged::Permitted { running, instead };
        }
        judged
    }

    /// A statement that gets a name. It is looked at, and counted and recorded only when it is run.
    pub(crate) async fn parse(&self, talk: &Mutex<Talk>, text: &str) -> Result<(Arc<Known>, Option<String>), Judged> {
        let read = match self.pipeline.databases.texts.read(text) {
            Ok(read) => read,
            Err(error) => return Err(self.unreadable(text, &error.to_string()).await),
        };
        let known = Known { text: text.to_owned(), read };
        let catalog = self.catalog().await.map_err(|error| Judged::Denied(unknown(&error)))?;
        let mut says = self.says();
        let mut all = Resolved::default();
        self.add(&mut all, &known.read, &catalog, &mut says, talk);
        self.at_least(&mut all);
        let denied = {
            let rules = self.pipeline.ports.rules.read().unwrap_or_else(PoisonError::into_inner);
            let now_ms = (self.pipeline.ports.clock)();
            let requests = self.requests(&all, &says.purpose, now_ms, rules.silence_ms(now_ms));
            requests.into_iter().find_map(|request| Some((would_deny(&rules, &request)?, request)))
        };
        if let Some((denial, request)) = denied {
            let kinds: Vec<&str> = known.read.statements.iter().map(|statement| statement.kind.as_str()).collect();
            let mut looked = self.looked(kinds.join("; "), text, &says);
            looked.touches = touches(std::slice::from_ref(&request));
            return Err(self.denied(denial, Some(&request), looked, &all.reasons).await);
        }
        let instead = match known.read.statements.as_slice() {
            [only] if only.effect == Effect::ApplicationName => Some(self.own_name()),
            _ => None,
        };
        Ok((Arc::new(known), instead))
    }

    /// A named statement is about to run: as anything its name can mean.
    pub(crate) async fn bind(&self, talk: &Mutex<Talk>, name: &str) -> Judged {
        let meanings = talk.lock().unwrap_or_else(PoisonError::into_inner).meanings(name);
        let catalog = match self.catalog().await {
            Ok(catalog) => catalog,
            Err(error) => return Judged::Denied(unknown(&error)),
        };
        let before = self.says();
        let mut says = before.clone();
        let mut all = Resolved::default();
        let (mut kinds, mut texts, mut defines) = (Vec::new(), Vec::new(), false);
        for known in &meanings {
            self.add(&mut all, &known.read, &catalog, &mut says, talk);
            for statement in &known.read.statements {
                kinds.push(statement.kind.as_str());
                defines |= statement.effect == Effect::Define;
            }
            texts.push(known.text.as_str());
        }
        self.at_least(&mut all);
        let judged = self.judge(self.looked(kinds.join("; "), &texts.join(";\n"), &says), all, defines).await;
        if let Judged::Permitted { .. } = &judged {
            for known in &meanings {
                self.remember(talk, &known.read.statements, says.clone());
            }
        }
        judged
    }

    /// What none of the statements can be looked into for.
    pub(crate) async fn administer(&self, kind: &str, reason: &str) -> Judged {
        let says = self.says();
        let mut all = Resolved::default();
        all.administers(&self.service, reason.to_owned());
        self.judge(self.looked(kind.to_owned(), "", &says), all, false).await
    }

    /// Adds what a text does. Each of its statements runs under what those before it changed.
    fn add(&self, all: &mut Resolved, read: &Text, catalog: &Arc<Catalog>, says: &mut Says, talk: &Mutex<Talk>) {
        self.add_within(all, read, catalog, (says, talk), 0);
    }

    fn add_within(
        &self,
        all: &mut Resolved,
        read: &Text,
        catalog: &Arc<Catalog>,
        (says, talk): (&mut Says, &Mutex<Talk>),
        depth: usize,
    ) {
        if depth > EXECUTE_DEPTH_MAX {
            return all.administers(&self.service, "EXECUTE runs EXECUTE too often".to_owned());
        }
        if let Some(resolved) = read.resolve_only(&self.service, catalog, &says.path) {
            all.add(&resolved);
        } else {
            for statement in &read.statements {
                all.add(&statement.resolve(&self.service, catalog, &says.path));
                if all.moves_path {
                    says.path = Path::Unknown;
                }
            }
        }
        if all.moves_path {
            says.path = Path::Unknown;
        }
        for statement in &read.statements {
            match &statement.effect {
                Effect::Execute(name) => {
                    let meanings = talk.lock().unwrap_or_else(PoisonError::into_inner).meanings(name);
                    for known in &meanings {
                        self.add_within(all, &known.read, catalog, (says, talk), depth + 1);
                    }
                }
                Effect::Purpose(purpose) => {
                    says.purpose = Some(purpose.clone()).filter(|purpose| !purpose.is_empty());
                }
                Effect::None
                | Effect::Transaction
                | Effect::SearchPath
                | Effect::ApplicationName
                | Effect::Prepare(..)
                | Effect::Define => {}
            }
        }
    }

    /// The worst first; what touches nothing uses the session.
    fn at_least(&self, all: &mut Resolved) {
        if all.acts.is_empty() {
            all.acts = Resolved::nothing(&self.service).acts;
        }
        all.acts.sort_by(|one, other| other.verb.cmp(&one.verb).then_with(|| one.cmp(other)));
        all.acts.dedup();
        all.reasons.sort();
        all.reasons.dedup();
    }

    /// What is true from now on. Whether it is done nobody knows yet: it is taken to be where that is the stricter.
    fn remember(&self, talk: &Mutex<Talk>, statements: &[Statement], says: Says) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = says;
        let mut talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
        for statement in statements {
            if let Effect::Prepare(name, inner) = &statement.effect {
                let read = Arc::new(Text::of(vec![inner.as_ref().clone()]));
                let known = Known { text: format!("{inner:?}"), read };
                // Without room the name means nothing here, and the server's error follows on its use.
                let _ = talk.name_for_good(name, &Arc::new(known));
            }
        }
    }

    fn requests(&self, all: &Resolved, purpose: &Option<String>, now_ms: u64, silence_ms: u64) -> Vec<Request> {
        let mut requests: Vec<Request> = Vec::with_capacity(all.acts.len());
        for act in &all.acts {
            let Ok(action) = act.verb.as_str().parse() else { continue };
            let touch = touch(act);
            let same = |before: &&mut Request| before.action == action && before.resource == act.resource;
            if let Some(before) = requests.iter_mut().find(same) {
                // Several tables of one resource: one act, which touches all they do.
                if let Some(before) = &mut before.touch {
                    before.which_rows &= touch.which_rows;
                    before.columns = before.columns.take().zip(touch.columns).map(|(mut all, more)| {
                        all.extend(more);
                        all
                    });
                }
                continue;
            }
            requests.push(Request {
                identity: self.identity,
                serial: self.peer.svid.serial,
                service: self.service.id,
                action,
                resource: act.resource.clone(),
                changes: act.verb.changes(),
                now_ms,
                silence_ms,
                channel: Channel {
                    address: self.peer.address.ip(),
                    key_algorithm: self.peer.svid.key_algorithm,
                    purpose: purpose.clone(),
                },
                under: Some(self.contract),
                touch: Some(touch),
            });
        }
        requests
    }

    fn looked(&self, method: String, text: &str, says: &Says) -> Looked {
        let host = self.service.host.clone();
        Looked { method, host, target: text.to_owned(), purpose: says.purpose.clone(), touches: Vec::new() }
    }

    /// Decides and records. Strictly recorded changes are durable when this returns.
    async fn judge(&self, looked: Looked, all: Resolved, defines: bool) -> Judged {
        let mut begun = match self.decide(looked, &all).await {
            Ok(begun) => begun,
            Err(judged) => return judged,
        };
        let relaxed = self.pipeline.relaxes(begun.recording);
        if relaxed {
            begun.running.recorded = None;
        } else if begun.changes {
            // What can change something waits until the record is durable.
            if let Err(error) = landed(begun.running.recorded.take()).await {
                return Judged::End(reply::not_recorded(&error.to_string()));
            }
        }
        begun.running.defines = defines;
        Judged::Permitted { running: begun.running, instead: None }
    }

    /// The same, durable whatever it does.
    async fn judge_strictly(&self, looked: Looked, all: Resolved) -> Result<(u64, Running), Judged> {
        let mut begun = self.decide(looked, &all).await?;
        match landed(begun.running.recorded.take()).await {
            Ok(index) => Ok((index, begun.running)),
            Err(error) => Err(Judged::End(reply::not_recorded(&error.to_string()))),
        }
    }

    async fn decide(&self, mut looked: Looked, all: &Resolved) -> Result<Begun, Judged> {
        let pipeline = &self.pipeline;
        let ports = &pipeline.ports;
        let Ok(seat) = pipeline.room.clone().try_acquire_owned() else {
            let message = format!("{EXCHANGES_MAX} requests are under way at the gateway: try again");
            let error = ErrorResponse { severity: Severity::Error, ..reply::fatal("53300", message) };
            return Err(Judged::Denied(error));
        };
        let now_ms = (ports.clock)();
        let decided = {
            let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
            let requests = self.requests(all, &looked.purpose, now_ms, rules.silence_ms(now_ms));
            looked.touches = touches(&requests);
            decide_together(&rules, &ports.counters, requests)
        };
        let permits = match decided {
            Ok(permits) => permits,
            Err(denied) => {
                let (request, denial) = *denied;
                looked.touches = touches(std::slice::from_ref(&request));
                return Err(self.denied(denial, Some(&request), looked, &all.reasons).await);
            }
        };
        ports.metrics.decided("permitted", "permitted");
        let clauses: Vec<contract::Number> =
            permits.iter().flat_map(|permit| permit.contract().clauses.iter().copied()).collect();
        let detail = format!("permitted by clause {}", list(&clauses));
        let session = self.session;
        let recording = Permit::recording_of(&permits);
        let patience = patience(recording);
        let pending = record_verdict(ports, &self.peer, looked, detail, patience, |inputs| {
            VerdictRecord::of_permits(&permits, inputs).map(|record| VerdictRecord { session, ..record })
        });
        let pending = pending.map_err(|error| Judged::End(reply::not_recorded(&error.to_string())))?;
        let rests = self.live.rest_on(&permits, ports).ok_or_else(|| Judged::End(reply::cut(None)))?;
        let longest = permits.iter().filter_map(Permit::longest).min_by_key(|longest| longest.ms).cloned();
        let changes = permits.iter().any(|permit| permit.request().changes);
        let meter = Arc::new(Meter::of_statement());
        let (ended, ending) = oneshot::channel();
        let cut = rests.token().clone();
        let recorded = pipeline.follow(pending, meter.clone(), ending, (recording, cut), now_ms, seat);
        let running =
            Running { _rests: Some(rests), ended: Some(ended), meter, recorded, defines: false, longest };
        Ok(Begun { running, recording, changes })
    }

    async fn denied(
        &self,
        denial: Denial,
        request: Option<&Request>,
        looked: Looked,
        reasons: &[String],
    ) -> Judged {
        let ports = &self.pipeline.ports;
        ports.metrics.decided("denied", denial.reason.as_str());
        let now_ms = (ports.clock)();
        let detail = match reasons {
            [] => denial.detail.clone(),
            reasons => format!("{} (administration: {})", denial.detail, reasons.join("; ")),
        };
        let pending = record_verdict(ports, &self.peer, looked, detail, Duration::ZERO, |inputs| {
            let mut record = VerdictRecord::of_denial(&denial, self.peer.svid.serial, inputs);
            record.identity = Some(self.identity);
            record.service = Some(self.service.id);
            record.action = request.map(|request| request.action.clone());
            record.resource = request.map(|request| request.resource.clone());
            record.decided_ms = request.map_or(now_ms, |request| request.now_ms);
            record.silence_ms = request.map_or(0, |request| request.silence_ms);
            record.under = Some(self.contract);
            record.session = self.session;
            Some(record)
        });
        let index = match pending {
            Ok(pending) => pending.await.ok(),
            Err(_) => None,
        };
        if index.is_none() {
            ports.metrics.unrecorded.inc();
            tracing::error!(reason = denial.reason.as_str(), "a denial could not be recorded");
        }
        let instance = index.map(|index| self.pipeline.instance(index));
        Judged::Denied(reply::denial(&denial, reasons, instance.as_deref()))
    }

    /// What is no SQL is denied, and on record.
    async fn unreadable(&self, text: &str, why: &str) -> Judged {
        let as_of = self.pipeline.ports.rules.read().unwrap_or_else(PoisonError::into_inner).as_of();
        let denial = Denial::plain(policy::Reason::RequestAmbiguous, format!("the statement is not let through: {why}"), as_of);
        let looked = self.looked(Kind::Other.as_str().to_owned(), text, &self.says());
        match self.denied(denial, None, looked, &[]).await {
            Judged::Denied(error) => {
                // PostgreSQL's own code for what cannot be parsed, so that clients understand it.
                let code = if why.contains("syntax") { "42601" } else { reply::UNREADABLE };
                Judged::Denied(ErrorResponse { code, message: why.to_owned(), ..error })
            }
            other => other,
        }
    }

    /// The session has one name in the server's records, whatever the client calls itself.
    fn own_name(&self) -> String {
        let name = application_name(&self.pipeline, self.session);
        format!("SET application_name = '{}'", name.replace('\'', ""))
    }
}

/// By which name the server's own records can be joined with the decision log.
pub(crate) fn application_name(pipeline: &Pipeline, session: Option<u64>) -> String {
    /// PostgreSQL keeps no longer one (NAMEDATALEN).
    const BYTES_MAX: usize = 63;
    let index = session.unwrap_or_default();
    let whole = pipeline.instance(index);
    if whole.len() <= BYTES_MAX { whole } else { format!("writ/{index}") }
}

fn touches(requests: &[Request]) -> Vec<TouchInputs> {
    requests.iter().filter_map(|request| request.touch.as_ref()).map(TouchInputs::from).collect()
}

/// Which columns and rows an act touches.
fn touch(act: &Act) -> SqlTouch {
    let columns = match (&act.object, &act.columns) {
        (Object::Of { schema, name }, Columns::Some(columns)) => {
            Some(columns.iter().map(|column| format!("{schema}.{name}.{column}")).collect())
        }
        (Object::Channel(_) | Object::Session, _) => Some(Vec::new()),
        (Object::Of { .. }, Columns::All) => None,
    };
    let changes_rows = matches!(act.verb, Verb::Update | Verb::Delete | Verb::Truncate);
    SqlTouch { columns, which_rows: act.restricted || !changes_rows }
}

fn unknown(error: &UpstreamError) -> ErrorResponse {
    ErrorResponse {
        severity: Severity::Error,
        detail: Some(error.to_string()),
        ..reply::fatal(reply::SESSION, "what the database has is not known, so nothing is let through")
    }
}
