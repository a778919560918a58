//! The eternal bytes of events. Vectors may be added, never changed: an old ledger must be readable.

use crate::world::World;
use minicbor::{decode, to_vec};
use registry::command::InstrumentDraft;
use registry::{
    Actor, Apart, Attestation, Attested, CredentialClause, DepartureRung, DepartureStep, Event, Identity,
    Instrument, InstrumentId, InstrumentKind, InstrumentTerms, IssuerKind, KeysAt, Office, PartyId, Recorded,
    Scope, Selector, TrustedIssuer, WorkloadRule,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn vector(name: &str, event: Event, actor: Actor) -> String {
    let recorded = Recorded { actor, events: vec![event] };
    let bytes = to_vec(&recorded).unwrap();
    assert_eq!(decode::<Recorded>(&bytes).unwrap(), recorded);
    format!("{name} {}\n", hex(&bytes))
}

fn identity() -> Identity {
    let (mut world, acme, _, people) = World::new();
    let id = world.propose(acme, people[0], people[1]);
    world.state.identities.get(&id).unwrap().clone()
}

#[test]
fn golden_vectors() {
    let mut found = String::new();
    let identity = identity();
    let (id, person) = (identity.id, identity.owner.person);
    found += &vector("identity-proposed", Event::IdentityProposed(identity), Actor::Operator);
    let accepted = Event::OwnershipAccepted {
        identity: id,
        office: Office::Deputy,
        person,
        time_ms: 1_700_000_000_000,
        signature: "signature".into(),
    };
    found += &vector("ownership-accepted", accepted, Actor::Person(person));
    found += &vector(
        "identity-revoked",
        Event::IdentityRevoked { identity: id, reason: "stolen".into() },
        Actor::System,
    );
    let left = Event::PersonLeft { person, time_ms: 5, grace_until_ms: 9 };
    found += &vector("person-left", left, Actor::Identity(id));
    let issued = Event::CredentialIssued {
        identity: id,
        serial: [1; 16],
        public_key: [2; 32],
        not_before_ms: 3,
        not_after_ms: 4,
        token: None,
        scope: None,
        attested: None,
        tbs: None,
        token_until_ms: None,
        root: None,
    };
    found += &vector("credential-issued", issued, Actor::System);
    let anchored = Event::LogAnchored { origin: "log".into(), key: "key".into(), size: 256, root: [7; 32] };
    found += &vector("log-anchored", anchored, Actor::System);
    found += &vector("secret-sealed", Event::SecretSealed { name: "key".parse().unwrap() }, Actor::Operator);
    let rule = WorkloadRule {
        selectors: vec![
            Selector::Uid(1000),
            Selector::Path("/usr/bin/app".into()),
            Selector::Sha256([3; 32]),
        ],
        priority: 2,
        hint: Some("main".into()),
    };
    let recognized = Event::WorkloadRecognized { identity: id, rules: vec![rule] };
    found += &vector("workload-recognized", recognized, Actor::Operator);
    let attested = Attested { by: Attestation::Process, evidence: [9; 32], instance: None };
    let jwt = Event::JwtIssued {
        identity: id,
        jti: [1; 16],
        audiences: vec!["payments".into()],
        kid: "key".into(),
        not_after_ms: 4,
        attested,
    };
    found += &vector("jwt-issued", jwt, Actor::System);
    let scope = Scope { actions: vec!["read".parse().unwrap()], on: vec!["files/a".parse().unwrap()] };
    let attested = Event::CredentialIssued {
        identity: id,
        serial: [1; 16],
        public_key: [2; 32],
        not_before_ms: 3,
        not_after_ms: 4,
        token: None,
        scope: Some(scope),
        attested: Some(attested),
        tbs: None,
        token_until_ms: None,
        root: None,
    };
    found += &vector("credential-attested", attested.clone(), Actor::System);
    let mut logged = attested;
    if let Event::CredentialIssued { tbs, .. } = &mut logged {
        *tbs = Some([6; 32]);
    }
    found += &vector("credential-logged", logged, Actor::System);
    let draft = InstrumentDraft {
        kind: InstrumentKind::Contract,
        name: "deal".parse().unwrap(),
        version: 1,
        title: "A Deal".into(),
        provider: PartyId::from_entropy([1; 10]),
        service: None,
        consumer: PartyId::from_entropy([2; 10]),
        machines: vec![id],
        document: [3; 32],
        bundle: [4; 32],
        envelope: "{}".into(),
        credentials: Vec::new(),
        departure: Vec::new(),
        start_ms: None,
        end_ms: None,
        quota_window_max_ms: None,
        terms: InstrumentTerms::default(),
    };
    let instrument = InstrumentId::from_entropy([5; 10]);
    let drafted = |draft| Event::InstrumentDrafted(Box::new(Instrument::drafted(instrument, draft)));
    found += &vector("instrument-drafted", drafted(draft.clone()), Actor::Operator);
    let clause = CredentialClause {
        clause: "1.1".into(),
        digest: [6; 32],
        life_max_ms: 300_000,
        key_algorithms: vec!["ml-dsa-65".into()],
        audiences: vec!["a".into()],
        renew_at_percent: Some(40),
    };
    let rung = DepartureRung {
        clause: "2.1".into(),
        after_ms: 9,
        step: DepartureStep::ShortenLife,
        life_ms: Some(5),
    };
    let strict = InstrumentDraft { credentials: vec![clause], departure: vec![rung], ..draft };
    found += &vector("instrument-drafted-strict", drafted(strict), Actor::Operator);
    let issuer = TrustedIssuer {
        name: "gha".parse().unwrap(),
        kind: IssuerKind::GithubActions,
        issuer: "https://ci.example".into(),
        audience: "writ".into(),
        jwks: "{}".into(),
        party: None,
        keys_at: None,
    };
    found += &vector("issuer-trusted", Event::IssuerTrusted(issuer.clone()), Actor::Operator);
    let dropped = Event::IssuerDropped { name: "gha".parse().unwrap(), reason: "moved".into() };
    found += &vector("issuer-dropped", dropped, Actor::Operator);
    let joins = Event::JoinRuled { identity: id, rules: vec!["gha,repository_id=42,ref=x".parse().unwrap()] };
    found += &vector("join-ruled", joins, Actor::Operator);
    let step = Event::DepartureStepTaken {
        identity: id,
        step: DepartureStep::Warn,
        departed_ms: 5,
        instrument,
        clause: "2.1".into(),
        life_ms: None,
        to: vec![person],
    };
    found += &vector("departure-step-taken", step, Actor::System);
    found += &vector("account-linked", Event::AccountLinked { person, account: [8; 32] }, Actor::Operator);
    let told = Event::SecurityEventReceived {
        issuer: "idp".parse().unwrap(),
        token: [8; 32],
        kind: "account-disabled".into(),
        person: Some(person),
        until_ms: 9,
    };
    found += &vector("security-event-received", told, Actor::System);
    let barred = Event::InstanceBarred { identity: id, instance: [9; 32], reason: "taken over".into() };
    found += &vector("instance-barred", barred, Actor::Operator);
    found +=
        &vector("key-barred", Event::KeyBarred { key: [9; 32], reason: "leaked".into() }, Actor::Operator);
    let reason = || "yearly".to_owned();
    found += &vector("root-prepared", Event::RootPrepared { certificate: vec![1, 2, 3] }, Actor::System);
    found += &vector("root-activated", Event::RootActivated { root: [4; 32] }, Actor::Operator);
    let tainted = Event::RootTainted { root: [4; 32], spread_ms: 20_000, reason: reason() };
    found += &vector("root-tainted", tainted, Actor::Operator);
    let retired = Event::RootRetired { root: [4; 32], reason: reason() };
    found += &vector("root-retired", retired, Actor::Operator);
    let back = Event::InstancesReadmitted { identity: id, reason: reason() };
    found += &vector("instances-readmitted", back, Actor::Operator);
    found += &secrets();
    let read = Event::IssuerKeysRead { name: "gha".parse().unwrap(), jwks: "{}".into() };
    found += &vector("issuer-keys-read", read, Actor::System);
    let unread = Event::IssuerKeysUnread { name: "gha".parse().unwrap(), reason: reason() };
    found += &vector("issuer-keys-unread", unread, Actor::System);
    let published = |keys_at| TrustedIssuer { keys_at: Some(keys_at), ..issuer.clone() };
    found += &vector(
        "issuer-trusted-by-discovery",
        Event::IssuerTrusted(published(KeysAt::Discovery)),
        Actor::Operator,
    );
    let at = KeysAt::Set("https://idp.example/keys".into());
    found += &vector("issuer-trusted-at", Event::IssuerTrusted(published(at)), Actor::Operator);
    let name = || "db".parse::<registry::Name>().unwrap();
    for change in [
        registry::SecretChange::Made { rotation: 1, handle: "h".into() },
        registry::SecretChange::Abandoned { handle: "h".into(), reason: reason() },
        registry::SecretChange::Recovered,
    ] {
        let label = change.name().replace(' ', "-");
        found += &vector(&label, Event::SecretChanged { name: name(), change }, Actor::System);
    }
    let unlinked = Event::AccountUnlinked { person, account: [8; 32] };
    found += &vector("account-unlinked", unlinked, Actor::Operator);
    found += &federations();
    let apart = Apart { digest: [9; 32], bytes: 1_000_000, events: 2_000 };
    let tried = InstrumentId::from_entropy([8; 10]);
    let begun = Event::TrialBegun { instrument: tried, until_ms: 9 };
    found += &vector("trial-begun", begun, Actor::Operator);
    found += &vector("trial-ended", Event::TrialEnded { instrument: tried }, Actor::Operator);
    let bytes = to_vec(&apart).unwrap();
    assert_eq!(decode::<Apart>(&bytes).unwrap(), apart);
    found += &format!("apart {}\n", hex(&bytes));
    assert_eq!(found, include_str!("../../testdata/events.txt"));
}

/// Of each profile one, and every change.
fn federations() -> String {
    use registry::{BundleEndpoint, EndpointProfile, FederationRelationship, TrustBundle};
    let bundle = || TrustBundle {
        roots: vec![vec![1, 2, 3].into()],
        jwks: "{}".into(),
        sequence: Some(7),
        refresh_hint_s: Some(300),
    };
    let trust_domain = || "partner.example".to_owned();
    let relationship = |profile: Option<EndpointProfile>| {
        let endpoint =
            profile.map(|profile| BundleEndpoint { url: "https://partner.example/".into(), profile });
        let parties = vec![PartyId::from_entropy([7; 10])];
        let relationship =
            FederationRelationship { trust_domain: trust_domain(), endpoint, parties, bundle: bundle() };
        Event::FederationEstablished(Box::new(relationship))
    };
    let spiffe = EndpointProfile::Spiffe("spiffe://partner.example/server".into());
    let reason = || "why".to_owned();
    [
        ("federation-by-hand", relationship(None)),
        ("federation-web", relationship(Some(EndpointProfile::Web))),
        ("federation-spiffe", relationship(Some(spiffe))),
        ("federation-ended", Event::FederationEnded { trust_domain: trust_domain(), reason: reason() }),
        (
            "federated-bundle-read",
            Event::FederatedBundleRead { trust_domain: trust_domain(), bundle: Some(bundle()) },
        ),
        (
            "federated-bundle-read-again",
            Event::FederatedBundleRead { trust_domain: trust_domain(), bundle: None },
        ),
        (
            "federated-bundle-unread",
            Event::FederatedBundleUnread { trust_domain: trust_domain(), reason: reason() },
        ),
    ]
    .into_iter()
    .map(|(name, event)| vector(name, event, Actor::System))
    .collect()
}

/// Of each source one, and every change.
fn secrets() -> String {
    use registry::{SecretChange, SecretSource, Sourced, Vault};
    let name = |text: &str| text.parse::<registry::Name>().unwrap();
    let vault = |namespace: Option<&str>| Vault {
        address: "https://vault.example".into(),
        path: "secret/data/app".into(),
        token: name("vault-token"),
        namespace: namespace.map(str::to_owned),
    };
    let sources = [
        SecretSource::Postgres {
            server: "postgresql://rotator@db.example/app".into(),
            admin: name("db-admin"),
            roles: ("app_a".into(), "app_b".into()),
        },
        SecretSource::Adapter { url: "https://keys.example/".into(), token: Some(name("adapter-token")) },
        SecretSource::VaultKv(vault(None)),
        SecretSource::VaultDynamic(vault(Some("team"))),
    ];
    let sourced = sources.map(|source| {
        SecretChange::Sourced(Sourced { source, form: "{user}".into(), every_ms: 10_000, overlap_ms: 9 })
    });
    let changes = sourced.into_iter().chain([
        SecretChange::ByHand { reason: "r".into() },
        SecretChange::RotationAsked { at_once: true, reason: "r".into() },
        SecretChange::RotationBegun { rotation: 1 },
        SecretChange::Rotated { rotation: 1, handle: "h".into(), ends_ms: Some(2), retires_ms: Some(3) },
        SecretChange::RotationFailed { rotation: 1, reason: "r".into() },
        SecretChange::Retired { rotation: 1 },
    ]);
    changes
        .map(|change| {
            let label = change.name().replace(' ', "-");
            vector(&label, Event::SecretChanged { name: name("db"), change }, Actor::System)
        })
        .collect()
}
