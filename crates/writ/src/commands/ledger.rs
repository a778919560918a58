//! `writ verify` and `writ fsck`: the ledger, without a server.

use crate::exit::Failure;
use crate::output;
use crate::verify::{Beside, Verdict, ledger_folder, verify as prove};
use ::ledger::VerifierKey;
use anyhow::Context as _;
use indicatif::ProgressBar;
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use store::Level;

pub(crate) fn verify(directory: &Path, key: Option<&str>, json: bool) -> anyhow::Result<()> {
    let ledger = ledger_folder(directory);
    let given = key.is_some();
    let key = match key {
        Some(key) => given_key(key)?,
        None => read_key(&ledger, "control")?,
    };
    let progress = progress("verifying");
    let verdict = prove(&ledger, &key);
    progress.finish_and_clear();
    let verdict = verdict?;
    if json {
        output::json(&verdict);
    } else {
        show(&verdict);
        if !given {
            output::line(format!(
                "the key was taken from the directory itself; to rule out a forged directory, pin it:\n  --key {key}"
            ));
        }
    }
    if verdict.findings.is_empty() { Ok(()) } else { Err(Failure::NotVerified.into()) }
}

/// A key that somebody gave: as text, or as the file that holds it.
pub(super) fn given_key(text: &str) -> anyhow::Result<VerifierKey> {
    if Path::new(text).is_file() {
        let held = std::fs::read_to_string(text).with_context(|| format!("cannot read `{text}`"))?;
        return VerifierKey::parse(held.trim()).with_context(|| format!("`{text}`"));
    }
    Ok(VerifierKey::parse(text)?)
}

/// Prints what was checked and what was found.
pub(crate) fn show(verdict: &Verdict) {
    for checked in &verdict.checked {
        output::line(format!("  {:>8}  {:<18}{}", checked.count, checked.what, checked.note));
    }
    for problem in &verdict.findings {
        let place = problem.entry.map_or_else(String::new, |entry| format!(" entry {entry}"));
        output::line(format!("  FAILED    {}{place}: {}", problem.log, problem.what));
    }
    let summary = if verdict.findings.is_empty() { "verified" } else { "NOT VERIFIED" };
    output::line(format!("  {summary}"));
}

pub(crate) fn fsck(data: &Path, quick: bool, json: bool) -> anyhow::Result<()> {
    let ledger = ledger_folder(data);
    let level = if quick { Level::Quick } else { Level::Full };
    let mut sound = true;
    for log in ["control", "decisions"] {
        let key = read_key(&ledger, log)?;
        let progress = progress(log);
        let (beside, mut unreadable) = (Beside::of(&ledger), Vec::new());
        let report = store::fsck(&ledger.join(log), &key, level, &mut |index, bytes, _, _| {
            if index.is_multiple_of(1024) {
                progress.set_message(format!("{log}: entry {index}"));
            }
            // A log is its entries and the bodies they name.
            if log == "control"
                && let Err(error) = authority::entry::read(bytes, &|path| beside.get(path))
            {
                unreadable.push(store::Finding { entry: Some(index), what: error.to_string() });
            }
        });
        progress.finish_and_clear();
        let mut report = report?;
        report.findings.append(&mut unreadable);
        sound &= report.findings.is_empty();
        if json {
            let findings: Vec<_> =
                report.findings.iter().map(|f| json!({ "entry": f.entry, "what": f.what })).collect();
            output::json(
                &json!({ "log": log, "entries": report.size, "root": report.root.to_base64(), "findings": findings }),
            );
            continue;
        }
        let state = if report.findings.is_empty() { "sound" } else { "DAMAGED" };
        output::line(format!("{log:<10} {:>10} entries  root {}  {state}", report.size, report.root));
        for finding in report.findings {
            let place = finding.entry.map_or_else(String::new, |entry| format!("entry {entry}: "));
            output::line(format!("  {place}{}", finding.what));
        }
    }
    if sound { Ok(()) } else { Err(Failure::NotVerified.into()) }
}

fn read_key(ledger: &Path, log: &str) -> anyhow::Result<VerifierKey> {
    let path = ledger.join(format!("{log}.vkey"));
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("no key at `{}`: give one with --key, or name a data directory", path.display())
    })?;
    Ok(VerifierKey::parse(text.trim())?)
}

/// A spinner that appears on a terminal, for work that can take long.
fn progress(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
