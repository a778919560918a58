//! PostgreSQL through the gateway: pgbench and COPY directly, through a null proxy, haproxy and pgbouncer, and through Writ,
//! in turn. Everybody speaks TLS with the client.

use crate::estate::Estate;
use crate::{quantile, us};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Rounds in which everybody is measured once.
const ROUNDS: usize = 10;
/// Rows in the table that is copied: pgbench's scale of 10.
const ROWS: usize = 1_000_000;
const PASSWORD: &str = "bench";

/// A process that ends with this.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // An immediate stop for PostgreSQL, any for the others.
        let _ = Command::new("kill").args(["-QUIT", &self.0.id().to_string()]).status();
        std::thread::sleep(Duration::from_millis(200));
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody to connect to.
struct Target {
    name: &'static str,
    conninfo: String,
    /// The process between client and server.
    pid: Option<u32>,
}

/// A run of short statements: seconds, but for the rate per second.
struct Round {
    p50: f64,
    p99: f64,
    rate: f64,
    /// Of the processors, by the process between, for each statement.
    spent: f64,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Statements,
    Bulk,
    Masked,
    Result,
    Kill,
}

impl Part {
    pub(crate) const ALL: [Self; 5] = [Self::Statements, Self::Bulk, Self::Masked, Self::Result, Self::Kill];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Statements => "statements",
            Self::Bulk => "bulk",
            Self::Masked => "masked",
            Self::Result => "result",
            Self::Kill => "kill",
        }
    }
}

pub(crate) async fn run(parts: &[Part]) -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    let server = Server::start(folder.path())?;
    let mut estate = Estate::start(folder.path(), 1).await?;
    estate.database(server.port).await?;
    let machine = machine(folder.path(), &estate)?;
    let (null_process, null) = null_proxy(server.port)?;
    let (haproxy_process, haproxy) = haproxy(folder.path(), server.port)?;
    let (pgbouncer_process, pgbouncer) = pgbouncer(folder.path(), server.port)?;
    let plain = |port: u16| {
        format!("host=127.0.0.1 port={port} dbname=bench user=bench password={PASSWORD} sslmode=require")
    };
    let writ = |contract: &str| format!("{machine} port={} user={contract}", estate.port);
    let targets = [
        Target { name: "direct", conninfo: plain(server.port), pid: None },
        Target { name: "null proxy", conninfo: plain(null), pid: Some(null_process.0.id()) },
        Target { name: "haproxy", conninfo: plain(haproxy), pid: Some(haproxy_process.0.id()) },
        Target { name: "pgbouncer", conninfo: plain(pgbouncer), pid: Some(pgbouncer_process.0.id()) },
        Target { name: "writ, relaxed", conninfo: writ("relaxed"), pid: Some(estate.pid()) },
        Target { name: "writ, strict", conninfo: writ("strict"), pid: Some(estate.pid()) },
        // As pgbouncer does, it keeps the sessions with the server for whoever comes next.
        Target {
            name: "writ, pool=16",
            conninfo: writ("pooled").replace("host=shop-db.localhost", "host=pooled-db.localhost"),
            pid: Some(estate.pid()),
        },
    ];
    let relaxed = &targets[4];
    for part in parts {
        match part {
            Part::Statements => statements(folder.path(), &targets)?,
            Part::Bulk => bulk(folder.path(), &targets)?,
            Part::Masked => {
                let with_masks = Target { name: "writ, masked", conninfo: writ("masked"), pid: None };
                masked(folder.path(), &[&targets[0], relaxed, &with_masks])?;
            }
            Part::Result => {
                let before = estate.resident_kib()?;
                let started = Instant::now();
                let bytes = result(relaxed, 20_000_000)?;
                println!(
                    "\na result of {:.1} GB through writ in {:.1} s: resident memory {:.1} MB before, {:.1} MB after",
                    bytes as f64 / 1e9,
                    started.elapsed().as_secs_f64(),
                    before as f64 / 1024.0,
                    estate.resident_kib()? as f64 / 1024.0
                );
            }
            Part::Kill => killed(&estate).await?,
        }
    }
    Ok(())
}

/// Short statements, one client and many.
fn statements(folder: &Path, targets: &[Target]) -> anyhow::Result<()> {
    println!(
        "\npgbench -S over TLS, loopback, {ROUNDS} interleaved rounds; medians of rounds (p50 and p99 in µs, transactions per second; \
         processor time of the process between, µs per transaction)"
    );
    println!(
        "  {:<24}{}",
        "",
        targets.iter().map(|target| format!("{:>32}", target.name)).collect::<String>()
    );
    for (name, mode, clients, transactions) in [
        ("c=1 simple", "simple", 1, 1_000),
        ("c=1 prepared", "prepared", 1, 1_000),
        ("c=16 simple", "simple", 16, 2_000),
    ] {
        let mut rounds: Vec<Vec<Round>> = targets.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (target, round) in targets.iter().zip(&mut rounds) {
                let spent = || target.pid.map_or(Ok(Duration::ZERO), processor_time);
                let before = spent()?;
                let (p50, p99, rate) = pgbench(folder, target, mode, clients, transactions)?;
                let spent = spent()?.saturating_sub(before).as_secs_f64() / (clients * transactions) as f64;
                round.push(Round { p50: p50.as_secs_f64(), p99: p99.as_secs_f64(), rate, spent });
            }
        }
        let cells = rounds.iter().map(|rounds| {
            let of = |pick: fn(&Round) -> f64| median(rounds.iter().map(pick));
            let shown = |pick| us(Duration::from_secs_f64(of(pick)));
            let (p50, p99, spent) = (shown(|r| r.p50), shown(|r| r.p99), shown(|r| r.spent));
            format!("{:>32}", format!("{p50} / {p99} / {:.0}; {spent}", of(|r| r.rate)))
        });
        println!("  {name:<24}{}", cells.collect::<String>());
    }
    Ok(())
}

/// A million rows copied, and connections.
fn bulk(folder: &Path, targets: &[Target]) -> anyhow::Result<()> {
    println!(
        "\nCOPY of {ROWS} rows, seconds; pgbench -C, connections per second; medians of {} rounds",
        ROUNDS / 2
    );
    for (name, what) in [("COPY TO STDOUT", 0), ("COPY FROM STDIN", 1), ("connections", 2)] {
        let mut rounds: Vec<Vec<f64>> = vec![Vec::new(); targets.len()];
        for _ in 0..ROUNDS / 2 {
            for (target, round) in targets.iter().zip(&mut rounds) {
                round.push(match what {
                    0 => copy_out(target)?,
                    1 => copy_in(folder, target)?,
                    _ => connections(target)?,
                });
            }
        }
        let cells = rounds.iter().map(|round| format!("{:>22.2}", median(round.iter().copied())));
        println!("  {name:<24}{}", cells.collect::<String>());
    }
    Ok(())
}

/// What masking costs: a hundred rows of ten columns, a million rows copied and dumped.
fn masked(folder: &Path, targets: &[&Target; 3]) -> anyhow::Result<()> {
    println!(
        "\nmasked: half of ten columns by name, mail addresses, IBANs and cards in the others; {ROUNDS} interleaved rounds, medians"
    );
    println!(
        "  {:<24}{}",
        "",
        targets.iter().map(|target| format!("{:>22}", target.name)).collect::<String>()
    );
    for rows in [100, 1_000] {
        let script = folder.join("people.sql");
        std::fs::write(&script, format!("SELECT * FROM people LIMIT {rows};\n"))?;
        let mut rounds: [Vec<(Duration, Duration, f64)>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (target, round) in targets.iter().zip(&mut rounds) {
                round.push(scripted(folder, target, &["-f", &script.display().to_string()], 1, 300)?);
            }
        }
        let cells = rounds.iter().map(|round| {
            let shown = |pick: fn(&(Duration, Duration, f64)) -> f64| {
                us(Duration::from_secs_f64(median(round.iter().map(pick))))
            };
            format!("{:>22}", format!("{} / {}", shown(|r| r.0.as_secs_f64()), shown(|r| r.1.as_secs_f64())))
        });
        println!("  {:<24}{}", format!("{rows} rows, µs"), cells.collect::<String>());
    }
    for what in ["COPY, s", "pg_dump, s"] {
        let mut rounds: [Vec<f64>; 3] = Default::default();
        for _ in 0..ROUNDS / 2 {
            for (target, round) in targets.iter().zip(&mut rounds) {
                round.push(if what.starts_with("COPY") { copy_out(target)? } else { dump(target)? });
            }
        }
        let cells = rounds.iter().map(|round| format!("{:>22.2}", median(round.iter().copied())));
        println!("  {what:<24}{}", cells.collect::<String>());
    }
    Ok(())
}

fn dump(target: &Target) -> anyhow::Result<f64> {
    let mut command = Command::new("pg_dump");
    command.args(["--data-only", "-t", "public.pgbench_accounts", "-d", &target.conninfo]);
    timed(command)
}

/// Sessions that are open when the machine is killed.
const SESSIONS: usize = 1_000;

/// From the command to the last byte of every session of the machine, each of which has the server sleep.
async fn killed(estate: &Estate) -> anyhow::Result<()> {
    let mut live = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        let mut tls = estate.connect("shop-db.localhost", &[wire::postgres::startup::ALPN]).await?;
        let mut said = wire::postgres::startup::startup(&[("user", "relaxed"), ("database", "bench")]);
        wire::postgres::frontend::query(&mut said, "SELECT pg_sleep(600)");
        tls.write_all(&said).await?;
        // To ReadyForQuery.
        let mut heard = Vec::new();
        while !heard.ends_with(&[b'Z', 0, 0, 0, 5, b'I']) {
            ensure!(tls.read_buf(&mut heard).await? > 0, "{}", String::from_utf8_lossy(&heard));
        }
        live.push(tls);
    }
    let (ready, started) = (Arc::new(tokio::sync::Barrier::new(SESSIONS + 1)), Instant::now());
    let mut tasks = tokio::task::JoinSet::new();
    for mut tls in live {
        let ready = ready.clone();
        tasks.spawn(async move {
            ready.wait().await;
            let mut rest = Vec::new();
            while matches!(tls.read_buf(&mut rest).await, Ok(1..)) {}
            (started.elapsed(), String::from_utf8_lossy(&rest).contains("the right to this session ended"))
        });
    }
    ready.wait().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = started.elapsed();
    let body = json!({ "target": { "identity": "acme/robot" }, "reason": "measured", "for_good": true });
    estate.client.post::<Value>("/v1/stops", &body).await?;
    let (mut times, mut told) = (Vec::new(), 0);
    while let Some(ended) = tasks.join_next().await {
        let (ended, why) = ended?;
        told += usize::from(why);
        times.push(ended.checked_sub(asked).context("a session ended before it was killed")?);
    }
    times.sort();
    println!(
        "\nkill with {SESSIONS} sessions, each asleep on the server: last byte p50 {:.1} ms, p99 {:.1} ms, all {:.1} ms; {told} told why",
        quantile(&times, 0.5).as_secs_f64() * 1e3,
        quantile(&times, 0.99).as_secs_f64() * 1e3,
        times.last().map_or(0.0, Duration::as_secs_f64) * 1e3,
    );
    Ok(())
}

/// The time a process has taken of processors so far, in user and kernel mode (`proc_pid_stat(5)`).
fn processor_time(pid: u32) -> anyhow::Result<Duration> {
    // Fixed for all programs on Linux, whatever the kernel's own rate is.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(12).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// One run: p50, p99, transactions per second.
fn pgbench(
    folder: &Path,
    target: &Target,
    mode: &str,
    clients: usize,
    transactions: usize,
) -> anyhow::Result<(Duration, Duration, f64)> {
    scripted(folder, target, &["-S", "-M", mode], clients, transactions)
}

fn scripted(
    folder: &Path,
    target: &Target,
    what: &[&str],
    clients: usize,
    transactions: usize,
) -> anyhow::Result<(Duration, Duration, f64)> {
    let log = folder.join("latency");
    let (clients_text, transactions) = (clients.to_string(), transactions.to_string());
    let output = Command::new("pgbench")
        .args(what)
        .args(["-n", "-c", &clients_text, "-t", &transactions, "-l", "--log-prefix"])
        .arg(&log)
        .arg(&target.conninfo)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}: {said}{}", target.name, String::from_utf8_lossy(&output.stderr));
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")).context("no tps")?;
    let tps = tps.split(' ').next().unwrap_or_default().parse()?;
    let mut samples = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("latency.")) {
            for line in BufReader::new(std::fs::File::open(&path)?).lines() {
                let line = line?;
                let micros = line.split(' ').nth(2).context("no latency")?;
                samples.push(Duration::from_micros(micros.parse()?));
            }
            std::fs::remove_file(path)?;
        }
    }
    samples.sort();
    Ok((quantile(&samples, 0.5), quantile(&samples, 0.99), tps))
}

fn psql(target: &Target) -> Command {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-d", &target.conninfo]);
    psql
}

fn timed(mut command: Command) -> anyhow::Result<f64> {
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{command:?}");
    Ok(started.elapsed().as_secs_f64())
}

fn copy_out(target: &Target) -> anyhow::Result<f64> {
    let mut command = psql(target);
    command.args(["-c", "COPY pgbench_accounts TO STDOUT"]);
    timed(command)
}

fn copy_in(folder: &Path, target: &Target) -> anyhow::Result<f64> {
    let file = folder.join("rows");
    if !file.exists() {
        let rows: String =
            (0..ROWS).map(|row| format!("{row}\t{row}\tabcdefghijklmnopqrstuvwxyz\n")).collect();
        std::fs::write(&file, rows)?;
    }
    let mut command = psql(target);
    command.args(["-c", "COPY copied FROM STDIN"]).stdin(std::fs::File::open(&file)?);
    let time = timed(command)?;
    let mut empty = psql(target);
    empty.args(["-c", "TRUNCATE copied"]);
    timed(empty)?;
    Ok(time)
}

fn connections(target: &Target) -> anyhow::Result<f64> {
    let output = Command::new("pgbench").args(["-S", "-n", "-C", "-t", "100", &target.conninfo]).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")).context("no tps")?;
    Ok(tps.split(' ').next().unwrap_or_default().parse()?)
}

/// A result of so many rows of 500 bytes.
fn result(target: &Target, rows: usize) -> anyhow::Result<u64> {
    let mut command = psql(target);
    command.args([
        "-v",
        "FETCH_COUNT=0",
        "-c",
        &format!("COPY (SELECT repeat('x', 500) FROM generate_series(1, {rows})) TO STDOUT"),
    ]);
    timed(command)?;
    Ok(rows as u64 * 501)
}

/// The files and the words with which the machine connects.
fn machine(folder: &Path, estate: &Estate) -> anyhow::Result<String> {
    let file = |name: &str, content: &str| -> anyhow::Result<String> {
        let path = folder.join(name);
        std::fs::write(&path, content)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(path.display().to_string())
    };
    Ok(format!(
        "host=shop-db.localhost hostaddr=127.0.0.1 dbname=bench sslmode=verify-full sslcert={} sslkey={} sslrootcert={}",
        file("machine.pem", &estate.credential.chain)?,
        file("machine.key", &estate.key_pem)?,
        file("machine-bundle.pem", &estate.credential.bundle)?
    ))
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Debian's newest server, in a folder of its own.
struct Server {
    _process: Process,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let bin = std::fs::read_dir("/usr/lib/postgresql")?
            .filter_map(|version| Some(version.ok()?.path().join("bin")))
            .max()
            .context("no PostgreSQL: `apt-get install postgresql`")?;
        let home = folder.join("postgres");
        std::fs::create_dir(&home)?;
        let id = |flag: &str| -> anyhow::Result<u32> {
            let output = Command::new("id").args([flag, "postgres"]).output()?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
        };
        let (uid, gid) = (id("-u")?, id("-g")?);
        chown(&home, Some(uid), Some(gid))?;
        let as_server = |program: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(bin.join(program));
            command
        };
        let data = home.join("data");
        let mut initdb = as_server("initdb");
        initdb.args([
            "--username=postgres",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--no-sync",
            "-D",
        ]);
        timed(initdb_at(initdb, &data))?;
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        for (name, content) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
            std::fs::write(data.join(name), &content)?;
            std::fs::write(folder.join(name), &content)?;
            std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o600))?;
            chown(data.join(name), Some(uid), Some(gid))?;
        }
        let port = free_port()?;
        let child = as_server("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&home)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "ssl=on", "-c", "fsync=off"])
            .args(["-c", "max_connections=1200", "-c", "max_wal_size=4GB"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { _process: Process(child), port };
        let admin = |database: &str, sql: &str| {
            let mut psql = Command::new("psql");
            psql.arg("-h").arg(&home).args([
                "-p",
                &port.to_string(),
                "-U",
                "postgres",
                "-d",
                database,
                "-X",
                "-q",
                "-c",
                sql,
            ]);
            psql.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        for _ in 0..200 {
            if admin("postgres", "SELECT 1") {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        ensure!(admin("postgres", &format!("CREATE ROLE bench LOGIN PASSWORD '{PASSWORD}'")), "no role");
        ensure!(admin("postgres", "CREATE DATABASE bench OWNER bench"), "no database");
        let mut pgbench = Command::new("pgbench");
        pgbench.args(["-i", "-q", "-s", "10"]).arg(format!(
            "host=127.0.0.1 port={port} dbname=bench user=bench password={PASSWORD} sslmode=disable"
        ));
        timed({
            pgbench.stderr(Stdio::null());
            pgbench
        })?;
        ensure!(
            admin(
                "bench",
                "CREATE TABLE copied (a int, b int, c text); ALTER TABLE copied OWNER TO bench; GRANT ALL ON SCHEMA public TO bench; \
                 CREATE TABLE people AS SELECT n AS id, 'name of ' || n AS c1, 'user' || n || '@example.org' AS c2, \
                 'DE89370400440532013000'::text AS c3, '4111 1111 1111 1111'::text AS c4, 'street ' || n AS c5, \
                 'mail to user' || n || '@example.org, please' AS c6, 'paid with 4111 1111 1111 1111 on ' || n AS c7, \
                 'nothing in here but some words of a note' AS c8, 'order ' || n || ' of 2026-11-29' AS c9, \
                 'account DE89 3704 0044 0532 0130 00' AS c10 FROM generate_series(1, 1000) n; ALTER TABLE people OWNER TO bench"
            ),
            "no table"
        );
        Ok(server)
    }
}

fn initdb_at(mut initdb: Command, data: &Path) -> Command {
    initdb.arg(data);
    initdb
}

/// This program as a proxy that looks at nothing.
fn null_proxy(port: u16) -> anyhow::Result<(Process, u16)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["tcp-proxy", &port.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    Ok((Process(child), line.trim().parse()?))
}

fn haproxy(folder: &Path, port: u16) -> anyhow::Result<(Process, u16)> {
    let own = free_port()?;
    let file = folder.join("haproxy.cfg");
    std::fs::write(
        &file,
        format!(
            "global\n  maxconn 1000\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 600s\n  timeout server 600s\nlisten pg\n  bind 127.0.0.1:{own}\n  server pg 127.0.0.1:{port}\n"
        ),
    )?;
    let child =
        Command::new("/usr/sbin/haproxy").arg("-db").arg("-f").arg(&file).stderr(Stdio::null()).spawn()?;
    std::thread::sleep(Duration::from_millis(500));
    Ok((Process(child), own))
}

fn pgbouncer(folder: &Path, port: u16) -> anyhow::Result<(Process, u16)> {
    let own = free_port()?;
    let file = |name: &str| -> PathBuf { folder.join(name) };
    std::fs::write(file("users"), format!("\"bench\" \"{PASSWORD}\"\n"))?;
    std::fs::write(
        file("pgbouncer.ini"),
        format!(
            "[databases]\nbench = host=127.0.0.1 port={port} dbname=bench\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own}\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = session\nmax_client_conn = 500\ndefault_pool_size = 100\nclient_tls_sslmode = require\nclient_tls_cert_file = {}\nclient_tls_key_file = {}\nunix_socket_dir =\nlogfile = /dev/null\nignore_startup_parameters = extra_float_digits\n",
            file("users").display(),
            file("server.crt").display(),
            file("server.key").display()
        ),
    )?;
    for name in ["users", "pgbouncer.ini", "server.crt", "server.key"] {
        std::fs::set_permissions(file(name), std::fs::Permissions::from_mode(0o644))?;
    }
    let child = Command::new("setpriv")
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "/usr/sbin/pgbouncer", "-q"])
        .arg(file("pgbouncer.ini"))
        .stderr(Stdio::null())
        .spawn()?;
    std::thread::sleep(Duration::from_millis(500));
    Ok((Process(child), own))
}
