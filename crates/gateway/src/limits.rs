//! Every limit of the data plane, by name.

use std::time::Duration;

/// Connections at one time; further ones are closed at once.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Connections to the bundle endpoint at one time; further ones are closed at once.
pub const BUNDLE_CONNECTIONS_MAX: usize = 256;
/// Those of one address among them.
pub const BUNDLE_CONNECTIONS_OF_ONE_MAX: usize = 16;
/// How long one of them lives: one question and its answer.
pub const BUNDLE_CONNECTION_TIME_MAX: Duration = Duration::from_secs(20);
/// Requests under way at one time; further ones get 503.
pub const EXCHANGES_MAX: usize = 10_000;
/// From accept to the end of the TLS handshake.
pub const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// From the first byte of a request head to its last (HTTP/1), and idle between requests.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// A request head in bytes (HTTP/1 buffer, HTTP/2 header list).
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Header fields in a request head (HTTP/1).
pub const HEADERS_MAX: usize = 100;
/// Concurrent streams on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 256;
/// Streams a client may reset before the connection is closed (rapid reset).
pub const RESET_STREAMS_MAX: usize = 20;
/// A request body that sends nothing for this long is cut.
pub const BODY_IDLE_MAX: Duration = Duration::from_secs(60);
/// From the end of the TCP handshake with an upstream.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// From the end of the request to the upstream's response head.
pub const RESPONSE_HEAD_TIME_MAX: Duration = Duration::from_secs(120);
/// HTTP/2 connections are probed when silent this long.
pub const KEEPALIVE: Duration = Duration::from_secs(30);
/// Idle connections kept to one upstream.
pub const UPSTREAM_IDLE_MAX: usize = 64;
/// How often live connections are looked at when nothing was pushed (certificates expire silently).
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How long the peer of a cut connection has to take note of the reason.
pub const PARTING_TIME_MAX: Duration = Duration::from_millis(25);
/// How long what was cut has to record its outcome.
pub const CUT_TIME_MAX: Duration = Duration::from_secs(2);
/// How much of the values of one statement's parameters is recorded; of what is longer a digest of all.
pub const PARAMETERS_BYTES_MAX: usize = 1024 * 1024;
/// How much of a request's target and host is kept beside the log.
pub const RECORDED_TARGET_CHARS_MAX: usize = 1024;
/// The longest message of a PostgreSQL client that is held whole: statements and their parameters.
pub const STATEMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest message of a PostgreSQL server that is held whole: not rows, not copied data.
pub const SERVER_MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest row that is masked, or piece of data that is copied out.
pub const ROW_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What is read from one side of a database session at once.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// From the TCP handshake with a PostgreSQL server to a session with it.
pub const DATABASE_LOGIN_TIME_MAX: Duration = Duration::from_secs(10);
/// The same, and what is asked of the server before the session is the machine's.
pub const DATABASE_BEGIN_TIME_MAX: Duration = Duration::from_secs(15);
/// Sessions with servers that nobody uses.
pub const POOL_MAX: usize = 256;
/// How long nobody uses one before it is closed.
pub const POOL_IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long one is used again at all.
pub const POOL_AGE_MAX: Duration = Duration::from_secs(600);
/// How long a server has to answer as one that was kept is used again.
pub const POOL_TAKE_TIME_MAX: Duration = Duration::from_secs(1);
/// How long those that are closed to make room have to be gone.
pub const POOL_CLOSING_TIME: Duration = Duration::from_millis(100);
/// How long a server has to reset one.
pub const POOL_RESET_TIME_MAX: Duration = Duration::from_secs(5);
/// Reading a database's catalog.
pub const CATALOG_TIME_MAX: Duration = Duration::from_secs(30);
/// What a database's catalog may be in bytes.
pub const CATALOG_BYTES_MAX: usize = 256 * 1024 * 1024;
/// A catalog older than this is read again while it is still used.
pub const CATALOG_FRESH: Duration = Duration::from_secs(5);
/// A catalog older than this is not used.
pub const CATALOG_AGE_MAX: Duration = Duration::from_secs(30);
/// Answers a database session waits for at one time: a longer pipeline is read when some have come.
pub const PIPELINE_MAX: usize = 10_000;
/// Statements a database session has names for.
pub const NAMED_STATEMENTS_MAX: usize = 10_000;
/// Their texts together, in bytes.
pub const NAMED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Statements under way and portals open in one database session.
pub const RUNNING_MAX: usize = 256;
/// Portals a database session can have, with those that ran to their end in the same transaction.
pub const PORTALS_MAX: usize = 10_000;
/// Texts longer than this are read on a thread of their own, in bytes.
pub const LONG_TEXT_BYTES: usize = 16 * 1024;
/// How many such are read at one time.
pub const LONG_TEXTS_MAX: usize = 2;
/// Connections to one server at one time that cancel what sessions that ended were running.
pub const CANCELS_MAX: usize = 16;
/// How long what cancels lets clients hear first that they are cut, for each that is cut at the same time.
pub const CANCEL_WAIT_EACH: Duration = Duration::from_micros(50);
/// And at most.
pub const CANCEL_WAIT_MAX: Duration = Duration::from_millis(200);
/// How long an outcome, for which nobody waits, can wait to be written with others.
pub const OUTCOME_PATIENCE: Duration = Duration::from_millis(10);
/// The same for a verdict that its clause lets be durable later, at most.
pub const RELAXED_PATIENCE_MAX: Duration = Duration::from_millis(10);
/// How long a stopping gateway waits for what is under way.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
