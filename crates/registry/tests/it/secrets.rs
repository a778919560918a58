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

/// What lives shorter than the overlap, or than it takes to the next, is not waited for.
#[test]
fn an_overlap_ends_with_the_life_of_what_overlaps() {
    let adapter = SecretSource::Adapter { url: "https://keys.example/".into(), token: None };
    let mut world = world(sourced(adapter, "{value}"));
    let half_an_hour = |world: &World| Some(world.now_ms + HOUR / 2);
    let ends_ms = half_an_hour(&world);
    rotated(&mut world, 1, "one", ends_ms);
    world.now_ms += HOUR / 2 * 66 / 100;
    let next_ms = half_an_hour(&world);
    rotated(&mut world, 2, "two", next_ms);
    let until_ms =
        |world: &World| world.state.rotating[&name("db")].retiring.as_ref().map(|(_, until_ms)| *until_ms);
    assert_eq!(until_ms(&world), ends_ms);
    world.now_ms = ends_ms.unwrap();
    writ(&mut world, SecretStep::Retired(1)).unwrap();
    // The next one is as short, and made late: the one before ends when this one is due for its own.
    world.now_ms += 60_000;
    let last = Some(world.now_ms + 30_000);
    rotated(&mut world, 3, "three", last);
    assert_eq!(until_ms(&world), Some(world.now_ms + 30_000 * 66 / 100));
}

#[test]
fn what_a_source_made_is_known_before_it_is_in_use() {
    let adapter = || SecretSource::Adapter { url: "https://keys.example/".into(), token: None };
    let mut world = world(sourced(adapter(), "{value}"));
    writ(&mut world, SecretStep::Begin(1)).unwrap();
    let made = |rotation, handle: &str| SecretStep::Made { rotation, handle: handle.into() };
    assert!(writ(&mut world, made(2, "one")).is_err(), "that did not begin");
    for bad in ["", "two\nlines", &"x".repeat(1_025)] {
        assert!(writ(&mut world, made(1, bad)).is_err(), "{bad}");
    }
    writ(&mut world, made(1, "one")).unwrap();
    assert!(writ(&mut world, made(1, "two")).is_err(), "one at a time");
    let other = SecretStep::Rotated { rotation: 1, handle: "two".into(), ends_ms: None };
    assert!(writ(&mut world, other).is_err(), "another one was made");
    // It lives: nothing takes its place before it is in use, or has ended, or people see to it.
    let vault = || sourced(SecretSource::VaultDynamic(vault("database/creds/app")), "{password}");
    for step in [step(SecretStep::ByHand), step(SecretStep::Source(Box::new(vault())))] {
        assert!(world.refused(step).contains("made a value that is not in use yet"));
    }
    writ(&mut world, SecretStep::Retired(1)).unwrap();
    assert_eq!(due(&world), Some(SecretDue::Rotate(2)), "its number is not given again");
    writ(&mut world, SecretStep::Begin(2)).unwrap();
    writ(&mut world, made(2, "two")).unwrap();
    writ(&mut world, SecretStep::Rotated { rotation: 2, handle: "two".into(), ends_ms: None }).unwrap();
    writ(&mut world, SecretStep::Begin(3)).unwrap();
    assert!(writ(&mut world, made(3, "two")).is_err(), "the end of one would end both");
    writ(&mut world, made(3, "three")).unwrap();
    world.ok(step(SecretStep::Abandon));
    assert!(world.refused(step(SecretStep::Abandon)).contains("nothing of it waits"));
    world.ok(step(SecretStep::Source(Box::new(vault()))));
    assert_eq!(due(&world), Some(SecretDue::Rotate(4)));
}

/// By hand and back, or with another server: numbers go on, and the role in use is not the one that changes.
#[test]
fn what_is_in_use_is_remembered_when_its_source_changes() {
    let mut world = world(sourced(postgres(), "{user}:{password}"));
    rotated(&mut world, 1, "app_a", None);
    world.ok(step(SecretStep::ByHand));
    world.ok(Command::SealSecret { name: name("db") });
    world.ok(step(SecretStep::Source(Box::new(sourced(postgres(), "{user}:{password}")))));
    let handle =
        |world: &World| world.state.rotating[&name("db")].current.clone().map(|current| current.handle);
    assert_eq!((handle(&world), due(&world)), (Some("app_a".into()), Some(SecretDue::Rotate(2))));
    let elsewhere = SecretSource::Postgres {
        server: "postgresql://rotator@other.example/app".into(),
        admin: name("db-admin"),
        roles: ("app_b".into(), "app_a".into()),
    };
    world.ok(step(SecretStep::Source(Box::new(sourced(elsewhere, "{user}:{password}")))));
    assert_eq!(handle(&world), Some("app_a".into()));
    // The same source at other times is no other one: nothing is due.
    rotated(&mut world, 2, "app_b", None);
    let before = world.state.rotating[&name("db")].clone();
    let slower = Sourced { every_ms: 60 * DAY, ..before.sourced.clone() };
    world.ok(step(SecretStep::Source(Box::new(slower.clone()))));
    let now = &world.state.rotating[&name("db")];
    assert_eq!(*now, registry::Rotating { sourced: slower, ..before });
}

#[test]
fn roles_that_would_end_each_other_are_refused() {
    let mut world = world(sourced(postgres(), "{user}:{password}"));
    let with = |server: &str, roles: (&str, &str)| {
        let roles = (roles.0.to_owned(), roles.1.to_owned());
        let source = SecretSource::Postgres { server: server.into(), admin: name("db-admin"), roles };
        Command::Secret {
            name: name("other"),
            step: SecretStep::Source(Box::new(sourced(source, "{user}:{password}"))),
            reason: "because".into(),
        }
    };
    let own = with("postgresql://rotator@x.example/app", ("rotator", "b"));
    assert!(world.refused(own).contains("changes the passwords of the roles"));
    for (server, shared) in
        [("postgresql://other@DB.example/else", true), ("postgresql://other@db2.example/app", false)]
    {
        let command = with(server, ("c", "app_a"));
        match shared {
            true => assert!(world.refused(command).contains("the secret `db` has one of these roles")),
            false => drop(world.ok(command)),
        }
    }
}

#[test]
fn a_failure_that_counts_or_tells_the_time_is_said_once_and_its_end_too() {
    let mut world = world(sourced(SecretSource::VaultKv(vault("secret/data/app")), "{key}"));
    let failed = |text: &str| SecretStep::Failed(text.into());
    assert_eq!(writ(&mut world, failed("expired at 1799 (3 seconds ago)")).unwrap().len(), 1);
    assert_eq!(writ(&mut world, failed("expired at 1799 (64 seconds ago)")).unwrap().len(), 0);
    assert_eq!(writ(&mut world, failed("permission denied")).unwrap().len(), 1);
    assert_eq!(writ(&mut world, SecretStep::Recovered).unwrap().len(), 1);
    assert_eq!(writ(&mut world, SecretStep::Recovered).unwrap().len(), 0);
    assert_eq!(writ(&mut world, failed("permission denied")).unwrap().len(), 1, "another time");
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
    assert!(why(with_admin("postgresql://a@h/d", ("b", "c"))).contains("by itself"));
    for (url, part) in [
        ("http://keys.example/", "in the open"),
        ("http://[::2]/", "in the open"),
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
    for local in ["http://[::1]/", "http://[::1]:9/", "http://localhost/", "http://127.0.0.1:9/x"] {
        assert_eq!(registry::address::problem(local), None);
    }
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
        assert!(why(server(bad, ("b", "c"))).contains("is not `postgresql://"), "{bad}");
    }
    assert!(why(server("postgresql://a@h/d", ("b", "b"))).contains("two different roles"));
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
