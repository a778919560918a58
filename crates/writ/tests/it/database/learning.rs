//! A charter that is proposed from what a machine did: it permits that, and nothing else.

use super::{World, text};
use crate::harness::wait;

#[test]
fn what_was_done_is_proposed_and_nothing_else() {
    let mut world = World::start();
    let file = world.writ.path("bot-charter.writ.md");
    let path = file.to_str().unwrap();
    let none = world.writ.fails(&["learn", "acme/bot"], 1);
    assert!(none.contains("there is nothing to learn from"), "{none}");

    let done = [
        "SELECT id, customer FROM orders WHERE id = 1",
        "SELECT id FROM orders ORDER BY id",
        "UPDATE orders SET state = 'seen' WHERE id = 1",
        "SELECT body FROM notes",
    ];
    done.iter().for_each(|statement| drop(world.ok(statement)));
    world.denied("SELECT * FROM users");
    let told = world.writ.run(&["learn", "acme/bot", "--out", path]);
    assert!(
        told.status.success() && text(&told.stderr).contains("read it, narrow it"),
        "{}",
        text(&told.stderr)
    );
    let draft = std::fs::read_to_string(&file).unwrap();
    for line in [
        "# read: 3 times, decisions ",
        "# update: once, decision ",
        "# Refused, and not proposed: 1 x read shop-db/people (nothing-permits).",
        "# What this cannot know: what the machine does more rarely than it was watched",
        "resources = [\"shop-db/orders\"]",
        "columns = [\"public.orders.customer\", \"public.orders.id\"]",
        "columns = [\"public.orders.state\"]",
        "which-rows = true",
        "# the busiest hour had ",
    ] {
        assert!(draft.contains(line), "{line}\n{draft}");
    }
    assert!(!draft.contains("insert") && !draft.contains("staff"), "{draft}");
    let shown = world.writ.json(&["learn", "acme/bot"]);
    assert_eq!(shown["permitted"], 9, "four statements and five sessions: {shown}");

    // Somebody reads it, and lets it be called more often.
    let (clauses, _) = draft.split_once("<!-- annex of Writ -->").unwrap();
    assert!(clauses.contains("limit = 18\n"), "{clauses}");
    let clauses = clauses.replace("limit = 18\n", "limit = 100\n");
    std::fs::write(&file, &clauses).unwrap();
    world.writ.ok(&["fmt", path]);

    // On trial, it says what it would refuse, and refuses nothing.
    world.writ.ok(&["check", path]);
    world.writ.ok(&["instrument", "draft", path]);
    world.writ.ok(&["trial", "begin", "bot-charter", "--for", "1 day"]);
    done.iter().for_each(|statement| drop(world.ok(statement)));
    world.ok("SELECT total FROM orders");
    world.ok("SELECT total FROM orders");
    world.ok("SELECT id FROM staff");
    world.denied("SELECT * FROM users");
    let said = world.writ.json(&["trial", "show", "bot-charter"]);
    assert_eq!((&said["seen"], &said["would_refuse"]), (&15.into(), &3.into()), "{said}");
    assert_eq!(said["refusals"][0]["act"], "read shop-db/orders", "{said}");
    assert_eq!(said["refusals"][0]["times"], 2, "{said}");
    let shown = world.writ.ok(&["trial", "show", "bot-charter"]);
    for told in [
        "of 15 decisions that those in force permitted and that it had a say in, it would have refused 3",
        "the Machine shall name in a statement to a database no other columns than",
        "clause 0.1",
    ] {
        assert!(shown.contains(told), "{told}\n{shown}");
    }
    let index = said["refusals"][0]["first"].to_string();
    assert!(world.writ.ok(&["why", &index]).contains("bot-charter@1 would have refused it by clause 2."));
    assert!(world.writ.ok(&["log"]).contains("(bot-charter@1 would refuse)"));
    assert!(world.writ.ok(&["trial", "list"]).contains("bot-charter@1"));

    // In force, it lets through what it was learned from, and refuses what the contract alone permits.
    world.writ.ok(&[
        "sign",
        "bot-charter",
        "--as",
        "acme/build-lead",
        "--key",
        world.writ.key("acme/build-lead").to_str().unwrap(),
    ]);
    done.iter().for_each(|statement| drop(world.ok(statement)));
    for beyond in [
        "INSERT INTO orders (customer) VALUES ('x')",
        "SELECT total FROM orders",
        "SELECT state FROM orders",
        "UPDATE orders SET customer = 'x' WHERE id = 1",
        "UPDATE notes SET body = 'x' WHERE id = 1",
        "SELECT id FROM staff",
        "SELECT refund(1)",
    ] {
        let said = world.denied(beyond);
        assert!(said.contains("of `bot-charter`"), "{beyond}: {said}");
    }
    assert!(world.writ.fails(&["trial", "begin", "bot-charter"], 1).contains("what is signed is the rule"));

    // How many rows a statement has is known when it has ended.
    let rows = "\n```clause\nkind = \"statement\"\nrows = 1\nonly = { actions = [\"read\"], resources = [\"shop-db/orders\"] }\n```\n";
    std::fs::write(&file, clauses.replace("version = 1", "version = 2") + rows).unwrap();
    world.writ.ok(&["fmt", path]);
    world.writ.ok(&["instrument", "draft", path]);
    world.writ.ok(&["trial", "begin", "bot-charter@2"]);
    world.ok(done[0]);
    world.ok(done[1]);
    // What came of it is on record a moment after it.
    let shown = || world.writ.json(&["trial", "show", "bot-charter@2"]);
    wait("the end of the statement is on record", || shown()["would_refuse"] == 1);
    let said = shown();
    assert_eq!(said["seen"], 4, "{said}");
    assert!(said["refusals"][0]["by"].as_str().unwrap().contains("more than 1 row"), "{said}");
    world.writ.ok(&["trial", "end", "bot-charter"]);
    world.ok(done[1]);
    let said = world.writ.json(&["trial", "show", "bot-charter@2"]);
    assert_eq!(said["seen"], 4, "{said}");
    world.writ.assert_verifies();
}
