//! The same contracts and the same requests, decided by others: Cedar without our index, regorus, casbin.
//! Every engine must give our verdict on every request of the first pass before anything is timed.
//! It compares decisions in one process. It does not compare products: none of the others keeps words,
//! owners, quotas or records.

use crate::{quantile, us};
use anyhow::Context as _;
use casbin::rhai::Dynamic;
use casbin::{CoreApi as _, DefaultModel, Enforcer, MemoryAdapter, MgmtApi as _};
use cedar_policy::{Authorizer, Decision, Entities, EntityUid, PolicySet, RestrictedExpression};
use policy::{AsOf, Bundle, Counters, Request, Rules, Verdict, decide};
use registry::{Actor, Event, IdentityId, InstrumentId, Recorded};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::{NOW, Shelf, contract_for, id};

const SIZES: [u32; 3] = [100, 1_000, 10_000];
/// Requests on which all must agree.
const COMPARED: u32 = 10_000;
/// How long an engine may take to answer them at one size: the slowest would take hours.
const COMPARING_TIME_MAX: Duration = Duration::from_secs(60);
/// How long, and with how many requests, an engine is measured at one size.
const TIMING_TIME_MAX: Duration = Duration::from_secs(8);
const TIMED_MAX: usize = 50_000;
const TIMED_MIN: usize = 100;

const HOUR_MS: u64 = 3_600_000;
/// 2026-01-01 and 2036-01-01, UTC, as in the contracts' term clause.
const START_MS: u64 = 1_767_225_600_000;
const END_MS: u64 = 2_082_758_400_000;

/// What differs between contracts.
struct Deal {
    limit: u64,
    /// How long the machine's certificate lives.
    life_ms: u64,
}

impl Deal {
    fn of(n: u32) -> Self {
        // Some certificates live exactly as long as they may, some a millisecond longer.
        let life_ms = match n % 8 {
            6 => HOUR_MS,
            7 => HOUR_MS + 1,
            _ => 660_000,
        };
        Self { limit: if n % 16 == 5 { 3 } else { 60_000 }, life_ms }
    }

    fn until_ms(&self) -> u64 {
        NOW - 60_000 + self.life_ms
    }
}

/// A request with the facts that all engines are given.
#[derive(Clone)]
struct Asked {
    machine: u32,
    action: &'static str,
    resource: &'static str,
    now_ms: u64,
    counted: u64,
}

/// The nth request: half may pass, a quarter is prohibited, a quarter nothing permits; at random moments,
/// the last one of a certificate and the first one after it among them.
fn asked(n: u32, contracts: u32) -> Asked {
    let machine = n.wrapping_mul(7_919) % contracts;
    let (action, resource) = match n % 8 {
        0 | 1 => ("delete", "a"),
        2 => ("read", "b"),
        3 => ("write", "c"),
        4 | 5 => ("write", "a"),
        _ => ("read", "a"),
    };
    let until = Deal::of(machine).until_ms();
    let now_ms = match n % 50 {
        // The driver counts calls without regard to time: whoever has a small quota asks within one window.
        _ if Deal::of(machine).limit == 3 => NOW + u64::from(n % 1_000),
        0 => until - 1,
        1 => until,
        2 => END_MS - 1,
        3 => END_MS,
        4 => START_MS,
        5 => START_MS - 1,
        _ => NOW + u64::from(n % 1_000),
    };
    Asked { machine, action, resource, now_ms, counted: 0 }
}

trait Engine {
    fn name(&self) -> &'static str;
    fn permits(&mut self, asked: &Asked) -> anyhow::Result<bool>;
}

struct Ours {
    rules: Rules,
    counters: Counters,
}

fn machine(n: u32) -> IdentityId {
    IdentityId::from_entropy(id(n))
}

fn serial(n: u32) -> [u8; 16] {
    (u128::from(n) + 1).to_be_bytes()
}

impl Ours {
    fn new(contracts: u32) -> anyhow::Result<Self> {
        let shelf = Arc::new(Shelf::default());
        let mut rules = Rules::new(shelf.clone());
        let apply = |rules: &mut Rules, events: Vec<Event>| {
            rules.apply(&Recorded { actor: Actor::System, events }, NOW - 60_000);
        };
        apply(&mut rules, testkit::ground());
        for n in 0..contracts {
            let deal = Deal::of(n);
            let clauses = [
                "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a\"]".to_owned(),
                "kind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"a\"]".to_owned(),
                format!("kind = \"quota\"\nlimit = {}\nwindow = \"1 minute\"", deal.limit),
                "kind = \"credential\"\nmax-ttl = \"1 hour\"".to_owned(),
                "kind = \"term\"\nstart = 2026-01-01\nend = 2036-01-01".to_owned(),
            ];
            let clauses: Vec<&str> = clauses.iter().map(String::as_str).collect();
            let text = contract_for(&format!("deal-{n}"), &format!("machine-{n}"), &clauses);
            let read = contract::read(&text).map_err(|found| anyhow::anyhow!("{found:?}"))?;
            let bundle = if n == 0 { Bundle::compile(&read)? } else { Bundle::unchecked(&read) };
            shelf.put(&text);
            let instrument = InstrumentId::from_entropy(id(n));
            let issued = Event::CredentialIssued {
                identity: machine(n),
                serial: serial(n),
                public_key: [0; 32],
                not_before_ms: NOW - 60_000,
                not_after_ms: deal.until_ms(),
                token: Some([1; 32]),
                scope: None,
                attested: None,
                tbs: None,
                token_until_ms: None,
                root: None,
            };
            let proposed = Event::IdentityProposed(testkit::robot(machine(n), &format!("machine-{n}")));
            apply(&mut rules, vec![proposed, issued]);
            let drafted = testkit::drafted_unchecked(rules.state(), instrument, &text, &read, bundle.hash());
            apply(
                &mut rules,
                vec![Event::InstrumentDrafted(Box::new(drafted)), Event::InstrumentInForce { instrument }],
            );
        }
        rules.seal(AsOf { size: 1, root: [0; 32] });
        let mut ours = Self { rules, counters: Counters::default() };
        // What compiling costs is measured elsewhere.
        for n in 0..contracts {
            ours.permits(&Asked { machine: n, action: "delete", resource: "a", now_ms: NOW, counted: 0 })?;
        }
        Ok(ours)
    }
}

impl Engine for Ours {
    fn name(&self) -> &'static str {
        "Writ: registry, slice, decide, count"
    }

    fn permits(&mut self, asked: &Asked) -> anyhow::Result<bool> {
        let request = Request {
            identity: machine(asked.machine),
            serial: serial(asked.machine),
            now_ms: asked.now_ms,
            ..testkit::request(asked.action, asked.resource)
        };
        Ok(matches!(decide(&self.rules, &self.counters, request), Verdict::Permit(_)))
    }
}

/// All policies in one set, as somebody would who has no index.
struct PlainCedar {
    policies: PolicySet,
    deals: Vec<Deal>,
}

impl PlainCedar {
    fn new(contracts: u32) -> anyhow::Result<Self> {
        let mut text = String::new();
        let deals: Vec<Deal> = (0..contracts).map(Deal::of).collect();
        for (n, deal) in deals.iter().enumerate() {
            let machine = format!("principal == Machine::\"machine-{n}\"");
            let a = "resource == Resource::\"files/a\"";
            writeln!(text, "permit({machine}, action in [Action::\"read\", Action::\"write\"], {a});")?;
            writeln!(text, "forbid({machine}, action == Action::\"delete\", {a});")?;
            writeln!(
                text,
                "forbid({machine}, action, resource) when {{ context.counted >= {} }};",
                deal.limit
            )?;
            writeln!(text, "forbid({machine}, action, resource) when {{ context.life > {HOUR_MS} }};")?;
            writeln!(
                text,
                "forbid({machine}, action, resource) when {{ context.now < {START_MS} || context.now >= {END_MS} \
                 || context.now >= context.until }};"
            )?;
        }
        Ok(Self { policies: text.parse()?, deals })
    }
}

impl Engine for PlainCedar {
    fn name(&self) -> &'static str {
        "Cedar 4.14, one policy set"
    }

    fn permits(&mut self, asked: &Asked) -> anyhow::Result<bool> {
        let deal = self.deals.get(asked.machine as usize).context("no such machine")?;
        let long = |value: u64| RestrictedExpression::new_long(value as i64);
        let context = cedar_policy::Context::from_pairs([
            ("now".to_owned(), long(asked.now_ms)),
            ("life".to_owned(), long(deal.life_ms)),
            ("until".to_owned(), long(deal.until_ms())),
            ("counted".to_owned(), long(asked.counted)),
        ])?;
        let uid = |kind: &str, name: &str| {
            Ok::<_, anyhow::Error>(EntityUid::from_type_name_and_id(kind.parse()?, name.parse()?))
        };
        let request = cedar_policy::Request::new(
            uid("Machine", &format!("machine-{}", asked.machine))?,
            uid("Action", asked.action)?,
            uid("Resource", &format!("files/{}", asked.resource))?,
            context,
            None,
        )?;
        let response = Authorizer::new().is_authorized(&request, &self.policies, &Entities::empty());
        anyhow::ensure!(response.diagnostics().errors().next().is_none(), "an error in a policy");
        Ok(response.decision() == Decision::Allow)
    }
}

/// One rule over contracts that are data: the lookup is by key.
struct Rego {
    engine: regorus::Engine,
    deals: Vec<Deal>,
}

const REGO: &str = r#"package writ
import rego.v1

default allow := false

allow if {
    deal := data.deals[input.machine]
    input.action in deal.actions
    input.resource in deal.resources
    not forbidden(deal)
}

forbidden(deal) if { input.action in deal.never; input.resource in deal.resources }
forbidden(deal) if input.counted >= deal.limit
forbidden(deal) if input.life > deal.ttl
forbidden(deal) if input.now < deal.start
forbidden(deal) if input.now >= deal.end
forbidden(_) if input.now >= input.until
"#;

impl Rego {
    fn new(contracts: u32) -> anyhow::Result<Self> {
        let deals: Vec<Deal> = (0..contracts).map(Deal::of).collect();
        let data: serde_json::Map<String, serde_json::Value> = deals
            .iter()
            .enumerate()
            .map(|(n, deal)| {
                let value = serde_json::json!({
                    "actions": ["read", "write"], "resources": ["a"], "never": ["delete"],
                    "limit": deal.limit, "ttl": HOUR_MS, "start": START_MS, "end": END_MS,
                });
                (format!("machine-{n}"), value)
            })
            .collect();
        let mut engine = regorus::Engine::new();
        engine.add_policy("writ.rego".into(), REGO.into())?;
        engine.add_data_json(&serde_json::json!({ "deals": data }).to_string())?;
        Ok(Self { engine, deals })
    }
}

impl Engine for Rego {
    fn name(&self) -> &'static str {
        "regorus 0.14, contracts as data"
    }

    fn permits(&mut self, asked: &Asked) -> anyhow::Result<bool> {
        let deal = self.deals.get(asked.machine as usize).context("no such machine")?;
        let mut input = regorus::Value::new_object();
        let fields = input.as_object_mut()?;
        let mut put = |name: &str, value: regorus::Value| {
            fields.insert(name.into(), value);
        };
        put("machine", format!("machine-{}", asked.machine).into());
        put("action", asked.action.into());
        put("resource", asked.resource.into());
        put("counted", asked.counted.into());
        put("life", deal.life_ms.into());
        put("until", deal.until_ms().into());
        put("now", asked.now_ms.into());
        self.engine.set_input(input);
        Ok(*self.engine.eval_rule("data.writ.allow".into())?.as_bool()?)
    }
}

/// One line of policy per right or prohibition.
struct Casbin {
    enforcer: Enforcer,
    deals: Vec<Deal>,
}

const CASBIN: &str = "[request_definition]
r = sub, act, obj, now, life, until, counted

[policy_definition]
p = sub, act, obj, limit, eft

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = r.sub == p.sub && r.act == p.act && r.obj == p.obj && within(r.now, r.life, r.until) && below(r.counted, p.limit)
";

/// Its numbers have 32 bits: ours travel as text. What is no number is more than anything.
fn number(value: &Dynamic) -> u64 {
    casbin::function_map::dynamic_to_str(value).parse().unwrap_or(u64::MAX)
}

impl Casbin {
    async fn new(contracts: u32) -> anyhow::Result<Self> {
        let deals: Vec<Deal> = (0..contracts).map(Deal::of).collect();
        let model = DefaultModel::from_str(CASBIN).await?;
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await?;
        enforcer.add_function(
            "within",
            casbin::function_map::OperatorFunction::Arg3(|now, life, until| {
                let of = |value: Dynamic| number(&value);
                let (now, life, until) = (of(now), of(life), of(until));
                (now < until && (START_MS..END_MS).contains(&now) && life <= HOUR_MS).into()
            }),
        );
        enforcer.add_function(
            "below",
            casbin::function_map::OperatorFunction::Arg2(|counted, limit| {
                (number(&counted) < number(&limit)).into()
            }),
        );
        let mut lines = Vec::new();
        for (n, deal) in deals.iter().enumerate() {
            for (action, effect) in [("read", "allow"), ("write", "allow"), ("delete", "deny")] {
                let line = [&format!("machine-{n}"), action, "a", &deal.limit.to_string(), effect];
                lines.push(line.map(ToOwned::to_owned).to_vec());
            }
        }
        enforcer.add_policies(lines).await?;
        Ok(Self { enforcer, deals })
    }
}

impl Engine for Casbin {
    fn name(&self) -> &'static str {
        "casbin 2.20, a line per right"
    }

    fn permits(&mut self, asked: &Asked) -> anyhow::Result<bool> {
        let deal = self.deals.get(asked.machine as usize).context("no such machine")?;
        let machine = format!("machine-{}", asked.machine);
        let facts = (
            machine,
            asked.action,
            asked.resource,
            asked.now_ms.to_string(),
            deal.life_ms.to_string(),
            deal.until_ms().to_string(),
            asked.counted.to_string(),
        );
        Ok(self.enforcer.enforce(facts)?)
    }
}

pub(crate) async fn run() -> anyhow::Result<()> {
    println!("\ndecision beside others: one thread, request built and decided, same verdicts first");
    let mut compared: HashMap<&'static str, u32> = HashMap::new();
    for contracts in SIZES {
        let mut ours = Ours::new(contracts)?;
        let answers = answers(&mut ours, contracts)?;
        let others: [Box<dyn Engine>; 3] = [
            Box::new(PlainCedar::new(contracts)?),
            Box::new(Rego::new(contracts)?),
            Box::new(Casbin::new(contracts).await?),
        ];
        println!("  {contracts} contracts");
        told(&mut ours, contracts, answers.len())?;
        for mut engine in others {
            let agreed = agree(engine.as_mut(), &answers)?;
            *compared.entry(engine.name()).or_default() += agreed as u32;
            told(engine.as_mut(), contracts, agreed)?;
        }
    }
    for (engine, requests) in compared {
        anyhow::ensure!(requests >= COMPARED, "{engine} was compared on {requests} requests only");
    }
    Ok(())
}

/// Our verdicts on the requests of the comparison.
fn answers(ours: &mut Ours, contracts: u32) -> anyhow::Result<Vec<(Asked, bool)>> {
    let mut counted: HashMap<u32, u64> = HashMap::new();
    let mut answers = Vec::new();
    for n in 0..COMPARED {
        let request = asked(n, contracts);
        let request = Asked { counted: counted.get(&request.machine).copied().unwrap_or(0), ..request };
        let permitted = ours.permits(&request)?;
        if permitted {
            *counted.entry(request.machine).or_default() += 1;
        }
        answers.push((request, permitted));
    }
    let permitted = answers.iter().filter(|(_, permitted)| *permitted).count();
    anyhow::ensure!(
        (COMPARED / 4..COMPARED / 2 + COMPARED / 8).contains(&(permitted as u32)),
        "{permitted} permitted"
    );
    Ok(answers)
}

/// On how many requests another engine gave the same verdict before its time was up.
fn agree(engine: &mut dyn Engine, answers: &[(Asked, bool)]) -> anyhow::Result<usize> {
    let started = Instant::now();
    for (n, (request, permitted)) in answers.iter().enumerate() {
        if started.elapsed() > COMPARING_TIME_MAX {
            return Ok(n);
        }
        anyhow::ensure!(
            engine.permits(request)? == *permitted,
            "{} does not agree on request {n}, which Writ {}: machine-{} to {} {} at {}, counted {}",
            engine.name(),
            if *permitted { "permits" } else { "denies" },
            request.machine,
            request.action,
            request.resource,
            request.now_ms,
            request.counted
        );
    }
    Ok(answers.len())
}

fn told(engine: &mut dyn Engine, contracts: u32, compared: usize) -> anyhow::Result<()> {
    let mut samples = Vec::new();
    let started = Instant::now();
    for n in 0.. {
        if samples.len() >= TIMED_MAX || (started.elapsed() > TIMING_TIME_MAX && samples.len() >= TIMED_MIN) {
            break;
        }
        let request = asked(n, contracts);
        let at = Instant::now();
        std::hint::black_box(engine.permits(&request)?);
        samples.push(at.elapsed());
    }
    samples.sort();
    println!(
        "    {:<38} p50 {:>9} µs   p99 {:>9} µs   ({} samples; same verdict on {compared})",
        engine.name(),
        us(quantile(&samples, 0.5)),
        us(quantile(&samples, 0.99)),
        samples.len(),
    );
    Ok(())
}
