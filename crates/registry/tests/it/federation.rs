//! Other trust domains: for whose machines they count, what replaces what, and what cannot come back.

use crate::world::World;
use registry::{
    Actor, BundleEndpoint, BundleFrom, Command, EndpointProfile, Event, FederationRelationship, PartyId,
    Refusal, RootStep, State, TrustBundle,
};

const PARTNER: &str = "partner.example";

fn bundle(root: u8, sequence: Option<u64>) -> TrustBundle {
    let roots = if root == 0 { Vec::new() } else { vec![vec![root; 3].into()] };
    TrustBundle { roots, jwks: r#"{"keys":[]}"#.into(), sequence, refresh_hint_s: Some(300) }
}

fn endpoint() -> BundleEndpoint {
    BundleEndpoint { url: "https://partner.example/bundle".into(), profile: EndpointProfile::Web }
}

fn relationship(party: PartyId) -> FederationRelationship {
    FederationRelationship {
        trust_domain: PARTNER.into(),
        endpoint: Some(endpoint()),
        parties: vec![party],
        bundle: bundle(1, Some(7)),
    }
}

fn establish(relationship: FederationRelationship) -> Command {
    Command::EstablishFederation { relationship: Box::new(relationship), from: BundleFrom::Hand }
}

fn asked(world: &World) -> FederationRelationship {
    world.state.federations[PARTNER].relationship.clone()
}

fn read(world: &mut World, read: Result<TrustBundle, &str>) -> Result<Vec<Event>, Refusal> {
    let asked = asked(world);
    answered(world, asked, read)
}

/// An answer to what was asked before.
fn answered(
    world: &mut World,
    asked: FederationRelationship,
    read: Result<TrustBundle, &str>,
) -> Result<Vec<Event>, Refusal> {
    let (asked, read) = (Box::new(asked), read.map_err(str::to_owned));
    world.try_as(Actor::System, Command::ReadFederatedBundle { asked, read })
}

fn roots(state: &State) -> Vec<Vec<u8>> {
    state.federations[PARTNER].relationship.bundle.roots.iter().map(|root| root.to_vec()).collect()
}

fn unread(state: &State) -> Option<&str> {
    state.federations[PARTNER].unread.as_ref().map(|(_, why)| why.as_str())
}

fn world() -> (World, PartyId, PartyId) {
    let (mut world, acme, forge, _) = World::new();
    world.ok(establish(relationship(acme)));
    (world, acme, forge)
}

#[test]
fn a_trust_domain_counts_for_the_parties_named_until_it_is_ended() {
    let (mut world, acme, forge) = world();
    assert_eq!(world.state.federated_with(acme).count(), 1);
    assert_eq!(world.state.federated_with(forge).count(), 0);
    world.ok(establish(FederationRelationship { parties: vec![forge], ..relationship(acme) }));
    assert_eq!(world.state.federated_with(acme).count(), 0, "another relationship takes its place");
    let end = || Command::EndFederation { trust_domain: PARTNER.into(), reason: "sold".into() };
    world.ok(end());
    assert_eq!(world.state.federated_with(forge).count(), 0);
    assert!(world.refused(end()).contains("no federation"));
    assert!(answered(&mut world, relationship(forge), Ok(bundle(2, Some(8)))).is_err());
}

/// What one trust domain publishes takes the place of what it published before, and of nothing else.
#[test]
fn a_bundle_replaces_and_never_merges() {
    let (mut world, acme, _) = world();
    let other = FederationRelationship { trust_domain: "other.example".into(), ..relationship(acme) };
    world.ok(establish(other));
    read(&mut world, Ok(bundle(2, Some(8)))).unwrap();
    assert_eq!(roots(&world.state), [[2; 3]], "nothing is left of the bundle before");
    let other = &world.state.federations["other.example"].relationship.bundle;
    assert_eq!(*other, bundle(1, Some(7)), "nothing of it is in another trust domain's");
    assert_eq!(
        read(&mut world, Ok(bundle(2, Some(8)))).unwrap(),
        [],
        "the same again is not on record again"
    );
}

#[test]
fn a_number_that_goes_back_brings_nothing_back() {
    let (mut world, ..) = world();
    read(&mut world, Ok(bundle(2, Some(8)))).unwrap();
    for (old, why) in [
        (bundle(1, Some(7)), "went back from 8 to 7"),
        (bundle(1, Some(8)), "other keys under the number 8"),
        (bundle(1, None), "has none now"),
    ] {
        let events = read(&mut world, Ok(old.clone())).unwrap();
        assert!(matches!(&events[..], [Event::FederatedBundleUnread { .. }]), "{events:?}");
        assert_eq!(roots(&world.state), [[2; 3]]);
        assert!(unread(&world.state).is_some_and(|said| said.contains(why)), "{:?}", unread(&world.state));
        assert_eq!(read(&mut world, Ok(old)).unwrap(), [], "said once");
    }
    read(&mut world, Ok(bundle(2, Some(8)))).unwrap();
    assert_eq!(unread(&world.state), None);
    // Without numbers what came last counts (SPIFFE Federation §4.2); a person can begin anew.
    let by_hand = FederationRelationship {
        bundle: bundle(3, None),
        ..world.state.federations[PARTNER].relationship.clone()
    };
    world.ok(establish(by_hand));
    read(&mut world, Ok(bundle(4, None))).unwrap();
    read(&mut world, Ok(bundle(5, Some(1)))).unwrap();
    assert_eq!(roots(&world.state), [[5; 3]]);
}

/// What vouched for an answer must count still when it comes.
#[test]
fn an_answer_to_what_was_asked_before_is_not_for_now() {
    let (mut world, acme, _) = world();
    let before = asked(&world);
    let late =
        |world: &mut World| answered(world, before.clone(), Ok(bundle(9, Some(900)))).unwrap_err().reason;
    // Its root was stolen: a person gives the bundle anew, and whoever had the root answers late.
    world.ok(establish(FederationRelationship { bundle: bundle(2, Some(8)), ..relationship(acme) }));
    assert!(late(&mut world).contains("changed while its bundle was read"));
    let moved = BundleEndpoint { url: "https://new.partner.example/".into(), ..endpoint() };
    world.ok(establish(FederationRelationship { endpoint: Some(moved), ..before.clone() }));
    late(&mut world);
    world.ok(establish(FederationRelationship { endpoint: None, ..before.clone() }));
    late(&mut world);
    assert_eq!(roots(&world.state), [[1; 3]]);
}

/// Saying anew for whom it counts brings no old bundle back.
#[test]
fn a_relationship_that_is_said_anew_keeps_what_is_known() {
    let (mut world, acme, forge) = world();
    read(&mut world, Ok(bundle(2, Some(8)))).unwrap();
    let anew = |bundle, from| Command::EstablishFederation {
        relationship: Box::new(FederationRelationship {
            parties: vec![acme, forge],
            bundle,
            ..relationship(acme)
        }),
        from,
    };
    world.ok(anew(TrustBundle::default(), BundleFrom::Before));
    assert_eq!((roots(&world.state), world.state.federated_with(forge).count()), (vec![vec![2; 3]], 1));
    let old = world.refused(anew(bundle(1, Some(7)), BundleFrom::Read));
    assert!(old.contains("went back from 8 to 7"), "{old}");
    world.ok(anew(bundle(3, Some(9)), BundleFrom::Read));
    world.ok(anew(bundle(1, Some(7)), BundleFrom::Hand));
    assert_eq!(roots(&world.state), [[1; 3]]);
    world.ok(Command::EndFederation { trust_domain: PARTNER.into(), reason: "over".into() });
    assert!(world.refused(anew(TrustBundle::default(), BundleFrom::Before)).contains("no bundle"));
}

#[test]
fn no_keys_are_the_end_of_trust_and_no_answer_is_not() {
    let (mut world, ..) = world();
    read(&mut world, Err("no answer within 30s")).unwrap();
    assert_eq!(roots(&world.state), [[1; 3]]);
    assert_eq!(read(&mut world, Err("no answer within 31s")).unwrap(), [], "said once");
    let back = read(&mut world, Ok(bundle(1, Some(7)))).unwrap();
    assert_eq!(back, [Event::FederatedBundleRead { trust_domain: PARTNER.into(), bundle: None }]);
    read(&mut world, Err("odd\u{1b}[2J words")).unwrap();
    assert_eq!(unread(&world.state), Some("odd\u{fffd}[2J words"));
    read(&mut world, Ok(bundle(0, Some(8)))).unwrap();
    assert_eq!(roots(&world.state), Vec::<Vec<u8>>::new());
    assert_eq!(unread(&world.state), None);
}

#[test]
fn relationships_that_cannot_be_meant() {
    let (mut world, acme, _) = world();
    world.ok(Command::Establish {
        trust_domain: "acme.example".into(),
        log_key: "k".into(),
        root_certificate: [0; 32],
    });
    let at = |url: &str, profile| Some(BundleEndpoint { url: url.into(), profile });
    let base = || relationship(acme);
    let spiffe = || EndpointProfile::Spiffe("spiffe://partner.example/spire/server".into());
    for (bad, why) in [
        (FederationRelationship { trust_domain: "acme.example".into(), ..base() }, "of this ledger"),
        (FederationRelationship { trust_domain: "Partner".into(), ..base() }, "not the name"),
        (FederationRelationship { trust_domain: "spiffe://x".into(), ..base() }, "not the name"),
        (FederationRelationship { parties: Vec::new(), ..base() }, "for whose machines"),
        (FederationRelationship { parties: vec![PartyId::from_entropy([9; 10])], ..base() }, "no party"),
        (
            FederationRelationship { endpoint: at("http://127.0.0.1/b", EndpointProfile::Web), ..base() },
            "https://",
        ),
        (
            FederationRelationship {
                endpoint: at("https://me@partner.example/", EndpointProfile::Web),
                ..base()
            },
            "is not",
        ),
        (
            FederationRelationship {
                endpoint: at("https://partner.example/", EndpointProfile::Spiffe("x".into())),
                ..base()
            },
            "SPIFFE ID",
        ),
        (
            FederationRelationship {
                endpoint: at("https://partner.example/", spiffe()),
                bundle: bundle(0, None),
                ..base()
            },
            "no roots",
        ),
        (
            FederationRelationship {
                bundle: TrustBundle { jwks: "x".repeat(65_537), ..bundle(1, None) },
                ..base()
            },
            "at most",
        ),
    ] {
        let said = world.refused(establish(bad));
        assert!(said.contains(why), "{said}");
    }
    let by_hand =
        Command::ReadFederatedBundle { asked: Box::new(asked(&world)), read: Ok(bundle(2, Some(8))) };
    assert!(world.refused(by_hand).contains("only Writ itself"));
}

/// The number of our own bundle grows with every root and key that comes or goes, and with nothing else.
#[test]
fn the_own_bundle_has_a_number_that_grows() {
    let (mut world, ..) = world();
    let mut by_writ = |command| {
        world.try_as(Actor::System, command).unwrap();
        world.now_ms += 86_400_000;
        world.state.bundle_sequence
    };
    let key =
        |kid: &str, expires_ms| Command::PublishJwtKey { kid: kid.into(), public_key: vec![1], expires_ms };
    let root = |step| Command::Root { step, reason: "yearly".into(), hurried: true };
    let name = |certificate: u8| registry::root::digest(&[certificate]);
    assert_eq!(by_writ(key("a", 1)), 1);
    assert_eq!(by_writ(key("b", 1)), 2, "one that came and one that went are one change");
    assert_eq!(by_writ(root(RootStep::Prepare(vec![1]))), 3);
    assert_eq!(by_writ(root(RootStep::Activate(name(1)))), 3, "it was known before");
    assert_eq!(by_writ(root(RootStep::Prepare(vec![2]))), 4);
    assert_eq!(by_writ(root(RootStep::Activate(name(2)))), 4);
    assert_eq!(by_writ(root(RootStep::Taint(name(1)))), 4);
    assert_eq!(by_writ(root(RootStep::Retire(name(1)))), 5);
}
