//! From what a client says to a verdict on record: read, resolved by the catalog, decided, recorded.

use super::going::{Going, Gone, Says};
use super::masking::Masks;
use super::names::{Called, Known};
use super::parameters::bound;
use super::reply;
use super::rows::Limits;
use super::talk::Talk;
use super::upstream::{Login, Server, UpstreamError};
use super::waiting::Running;
use crate::authenticate::Peer;
use crate::connections::Live;
use crate::course::Beginning;
use crate::exchange::{Looked, Pipeline, list, verdict};
use crate::limits::EXCHANGES_MAX;
use crate::record::{Meter, RecordError};
use contract::norm::SqlTouch;
use policy::{
    Channel, Denial, Parameters, Permit, Request, TouchInputs, VerdictRecord, decide_together, would_deny,
};
use registry::{IdentityId, InstrumentId, Service, Verb};
use sql::statement::TEXT_BYTES_MAX;
use sql::{Act, Catalog, Columns, CopiedOut, Effect, Kind, Object, Path, Resolved, Statement};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use wire::postgres::backend;
use wire::postgres::error_response::{ErrorResponse, Severity};
use zeroize::Zeroizing;

/// What stands for the method where a session begins.
pub(crate) const CONNECT: &str = "CONNECT";

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
    /// What stand-ins are made with under its contract, once there was something to mask.
    pub(crate) key: OnceLock<mask::Key>,
    /// The verdict that opened the session; none while that is decided.
    pub(crate) session: Option<u64>,
    pub(crate) says: Mutex<Arc<Says>>,
    /// How many texts have a number.
    pub(crate) traced: AtomicU64,
    /// It did what nobody can tell the effects of.
    pub(crate) administered: AtomicBool,
}

/// What was permitted and is being recorded.
struct Begun {
    running: Running,
    changes: bool,
}

/// What was looked up for a statement, beside what it does.
struct Seen<'g> {
    catalog: &'g Arc<Catalog>,
    copied: &'g [(CopiedOut, Path)],
    /// It is a text with one statement, run at once.
    alone: bool,
}

/// What becomes of what was said.
pub(crate) enum Judged {
    /// It goes up as it is, or this text in its place.
    Permitted { running: Running, instead: Option<String> },
    /// It does not.
    Denied(ErrorResponse),
    /// It names what there is not.
    Unknown,
    /// Nothing goes on.
    End(ErrorResponse),
}

impl Judge {
    pub(crate) fn says(&self) -> Arc<Says> {
        self.says.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn login(&self) -> Result<Login, UpstreamError> {
        self.login_with(&self.unsealed()?)
    }

    pub(crate) fn login_with(&self, secret: &Zeroizing<Vec<u8>>) -> Result<Login, UpstreamError> {
        Login::of(secret).ok_or_else(|| UpstreamError::BadSecret(self.secret.clone()))
    }

    /// The secret itself.
    pub(crate) fn unsealed(&self) -> Result<Zeroizing<Vec<u8>>, UpstreamError> {
        let secrets = &self.pipeline.ports.secrets;
        let secret = secrets.secret(&self.secret).map_err(UpstreamError::Secrets)?;
        secret.ok_or_else(|| UpstreamError::NoSecret(self.secret.clone()))
    }

    /// Decides whether the session may begin, and records that before it does. It rests on this to its end.
    pub(crate) async fn begin(&self, parameters: String) -> Result<(u64, Running), ErrorResponse> {
        let says = self.says();
        let all = Resolved::nothing(&self.service);
        let looked = Looked { target: parameters, ..self.looked(CONNECT.to_owned(), "", &says) };
        match self.judge_strictly(looked, all).await {
            Ok(begun) => Ok(begun),
            Err(Judged::Denied(error) | Judged::End(error)) => {
                Err(ErrorResponse { severity: Severity::Fatal, ..error })
            }
            Err(Judged::Permitted { .. } | Judged::Unknown) => Err(reply::cut(None)),
        }
    }

    async fn catalog(&self) -> Result<Arc<Catalog>, UpstreamError> {
        self.pipeline.databases.catalogs.get(self.service.id, &self.server, || self.login()).await
    }

    /// A text that is run at once. Statements in it are taken in their order; they happen together or not at all.
    pub(crate) async fn query(&self, talk: &Mutex<Talk>, text: &str) -> Judged {
        let read = match self.pipeline.databases.texts.read(text).await {
            Ok(read) => read,
            Err(error) => return self.unreadable(text, &error.to_string()).await,
        };
        let catalog = match self.catalog().await {
            Ok(catalog) => catalog,
            Err(error) => return self.unknown(text, &error).await,
        };
        let mut going = Going::new(&self.service, &catalog, talk, self.says());
        going.text(&read);
        if read.statements.len() > 1 && read.statements.iter().any(names_itself) {
            going.administers("SET application_name stands with others in one text");
        }
        let alone = read.statements.len() == 1;
        let trace = self.trace();
        let looked = Looked { trace, ..Looked::default() };
        match self.judge_gone(talk, text, looked, alone, going.end()).await {
            Judged::Permitted { running, .. } => {
                let copy = running.masks.as_ref().and_then(|masks| masks.copy_written_out());
                let instead = copy.or_else(|| self.instead_of(&read.statements));
                Judged::Permitted { running, instead: self.marked(trace, text, instead) }
            }
            other @ (Judged::Denied(_) | Judged::Unknown | Judged::End(_)) => other,
        }
    }

    /// A statement that gets a name. It is looked at, and counted and recorded only when it is run.
    pub(crate) async fn parse(
        &self,
        talk: &Mutex<Talk>,
        text: &str,
        types: &[u8],
    ) -> Result<(Arc<Known>, Option<String>), Judged> {
        let read = match self.pipeline.databases.texts.read(text).await {
            Ok(read) => read,
            Err(error) => return Err(self.unreadable(text, &error.to_string()).await),
        };
        let types = backend::parameter_description(types)
            .map_err(|error| Judged::End(reply::fatal("08P01", error.to_string())))?;
        let trace = self.trace();
        let known = Known { text: text.to_owned(), types, read, trace, ..Known::default() };
        let catalog = match self.catalog().await {
            Ok(catalog) => catalog,
            Err(error) => return Err(self.unknown(text, &error).await),
        };
        let mut going = Going::new(&self.service, &catalog, talk, self.says());
        going.prepared(&known);
        let gone = going.end();
        let Gone { all, says, .. } = &gone;
        let denied = {
            let rules = self.pipeline.ports.rules.read().unwrap_or_else(PoisonError::into_inner);
            let now_ms = (self.pipeline.ports.clock)();
            let requests = self.requests(all, &says.purpose, now_ms, rules.silence_ms(now_ms));
            requests.into_iter().find_map(|request| Some((would_deny(&rules, &request)?, request)))
        };
        if let Some((denial, request)) = denied {
            let touches = touches(std::slice::from_ref(&request));
            let looked = Looked { touches, trace, ..self.looked(gone.kinds(), text, says) };
            return Err(self.denied(denial, Some(&request), looked, &all.reasons).await);
        }
        let instead = self.marked(trace, text, self.instead_of(&known.read.statements));
        Ok((Arc::new(known), instead))
    }

    /// A named statement is about to run: as anything its name can mean.
    pub(crate) async fn bind(&self, talk: &Mutex<Talk>, name: &str, rest: &[u8]) -> Judged {
        let (meanings, trace) = {
            let (talk, called) =
                (talk.lock().unwrap_or_else(PoisonError::into_inner), Called::statement(name));
            (talk.names.meanings(&called), talk.names.trace(&called))
        };
        if meanings.is_empty() {
            return Judged::Unknown;
        }
        let catalog = match self.catalog().await {
            Ok(catalog) => catalog,
            Err(error) => return self.unknown(name, &error).await,
        };
        let mut going = Going::new(&self.service, &catalog, talk, self.says());
        meanings.iter().for_each(|known| going.prepared(known));
        let parameters = match bound(rest, &meanings) {
            Ok(parameters) => parameters,
            Err(error) => return Judged::End(reply::fatal("08P01", error.to_string())),
        };
        let parameters = match parameters.map(|parameters| self.seal(&parameters)) {
            Some(None) => return Judged::End(reply::not_recorded("what is bound could not be sealed")),
            Some(sealed) => sealed,
            None => None,
        };
        let texts: Vec<&str> = meanings.iter().map(|known| known.text.as_str()).collect();
        if texts.iter().map(|text| text.len()).sum::<usize>() > TEXT_BYTES_MAX {
            return self.unreadable(name, "what its name can mean is longer than is recorded").await;
        }
        let looked = Looked { parameters, trace, ..Looked::default() };
        self.judge_gone(talk, &texts.join(";\n"), looked, false, going.end()).await
    }

    /// Values are for fewer eyes than the log.
    fn seal(&self, parameters: &Parameters) -> Option<Vec<u8>> {
        (self.pipeline.ports.seal)(minicbor::to_vec(parameters).ok()?)
    }

    /// What cannot be looked into.
    pub(crate) async fn administer(&self, kind: &str, reason: &str) -> Judged {
        let says = self.says();
        let mut all = Resolved::default();
        all.administers(&self.service, reason.to_owned());
        self.judge(self.looked(kind.to_owned(), "", &says), &all, None, false).await
    }

    /// Judges what was gone through, and remembers where it leads.
    async fn judge_gone(
        &self,
        talk: &Mutex<Talk>,
        text: &str,
        Looked { parameters, trace, .. }: Looked,
        alone: bool,
        gone: Gone,
    ) -> Judged {
        let looked = Looked { parameters, trace, ..self.looked(gone.kinds(), text, &gone.says) };
        let seen = Seen { catalog: &gone.catalog, copied: &gone.copied, alone };
        let mut judged = self.judge(looked, &gone.all, Some(seen), gone.defines).await;
        if let Judged::Permitted { running, .. } = &mut judged {
            running.runs_by_name = gone.runs_by_name;
            running.copies_in = gone.copies_in();
            if !self.remember(talk, gone, trace) {
                return Judged::End(reply::too_many("prepared statements"));
            }
        }
        judged
    }

    /// What is true from now on. Whether it is done nobody knows yet: it is taken to be where that is the stricter. Says
    /// whether there was room for the names that were given.
    fn remember(&self, talk: &Mutex<Talk>, gone: Gone, trace: Option<u64>) -> bool {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = gone.says;
        let mut talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
        if gone.unnames {
            talk.names.unname();
        }
        gone.named.into_iter().all(|(name, read)| {
            let text = format!("{:?}", read.statements);
            talk.names.name_for_good(&name, &Arc::new(Known { text, read, trace, ..Known::default() }))
        })
    }

    fn requests(
        &self,
        all: &Resolved,
        purpose: &Option<String>,
        now_ms: u64,
        silence_ms: u64,
    ) -> Vec<Request> {
        let mut requests: Vec<Request> = Vec::with_capacity(all.acts.len());
        for act in &all.acts {
            let action = act.verb.name();
            let touch = touch(act);
            let same = |before: &&mut Request| before.action == action && before.resource == act.resource;
            if let Some(before) = requests.iter_mut().find(same) {
                // Several tables of one resource: one act, which touches all they do.
                if let Some(before) = &mut before.touch {
                    before.which_rows &= touch.which_rows;
                    before.used.extend(touch.used);
                    before.uncounted = before.uncounted.take().or(touch.uncounted);
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
                touch: Some(Box::new(touch)),
            });
        }
        requests
    }

    fn looked(&self, method: String, text: &str, says: &Says) -> Looked {
        let host = self.service.host.clone();
        Looked {
            method,
            host,
            target: text.to_owned(),
            purpose: says.purpose.clone(),
            touches: Vec::new(),
            parameters: None,
            trace: None,
        }
    }

    /// The number of the text that was read just now, where they have some.
    fn trace(&self) -> Option<u64> {
        self.server.address.traced.then(|| self.traced.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// What goes up, with its number where it has one.
    fn marked(&self, trace: Option<u64>, text: &str, instead: Option<String>) -> Option<String> {
        let Some(number) = trace else { return instead };
        let session = self.session.unwrap_or_default();
        Some(marked(instead.as_deref().unwrap_or(text), session, number))
    }

    /// Decides and records. Strictly recorded changes are durable when this returns.
    async fn judge(&self, looked: Looked, all: &Resolved, seen: Option<Seen<'_>>, defines: bool) -> Judged {
        let mut begun = match self.decide(looked, all, seen, true).await {
            Ok(begun) => begun,
            Err(judged) => return judged,
        };
        if begun.changes
            && let Some(recorded) = begun.running.recorded.take()
        {
            // What can change something waits until the record is durable.
            if let Err(error) = recorded.landed().await {
                return Judged::End(reply::not_recorded(&error.to_string()));
            }
        }
        begun.running.defines = defines;
        Judged::Permitted { running: begun.running, instead: None }
    }

    /// The same, durable whatever it does.
    async fn judge_strictly(&self, looked: Looked, all: Resolved) -> Result<(u64, Running), Judged> {
        let mut begun = self.decide(looked, &all, None, false).await?;
        let recorded = match begun.running.recorded.take() {
            Some(recorded) => recorded.landed().await,
            None => Err(RecordError("nobody waits for it".into())),
        };
        let index = recorded.map_err(|error| Judged::End(reply::not_recorded(&error.to_string())))?;
        Ok((index, begun.running))
    }

    /// Decides, and queues the record. Where somebody waits for that whatever clauses say, nothing is relaxed.
    async fn decide(
        &self,
        mut looked: Looked,
        all: &Resolved,
        seen: Option<Seen<'_>>,
        relaxes: bool,
    ) -> Result<Begun, Judged> {
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
        if all.acts.iter().any(|act| act.verb == Verb::Administer) {
            self.administered.store(true, Ordering::Relaxed);
        }
        let counted = all.acts.iter().all(|act| act.uncounted.is_none());
        let limits =
            seen.as_ref().and_then(|_| Limits::of(&permits, self.identity, &ports.counters, counted));
        let masks = seen.and_then(|Seen { catalog, copied, alone }| {
            let key = || self.key.get_or_init(|| ports.pseudonyms.of(self.contract.as_bytes())).clone();
            Masks::of(&permits, key, &self.service, catalog, copied, alone)
        });
        ports.metrics.permitted();
        let clauses: Vec<contract::Number> =
            permits.iter().flat_map(|permit| permit.contract().clauses.iter().copied()).collect();
        let detail = format!("permitted by clause {}", list(&clauses));
        let session = self.session;
        let recording = Permit::recording_of(&permits);
        // Whoever is waited for does not wait for others.
        let relaxed = relaxes && pipeline.courses.relaxes(recording);
        let verdict = verdict(ports, &self.peer, looked, detail, |inputs| {
            VerdictRecord::of_permits(&permits, inputs).map(|record| VerdictRecord { session, ..record })
        });
        let rests = self.live.rest_on(&permits, ports).ok_or_else(|| Judged::End(reply::cut(None)))?;
        let longest = permits
            .iter()
            .filter_map(Permit::longest)
            .min_by_key(|longest| longest.ms)
            .cloned()
            .map(Box::new);
        let changes = permits.iter().any(|permit| permit.request().changes);
        // The session itself has no rows of its own.
        let meter = Arc::new(match session {
            Some(_) => Meter::of_statement(),
            None => Meter::default(),
        });
        let cut = rests.token().clone();
        let beginning = Beginning { recording, relaxed, meter: meter.clone(), cut, now_ms, seat };
        let begun = verdict.and_then(|verdict| pipeline.courses.begin(verdict, beginning));
        let (under_way, recorded) =
            begun.map_err(|error| Judged::End(reply::not_recorded(&error.to_string())))?;
        let running = Running {
            _rests: Some(rests),
            under_way: Some(under_way),
            meter,
            recorded,
            longest,
            masks,
            limits,
            ..Running::default()
        };
        Ok(Begun { running, changes })
    }

    async fn denied(
        &self,
        denial: Denial,
        request: Option<&Request>,
        looked: Looked,
        reasons: &[String],
    ) -> Judged {
        let now_ms = (self.pipeline.ports.clock)();
        let detail = match reasons {
            [] => denial.detail.clone(),
            reasons => format!("{} (administration: {})", denial.detail, reasons.join("; ")),
        };
        let denied = self.pipeline.record_denial(&self.peer, looked, detail, &denial, |record| {
            record.identity = Some(self.identity);
            record.service = Some(self.service.id);
            record.action = request.map(|request| request.action.clone());
            record.resource = request.map(|request| request.resource.clone());
            record.decided_ms = request.map_or(now_ms, |request| request.now_ms);
            record.silence_ms = request.map_or(0, |request| request.silence_ms);
            record.under = Some(self.contract);
            record.session = self.session;
        });
        let instance = denied.await;
        Judged::Denied(reply::denial(&denial, reasons, instance.as_deref()))
    }

    /// Where the database's catalog cannot be read nothing is let through, which is on record.
    async fn unknown(&self, text: &str, error: &UpstreamError) -> Judged {
        const WHY: &str = "what the database has is not known, so nothing is let through";
        let as_of = self.pipeline.ports.rules.read().unwrap_or_else(PoisonError::into_inner).as_of();
        let denial = Denial::plain(policy::Reason::InstrumentUnusable, format!("{WHY}: {error}"), as_of);
        let looked = self.looked(Kind::Other.as_str().to_owned(), text, &self.says());
        match self.denied(denial, None, looked, &[]).await {
            Judged::Denied(error) => {
                Judged::Denied(ErrorResponse { code: reply::SESSION, message: WHY.to_owned(), ..error })
            }
            other @ (Judged::Permitted { .. } | Judged::Unknown | Judged::End(_)) => other,
        }
    }

    /// What is no SQL is denied, and on record.
    async fn unreadable(&self, text: &str, why: &str) -> Judged {
        let as_of = self.pipeline.ports.rules.read().unwrap_or_else(PoisonError::into_inner).as_of();
        let denial = Denial::plain(
            policy::Reason::RequestAmbiguous,
            format!("the statement is not let through: {why}"),
            as_of,
        );
        let looked = self.looked(Kind::Other.as_str().to_owned(), text, &self.says());
        match self.denied(denial, None, looked, &[]).await {
            Judged::Denied(error) => {
                // PostgreSQL's own code for what cannot be parsed, so that clients understand it.
                let code = if why.contains("syntax") { "42601" } else { reply::UNREADABLE };
                Judged::Denied(ErrorResponse { code, message: why.to_owned(), ..error })
            }
            other @ (Judged::Permitted { .. } | Judged::Unknown | Judged::End(_)) => other,
        }
    }

    /// What goes up instead of a statement. The session has one name in the server's records, whatever the client calls
    /// itself.
    fn instead_of(&self, statements: &[Statement]) -> Option<String> {
        let [only] = statements else { return None };
        names_itself(only).then(|| set_name(&application_name(&self.pipeline, self.session)))
    }
}

fn names_itself(statement: &Statement) -> bool {
    statement.effect == Effect::ApplicationName
}

/// Gives a session its name in the server's own records.
pub(crate) fn set_name(name: &str) -> String {
    format!("SET application_name = '{}'", name.replace('\'', ""))
}

/// A text that says at its end, in a comment, which one of its session it is. The comment is a block: what ends one in the
/// text itself cannot stand in it, as it is digits alone.
fn marked(text: &str, session: u64, number: u64) -> String {
    // A comment up to the end of the line may be open.
    let apart = if text.contains("--") { '\n' } else { ' ' };
    format!("{text}{apart}/*writ:{session}.{number}*/")
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
    requests.iter().filter_map(|request| request.touch.as_deref()).map(TouchInputs::from).collect()
}

/// Which columns and rows an act touches.
fn touch(act: &Act) -> SqlTouch {
    let columns = match (&act.object, &act.columns) {
        (Object::Of { schema, name }, Columns::Some(columns)) => {
            Some(columns.iter().map(|column| [schema, ".", name, ".", column].concat()).collect())
        }
        (Object::Channel(_) | Object::Session, _) => Some(Vec::new()),
        (Object::Of { .. }, Columns::All) => None,
    };
    let changes_rows = matches!(act.verb, Verb::Update | Verb::Delete | Verb::Truncate);
    let used = act.used.iter().cloned().collect();
    let uncounted = act.uncounted.map(str::to_owned);
    SqlTouch { columns, which_rows: act.restricted || !changes_rows, used, uncounted }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PostgreSQL's own parser reads what it read before.
    #[test]
    fn a_mark_changes_nothing_of_what_is_said() {
        for text in [
            "",
            ";",
            "SELECT 1",
            "SELECT 1;",
            "SELECT 1 -- and no more",
            "SELECT '--', '/*' -- '",
            "SELECT /* a /* nested */ one */ 1",
            "SELECT $x$ -- $x$ AS a; SELECT 2 --",
            "SELECT E'\\'--' AS a",
        ] {
            let read = |text: &str| format!("{:?}", sql::read(text).expect(text));
            assert_eq!(read(&marked(text, 4711, 3)), read(text), "{text}");
        }
        assert_eq!(marked("SELECT 1", 4711, 3), "SELECT 1 /*writ:4711.3*/");
    }
}
