//! `writ learn`: from what a machine was seen to do to a charter that permits that and nothing else. What is proposed is
//! ordered by evidence, and says what it cannot know. Nobody signs it by itself.

use crate::output;
use api::view::{DecisionView, IdentityView, PartyView, TouchView};
use api::{Client, PAGE_ROWS_MAX};
use contract::terms::{Field, LIST_MAX};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// Refusals that are told at most.
const REFUSALS_MAX: usize = 20;
const HOUR_MS: u64 = 3_600_000;

pub(crate) async fn run(
    client: &Client,
    machine: &str,
    from: u64,
    out: Option<&Path>,
    json: bool,
) -> anyhow::Result<()> {
    let (party, name) = machine
        .split_once('/')
        .ok_or_else(|| anyhow::anyhow!("`{machine}` names no machine: write it as party/name"))?;
    let identity: IdentityView = client.get(&format!("/v1/identities/{machine}")).await?;
    let parties: Vec<PartyView> = client.get("/v1/parties").await?;
    let legal_name = parties.into_iter().find(|known| known.name == party).map(|known| known.legal_name);
    let mut learned = Learned::default();
    let mut next = from;
    loop {
        let path = format!("/v1/decisions?from={next}&limit={PAGE_ROWS_MAX}&touches=true");
        let rows: Vec<DecisionView> = client.get(&path).await?;
        let Some(last) = rows.last().map(|row| row.index) else { break };
        next = last + 1;
        rows.iter().filter(|row| row.machine.as_deref() == Some(machine)).for_each(|row| learned.see(row));
    }
    anyhow::ensure!(
        !learned.acts.is_empty(),
        "nothing was permitted to `{machine}` since decision {from}: there is nothing to learn from"
    );
    let draft =
        learned.charter(party, &legal_name.unwrap_or_else(|| party.to_owned()), name, &identity.purpose);
    let draft = contract::format(&draft).map_err(|findings| {
        let first = findings.first().map(|found| found.message.clone()).unwrap_or_default();
        anyhow::anyhow!("what was learned makes no charter: {first}")
    })?;
    if json {
        output::json(&learned.evidence());
    }
    match out {
        Some(path) => {
            std::fs::write(path, draft)?;
            output::aside(format!(
                "{}: a draft from {} permitted acts; read it, narrow it, then `writ check` and `writ instrument draft`",
                path.display(),
                learned.permitted
            ));
        }
        None if !json => output::text(&draft),
        None => {}
    }
    Ok(())
}

/// What was seen of one act on one resource.
#[derive(Default, serde::Serialize)]
struct Evidence {
    times: u64,
    /// The first and the last decision.
    first: u64,
    last: u64,
    /// Columns; none where they could be any.
    columns: Option<BTreeSet<String>>,
    /// Whether each statement that changed or removed rows said which.
    which_rows: bool,
    /// It is an act on a database.
    of_statements: bool,
}

#[derive(Default)]
struct Learned {
    /// By service, resource and act.
    acts: BTreeMap<(String, String, String), Evidence>,
    refused: BTreeMap<String, u64>,
    permitted: u64,
    since_ms: Option<u64>,
    until_ms: u64,
    /// Calls by the hour.
    hours: BTreeMap<u64, u64>,
}

impl Learned {
    fn see(&mut self, row: &DecisionView) {
        let (Some(service), Some(action), Some(resource)) = (&row.service, &row.action, &row.resource) else {
            return;
        };
        self.since_ms.get_or_insert(row.time_ms);
        self.until_ms = row.time_ms;
        if row.kind == "denied" {
            let what = format!("{action} {service}/{resource} ({})", row.reason);
            *self.refused.entry(what).or_default() += 1;
            return;
        }
        self.permitted += 1;
        *self.hours.entry(row.time_ms / HOUR_MS).or_default() += 1;
        let own = std::iter::once((action.as_str(), resource.as_str()));
        let beside = row.beside.iter().filter_map(|act| act.split_once(' '));
        for (at, (action, resource)) in own.chain(beside).enumerate() {
            let key = (service.clone(), resource.to_owned(), action.to_owned());
            let fresh = || Evidence {
                first: row.index,
                columns: Some(BTreeSet::new()),
                which_rows: true,
                of_statements: row.session.is_some(),
                ..Evidence::default()
            };
            self.acts.entry(key).or_insert_with(fresh).see(row.index, row.touches.get(at));
        }
    }

    /// The busiest hour.
    fn busiest(&self) -> u64 {
        self.hours.values().copied().max().unwrap_or(0)
    }

    fn charter(&self, party: &str, legal_name: &str, name: &str, purpose: &str) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut draft = String::from("+++\n");
        let mut remark = |text: &str| {
            let _ = writeln!(draft, "# {text}");
        };
        let span = |ms: Option<u64>| ms.map_or_else(String::new, output::time);
        remark(&format!(
            "Proposed by `writ learn {party}/{name}` from {} permitted acts between {} and {}.",
            self.permitted,
            span(self.since_ms),
            span(Some(self.until_ms))
        ));
        remark(&format!("Its registered purpose: {}.", purpose.replace('\n', " ")));
        remark(
            "What this cannot know: what the machine does more rarely than it was watched; whether what it did was",
        );
        remark(
            "right; what other gateways let through; what was erased; for which purpose each act was; which conditions",
        );
        remark("(hours, networks, approval) would have fitted. Rows and values are not looked at.");
        for (what, times) in self.refused.iter().take(REFUSALS_MAX) {
            remark(&format!("Refused, and not proposed: {times} x {what}."));
        }
        if self.refused.len() > REFUSALS_MAX {
            remark(&format!("And {} other kinds of refusal.", self.refused.len() - REFUSALS_MAX));
        }
        let title = quoted(&format!("Charter of {name}"));
        let _ = write!(
            draft,
            "instrument = \"charter\"\nname = {}\nversion = 1\ntitle = {title}\n\n[holder]\nparty = {}\nlegal-name = {}\nmachine = {}\n+++\n\n# Charter of {name}\n\n## Permissions\n",
            quoted(&format!("{name}-charter")),
            quoted(party),
            quoted(legal_name),
            quoted(name)
        );
        let mut by_resource: BTreeMap<(&str, &str), Vec<(&str, &Evidence)>> = BTreeMap::new();
        for ((service, resource, action), evidence) in &self.acts {
            by_resource.entry((service, resource)).or_default().push((action, evidence));
        }
        for ((service, resource), acts) in &by_resource {
            draft.push_str("\n```clause\n");
            for (action, evidence) in acts {
                let Evidence { times, first, last, .. } = evidence;
                let _ = match times {
                    1 => writeln!(draft, "# {action}: once, decision {first}"),
                    _ => writeln!(draft, "# {action}: {times} times, decisions {first} to {last}"),
                };
            }
            let actions: Vec<String> = acts.iter().map(|(action, _)| quoted(action)).collect();
            let _ = write!(
                draft,
                "kind = \"permit\"\nactions = [{}]\nresources = [{}]\n```\n",
                actions.join(", "),
                quoted(&format!("{service}/{resource}"))
            );
        }
        let mut unbounded = Vec::new();
        let bounds: Vec<String> = by_resource
            .iter()
            .filter_map(|((service, resource), acts)| {
                bound(&quoted(&format!("{service}/{resource}")), acts, &mut unbounded)
            })
            .collect();
        draft.push_str("\n## Limits\n");
        bounds.iter().for_each(|bound| draft.push_str(bound));
        let busiest = self.busiest();
        let unbounded: String =
            unbounded.iter().map(|what| format!("# columns not bounded: {what}\n")).collect();
        let _ = write!(
            draft,
            "\n```clause\n{unbounded}# the busiest hour had {busiest} calls: twice that\nkind = \"quota\"\nlimit = {}\nwindow = \"1 hour\"\n```\n",
            (busiest * 2).clamp(1, u64::from(contract::kind::quota::QUOTA_LIMIT_MAX))
        );
        draft
    }

    /// The same for programs.
    fn evidence(&self) -> serde_json::Value {
        let acts: Vec<_> = self
            .acts
            .iter()
            .map(|((service, resource, action), evidence)| {
                serde_json::json!({ "service": service, "resource": resource, "action": action, "evidence": evidence })
            })
            .collect();
        serde_json::json!({
            "permitted": self.permitted, "since_ms": self.since_ms, "until_ms": self.until_ms,
            "busiest_hour": self.busiest(), "acts": acts, "refused": self.refused,
        })
    }
}

impl Evidence {
    fn see(&mut self, index: u64, touch: Option<&TouchView>) {
        self.times += 1;
        self.last = index;
        let columns = touch.and_then(|touch| touch.columns.clone());
        self.columns = self.columns.take().zip(columns).map(|(mut all, more)| {
            all.extend(more);
            all
        });
        self.which_rows &= touch.is_none_or(|touch| touch.which_rows);
    }
}

/// How statements on a resource looked: the columns each act named, and whether they said which rows.
fn bound(resource: &str, acts: &[(&str, &Evidence)], unbounded: &mut Vec<String>) -> Option<String> {
    let mut clause = String::new();
    // A column whose name a clause cannot spell is left to whoever reads this.
    let spelled = |column: &String| column.parse::<Field>().is_ok();
    for (action, evidence) in acts.iter().filter(|(_, evidence)| evidence.of_statements) {
        let named = evidence.columns.as_ref();
        let listed = named.filter(|all| !all.is_empty() && all.len() <= LIST_MAX && all.iter().all(spelled));
        let Some(columns) = listed else {
            // What has no columns needs none.
            if matches!(*action, "read" | "update" | "insert") {
                let why = match named {
                    None => "statements named all, or could have",
                    Some(all) if all.is_empty() => "no statement named any",
                    Some(_) => "there are too many, or names that cannot be spelled",
                };
                unbounded.push(format!("{action} {resource}: {why}"));
            }
            continue;
        };
        let columns: Vec<String> = columns.iter().map(|column| format!("{column:?}")).collect();
        let _ = write!(
            clause,
            "\n```clause\n# every column these statements named\nkind = \"statement\"\ncolumns = [{}]\nonly = {{ actions = [{action:?}], resources = [{resource}] }}\n```\n",
            columns.join(", ")
        );
    }
    let changes: Vec<String> = acts
        .iter()
        .filter(|(action, evidence)| {
            matches!(*action, "update" | "delete") && evidence.of_statements && evidence.which_rows
        })
        .map(|(action, _)| format!("{action:?}"))
        .collect();
    if !changes.is_empty() {
        let _ = write!(
            clause,
            "\n```clause\n# each of them said which rows\nkind = \"statement\"\nwhich-rows = true\nonly = {{ actions = [{}], resources = [{resource}] }}\n```\n",
            changes.join(", ")
        );
    }
    (!clause.is_empty()).then_some(clause)
}
