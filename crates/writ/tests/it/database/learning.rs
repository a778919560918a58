//! A charter that is proposed from what a machine did: it permits that, and nothing else.

use super::{World, text};

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

    // In force, it lets through what it was learned from, and refuses what the contract alone permits.
    world.writ.ok(&["check", path]);
    world.writ.ok(&["instrument", "draft", path]);
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
    world.writ.assert_verifies();
}
