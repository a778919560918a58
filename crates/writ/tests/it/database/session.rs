//! A session from its first byte to its last.

use super::{World, clause, permit, seal};
use crate::harness::{text, wait};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

#[test]
fn psql_works_as_if_it_were_there() {
    let mut world = World::start();
    assert_eq!(world.ok("SELECT 1"), "1");
    assert_eq!(world.ok("SELECT customer FROM orders WHERE id = 1"), "ada");
    assert_eq!(
        world.ok("SELECT count(*), max(total) FROM orders o JOIN order_items i ON i.order_id = o.id"),
        "2|20"
    );
    assert_eq!(world.ok("INSERT INTO orders (customer) VALUES ('kim') RETURNING id"), "4");
    assert_eq!(
        world.ok("UPDATE orders SET state = 'paid' WHERE id = 4; SELECT state FROM orders WHERE id = 4"),
        "paid"
    );
    assert_eq!(
        world.ok("WITH gone AS (DELETE FROM orders WHERE id = 4 RETURNING id) SELECT id FROM gone"),
        "4"
    );
    assert_eq!(world.ok("SELECT total FROM order_totals WHERE state = 'paid'"), "20");
    assert_eq!(world.ok("SELECT refund(1)"), "1");
    assert_eq!(world.ok("SELECT state FROM orders WHERE id = 1"), "refunded");
    assert_eq!(
        world
            .ok("BEGIN; INSERT INTO orders (customer) VALUES ('tmp'); ROLLBACK; SELECT count(*) FROM orders"),
        "3"
    );
    assert_eq!(world.ok("\\d orders").lines().count(), 4, "{}", world.ok("\\d orders"));
    assert_eq!(
        world.ok("COPY (SELECT id, customer FROM orders ORDER BY id LIMIT 2) TO STDOUT"),
        "1\tada\n2\tbob"
    );

    // COPY both ways by psql's own command.
    let file = world.writ.path("orders.csv");
    std::fs::write(&file, "zoe,5\nyan,6\n").unwrap();
    world.ok(&format!("\\copy orders (customer, total) FROM '{}' CSV", file.display()));
    assert_eq!(world.ok("SELECT sum(total) FROM orders WHERE customer IN ('zoe', 'yan')"), "11");

    // The server's own log knows the session by the decision that opened it.
    assert!(
        world.denied("SET application_name = 'other'; SELECT 1").contains("stands with others in one text")
    );
    let named = world.run(&["SET application_name = 'other'", "SELECT current_setting('application_name')"]);
    assert!(text(&named.stdout).starts_with("writ.localhost/writ/decisions/"), "{}", text(&named.stdout));
    // The gateway leaves as one should, also where it only reads the catalog.
    let log = world.postgres.log();
    assert!(!log.contains("unexpected EOF") && !log.contains("could not receive data"), "{log}");
    world.writ.assert_verifies();
}

/// With `trace=on` each statement in the server's own log can be found in ours.
#[test]
fn the_servers_own_log_names_each_statement() {
    let mut world = World::traced();
    let opened = |world: &World| {
        let sessions = world.writ.json(&["session", "list"]);
        sessions.as_array().unwrap().last().unwrap()["index"].to_string()
    };
    let texts = [
        "SELECT 1 -- one",
        "SELECT * FROM users",
        "SELECT customer FROM orders WHERE id = 1; SELECT 2",
        "SET application_name = 'other'",
        "COPY (SELECT id FROM orders) TO STDOUT",
    ];
    world.run(&texts);
    let session = opened(&world);
    let log = world.postgres.log();
    let marked = |text: &str, number: u32| format!("{text}/*writ:{session}.{number}*/");
    for there in [marked("SELECT 1 -- one\n", 1), marked("id = 1; SELECT 2 ", 3), marked("TO STDOUT ", 5)] {
        assert!(log.contains(&there.replace('\n', "\n\t")), "{there}: {log}");
    }
    assert!(log.contains(&format!("decisions/{session}' /*writ:{session}.4*/")), "{log}");
    assert!(!log.contains(&format!("writ:{session}.2*/")), "it was denied: {log}");
    for (number, text) in [(1, texts[0]), (3, texts[2]), (5, texts[4])] {
        for which in [format!("{session}.{number}"), format!("writ:{session}.{number}")] {
            let shown = world.writ.json(&["session", "show", &which]);
            let statements = shown["statements"].as_array().unwrap();
            assert_eq!(statements.len(), 1, "{shown}");
            assert_eq!(statements[0]["decision"]["request"], text);
            assert_eq!(statements[0]["decision"]["trace"], format!("{session}.{number}"));
        }
    }
    let denied = world.writ.json(&["session", "show", &format!("/*writ:{session}.2*/")]);
    assert_eq!(denied["statements"][0]["decision"]["kind"], "denied");
    let none = world.writ.run(&["session", "show", &format!("{session}.6")]);
    assert!(text(&none.stderr).contains("nothing is on record of"), "{}", text(&none.stderr));
    let again = world.writ.ok(&["session", "replay", &format!("{session}.1"), "--speed", "1000"]);
    assert!(again.contains("SELECT 1 -- one") && !again.contains("SELECT 2"), "{again}");
    assert!(world.writ.ok(&["session", "show", &session]).contains(&format!("({session}.3)")));

    // A statement that is prepared once is the same text each time it runs.
    let script = world.writ.path("prepared.sql");
    std::fs::write(&script, "SELECT customer FROM orders WHERE id = 2;\n").unwrap();
    let of = |shown: Value| shown["statements"].as_array().unwrap().clone();
    for (mode, times) in [("prepared", 3), ("extended", 1)] {
        let mut pgbench = Command::new("pgbench");
        let pgbench = pgbench.args(["-n", "-M", mode, "-t", "3", "-f"]).arg(&script).arg(world.conninfo());
        let ran = pgbench.output().unwrap();
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let session = opened(&world);
        let all = of(world.writ.json(&["session", "show", &session]));
        let last = all.last().unwrap()["decision"]["trace"].as_str().unwrap();
        assert_eq!(of(world.writ.json(&["session", "show", last])).len(), times, "{mode}");
        let log = world.postgres.log();
        assert!(log.contains(&format!("WHERE id = 2; /*writ:{last}*/")), "{mode}: {log}");
    }
    world.writ.assert_verifies();
}

#[test]
fn a_denial_cites_the_clause_and_the_session_lives() {
    let mut world = World::start();
    let said = world.denied("SELECT * FROM users");
    assert!(said.contains("ERROR:  WR002: not permitted by clause 0.1 of `orders-db`"), "{said}");
    assert!(said.contains("`acme/bot` may not read `people` of the service `shop-db`"), "{said}");
    assert!(said.contains("`writ why writ.localhost/writ/decisions/"), "{said}");

    let said = world.denied("UPDATE notes SET body = 'x' WHERE id = 1");
    assert!(said.contains("ERROR:  WR001: not permitted by clause 1.11 of `orders-db`"), "{said}");
    assert!(said.contains("shall not **update** `notes`, unless"), "{said}");
    let said = world.denied("DO $$ BEGIN DELETE FROM users; END $$");
    assert!(
        said.contains("It counts as administration because DO runs code that nobody can look into"),
        "{said}"
    );
    assert!(world.denied("SELEKT 1").contains("42601"), "no SQL");

    // The purpose that lifts the prohibition, in each of the three ways to declare it.
    let lifted = "UPDATE notes SET body = 'erased' WHERE id = 1";
    assert_eq!(world.run(&["SET writ.purpose = 'erasure on request'", lifted]).status.code(), Some(0));
    let mut psql = world.psql();
    psql.env("PGOPTIONS", "-c writ.purpose=erasure\\ on\\ request");
    assert!(psql.args(["-c", lifted]).status().unwrap().success());
    assert!(!world.run(&[lifted]).status.success());

    // Within one session: an error, and it goes on; a transaction that met one is aborted, as PostgreSQL does it.
    let mut psql = world.psql();
    let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let script = "SELECT 'before';\nSELECT * FROM users;\nSELECT 'after';\nBEGIN;\nINSERT INTO orders (customer) VALUES ('lost');\nDELETE FROM users WHERE id = 1;\nSELECT 'aborted';\nROLLBACK;\nSELECT 'again', count(*) FROM orders;\n";
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(text(&done.stdout), "before\nafter\nagain|3\n", "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("current transaction is aborted"), "{}", text(&done.stderr));

    // What was denied is on record with its words; nothing of it reached the server.
    let rows: Vec<Value> = serde_json::Deserializer::from_str(&world.writ.ok(&["log", "--json"]))
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let denied = rows
        .iter()
        .find(|row| row["request"].as_str().is_some_and(|text| text.contains("SELECT * FROM users")))
        .unwrap();
    assert_eq!(denied["kind"], "denied");
    assert_eq!((&denied["action"], &denied["resource"]), (&"read".into(), &"people".into()));
    assert!(!world.postgres.log().contains("DELETE FROM users WHERE id = 1"));

    // The session as it was: what was said, what became of it.
    let sessions = world.writ.json(&["session", "list"]);
    let opened = sessions.as_array().unwrap().last().unwrap()["index"].to_string();
    let shown = world.writ.json(&["session", "show", &opened]);
    let said: Vec<(&str, &str)> = shown["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|said| {
            (said["decision"]["request"].as_str().unwrap(), said["decision"]["kind"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        said[..3],
        [
            ("SELECT 'before';", "permitted"),
            ("SELECT * FROM users;", "denied"),
            ("SELECT 'after';", "permitted")
        ]
    );
    assert_eq!(shown["statements"][4]["outcome"]["rows"], 1, "{shown}");
    assert_eq!(shown["statements"][6]["outcome"]["error"], "25P02", "{shown}");
    let table = world.writ.ok(&["session", "show", &opened]);
    assert!(table.contains("denied by 0.1") && table.contains("failed 25P02"), "{table}");
    let again = world.writ.ok(&["session", "replay", &opened, "--speed", "1000"]);
    assert!(
        again.contains("INSERT INTO orders (customer) VALUES ('lost');\n-- complete, 1 row\n"),
        "{again}"
    );
    // What became of each, in the log as people read it.
    let log = world.writ.ok(&["log", "--lines", "100"]);
    assert!(log.contains("complete, 1 row\n") && log.contains("complete, SQLSTATE 25P02\n"), "{log}");
    let outcome = shown["statements"][4]["outcome"]["index"].to_string();
    let why = world.writ.ok(&["why", &outcome]);
    assert!(why.contains("ended: complete, 1 row, 52 bytes up, 0 bytes down, after "), "{why}");
    world.writ.assert_verifies();
}

#[test]
fn a_transaction_is_open_no_longer_than_its_clause_lets_it() {
    let world = World::start();
    // Within the time, and with what is not limited: as ever.
    let within = world.run(&["BEGIN", "SELECT count(*) FROM notes", "COMMIT", "SELECT pg_sleep(2.5)"]);
    assert_eq!(text(&within.stdout), "1\n\n", "{}", text(&within.stderr));
    let mut psql = world.psql();
    let done = psql
        .args([
            "-c",
            "BEGIN",
            "-c",
            "INSERT INTO orders (customer) VALUES ('lost')",
            "-c",
            "SELECT body FROM notes",
            "-c",
            "SELECT pg_sleep(300)",
        ])
        .output()
        .unwrap();
    let said = text(&done.stderr);
    assert!(
        said.contains("a transaction is open for longer than clause 1.10 of `orders-db` lets it"),
        "{said}"
    );
    assert!(
        said.contains("shall keep no transaction with a database open for more than 2 seconds"),
        "{said}"
    );
    assert_eq!(world.postgres.of("app", "SELECT count(*) FROM orders WHERE customer = 'lost'"), "0");
    // A statement by itself is a transaction too.
    assert!(world.denied("SELECT pg_sleep(300), count(*) FROM notes").contains("open for longer"));
    assert_eq!(world.ok("SELECT 1"), "1");
}

#[test]
fn who_may_not_begin_is_told_why() {
    let world = World::start();
    let refused = |conninfo: &str| {
        let done =
            Command::new("psql").args(["-X", "-w", "-d", conninfo, "-c", "SELECT 1"]).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{}", text(&done.stdout));
        text(&done.stderr)
    };
    let all = world.conninfo();
    let with = |from: &str, to: &str| all.replace(from, to);
    assert!(refused(&with("sslmode=verify-full", "sslmode=disable")).contains("machines connect over TLS"));
    let bare = all.split(" sslcert=").next().unwrap();
    let said = refused(&format!("{bare} sslcert=/nowhere"));
    assert!(said.contains("no password supplied"), "{said}");
    assert!(
        refused(&with("dbname=app", "dbname=postgres"))
            .contains("the service `shop-db` is the database `app`")
    );
    assert!(
        refused(&with("host=shop-db.localhost", "host=localhost"))
            .contains("no service has the host name `localhost`")
    );
    assert!(
        refused(&format!("{all} options='-c role=postgres'"))
            .contains("whose rights are used is given by the contract")
    );
    let said = refused(&format!("{all} replication=database"));
    assert!(said.contains("replication is not let through"), "{said}");
    assert!(said.contains("This is decision writ.localhost/writ/decisions/"), "{said}");

    // What somebody with a certificate asked for and did not get is on record.
    let denied = world.writ.ok(&["log", "--json"]);
    let denied: Vec<Value> =
        serde_json::Deserializer::from_str(&denied).into_iter().map(Result::unwrap).collect();
    let reasons: Vec<&str> = denied.iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["request-ambiguous", "no-such-service", "nothing-permits", "nothing-permits"]);
    assert!(denied.iter().all(|row| row["kind"] == "denied" && row["machine"] == "acme/bot"), "{denied:?}");
    assert!(denied[2]["request"].as_str().unwrap().contains("options=-c role=postgres"), "{denied:?}");

    // A secret that is not right, and one that is not there.
    seal(&world.writ, "role-orders-db", "app_orders:wrong");
    assert!(refused(&all).contains("password authentication failed"));
    seal(&world.writ, "role-orders-db", "nothing of that form");
    assert!(refused(&all).contains("is not of the form `user:password`"));
    let failed = || world.writ.ok(&["log", "--json"]).matches("\"reason\":\"upstream failed\"").count();
    wait("both outcomes are on record", || failed() == 2);
}

#[test]
fn a_stop_ends_sessions_between_their_transactions() {
    let mut world = World::start();
    let begin = |text: &str| {
        let mut psql = world.psql();
        let mut child =
            psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        child
    };
    let sessions = |states: &str| {
        world.postgres.admin(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app_orders' AND application_name <> 'writ catalog' AND state {states}"
        ))
    };
    let said = |mut child: Child| {
        child.stdin.as_mut().unwrap().write_all(b"SELECT 1;\n").unwrap();
        text(&child.wait_with_output().unwrap().stderr)
    };
    let idle = begin("SELECT 'here';\n");
    wait("it has nothing to do", || sessions("= 'idle'") == "1");
    let mut busy = begin("BEGIN;\nINSERT INTO orders (customer) VALUES ('last');\n");
    wait("it is in its transaction", || sessions("= 'idle in transaction'") == "1");
    crate::harness::signal(world.writ.pid(), "TERM");
    wait("one ends", || sessions("= 'idle'") == "0");
    let told = said(idle);
    assert!(told.contains("the gateway is stopping"), "{told}");
    // What is under way comes to its end.
    assert_eq!(sessions("= 'idle in transaction'"), "1");
    busy.stdin.as_mut().unwrap().write_all(b"COMMIT;\n").unwrap();
    wait("the other ends", || sessions("IS NOT NULL") == "0");
    let told = said(busy);
    assert!(told.contains("the gateway is stopping"), "{told}");
    world.writ.stop();
    assert!(!world.writ.log().contains("did not end in time"), "{}", world.writ.log());
    assert_eq!(world.postgres.of("app", "SELECT count(*) FROM orders WHERE customer = 'last'"), "1");
}

#[test]
fn what_runs_is_cancelled_and_what_is_stopped_ends() {
    let world = World::start();
    let running = |what: &str| {
        world.postgres.admin(&format!("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{what}%' AND usename = 'app_orders'"))
    };
    // ^C in psql: a connection of its own, without TLS, with a key.
    let mut sleeping = world.psql();
    let child =
        sleeping.args(["-c", "SELECT pg_sleep(300) /* one */"]).stderr(Stdio::piped()).spawn().unwrap();
    wait("it sleeps", || running("one") == "1");
    crate::harness::signal(child.id(), "INT");
    let done = child.wait_with_output().unwrap();
    assert!(text(&done.stderr).contains("canceling statement due to user request"), "{}", text(&done.stderr));

    // A client that goes away takes what it ran with it.
    let mut sleeping = world.psql();
    let mut child = sleeping.args(["-c", "SELECT pg_sleep(300) /* two */"]).spawn().unwrap();
    wait("it sleeps", || running("two") == "1");
    child.kill().unwrap();
    child.wait().unwrap();
    wait("it is cancelled", || running("two") == "0");

    // A kill ends the session with its reason, and what it ran.
    let mut sleeping = world.psql();
    let child =
        sleeping.args(["-c", "SELECT pg_sleep(300) /* three */"]).stderr(Stdio::piped()).spawn().unwrap();
    wait("it sleeps", || running("three") == "1");
    world.writ.ok(&["kill", "identity", "acme/bot", "--reason", "it went mad"]);
    let done = child.wait_with_output().unwrap();
    let said = text(&done.stderr);
    assert!(
        said.contains("the right to this session ended") && said.contains("`acme/bot` is suspended"),
        "{said}"
    );
    wait("it is cancelled", || running("three") == "0");
}

/// Values that were bound are on record, sealed, and told to whoever asks for them.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_bound_is_kept_for_fewer_eyes() {
    let world = World::start();
    let secret = "a value nobody else reads";
    let (client, _) = super::clients::through(&world).await;
    client.query("SELECT $1::text, $2::int4, $3::text", &[&secret, &7, &None::<String>]).await.unwrap();
    client.query("SELECT $1::int8, $2::bytea", &[&42_i64, &vec![0_u8, 255]]).await.unwrap();
    client.query("SELECT name FROM users WHERE name = $1", &[&secret]).await.unwrap_err();
    drop(client);
    let sessions = world.writ.json(&["session", "list"]);
    let opened = sessions.as_array().unwrap().last().unwrap()["index"].to_string();
    let without = world.writ.ok(&["session", "show", &opened, "--json"]);
    assert!(!without.contains(secret) && !without.contains("parameters"), "{without}");
    let shown = world.writ.json(&["session", "show", &opened, "--parameters"]);
    let bound: Vec<String> = shown["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|said| said["decision"]["parameters"]["values"].to_string())
        .collect();
    assert!(bound.contains(&format!(r#"["{secret}","7",null]"#)), "{bound:?}");
    assert!(bound.contains(&r#"["42","\\x00ff"]"#.to_owned()), "{bound:?}");
    let replayed = world.writ.ok(&["session", "replay", &opened, "--parameters", "--speed", "1000"]);
    assert!(replayed.contains(&format!("\\bind '{secret}' '7' NULL")), "{replayed}");
    // Nothing of it lies anywhere in the data directory.
    let mut found = Command::new("grep");
    let found = found.args(["-r", "-l", "-a", "-e", secret]).arg(world.writ.data()).output().unwrap();
    assert_eq!(text(&found.stdout), "", "grep finds nothing");
}

/// What a definition takes out of the way is not read through it, before the catalog has it.
#[test]
fn a_table_that_is_gone_hides_no_other() {
    let clauses = permit("\"use\"", "\"session\"") + &permit("\"read\", \"define\"", "\"patterned\"");
    let world = World::under(&clauses);
    world
        .postgres
        .of("app", "CREATE TABLE loose.users (id int); ALTER TABLE loose.users OWNER TO app_orders");
    world.postgres.of("app", "ALTER ROLE app_orders SET search_path = loose, public");
    assert_eq!(world.ok("SELECT count(*) FROM users"), "0");
    for texts in [
        &["DROP TABLE loose.users; SELECT * FROM users"][..],
        &["BEGIN", "DROP TABLE loose.users", "SELECT * FROM users", "ROLLBACK"],
    ] {
        let done = world.run(texts);
        assert!(text(&done.stderr).contains("not permitted"), "{texts:?}: {}", text(&done.stderr));
        assert!(!text(&done.stdout).contains("s3cret"), "{texts:?}: {}", text(&done.stdout));
    }
    // When it is gone for good the catalog has it, and the name means the other.
    world.ok("DROP TABLE loose.users");
    assert!(world.denied("SELECT * FROM users").contains("may not read `people`"));
}

/// What a client says message by message is told, with these arguments.
fn raw(world: &World, how: &[&str]) -> String {
    let done = Command::new("/usr/bin/python3")
        .arg(super::here("raw.py"))
        .args([&world.writ.gateway_port().to_string(), world.credential.to_str().unwrap()])
        .args(how)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    text(&done.stdout)
}

/// Pipelines, errors, denials, COPY, names that are given anew: the answers are those of the server, in its order, whether
/// messages come whole or byte by byte.
#[test]
fn the_protocol_is_the_servers_own_at_every_byte() {
    let world = World::start();
    let whole = raw(&world, &["100000"]);
    let expected = std::fs::read_to_string(super::here("raw.txt")).unwrap();
    assert_eq!(whole, expected, "{whole}");
    for piece in ["1", "3", "7"] {
        assert_eq!(raw(&world, &[piece]), whole, "in pieces of {piece}");
    }
    assert_eq!(raw(&world, &["100000", "newest"]), whole, "TLS at once, version 3.2");
    assert_eq!(world.postgres.of("app", "SELECT count(*) FROM orders"), "3");
}

/// Limits and masks that nothing meets change no byte, though everything is held and looked through for them.
#[test]
fn what_no_limit_meets_is_as_without_it() {
    let unmet = clause("kind = \"statement\"\nrows = 1000\nonly = { actions = [\"read\"] }")
        + &clause(
            "kind = \"masking\"\nfields = [\"nobody\"]\ndetect = [\"email\", \"payment-card\"]\nmethod = \"null\"",
        );
    let world = World::with(&format!("{}\n{unmet}", super::CONTRACT));
    let expected = std::fs::read_to_string(super::here("raw.txt")).unwrap();
    for piece in ["100000", "7"] {
        let told = raw(&world, &[piece]);
        assert_eq!(told, expected, "in pieces of {piece}: {told}");
    }
}

/// Rows beyond a limit, and masked ones, message by message.
#[test]
fn limits_and_masks_at_every_byte() {
    let world = super::masking::limited_and_masked();
    world.postgres.of("app", "INSERT INTO public.orders (customer) SELECT 'more' FROM generate_series(1, 3)");
    // Checked only when a transaction is kept.
    world.postgres.of("app", "ALTER TABLE public.customers ADD UNIQUE (email); ALTER TABLE public.order_items ALTER CONSTRAINT order_items_order_id_fkey DEFERRABLE INITIALLY DEFERRED");
    world.postgres.of("app", "CREATE TABLE public.mailed (email text REFERENCES public.customers (email) DEFERRABLE INITIALLY DEFERRED)");
    world.postgres.of("app", "INSERT INTO public.mailed SELECT email FROM public.customers");
    let whole = raw(&world, &["100000", "limited"]);
    let expected = std::fs::read_to_string(super::here("limited.txt")).unwrap();
    // Stand-ins are other ones in every installation.
    let digest = |told: &str| {
        let hex = |word: &&str| word.len() >= 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let found = told.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(hex);
        let mut told = told.to_owned();
        found.map(|word| word[word.len() - 64..].to_owned()).collect::<Vec<_>>().iter().for_each(|word| {
            told = told.replace(word, "DIGEST");
        });
        told
    };
    assert_eq!(digest(&whole), expected, "{whole}");
    for piece in ["1", "3", "7"] {
        assert_eq!(raw(&world, &[piece, "limited"]), whole, "in pieces of {piece}");
    }
}

/// A server that asks for a certificate gets the one that is sealed, and no password is anywhere.
#[test]
fn the_gateway_logs_in_with_a_certificate() {
    let mut world = World::with_tls();
    let secret = world.postgres.with_certificate("app_orders");
    let refused = world.run(&["SELECT 1"]);
    assert!(text(&refused.stderr).contains("did not let the gateway in"), "{}", text(&refused.stderr));
    seal(&world.writ, "role-orders-db", &secret);
    assert_eq!(world.ok("SELECT current_user"), "app_orders");
    assert_eq!(world.ok("SELECT customer FROM orders WHERE id = 1"), "ada");
    // Half of it is none.
    seal(&world.writ, "role-orders-db", secret.split("-----BEGIN PRIVATE").next().unwrap());
    let refused = world.run(&["SELECT 1"]);
    assert!(
        text(&refused.stderr).contains("nor a line with the user and then certificates"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn the_server_is_spoken_to_over_tls_whose_certificate_is_its_own() {
    let world = World::with_tls();
    assert_eq!(world.ok("SELECT customer FROM orders WHERE id = 1"), "ada");
    let told = "SELECT bool_and(ssl), min(version) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename = 'app_orders'";
    let mut sleeping = world.psql();
    let mut child = sleeping.args(["-c", "SELECT pg_sleep(300)"]).spawn().unwrap();
    wait("it sleeps", || world.postgres.admin(told).starts_with("t|TLSv1.3"));
    child.kill().unwrap();
    child.wait().unwrap();
    // By another name than the one its certificate is of, it is nobody.
    let other = format!(
        "name = \"other-db\"\nparty = \"forge\"\nowner = \"repo-lead\"\nhost = \"other-db.localhost\"\nupstream = \"postgresql://127.0.0.1:{}/app\"\nlogin = \"role-orders-db\"\n",
        world.postgres.port
    );
    world.writ.service(&format!("{other}[[resources]]\nname = \"orders\"\ntables = [\"public.orders\"]\n"));
    let contract = super::CONTRACT
        .replace("orders-db", "other-contract")
        .replace("service = \"shop-db\"", "service = \"other-db\"");
    let contract = contract.split("```clause").take(3).collect::<Vec<_>>().join("```clause");
    world.writ.contract("other-contract", &contract);
    let conninfo = world.conninfo().replace("host=shop-db.localhost", "host=other-db.localhost");
    let done = Command::new("psql").args(["-X", "-w", "-d", &conninfo, "-c", "SELECT 1"]).output().unwrap();
    let said = text(&done.stderr);
    assert!(said.contains("there is no session with the database") && said.contains("certificate"), "{said}");
}

/// A page of decisions is bounded by the texts in it, too; whoever reads on misses nothing.
#[test]
fn long_texts_fill_a_page() {
    const TEXTS: usize = 12;
    let world = World::start();
    let mut child = world.psql().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut script = child.stdin.take().unwrap();
    for n in 0..TEXTS {
        writeln!(script, "SELECT {n}, length('{}');", "x".repeat(1024 * 1024)).unwrap();
    }
    drop(script);
    assert!(child.wait_with_output().unwrap().status.success());
    let texts = |rows: &[Value]| {
        let texts = rows.iter().filter_map(|row| row["request"].as_str());
        texts.filter(|text| text.len() > 1024 * 1024).count()
    };
    let address = world.writ.address();
    let page = |from: u64| -> Vec<Value> {
        let token = format!("Authorization: Bearer {}", address["token"].as_str().unwrap());
        let url = format!("{}/v1/decisions?from={from}&limit=1000", address["api"].as_str().unwrap());
        let mut curl = Command::new("curl");
        let told = curl.args(["--silent", "--noproxy", "*", "--header", &token, &url]).output().unwrap();
        serde_json::from_slice(&told.stdout).unwrap()
    };
    let first = page(0);
    assert_eq!(texts(&first), 8, "eight megabytes, and not one more");
    let rest = page(first.last().unwrap()["index"].as_u64().unwrap() + 1);
    assert_eq!(texts(&rest), TEXTS - 8);
    // The command asks for the pages one after another.
    let sessions = world.writ.json(&["session", "list"]);
    let opened = sessions.as_array().unwrap().last().unwrap()["index"].to_string();
    let shown = world.writ.json(&["session", "show", &opened]);
    assert_eq!(shown["statements"].as_array().unwrap().len(), TEXTS);
}
