//! `writ federation`.

use crate::args::FederationCommand;
use crate::exit::Failure;
use crate::output;
use anyhow::Context as _;
use api::view::{Done, FederationView};
use serde_json::json;

pub(crate) async fn run(client: &api::Client, command: FederationCommand, json: bool) -> anyhow::Result<()> {
    match command {
        FederationCommand::Trust { trust_domain, parties, url, endpoint_id, bundle } => {
            // As the ID of a trust domain is written elsewhere.
            let trust_domain = trust_domain.trim_start_matches("spiffe://").trim_end_matches('/');
            let given = bundle.map(|file| {
                std::fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))
            });
            let body = json!({
                "parties": parties, "url": url, "endpoint_id": endpoint_id, "bundle": given.transpose()?,
            });
            let done: Done = client.post(&format!("/v1/federation/{trust_domain}"), &body).await?;
            let said = format!("machines of {} recognise those of {trust_domain}", parties.join(", "));
            super::done(&done, &said, json);
        }
        FederationCommand::End { trust_domain, reason } => {
            let path = format!("/v1/federation/{trust_domain}/end");
            let done: Done = client.post(&path, &json!({ "reason": reason })).await?;
            super::done(&done, &format!("machines of {trust_domain} are recognised no more"), json);
        }
        FederationCommand::Read { trust_domain } => {
            let path = format!("/v1/federation/{trust_domain}/bundle");
            let view: FederationView = client.post(&path, &json!({})).await?;
            show(&view, json);
            if let Some(why) = view.unread {
                return Err(Failure::Failed(format!("its bundle is the one of before: {why}")).into());
            }
        }
        FederationCommand::Show { trust_domain } => {
            let all: Vec<FederationView> = client.get("/v1/federation").await?;
            let found = all.into_iter().find(|view| view.trust_domain == trust_domain);
            let found = found.with_context(|| {
                format!("there is no federation with `{trust_domain}`; `writ federation list` shows all")
            })?;
            show(&found, json);
        }
        FederationCommand::Bundle => output::line(client.get_text("/v1/bundle.json").await?),
        FederationCommand::List => list(client, json).await?,
    }
    Ok(())
}

async fn list(client: &api::Client, json: bool) -> anyhow::Result<()> {
    let all: Vec<FederationView> = client.get("/v1/federation").await?;
    if json {
        output::json(&all);
        return Ok(());
    }
    let row = |view: FederationView| {
        let (bundle, number) = (standing(&view), number(view.sequence));
        let [roots, keys] = [view.roots.len(), view.jwt_keys.len()].map(|count| count.to_string());
        [view.trust_domain, view.parties.join(", "), roots, keys, number, bundle]
    };
    let rows: Vec<_> = all.into_iter().map(row).collect();
    output::table(["TRUST DOMAIN", "FOR", "ROOTS", "JWT KEYS", "NUMBER", "BUNDLE"], &rows);
    Ok(())
}

fn show(view: &FederationView, json: bool) {
    if json {
        return output::json(view);
    }
    let mut rows = vec![
        ["trust domain".to_owned(), view.trust_domain.clone()],
        ["for machines of".to_owned(), view.parties.join(", ")],
        ["bundle".to_owned(), standing(view)],
        ["since".to_owned(), output::time(view.since_ms)],
        ["number".to_owned(), number(view.sequence)],
    ];
    if let (Some(url), Some(profile)) = (&view.url, &view.profile) {
        let server = view.endpoint_id.as_ref().map(|id| format!(", served by {id}")).unwrap_or_default();
        rows.push(["published at".to_owned(), format!("{url} ({profile}{server})")]);
        let wants = view.refresh_hint_s.map_or("does not say".to_owned(), |s| format!("wants {s} s"));
        let asked = view.refresh_s.unwrap_or_default();
        rows.push(["asked".to_owned(), format!("every {asked} s ({wants})")]);
    }
    rows.extend(view.roots.iter().map(|root| ["root (SHA-256)".to_owned(), root.clone()]));
    rows.extend(view.jwt_keys.iter().map(|kid| ["key for JWT-SVIDs".to_owned(), kid.clone()]));
    output::table(["", ""], &rows);
}

fn standing(view: &FederationView) -> String {
    match (&view.url, &view.unread) {
        (_, Some(why)) => {
            let since = view.unread_since_ms.map(output::time).unwrap_or_default();
            format!("of before, not read since {since}: {why}")
        }
        (_, None) if view.roots.is_empty() && view.jwt_keys.is_empty() => {
            "no keys: it took all of them back, nothing of it is recognised".to_owned()
        }
        (Some(_), None) => "read".to_owned(),
        (None, None) => "given".to_owned(),
    }
}

fn number(sequence: Option<u64>) -> String {
    sequence.map_or("-".to_owned(), |number| number.to_string())
}
