//! The decision against an independent reading of the clauses, on random contracts and requests,
//! boundaries included (check 5). Also: every parameter changes the bundle (check 3).

use policy::{Bundle, Counters, Verdict, decide};
use proptest::prelude::*;
use testkit::{NOW, World, document, request};

/// A clause as the oracle reads it.
#[derive(Clone, Debug)]
enum Said {
    Permit(Vec<usize>, Vec<usize>),
    Prohibit(Vec<usize>, Vec<usize>),
    Quota(u32, u64, Vec<usize>, Vec<usize>),
    Credential(u64),
    Term(u64, u64),
}

const ACTIONS: [&str; 3] = ["read", "write", "delete"];
const RESOURCES: [&str; 3] = ["a", "b", "c"];

fn list(names: &[&str], chosen: &[usize]) -> String {
    let names: Vec<String> = chosen.iter().map(|at| format!("\"{}\"", names[*at])).collect();
    format!("[{}]", names.join(", "))
}

fn block(said: &Said) -> String {
    let both = |a: &[usize], r: &[usize]| {
        format!("actions = {}\nresources = {}", list(&ACTIONS, a), list(&RESOURCES, r))
    };
    match said {
        Said::Permit(a, r) => format!("kind = \"permit\"\n{}", both(a, r)),
        Said::Prohibit(a, r) => format!("kind = \"prohibit\"\n{}", both(a, r)),
        Said::Quota(limit, ms, a, r) => {
            let mut only = Vec::new();
            if !a.is_empty() {
                only.push(format!("actions = {}", list(&ACTIONS, a)));
            }
            if !r.is_empty() {
                only.push(format!("resources = {}", list(&RESOURCES, r)));
            }
            let only = only.join(", ");
            format!("kind = \"quota\"\nlimit = {limit}\nwindow = \"{ms} ms\"\nonly = {{ {only} }}")
        }
        Said::Credential(ms) => format!("kind = \"credential\"\nmax-ttl = \"{ms} ms\""),
        Said::Term(start, end) => {
            format!("kind = \"term\"\nstart = {}\nend = {}", instant(*start), instant(*end))
        }
    }
}

pub(crate) fn instant(ms: u64) -> String {
    // Only whole seconds occur.
    let seconds = ms / 1_000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970, days);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let months = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= months[month] {
        day -= months[month];
        month += 1;
    }
    format!(
        "{year}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        month + 1,
        day + 1,
        rest / 3600,
        rest % 3600 / 60,
        rest % 60
    )
}

/// The naive reading: no index, no engine, no sharing.
fn naive(
    clauses: &[Said],
    calls: &[(u64, usize, usize)],
    now: u64,
    life: u64,
    action: usize,
    resource: usize,
) -> bool {
    let covers = |a: &[usize], r: &[usize], action: usize, resource: usize| {
        (a.is_empty() || a.contains(&action)) && (r.is_empty() || r.contains(&resource))
    };
    let permitted =
        clauses.iter().any(|said| matches!(said, Said::Permit(a, r) if covers(a, r, action, resource)));
    let forbidden = clauses.iter().any(|said| match said {
        Said::Permit(..) => false,
        Said::Prohibit(a, r) => covers(a, r, action, resource),
        Said::Quota(limit, window, a, r) => {
            covers(a, r, action, resource)
                && calls.iter().filter(|(at, ca, cr)| now - at < *window && covers(a, r, *ca, *cr)).count()
                    >= *limit as usize
        }
        Said::Credential(most) => life > *most,
        Said::Term(start, end) => now < *start || now >= *end,
    });
    permitted && !forbidden
}

fn subset() -> impl Strategy<Value = Vec<usize>> {
    prop::sample::subsequence(vec![0usize, 1, 2], 1..=3)
}

fn any_subset() -> impl Strategy<Value = Vec<usize>> {
    prop::sample::subsequence(vec![0usize, 1, 2], 0..=3)
}

fn clause() -> impl Strategy<Value = Said> {
    prop_oneof![
        4 => (subset(), subset()).prop_map(|(a, r)| Said::Permit(a, r)),
        1 => (subset(), subset()).prop_map(|(a, r)| Said::Prohibit(a, r)),
        2 => (1u32..4, prop::sample::select(vec![1u64, 1_000, 5_000]), any_subset(), any_subset())
            .prop_map(|(limit, window, a, r)| Said::Quota(limit, window, a, r)),
    ]
}

fn contract() -> impl Strategy<Value = Vec<Said>> {
    let life = prop::option::of(prop::sample::select(vec![659_999u64, 660_000, 660_001]));
    let term = prop::option::of(prop::sample::select(vec![
        (NOW - 1_000, NOW + 20_000),
        (NOW, NOW + 3_000),
        (NOW + 2_000, NOW + 9_000),
        (NOW - 9_000, NOW),
    ]));
    (prop::collection::vec(clause(), 1..6), life, term).prop_map(|(mut clauses, life, term)| {
        clauses.extend(life.map(Said::Credential));
        clauses.extend(term.map(|(start, end)| Said::Term(start, end)));
        clauses
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn decisions_agree_with_the_naive_reading(
        clauses in contract(),
        acts in prop::collection::vec((0usize..3, 0usize..3, prop::sample::select(vec![0u64, 1, 999, 1_000, 1_001, 4_999])), 1..12),
    ) {
        let blocks: Vec<String> = clauses.iter().map(block).collect();
        let source = document("deal", &blocks.iter().map(String::as_str).collect::<Vec<_>>());
        let mut world = World::new();
        world.instrument(&source);
        let counters = Counters::default();
        let (mut now, mut calls) = (NOW, Vec::new());
        for (action, resource, later) in acts {
            now += later;
            let mut asked = request(ACTIONS[action], RESOURCES[resource]);
            asked.now_ms = now;
            let expected = naive(&clauses, &calls, now, 660_000, action, resource);
            let verdict = decide(&world.rules, &counters, asked);
            let found = matches!(verdict, Verdict::Permit(_));
            prop_assert_eq!(found, expected, "{} {} at +{}: {:?}", ACTIONS[action], RESOURCES[resource], now - NOW, verdict);
            if found {
                calls.push((now, action, resource));
            }
        }
    }
}

#[test]
fn every_parameter_changes_the_bundle() {
    let base = [
        Said::Permit(vec![0], vec![0]),
        Said::Prohibit(vec![1], vec![1]),
        Said::Quota(3, 1_000, vec![0], vec![0]),
        Said::Credential(60_000),
        Said::Term(NOW, NOW + 1_000),
    ];
    let bundle = |clauses: &[Said]| {
        let blocks: Vec<String> = clauses.iter().map(block).collect();
        let source = document("deal", &blocks.iter().map(String::as_str).collect::<Vec<_>>());
        Bundle::compile(&contract::check(&source).unwrap()).unwrap().hash()
    };
    let changes: [(usize, Said); 11] = [
        (0, Said::Permit(vec![2], vec![0])),
        (0, Said::Permit(vec![0], vec![0, 1])),
        (1, Said::Prohibit(vec![2], vec![1])),
        (1, Said::Prohibit(vec![1], vec![2])),
        (2, Said::Quota(4, 1_000, vec![0], vec![0])),
        (2, Said::Quota(3, 1_000, vec![], vec![0])),
        (2, Said::Quota(3, 1_000, vec![0], vec![])),
        (3, Said::Credential(60_001)),
        (4, Said::Term(NOW + 1_000, NOW + 2_000)),
        (4, Said::Term(NOW, NOW + 2_000)),
        (4, Said::Term(NOW - 1_000, NOW + 1_000)),
    ];
    for (at, said) in changes {
        let mut changed = base.clone();
        changed[at] = said.clone();
        assert_ne!(bundle(&changed), bundle(&base), "{said:?}");
    }
}
