//! Secrets that renew themselves: when something is due, what is on record before and after, and what is refused.

use crate::world::{DAY, World};
use registry::{
    Actor, Command, Event, Millis, Name, Refusal, SecretDue, SecretSource, SecretStep, Sourced, Vault,
};

const HOUR: Millis = 3_600_000;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn postgres() -> SecretSource {
    SecretSource::Postgres {
        server: "postgresql://rotator@db.example/app".into(),
        admin: name("db-admin"),
        roles: ("app_a".into(), "app_b".into()),
    }
}

fn vault(path: &str) -> Vault {
    Vault {
        address: "https://vault.example".into(),
        path: path.into(),
        token: name("vault-token"),
        namespace: None,
    }
}

fn sourced(source: SecretSource, form: &str) -> Sourced {
    Sourced { source, form: form.into(), every_ms: 30 * DAY, overlap_ms: HOUR }
}

fn step(step: SecretStep) -> Command {
    Command::Secret { name: name("db"), step, reason: "because".into() }
}

fn world(sourced: Sourced) -> World {
    let (mut world, ..) = World::new();
    world.ok(Command::SealSecret { name: name("db-admin") });
    world.ok(Command::SealSecret { name: name("vault-token") });
    world.ok(step(SecretStep::Source(Box::new(sourced))));
    world
}

fn writ(world: &mut World, by_writ: SecretStep) -> Result<Vec<Event>, Refusal> {
    world.try_as(Actor::System, step(by_writ))
}

fn rotated(world: &mut World, rotation: u64, handle: &str, ends_ms: Option<Millis>) {
    writ(world, SecretStep::Begin(rotation)).unwrap();
    writ(world, SecretStep::Rotated { rotation, handle: handle.into(), ends_ms }).unwrap();
}

fn due(world: &World) -> Option<SecretDue> {
    world.state.due_secrets(world.now_ms).remove(&name("db"))
}

/// The number of the value that is due to end.
fn ending(world: &World) -> Option<u64> {
    match due(world) {
        Some(SecretDue::Retire(version)) => Some(version.rotation),
        Some(SecretDue::Rotate(_)) | None => None,
    }
}

#[test]
fn one_value_follows_another_and_ends_after_the_overlap() {
    let mut world = world(sourced(postgres(), "{user}:{password}"));
    assert_eq!(due(&world), Some(SecretDue::Rotate(1)), "the first comes at once");
    rotated(&mut world, 1, "app_a", None);
    assert_eq!(due(&world), None);
    world.now_ms += 30 * DAY - 1;
    assert_eq!(due(&world), None);
    world.now_ms += 1;
    assert_eq!(due(&world), Some(SecretDue::Rotate(2)));
    rotated(&mut world, 2, "app_b", None);
    let standing = &world.state.rotating[&name("db")];
    assert_eq!(
        standing.retiring.as_ref().map(|(version, until_ms)| (version.rotation, *until_ms)),
        Some((1, world.now_ms + HOUR))
    );
    // Whoever asks meanwhile waits for the end of the one before: there are two roles.
    world.ok(step(SecretStep::Ask { at_once: false }));
    assert_eq!(due(&world), None);
    world.now_ms += HOUR;
    assert_eq!(ending(&world), Some(1));
    assert!(writ(&mut world, SecretStep::Retired(2)).is_err(), "that one is in use");
    writ(&mut world, SecretStep::Retired(1)).unwrap();
    assert_eq!(due(&world), Some(SecretDue::Rotate(3)), "it was asked for");
}

#[test]
fn at_once_leaves_no_overlap_nor_an_earlier_one() {
    let mut world = world(sourced(postgres(), "{user}:{password}"));
    rotated(&mut world, 1, "app_a", None);
    world.ok(step(SecretStep::Ask { at_once: false }));
    rotated(&mut world, 2, "app_b", None);
    world.ok(step(SecretStep::Ask { at_once: true }));
    assert_eq!(ending(&world), Some(1), "its overlap ends now");
    writ(&mut world, SecretStep::Retired(1)).unwrap();
    rotated(&mut world, 3, "app_a", None);
    assert_eq!(ending(&world), Some(2));
}

#[test]
fn a_lease_is_replaced_before_it_ends() {
    let mut world = world(sourced(SecretSource::VaultDynamic(vault("database/creds/app")), "{password}"));
    let ends_ms = Some(world.now_ms + 100_000);
    rotated(&mut world, 1, "lease", ends_ms);
    world.now_ms += 65_999;
    assert_eq!(due(&world), None);
    world.now_ms += 1;
    assert_eq!(due(&world), Some(SecretDue::Rotate(2)));
}

#[test]
fn what_lies_in_a_kv_store_is_not_ended_from_here() {
    let mut world = world(sourced(SecretSource::VaultKv(vault("secret/data/app")), "{key}"));
    assert_eq!(due(&world), None, "it is looked at");
    rotated(&mut world, 1, "7", None);
    rotated(&mut world, 2, "8", None);
    assert_eq!((&world.state.rotating[&name("db")].retiring, due(&world)), (&None, None));
    assert!(world.refused(step(SecretStep::Ask { at_once: true })).contains("KV store"));
}

#[test]
fn a_rotation_is_on_record_before_it_and_its_failure_once() {
    let mut world = world(sourced(postgres(), "{user}:{password}"));
    let before = SecretStep::Rotated { rotation: 1, handle: "app_a".into(), ends_ms: None };
    assert!(writ(&mut world, before).is_err(), "it did not begin");
    assert!(writ(&mut world, SecretStep::Begin(2)).is_err(), "another one is next");
    assert_eq!(writ(&mut world, SecretStep::Begin(1)).unwrap().len(), 1);
    assert_eq!(writ(&mut world, SecretStep::Begin(1)).unwrap().len(), 0, "it goes on");
    let failed = || SecretStep::Failed("the server is away".into());
    assert_eq!(writ(&mut world, failed()).unwrap().len(), 1);
    assert_eq!(writ(&mut world, failed()).unwrap().len(), 0);
    assert_eq!(due(&world), Some(SecretDue::Rotate(1)), "it is tried again");
    for own in [failed(), SecretStep::Begin(1), SecretStep::Retired(1)] {
        assert_eq!(world.refused(step(own)), "only Writ itself says this");
    }
    rotated(&mut world, 1, "app_a", None);
    assert_eq!(world.state.rotating[&name("db")].failing, None);
}

#[test]
fn nothing_is_forgotten_that_is_still_to_end() {
    let mut world = world(sourced(postgres(), "{user}:{password}"));
    assert!(world.refused(Command::SealSecret { name: name("db") }).contains("renews itself"));
    rotated(&mut world, 1, "app_a", None);
    world.ok(step(SecretStep::Ask { at_once: false }));
    rotated(&mut world, 2, "app_b", None);
    let other = || sourced(SecretSource::VaultDynamic(vault("database/creds/app")), "{password}");
    for step in [step(SecretStep::ByHand), step(SecretStep::Source(Box::new(other())))] {
        assert!(world.refused(step).contains("has not ended yet"));
    }
    world.now_ms += HOUR;
    writ(&mut world, SecretStep::Retired(1)).unwrap();
    // Another source: it cannot end what this one made.
    world.ok(step(SecretStep::Source(Box::new(other()))));
    rotated(&mut world, 3, "lease", None);
    assert_eq!(ending(&world), None);
    assert_eq!(world.state.rotating[&name("db")].retiring, None);
    world.ok(step(SecretStep::ByHand));
    world.ok(Command::SealSecret { name: name("db") });
    assert!(world.refused(step(SecretStep::ByHand)).contains("does not renew itself"));
}

#[test]
fn a_source_that_would_leak_or_cannot_work_is_refused() {
    let (mut world, ..) = World::new();
    let mut why = |sourced: Sourced| world.refused(step(SecretStep::Source(Box::new(sourced))));
    assert!(why(sourced(postgres(), "{user}:{password}")).contains("`db-admin` is not sealed yet"));
    let adapter = |url: &str| sourced(SecretSource::Adapter { url: url.into(), token: None }, "{value}");
    let with_admin = |server: &str, roles: (&str, &str)| {
        let roles = (roles.0.to_owned(), roles.1.to_owned());
        sourced(SecretSource::Postgres { server: server.into(), admin: name("db"), roles }, "{user}")
    };
    assert!(why(with_admin("postgresql://a@h/d", ("a", "b"))).contains("by itself"));
    for (url, part) in [
        ("http://keys.example/", "in the open"),
        ("http://127.0.0.1.keys.example/", "in the open"),
        ("http://localhost@keys.example/", "is not `https://HOST:PORT/PATH`"),
        ("https://keys.example/?a=b", "is not `https://HOST:PORT/PATH`"),
        ("https:///path", "is not `https://HOST:PORT/PATH`"),
        ("https://keys.example/a b", "is not `https://HOST:PORT/PATH`"),
        ("ftp://keys.example/", "does not begin with https://"),
    ] {
        assert!(why(adapter(url)).contains(part), "{url}");
    }
    let times = |every_ms, overlap_ms| Sourced { every_ms, overlap_ms, ..adapter("https://keys.example/") };
    assert!(why(times(9_999, 1)).contains("`every`"));
    assert!(why(times(400 * DAY, 1)).contains("`every`"));
    assert!(why(times(DAY, DAY)).contains("`overlap`"));
    for form in ["", "value", "{value", "value}", "{}", "{a b}", "}{value}"] {
        assert!(
            why(Sourced { form: form.into(), ..adapter("https://keys.example/") }).contains("has no form"),
            "{form}"
        );
    }
    let other = Sourced { form: "{password}".into(), ..adapter("https://keys.example/") };
    assert!(why(other).contains("no field `password` in its value; there are: value"));

    world.ok(Command::SealSecret { name: name("db-admin") });
    world.ok(Command::SealSecret { name: name("vault-token") });
    let mut why = |sourced: Sourced| world.refused(step(SecretStep::Source(Box::new(sourced))));
    let server = |server: &str, roles: (&str, &str)| {
        let roles = (roles.0.to_owned(), roles.1.to_owned());
        sourced(SecretSource::Postgres { server: server.into(), admin: name("db-admin"), roles }, "{user}")
    };
    for bad in [
        "postgresql://a:word@h/d",
        "postgresql://h/d",
        "postgresql://a@h",
        "mysql://a@h/d",
        "postgresql://a@h/d?sslmode=disable",
    ] {
        assert!(why(server(bad, ("a", "b"))).contains("is not `postgresql://"), "{bad}");
    }
    assert!(why(server("postgresql://a@h/d", ("a", "a"))).contains("two different roles"));
    for bad in ["", "/a", "a//b", "a/../b", "a?b", "a%2fb"] {
        assert!(
            why(sourced(SecretSource::VaultDynamic(vault(bad)), "{a}")).contains("no path of a Vault"),
            "{bad}"
        );
    }
    assert!(
        why(sourced(SecretSource::VaultKv(vault("secret/app")), "{a}")).contains("`data` after its mount")
    );
}
