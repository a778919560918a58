//! A machine without a certificate shows a JWT-SVID: as the password, over TLS, for the one database it is for.

use super::{World, clause, text};
use crate::harness::wait;
use crate::spiffe_rust::{recognised, socket};
use spiffe::WorkloadApiClient;
use std::process::{Command, Output, Stdio};

impl World {
    /// psql without a certificate, and with this as password.
    fn with_password(&self, password: &str, sql: &str) -> Command {
        let bundle = self.credential.join("bundle.pem");
        let conninfo = format!(
            "host=shop-db.localhost hostaddr=127.0.0.1 port={} dbname=app user=bot sslmode=verify-full sslrootcert={}",
            self.writ.gateway_port(),
            bundle.display()
        );
        let mut psql = Command::new("psql");
        psql.args(["-X", "-A", "-t", "-q", "-w", "-v", "VERBOSITY=verbose", "-d", &conninfo, "-c", sql])
            .env("PGPASSWORD", password)
            .stdin(Stdio::null());
        psql
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_one_database_and_for_a_while() {
    let mut world = World::start();
    recognised(&world.writ, "acme/bot");
    let client = WorkloadApiClient::connect_to(socket(&world.writ)).await.unwrap();
    let token = client.fetch_jwt_token(["postgresql://shop-db.localhost"], None).await.unwrap().to_string();
    let ask = |password: &str, sql: &str| said(&world.with_password(password, sql).output().unwrap());
    assert_eq!(ask(&token, "SELECT customer FROM orders WHERE id = 1"), "ada\n");
    assert!(ask(&token, "SELECT * FROM users").contains("WR002: not permitted by clause 0.1"));

    // For another audience, changed, of nobody, and no token at all.
    let other = client.fetch_jwt_token(["postgresql://other-db.localhost"], None).await.unwrap().to_string();
    let told = ask(&other, "SELECT 1");
    assert!(told.contains("the machine shows no credential of this trust domain"), "{told}");
    assert!(told.contains("is not for the audience `postgresql://shop-db.localhost`"), "{told}");
    let http = client.fetch_jwt_token(["payments"], None).await.unwrap().to_string();
    assert!(ask(&http, "SELECT 1").contains("shows no credential"));
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    let forged = format!("{head}.{}{rest}", if first == "A" { "B" } else { "A" });
    assert!(ask(&forged, "SELECT 1").contains("is not signed with a key of the trust domain"));
    for nothing in ["x", "a.b.c"] {
        let told = ask(nothing, "SELECT 1");
        assert!(told.contains("shows no credential") && told.contains("not a signed token"), "{told}");
    }
    // Of one that no token is as long as, psql may still be sending when it is told.
    let told = ask(&"x".repeat(20_000), "SELECT 1");
    assert!(told.contains("shows no credential") || told.contains("EOF detected"), "{told}");
    // It is no password of anybody, and no name.
    let mut named = world.with_password("x", "SELECT 1");
    named.env("PGUSER", &token);
    assert!(said(&named.output().unwrap()).contains("shows no credential"));

    // What a session does is on record under the token's own number, and the session ends with its right.
    let mut sleeping = world.with_password(&token, "SELECT pg_sleep(300)");
    let child = sleeping.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let running = || {
        world.postgres.of("app", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(300)' AND state = 'active' AND pid <> pg_backend_pid()")
    };
    wait("it sleeps", || running() == "1");
    world.writ.ok(&["kill", "identity", "acme/bot", "--reason", "stolen"]);
    let ended = child.wait_with_output().unwrap();
    assert!(text(&ended.stderr).contains("the right to this session ended"), "{}", text(&ended.stderr));
    let told = ask(&token, "SELECT 1");
    assert!(told.contains("is suspended"), "{told}");
    world.writ.assert_verifies();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clause_can_ask_for_certificates() {
    let asks = clause("kind = \"credential\"\nmax-ttl = \"1 hour\"\nbinding = [\"mtls\"]");
    let world = World::with(&format!("{}\n{asks}", super::CONTRACT));
    recognised(&world.writ, "acme/bot");
    let client = WorkloadApiClient::connect_to(socket(&world.writ)).await.unwrap();
    let token = client.fetch_jwt_token(["postgresql://shop-db.localhost"], None).await.unwrap().to_string();
    let told = said(&world.with_password(&token, "SELECT 1").output().unwrap());
    assert!(told.contains("shall be bound to the connection by mutual TLS"), "{told}");
    assert_eq!(world.ok("SELECT 1"), "1", "its certificate is bound to the connection");
}
