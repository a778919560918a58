//! PostgreSQL's own tools through the gateway.

use super::{World, text};
use std::process::Command;

impl World {
    /// A tool of PostgreSQL, with the machine's certificate.
    pub(crate) fn tool(&self, name: &str, arguments: &[&str]) -> Command {
        let file = |name: &str| self.credential.join(name);
        let mut command = Command::new(name);
        command
            .args(arguments)
            .env("PGHOST", "shop-db.localhost")
            .env("PGHOSTADDR", "127.0.0.1")
            .env("PGPORT", self.writ.gateway_port().to_string())
            .env("PGDATABASE", "app")
            .env("PGUSER", "bot")
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", file("bundle.pem"))
            .env("PGSSLCERT", file("cert.pem"))
            .env("PGSSLKEY", file("key.pem"));
        command
    }

    /// The same without the gateway.
    fn straight(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(name);
        command
            .args(arguments)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.postgres.port.to_string())
            .env("PGDATABASE", "app")
            .env("PGUSER", "app_orders")
            .env("PGPASSWORD", "a secret: with a colon")
            .env("PGSSLMODE", "disable");
        command
    }
}

pub(crate) fn done(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn pgbench_in_each_of_its_modes() {
    let mut world = World::wide();
    done(world.straight("pgbench", &["-i", "-q"]));
    let run = |arguments: &[&str]| {
        let output =
            world.tool("pgbench", &[&["-n", "-c", "4", "-j", "2"], arguments].concat()).output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        assert!(out.contains("number of failed transactions: 0"), "{out}");
    };
    for mode in ["simple", "extended", "prepared"] {
        run(&["-t", "50", "-M", mode]);
        run(&["-S", "-t", "200", "-M", mode]);
    }
    run(&["-S", "-C", "-t", "10"]);
    let told = |sql: &str| world.postgres.of("app", sql);
    assert_eq!(told("SELECT count(*) FROM pgbench_history"), "600");
    assert_eq!(
        told("SELECT sum(abalance) FROM pgbench_accounts"),
        told("SELECT sum(delta) FROM pgbench_history")
    );
    world.writ.assert_verifies();
}

#[test]
fn a_dump_is_the_same_and_is_restored() {
    let world = World::wide();
    world
        .postgres
        .of("app", "INSERT INTO orders (customer, total) SELECT 'bulk', n FROM generate_series(1, 50000) n");
    let arguments = ["--no-owner", "--no-privileges", "--schema=public"];
    let direct = done(world.straight("pg_dump", &arguments));
    let through = done(world.tool("pg_dump", &arguments));
    // Each dump has random words of its own in newer versions.
    let plain = |dump: &str| {
        dump.lines().filter(|line| !line.contains("restrict")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(plain(&through), plain(&direct));
    assert!(direct.lines().count() > 50_000);

    let file = world.writ.path("dump");
    let path = file.to_str().unwrap();
    done(world.tool("pg_dump", &["-Fc", "-f", path, "--table=public.orders", "--data-only"]));
    world.postgres.of("app", "TRUNCATE orders CASCADE");
    done(world.tool("pg_restore", &["--data-only", "-d", "app", path]));
    assert_eq!(world.postgres.of("app", "SELECT count(*), sum(total) FROM orders"), "50003|1250025060");
}
