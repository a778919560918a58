//! Other trust domains: for whose machines they count, what replaces what, and what cannot come back.

use crate::world::World;
use registry::{
    Actor, BundleEndpoint, Command, EndpointProfile, Event, FederationRelationship, PartyId, Refusal, State,
    TrustBundle,
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
    Command::EstablishFederation(Box::new(relationship))
}

fn read(world: &mut World, read: Result<TrustBundle, &str>) -> Result<Vec<Event>, Refusal> {
    let read = read.map_err(str::to_owned);
    world.try_as(
        Actor::System,
        Command::ReadFederatedBundle { trust_domain: PARTNER.into(), endpoint: endpoint(), read },
    )
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
    assert!(read(&mut world, Ok(bundle(2, Some(8)))).is_err());
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
    // What was asked for before a person said where to read is not for now.
    let moved = BundleEndpoint { url: "https://new.partner.example/".into(), ..endpoint() };
    let before = world.state.federations[PARTNER].relationship.clone();
    world.ok(establish(FederationRelationship { endpoint: Some(moved), ..before.clone() }));
    assert!(read(&mut world, Ok(bundle(9, Some(9)))).is_err());
    world.ok(establish(before));
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

#[test]
fn no_keys_are_the_end_of_trust_and_no_answer_is_not() {
    let (mut world, ..) = world();
    read(&mut world, Err("no answer within 30s")).unwrap();
    assert_eq!(roots(&world.state), [[1; 3]]);
    assert_eq!(read(&mut world, Err("no answer within 31s")).unwrap(), [], "said once");
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
    let by_hand = Command::ReadFederatedBundle {
        trust_domain: PARTNER.into(),
        endpoint: endpoint(),
        read: Ok(bundle(2, Some(8))),
    };
    assert!(world.refused(by_hand).contains("only Writ itself"));
}

/// The number of our own bundle grows with every root and key that comes or goes, and with nothing else.
#[test]
fn the_own_bundle_has_a_number_that_grows() {
    let (mut world, ..) = world();
    let mut last = world.state.bundle_sequence(world.now_ms);
    let mut grew = |world: &World, by: u64| {
        let now = world.state.bundle_sequence(world.now_ms);
        assert_eq!(now, last + by);
        last = now;
    };
    let key =
        |kid: &str, expires_ms| Command::PublishJwtKey { kid: kid.into(), public_key: vec![1], expires_ms };
    let now_ms = world.now_ms;
    world.ok(key("a", now_ms + 10));
    grew(&world, 1);
    world.ok(key("b", now_ms + 20));
    grew(&world, 1);
    world.now_ms += 10;
    grew(&world, 1);
    world.now_ms += 10;
    grew(&world, 1);
    world.ok(key("c", now_ms + 90));
    grew(&world, 1);
    let (mut other, ..) = World::new();
    other
        .try_as(
            Actor::System,
            Command::Root {
                step: registry::RootStep::Prepare(vec![1]),
                reason: "first".into(),
                hurried: false,
            },
        )
        .unwrap();
    assert_eq!(other.state.bundle_sequence(0), 1);
}
