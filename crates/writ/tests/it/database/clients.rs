//! The same work directly and through the gateway, with clients nobody here wrote: they say the same.

use super::{World, here, text};
use std::path::PathBuf;
use std::process::{Command, Output};

/// Where `cargo xtask test` puts what it installs.
fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

impl World {
    /// What a client of libpq is told to do without the gateway.
    fn direct(&self) -> String {
        format!(
            "host=127.0.0.1 port={} dbname=app user=app_orders password='a secret: with a colon' sslmode=disable",
            self.postgres.port
        )
    }
}

#[test]
fn psycopg2() {
    let world = World::start();
    let run = |conninfo: &str| {
        said(&Command::new("/usr/bin/python3").arg(here("client.py")).arg(conninfo).output().unwrap())
    };
    let direct = run(&world.direct());
    assert!(direct.contains("notified [('orders_changed', 'now')]"), "{direct}");
    assert_eq!(run(&world.conninfo()), direct);
}

#[test]
fn jdbc() {
    let world = World::start();
    let file = |name: &str| world.credential.join(name).display().to_string();
    // The driver takes a private key as PKCS#8 in DER.
    let der = file("key.pk8");
    let made = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", &file("key.pem"), "-out", &der])
        .status();
    assert!(made.unwrap().success());
    let run = |url: &str, properties: &[&str]| {
        let mut java = Command::new("java");
        // Names below `localhost` are this machine (RFC 6761), which Java does not know.
        let hosts = world.writ.path("hosts");
        std::fs::write(&hosts, "127.0.0.1 shop-db.localhost\n").unwrap();
        java.arg(format!("-Djdk.net.hosts.file={}", hosts.display()));
        java.args(["-cp", "/usr/share/java/postgresql.jar"])
            .arg(here("Client.java"))
            .arg(url)
            .args(properties);
        said(&java.output().unwrap())
    };
    let url = |host: &str, port: u16| format!("jdbc:postgresql://{host}:{port}/app");
    let direct = run(
        &url("127.0.0.1", world.postgres.port),
        &["user=app_orders", "password=a secret: with a colon", "sslmode=disable"],
    );
    assert!(direct.contains("batched | 500,124750") && direct.contains("57014"), "{direct}");
    let through = run(
        &url("shop-db.localhost", world.writ.gateway_port()),
        &[
            "user=bot",
            "sslmode=verify-full",
            &format!("sslrootcert={}", file("bundle.pem")),
            &format!("sslcert={}", file("cert.pem")),
            &format!("sslkey={der}"),
        ],
    );
    assert_eq!(through, direct);
}

#[test]
fn odbc() {
    let world = World::start();
    // Below /usr/lib each architecture has a folder of its own.
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|folder| folder.unwrap().path());
    let driver =
        folders.map(|folder| folder.join("odbc/psqlodbcw.so")).find(|driver| driver.exists()).unwrap();
    let driver = driver.display();
    let script = world.writ.path("script.sql");
    let statements = "SELECT id, customer, total FROM orders ORDER BY id\nINSERT INTO orders (customer) VALUES ('odbc')\nSELECT count(*) FROM orders\nDELETE FROM orders WHERE customer = 'odbc'\n";
    std::fs::write(&script, statements).unwrap();
    let run = |told: &str| {
        let output = Command::new("isql")
            .args(["-b", "-d|", "-k", &format!("DRIVER={driver};{told}")])
            .stdin(std::fs::File::open(&script).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    let direct = run(&format!(
        "Servername=127.0.0.1;Port={};Database=app;Username=app_orders;Password={{a secret: with a colon}};SSLmode=disable",
        world.postgres.port
    ));
    assert!(direct.contains("eve"), "{direct}");
    let file = |name: &str| world.credential.join(name).display().to_string();
    let options = format!(
        "hostaddr=127.0.0.1 sslrootcert={} sslcert={} sslkey={}",
        file("bundle.pem"),
        file("cert.pem"),
        file("key.pem")
    );
    let through = run(&format!(
        "Servername=shop-db.localhost;Port={};Database=app;Username=bot;Password=none;SSLmode=verify-full;pqopt={{{options}}}",
        world.writ.gateway_port()
    ));
    assert_eq!(through, direct);
}

#[test]
fn node_pg() {
    let world = World::start();
    let run = |told: serde_json::Value| {
        let mut node = Command::new("node");
        node.arg(here("client.js"))
            .arg(told.to_string())
            .env("NODE_PATH", target().join("node/node_modules"));
        said(&node.output().unwrap())
    };
    let direct = run(serde_json::json!({
        "host": "127.0.0.1", "port": world.postgres.port, "database": "app", "user": "app_orders",
        "password": "a secret: with a colon",
    }));
    assert!(direct.contains("[ 1, 2, 3 ]"), "{direct}");
    let file = |name: &str| world.credential.join(name).display().to_string();
    let through = run(serde_json::json!({
        "host": "127.0.0.1", "port": world.writ.gateway_port(), "database": "app", "user": "bot",
        "ssl": { "ca": file("bundle.pem"), "cert": file("cert.pem"), "key": file("key.pem"),
            "servername": "shop-db.localhost" },
    }));
    assert_eq!(through, direct);
}

/// The same work with `tokio-postgres`: pipelines, binary parameters, COPY in the extended protocol (with a Sync among the
/// data), a cancelled statement.
async fn with_tokio_postgres(
    client: tokio_postgres::Client,
    tls: impl tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>,
) -> Vec<String> {
    use bytes::Bytes;
    use futures_util::SinkExt as _;
    let mut said = Vec::new();
    let by_id = client.prepare("SELECT customer FROM orders WHERE id = $1").await.unwrap();
    let asked = |id: i32| {
        let (client, by_id) = (&client, &by_id);
        async move { client.query_one(by_id, &[&id]).await }
    };
    // Said at once, answered in order.
    let (one, two, three) = tokio::join!(asked(1), asked(2), asked(3));
    said.extend([one, two, three].map(|row| row.unwrap().get::<_, String>(0)));
    for _ in 0..2 {
        let sink = client.copy_in("COPY orders (customer) FROM STDIN").await.unwrap();
        let mut sink = std::pin::pin!(sink);
        sink.send(Bytes::from("copied\n".repeat(10_000))).await.unwrap();
        said.push(sink.as_mut().finish().await.unwrap().to_string());
    }
    let deleted = client.execute("DELETE FROM orders WHERE customer = $1", &[&"copied"]).await.unwrap();
    said.push(deleted.to_string());
    let code = |error: tokio_postgres::Error| error.code().unwrap().code().to_owned();
    said.push(code(client.query("SELECT 1/0", &[]).await.unwrap_err()));
    client.batch_execute("BEGIN; INSERT INTO orders (customer) VALUES ('gone')").await.unwrap();
    said.push(code(client.query("SELECT nothing FROM orders", &[]).await.unwrap_err()));
    client.batch_execute("ROLLBACK").await.unwrap();
    let count = client.query_one("SELECT count(*) FROM orders", &[]).await.unwrap();
    said.push(count.get::<_, i64>(0).to_string());
    let cancel = client.cancel_token();
    let cancelling = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        cancel.cancel_query(tls).await.unwrap();
    };
    let sleeping = async { code(client.query("SELECT pg_sleep(60)", &[]).await.unwrap_err()) };
    said.push(tokio::join!(sleeping, cancelling).0);
    said
}

/// A session of `tokio-postgres` through the gateway.
pub(super) async fn through(
    world: &World,
) -> (tokio_postgres::Client, tokio_postgres_rustls::MakeRustlsConnect) {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let file = |name: &str| world.credential.join(name);
    let mut roots = rustls::RootCertStore::empty();
    for der in CertificateDer::pem_file_iter(file("bundle.pem")).unwrap() {
        roots.add(der.unwrap()).unwrap();
    }
    let chain = CertificateDer::pem_file_iter(file("cert.pem")).unwrap().map(Result::unwrap).collect();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(file("key.pem")).unwrap())
        .unwrap();
    let mut config = tokio_postgres::Config::new();
    config.host("shop-db.localhost").hostaddr([127, 0, 0, 1].into()).port(world.writ.gateway_port());
    config.dbname("app").user("bot").ssl_mode(tokio_postgres::config::SslMode::Require);
    let tls = tokio_postgres_rustls::MakeRustlsConnect::new(tls);
    let (client, connection) = config.connect(tls.clone()).await.unwrap();
    tokio::spawn(connection);
    (client, tls)
}

#[tokio::test]
async fn tokio_postgres_says_the_same() {
    let world = World::start();
    let mut direct = tokio_postgres::Config::new();
    direct.host("127.0.0.1").port(world.postgres.port).dbname("app");
    direct.user("app_orders").password("a secret: with a colon");
    let (client, connection) = direct.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let direct = with_tokio_postgres(client, tokio_postgres::NoTls).await;
    assert_eq!(direct.last().unwrap(), "57014", "{direct:?}");

    let (client, tls) = through(&world).await;
    assert_eq!(with_tokio_postgres(client, tls).await, direct);
}

/// The same work with `sqlx`: a pool, statements it keeps prepared and describes, transactions, COPY, notifications.
async fn with_sqlx(options: sqlx::postgres::PgConnectOptions) -> Vec<String> {
    use sqlx::postgres::{PgListener, PgPoolCopyExt as _, PgPoolOptions};
    use sqlx::{Executor as _, Row as _, SqlSafeStr as _, Statement as _};
    let pool = PgPoolOptions::new().max_connections(3).connect_with(options).await.unwrap();
    let mut said = Vec::new();
    let by_id = "SELECT customer, total::float8, now() > '2000-01-01' FROM orders WHERE id = $1";
    for id in [1, 2, 1] {
        let row = sqlx::query(by_id).bind(id).fetch_one(&pool).await.unwrap();
        let (customer, total, now): (String, Option<f64>, bool) = (row.get(0), row.get(1), row.get(2));
        said.push(format!("{customer} {total:?} {now}"));
    }
    let mut connection = pool.acquire().await.unwrap();
    let prepared = "SELECT id, customer FROM orders WHERE id = $1".into_sql_str();
    let prepared = connection.prepare(prepared).await.unwrap();
    said.push(format!("{:?} {:?}", prepared.parameters(), prepared.columns()));
    drop(connection);
    let mut transaction = pool.begin().await.unwrap();
    let insert = "INSERT INTO orders (customer) SELECT * FROM unnest($1::text[])";
    let many = vec!["sqlx".to_owned(); 300];
    let done = sqlx::query(insert).bind(&many).execute(&mut *transaction).await.unwrap();
    said.push(done.rows_affected().to_string());
    let mut inner = sqlx::Acquire::begin(&mut transaction).await.unwrap();
    let failed = sqlx::query("SELECT 1/(SELECT 0)").fetch_one(&mut *inner).await.unwrap_err();
    said.push(failed.as_database_error().unwrap().code().unwrap().into_owned());
    inner.rollback().await.unwrap();
    transaction.commit().await.unwrap();
    let mut sink = pool.copy_in_raw("COPY orders (customer) FROM STDIN").await.unwrap();
    sink.send("sqlx\n".repeat(1_000).as_bytes()).await.unwrap();
    said.push(sink.finish().await.unwrap().to_string());
    let deleted = sqlx::query("DELETE FROM orders WHERE customer = 'sqlx'").execute(&pool).await.unwrap();
    said.push(deleted.rows_affected().to_string());
    // Dropped while it is open: it is rolled back by whoever has the connection next.
    let mut dropped = pool.begin().await.unwrap();
    dropped.execute("INSERT INTO orders (customer) VALUES ('gone')").await.unwrap();
    drop(dropped);
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen("orders_changed").await.unwrap();
    sqlx::query("NOTIFY orders_changed, 'now'").execute(&pool).await.unwrap();
    said.push(listener.recv().await.unwrap().payload().to_owned());
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM orders").fetch_one(&pool).await.unwrap();
    said.push(count.to_string());
    drop(listener);
    pool.close().await;
    said
}

#[tokio::test]
async fn sqlx_says_the_same() {
    use sqlx::postgres::{PgConnectOptions, PgSslMode};
    let world = World::start();
    let direct =
        PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(world.postgres.port).database("app");
    let direct =
        direct.username("app_orders").password("a secret: with a colon").ssl_mode(PgSslMode::Disable);
    let direct = with_sqlx(direct).await;
    assert!(direct.contains(&"22012".to_owned()) && direct.contains(&"1300".to_owned()), "{direct:?}");

    // It takes a socket's path beside the host name that TLS is about, and no address.
    let port = world.writ.gateway_port();
    let socket = world.writ.path(&format!(".s.PGSQL.{port}"));
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut gateway = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut gateway).await
            });
        }
    });
    let file = |name: &str| world.credential.join(name);
    let through = PgConnectOptions::new_without_pgpass().host("shop-db.localhost").port(port).database("app");
    let through = through.socket(socket.parent().unwrap()).username("bot").ssl_mode(PgSslMode::VerifyFull);
    let through = through.ssl_root_cert(file("bundle.pem"));
    let through = through.ssl_client_cert(file("cert.pem")).ssl_client_key(file("key.pem"));
    assert_eq!(with_sqlx(through).await, direct);
}
