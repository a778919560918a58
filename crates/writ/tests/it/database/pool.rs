//! Sessions with the server that are kept for their machine: used again by it alone, and as if they had just begun.

use super::{World, clause, seal, text};

/// The sessions the server has with the gateway's role: how many, and what they are called.
fn sessions(world: &World) -> (usize, String) {
    let asked = "SELECT count(*) || '|' || coalesce(string_agg(pid || ' ' || application_name || ' ' || state, ',' ORDER BY pid), '') \
        FROM pg_stat_activity WHERE usename = 'app_orders'";
    let told = world.postgres.of("app", asked);
    let (count, names) = told.trim().split_once('|').unwrap();
    (count.parse().unwrap(), names.to_owned())
}

/// Waits until the server has so many.
fn wait_for(world: &World, count: usize) -> String {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let (there, names) = sessions(world);
        if there == count {
            return names;
        }
        assert!(std::time::Instant::now() < until, "{there} sessions: {names}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// One session more, when the one before it was kept.
fn next(world: &World, texts: &[&str]) -> String {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !sessions(world).1.contains(" idle") {
        assert!(std::time::Instant::now() < until);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // It is reset, and then it is kept.
    std::thread::sleep(std::time::Duration::from_millis(100));
    let done = world.run(texts);
    format!("{}{}", text(&done.stdout), text(&done.stderr))
}

#[test]
fn a_session_that_is_used_again_is_one_that_was_just_begun() {
    let mut world = World::pooled(2);
    let pid = world.ok("SELECT pg_backend_pid()");
    let (count, names) = sessions(&world);
    assert_eq!(count, 1, "{names}");
    assert!(names.contains(&pid), "{names}");
    let clean = world.ok("SHOW timezone");

    let left = [
        "SET timezone = 'Asia/Tokyo'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET statement_timeout = '7s'",
        "PREPARE p AS SELECT 1",
        "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM orders",
        "LISTEN orders_changed",
        "SELECT pg_advisory_lock(42)",
        "SELECT pg_backend_pid()",
    ];
    assert!(next(&world, &left).contains(&pid), "it is the same session");
    let told = next(
        &world,
        &[
            "SELECT pg_backend_pid()",
            "SHOW timezone",
            "SHOW transaction_read_only",
            "SHOW statement_timeout",
            "SELECT count(*) FROM pg_catalog.pg_prepared_statements",
            "SELECT count(*) FROM pg_catalog.pg_cursors",
            "SELECT count(*) FROM pg_catalog.pg_listening_channels()",
            "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory'",
            "SELECT current_setting('application_name')",
        ],
    );
    let lines: Vec<&str> = told.lines().collect();
    let [first, .., name] = lines.as_slice() else { panic!("{told}") };
    assert_eq!(*first, pid, "{told}");
    assert_eq!(lines[1..lines.len() - 1], [clean.as_str(), "off", "0", "0", "0", "0", "0"], "{told}");
    let opened = world.writ.json(&["session", "list"]);
    let index = opened.as_array().unwrap().last().unwrap()["index"].to_string();
    assert!(name.ends_with(&format!("/{index}")), "{name} is of session {index}");
    // What a session is called after RESET is not the number of another one.
    let told = next(&world, &["RESET ALL", "SHOW application_name"]);
    assert!(!told.trim().ends_with(|c: char| c.is_ascii_digit()), "{told}");
    world.writ.assert_verifies();
}

#[test]
fn what_is_kept_is_idle_its_own_and_ends_with_its_machine() {
    let world = World::pooled(1);
    let pid = world.ok("SELECT pg_backend_pid()");
    wait_for(&world, 1);
    // Left in a transaction, or with an error of the protocol, it is closed.
    let in_transaction = next(&world, &["BEGIN", "SELECT pg_backend_pid()"]);
    assert!(in_transaction.contains(&pid), "{in_transaction}");
    wait_for(&world, 0);
    let other = world.ok("SELECT pg_backend_pid()");
    assert_ne!(other, pid);
    // With other settings it is another one, for which the first makes room.
    let mut psql = world.psql();
    let texts = ["-c", "SELECT pg_backend_pid()", "-c", "SHOW statement_timeout"];
    psql.env("PGOPTIONS", "-c statement_timeout=9s").args(texts);
    let told = text(&psql.output().unwrap().stdout);
    assert!(!told.contains(&other) && told.contains("9s"), "{told}");
    let kept = wait_for(&world, 1);
    assert!(!kept.contains(&other), "{kept}");
    // One that would be let in otherwise now is not used again.
    let other = next(&world, &["SELECT pg_backend_pid()"]);
    world.postgres.of("app", "ALTER ROLE app_orders SET statement_timeout = '8s'");
    let told = next(&world, &["SELECT pg_backend_pid()", "SHOW statement_timeout"]);
    assert!(!told.contains(other.trim()) && told.contains("8s"), "{told}");
    let other = told.lines().next().unwrap();
    // With another secret too.
    world.postgres.of("app", "ALTER ROLE app_orders PASSWORD 'next'");
    seal(&world.writ, "role-orders-db", "app_orders:next");
    let told = next(&world, &["SELECT pg_backend_pid()"]);
    assert!(!told.contains(other), "{told}");
    // One that the server has ended is not given to anybody.
    world
        .postgres
        .of("app", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app_orders'");
    world.ok("SELECT 1");
    wait_for(&world, 1);
    world.writ.ok(&["kill", "identity", "acme/bot", "--reason", "test"]);
    wait_for(&world, 0);
    let said = world.denied("SELECT 1");
    assert!(said.contains("is suspended"), "{said}");
}

#[test]
fn what_did_what_nobody_can_tell_is_not_kept() {
    let administers = "kind = \"permit\"\nactions = [\"use\", \"administer\"]\nresources = [\"session\"]";
    let world = World::pooled_under(&clause(administers), 2);
    world.ok("DO 'BEGIN END'");
    wait_for(&world, 0);
    world.ok("SELECT 1");
    wait_for(&world, 1);
}

/// What the gateway asks of its own before a session is the machine's is answered by the server's operators, whichever path
/// the client chose.
#[test]
fn nobodys_operators_are_run_before_a_session() {
    let world = World::pooled(1);
    let plant = |operator: &str, left: &str, right: &str, returns: &str, value: &str| {
        format!(
            "CREATE FUNCTION evil.f_{returns}({left}, {right}) RETURNS {returns} LANGUAGE sql VOLATILE AS \
             'INSERT INTO evil.planted VALUES (1); SELECT {value}'; \
             CREATE OPERATOR evil.{operator} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = evil.f_{returns});"
        )
    };
    let text_of = |left, right| plant("||", left, right, "text", "''x''::text");
    let is = |operator, of| plant(operator, of, of, "boolean", "true");
    let planted = [
        "CREATE SCHEMA evil; CREATE TABLE evil.planted (x int); GRANT ALL ON SCHEMA evil TO PUBLIC; \
         GRANT ALL ON evil.planted TO PUBLIC;"
            .to_owned(),
        text_of("oid", "oid"),
        text_of("oid", "text"),
        text_of("text", "oid"),
        text_of("text", "text"),
        is("=", "name"),
        is("=", "oid"),
        is(">", "timestamptz"),
    ];
    world.postgres.of("app", &planted.concat());
    for path in ["evil,pg_catalog", "evil"] {
        let mut psql = world.psql();
        psql.env("PGOPTIONS", format!("-c search_path={path}")).args(["-c", "SELECT 1"]);
        for _ in 0..2 {
            let done = psql.output().unwrap();
            assert!(done.status.success(), "{}", text(&done.stderr));
            wait_for(&world, 1);
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert_eq!(world.postgres.of("app", "SELECT count(*) FROM evil.planted").trim(), "0", "{path}");
    }
}
