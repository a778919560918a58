//! Masked fields, and rows that are limited: what a machine is given, by software nobody here wrote.

use super::tools::done;
use super::{World, clause, here, permit, text};
use crate::harness::wait;
use serde_json::json;
use std::process::Command;

/// `verdict TAB statement`, a line each; `#` begins a comment.
const STATEMENTS: &str = include_str!("masking.sql");

/// What the machine may do to what is masked, and beside it.
fn rights() -> String {
    [
        permit("\"use\"", "\"session\""),
        permit(
            "\"read\", \"insert\", \"update\", \"delete\", \"define\"",
            "\"customers\", \"patterned\", \"orders\"",
        ),
        permit("\"call\", \"notify\"", "\"routines\""),
        permit("\"read\"", "\"catalogue\""),
    ]
    .concat()
}

/// Each method once, and what is looked for.
fn masks() -> String {
    let of = |what: &str, method: &str, resources: &str| {
        clause(&format!(
            "kind = \"masking\"\n{what}\nmethod = \"{method}\"\nonly = {{ resources = [{resources}] }}"
        ))
    };
    let customers = "\"customers\"";
    [
        "## Masks\n\n".to_owned(),
        of("fields = [\"customers.email\", \"clients.email\"]", "hash", "\"customers\", \"patterned\""),
        of("fields = [\"customers.iban\", \"customers.card\"]", "truncate", customers),
        of("fields = [\"public.customers.ref\"]", "tokenise", customers),
        of("fields = [\"birth\", \"doc\"]", "drop", customers),
        of("fields = [\"customers.photo\"]", "null", customers),
        of("detect = [\"payment-card\", \"email\"]", "truncate", customers),
    ]
    .concat()
}

/// Nothing of this is in any answer.
const SECRETS: &[&str] =
    &["secret.example", "DE89", "41111111", "4111 1111", "1815", "11111111-2222", "Secretville", "5ec2e7"];

const STATE: &str = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (SELECT id, c::text FROM public.customers c \
    UNION ALL SELECT id, o::text FROM public.orders o UNION ALL SELECT 0, relname FROM pg_class WHERE oid > 16384) t";

const THREE_ROWS: &str = "kind = \"statement\"\nrows = 3\nonly = { resources = [\"orders\"] }";

/// Orders three at a time, and customers without what they are written to.
pub(crate) fn limited_and_masked() -> World {
    World::under(&format!("{}{}## Limits\n\n{}", rights(), masks(), clause(THREE_ROWS)))
}

#[test]
fn nothing_that_is_masked_gets_out() {
    let mut world = World::under(&(rights() + &masks()));
    let before = world.postgres.of("app", STATE);
    let mut wrong = Vec::new();
    let (mut denied, mut allowed) = (0, 0);
    for (number, line) in STATEMENTS.lines().enumerate() {
        let number = number + 1;
        let Some((verdict, statement)) = line.split_once('\t') else {
            assert!(line.is_empty() || line.starts_with('#'), "line {number}: {line}");
            continue;
        };
        let texts: Vec<&str> = statement.split(" ;; ").collect();
        let done = world.run(&texts);
        let (told, said) = (text(&done.stdout), text(&done.stderr));
        match verdict {
            "deny" => {
                denied += 1;
                let masked = said.contains("not permitted by clause 2.") || said.contains("cannot be masked");
                if !masked {
                    wrong
                        .push(format!("line {number}: not for what is masked: {statement}\n   {said}{told}"));
                }
            }
            "other" => {
                denied += 1;
                if !said.contains("not permitted by clause 0.1") {
                    wrong.push(format!("line {number}: let through: {statement}\n   {said}{told}"));
                }
            }
            "allow" => {
                allowed += 1;
                if !done.status.success() || !said.is_empty() {
                    wrong.push(format!("line {number}: refused: {statement}\n   {said}"));
                }
            }
            other => panic!("line {number}: verdict `{other}`"),
        }
        for secret in SECRETS.iter().filter(|secret| told.contains(**secret)) {
            wrong.push(format!("line {number}: told `{secret}`: {statement}\n   {told}"));
        }
        if world.postgres.of("app", STATE) != before {
            wrong.push(format!("line {number}: CHANGED the database: {statement}"));
            break;
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(denied >= 110 && allowed >= 38, "{denied} denied and {allowed} allowed: the list was cut");
    world.writ.assert_verifies();
}

#[test]
fn what_stands_in_place_of_a_value() {
    let mut world = World::under(&(rights() + &masks()));
    let row = world.ok("SELECT * FROM customers WHERE id = 1");
    let fields: Vec<&str> = row.split('|').collect();
    let [id, name, email, iban, card, birth, token, doc, photo, note] = fields[..] else { panic!("{row}") };
    assert_eq!((id, name, iban, card, birth, doc, photo), ("1", "ada", "3000", "", "", "", ""));
    assert!(email.len() == 64 && email.bytes().all(|byte| byte.is_ascii_hexdigit()), "{email}");
    assert!(token.len() == 36 && token.as_bytes()[14] == b'8', "a UUID of version 8: {token}");
    assert_eq!(note, "call\tada: ***************1111 or **************mple");
    // How much of it was masked is on record, and none of it.
    let sessions = world.writ.json(&["session", "list"]);
    let opened = sessions.as_array().unwrap().last().unwrap()["index"].to_string();
    let outcome = || world.writ.json(&["session", "show", &opened])["statements"][0]["outcome"].clone();
    wait("the outcome is recorded", || !outcome().is_null());
    let masked = json!([
        { "what": "field", "count": 7 }, { "what": "email", "count": 1 }, { "what": "payment-card", "count": 1 }
    ]);
    assert_eq!(outcome()["masked"], masked);
    let table = world.writ.ok(&["session", "show", &opened]);
    assert!(table.contains("complete, masked: field 7, email 1, payment-card 1"), "{table}");
    let again = world.writ.ok(&["session", "replay", &opened, "--speed", "1000"]);
    assert!(again.contains("-- complete, 1 row, masked: field 7, email 1, payment-card 1\n"), "{again}");

    // NULL is NULL, and what has nothing in it is as it was.
    assert_eq!(world.ok("SELECT iban IS NULL, note FROM customers WHERE id = 2"), "t|nothing to hide");

    // The same stand-in for the same value, whichever way it comes; a copy as the server writes copies.
    let copied = world.ok("COPY customers (id, email, ref, iban, note) TO STDOUT");
    let first: Vec<&str> = copied.lines().next().unwrap().split('\t').collect();
    assert_eq!(first, ["1", email, token, "3000", "call\\tada: ***************1111 or **************mple"]);
    assert!(copied.lines().nth(1).unwrap().contains("\\N\t\\N\tnothing to hide"), "{copied}");

    // What the server would tell of a row that fails.
    let said = world.denied("UPDATE customers SET email = 'forbidden' WHERE id = 1");
    assert!(
        said.contains("23514") && said.contains("DETAIL:  withheld: clause 2.1 of `orders-db`"),
        "{said}"
    );
    assert!(!said.contains("Failing row") && !said.contains("secret"), "{said}");
    let said = world.denied("UPDATE customers SET name = email WHERE id = 1");
    assert!(said.contains("WR001: not permitted by clause 2.1"), "{said}");
    assert!(said.contains("shall be replaced by a keyed digest before the answer is released"), "{said}");

    // What the server says of a value it cannot read: what is looked for is not told there either.
    for tells in [
        "SELECT note::int FROM customers WHERE id = 1",
        "SELECT (note || 'x')::int FROM customers WHERE id = 1",
    ] {
        let said = world.denied(tells);
        assert!(said.contains("22P02: invalid input syntax for type integer: \"call"), "{said}");
        assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "{said}");
    }

    // Both formats of both protocols, by psycopg2 and by node's `pg` as they come.
    let printed =
        Command::new("/usr/bin/python3").arg(here("masked.py")).arg(world.conninfo()).output().unwrap();
    let said = text(&printed.stdout);
    assert!(printed.status.success(), "{said}{}", text(&printed.stderr));
    assert!(
        said.contains(email) && said.contains(token) && said.contains("('3000', None, None, None)"),
        "{said}"
    );
    assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "{said}");
    world.writ.assert_verifies();
}

#[test]
fn a_dump_is_masked() {
    let any = clause("kind = \"permit\"\nactions = \"any\"\nresources = \"any\"");
    let world = World::under(&(any + &masks()));
    let dumped = done(world.tool("pg_dump", &["-t", "public.customers", "-t", "public.orders"]));
    assert!(dumped.contains("\t3000\t\\N\t\\N\t") && dumped.contains("nothing to hide"), "{dumped}");
    assert!(SECRETS.iter().all(|secret| !dumped.contains(secret)), "{dumped}");
    assert!(dumped.contains("COPY public.orders") && dumped.contains("CREATE TABLE public.customers"));
    // As INSERT statements it is read with a cursor.
    let dumped = done(world.tool("pg_dump", &["-t", "public.customers", "--data-only", "--inserts"]));
    assert!(dumped.contains("INSERT INTO public.customers VALUES (1, 'ada', '"), "{dumped}");
    assert!(SECRETS.iter().all(|secret| !dumped.contains(secret)), "{dumped}");
}

#[test]
fn a_statement_has_no_more_rows_than_its_clause_lets_it() {
    let quota = "kind = \"quota\"\nmeter = \"rows\"\nlimit = 10\nwindow = \"1 hour\"\nonly = { resources = [\"customers\"] }";
    let limits = format!("## Limits\n\n{}{}", clause(THREE_ROWS), clause(quota));
    let mut world = World::under(&(rights() + &limits));
    world
        .postgres
        .of("app", "INSERT INTO public.orders (customer) SELECT 'more' FROM generate_series(1, 100)");
    let state = |world: &World| {
        world.postgres.of("app", "SELECT count(*), count(*) FILTER (WHERE state = 'x') FROM public.orders")
    };
    let (full, name) = ("there are more rows than clause 2.1 of `orders-db` lets a statement have", "WR001");
    assert_eq!(world.ok("SELECT id FROM orders ORDER BY id LIMIT 3"), "1\n2\n3");
    for beyond in [
        "SELECT id FROM orders",
        "SELECT id FROM orders LIMIT 4",
        "UPDATE orders SET state = 'x'",
        "UPDATE orders SET state = 'x' WHERE id > 0 RETURNING id",
        "DELETE FROM orders WHERE id > 10",
        "INSERT INTO orders (customer) SELECT 'x' FROM generate_series(1, 4)",
        "INSERT INTO orders (customer) VALUES ('a'), ('b'), ('c'), ('d') RETURNING id",
        "MERGE INTO orders o USING (SELECT generate_series(1, 100) AS id) s ON o.id = s.id + 10 WHEN MATCHED THEN DELETE",
    ] {
        let said = world.denied(beyond);
        assert!(said.contains(full) && said.contains(name), "{beyond}: {said}");
        assert_eq!(state(&world), "103|0", "{beyond}");
    }
    // What nobody could count in time.
    for unknown in [
        "SELECT 1; UPDATE orders SET state = 'x'",
        "WITH d AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM d",
        "EXPLAIN ANALYZE DELETE FROM orders",
        "DROP TABLE orders",
        "ALTER TABLE orders ALTER COLUMN state TYPE text USING 'x'",
        "COPY orders (customer) FROM STDIN",
    ] {
        let said = world.denied(unknown);
        assert!(said.contains("WR001: not permitted by clause 2.1"), "{unknown}: {said}");
        assert_eq!(state(&world), "103|0", "{unknown}");
    }
    let done = world
        .run(&["PREPARE u AS UPDATE orders SET state = 'x'", "EXPLAIN (ANALYZE, FORMAT json) EXECUTE u"]);
    assert!(text(&done.stderr).contains("EXPLAIN does not say how many rows"), "{}", text(&done.stderr));
    assert_eq!(state(&world), "103|0");
    // A transaction that met it is aborted, and the session goes on.
    let done = world.run(&[
        "BEGIN",
        "UPDATE orders SET state = 'x' WHERE id = 1",
        "UPDATE orders SET state = 'x'",
        "COMMIT",
        "SELECT 'on'",
    ]);
    assert!(
        text(&done.stderr).contains(full) && text(&done.stdout).ends_with("on\n"),
        "{}",
        text(&done.stderr)
    );
    assert_eq!(state(&world), "103|0");
    // What is within it is as ever, also as it is fetched piece by piece, and by drivers that prepare.
    world.ok("UPDATE orders SET customer = 'y' WHERE id IN (1, 2, 3)");
    assert_eq!(
        world
            .run(&[
                "BEGIN",
                "DECLARE c CURSOR FOR SELECT id FROM orders ORDER BY id",
                "FETCH 3 FROM c",
                "FETCH 3 FROM c"
            ])
            .stdout,
        b"1\n2\n3\n4\n5\n6\n"
    );
    let printed =
        Command::new("/usr/bin/python3").arg(here("limited.py")).arg(world.conninfo()).output().unwrap();
    assert!(printed.status.success(), "{}{}", text(&printed.stdout), text(&printed.stderr));
    assert_eq!(state(&world), "103|0");

    // Ten rows of customers in an hour: two a time, and a restart gives none back.
    for _ in 0..4 {
        world.ok("SELECT id FROM customers");
    }
    world.ok("SELECT id FROM customers LIMIT 1");
    // Rows that are changed are given to nobody: not now, and not as they are counted again.
    world.ok("UPDATE customers SET name = name WHERE id = 1");
    let said = world.denied("SELECT id FROM customers");
    assert!(said.contains("WR003") && said.contains("clause 2.2 of `orders-db` leaves for now"), "{said}");
    let said = world.denied("SELECT id FROM customers LIMIT 1");
    assert!(said.contains("WR003"), "{said}");
    world.writ.stop();
    world.writ.up();
    let said = world.denied("SELECT id FROM customers LIMIT 1");
    assert!(said.contains("WR003"), "a restart gives nobody a fresh quota: {said}");
    world.writ.assert_verifies();
}
