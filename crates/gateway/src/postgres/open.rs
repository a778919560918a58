//! From the first byte of a connection to a session: encryption is agreed on, the machine shows who it is, the session
//! itself is decided on and recorded, and the server lets the gateway in.

use super::cancel::Cancellable;
use super::going::Says;
use super::judge::{CONNECT, Judge, application_name, set_name};
use super::pool::Whose;
use super::reply;
use super::session;
use super::upstream::{Duplex, Server, Upstream, UpstreamError};
use crate::authenticate::Peer;
use crate::connections::Connections;
use crate::exchange::{Looked, Pipeline, shortened};
use crate::limits::{DATABASE_BEGIN_TIME_MAX, HANDSHAKE_TIME_MAX, POOL_CLOSING_TIME, POOL_TAKE_TIME_MAX};
use credential::jwt::TOKEN_BYTES_MAX;
use policy::{Denial, Ending, Reason};
use registry::{DATABASE_AUDIENCE, DatabaseAddress, IdentityId, InstrumentId, Service};
use rustix::net::sockopt::set_socket_linger;
use sql::{Path, Setting};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use wire::postgres::backend::{self, Authentication};
use wire::postgres::error_response::ErrorResponse;
use wire::postgres::frame::{HEADER_BYTES, Header};
use wire::postgres::startup::{self, CancelKey, Opening, STARTUP_BYTES_MAX, Startup};
use zeroize::Zeroizing;

/// What a client asked for before there is any encryption.
pub(crate) enum Opened {
    /// TLS: what follows is its handshake.
    Tls(TcpStream),
    /// Nothing more.
    Done,
}

/// Answers what comes before TLS: requests for encryption, and what cancels.
pub(crate) async fn opened(pipeline: &Pipeline, mut stream: TcpStream) -> io::Result<Opened> {
    loop {
        match first_packet(&mut stream).await? {
            Some(Opening::Ssl) => {
                stream.write_all(b"S").await?;
                return Ok(Opened::Tls(stream));
            }
            // There is no GSSAPI here: a client that wants it may ask for TLS next.
            Some(Opening::Gss) => stream.write_all(b"N").await?,
            // Whoever has the key may do this, and only this: what clients send has no place for more.
            Some(Opening::Cancel(key)) => {
                pipeline.databases.cancels.cancel(&key).await;
                return Ok(Opened::Done);
            }
            Some(Opening::Startup(_)) => {
                let error = ErrorResponse {
                    hint: Some("connect with sslmode=verify-full, sslcert and sslkey".to_owned()),
                    ..reply::fatal("28000", "machines connect over TLS, with their certificate")
                };
                return say(&mut stream, &error).await.map(|()| Opened::Done);
            }
            None => return Ok(Opened::Done),
        }
    }
}

/// Reads a first packet; none when it is not one.
async fn first_packet<S: Duplex>(stream: &mut S) -> io::Result<Option<Opening>> {
    let mut packet = vec![0; 4];
    stream.read_exact(&mut packet).await?;
    // Not a byte more is read than belongs to it: what follows may be encrypted.
    let length = packet.first_chunk().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    if !(8..=STARTUP_BYTES_MAX).contains(&length) {
        return Ok(None);
    }
    packet.resize(length, 0);
    if let Some(rest) = packet.get_mut(4..) {
        stream.read_exact(rest).await?;
    }
    match startup::opening(&packet) {
        Ok(Some((opening, _))) => Ok(Some(opening)),
        Ok(None) => Ok(None),
        Err(error) => {
            say(stream, &reply::fatal("08P01", error.to_string())).await?;
            Ok(None)
        }
    }
}

/// Asks a client without a certificate for its token, which it gives as a password, over TLS; none when it gives nothing.
async fn ask_for_token<S: Duplex>(stream: &mut S) -> io::Result<Option<Zeroizing<String>>> {
    let mut out = Vec::new();
    Authentication::write_plain(&mut out, true);
    stream.write_all(&out).await?;
    stream.flush().await?;
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let Ok(Some(Header { tag: b'p', body })) = Header::read(&header) else { return Ok(None) };
    // One that is a little longer than any is answered all the same.
    if body > 2 * TOKEN_BYTES_MAX {
        return Ok(None);
    }
    let mut token = Zeroizing::new(vec![0; body]);
    stream.read_exact(&mut token).await?;
    let token = token.strip_suffix(&[0]).and_then(|token| std::str::from_utf8(token).ok());
    Ok(token.map(|token| Zeroizing::new(token.to_owned())))
}

async fn say<S: Duplex>(stream: &mut S, error: &ErrorResponse) -> io::Result<()> {
    let mut out = Vec::new();
    error.write(&mut out);
    stream.write_all(&out).await?;
    stream.shutdown().await
}

/// Serves a connection whose TLS stands.
pub(crate) async fn serve(
    pipeline: &Arc<Pipeline>,
    connections: &Arc<Connections>,
    stop: &CancellationToken,
    mut stream: TlsStream<TcpStream>,
    address: SocketAddr,
) {
    let began = tokio::time::timeout(HANDSHAKE_TIME_MAX, first_packet(&mut stream));
    let startup = match began.await {
        Ok(Ok(Some(Opening::Startup(startup)))) => startup,
        Ok(Ok(Some(Opening::Cancel(key)))) => {
            pipeline.databases.cancels.cancel(&key).await;
            return;
        }
        Ok(Ok(Some(Opening::Ssl | Opening::Gss) | None) | Err(_)) | Err(_) => return,
    };
    let host = stream.get_ref().1.server_name().map(str::to_ascii_lowercase);
    let shown = match stream.get_ref().1.peer_certificates() {
        Some(_) => Peer::authenticate(stream.get_ref().1, address, &pipeline.ports.ledger_key)
            .map_err(|error| error.to_string()),
        None => {
            let asked = tokio::time::timeout(HANDSHAKE_TIME_MAX, ask_for_token(&mut stream));
            match asked.await {
                Ok(Ok(Some(token))) => {
                    let audience = format!("{DATABASE_AUDIENCE}{}", host.as_deref().unwrap_or_default());
                    Peer::of_token(&token, &audience, address, &pipeline.ports)
                        .map_err(|error| error.to_string())
                }
                Ok(Ok(None)) => Err("what stands for a password is no token".to_owned()),
                Ok(Err(error)) => Err(format!("no certificate, and no token: {error}")),
                Err(_) => Err(format!("no certificate, and no token within {HANDSHAKE_TIME_MAX:?}")),
            }
        }
    };
    let peer = match shown {
        Ok(peer) => peer,
        Err(error) => {
            tracing::info!(%address, %error, "what a client of a database shows is not a credential");
            pipeline.ports.metrics.failed_handshakes.inc();
            let error = ErrorResponse { detail: Some(error), ..no_credential(host.as_deref()) };
            let _ = tokio::time::timeout(HANDSHAKE_TIME_MAX, say(&mut stream, &error)).await;
            return;
        }
    };
    let beginning = Beginning { pipeline, connections, startup: &startup, host: host.as_deref() };
    match beginning.begin(peer).await {
        Ok(begun) => begun.run(stream, stop).await,
        Err(error) => {
            tracing::info!(%address, message = %error.message, "no session with a database");
            let _ = tokio::time::timeout(HANDSHAKE_TIME_MAX, say(&mut stream, &error)).await;
        }
    }
}

struct Beginning<'a> {
    pipeline: &'a Arc<Pipeline>,
    connections: &'a Arc<Connections>,
    startup: &'a Startup,
    /// The host name in TLS (SNI), lower case.
    host: Option<&'a str>,
}

/// What a machine asks for can be decided on: a session with a database, under a contract.
struct Agreed {
    asked: Asked,
    identity: IdentityId,
    service: Arc<Service>,
    address: DatabaseAddress,
    contract: (InstrumentId, String),
}

/// Why there is nothing to decide on.
struct Refused {
    reason: Reason,
    error: Box<ErrorResponse>,
}

impl Refused {
    fn plain(reason: Reason, code: &'static str, message: String) -> Self {
        Self { reason, error: Box::new(reply::fatal(code, message)) }
    }

    fn with_hint(reason: Reason, code: &'static str, message: String, hint: String) -> Self {
        let error = ErrorResponse { hint: Some(hint), ..reply::fatal(code, message) };
        Self { reason, error: Box::new(error) }
    }
}

/// Everything a session needs.
struct Begun {
    judge: Arc<Judge>,
    upstream: Upstream,
    /// For whom the session with the server can be kept.
    whose: Option<Whose>,
    cancellable: Option<Cancellable>,
    hello: Vec<u8>,
    opened: super::waiting::Running,
    names: (String, String),
}

impl Beginning<'_> {
    async fn begin(&self, peer: Peer) -> Result<Begun, ErrorResponse> {
        let ports = &self.pipeline.ports;
        let agreed = match self.agree(&peer) {
            Ok(agreed) => agreed,
            Err(refused) => return Err(self.refuse(&peer, refused).await),
        };
        let Agreed { asked, identity, service, address, contract } = agreed;
        let live = Arc::new(self.connections.enter(Some(identity), peer.svid.serial));
        let server = Server { address, tls: self.pipeline.databases.tls.clone() };
        let login = service.login.clone().unwrap_or_default();
        let mut judge = Judge {
            pipeline: self.pipeline.clone(),
            peer: Arc::new(peer),
            identity,
            secret: registry::database::login(&login, &contract.1),
            contract: contract.0,
            service,
            live,
            server,
            key: OnceLock::new(),
            session: None,
            says: Mutex::new(Arc::new(Says {
                path: Path::Unknown,
                purpose: asked.purpose.clone(),
                moved: 0,
            })),
            traced: AtomicU64::new(0),
            administered: AtomicBool::new(false),
        };
        let (index, opened) = judge.begin(shortened(said(self.startup))).await?;
        judge.session = Some(index);
        let reached = tokio::select! {
            biased;
            () = judge.live.token().cancelled() => {
                return Err(reply::cut(judge.live.why().as_ref()));
            }
            reached = tokio::time::timeout(DATABASE_BEGIN_TIME_MAX, self.reach(&judge, &asked)) => {
                reached.unwrap_or(Err(UpstreamError::Late(DATABASE_BEGIN_TIME_MAX)))
            }
        };
        let (upstream, path, whose) = match reached {
            Ok(reached) => reached,
            Err(error) => {
                opened.finish(Ending::UpstreamFailed);
                ports.metrics.upstream_failures.inc();
                return Err(ErrorResponse {
                    detail: Some(error.to_string()),
                    ..reply::fatal("08006", "there is no session with the database")
                });
            }
        };
        Arc::make_mut(&mut judge.says.lock().unwrap_or_else(PoisonError::into_inner)).path = path;
        let (hello, cancellable) = self.hello(&judge, &upstream, &asked)?;
        let name = || {
            let random = (ports.entropy)();
            let random =
                random.ok_or_else(|| reply::fatal(reply::SESSION, "the system has no randomness"))?;
            Ok(format!("writ-{}", contract::canonical::hex(&random)))
        };
        let names = (name()?, name()?);
        Ok(Begun { judge: Arc::new(judge), upstream, whose, cancellable, hello, opened, names })
    }

    /// Begins a session with the server, or goes on with one that was kept for just this; gives where names are looked up
    /// in it, and for whom it can be kept again.
    async fn reach(
        &self,
        judge: &Judge,
        asked: &Asked,
    ) -> Result<(Upstream, Path, Option<Whose>), UpstreamError> {
        let secret = judge.unsealed()?;
        let pool = &self.pipeline.databases.pool;
        let mut whose = (judge.server.address.pool > 0).then(|| Whose {
            identity: judge.identity,
            contract: judge.contract,
            service: judge.service.id,
            address: judge.server.address.clone(),
            secret: pool.mark(&secret),
            settings: asked.settings.clone(),
        });
        let name = application_name(self.pipeline, judge.session);
        let standing = format!("{}; {STANDING}", set_name(&name));
        if let Some(whose) = &whose
            && let Some((kept, path)) = self.kept(whose, asked, &standing).await
        {
            return Ok((kept, path, Some(whose.clone())));
        }
        // RESET gives a session the name back that it was begun with, which is not to be somebody else's.
        let first = if whose.is_some() { self.pipeline.ports.recorder.origin() } else { &name };
        let mut parameters = vec![("application_name", first), ("client_encoding", "UTF8")];
        parameters.extend(asked.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let login = judge.login_with(&secret)?;
        let mut upstream = match judge.server.login(&login, &parameters).await {
            // There is no room for one more as long as others are kept.
            Err(UpstreamError::Full(_)) if pool.close(judge.service.id, None).await => {
                tokio::time::sleep(POOL_CLOSING_TIME).await;
                judge.server.login(&login, &parameters).await?
            }
            begun => begun?,
        };
        if whose.is_some() {
            match upstream.ask(&standing, STARTUP_BYTES_MAX).await {
                Ok(standing) => upstream.standing = standing,
                // As whom it was let in is not told: it is kept for nobody.
                Err(UpstreamError::Refused(_)) => {
                    upstream.ask("ROLLBACK", STARTUP_BYTES_MAX).await?;
                    upstream.ask(&set_name(&name), STARTUP_BYTES_MAX).await?;
                    whose = None;
                }
                Err(other) => return Err(other),
            }
        }
        let path = asked.path(&mut upstream).await?;
        Ok((upstream, path, whose))
    }

    /// A session that was kept for these and is as good as a new one.
    async fn kept(&self, whose: &Whose, asked: &Asked, standing: &str) -> Option<(Upstream, Path)> {
        let pool = &self.pipeline.databases.pool;
        while let Some(mut kept) = pool.take(whose) {
            let again = async {
                let unchanged = kept.ask(standing, STARTUP_BYTES_MAX).await? == kept.standing;
                Ok::<_, UpstreamError>((unchanged, asked.path(&mut kept).await?))
            };
            match tokio::time::timeout(POOL_TAKE_TIME_MAX, again).await {
                Ok(Ok((true, path))) => return Some((kept, path)),
                // It would be let in otherwise now, or the server has closed it.
                Ok(Ok((false, _)) | Err(_)) => kept.close().await,
                // Where one is not answered no other will be.
                Err(_) => drop(pool.close(whose.service, Some(whose)).await),
            }
        }
        None
    }

    /// Finds what a machine asks for.
    fn agree(&self, peer: &Peer) -> Result<Agreed, Refused> {
        let (identity, problem) = peer.known(&self.pipeline.ports);
        let Some(identity) = identity else {
            let message = format!("`{}` is not registered here", peer.svid.id);
            return Err(Refused::plain(Reason::UnknownIdentity, "28000", message));
        };
        if let Some(problem) = problem {
            return Err(Refused::plain(Reason::CredentialNotGood, "28000", problem));
        }
        let asked = Asked::of(self.startup)?;
        let Some(host) = self.host else {
            return Err(Refused::with_hint(
                Reason::RequestAmbiguous,
                "08004",
                "which service is meant is not said: TLS names no host".to_owned(),
                "give the service's host name as `host`, and where the gateway is as `hostaddr`".to_owned(),
            ));
        };
        let Some(service) = self.service() else {
            let message = format!("no service has the host name `{host}`");
            return Err(Refused::plain(Reason::NoSuchService, "08004", message));
        };
        let Some(address) = service.database() else {
            let message = format!("the service `{}` is no database", service.name);
            return Err(Refused::plain(Reason::NoSuchOperation, "08004", message));
        };
        if let Some(database) = &asked.database
            && *database != address.database
        {
            return Err(Refused::with_hint(
                Reason::RequestAmbiguous,
                "3D000",
                format!("the service `{}` is the database `{}`", service.name, address.database),
                format!("connect with dbname={}", address.database),
            ));
        }
        let contract = self.contract(identity, &service, &asked.user)?;
        Ok(Agreed { asked, identity, service, address, contract })
    }

    /// Refuses a session, and records that.
    async fn refuse(&self, peer: &Peer, refused: Refused) -> ErrorResponse {
        let ports = &self.pipeline.ports;
        let (identity, service) = (peer.identity(ports), self.service());
        let now_ms = (ports.clock)();
        let (as_of, silence_ms, standing) = {
            let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
            let standing = identity
                .map(|identity| policy::decide::standing(&rules, identity, &peer.svid.serial, now_ms));
            (rules.as_of(), rules.silence_ms(now_ms), standing)
        };
        // Standing comes first: a machine that may do nothing learns nothing of the service.
        let Refused { reason, error } = match standing {
            Some(Err((reason, detail))) => Refused::plain(reason, "28000", detail),
            Some(Ok(())) | None => refused,
        };
        let denial = Denial::plain(reason, error.message.clone(), as_of);
        let looked = Looked {
            method: CONNECT.to_owned(),
            host: shortened(self.host.unwrap_or_default().to_owned()),
            target: shortened(said(self.startup)),
            purpose: None,
            touches: Vec::new(),
            parameters: None,
            trace: None,
        };
        let denied = self.pipeline.record_denial(peer, looked, denial.detail.clone(), &denial, |record| {
            record.identity = identity;
            record.service = service.map(|service| service.id);
            record.decided_ms = now_ms;
            record.silence_ms = silence_ms;
        });
        let on_record = reply::on_record(denied.await.as_deref());
        let hint = error.hint.map_or(on_record.clone(), |hint| format!("{hint}. {on_record}"));
        ErrorResponse { hint: Some(hint), ..*error }
    }

    /// The service a connection is for.
    fn service(&self) -> Option<Arc<Service>> {
        let rules = self.pipeline.ports.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.service_at(self.host?).cloned()
    }

    /// The contract a session is under. Of several the user's name says which.
    fn contract(
        &self,
        identity: IdentityId,
        service: &Service,
        user: &str,
    ) -> Result<(InstrumentId, String), Refused> {
        let ports = &self.pipeline.ports;
        let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
        let mut between = rules.contracts_between(identity, service.id, (ports.clock)());
        if let Some(at) = between.iter().position(|(_, name)| name == user) {
            return Ok(between.swap_remove(at));
        }
        let label = rules.state().identity_label(identity);
        let names: Vec<String> = between.iter().map(|(_, name)| format!("`{name}`")).collect();
        match between.len() {
            0 => {
                let message =
                    format!("no contract in force lets `{label}` use the service `{}`", service.name);
                Err(Refused::plain(Reason::NoContract, "28000", message))
            }
            1 => Ok(between.swap_remove(0)),
            _ => Err(Refused::with_hint(
                Reason::RequestAmbiguous,
                "28000",
                format!("`{label}` uses the service `{}` under several contracts", service.name),
                format!("connect with the name of one of them as user: {}", names.join(", ")),
            )),
        }
    }

    /// What the client hears when its session begins: as if the server said it, but for the key that cancels.
    fn hello(
        &self,
        judge: &Judge,
        upstream: &Upstream,
        asked: &Asked,
    ) -> Result<(Vec<u8>, Option<Cancellable>), ErrorResponse> {
        let mut hello = Vec::new();
        if asked.minor > MINOR || !asked.unknown.is_empty() {
            let unknown: Vec<&str> = asked.unknown.iter().map(String::as_str).collect();
            backend::put_negotiate(&mut hello, MINOR.min(asked.minor), &unknown);
        }
        Authentication::write_plain(&mut hello, false);
        for (name, value) in &upstream.parameters {
            backend::put_parameter_status(&mut hello, name, value);
        }
        let random = || (self.pipeline.ports.entropy)();
        let key: Option<Vec<u8>> = if asked.minor >= MINOR {
            random().zip(random()).map(|(one, other)| [one, other].concat())
        } else {
            random().and_then(|random| Some(random.get(..8)?.to_vec()))
        };
        let key = key.ok_or_else(|| reply::fatal(reply::SESSION, "the system has no randomness"))?;
        let cancellable = upstream.key.clone().and_then(|own: CancelKey| {
            self.pipeline.databases.cancels.enter(&key, judge.server.clone(), own)
        });
        if let Some(cancellable) = &cancellable {
            backend::put_key_data(&mut hello, &cancellable.key);
        }
        backend::put_ready(&mut hello, b'I');
        Ok((hello, cancellable))
    }
}

/// As whom a session was let in, and with which settings of its role and database: what is kept is of use as long as a new
/// one would be the same. Nobody's operators are looked up in it.
const STANDING: &str = "BEGIN; SET LOCAL search_path TO ''; SELECT current_user, session_user, \
    pg_catalog.current_setting('role'), r.oid, r.rolcanlogin, coalesce(r.rolvaliduntil > pg_catalog.now(), true), \
    d.oid, d.datallowconn, pg_catalog.has_database_privilege(r.oid, d.oid, 'CONNECT'), \
    (SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', s.setrole, s.setdatabase, s.setconfig), ' ' \
        ORDER BY s.setrole, s.setdatabase)) FROM pg_catalog.pg_db_role_setting s \
        WHERE s.setrole IN (0, r.oid) AND s.setdatabase IN (0, d.oid)) \
    FROM pg_catalog.pg_roles r, pg_catalog.pg_database d \
    WHERE r.rolname = session_user AND d.datname = pg_catalog.current_database(); COMMIT";

/// The newest minor version of the protocol that is spoken with clients.
const MINOR: u16 = 2;

fn no_credential(host: Option<&str>) -> ErrorResponse {
    let audience = format!("{DATABASE_AUDIENCE}{}", host.unwrap_or("HOST"));
    let hint = format!(
        "connect with sslcert and sslkey (`writ issue` gives a machine its certificate), or with a JWT-SVID for the audience `{audience}` as password"
    );
    let message = "the machine shows no credential of this trust domain";
    ErrorResponse { hint: Some(hint), ..reply::fatal("28000", message) }
}

/// What a client wants of its session.
struct Asked {
    user: String,
    database: Option<String>,
    purpose: Option<String>,
    /// Settings that go on to the server.
    settings: Vec<(String, String)>,
    moves_path: bool,
    minor: u16,
    /// Options of the protocol that nobody knows.
    unknown: Vec<String>,
}

impl Asked {
    fn of(startup: &Startup) -> Result<Self, Refused> {
        let (major, minor) = startup.version;
        if major != 3 {
            let message = format!("version {major}.{minor} of the protocol is not spoken");
            return Err(Refused::plain(Reason::RequestAmbiguous, "0A000", message));
        }
        let mut asked = Self {
            user: startup.parameter("user").unwrap_or_default().to_owned(),
            database: startup.parameter("database").map(str::to_owned),
            purpose: None,
            settings: Vec::new(),
            moves_path: false,
            minor,
            unknown: Vec::new(),
        };
        for (name, value) in &startup.parameters {
            match name.as_str() {
                "user" | "database" => {}
                // The session has a name of its own in the server's records.
                "application_name" => {}
                "replication" if matches!(value.as_str(), "false" | "off" | "no" | "0") => {}
                "replication" => {
                    let message = "replication is not let through".to_owned();
                    return Err(Refused::plain(Reason::NothingPermits, "0A000", message));
                }
                "options" => {
                    for (name, value) in options(value)? {
                        asked.setting(&name, &value)?;
                    }
                }
                option if option.starts_with("_pq_.") => asked.unknown.push(option.to_owned()),
                name => asked.setting(name, value)?,
            }
        }
        Ok(asked)
    }

    /// Where a session looks up names.
    async fn path(&self, upstream: &mut Upstream) -> Result<Path, UpstreamError> {
        Ok(match self.moves_path {
            true => Path::Unknown,
            false => Path::of(upstream.ask(sql::catalog::PATH, STARTUP_BYTES_MAX).await?),
        })
    }

    fn setting(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        let setting = Setting::at_startup(name, value).map_err(|why| {
            let message = format!("the setting `{name}` is not let through: {why}");
            Refused::plain(Reason::NothingPermits, "42501", message)
        })?;
        match setting {
            Setting::ApplicationName => return Ok(()),
            Setting::Purpose(purpose) => {
                self.purpose = Some(purpose).filter(|purpose| !purpose.is_empty());
                return Ok(());
            }
            Setting::SearchPath => self.moves_path = true,
            Setting::Harmless => {}
        }
        if name != "client_encoding" {
            self.settings.push((name.to_owned(), value.to_owned()));
        }
        Ok(())
    }
}

/// What a client said of itself, for the record.
fn said(startup: &Startup) -> String {
    let all = startup.parameters.iter().map(|(name, value)| format!("{name}={value}"));
    all.collect::<Vec<_>>().join(" ")
}

/// `-c name=value`, `--name=value` of the parameter `options`; a backslash takes what follows as it is.
fn options(text: &str) -> Result<Vec<(String, String)>, Refused> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut begun) = (String::new(), false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.extend(letters.next()),
            space if space.is_ascii_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
                continue;
            }
            other => word.push(other),
        }
        begun = true;
    }
    if begun {
        words.push(word);
    }
    let bad = |word: &str| {
        let message = format!("`{word}` among the options is not `-c name=value`");
        Refused::plain(Reason::RequestAmbiguous, "42601", message)
    };
    let mut found = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let given = match word.as_str() {
            "-c" => words.next().ok_or_else(|| bad("-c"))?,
            other => match other.strip_prefix("--").or_else(|| other.strip_prefix("-c")) {
                Some(rest) => rest.to_owned(),
                None => return Err(bad(other)),
            },
        };
        let (name, value) = given.split_once('=').ok_or_else(|| bad(&given))?;
        found.push((name.trim().replace('-', "_"), value.to_owned()));
    }
    Ok(found)
}

impl Begun {
    async fn run(self, mut stream: TlsStream<TcpStream>, stop: &CancellationToken) {
        let Self { judge, upstream, whose, cancellable, hello, opened, names } = self;
        let metrics = judge.pipeline.ports.metrics.clone();
        metrics.connections.inc();
        let live = judge.live.clone();
        let begun = async {
            stream.write_all(&hello).await?;
            stream.flush().await
        };
        if begun.await.is_ok() {
            let pool = judge.pipeline.databases.pool.clone();
            let (stream, upstream) =
                session::run(judge, names, stream, upstream, whose.is_some(), stop).await;
            let cancels = cancellable.is_some_and(Cancellable::end);
            match (upstream, whose) {
                (Some(upstream), Some(whose)) if !cancels => {
                    drop(tokio::spawn(pool.keep(whose, live.clone(), stop.clone(), upstream)));
                }
                (Some(upstream), _) => upstream.close().await,
                (None, _) => {}
            }
            let cut = live.token().is_cancelled();
            if cut && let Err(error) = set_socket_linger(stream.get_ref().0, Some(Duration::ZERO)) {
                tracing::warn!(%error, "a cut connection may still deliver what was under way");
            }
            if !cut {
                opened.finish(Ending::Complete);
            }
        }
        metrics.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_the_server_reads_them() {
        let read = |text: &str| options(text).map_err(|refused| refused.error.message);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read("").unwrap(), []);
        assert_eq!(
            read("-c statement_timeout=5s --time-zone=UTC -cwrit.purpose=a\\ b\\\\").unwrap(),
            [pair("statement_timeout", "5s"), pair("time_zone", "UTC"), pair("writ.purpose", "a b\\")]
        );
        for bad in ["-c", "-d 5", "x=1", "-c x", "--x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
