//! The list of evasions: each is said to a real server through the gateway, and the state of the database is looked at.

use super::{World, text};

/// `verdict TAB statement`, a line each; `#` begins a comment, `~` a new group.
const EVASIONS: &str = include_str!("evasions.sql");

/// What none of them may change.
const STATE: &str = "SELECT md5(string_agg(t::text, '|')) FROM (SELECT 'u', id, name, email, password FROM public.users \
    UNION ALL SELECT 's', id, salary::text, '', '' FROM private.orders UNION ALL SELECT 'h', id, '', '', '' FROM shadow.orders \
    UNION ALL SELECT 'n', id, body, '', '' FROM public.notes \
    UNION ALL SELECT 'o', id, customer, total::text, state FROM public.orders \
    UNION ALL SELECT 'c', 0, string_agg(relname, ',' ORDER BY oid), '', '' FROM pg_class WHERE oid > 16384 AND relkind IN ('r', 'v', 'S') \
    UNION ALL SELECT 'p', 0, string_agg(proname, ',' ORDER BY oid), '', '' FROM pg_proc WHERE oid > 16384 \
    UNION ALL SELECT 'r', 0, string_agg(rolname || rolsuper::text, ',' ORDER BY oid), '', '' FROM pg_roles ORDER BY 1, 2) t";

#[test]
fn no_evasion_reaches_what_the_contract_does_not_permit() {
    let mut world = World::start();
    let before = world.postgres.of("app", STATE);
    let mut wrong = Vec::new();
    let (mut denied, mut allowed) = (0, 0);
    for (number, line) in EVASIONS.lines().enumerate() {
        let Some((verdict, statement)) = line.split_once('\t') else {
            assert!(line.is_empty() || line.starts_with('#'), "line {}: {line}", number + 1);
            continue;
        };
        let statement = statement.replace("\\n", "\n");
        // Each in a session of its own; several texts are told apart by ` ;; `.
        let texts: Vec<&str> = statement.split(" ;; ").collect();
        let done = world.run(&texts);
        let said = text(&done.stderr);
        let is_denied = said.contains("not permitted") || said.contains("is not let through");
        match verdict {
            "deny" => {
                denied += 1;
                if !is_denied {
                    wrong.push(format!(
                        "line {}: let through: {statement}\n   {said}{}",
                        number + 1,
                        text(&done.stdout)
                    ));
                }
                for secret in ["s3cret", "1000"] {
                    if text(&done.stdout).contains(secret) {
                        wrong.push(format!("line {}: told a secret: {statement}", number + 1));
                    }
                }
            }
            "allow" => {
                allowed += 1;
                if is_denied || !done.status.success() {
                    wrong.push(format!("line {}: refused: {statement}\n   {said}", number + 1));
                }
            }
            other => panic!("line {}: verdict `{other}`", number + 1),
        }
        let after = world.postgres.of("app", STATE);
        if after != before {
            wrong.push(format!("line {}: CHANGED the database: {statement}", number + 1));
            break;
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(denied >= 250 && allowed >= 30, "{denied} denied and {allowed} allowed: the list was cut");
    world.writ.assert_verifies();
}
