//! Permits that were worked out before: given again for as long as nothing they rest on is another, and no longer.

use contract::norm::SqlTouch;
use policy::{Counters, Reason, Request, Verdict, decide, decide_together};
use registry::{Event, Millis};
use testkit::{NOW, World, document, guardrail, machine, request};

const PERMIT: &str = "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a\", \"b\"]";

struct Gateway {
    world: World,
    counters: Counters,
}

impl Gateway {
    fn with(blocks: &[&str]) -> Self {
        let mut world = World::new();
        world.instrument(&document("deal", &[&[PERMIT], blocks].concat()));
        Self { world, counters: Counters::remembering() }
    }

    /// Whether it is permitted, and whether nothing had to be worked out for that.
    fn ask(&self, request: Request) -> (Result<(), Reason>, bool) {
        let before = self.counters.given_again();
        let verdict = match decide(&self.world.rules, &self.counters, request) {
            Verdict::Permit(_) => Ok(()),
            Verdict::Denial(denial) => Err(denial.reason),
        };
        (verdict, self.counters.given_again() > before)
    }

    fn read_at(&self, now_ms: Millis) -> (Result<(), Reason>, bool) {
        self.ask(Request { now_ms, ..request("read", "a") })
    }
}

const ANEW: (Result<(), Reason>, bool) = (Ok(()), false);
const AGAIN: (Result<(), Reason>, bool) = (Ok(()), true);

const FIVE_MINUTES_MS: u64 = 300_000;

#[test]
fn the_same_is_worked_out_once() {
    let gateway = Gateway::with(&[]);
    assert_eq!(gateway.read_at(NOW), ANEW);
    assert_eq!(gateway.read_at(NOW + 1), AGAIN);
    // Anything else that is asked is another question.
    let mut others = [(); 6].map(|()| request("read", "a"));
    others[0] = request("write", "a");
    others[1] = request("read", "b");
    others[2].changes = true;
    others[3].channel.address = [10, 20, 0, 8].into();
    others[4].channel.purpose = Some("billing".to_owned());
    others[5].touch = Some(Box::new(SqlTouch::plain()));
    for other in others {
        assert_eq!(gateway.ask(other.clone()), ANEW, "{other:?}");
        assert_eq!(gateway.ask(other), AGAIN);
    }
    assert_eq!(gateway.read_at(NOW + 2), AGAIN);
}

#[test]
fn whatever_is_recorded_has_everything_worked_out_anew() {
    let mut gateway = Gateway::with(&[]);
    assert_eq!(gateway.read_at(NOW), ANEW);
    // Of copies nobody knows what is applied to them.
    let mut copy = Gateway { world: World::new(), counters: gateway.counters };
    copy.world.rules = gateway.world.rules.scratch();
    assert_eq!(copy.read_at(NOW), ANEW);
    gateway.counters = copy.counters;
    let never = "kind = \"prohibit\"\nactions = [\"read\"]\nresources = [\"files/a\"]";
    gateway.world.instrument(&guardrail("acme-rules", "acme", &[never]));
    assert_eq!(gateway.read_at(NOW), (Err(Reason::ClauseForbids), false));
    gateway.world.event(Event::IdentitySuspended { identity: machine(), reason: "x".into() });
    assert_eq!(gateway.read_at(NOW), (Err(Reason::IdentityNotGood), false));
}

#[test]
fn who_loses_a_role_loses_what_it_gave() {
    let unless =
        "kind = \"prohibit\"\nactions = [\"read\"]\nresources = [\"a\"]\nunless = { roles = [\"reader\"] }";
    let mut gateway = Gateway::with(&[unless]);
    let mut robot = gateway.world.rules.state().identities.get(&machine()).unwrap().clone();
    robot.roles = vec!["reader".parse().unwrap()];
    gateway.world.event(Event::IdentityProposed(robot.clone()));
    assert_eq!((gateway.read_at(NOW), gateway.read_at(NOW)), (ANEW, AGAIN));
    // Nothing but the registry tells that from the moment before.
    robot.roles.clear();
    gateway.world.event(Event::IdentityProposed(robot));
    assert_eq!(gateway.read_at(NOW), (Err(Reason::ClauseForbids), false));
}

#[test]
fn time_ends_what_rests_on_it() {
    // It is eight o'clock.
    let gateway = Gateway::with(&["kind = \"window\"\nhours = [\"06:00-08:05\"]\nzone = \"UTC\""]);
    assert_eq!(gateway.read_at(NOW), ANEW);
    assert_eq!(gateway.read_at(NOW + FIVE_MINUTES_MS / 2), AGAIN);
    assert_eq!(gateway.read_at(NOW + FIVE_MINUTES_MS - 1), AGAIN);
    assert_eq!(gateway.read_at(NOW + FIVE_MINUTES_MS), (Err(Reason::ClauseForbids), false));
    // What no clause names ends it too: the certificate.
    let gateway = Gateway::with(&[]);
    let ends_ms = gateway.world.rules.state().credentials.values().next().unwrap().not_after_ms;
    assert_eq!((gateway.read_at(NOW), gateway.read_at(ends_ms - 1)), (ANEW, AGAIN));
    assert_eq!(gateway.read_at(ends_ms), (Err(Reason::CredentialNotGood), false));
    let silent = Request { silence_ms: 60_001, ..request("read", "a") };
    assert_eq!(gateway.ask(silent), (Err(Reason::ControlSilent), false));
}

#[test]
fn what_is_suspended_by_notice_permits_no_more() {
    let mut world = World::new();
    let rests = "kind = \"suspension\"\nholders = [\"provider\"]\ngrounds = [\"breach\"]";
    let source = document("deal", &[PERMIT, rests]);
    world.instrument_with(&source, |deal| deal.suspended_from_ms = Some(NOW + FIVE_MINUTES_MS));
    let gateway = Gateway { world, counters: Counters::remembering() };
    assert_eq!((gateway.read_at(NOW), gateway.read_at(NOW + FIVE_MINUTES_MS - 1)), (ANEW, AGAIN));
    assert!(gateway.read_at(NOW + FIVE_MINUTES_MS).0.is_err());
}

#[test]
fn quotas_count_what_is_given_again() {
    let gateway = Gateway::with(&["kind = \"quota\"\nlimit = 2\nwindow = \"1 minute\""]);
    assert_eq!((gateway.read_at(NOW), gateway.read_at(NOW + 1)), (ANEW, AGAIN));
    assert_eq!(gateway.read_at(NOW + 2), (Err(Reason::QuotaExhausted), false));
    assert_eq!(gateway.read_at(NOW + 60_000), AGAIN);
    assert_eq!(gateway.read_at(NOW + 60_000), (Err(Reason::QuotaExhausted), false));
}

#[test]
fn a_gateway_remembers_so_many() {
    let gateway = Gateway::with(&[]);
    assert_eq!((gateway.read_at(NOW), gateway.read_at(NOW)), (ANEW, AGAIN));
    for n in 0..300u16 {
        let mut other = request("read", "a");
        let [high, low] = n.to_be_bytes();
        other.channel.address = [10, 21, high, low].into();
        assert_eq!(gateway.ask(other), ANEW);
    }
    assert_eq!(gateway.read_at(NOW), ANEW);
}

#[test]
fn what_is_said_together_is_given_again_together_and_counted_once() {
    let gateway = Gateway::with(&["kind = \"quota\"\nlimit = 2\nwindow = \"1 minute\""]);
    let both = || vec![request("read", "a"), request("write", "b")];
    let ask = || decide_together(&gateway.world.rules, &gateway.counters, both());
    let counted = |permits: Vec<policy::Permit>| {
        permits.iter().map(|permit| permit.contract().counted.len()).collect::<Vec<_>>()
    };
    assert_eq!(counted(ask().unwrap()), [1, 0]);
    assert_eq!(counted(ask().unwrap()), [1, 0]);
    assert_eq!(gateway.counters.given_again(), 2);
    assert_eq!(ask().unwrap_err().1.reason, Reason::QuotaExhausted);
}

#[test]
fn what_is_long_is_not_kept() {
    let gateway = Gateway::with(&[]);
    let mut long = request("read", "a");
    long.channel.purpose = Some("p".repeat(2_049));
    assert_eq!((gateway.ask(long.clone()), gateway.ask(long)), (ANEW, ANEW));
    let columns = (0..100).map(|n| format!("public.people.column_{n}")).collect();
    let touch = SqlTouch { columns: Some(columns), ..SqlTouch::plain() };
    let wide = Request { touch: Some(Box::new(touch)), ..request("read", "a") };
    assert_eq!((gateway.ask(wide.clone()), gateway.ask(wide)), (ANEW, ANEW));
}

#[test]
fn who_checks_works_everything_out() {
    let gateway = Gateway { counters: Counters::default(), ..Gateway::with(&[]) };
    assert_eq!((gateway.read_at(NOW), gateway.read_at(NOW)), (ANEW, ANEW));
}
