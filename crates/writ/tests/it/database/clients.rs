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
