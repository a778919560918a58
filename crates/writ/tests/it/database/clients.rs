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
