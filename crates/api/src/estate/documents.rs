//! The documents of a folder: drafted where they are new, compared with what became of them where they are not.

use super::rows::{EstateDocument, Row};
use super::steps::{Affected, Planner, Verb};
use crate::error::{ApiError, Finding};
use authority::instruments::{compile, resolve};
use contract::Envelope;
use policy::COMPILER;
use registry::{Command, Instrument, InstrumentId, InstrumentStatus, Name};
use std::collections::{BTreeMap, HashMap};

/// A document: one the registry has byte for byte, or one that is new.
enum Text {
    Kept(Box<Instrument>),
    New(Box<contract::Instrument>),
}

impl Text {
    fn name(&self) -> &Name {
        match self {
            Self::Kept(found) => &found.name,
            Self::New(read) => &read.name,
        }
    }
}

impl Planner {
    /// Drafts what is new or amended; gives the names of all, each with its place.
    pub(super) fn documents(
        &mut self,
        rows: Vec<Row<EstateDocument>>,
    ) -> Result<BTreeMap<String, String>, ApiError> {
        // What is there byte for byte was checked when it was drafted. A text names its version: no two share it.
        let known: HashMap<[u8; 32], InstrumentId> =
            self.state.instruments.values().map(|instrument| (instrument.document, instrument.id)).collect();
        let mut named = BTreeMap::new();
        for Row { says, at } in rows {
            let there = known.get(&contract::canonical::digest(&says.text));
            let read = match there.and_then(|id| self.state.instruments.get(id)) {
                Some(found) => Text::Kept(Box::new(found.clone())),
                None => match contract::check(&says.text) {
                    Ok(read) => Text::New(Box::new(read)),
                    Err(found) => {
                        self.find(placed(&at, found));
                        continue;
                    }
                },
            };
            let name = read.name().clone();
            if let Some(first) = named.insert(name.to_string(), at.clone()) {
                let what = format!("a second document of the name `{name}`");
                let mut finding = ApiError::invalid(what).help("one file per instrument").finding(&at);
                finding.other = first;
                self.find(vec![finding]);
                continue;
            }
            match read {
                Text::Kept(found) => self.became(&found),
                Text::New(read) => {
                    if let Err(found) = self.draft(&read, says.text, &at) {
                        self.find(found);
                    }
                }
            }
        }
        self.sound()?;
        Ok(named)
    }

    /// A text the registry has: whether it still stands.
    fn became(&mut self, found: &Instrument) {
        let next = self.state.instrument_versions(&found.name).last().map_or(1, |newest| newest.version) + 1;
        let again = format!(
            "to have it again write `version = {next}`, run `writ fmt`, and it is signed anew; or take the file out"
        );
        let later = self
            .state
            .instrument_versions(&found.name)
            .find(|other| other.version > found.version && other.status != InstrumentStatus::Ended)
            .map(|other| (other.version, other.status));
        let detail = match (found.status, later) {
            (_, Some((version, status))) => format!(
                "version {version} is {status} in the registry and not in the folder: fetch its text with `writ instrument show`, or amend it as version {next}"
            ),
            (InstrumentStatus::Ended, None) => format!("was ended outside the folder: {again}"),
            (InstrumentStatus::Suspended, None) => {
                "is suspended: whoever suspended it gives notice of resumption (`writ notice`)".to_owned()
            }
            (InstrumentStatus::InForce, None) if found.ends_by_notice_ms.is_some() => {
                "ends by notice that was given: whoever gave it takes it back, or take the file out when it is over".to_owned()
            }
            (InstrumentStatus::Drafted | InstrumentStatus::InForce, None) => return,
        };
        self.note(Verb::Drift, "instrument", format!("{}@{}", found.name, found.version), detail);
    }

    fn draft(
        &mut self,
        instrument: &contract::Instrument,
        text: String,
        at: &str,
    ) -> Result<(), Vec<Finding>> {
        let name = &instrument.name;
        let newest = self.state.instrument_versions(name).last().map(|newest| newest.version);
        if let Some(newest) = newest.filter(|newest| *newest >= instrument.version) {
            let what = format!("`{name}` version {} has another text in the registry", instrument.version);
            let help = format!("a changed text is a new version: write `version = {}`", newest + 1);
            let mut finding = ApiError::invalid(what).help(help).finding(at);
            let line = text.find("\nversion").map_or(0..0, |at| at + 1..at + 8);
            (finding.start, finding.end, finding.label) =
                (line.start, line.end, "this one is taken".to_owned());
            return Err(vec![finding]);
        }
        let bundle = compile(instrument, &text).map_err(|found| placed(at, found))?;
        let envelope = Envelope::of(instrument, &text, bundle.hash(), COMPILER);
        let draft = resolve(&self.state, instrument, &text, envelope).map_err(|found| placed(at, found))?;
        self.step(Command::DraftInstrument(Box::new(draft))).map_err(|error| vec![error.finding(at)])?;
        let verb = if newest.is_some() { Verb::Change } else { Verb::Create };
        let title = format!("{name}@{}", instrument.version);
        self.note(verb, "instrument", title, "is drafted; its signatories sign next");
        let before = self.binding(name);
        self.plan.texts.push(text.clone());
        self.plan.affected.push(Affected { name: name.to_string(), before, after: Some(text) });
        Ok(())
    }

    /// The version of an instrument that binds now.
    pub(super) fn binding(&self, name: &Name) -> Option<(u32, InstrumentStatus, [u8; 32])> {
        let found = self.state.binding_version(name, self.now_ms)?;
        Some((found.version, found.status, found.document))
    }
}

fn placed(at: &str, found: Vec<contract::Diagnostic>) -> Vec<Finding> {
    let place = |diagnostic| Finding { pointer: at.to_owned(), ..Finding::from(diagnostic) };
    found.into_iter().map(place).collect()
}
