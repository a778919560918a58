//! Instruments as files: `writ instrument export` and `writ pdf`.

use crate::exit::Failure;
use crate::output;
use ::contract::seal::{NARROWINGS_MAX, Narrowing};
use ::contract::{Envelope, Instrument, Seal};
use anyhow::{Context as _, bail};
use api::view::{InstrumentView, SideView};
use policy::{Bundle, COMPILER};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A version as the server has it.
struct Fetched {
    text: String,
    seal: Seal,
    /// The solver, and the digest of its scripts, that proved that the next version only narrows it.
    narrowed: Option<(String, String)>,
}

/// The text and seal of a version. Where the signature of one side is enough because it only narrows the
/// version before, that one comes along with its own: the file then proves itself without a server.
pub(crate) async fn sealed(client: &api::Client, name: &str) -> anyhow::Result<(String, Seal)> {
    let mut name = name.to_owned();
    // From the newest to the oldest.
    let mut versions: Vec<Fetched> = Vec::new();
    let mut proof = None;
    loop {
        let whole: Value = client.get(&super::instrument::path(&name, "")?).await?;
        let sealed: Value = client.get(&super::instrument::path(&name, "/seal")?).await?;
        let view: InstrumentView =
            serde_json::from_value(whole.get("instrument").cloned().unwrap_or_default())?;
        let text = whole.get("document").and_then(Value::as_str).unwrap_or_default().to_owned();
        let seal = sealed.get("seal").and_then(Value::as_str).and_then(Seal::parse);
        let seal = seal.context("the server's seal cannot be read")?;
        let full = |side: &SideView| {
            u32::try_from(seal.signed(&side.side)).is_ok_and(|signed| signed >= side.quorum)
        };
        let alone = view.sides.iter().any(full) && !view.sides.iter().all(full);
        versions.push(Fetched { text, seal, narrowed: proof.take() });
        let Some(before) = view.narrows.filter(|_| alone && versions.len() <= NARROWINGS_MAX) else { break };
        let about = before.to_string();
        let proven =
            view.proofs.into_iter().find(|proof| proof.question == "narrower" && proof.about == about);
        proof = Some(proven.map(|proof| (proof.solver, proof.script)).unwrap_or_default());
        name = format!("{}@{before}", view.name);
    }
    let mut sealed: Option<Fetched> = None;
    while let Some(mut newer) = versions.pop() {
        if let Some(Fetched { text, seal, narrowed: Some((solver, script)) }) = sealed.take() {
            let version = ::contract::read(&text).map_or(0, |old| old.version);
            newer.seal.narrowing = Some(Box::new(Narrowing { version, solver, script, text, seal }));
        }
        sealed = Some(newer);
    }
    let Fetched { text, seal, .. } = sealed.context("the server has no such version")?;
    Ok((text, seal))
}

/// Writes text, seal and, where this program can, PDF. Gives the files.
pub(crate) fn write(document: &str, seal: &Seal, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let instrument =
        ::contract::read(document).map_err(|_| anyhow::anyhow!("the server's document cannot be read"))?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make `{}`", out.display()))?;
    let stem = format!("{}-{}", instrument.name, instrument.version);
    let mut files = Vec::new();
    let mut put = |name: String, bytes: &[u8]| {
        let path = out.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
        files.push(path);
        Ok::<_, anyhow::Error>(())
    };
    put(format!("{stem}.writ.md"), document.as_bytes())?;
    put(format!("{stem}.seal.json"), seal.to_json().as_bytes())?;
    if let Some(pdf) = print(&instrument, document, seal)? {
        put(format!("{stem}.pdf"), &pdf)?;
    }
    Ok(files)
}

/// Prints documents that nobody has signed.
pub(crate) fn drafts(files: &[PathBuf]) -> anyhow::Result<()> {
    for file in files {
        let source =
            std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let instrument = match ::contract::check(&source) {
            Ok(instrument) => instrument,
            Err(findings) => {
                let count = findings.len();
                let shown = findings.into_iter().map(Into::into).collect();
                output::findings(&file.display().to_string(), &source, shown);
                return Err(Failure::Findings(count).into());
            }
        };
        let bundle = Bundle::compile(&instrument)?;
        let envelope = Envelope::of(&instrument, &source, bundle.hash(), COMPILER);
        let seal = Seal { envelope: envelope.to_json(), signatories: Vec::new(), narrowing: None };
        let Some(pdf) = print(&instrument, &source, &seal)? else {
            bail!("this program was built without PDF: build it with `--features pdf`");
        };
        let path = PathBuf::from(format!("{}.pdf", file.display().to_string().trim_end_matches(".writ.md")));
        std::fs::write(&path, pdf).with_context(|| format!("cannot write `{}`", path.display()))?;
        output::line(path.display().to_string());
    }
    Ok(())
}

/// The time a document bears: its last signature, or the start of its term, so that it is always the same.
#[cfg(feature = "pdf")]
fn at_ms(instrument: &Instrument, seal: &Seal) -> u64 {
    let signed = seal.signatories.iter().filter_map(|s| s.signature.as_ref()).map(|s| s.time_ms).max();
    let start = instrument.clauses.iter().find_map(|clause| {
        if let ::contract::Kind::Term(term) = &clause.kind { Some(term.start.0) } else { None }
    });
    signed.or(start).unwrap_or(0)
}

#[cfg(feature = "pdf")]
pub(crate) fn print(instrument: &Instrument, source: &str, seal: &Seal) -> anyhow::Result<Option<Vec<u8>>> {
    let sheet = press::Sheet { instrument, source, seal, at_ms: at_ms(instrument, seal) };
    Ok(Some(press::instrument(&sheet)?))
}

#[cfg(not(feature = "pdf"))]
#[expect(clippy::unnecessary_wraps, reason = "the other build can fail")]
fn print(_: &Instrument, _: &str, _: &Seal) -> anyhow::Result<Option<Vec<u8>>> {
    Ok(None)
}
