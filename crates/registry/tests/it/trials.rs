//! Trials: drafts only, for a while, and not too many of them.

use crate::world::{DAY, World};
use registry::admit::{TRIAL_MAX_MS, TRIALS_MAX};
use registry::{Command, Event, InstrumentId, InstrumentTerms};

fn begin(world: &World, instrument: InstrumentId) -> Command {
    Command::TryInstrument { instrument, until_ms: world.now_ms + DAY }
}

#[test]
fn a_draft_is_tried_for_a_while_and_what_is_signed_is_not() {
    let (mut world, acme, forge, people) = World::new();
    let machine = world.active(acme, &people);
    let service = world.service(forge, people[3]);
    let draft = world.draft_with(1, (forge, service), (acme, machine), InstrumentTerms::default());
    let tried = |world: &World| world.state.instruments[&draft].is_tried(world.now_ms);
    assert!(!tried(&world));
    let none = world.refused(Command::EndTrial { instrument: draft });
    assert_eq!(none, "`deal` version 1 is not tried");
    for until_ms in [0, world.now_ms, world.now_ms + TRIAL_MAX_MS + 1] {
        let refused = world.refused(Command::TryInstrument { instrument: draft, until_ms });
        assert!(refused.contains("has ended, or is too long"), "{refused}");
    }
    assert!(matches!(world.ok(begin(&world, draft))[..], [Event::TrialBegun { .. }]));
    assert!(tried(&world));
    world.now_ms += DAY;
    assert!(!tried(&world), "it ran out");
    world.ok(begin(&world, draft));
    world.ok(begin(&world, draft));
    world.ok(Command::EndTrial { instrument: draft });
    assert!(!tried(&world));

    world.ok(begin(&world, draft));
    let reason = "not wanted".to_owned();
    world.ok(Command::EndInstrument { instrument: draft, reason });
    assert!(!tried(&world));
    let refused = world.refused(begin(&world, draft));
    assert_eq!(refused, "`deal` version 1 is ended");
    let unknown = InstrumentId::from_entropy([99; 10]);
    assert!(world.refused(begin(&world, unknown)).contains("no instrument"));
}

#[test]
fn so_many_are_tried_at_a_time() {
    let (mut world, acme, forge, people) = World::new();
    let machine = world.active(acme, &people);
    let service = world.service(forge, people[3]);
    let versions = 1..=u32::try_from(TRIALS_MAX).unwrap() + 1;
    let drafts: Vec<InstrumentId> = versions
        .map(|version| {
            world.draft_with(version, (forge, service), (acme, machine), InstrumentTerms::default())
        })
        .collect();
    let (last, first) = drafts.split_last().unwrap();
    first.iter().for_each(|draft| drop(world.ok(begin(&world, *draft))));
    assert_eq!(world.refused(begin(&world, *last)), "16 drafts are tried already");
    world.ok(begin(&world, first[0]));
    world.ok(Command::EndTrial { instrument: first[0] });
    world.ok(begin(&world, *last));
}
