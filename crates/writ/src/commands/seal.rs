//! `writ verify FILE`: an instrument checked by its file alone, without a server. Words, rule, envelope and
//! signatures are made again; a one-signature amendment is proven again. What a file cannot show by itself
//! (whose keys these are, pages of another version) is said, and is not called good.

use crate::exit::Failure;
use crate::output;
use ::contract::norm::{Norm, PowerEffect};
use ::contract::seal::{Narrowing, Signatory};
use ::contract::terms::Side;
use ::contract::{Envelope, Instrument, LIBRARY, Seal};
use anyhow::Context as _;
use policy::{Bundle, COMPILER};
use prove::{Solver, Version};
use registry::PublicKey;
use registry::signature::INSTRUMENT;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How a line of the report stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It was checked and holds.
    Holds,
    /// The file cannot show it by itself.
    Open,
    /// It does not hold.
    Fails,
}

/// What all of it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Something does not hold.
    Refuted,
    /// Everything holds, and the people known to the caller signed.
    Trusted,
    /// Nothing contradicts it, but not all of it was shown.
    Unconfirmed,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Refuted => "refuted",
            Self::Trusted => "trusted",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Refuted => "what is marked BAD does not hold",
            Self::Trusted => {
                "people whose keys you gave signed this text for each side, and all that was checked holds"
            }
            Self::Unconfirmed => {
                "nothing contradicts it, but what is marked `?` this file cannot show by itself"
            }
        }
    }
}

/// What was found, in the order in which it was looked at.
#[derive(Default)]
struct Report(Vec<(Standing, String)>);

impl Report {
    fn holds(&mut self, what: impl Into<String>) {
        self.0.push((Standing::Holds, what.into()));
    }
    fn open(&mut self, what: impl Into<String>) {
        self.0.push((Standing::Open, what.into()));
    }
    fn fails(&mut self, what: impl Into<String>) {
        self.0.push((Standing::Fails, what.into()));
    }
    fn of(&self, standing: Standing) -> Vec<&str> {
        self.0.iter().filter(|(found, _)| *found == standing).map(|(_, what)| what.as_str()).collect()
    }

    fn verdict(&self) -> Verdict {
        match (self.of(Standing::Fails).is_empty(), self.of(Standing::Open).is_empty()) {
            (false, _) => Verdict::Refuted,
            (true, false) => Verdict::Unconfirmed,
            (true, true) => Verdict::Trusted,
        }
    }
}

/// Checks an instrument by its file alone: words, rule, hashes, signatures.
pub(crate) async fn verify(file: &Path, people: &[String], json: bool) -> anyhow::Result<()> {
    let mut report = Report::default();
    let (text, seal) = open(file, &mut report)?;
    let seal = Seal::parse(&seal).context("its seal cannot be read")?;
    let known = known(people)?;
    let mut signed = BTreeSet::new();
    chain(&text, &seal, &known, &mut signed, &mut report).await;
    for person in known.keys().filter(|person| !signed.contains(*person)) {
        report.fails(format!("you gave a key for {person}, who did not sign with it"));
    }
    let verdict = report.verdict();
    if json {
        output::json(&json!({
            "file": file,
            "verdict": verdict.as_str(),
            "checked": report.of(Standing::Holds),
            "unconfirmed": report.of(Standing::Open),
            "findings": report.of(Standing::Fails),
        }));
    } else {
        for (standing, what) in &report.0 {
            let mark = match standing {
                Standing::Holds => "ok  ",
                Standing::Open => "?   ",
                Standing::Fails => "BAD ",
            };
            output::line(format!("  {mark} {what}"));
        }
        output::line(format!("{}: {}", verdict.as_str(), verdict.words()));
    }
    match verdict {
        Verdict::Refuted => Err(Failure::NotVerified.into()),
        Verdict::Trusted => Ok(()),
        Verdict::Unconfirmed => Err(Failure::Unconfirmed.into()),
    }
}

/// The text and the seal of a file; for a PDF its pages are looked at too.
fn open(file: &Path, report: &mut Report) -> anyhow::Result<(String, String)> {
    let name = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read `{name}`"))?;
    if bytes.starts_with(b"%PDF-") {
        return open_pdf(&bytes, report);
    }
    let beside = PathBuf::from(format!("{}.seal.json", name.to_string().trim_end_matches(".writ.md")));
    let seal = std::fs::read_to_string(&beside)
        .with_context(|| format!("the seal `{}` is not beside it", beside.display()))?;
    Ok((String::from_utf8(bytes).context("it is not UTF-8")?, seal))
}

/// What was signed is the attached text. Pages are compared only with pages of the same print: those of
/// another version of Writ are not wrong, but nobody here can tell what they show.
#[cfg(feature = "pdf")]
fn open_pdf(bytes: &[u8], report: &mut Report) -> anyhow::Result<(String, String)> {
    let attached = press::attached(bytes)?;
    let ours = press::printer();
    let pages = ::contract::read(&attached.text).ok().zip(Seal::parse(&attached.seal));
    let pages =
        pages.and_then(|(read, seal)| super::export::print(&read, &attached.text, &seal).ok().flatten());
    if pages.as_deref() == Some(bytes) {
        report.holds("the pages are those of the attached text, byte for byte");
    } else if attached.printer == ours {
        report.fails("the pages are not those this version of Writ prints of the attached text");
    } else {
        let theirs = if attached.printer.is_empty() { "nobody named" } else { &attached.printer };
        report.open(format!(
            "the pages were printed by another version ({theirs}; this is {ours}) and were not compared: what was signed is the \
             attached text, `{}`",
            press::TEXT
        ));
    }
    Ok((attached.text, attached.seal))
}

#[cfg(not(feature = "pdf"))]
fn open_pdf(_: &[u8], _: &mut Report) -> anyhow::Result<(String, String)> {
    anyhow::bail!(
        "this program was built without PDF: check the `.writ.md` file, or build it with `--features pdf`"
    )
}

/// The instrument, and as long as one side's signature is to be enough, the version it narrows.
async fn chain(
    text: &str,
    seal: &Seal,
    known: &BTreeMap<String, PublicKey>,
    signed: &mut BTreeSet<String>,
    report: &mut Report,
) {
    let (mut text, mut seal) = (text, seal);
    let mut about = String::new();
    loop {
        let Some(instrument) = words(&about, text, seal, report) else { return };
        envelope(&about, &instrument, text, seal, report);
        let found = signatures(&about, &instrument, seal, known, report);
        signed.extend(found.iter().filter(|(_, given)| **given).map(|((_, person, _), _)| person.clone()));
        let sides = instrument.body.sides();
        let full: Vec<Side> = sides
            .iter()
            .copied()
            .filter(|side| count(&found, *side, |_| true) >= quorum(&instrument, *side))
            .collect();
        let narrowing = seal.narrowing.as_deref().filter(|_| full.len() < sides.len() && !full.is_empty());
        let Some(narrowing) = narrowing else {
            for side in sides {
                enough(&about, &instrument, *side, &found, report);
            }
            return;
        };
        for side in &full {
            enough(&about, &instrument, *side, &found, report);
        }
        let Ok(version) = Version::read(text) else { return };
        narrows(&about, &version, seal, narrowing, &full, report).await;
        about = format!("version {}: ", narrowing.version);
        (text, seal) = (&narrowing.text, &narrowing.seal);
    }
}

/// The words, made again from the clauses.
fn words(about: &str, text: &str, seal: &Seal, report: &mut Report) -> Option<Instrument> {
    let named = seal.named("library").unwrap_or_default();
    let other = named.split(' ').next().filter(|library| *library != LIBRARY && !library.is_empty());
    match ::contract::check(text) {
        Ok(instrument) => {
            report.holds(format!("{about}the words are what the clauses say"));
            Some(instrument)
        }
        Err(found) => {
            if let Some(other) = other {
                report.fails(format!(
                    "{about}its words are those of {other}, this program has {LIBRARY}: check it with a version of Writ that has them"
                ));
            }
            for finding in found {
                report.fails(format!("{about}the words are not what the clauses say: {}", finding.message));
            }
            // Hashes and signatures can still be looked at, if the clauses can be read.
            ::contract::read(text).ok()
        }
    }
}

/// Compiles again, as the counterparty would, and compares the envelope field by field.
fn envelope(about: &str, instrument: &Instrument, text: &str, seal: &Seal, report: &mut Report) {
    let bundle = match Bundle::compile(instrument) {
        Ok(bundle) => bundle,
        Err(error) => return report.fails(format!("{about}{error}")),
    };
    let fields = |json: &str| -> Map<String, Value> { serde_json::from_str(json).unwrap_or_default() };
    let made = fields(&Envelope::of(instrument, text, bundle.hash(), COMPILER).to_json());
    let signed = fields(&seal.envelope);
    // What service and which ledger it is for, only that ledger knows.
    let beyond = ["service", "trust_domain"];
    let keys: BTreeSet<&String> =
        made.keys().chain(signed.keys()).filter(|key| !beyond.contains(&key.as_str())).collect();
    for key in keys {
        let shown = |fields: &Map<String, Value>| match fields.get(key) {
            None => "nothing".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        let what = named(key);
        if made.get(key) == signed.get(key) {
            report.holds(format!("{about}{what} is what the envelope names"));
        } else {
            report.fails(format!(
                "{about}{what} is not what the envelope names: {}, not {}",
                shown(&made),
                shown(&signed)
            ));
        }
    }
}

/// A field of the envelope in words.
fn named(key: &str) -> String {
    match key {
        "bundle" => "the rule it compiles to".to_owned(),
        "clauses" => "the canonical form".to_owned(),
        "compiler" => "the compiler".to_owned(),
        "instrument" => "the kind of instrument".to_owned(),
        "library" => "the clause library".to_owned(),
        "name" => "the name".to_owned(),
        "text" => "the text".to_owned(),
        "version" => "the version".to_owned(),
        other => format!("`{other}`"),
    }
}

/// Who signed: side, person and key, each once; with whether the caller knows the key.
type Found = BTreeMap<(Side, String, String), bool>;

fn signatures(
    about: &str,
    instrument: &Instrument,
    seal: &Seal,
    known: &BTreeMap<String, PublicKey>,
    report: &mut Report,
) -> Found {
    let mut found = Found::new();
    for signatory in &seal.signatories {
        match signature(instrument, seal, signatory, known) {
            Ok(None) => {}
            Ok(Some((side, key, given))) => {
                let fingerprint = key.fingerprint();
                let person = &signatory.person;
                let whose = if given {
                    format!("with the key you gave ({fingerprint})")
                } else {
                    format!("with {fingerprint}")
                };
                report.holds(format!("{about}{person} signed, {whose}"));
                found.insert((side, person.clone(), fingerprint), given);
            }
            Err(what) => report.fails(format!("{about}{what}")),
        }
    }
    found
}

/// A signature that holds: for which side, with which key, and whether the caller gave that key.
fn signature(
    instrument: &Instrument,
    seal: &Seal,
    signatory: &Signatory,
    known: &BTreeMap<String, PublicKey>,
) -> Result<Option<(Side, PublicKey, bool)>, String> {
    let person = &signatory.person;
    let Some(signature) = &signatory.signature else { return Ok(None) };
    let side: Option<Side> = signatory.side.parse().ok();
    let side = side.filter(|side| instrument.body.sides().contains(side));
    let side =
        side.ok_or_else(|| format!("{person} signs for `{}`, which is no side of it", signatory.side))?;
    let party = &instrument.body.organisation(side).party;
    if person.split('/').next() != Some(party.as_str()) {
        return Err(format!("{person} does not act for `{party}`, and cannot sign for the {side}"));
    }
    let key: PublicKey = signatory.key.parse().map_err(|error| format!("the key of {person}: {error}"))?;
    key.verify(INSTRUMENT, seal.envelope.as_bytes(), &signature.armored)
        .map_err(|error| format!("the signature of {person}: {error}"))?;
    match known.get(person) {
        Some(trusted) if *trusted != key => {
            Err(format!("{person} signed with another key than the one you gave: {}", key.fingerprint()))
        }
        given => Ok(Some((side, key, given.is_some()))),
    }
}

/// How many people signed for a side: neither a person nor a key counts twice.
fn count(found: &Found, side: Side, wanted: impl Fn(bool) -> bool) -> usize {
    let of_side = || found.iter().filter(|((of, _, _), given)| *of == side && wanted(**given));
    let people: BTreeSet<&String> = of_side().map(|((_, person, _), _)| person).collect();
    let keys: BTreeSet<&String> = of_side().map(|((_, _, key), _)| key).collect();
    people.len().min(keys.len())
}

fn quorum(instrument: &Instrument, side: Side) -> usize {
    usize::try_from(instrument.signing.quorum_of(side)).unwrap_or(usize::MAX)
}

/// Whether a side whose signature is needed signed, and by people whose keys the caller gave.
fn enough(about: &str, instrument: &Instrument, side: Side, found: &Found, report: &mut Report) {
    let needed = quorum(instrument, side);
    let (signed, given) = (count(found, side, |_| true), count(found, side, |given| given));
    if signed < needed {
        report.fails(format!("{about}for the {side} {signed} of at least {needed} people signed"));
    } else if given < needed {
        let party = &instrument.body.organisation(side).party;
        report.open(format!(
            "{about}whose keys signed for the {side} is not known: {given} of the {needed} needed are keys you gave; get them from \
             `{party}` by another way and give --person PARTY/PERSON=FILE.pub"
        ));
    } else {
        report.holds(format!("{about}for the {side} {signed} of at least {needed} signed, known to you"));
    }
}

/// Whether the signatures of `full` alone are enough: the version before says so, and nothing but
/// narrowing happened.
async fn narrows(
    about: &str,
    new: &Version,
    seal: &Seal,
    narrowing: &Narrowing,
    full: &[Side],
    report: &mut Report,
) {
    let version = narrowing.version;
    let Ok(old) = Version::read(&narrowing.text) else {
        return report.fails(format!("{about}version {version}, which it narrows, cannot be read"));
    };
    if old.name != new.name || old.version != version || old.version >= new.version {
        return report.fails(format!(
            "{about}what it narrows is `{}` version {}, not version {version} of `{}` before it",
            old.name, old.version, new.name
        ));
    }
    if seal.trust_domain() != narrowing.seal.trust_domain() {
        report.fails(format!("{about}version {version} was signed for another trust domain"));
    }
    let statements = old.statements();
    let power = statements.iter().find_map(|(number, _, said)| {
        let power = if let Norm::Power(power) = &said.norm { Some(power) } else { None };
        power.filter(|power| power.effect == PowerEffect::Narrow).map(|power| (number, power))
    });
    let allowed = power.filter(|(_, power)| full.iter().any(|side| power.holders.contains(side)));
    let Some((clause, _)) = allowed else {
        let sides: Vec<String> = full.iter().map(|side| format!("the {side}")).collect();
        let sides = sides.join(" and ");
        return report.fails(format!(
            "{about}only {sides} signed, and version {version} does not let {sides} narrow it alone"
        ));
    };
    let proven = match Solver::find(std::env::var_os("WRIT_CVC5")).await {
        Err(error) => Err((Standing::Open, error.to_string())),
        Ok(solver) => {
            let difference = prove::compare(&solver, &old, new).await;
            match (&difference.narrower, &difference.beside) {
                (prove::Answer::Proven, Ok(())) => Ok(difference.solver),
                (_, Err(why)) => Err((Standing::Fails, why.clone())),
                (prove::Answer::Refuted(gained), Ok(())) => {
                    Err((Standing::Fails, format!("it permits more: {}", gained.join(" "))))
                }
                (prove::Answer::NoneFound, Ok(())) => {
                    Err((Standing::Open, "it was only compared".to_owned()))
                }
                (prove::Answer::Unknown(why), Ok(())) => Err((Standing::Open, why.clone())),
            }
        }
    };
    match proven {
        Ok(solver) => report.holds(format!(
            "{about}it only narrows version {version}, proven here by {solver}; clause {clause} of version {version} lets one side do so"
        )),
        Err((Standing::Fails, why)) => report.fails(format!("{about}it does not only narrow version {version}: {why}")),
        Err((Standing::Open | Standing::Holds, why)) => report.open(format!(
            "{about}that it only narrows version {version} was not proven here ({why}); it rests on the record that {} did (scripts {})",
            narrowing.solver,
            narrowing.script.chars().take(16).collect::<String>()
        )),
    }
    report.holds(format!(
        "{about}it rests on version {version}, checked below; that this was in force when the new one was signed, the ledger shows"
    ));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_and_one_key_count_once() {
        let entry = |person: &str, key: &str| ((Side::Provider, person.to_owned(), key.to_owned()), true);
        let count_of = |found: Vec<_>| count(&found.into_iter().collect(), Side::Provider, |_| true);
        assert_eq!(count_of(vec![entry("a/x", "1"), entry("a/x", "1")]), 1);
        assert_eq!(count_of(vec![entry("a/x", "1"), entry("a/y", "1")]), 1);
        assert_eq!(count_of(vec![entry("a/x", "1"), entry("a/x", "2")]), 1);
        assert_eq!(count_of(vec![entry("a/x", "1"), entry("a/y", "2")]), 2);
        assert_eq!(count_of(Vec::new()), 0);
    }

    #[test]
    fn a_field_nobody_expects_is_named() {
        assert_eq!(named("compiler"), "the compiler");
        assert_eq!(named("more"), "`more`");
    }
}
