//! A session that has begun: what the client says is judged and goes up, what the server says comes down, each side at its
//! own pace, until one of them ends it or it is cut.

use super::judge::{Judge, Judged};
use super::names::Called;
use super::reply;
use super::talk::{Next, Row, Step, Talk};
use super::upstream::{Duplex, Upstream};
use super::waiting::{Described, Held, Waiting};
use crate::limits::{
    CANCEL_WAIT_EACH, CANCEL_WAIT_MAX, CHUNK_BYTES, PARTING_TIME_MAX, PIPELINE_MAX, ROW_BYTES_MAX,
    RUNNING_MAX, SERVER_MESSAGE_BYTES_MAX, STATEMENT_BYTES_MAX,
};
use bytes::{Buf as _, BytesMut};
use policy::Longest;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::postgres::error_response::ErrorResponse;
use wire::postgres::frame::{HEADER_BYTES, Header};
use wire::postgres::frontend::{self, Frontend, Named};

/// What goes up in place of a text that was denied: no server takes it for a statement.
const DENIED: &str = "writ denied what stood here";
/// The longest name of a statement or portal, in bytes: the server cuts longer ones (NAMEDATALEN), and one name would be two.
const NAME_BYTES_MAX: usize = 63;

/// Both directions of a session.
pub(crate) struct Session {
    judge: Arc<Judge>,
    talk: Mutex<Talk>,
    /// Some answers came.
    answered: Notify,
    /// What was said may have a time at which it ends.
    timed: Notify,
    /// What the server said so far has passed.
    passed: Notify,
    /// Something of what the server said is on its way to the client, or a part of a message is here.
    passing: AtomicBool,
    /// The client said that it is done.
    parted: AtomicBool,
    /// A name that nobody gives to anything: what is denied is asked for by it.
    never: String,
    /// A name the gateway gives to what it runs as a portal of its own.
    own: String,
}

/// How a session ended.
#[derive(Debug)]
enum End {
    /// One of both said so, or went away.
    Over,
    /// It cannot go on; the client is told why.
    Told(ErrorResponse),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Over
    }
}

impl From<wire::postgres::Malformed> for End {
    fn from(error: wire::postgres::Malformed) -> Self {
        Self::Told(reply::fatal("08P01", error.to_string()))
    }
}

/// Runs a session to its end. `client` is given back for whoever closes it; and the session with the server, where that
/// can be `kept` and nothing is under way in it.
pub(crate) async fn run<C: Duplex>(
    judge: Arc<Judge>,
    (never, own): (String, String),
    client: C,
    upstream: Upstream,
    kept: bool,
    stop: &CancellationToken,
) -> (C, Option<Upstream>) {
    let session = Session {
        judge: judge.clone(),
        talk: Mutex::default(),
        answered: Notify::new(),
        timed: Notify::new(),
        passed: Notify::new(),
        passing: AtomicBool::new(false),
        parted: AtomicBool::new(false),
        never,
        own,
    };
    let Upstream { stream, parameters, key, heard, begun, standing } = upstream;
    let (mut client_said, mut to_client) = tokio::io::split(client);
    let (mut server_said, mut to_server) = tokio::io::split(stream);
    // Whether the client has heard every message whole that was begun.
    let mut quiet = true;
    let end = {
        let up = session.up(&mut client_said, &mut to_server);
        let down = session.down(&mut server_said, &mut to_client, heard, &mut quiet);
        tokio::select! {
            biased;
            () = judge.live.token().cancelled() => End::Told(reply::cut(judge.live.why().as_ref())),
            end = down => end,
            end = up => end,
            longest = session.overdue() => End::Told(reply::overdue(&longest)),
            () = session.dismissed(stop) => End::Told(reply::cut(None)),
        }
    };
    let busy = session.talk().part();
    let over = matches!(end, End::Over) && session.parted.load(Ordering::Relaxed);
    let clean = over && session.talk().is_idle() && !session.passing.load(Ordering::Relaxed);
    if let End::Told(error) = end {
        let mut out = Vec::new();
        error.write(&mut out);
        let told = async {
            if quiet {
                to_client.write_all(&out).await?;
            }
            to_client.shutdown().await
        };
        // Late or broken: it is closed all the same.
        let _ = tokio::time::timeout(PARTING_TIME_MAX, told).await;
        // Others that are cut with it are told before it says goodbye to its server.
        tokio::task::yield_now().await;
    } else {
        let _ = tokio::time::timeout(PARTING_TIME_MAX, to_client.shutdown()).await;
    }
    // What still runs there has nobody to answer.
    if busy && let Some(key) = key.clone() {
        let (server, turns) = (judge.server.clone(), judge.pipeline.databases.turns(&judge.server));
        // Each is a connection of its own, and a process there: a thousand at once would keep clients from being told.
        let wave = judge.live.why().map_or(0, |_| judge.live.wave());
        let wait =
            CANCEL_WAIT_EACH.saturating_mul(u32::try_from(wave).unwrap_or(u32::MAX)).min(CANCEL_WAIT_MAX);
        judge.pipeline.tasks.spawn(async move {
            tokio::time::sleep(wait).await;
            let Ok(_turn) = turns.acquire().await else { return };
            if let Err(error) = server.cancel(&key).await {
                tracing::warn!(%error, "a statement whose session ended could not be cancelled");
            }
        });
    }
    let client = client_said.unsplit(to_client);
    if kept && clean && !judge.administered.load(Ordering::Relaxed) {
        let stream = server_said.unsplit(to_server);
        let mut upstream = Upstream { stream, parameters, key, heard: BytesMut::new(), begun, standing };
        for (name, value) in session.talk().take_reported() {
            upstream.report(&name, &value);
        }
        return (client, Some(upstream));
    }
    let mut goodbye = Vec::new();
    frontend::terminate(&mut goodbye);
    let _ = tokio::time::timeout(PARTING_TIME_MAX, to_server.write_all(&goodbye)).await;
    let _ = tokio::time::timeout(PARTING_TIME_MAX, to_server.shutdown()).await;
    (client, None)
}

impl Session {
    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when a transaction is open for longer than a clause lets it.
    async fn overdue(&self) -> Longest {
        loop {
            let deadline = self.talk().deadline();
            let Some((until, longest)) = deadline else {
                self.timed.notified().await;
                continue;
            };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {
                    // It may have ended just now.
                    if self.talk().deadline().is_some_and(|(still, _)| still <= until) {
                        return longest;
                    }
                }
                () = self.timed.notified() => {}
            }
        }
    }

    /// Resolves when the gateway stops and nothing is under way here: no transaction, and no answer that the client does
    /// not have yet.
    async fn dismissed(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        while self.passing.load(Ordering::Relaxed) || !self.talk().is_idle() {
            self.passed.notified().await;
        }
    }

    /// From the client to the server.
    async fn up<C: Duplex>(&self, from: &mut ReadHalf<C>, to: &mut WriteHalf<Box<dyn Duplex>>) -> End {
        match self.carry_up(from, to).await {
            Ok(()) => End::Over,
            Err(end) => end,
        }
    }

    async fn carry_up<C: Duplex>(
        &self,
        from: &mut ReadHalf<C>,
        to: &mut WriteHalf<Box<dyn Duplex>>,
    ) -> Result<(), End> {
        let mut heard = BytesMut::with_capacity(CHUNK_BYTES);
        let mut out = Vec::new();
        // Bytes of a message that is carried on unread.
        let mut unread = 0;
        loop {
            heard.reserve(CHUNK_BYTES);
            if from.read_buf(&mut heard).await? == 0 {
                return Ok(());
            }
            loop {
                if unread > 0 {
                    let now = unread.min(heard.len());
                    out.extend_from_slice(heard.get(..now).unwrap_or_default());
                    heard.advance(now);
                    unread -= now;
                }
                let Some(header) = Header::read(&heard)? else { break };
                if frontend::is_opaque(header.tag) {
                    self.talk().copied(header.total());
                    unread = header.total();
                    continue;
                }
                if header.body > STATEMENT_BYTES_MAX {
                    let why = format!("a message is longer than {STATEMENT_BYTES_MAX} bytes");
                    return Err(End::Told(reply::fatal("54000", why)));
                }
                if heard.len() < header.total() {
                    break;
                }
                let message = heard.split_to(header.total());
                if header.tag == b'X' {
                    to.write_all(&out).await?;
                    to.flush().await?;
                    self.parted.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                if self.talk().reads_data() && !matches!(header.tag, b'c' | b'f') {
                    if matches!(header.tag, b'S' | b'H') {
                        // The server would pass over it.
                        continue;
                    }
                    let why = "while data are copied in nothing else is said";
                    return Err(End::Told(reply::fatal("08P01", why.to_owned())));
                }
                // What was said before goes up before there is a wait for a record.
                let judged = matches!(header.tag, b'Q' | b'P' | b'B' | b'F');
                // What is run has to be known: it may have been bound, or not.
                let unsettled = || Ok::<_, End>(header.tag == b'E' && self.is_unsettled(&message)?);
                let waits = unsettled()?;
                if (judged || waits) && !out.is_empty() {
                    to.write_all(&out).await?;
                    to.flush().await?;
                    out.clear();
                }
                while unsettled()? {
                    if !self.answers(from, &mut heard).await? {
                        return Ok(());
                    }
                }
                self.said(header.tag, &message, &mut out).await?;
                if !self.held(from, to, &mut heard, &mut out).await? {
                    return Ok(());
                }
                while let Some(portals) = self.is_full() {
                    if portals {
                        return Err(End::Told(reply::too_many("open portals")));
                    }
                    // The server answers what it was told so far, and no more is read until it has.
                    frontend::flush(&mut out);
                    to.write_all(&out).await?;
                    to.flush().await?;
                    out.clear();
                    if !self.answers(from, &mut heard).await? {
                        return Ok(());
                    }
                }
            }
            if !out.is_empty() {
                to.write_all(&out).await?;
                to.flush().await?;
                out.clear();
            }
        }
    }

    /// Waits for the end of what everything waits for that comes after it. Says whether the client is still there.
    async fn held<C: Duplex>(
        &self,
        from: &mut ReadHalf<C>,
        to: &mut WriteHalf<Box<dyn Duplex>>,
        heard: &mut BytesMut,
        out: &mut Vec<u8>,
    ) -> Result<bool, End> {
        loop {
            match self.talk().next() {
                Next::Client => return Ok(true),
                Next::Fail(text) => {
                    frontend::parse(out, &self.never, DENIED, &[0, 0]);
                    if text {
                        frontend::close(out, &self.own);
                        frontend::sync(out);
                    } else {
                        frontend::flush(out);
                    }
                    continue;
                }
                Next::End => {
                    frontend::close(out, &self.own);
                    frontend::sync(out);
                    continue;
                }
                Next::Nothing => {}
            }
            if !out.is_empty() {
                to.write_all(out).await?;
                to.flush().await?;
                out.clear();
            }
            if !self.answers(from, heard).await? {
                return Ok(false);
            }
        }
    }

    /// Waits for answers. Says whether the client is still there, which is heard as long as it does not say too much else.
    async fn answers<C: Duplex>(&self, from: &mut ReadHalf<C>, heard: &mut BytesMut) -> Result<bool, End> {
        let listens = heard.len() < CHUNK_BYTES;
        heard.reserve(CHUNK_BYTES);
        tokio::select! {
            () = self.answered.notified() => Ok(true),
            read = from.read_buf(heard), if listens => Ok(read? > 0),
        }
    }

    /// Whether what a message runs is known only once the server has answered.
    fn is_unsettled(&self, message: &[u8]) -> Result<bool, End> {
        let read = Frontend::read(b'E', message.get(HEADER_BYTES..).unwrap_or_default())?;
        let Frontend::Execute { portal, .. } = read else { return Ok(false) };
        Ok(self.talk().is_unsettled(portal))
    }

    /// Whether as much is under way as may be; and if so, whether it is portals alone, which nothing ends by itself.
    fn is_full(&self) -> Option<bool> {
        let talk = self.talk();
        let full = talk.len() >= PIPELINE_MAX || talk.running() >= RUNNING_MAX;
        full.then(|| !talk.is_busy())
    }

    /// One message of the client: appends what goes up.
    async fn said(&self, tag: u8, message: &[u8], out: &mut Vec<u8>) -> Result<(), End> {
        let body = message.get(HEADER_BYTES..).unwrap_or_default();
        let read = Frontend::read(tag, body)?;
        if read.names().iter().any(|name| name.len() > NAME_BYTES_MAX) {
            let why = format!("the name of a statement or portal is longer than {NAME_BYTES_MAX} bytes");
            return Err(End::Told(reply::fatal("42622", why)));
        }
        let waiting = match read {
            Frontend::Query(text) => {
                let judged = self.judge.query(&self.talk, text).await;
                self.run_at_once(judged, Some(text), message, out)?
            }
            Frontend::Parse { name, query, types } => {
                let (known, denial) = match self.judge.parse(&self.talk, query, types).await {
                    Ok((known, instead)) => {
                        frontend::parse(out, name, instead.as_deref().unwrap_or(query), types);
                        (known, None)
                    }
                    Err(Judged::Denied(error)) => {
                        frontend::parse(out, name, DENIED, &[0, 0]);
                        (Arc::default(), Some(error))
                    }
                    Err(Judged::End(error)) => return Err(End::Told(error)),
                    Err(Judged::Permitted { .. } | Judged::Unknown) => return Err(End::Over),
                };
                if denial.is_none() && !self.talk().names.name(&Called::statement(name), &known) {
                    return Err(End::Told(reply::too_many("prepared statements")));
                }
                Waiting::Parse { name: name.to_owned(), known, denial }
            }
            Frontend::Bind { portal, statement, rest } => {
                let mut described = false;
                let (running, denial) = match self.judge.bind(&self.talk, statement, rest).await {
                    Judged::Permitted { running, .. } => {
                        let moved = self.judge.says().moved;
                        if !self.talk().bind(portal, moved, running.runs_by_name) {
                            return Err(End::Told(reply::too_many("open portals")));
                        }
                        out.extend_from_slice(message);
                        running.meter.sent(message.len());
                        described = running.masks.is_some();
                        (Some(running), None)
                    }
                    Judged::Denied(error) => {
                        frontend::bind(out, portal, &self.never);
                        (None, Some(error))
                    }
                    // As the server would say it; the name could mean something else there.
                    Judged::Unknown => {
                        frontend::bind(out, portal, &self.never);
                        (None, Some(reply::no_statement(statement)))
                    }
                    Judged::End(error) => return Err(End::Told(error)),
                };
                let bind = Waiting::Bind { portal: portal.to_owned(), running, denial };
                if !described {
                    bind
                } else {
                    // Where the columns of its result are from has to be known before its rows come.
                    self.say(bind);
                    frontend::describe_portal(out, portal);
                    Waiting::Describe(Described::Own(portal.to_owned()))
                }
            }
            Frontend::FunctionCall => {
                let reason = "the function-call protocol names functions by number";
                let judged = self.judge.administer("FUNCTION CALL", reason).await;
                self.run_at_once(judged, None, message, out)?
            }
            Frontend::Execute { portal, rows } => {
                let bound = {
                    let talk = self.talk();
                    // What may be a cursor is fetched from with FETCH, which is decided on.
                    let bound = talk.bound(portal).filter(|_| !talk.names.is_cursor(portal));
                    let (moved, names) = (self.judge.says().moved, talk.names.changes());
                    // What runs something by a name looks that up only now.
                    bound.map(|bound| bound.moved == moved && bound.names.is_none_or(|then| then == names))
                };
                let mut held = None;
                let denial = match bound {
                    Some(true) => {
                        let (asked, holds) = self.talk().ask(portal, rows);
                        if holds {
                            frontend::execute(out, portal, asked);
                            frontend::flush(out);
                            held = Some(Held::Runs);
                        } else {
                            out.extend_from_slice(message);
                            if self.talk().copies_in(portal) {
                                // What comes next depends on what it says.
                                frontend::flush(out);
                            }
                        }
                        None
                    }
                    // Some statements look up their names only now, along another path than was looked at.
                    Some(false) => {
                        frontend::execute(out, &self.never, rows);
                        Some(reply::moved())
                    }
                    // What is no portal of this session may be a cursor, whose rows are fetched with FETCH.
                    None => {
                        frontend::execute(out, &self.never, rows);
                        Some(reply::no_portal(portal))
                    }
                };
                Waiting::Execute { portal: portal.to_owned(), denial, held }
            }
            Frontend::CopyDone | Frontend::CopyFail => {
                // Elsewhere the server passes over it.
                if self.talk().reads_data() {
                    out.extend_from_slice(message);
                    frontend::flush(out);
                    self.talk().end_data();
                }
                return Ok(());
            }
            Frontend::Password => return Err(wire::postgres::Malformed("nobody asked for a password").into()),
            Frontend::Describe(of) => {
                out.extend_from_slice(message);
                Waiting::Describe(match of {
                    Named::Statement(name) => Described::Statement(name.to_owned()),
                    Named::Portal(_) => Described::Portal,
                })
            }
            Frontend::Close(Named::Statement(name)) => {
                self.talk().names.unname();
                out.extend_from_slice(message);
                Waiting::CloseStatement(name.to_owned())
            }
            Frontend::Close(Named::Portal(name)) => {
                self.talk().names_portal(name);
                out.extend_from_slice(message);
                Waiting::ClosePortal(name.to_owned())
            }
            Frontend::Sync => {
                out.extend_from_slice(message);
                Waiting::Sync
            }
            // Nothing answers these by itself.
            Frontend::Flush | Frontend::CopyData | Frontend::Terminate => {
                out.extend_from_slice(message);
                return Ok(());
            }
        };
        self.say(waiting);
        Ok(())
    }

    /// A message goes up.
    fn say(&self, waiting: Waiting) {
        let mut talk = self.talk();
        talk.say(waiting, Instant::now());
        // A transaction may have become one that ends at a certain time.
        if talk.has_deadline() {
            self.timed.notify_one();
        }
    }

    /// What becomes of what runs by itself, until the server is ready.
    fn run_at_once(
        &self,
        judged: Judged,
        text: Option<&str>,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Waiting, End> {
        match judged {
            Judged::Permitted { running, instead } => {
                running.meter.sent(message.len());
                let instead = instead.as_deref();
                let mut held = None;
                match instead.or(text).filter(|_| running.is_held()) {
                    Some(text) => {
                        held = Some(Held::Runs);
                        self.run_held(text, running.limits.as_ref().map_or(0, |limits| limits.ask(0)), out);
                    }
                    None => match instead {
                        Some(text) => frontend::query(out, text),
                        None => out.extend_from_slice(message),
                    },
                }
                Ok(Waiting::Query { running: Some(running), denial: None, held })
            }
            Judged::Denied(error) => {
                frontend::query(out, DENIED);
                Ok(Waiting::Query { running: None, denial: Some(error), held: None })
            }
            Judged::Unknown => Err(End::Over),
            Judged::End(error) => Err(End::Told(error)),
        }
    }

    /// Runs a text as a portal, whose rows can be limited, and which is not kept before it is said to be.
    fn run_held(&self, text: &str, rows: u32, out: &mut Vec<u8>) {
        let own = self.own.as_str();
        // What was left by one that failed.
        frontend::close(out, own);
        frontend::parse(out, own, text, &[0, 0]);
        frontend::bind(out, own, own);
        frontend::describe_portal(out, own);
        frontend::execute(out, own, rows);
        frontend::flush(out);
    }

    /// From the server to the client.
    async fn down<C: Duplex>(
        &self,
        from: &mut ReadHalf<Box<dyn Duplex>>,
        to: &mut WriteHalf<C>,
        heard: BytesMut,
        quiet: &mut bool,
    ) -> End {
        match self.carry_down(from, to, heard, quiet).await {
            Ok(()) => End::Over,
            Err(end) => end,
        }
    }

    async fn carry_down<C: Duplex>(
        &self,
        from: &mut ReadHalf<Box<dyn Duplex>>,
        to: &mut WriteHalf<C>,
        mut heard: BytesMut,
        quiet: &mut bool,
    ) -> Result<(), End> {
        let clock = self.judge.pipeline.ports.clock.clone();
        // Bytes of a row, or of copied data, that are still to come, and whether they pass.
        let (mut unread, mut dropped) = (0, false);
        // What passes in place of what was said.
        let mut out = BytesMut::new();
        let mut masked = Vec::new();
        loop {
            self.passing.store(true, Ordering::Relaxed);
            // When it came.
            let (mut came, mut came_ms) = (Instant::now(), clock());
            // What of `heard` may pass as it is.
            let mut passes = 0;
            loop {
                let now = unread.min(heard.len() - passes);
                unread -= now;
                if dropped {
                    change(&mut out, &mut heard, &mut passes, now, &[]);
                } else {
                    passes += now;
                }
                let Some(header) = Header::read(heard.get(passes..).unwrap_or_default())? else { break };
                if matches!(header.tag, b'D' | b'd') {
                    let whole = passes + header.total() <= heard.len();
                    // What is masked is held whole.
                    if !whole && self.talk().masks_rows() {
                        if header.body > ROW_BYTES_MAX {
                            return Err(End::Told(reply::row_too_long()));
                        }
                        break;
                    }
                    let row = self.talk().row(header.total(), header.tag == b'd', came_ms);
                    match row {
                        Row::Pass => (unread, dropped) = (header.total(), false),
                        Row::Drop => (unread, dropped) = (header.total(), true),
                        Row::End(error) => {
                            change(&mut out, &mut heard, &mut passes, 0, &[]);
                            pass(to, &mut out, quiet, true).await?;
                            return Err(End::Told(error));
                        }
                        Row::Mask(plan) => {
                            let end = passes + header.total();
                            let body = heard.get(passes + HEADER_BYTES..end).unwrap_or_default();
                            masked.clear();
                            let done = match header.tag {
                                b'D' => plan.row(body, &mut masked),
                                _ => plan.copied(body, &mut masked),
                            };
                            done.map_err(|error| End::Told(reply::fatal(reply::SESSION, error.to_string())))?;
                            change(&mut out, &mut heard, &mut passes, header.total(), &masked);
                        }
                    }
                    continue;
                }
                if header.body > SERVER_MESSAGE_BYTES_MAX {
                    return Err(wire::postgres::Malformed("a message is longer than is read").into());
                }
                let end = passes + header.total();
                let Some(body) = heard.get(passes + HEADER_BYTES..end) else { break };
                let step = self.talk().hear(header.tag, body, came);
                if header.tag == b'Z' {
                    self.settled();
                }
                match step {
                    Step::Pass => passes = end,
                    Step::Wait(recorded) => {
                        change(&mut out, &mut heard, &mut passes, 0, &[]);
                        pass(to, &mut out, quiet, true).await?;
                        if let Err(error) = recorded.landed().await {
                            return Err(End::Told(reply::not_recorded(&error.to_string())));
                        }
                        (came, came_ms) = (Instant::now(), clock());
                    }
                    Step::Replace(instead) => {
                        change(&mut out, &mut heard, &mut passes, header.total(), &instead);
                    }
                    Step::End(why) => {
                        change(&mut out, &mut heard, &mut passes, 0, &[]);
                        pass(to, &mut out, quiet, true).await?;
                        return Err(End::Told(reply::fatal(reply::SESSION, why)));
                    }
                }
            }
            self.answered.notify_one();
            let whole = unread == 0 || dropped;
            if out.is_empty() {
                let mut passing = heard.split_to(passes);
                pass(to, &mut passing, quiet, whole).await?;
            } else {
                change(&mut out, &mut heard, &mut passes, 0, &[]);
                pass(to, &mut out, quiet, whole).await?;
            }
            self.passing.store(!heard.is_empty() || unread > 0, Ordering::Relaxed);
            self.passed.notify_one();
            heard.reserve(CHUNK_BYTES);
            if from.read_buf(&mut heard).await? == 0 {
                return Ok(());
            }
        }
    }

    /// The server is ready for more.
    fn settled(&self) {
        if self.talk().take_defined() {
            self.judge.pipeline.databases.catalogs.forget(self.judge.service.id);
        }
    }
}

/// Moves what passes to what is passed on, and after it something in place of so many bytes that follow.
fn change(out: &mut BytesMut, heard: &mut BytesMut, passes: &mut usize, bytes: usize, instead: &[u8]) {
    out.extend_from_slice(heard.get(..*passes).unwrap_or_default());
    heard.advance(*passes + bytes);
    *passes = 0;
    out.extend_from_slice(instead);
}

/// Passes everything on. `whole`: it ends a message.
async fn pass<C: Duplex>(
    to: &mut WriteHalf<C>,
    passing: &mut BytesMut,
    quiet: &mut bool,
    whole: bool,
) -> Result<(), End> {
    if !passing.is_empty() {
        *quiet = false;
        to.write_all(passing).await?;
        to.flush().await?;
        passing.clear();
    }
    *quiet |= whole;
    Ok(())
}
