//! The whole decision against an independent reading (check 5 of the seven): guardrails of both sides, charter,
//! several contracts and the certificate's scope, with every kind of clause a gateway enforces, on random estates and
//! on requests at the bounds of clauses. The oracle knows no norm, no index and no policy: it reads the parameters.

use policy::{Counters, Reason, Request, Verdict, decide};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use registry::{Classification, Environment, Event, IdentityKind, Scope};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use testkit::{NOW, World, certificate, charter, document, files, guardrail, machine, request, robot};

const ACTIONS: [&str; 3] = ["read", "write", "delete"];
const RESOURCES: [&str; 3] = ["a", "b", "c"];
const KINDS: [(&str, IdentityKind); 3] = [
    ("bot", IdentityKind::Bot),
    ("microservice", IdentityKind::Microservice),
    ("ai-agent", IdentityKind::AiAgent),
];
const PLACES: [(&str, Environment); 2] =
    [("production", Environment::Production), ("test", Environment::Test)];
const ROLES: [&str; 2] = ["sorter", "auditor"];
const REGIONS: [&str; 2] = ["eu-west", "us-east"];
const CLASSES: [(&str, Classification); 4] = [
    ("public", Classification::Public),
    ("internal", Classification::Internal),
    ("confidential", Classification::Confidential),
    ("restricted", Classification::Restricted),
];
const PURPOSES: [&str; 2] = ["settlement", "audit"];
const ALGORITHMS: [&str; 3] = ["ed25519", "ecdsa-p256", ""];
const NETWORKS: [&str; 4] = ["10.20.0.0/16", "2001:db8::/32", "2001:db8::/72", "192.0.2.7/32"];
const ADDRESSES: [&str; 11] = [
    "10.19.255.255",
    "10.20.0.0",
    "10.20.255.255",
    "10.21.0.0",
    "::ffff:10.20.3.4",
    "192.0.2.7",
    "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db8::",
    "2001:db8::ff:ffff:ffff:ffff",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db9::",
];
/// NOW is a Friday, 08:00 in UTC and 17:00 in Tokyo.
const ZONES: [(&str, u64); 2] = [("UTC", 0), ("Asia/Tokyo", 540)];
const HOURS: [(u64, u64); 4] = [(480, 1_080), (0, 480), (1_020, 1_021), (0, 1_440)];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// The life of the certificate that clauses bound, and how far reviews may be overdue.
const LIFE_MS: u64 = 660_000;
const OVERDUE_MS: u64 = 3_600_000;

/// Which requests a clause is about.
#[derive(Clone, Debug, Default)]
struct Only {
    actions: Vec<usize>,
    resources: Vec<usize>,
    effect: Option<bool>,
    kinds: Vec<usize>,
    roles: Vec<usize>,
    places: Vec<usize>,
    /// In a guardrail: whoever uses the organisation's services.
    users: bool,
}

#[derive(Clone, Debug, Default)]
struct Unless {
    kinds: Vec<usize>,
    roles: Vec<usize>,
    places: Vec<usize>,
    purposes: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Said {
    Permit(Only),
    Prohibit(Only, Unless),
    Quota { limit: u32, window: u64, only: Only },
    Class { max: usize, only: Only },
    Purpose { purposes: Vec<usize>, only: Only },
    Residency { regions: Vec<usize>, of: &'static str, only: Only },
    Window { days: Vec<usize>, hours: Vec<usize>, zone: usize, networks: Vec<usize>, only: Only },
    Delegation { depth: u32, only: Only },
    Ownership { refuse_after: bool, charter: bool, only: Only },
    Credential { most: u64, algorithms: Vec<usize>, renewed_only: bool, grace: Option<u64>, only: Only },
    Term { start: u64, end: u64 },
    Suspension,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Acme,
    Forge,
    Charter,
    Contract(usize),
}

#[derive(Clone, Debug)]
struct Paper {
    layer: Layer,
    said: Vec<Said>,
    suspended_from: Option<u64>,
}

/// What the registry knows.
#[derive(Clone, Debug)]
struct Facts {
    kind: usize,
    place: usize,
    roles: Vec<usize>,
    region: Option<usize>,
    service_region: Option<usize>,
    classes: [Option<usize>; 3],
    overdue: i64,
    owned: bool,
    life: u64,
    by_token: bool,
    scope: Option<(Vec<usize>, Vec<usize>)>,
}

#[derive(Clone, Debug)]
struct Asked {
    action: usize,
    resource: usize,
    later: u64,
    address: usize,
    purpose: Option<usize>,
    algorithm: usize,
}

// ---- documents -------------------------------------------------------------------------------------------------

fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("\"{}\"", name.as_ref())).collect();
    format!("[{}]", names.join(", "))
}

fn picked(names: &[&str], chosen: &[usize]) -> String {
    list(chosen.iter().map(|at| names[*at]))
}

impl Only {
    fn resources(&self, layer: Layer) -> String {
        let of_contract = matches!(layer, Layer::Contract(_));
        list(self.resources.iter().map(|at| {
            if of_contract { RESOURCES[*at].to_owned() } else { format!("files/{}", RESOURCES[*at]) }
        }))
    }

    fn machine_keys(&self, layer: Layer) -> Vec<String> {
        let mut keys = who(&self.kinds, &self.roles, &self.places);
        if self.users && matches!(layer, Layer::Acme | Layer::Forge) {
            keys.push("side = \"provider\"".to_owned());
        }
        keys
    }

    /// As a key of most kinds.
    fn toml(&self, layer: Layer) -> String {
        let mut keys = self.machine_keys(layer);
        if !self.actions.is_empty() {
            keys.push(format!("actions = {}", picked(&ACTIONS, &self.actions)));
        }
        if !self.resources.is_empty() {
            keys.push(format!("resources = {}", self.resources(layer)));
        }
        keys.extend(
            self.effect.map(|change| format!("effect = \"{}\"", if change { "change" } else { "read" })),
        );
        if keys.is_empty() { String::new() } else { format!("only = {{ {} }}\n", keys.join(", ")) }
    }

    /// Beside the keys `permit` and `prohibit` have of their own.
    fn own(&self, layer: Layer) -> String {
        let or_any = |list: String| if list == "[]" { "\"any\"".to_owned() } else { list };
        let (actions, resources) = (or_any(picked(&ACTIONS, &self.actions)), or_any(self.resources(layer)));
        let mut toml = format!("actions = {actions}\nresources = {resources}\n");
        if let Some(change) = self.effect {
            toml.push_str(&format!("effect = \"{}\"\n", if change { "change" } else { "read" }));
        }
        let keys = self.machine_keys(layer);
        if !keys.is_empty() {
            toml.push_str(&format!("only = {{ {} }}\n", keys.join(", ")));
        }
        toml
    }
}

/// The keys that say of which machines.
fn who(kinds: &[usize], roles: &[usize], places: &[usize]) -> Vec<String> {
    let mut keys = Vec::new();
    if !kinds.is_empty() {
        keys.push(format!("kinds = {}", list(kinds.iter().map(|at| KINDS[*at].0))));
    }
    if !roles.is_empty() {
        keys.push(format!("roles = {}", picked(&ROLES, roles)));
    }
    if !places.is_empty() {
        keys.push(format!("environments = {}", list(places.iter().map(|at| PLACES[*at].0))));
    }
    keys
}

impl Unless {
    fn toml(&self) -> String {
        let mut keys = who(&self.kinds, &self.roles, &self.places);
        if !self.purposes.is_empty() {
            keys.push(format!("purposes = {}", picked(&PURPOSES, &self.purposes)));
        }
        if keys.is_empty() { String::new() } else { format!("unless = {{ {} }}\n", keys.join(", ")) }
    }
}

impl Said {
    fn kind(&self) -> &'static str {
        match self {
            Self::Permit(_) => "permit",
            Self::Prohibit(..) => "prohibit",
            Self::Quota { .. } => "quota",
            Self::Class { .. } => "classification",
            Self::Purpose { .. } => "purpose",
            Self::Residency { .. } => "residency",
            Self::Window { .. } => "window",
            Self::Delegation { .. } => "delegation",
            Self::Ownership { .. } => "ownership",
            Self::Credential { .. } => "credential",
            Self::Term { .. } => "term",
            Self::Suspension => "suspension",
        }
    }

    fn block(&self, layer: Layer) -> String {
        let terms = match self {
            Self::Permit(only) => only.own(layer),
            Self::Prohibit(only, unless) => only.own(layer) + &unless.toml(),
            Self::Quota { limit, window, only } => {
                format!("limit = {limit}\nwindow = \"{window} ms\"\n{}", only.toml(layer))
            }
            Self::Class { max, only } => format!("max = \"{}\"\n{}", CLASSES[*max].0, only.toml(layer)),
            Self::Purpose { purposes, only } => {
                format!("purposes = {}\n{}", picked(&PURPOSES, purposes), only.toml(layer))
            }
            Self::Residency { regions, of, only } => {
                format!("regions = {}\nof = \"{of}\"\n{}", picked(&REGIONS, regions), only.toml(layer))
            }
            Self::Window { days, hours, zone, networks, only } => {
                let mut toml = String::new();
                if !days.is_empty() {
                    toml.push_str(&format!("days = {}\n", picked(&DAYS, days)));
                }
                if !hours.is_empty() {
                    let clock = |minute: u64| format!("{:02}:{:02}", minute / 60, minute % 60);
                    let hours =
                        hours.iter().map(|at| format!("{}-{}", clock(HOURS[*at].0), clock(HOURS[*at].1)));
                    toml.push_str(&format!("hours = {}\n", list(hours)));
                }
                if !toml.is_empty() {
                    toml.push_str(&format!("zone = \"{}\"\n", ZONES[*zone].0));
                }
                if !networks.is_empty() {
                    toml.push_str(&format!("networks = {}\n", picked(&NETWORKS, networks)));
                }
                toml + &only.toml(layer)
            }
            Self::Delegation { depth, only } => format!("max-depth = {depth}\n{}", only.toml(layer)),
            Self::Ownership { refuse_after, charter, only } => {
                let refuse = if *refuse_after { "refuse-after = \"1 hour\"\n" } else { "" };
                let charter = if *charter { "charter = true\n" } else { "" };
                format!("recertify-every = \"90 days\"\n{refuse}{charter}{}", only.toml(layer))
            }
            Self::Credential { most, algorithms, renewed_only, grace, only } => {
                let mut toml = format!("max-ttl = \"{most} ms\"\n");
                if !algorithms.is_empty() {
                    toml.push_str(&format!("key-algorithms = {}\n", picked(&ALGORITHMS, algorithms)));
                }
                if *renewed_only {
                    toml.push_str("attestation = [\"renewal\"]\n");
                }
                if let Some(grace) = grace {
                    toml.push_str(&format!("grace = \"{grace} ms\"\n"));
                }
                toml + &only.toml(layer)
            }
            Self::Term { start, end } => {
                format!(
                    "start = {}\nend = {}\n",
                    crate::oracle::instant(*start),
                    crate::oracle::instant(*end)
                )
            }
            Self::Suspension => {
                let holder = if matches!(layer, Layer::Charter) { "party" } else { "provider" };
                format!("holders = [\"{holder}\"]\ngrounds = [\"breach\"]\n")
            }
        };
        format!("kind = \"{}\"\n{terms}", self.kind())
    }
}

impl Paper {
    /// Neither suspended nor outside its term.
    fn is_in_force(&self, now: u64) -> bool {
        let outside =
            |said: &Said| matches!(said, Said::Term { start, end } if !(*start..*end).contains(&now));
        self.suspended_from.is_none_or(|from| from > now) && !self.said.iter().any(outside)
    }

    fn name(&self) -> String {
        match self.layer {
            Layer::Acme => "acme-rules".to_owned(),
            Layer::Forge => "forge-rules".to_owned(),
            Layer::Charter => "robot-charter".to_owned(),
            Layer::Contract(nth) => format!("deal-{nth}"),
        }
    }

    fn source(&self) -> String {
        let blocks: Vec<String> = self.said.iter().map(|said| said.block(self.layer)).collect();
        let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
        match self.layer {
            Layer::Acme => guardrail(&self.name(), "acme", &blocks),
            Layer::Forge => guardrail(&self.name(), "forge", &blocks),
            Layer::Charter => charter(&self.name(), &blocks),
            Layer::Contract(_) => document(&self.name(), &blocks),
        }
    }
}

// ---- the naive reading -----------------------------------------------------------------------------------------

/// One permitted call, as an instrument counted it.
type Call = (u64, usize, usize);

struct Oracle<'a> {
    facts: &'a Facts,
    asked: &'a Asked,
    now: u64,
    chartered: bool,
}

impl Oracle<'_> {
    fn covers(only: &Only, action: usize, resource: usize) -> bool {
        (only.actions.is_empty() || only.actions.contains(&action))
            && (only.resources.is_empty() || only.resources.contains(&resource))
            && only.effect.is_none_or(|change| change == (ACTIONS[action] != "read"))
    }

    /// Whether a clause speaks about this request.
    fn about(&self, layer: Layer, only: &Only) -> bool {
        // The machine is acme's and the service forge's.
        let side = match layer {
            Layer::Acme => !only.users,
            Layer::Forge => only.users,
            Layer::Charter | Layer::Contract(_) => true,
        };
        side && Self::covers(only, self.asked.action, self.asked.resource)
            && (only.kinds.is_empty() || only.kinds.contains(&self.facts.kind))
            && (only.places.is_empty() || only.places.contains(&self.facts.place))
            && (only.roles.is_empty() || only.roles.iter().any(|role| self.facts.roles.contains(role)))
    }

    fn excepted(&self, unless: &Unless) -> bool {
        unless.kinds.contains(&self.facts.kind)
            || unless.places.contains(&self.facts.place)
            || unless.roles.iter().any(|role| self.facts.roles.contains(role))
            || self.asked.purpose.is_some_and(|purpose| unless.purposes.contains(&purpose))
    }

    fn inside(address: &str, network: &str) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) | 0xffff_0000_0000, 96),
            IpAddr::V6(v6) => (v6.to_bits(), 0),
        };
        let (network, prefix) = network.split_once('/').unwrap();
        let (network, mapped) = bits(network.parse().unwrap());
        let prefix: u32 = prefix.parse::<u32>().unwrap() + mapped;
        (0..prefix).all(|at| (bits(address.parse().unwrap()).0 ^ network) >> (127 - at) & 1 == 0)
    }

    fn open(&self, days: &[usize], hours: &[usize], zone: usize) -> bool {
        // 1970 began on a Thursday, which is day 3 of its week.
        let minute = self.now / 60_000 + ZONES[zone].1;
        let (day, minute) = ((minute / 1_440 + 3) % 7, minute % 1_440);
        (days.is_empty() || days.contains(&(day as usize)))
            && (hours.is_empty() || hours.iter().any(|at| (HOURS[*at].0..HOURS[*at].1).contains(&minute)))
    }

    /// Whether a clause stops this request.
    fn stops(&self, paper: &Paper, said: &Said, calls: &[Call]) -> bool {
        let facts = self.facts;
        let about = |only: &Only| self.about(paper.layer, only);
        match said {
            Said::Permit(_) => false,
            Said::Prohibit(only, unless) => about(only) && !self.excepted(unless),
            Said::Quota { limit, window, only } => {
                let counted = calls.iter().filter(|(at, action, resource)| {
                    self.now - at < *window && Self::covers(only, *action, *resource)
                });
                about(only) && counted.count() >= *limit as usize
            }
            Said::Class { max, only } => {
                about(only) && facts.classes[self.asked.resource].unwrap_or(3) > *max
            }
            Said::Purpose { purposes, only } => {
                about(only) && !self.asked.purpose.is_some_and(|purpose| purposes.contains(&purpose))
            }
            Said::Residency { regions, of, only } => {
                let outside = |region: Option<usize>| !region.is_some_and(|region| regions.contains(&region));
                let (machine, service) = (outside(facts.region), outside(facts.service_region));
                about(only) && ((*of != "service" && machine) || (*of != "machine" && service))
            }
            Said::Window { days, hours, zone, networks, only } => {
                let timed = !days.is_empty() || !hours.is_empty();
                let late = timed && !self.open(days, hours, *zone);
                let address = ADDRESSES[self.asked.address];
                let foreign =
                    !networks.is_empty() && !networks.iter().any(|at| Self::inside(address, NETWORKS[*at]));
                about(only) && (late || foreign)
            }
            // Every call is direct.
            Said::Delegation { .. } => false,
            Said::Ownership { refuse_after, charter, only } => {
                about(only)
                    && (!facts.owned
                        || (*charter && !self.chartered)
                        || (*refuse_after && facts.overdue > OVERDUE_MS as i64))
            }
            Said::Credential { most, algorithms, renewed_only, grace, only } => {
                let begins = paper
                    .said
                    .iter()
                    .find_map(|said| if let Said::Term { start, .. } = said { Some(*start) } else { None });
                // Everything was signed a second before the first request.
                let bound_for = self.now.saturating_sub(begins.unwrap_or(0).max(NOW - 1_000));
                about(only)
                    && grace.is_none_or(|grace| bound_for > grace)
                    && (facts.life > *most
                        || (!algorithms.is_empty() && !algorithms.contains(&self.asked.algorithm))
                        || (*renewed_only && facts.by_token))
            }
            Said::Term { start, end } => self.now < *start || self.now >= *end,
            Said::Suspension => paper.suspended_from.is_some_and(|from| from <= self.now),
        }
    }

    /// The clauses of a paper that stop this request, and whether one permits it.
    fn reads(&self, paper: &Paper, calls: &[Call]) -> (Vec<usize>, bool) {
        let stopping =
            (0..paper.said.len()).filter(|at| self.stops(paper, &paper.said[*at], calls)).collect();
        let permits = match paper.layer {
            Layer::Acme | Layer::Forge => true,
            Layer::Charter | Layer::Contract(_) => paper
                .said
                .iter()
                .any(|said| matches!(said, Said::Permit(only) if self.about(paper.layer, only))),
        };
        (stopping, permits)
    }

    fn scoped_out(&self) -> bool {
        self.facts.scope.as_ref().is_some_and(|(actions, resources)| {
            !(actions.is_empty() || actions.contains(&self.asked.action))
                || !(resources.is_empty() || resources.contains(&self.asked.resource))
        })
    }
}

// ---- random estates --------------------------------------------------------------------------------------------

fn some_of(most: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::sample::subsequence((0..most).collect::<Vec<_>>(), 1..=most)
}

/// Mostly nothing: every narrowing makes a clause rarer to matter.
fn rarely(most: usize) -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![3 => Just(Vec::new()), 1 => some_of(most)]
}

fn only() -> impl Strategy<Value = Only> {
    let acts = (rarely(3), rarely(3), prop_oneof![4 => Just(None), 1 => any::<bool>().prop_map(Some)]);
    (acts, rarely(3), rarely(2), rarely(2), any::<bool>()).prop_map(
        |((actions, resources, effect), kinds, roles, places, users)| Only {
            actions,
            resources,
            effect,
            kinds,
            roles,
            places,
            users,
        },
    )
}

fn unless() -> impl Strategy<Value = Unless> {
    (rarely(3), rarely(2), rarely(2), rarely(2)).prop_map(|(kinds, roles, places, purposes)| Unless {
        kinds,
        roles,
        places,
        purposes,
    })
}

fn permit() -> impl Strategy<Value = Said> {
    // Wide: what is permitted by nobody tries nothing else.
    let wide = (
        prop_oneof![2 => Just(Vec::new()), 1 => some_of(3)],
        prop_oneof![2 => Just(Vec::new()), 1 => some_of(3)],
    );
    let wide = wide.prop_map(|(actions, resources)| Only { actions, resources, ..Only::default() });
    prop_oneof![3 => wide, 1 => only()].prop_map(Said::Permit)
}

fn limit() -> impl Strategy<Value = Said> {
    let near = |at: u64| prop::sample::select(vec![at - 1, at, at + 1]);
    let window = (rarely(7), rarely(4), 0..2usize, rarely(4), only()).prop_map(
        |(days, hours, zone, networks, only)| {
            let none = days.is_empty() && hours.is_empty() && networks.is_empty();
            Said::Window { days, hours, zone, networks: if none { vec![0, 1] } else { networks }, only }
        },
    );
    let of = prop::sample::select(vec!["both", "machine", "service"]);
    let grace = prop::option::of(prop::sample::select(vec![999u64, 1_000, 1_001, 60_000]));
    prop_oneof![
        2 => (only(), unless()).prop_map(|(only, unless)| Said::Prohibit(only, unless)),
        2 => (1u32..4, prop::sample::select(vec![1_000u64, 5_000, 60_000]), only())
            .prop_map(|(limit, window, only)| Said::Quota { limit, window, only }),
        1 => (0..4usize, only()).prop_map(|(max, only)| Said::Class { max, only }),
        1 => (some_of(2), only()).prop_map(|(purposes, only)| Said::Purpose { purposes, only }),
        1 => (some_of(2), of, only()).prop_map(|(regions, of, only)| Said::Residency { regions, of, only }),
        2 => window,
        1 => (0..2u32, only()).prop_map(|(depth, only)| Said::Delegation { depth, only }),
        1 => (any::<bool>(), any::<bool>(), only())
            .prop_map(|(refuse_after, charter, only)| Said::Ownership { refuse_after, charter, only }),
        1 => (near(LIFE_MS), prop_oneof![2 => Just(vec![]), 1 => some_of(2)], prop::bool::weighted(0.2), grace, only())
            .prop_map(|(most, algorithms, renewed_only, grace, only)| Said::Credential { most, algorithms, renewed_only, grace, only }),
        1 => prop::sample::select(vec![
            (NOW - 1_000, NOW + 60_000), (NOW, NOW + 3_000), (NOW + 2_000, NOW + 90_000), (NOW - 9_000, NOW + 1_000),
        ]).prop_map(|(start, end)| Said::Term { start, end }),
        1 => Just(Said::Suspension),
    ]
}

fn paper(layer: Layer) -> impl Strategy<Value = Paper> {
    let guards = matches!(layer, Layer::Acme | Layer::Forge);
    let permits = prop::collection::vec(permit(), if guards { 0..1 } else { 1..3 });
    let suspended = prop::option::of(prop::sample::select(vec![NOW, NOW + 1_000, NOW + 1_001]));
    (permits, prop::collection::vec(limit(), if guards { 1..3 } else { 0..3 }), suspended).prop_map(
        move |(mut said, limits, suspended)| {
            for limit in limits {
                let (once, seen) = (
                    matches!(limit, Said::Credential { .. } | Said::Term { .. } | Said::Suspension),
                    said.iter().any(|before| before.kind() == limit.kind()),
                );
                let nowhere = guards && matches!(limit, Said::Term { .. } | Said::Suspension);
                if !(nowhere || (once && seen)) {
                    said.push(limit);
                }
            }
            if said.is_empty() {
                said.push(Said::Class { max: 2, only: Only::default() });
            }
            let rests = said.iter().any(|said| matches!(said, Said::Suspension));
            Paper { layer, said, suspended_from: suspended.filter(|_| rests) }
        },
    )
}

fn papers() -> impl Strategy<Value = Vec<Paper>> {
    let sometimes = |layer| prop::option::weighted(0.5, paper(layer));
    let contracts = (paper(Layer::Contract(0)), sometimes(Layer::Contract(1)), sometimes(Layer::Contract(2)));
    (sometimes(Layer::Acme), sometimes(Layer::Forge), sometimes(Layer::Charter), contracts).prop_map(
        |(acme, forge, charter, (first, second, third))| {
            [acme, forge, charter, Some(first), second, third].into_iter().flatten().collect()
        },
    )
}

fn facts() -> impl Strategy<Value = Facts> {
    let class = || prop::option::weighted(0.8, 0..4usize);
    let machine = (0..3usize, 0..2usize, prop::sample::subsequence(vec![0, 1], 0..=2));
    let place = (prop::option::weighted(0.7, 0..2usize), prop::option::weighted(0.7, 0..2usize));
    let overdue =
        prop::sample::select(vec![-1, OVERDUE_MS as i64 - 1, OVERDUE_MS as i64, OVERDUE_MS as i64 + 1]);
    let scope = prop::option::weighted(0.2, (rarely(3), some_of(3)));
    let life = prop::sample::select(vec![LIFE_MS - 1, LIFE_MS, LIFE_MS + 1]);
    (
        machine,
        place,
        [class(), class(), class()],
        overdue,
        prop::bool::weighted(0.85),
        life,
        any::<bool>(),
        scope,
    )
        .prop_map(
            |(
                (kind, place, roles),
                (region, service_region),
                classes,
                overdue,
                owned,
                life,
                by_token,
                scope,
            )| {
                Facts {
                    kind,
                    place,
                    roles,
                    region,
                    service_region,
                    classes,
                    overdue,
                    owned,
                    life,
                    by_token,
                    scope,
                }
            },
        )
}

fn later() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![0u64, 1, 999, 1_000, 1_001, 4_999, 59_999])
}

fn asked() -> impl Strategy<Value = Asked> {
    let address = prop_oneof![1 => Just(1usize), 1 => 0..ADDRESSES.len()];
    (0..3usize, 0..3usize, later(), address, prop::option::of(0..2usize), 0..3usize).prop_map(
        |(action, resource, later, address, purpose, algorithm)| Asked {
            action,
            resource,
            later,
            address,
            purpose,
            algorithm,
        },
    )
}

// ---- both sides ------------------------------------------------------------------------------------------------

fn world(facts: &Facts, papers: &[Paper]) -> World {
    let mut world = World::new();
    let name = |names: &[&str], at: &usize| names[*at].parse().unwrap();
    let mut service = files();
    service.region = facts.service_region.as_ref().map(|at| name(&REGIONS, at));
    for (resource, class) in service.resources.iter_mut().zip(facts.classes) {
        resource.class = class.map(|at| CLASSES[at].1);
    }
    world.event(Event::ServiceRegistered(service));
    let mut identity = robot(machine(), "robot");
    identity.kind = KINDS[facts.kind].1;
    identity.environment = PLACES[facts.place].1;
    identity.roles = facts.roles.iter().map(|at| name(&ROLES, at)).collect();
    identity.region = facts.region.as_ref().map(|at| name(&REGIONS, at));
    if !facts.owned {
        identity.deputy.accepted_ms = None;
    }
    world.event(Event::IdentityProposed(identity));
    let mut issued = certificate(machine(), testkit::SERIAL);
    if let Event::CredentialIssued { not_before_ms, not_after_ms, token, scope, .. } = &mut issued {
        *not_before_ms = NOW - 1_000;
        *not_after_ms = NOW - 1_000 + facts.life;
        *token = facts.by_token.then_some([1; 32]);
        *scope = facts.scope.as_ref().map(|(actions, resources)| Scope {
            actions: actions.iter().map(|at| name(&ACTIONS, at)).collect(),
            on: resources.iter().map(|at| format!("files/{}", RESOURCES[*at]).parse().unwrap()).collect(),
        });
    }
    world.event(issued);
    for paper in papers {
        world.instrument_with(&paper.source(), |instrument| {
            instrument.suspended_from_ms = paper.suspended_from
        });
    }
    world
}

#[test]
fn every_layer_decides_as_it_reads() {
    // With so many each kind of clause matters in some request of every run.
    const CASES: u32 = 300;
    const REQUESTS_MIN: usize = 4_000;
    const AGAIN_MIN: usize = 500;
    let tally: RefCell<BTreeMap<&'static str, usize>> = RefCell::new(BTreeMap::new());
    let count = |what| *tally.borrow_mut().entry(what).or_default() += 1;
    // Some of few: what was permitted before is asked again.
    let few = (prop::collection::vec(asked(), 5), prop::collection::vec((0..5usize, later()), 16));
    let requests = few.prop_map(|(few, turns)| {
        let turn = |(at, later): (usize, u64)| Asked { later, ..few[at].clone() };
        turns.into_iter().map(turn).collect::<Vec<_>>()
    });
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let run = runner.run(&(facts(), papers(), requests), |(mut facts, papers, requests)| {
        let mut world = world(&facts, &papers);
        // Whoever remembers what was permitted says the same as whoever works it out each time.
        let (counters, forgetful) = (Counters::remembering(), Counters::default());
        let mut calls: Vec<Vec<Call>> = vec![Vec::new(); papers.len()];
        let mut now = NOW;
        let review = (NOW as i64 - facts.overdue) as u64;
        let mut identity = world.rules.state().identities.get(&machine()).unwrap().clone();
        identity.review_ms = review;
        world.event(Event::IdentityProposed(identity));
        for asked in &requests {
            now += asked.later;
            if now >= NOW - 1_000 + facts.life {
                break;
            }
            facts.overdue = now as i64 - review as i64;
            let chartered =
                papers.iter().any(|paper| paper.layer == Layer::Charter && paper.is_in_force(now));
            let oracle = Oracle { facts: &facts, asked, now, chartered };
            let readings: Vec<(Vec<usize>, bool)> =
                papers.iter().zip(&calls).map(|(paper, calls)| oracle.reads(paper, calls)).collect();
            let says = |at: &usize| readings[*at].0.is_empty() && readings[*at].1;
            let (contracts, above): (Vec<usize>, Vec<usize>) =
                (0..papers.len()).partition(|at| matches!(papers[*at].layer, Layer::Contract(_)));
            let chosen = contracts.iter().copied().find(|at| says(at));
            let expected = !oracle.scoped_out() && above.iter().all(says) && chosen.is_some();

            let mut request =
                Request { now_ms: now, ..request(ACTIONS[asked.action], RESOURCES[asked.resource]) };
            request.channel.address = ADDRESSES[asked.address].parse().unwrap();
            request.channel.purpose = asked.purpose.map(|at| PURPOSES[at].to_owned());
            request.channel.key_algorithm = ALGORITHMS[asked.algorithm];
            let worked_out = decide(&world.rules, &forgetful, request.clone());
            let verdict = decide(&world.rules, &counters, request);
            prop_assert_eq!(format!("{:?}", verdict), format!("{:?}", worked_out));
            let found = matches!(verdict, Verdict::Permit(_));
            prop_assert_eq!(found, expected, "{:?} of {:?} at +{}: {:?}", asked, facts, now - NOW, verdict);
            count("requests");
            match verdict {
                Verdict::Permit(_) => {
                    count("permitted");
                    for at in above.iter().copied().chain(chosen) {
                        calls[at].push((now, asked.action, asked.resource));
                    }
                }
                Verdict::Denial(denial) => {
                    prop_assert_eq!(denial.reason == Reason::CredentialScope, oracle.scoped_out());
                    if oracle.scoped_out() {
                        count("scope");
                    }
                    // What is cited is one of the clauses that stop it, or the rule of reading where none does.
                    if let Some(cited) = &denial.cited {
                        let at = papers.iter().position(|paper| paper.name() == cited.name).unwrap();
                        let (stopping, permits) = &readings[at];
                        match cited.clause.item.checked_sub(1).filter(|_| cited.clause.section > 0) {
                            Some(clause) => {
                                prop_assert!(stopping.contains(&usize::from(clause)), "{:?}", cited);
                                let said = &papers[at].said[usize::from(clause)];
                                let counts = matches!(said, Said::Quota { .. });
                                prop_assert_eq!(counts, denial.reason == Reason::QuotaExhausted);
                                count(said.kind());
                            }
                            None => {
                                prop_assert!(!permits && stopping.is_empty(), "{:?}", cited);
                                count("permit");
                            }
                        }
                    }
                }
            }
        }
        *tally.borrow_mut().entry("again").or_default() += counters.given_again() as usize;
        Ok(())
    });
    let tally = tally.into_inner();
    assert!(run.is_ok(), "{}", run.unwrap_err());
    assert!(tally.get("requests").copied().unwrap_or_default() >= REQUESTS_MIN, "{tally:?}");
    // Among them what was permitted because it had been before.
    assert!(tally.get("again").copied().unwrap_or_default() >= AGAIN_MIN, "{tally:?}");
    // Every kind that can stop a direct call did, and enough went through for quotas to count.
    let stopping = [
        "permit",
        "prohibit",
        "quota",
        "classification",
        "purpose",
        "residency",
        "window",
        "ownership",
        "credential",
        "term",
        "suspension",
        "scope",
        "permitted",
    ];
    for kind in stopping {
        assert!(tally.contains_key(kind), "{kind} never mattered: {tally:?}");
    }
}
