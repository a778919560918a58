//! Instruments as files: `writ instrument export`, `writ pdf`, and `writ verify FILE` without a server.

use crate::exit::Failure;
use crate::output;
use ::contract::canonical::hex;
use ::contract::{Envelope, Instrument, Seal};
use anyhow::{Context as _, bail};
use policy::{Bundle, COMPILER};
use registry::PublicKey;
use registry::signature::INSTRUMENT;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Writes text, seal and, where this program can, PDF. Gives the files.
pub(crate) fn write(document: &str, seal: &str, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let instrument =
        ::contract::read(document).map_err(|_| anyhow::anyhow!("the server's document cannot be read"))?;
    let parsed = Seal::parse(seal).context("the server's seal cannot be read")?;
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
    put(format!("{stem}.seal.json"), seal.as_bytes())?;
    if let Some(pdf) = print(&instrument, document, &parsed)? {
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
        let seal = Seal { envelope: envelope.to_json(), signatories: Vec::new() };
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
fn print(instrument: &Instrument, source: &str, seal: &Seal) -> anyhow::Result<Option<Vec<u8>>> {
    let sheet = press::Sheet { instrument, source, seal, at_ms: at_ms(instrument, seal) };
    Ok(Some(press::instrument(&sheet)?))
}

#[cfg(not(feature = "pdf"))]
#[expect(clippy::unnecessary_wraps, reason = "the other build can fail")]
fn print(_: &Instrument, _: &str, _: &Seal) -> anyhow::Result<Option<Vec<u8>>> {
    Ok(None)
}

/// The text and seal of a file, and for a PDF whether its pages are those of the text.
#[cfg(feature = "pdf")]
fn open_pdf(bytes: &[u8]) -> anyhow::Result<(String, String, bool)> {
    let attached = press::attached(bytes)?;
    let pages =
        ::contract::read(&attached.text).ok().zip(Seal::parse(&attached.seal)).and_then(|(read, seal)| {
            let sheet = press::Sheet {
                instrument: &read,
                source: &attached.text,
                seal: &seal,
                at_ms: at_ms(&read, &seal),
            };
            press::instrument(&sheet).ok()
        });
    Ok((attached.text, attached.seal, pages.as_deref() == Some(bytes)))
}

#[cfg(not(feature = "pdf"))]
fn open_pdf(_: &[u8]) -> anyhow::Result<(String, String, bool)> {
    bail!("this program was built without PDF: check the `.writ.md` file, or build it with `--features pdf`")
}

/// Checks an instrument by its file alone: words, rule, hashes, signatures.
pub(crate) fn verify(file: &Path, people: &[String], json: bool) -> anyhow::Result<()> {
    let name = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read `{name}`"))?;
    let mut findings: Vec<String> = Vec::new();
    let mut checked: Vec<String> = Vec::new();
    let (text, seal) = if bytes.starts_with(b"%PDF-") {
        let (text, seal, pages) = open_pdf(&bytes)?;
        if pages {
            checked.push("the pages are those of the attached text, byte for byte".to_owned());
        } else {
            findings
                .push("the pages are not those this version of Writ prints of the attached text".to_owned());
        }
        (text, seal)
    } else {
        let beside = PathBuf::from(format!("{}.seal.json", name.to_string().trim_end_matches(".writ.md")));
        let seal = std::fs::read_to_string(&beside)
            .with_context(|| format!("the seal `{}` is not beside it", beside.display()))?;
        (String::from_utf8(bytes).context("it is not UTF-8")?, seal)
    };
    let seal = Seal::parse(&seal).context("its seal cannot be read")?;
    let known = known(people)?;
    match ::contract::check(&text) {
        Err(found) => findings.extend(
            found.into_iter().map(|f| format!("the words are not what the clauses say: {}", f.message)),
        ),
        Ok(instrument) => {
            checked.push("the words are what the clauses say".to_owned());
            rule(&instrument, &text, &seal, &mut checked, &mut findings);
            signatures(&instrument, &seal, &known, &mut checked, &mut findings);
        }
    }
    if json {
        output::json(&json!({ "file": file, "checked": checked, "findings": findings }));
    } else {
        checked.iter().for_each(|line| output::line(format!("  ok   {line}")));
        findings.iter().for_each(|line| output::line(format!("  BAD  {line}")));
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::NotVerified.into()) }
}

/// Compiles again, as the counterparty would, and compares hashes.
fn rule(
    instrument: &Instrument,
    text: &str,
    seal: &Seal,
    checked: &mut Vec<String>,
    findings: &mut Vec<String>,
) {
    let bundle = match Bundle::compile(instrument) {
        Ok(bundle) => bundle,
        Err(error) => return findings.push(error.to_string()),
    };
    let envelope = Envelope::of(instrument, text, bundle.hash(), COMPILER);
    let named = |key: &str| seal.named(key).unwrap_or_default();
    let mut same = |what: &str, found: String, signed: String| {
        if found == signed {
            checked.push(format!("{what} is what the envelope names"));
        } else {
            findings.push(format!("{what} is not what the envelope names: {found}, not {signed}"));
        }
    };
    same("the text", hex(&envelope.text), named("text"));
    same("the canonical form", hex(&envelope.clauses), named("clauses"));
    same("the rule it compiles to", hex(&envelope.bundle), named("bundle"));
    same("the name", instrument.name.to_string(), named("name"));
}

fn signatures(
    instrument: &Instrument,
    seal: &Seal,
    known: &BTreeMap<String, PublicKey>,
    checked: &mut Vec<String>,
    findings: &mut Vec<String>,
) {
    for signatory in &seal.signatories {
        let person = &signatory.person;
        let Some(signature) = &signatory.signature else {
            checked.push(format!("{person} has not signed"));
            continue;
        };
        let key: PublicKey = match signatory.key.parse() {
            Ok(key) => key,
            Err(error) => {
                findings.push(format!("the key of {person}: {error}"));
                continue;
            }
        };
        if let Err(error) = key.verify(INSTRUMENT, seal.envelope.as_bytes(), &signature.armored) {
            findings.push(format!("the signature of {person}: {error}"));
            continue;
        }
        let fingerprint = key.fingerprint();
        match known.get(person) {
            Some(trusted) if *trusted == key => {
                checked.push(format!("{person} signed, with the key you gave ({fingerprint})"));
            }
            Some(_) => findings
                .push(format!("{person} signed with another key than the one you gave: {fingerprint}")),
            None => {
                checked.push(format!("{person} signed with {fingerprint}: compare it with the one you know"))
            }
        }
    }
    for side in instrument.body.sides() {
        let of_side = seal.signatories.iter().filter(|s| s.side == side.as_str() && s.signature.is_some());
        let (signed, needed) = (of_side.count(), instrument.signing.quorum_of(*side));
        if u32::try_from(signed).is_ok_and(|signed| signed < needed) {
            findings.push(format!("for {side} {signed} of at least {needed} signed"));
        }
    }
}

/// The keys of people the caller knows.
fn known(people: &[String]) -> anyhow::Result<BTreeMap<String, PublicKey>> {
    let one = |given: &String| {
        let (person, file) = given
            .split_once('=')
            .with_context(|| format!("`{given}` is not of the form party/person=FILE"))?;
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{file}`"))?;
        Ok((person.to_owned(), text.parse().with_context(|| format!("`{file}`"))?))
    };
    people.iter().map(one).collect()
}
