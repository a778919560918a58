//! An instrument as a document: its parts, and the two things one does with it, `check` and `format`.

use crate::clause::{Clause, Number};
use crate::diagnostic::{Diagnostic, Findings};
use crate::norm::{Norm, Rule, Statement, Test};
use crate::parse;
use crate::setting::Setting;
use crate::terms::Side;
use registry::Name;
use std::ops::Range;

/// The largest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// Clauses in a document at most.
pub const CLAUSES_MAX: usize = 500;

/// What an instrument says, without its layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its short name.
    pub name: Name,
    /// Its version, counting from 1.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Who is bound, and what it is about.
    pub body: Body,
    /// Who signs, in which order.
    pub signing: Signing,
    /// The titles of its sections; the first is section 1.
    pub headings: Vec<String>,
    /// The clauses, in the order of the document.
    pub clauses: Vec<Clause>,
}

/// The three instruments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Rights, responsibilities and boundaries of one machine.
    Charter {
        /// Whose machine.
        holder: Organisation,
        /// The machine.
        machine: Name,
    },
    /// Between the machines of two parties.
    Contract {
        /// Who provides the service.
        provider: Organisation,
        /// The service.
        service: Name,
        /// Who uses it.
        consumer: Organisation,
        /// With which machines.
        machines: Vec<Name>,
    },
    /// The bounds one organisation sets for all its machines and services.
    Guardrail {
        /// Whose.
        holder: Organisation,
    },
}

/// A party as the document names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Its short name in the registry.
    pub party: Name,
    /// Its name in law.
    pub legal_name: String,
}

/// Who signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// How many people sign for each side, where it is more than one.
    pub quorum: Vec<(Side, u32)>,
    /// Which side signs first, if that matters.
    pub first: Option<Side>,
}

impl Signing {
    /// How many people sign for a side at least.
    pub fn quorum_of(&self, side: Side) -> u32 {
        self.quorum.iter().find(|(of, _)| *of == side).map_or(1, |(_, people)| *people)
    }
}

impl Body {
    /// `contract`, `charter`, `guardrail`: in front matter and in sentences.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Charter { .. } => "charter",
            Self::Contract { .. } => "contract",
            Self::Guardrail { .. } => "guardrail",
        }
    }

    /// The organisation that sets a charter or guardrail; the provider of a contract.
    pub fn holder(&self) -> &Organisation {
        match self {
            Self::Charter { holder, .. } | Self::Guardrail { holder } => holder,
            Self::Contract { provider, .. } => provider,
        }
    }

    /// The organisation whose machines act.
    pub fn machine_side(&self) -> &Organisation {
        match self {
            Self::Charter { holder, .. } | Self::Guardrail { holder } => holder,
            Self::Contract { consumer, .. } => consumer,
        }
    }

    /// Who signs.
    pub fn sides(&self) -> &'static [Side] {
        match self {
            Self::Charter { .. } | Self::Guardrail { .. } => &[Side::Party],
            Self::Contract { .. } => &[Side::Provider, Side::Consumer],
        }
    }

    /// The organisation of a side.
    pub fn organisation(&self, side: Side) -> &Organisation {
        match side {
            Side::Consumer => self.machine_side(),
            Side::Party | Side::Provider => self.holder(),
        }
    }

    /// The service a contract is for.
    pub fn service(&self) -> Option<&Name> {
        match self {
            Self::Contract { service, .. } => Some(service),
            Self::Charter { .. } | Self::Guardrail { .. } => None,
        }
    }

    /// The machines it names.
    pub fn machines(&self) -> &[Name] {
        match self {
            Self::Charter { machine, .. } => std::slice::from_ref(machine),
            Self::Contract { machines, .. } => machines,
            Self::Guardrail { .. } => &[],
        }
    }
}

impl Instrument {
    /// The clause of this number.
    pub fn clause(&self, number: Number) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.number == number)
    }

    /// What a clause says, sentence by sentence.
    pub fn statements_of(&self, clause: &Clause) -> Vec<Statement> {
        clause.kind.statements(&Setting { instrument: self, number: clause.number })
    }

    /// Every sentence with its clause, in the order of the document.
    pub fn statements(&self) -> Vec<(Number, usize, Statement)> {
        let of = |clause: &Clause| {
            let numbered = self.statements_of(clause).into_iter().enumerate();
            numbered.map(|(at, said)| (clause.number, at, said)).collect::<Vec<_>>()
        };
        self.clauses.iter().flat_map(of).collect()
    }

    /// The rules a gateway holds, each with its clause and sentence. A guardrail permits whatever none
    /// of its clauses prohibits: that is its rule of reading.
    pub fn rules(&self) -> Vec<(Number, usize, Rule)> {
        let open = match self.body {
            Body::Guardrail { .. } => Some((Number::READING, 0, Rule::any())),
            Body::Charter { .. } | Body::Contract { .. } => None,
        };
        let rules = self.statements().into_iter().filter_map(|(number, at, said)| match said.norm {
            Norm::Rule(rule) => Some((number, at, rule)),
            Norm::Duty(_)
            | Norm::Level(_)
            | Norm::Power(_)
            | Norm::Masking(_)
            | Norm::Statement(_)
            | Norm::Departure(_)
            | Norm::Evidence(_)
            | Norm::Issuance(_)
            | Norm::Cap(_)
            | Norm::Words(_) => None,
        });
        open.into_iter().chain(rules).collect()
    }
}

impl Instrument {
    /// The whole rule as one test: some permit applies and no prohibition does.
    pub fn permitted(&self) -> Test {
        let reaches = |permits: bool| {
            let rules = self.rules();
            let of_effect = rules.iter().filter(|(_, _, rule)| rule.permits == permits);
            Test::Any(of_effect.map(|(_, _, rule)| rule.reach()).collect())
        };
        Test::and(vec![reaches(true), reaches(false).negated()])
    }
}

/// A parsed document: the instrument, and where Writ's own words stand or belong.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub instrument: Instrument,
    /// For each piece of generated wording, in order: the text now there (or the empty place for
    /// it), and what must stand there.
    pub(crate) places: Vec<Place>,
}

/// Where a piece of generated wording belongs.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) span: Range<usize>,
    pub(crate) words: String,
}

impl Document {
    /// Reads a document. The generated wording is not looked at; see [`check`].
    pub fn parse(source: &str) -> Result<Self, Vec<Diagnostic>> {
        parse::document(source)
    }
}

/// Reads what a document says without looking at its generated words: for a document whose digest is
/// known to be the one that was checked and signed.
pub fn read(source: &str) -> Result<Instrument, Vec<Diagnostic>> {
    parse::instrument(source).map(|(instrument, _, _)| instrument)
}

/// Reads a document and checks that every generated word is what Writ generates.
pub fn check(source: &str) -> Result<Instrument, Vec<Diagnostic>> {
    let document = Document::parse(source)?;
    let mut edited = Findings::default();
    for place in &document.places {
        let found = source.get(place.span.clone()).unwrap_or_default();
        if found == place.words {
            continue;
        }
        let (message, label) = if found.trim().is_empty() {
            ("the generated wording is missing", "the words of the clause belong here")
        } else {
            ("the generated wording was changed by hand", "these are not the words of the clause")
        };
        let help = "change the clause block above it instead, then run `writ fmt`";
        edited.push(Diagnostic::new("writ::words", place.span.clone(), message, label, help));
    }
    if edited.is_empty() { Ok(document.instrument) } else { Err(edited.into_told()) }
}

/// The document with all generated wording written anew.
pub fn format(source: &str) -> Result<String, Vec<Diagnostic>> {
    let document = Document::parse(source)?;
    let mut out = String::with_capacity(source.len() * 2);
    let mut at = 0;
    for place in &document.places {
        out.push_str(source.get(at..place.span.start).unwrap_or_default());
        if place.span.start == source.len() && !out.ends_with("\n\n") {
            out.push('\n');
        }
        out.push_str(&place.words);
        at = place.span.end;
    }
    out.push_str(source.get(at..).unwrap_or_default());
    Ok(out)
}
