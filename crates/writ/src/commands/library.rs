//! `writ library`: the kinds of clause, their wording and its address, and blocks to copy.

use crate::output;
use ::contract::canonical::hex;
use ::contract::diagnostic::suggestion;
use ::contract::{Kind, LIBRARY, Library};
use serde_json::json;

pub(crate) fn show(kind: Option<&str>, json: bool) -> anyhow::Result<()> {
    match kind {
        None => list(json),
        Some(kind) => one(kind, json),
    }
}

fn list(json: bool) -> anyhow::Result<()> {
    let library = Library::current();
    let address = |kind: &str| library.hash_of(kind).map(|hash| hex(&hash)).unwrap_or_default();
    if json {
        let kinds: Vec<_> = Kind::NAMES
            .iter()
            .map(|kind| json!({ "kind": kind, "summary": Kind::summary(kind), "hash": address(kind) }))
            .collect();
        output::json(&json!({ "library": LIBRARY, "hash": hex(&library.hash()), "kinds": kinds }));
        return Ok(());
    }
    let rows: Vec<_> = Kind::NAMES
        .iter()
        .map(|kind| {
            let address: String = address(kind).chars().take(16).collect();
            [(*kind).to_owned(), Kind::summary(kind).unwrap_or_default().to_owned(), address]
        })
        .collect();
    output::table(["KIND", "WHAT IT SAYS", "WORDING (SHA-256)"], &rows);
    output::line(format!("\n{LIBRARY}, {}", hex(&library.hash())));
    output::line("a block to copy: writ library KIND");
    Ok(())
}

fn one(kind: &str, json: bool) -> anyhow::Result<()> {
    let library = Library::current();
    let Some((_, sentences)) =
        library.entries().find(|(name, _)| *name == kind && Kind::NAMES.contains(name))
    else {
        anyhow::bail!("there is no kind of clause `{kind}`: {}", suggestion(kind, Kind::NAMES));
    };
    let sample = Kind::sample(kind).unwrap_or_default();
    if json {
        let hash = library.hash_of(kind).map(|hash| hex(&hash));
        output::json(&json!({ "kind": kind, "hash": hash, "sample": sample, "wording": sentences }));
        return Ok(());
    }
    output::line(format!("{kind}: {}\n", Kind::summary(kind).unwrap_or_default()));
    output::text(&format!("```clause\nkind = \"{kind}\"\n{sample}```\n\n"));
    output::line("its wording:");
    for (name, text) in sentences {
        output::line(format!("  {name:<14}{text}"));
    }
    Ok(())
}
