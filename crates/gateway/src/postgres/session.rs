//! A session that has begun: what the client says is judged and goes up, what the server says comes down, each side at its
//! own pace, until one of them ends it or it is cut.

use super::judge::{Judge, Judged};
use super::reply;
use super::talk::{Step, Talk, Waiting};
use super::upstream::{Duplex, Upstream};
use crate::exchange::landed;
use crate::limits::{
    CHUNK_BYTES, PARTING_TIME_MAX, PIPELINE_MAX, RUNNING_MAX, SERVER_MESSAGE_BYTES_MAX, STATEMENT_BYTES_MAX,
};
use bytes::{Buf as _, BytesMut};
use policy::Longest;
use std::io;
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
    /// The server was ready for more.
    ready: Notify,
    /// A name that nobody gives to anything: what is denied is asked for by it.
    never: String,
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

/// Runs a session to its end. `client` is given back for whoever closes it.
pub(crate) async fn run<C: Duplex>(
    judge: Arc<Judge>,
    never: String,
    client: C,
    upstream: Upstream,
    stop: &CancellationToken,
) -> C {
    let session = Session {
        judge: judge.clone(),
        talk: Mutex::default(),
        answered: Notify::new(),
        timed: Notify::new(),
        ready: Notify::new(),
        never,
    };
    let Upstream { stream, key, heard, .. } = upstream;
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
    } else {
        let _ = tokio::time::timeout(PARTING_TIME_MAX, to_client.shutdown()).await;
    }
    // What still runs there has nobody to answer.
    if busy && let Some(key) = key {
        let server = judge.server.clone();
        tokio::spawn(async move {
            if let Err(error) = server.cancel(&key).await {
                tracing::warn!(%error, "a statement whose session ended could not be cancelled");
            }
        });
    }
    let mut goodbye = Vec::new();
    frontend::terminate(&mut goodbye);
    let _ = tokio::time::timeout(PARTING_TIME_MAX, to_server.write_all(&goodbye)).await;
    let _ = tokio::time::timeout(PARTING_TIME_MAX, to_server.shutdown()).await;
    client_said.unsplit(to_client)
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

    /// Resolves when the gateway stops and nothing is under way here, no transaction either.
    async fn dismissed(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        while !self.talk().is_idle() {
            self.ready.notified().await;
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
                // What was said before goes up before there is a wait for a record.
                let judged = matches!(header.tag, b'Q' | b'P' | b'B' | b'F');
                if judged && !out.is_empty() {
                    to.write_all(&out).await?;
                    to.flush().await?;
                    out.clear();
                }
                self.said(header.tag, &message, &mut out).await?;
                while let Some(portals) = self.is_full() {
                    if portals {
                        return Err(End::Told(reply::too_many("open portals")));
                    }
                    // The server answers what it was told so far, and no more is read until it has.
                    frontend::flush(&mut out);
                    to.write_all(&out).await?;
                    to.flush().await?;
                    out.clear();
                    self.answered.notified().await;
                }
                if header.tag == b'X' {
                    to.write_all(&out).await?;
                    to.flush().await?;
                    return Ok(());
                }
            }
            if !out.is_empty() {
                to.write_all(&out).await?;
                to.flush().await?;
                out.clear();
            }
        }
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
            Frontend::Query(text) => run_at_once(self.judge.query(&self.talk, text).await, message, out)?,
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
                if denial.is_none() && !self.talk().names.name(name, &known) {
                    return Err(End::Told(reply::too_many("prepared statements")));
                }
                Waiting::Parse { name: name.to_owned(), known, denial }
            }
            Frontend::Bind { portal, statement, .. } => {
                let (running, denial) = match self.judge.bind(&self.talk, statement).await {
                    Judged::Permitted { running, .. } => {
                        if !self.talk().bind(portal, self.judge.says().moved) {
                            return Err(End::Told(reply::too_many("open portals")));
                        }
                        out.extend_from_slice(message);
                        running.meter.sent(message.len());
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
                Waiting::Bind { portal: portal.to_owned(), running, denial }
            }
            Frontend::FunctionCall => {
                let reason = "the function-call protocol names functions by number";
                run_at_once(self.judge.administer("FUNCTION CALL", reason).await, message, out)?
            }
            Frontend::Execute { portal, rows } => {
                let bound = self.talk().bound(portal);
                let denial = match bound {
                    Some(moved) if moved == self.judge.says().moved => {
                        out.extend_from_slice(message);
                        None
                    }
                    // Some statements look up their names only now, along another path than was looked at.
                    Some(_) => {
                        frontend::execute(out, &self.never, rows);
                        Some(reply::moved())
                    }
                    // What is no portal of this session may be a cursor, whose rows are fetched with FETCH.
                    None => {
                        frontend::execute(out, &self.never, rows);
                        Some(reply::no_portal(portal))
                    }
                };
                Waiting::Execute { portal: portal.to_owned(), denial }
            }
            Frontend::CopyDone | Frontend::CopyFail => {
                out.extend_from_slice(message);
                Waiting::CopyEnd
            }
            Frontend::Password => return Err(wire::postgres::Malformed("nobody asked for a password").into()),
            Frontend::Describe(_) => {
                out.extend_from_slice(message);
                Waiting::Describe
            }
            Frontend::Close(Named::Statement(name)) => {
                out.extend_from_slice(message);
                Waiting::CloseStatement(name.to_owned())
            }
            Frontend::Close(Named::Portal(name)) => {
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
        self.talk().say(waiting, Instant::now());
        // A transaction may have become one that ends at a certain time.
        self.timed.notify_one();
        Ok(())
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
        // Bytes of a row, or of copied data, that are still to pass.
        let mut unread = 0;
        loop {
            // What of `heard` may pass as it is.
            let mut passes = 0;
            loop {
                let now = unread.min(heard.len() - passes);
                passes += now;
                unread -= now;
                let Some(header) = Header::read(heard.get(passes..).unwrap_or_default())? else { break };
                if matches!(header.tag, b'D' | b'd') {
                    self.talk().count(header.tag == b'D', header.total());
                    unread = header.total();
                    continue;
                }
                if header.body > SERVER_MESSAGE_BYTES_MAX {
                    return Err(wire::postgres::Malformed("a message is longer than is read").into());
                }
                let end = passes + header.total();
                let Some(body) = heard.get(passes + HEADER_BYTES..end) else { break };
                let step = self.talk().hear(header.tag, body, Instant::now());
                match step {
                    Step::Pass => {
                        passes = end;
                        if header.tag == b'Z' {
                            self.settled();
                        }
                    }
                    Step::Wait(recorded) => {
                        pass(to, &mut heard, passes, quiet, true).await?;
                        passes = 0;
                        if let Err(error) = landed(recorded).await {
                            return Err(End::Told(reply::not_recorded(&error.to_string())));
                        }
                    }
                    Step::Replace(error) => {
                        pass(to, &mut heard, passes, quiet, true).await?;
                        passes = 0;
                        heard.advance(header.total());
                        let mut out = BytesMut::new();
                        let mut written = Vec::new();
                        error.write(&mut written);
                        out.extend_from_slice(&written);
                        let whole = out.len();
                        pass(to, &mut out, whole, quiet, true).await?;
                    }
                    Step::End(why) => return Err(End::Told(reply::fatal(reply::SESSION, why))),
                }
            }
            self.answered.notify_one();
            pass(to, &mut heard, passes, quiet, unread == 0).await?;
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
        self.ready.notify_one();
    }
}

/// What becomes of what runs by itself, until the server is ready.
fn run_at_once(judged: Judged, message: &[u8], out: &mut Vec<u8>) -> Result<Waiting, End> {
    match judged {
        Judged::Permitted { running, instead } => {
            running.meter.sent(message.len());
            match instead {
                Some(text) => frontend::query(out, &text),
                None => out.extend_from_slice(message),
            }
            Ok(Waiting::Query { running: Some(running), denial: None })
        }
        Judged::Denied(error) => {
            frontend::query(out, DENIED);
            Ok(Waiting::Query { running: None, denial: Some(error) })
        }
        Judged::Unknown => Err(End::Over),
        Judged::End(error) => Err(End::Told(error)),
    }
}

/// Passes the first bytes on. `whole`: they end a message.
async fn pass<C: Duplex>(
    to: &mut WriteHalf<C>,
    heard: &mut BytesMut,
    bytes: usize,
    quiet: &mut bool,
    whole: bool,
) -> Result<(), End> {
    if bytes > 0 {
        *quiet = false;
        to.write_all(heard.get(..bytes).unwrap_or_default()).await?;
        to.flush().await?;
        heard.advance(bytes);
    }
    *quiet |= whole;
    Ok(())
}
