//! `writ identity`.

use crate::args::{IdentityCommand, Office};
use crate::output;
use api::view::{Done, IdentityView, SeatView};
use registry::signature::OWNERSHIP;
use serde_json::json;

pub(crate) async fn run(client: &api::Client, command: IdentityCommand, json: bool) -> anyhow::Result<()> {
    let step = |identity: String, step: &'static str, reason: String, done: &'static str| async move {
        let (party, name) = super::pair(&identity)?;
        let path = format!("/v1/identities/{party}/{name}/steps/{step}");
        let answer: Done = client.post(&path, &json!({ "reason": reason })).await?;
        super::done(&answer, &format!("{identity} {done}"), json);
        Ok(())
    };
    match command {
        IdentityCommand::Propose {
            identity,
            kind,
            purpose,
            environment,
            owner,
            deputy,
            review,
            roles,
            region,
        } => {
            let (party, name) = super::pair(&identity)?;
            let body = json!({
                "party": party, "name": name, "kind": kind, "purpose": purpose, "environment": environment,
                "owner": owner, "deputy": deputy, "review": review, "roles": roles, "region": region,
            });
            let done: Done = client.post("/v1/identities", &body).await?;
            super::done(
                &done,
                &format!("{identity} proposed; owner and deputy accept with `writ identity accept`"),
                json,
            );
            Ok(())
        }
        IdentityCommand::Accept { identity, office, key, signature } => {
            let (party, name) = super::pair(&identity)?;
            let path = format!("/v1/identities/{party}/{name}");
            let view: IdentityView = client.get(&path).await?;
            let statement = &seat(&view, office).statement;
            let signature =
                super::signing::obtain(key.as_deref(), signature.as_deref(), OWNERSHIP, statement)?;
            let body = json!({ "office": office.as_str(), "signature": signature });
            let done: Done = client.post(&format!("{path}/accept"), &body).await?;
            super::done(&done, &format!("{} of {identity} accepted", office.as_str()), json);
            Ok(())
        }
        IdentityCommand::Statement { identity, office } => {
            let (party, name) = super::pair(&identity)?;
            let view: IdentityView = client.get(&format!("/v1/identities/{party}/{name}")).await?;
            output::text(&seat(&view, office).statement);
            Ok(())
        }
        IdentityCommand::HandOver { identity, office, to } => {
            let (party, name) = super::pair(&identity)?;
            let body = json!({ "office": office.as_str(), "to": to });
            let done: Done = client.post(&format!("/v1/identities/{party}/{name}/hand-over"), &body).await?;
            super::done(
                &done,
                &format!("{} of {identity} offered to {to}, who accepts next", office.as_str()),
                json,
            );
            Ok(())
        }
        IdentityCommand::Recognize { identity, rules, none: _, priority, hint } => {
            let (party, name) = super::pair(&identity)?;
            let rules: Vec<_> = rules
                .iter()
                .map(|rule| rule.split(',').map(str::trim).collect::<Vec<_>>())
                .map(|selectors| json!({ "selectors": selectors, "priority": priority, "hint": hint }))
                .collect();
            let path = format!("/v1/identities/{party}/{name}/workloads");
            let done: Done = client.post(&path, &json!({ "rules": rules })).await?;
            let said =
                if rules.is_empty() { "is recognised by no process" } else { "is recognised by its process" };
            super::done(&done, &format!("{identity} {said}"), json);
            Ok(())
        }
        IdentityCommand::Joins { identity, rules, none: _ } => {
            let (party, name) = super::pair(&identity)?;
            let path = format!("/v1/identities/{party}/{name}/joins");
            let done: Done = client.post(&path, &json!({ "rules": rules })).await?;
            let said =
                if rules.is_empty() { "joins with nobody's tokens" } else { "joins with tokens of others" };
            super::done(&done, &format!("{identity} {said}"), json);
            Ok(())
        }
        IdentityCommand::Activate { identity } => {
            step(identity, "activate", String::new(), "is active").await
        }
        IdentityCommand::Suspend { identity, reason } => {
            step(identity, "suspend", reason, "is suspended").await
        }
        IdentityCommand::Readmit { identity, reason } => {
            step(identity, "readmit", reason, "has no stopped instances any more").await
        }
        IdentityCommand::Resume { identity } => {
            step(identity, "resume", String::new(), "is active again").await
        }
        IdentityCommand::Kill { identity, reason } => {
            step(identity, "kill", reason, "is revoked; what it had open is cut").await
        }
        IdentityCommand::Retire { identity } => step(identity, "retire", String::new(), "is retired").await,
        IdentityCommand::Show { identity } => {
            let (party, name) = super::pair(&identity)?;
            let view: IdentityView = client.get(&format!("/v1/identities/{party}/{name}")).await?;
            if json {
                output::json(&view)
            } else {
                show(&view)
            }
            Ok(())
        }
        IdentityCommand::List => list(client, json).await,
    }
}

fn seat(view: &IdentityView, office: Office) -> &SeatView {
    match office {
        Office::Owner => &view.owner,
        Office::Deputy => &view.deputy,
    }
}

fn held(seat: &SeatView) -> String {
    let accepted = seat
        .accepted_ms
        .map_or_else(|| "has not accepted".to_owned(), |ms| format!("accepted {}", output::time(ms)));
    format!("{} ({accepted})", seat.person)
}

fn show(view: &IdentityView) {
    let rows = [
        ("id", view.id.clone()),
        ("name", format!("{}/{}", view.party, view.name)),
        ("state", view.state.clone()),
        ("kind", view.kind.clone()),
        ("purpose", view.purpose.clone()),
        ("environment", view.environment.clone()),
        ("owner", held(&view.owner)),
        ("deputy", held(&view.deputy)),
        ("review", output::time(view.review_ms)),
        ("roles", view.roles.join(", ")),
        ("grace until", view.grace_until_ms.map_or_else(|| "-".to_owned(), output::time)),
        ("live certificates", view.live_credentials.to_string()),
        ("since then", if view.steps.is_empty() { "-".to_owned() } else { view.steps.join(", ") }),
        ("recognised by", recognised(view)),
        (
            "joins with",
            if view.joins.is_empty() { "join tokens only".to_owned() } else { view.joins.join(" or ") },
        ),
    ];
    for (key, value) in rows {
        output::line(format!("{key:<18}{value}"));
    }
}

fn recognised(view: &IdentityView) -> String {
    if view.workloads.is_empty() {
        return "no process".to_owned();
    }
    view.workloads.iter().map(|rule| rule.selectors.join(",")).collect::<Vec<_>>().join(" or ")
}

async fn list(client: &api::Client, json: bool) -> anyhow::Result<()> {
    let mut all: Vec<IdentityView> = Vec::new();
    loop {
        let path = match all.last() {
            Some(last) => format!("/v1/identities?after={}", last.id),
            None => "/v1/identities".to_owned(),
        };
        let page: Vec<IdentityView> = client.get(&path).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    if json {
        output::json(&all);
        return Ok(());
    }
    all.sort_by(|a, b| (&a.party, &a.name).cmp(&(&b.party, &b.name)));
    let rows: Vec<_> = all
        .into_iter()
        .map(|i| {
            [
                format!("{}/{}", i.party, i.name),
                i.state,
                i.kind,
                i.environment,
                i.owner.person,
                i.deputy.person,
                output::time(i.review_ms),
            ]
        })
        .collect();
    output::table(["IDENTITY", "STATE", "KIND", "ENVIRONMENT", "OWNER", "DEPUTY", "REVIEW"], &rows);
    Ok(())
}
