//! The kinds of clause. One kind is one file: its parameters (read by `serde`, each value typed), its
//! sentences, and the norms they come down to. Words and rule come from the same call of
//! [`Kind::statements`].
//!
//! To add a kind: its file beside the others, a line in the list below, its wording in
//! `library.toml`, its sample in `samples/`. The compiler and the tests ask for the rest.

use crate::norm::Statement as Sentence;
use crate::setting::Setting;
use schemars::{JsonSchema as _, Schema, SchemaGenerator};
use serde_json::Value;

/// What is wrong with parameters that are each right by themselves.
pub(crate) struct Fault {
    /// The key it is shown at.
    pub(crate) key: &'static str,
    /// Its code.
    pub(crate) code: &'static str,
    /// Why.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) help: String,
}

impl Fault {
    pub(crate) fn new(key: &'static str, code: &'static str, message: &str, help: &str) -> Self {
        Self { key, code, message: message.to_owned(), help: help.to_owned() }
    }
}

/// What every kind of clause can do.
pub(crate) trait Terms {
    /// Its sentences and their norms, in order; the same parameters give the same bytes.
    fn statements(&self, of: &Setting<'_>) -> Vec<Sentence>;

    /// What is wrong with the parameters together.
    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        Vec::new()
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $module:ident $one:literal;)*) => {
        $(pub mod $module;)*
        $(pub use $module::$variant;)*

        /// The kinds of clause and their parameters.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $variant(Box<$variant>),)* }

        impl Kind {
            /// The spellings, in the order of the reference.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// As written in a clause block.
            pub fn as_str(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// What it is, in a line.
            pub fn summary(name: &str) -> Option<&'static str> {
                match name { $($name => Some($one),)* _ => None }
            }

            /// A complete block of each kind, to copy.
            pub fn sample(name: &str) -> Option<&'static str> {
                match name { $($name => Some(include_str!(concat!("samples/", $name, ".toml"))),)* _ => None }
            }

            /// How the parameters of each kind look.
            pub(crate) fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
                vec![$(($name, $variant::json_schema(generator))),*]
            }

            /// Reads the parameters of the kind `name` from TOML without the common keys.
            /// None if there is no such kind.
            pub fn read(name: &str, toml: &str) -> Option<Result<Self, toml::de::Error>> {
                match name {
                    $($name => Some(toml::from_str(toml).map(|terms| Self::$variant(Box::new(terms)))),)*
                    _ => None,
                }
            }

            /// Reads the parameters from their canonical form.
            pub fn from_terms(name: &str, terms: Value) -> Result<Self, String> {
                match name {
                    $($name => serde_json::from_value(terms)
                        .map(|terms| Self::$variant(Box::new(terms)))
                        .map_err(|error| error.to_string()),)*
                    other => Err(format!("there is no clause kind `{other}`")),
                }
            }

            /// The parameters in canonical form: as written in blocks, values in their one spelling.
            pub fn terms(&self) -> Value {
                // Typed values always serialise.
                match self { $(Self::$variant(terms) => serde_json::to_value(terms).unwrap_or_default(),)* }
            }

            pub(crate) fn as_terms(&self) -> &dyn Terms {
                match self { $(Self::$variant(terms) => terms.as_ref(),)* }
            }
        }
    };
}

kinds! {
    /// What machines may do.
    Permit = "permit" permit "what machines may do";
    /// What machines shall not do, whatever else is permitted.
    Prohibit = "prohibit" prohibit "what machines shall not do";
    /// What a side must see to in time.
    Duty = "duty" duty "what a side must see to in time";
    /// How often or how much.
    Quota = "quota" quota "how often or how much";
    /// How sensitive what is touched may be.
    Classification = "classification" classification "how sensitive what is touched may be";
    /// How statements to databases must look.
    Statement = "statement" statement "how statements to databases must look";
    /// What becomes of fields in answers.
    Masking = "masking" masking "what becomes of fields in answers";
    /// What requests must declare to be for.
    Purpose = "purpose" purpose "what requests must declare to be for";
    /// Where machines and services must be.
    Residency = "residency" residency "where machines and services must be";
    /// How long data are kept.
    Retention = "retention" retention "how long data are kept";
    /// What a machine must present.
    Credential = "credential" credential "what a machine must present";
    /// Whether a machine may act through others.
    Delegation = "delegation" delegation "whether a machine may act through others";
    /// Which acts a person must approve.
    Approval = "approval" approval "which acts a person must approve";
    /// When and from where.
    Window = "window" window "when and from where";
    /// How available the service must be.
    Availability = "availability" availability "how available the service must be";
    /// Who may audit, how, how often.
    Audit = "audit" audit "who may audit, how, how often";
    /// In what time incidents are notified.
    IncidentNotice = "incident-notice" incident_notice "in what time incidents are notified";
    /// That somebody answers for machines, and looks at them again.
    Ownership = "ownership" ownership "that somebody answers for machines, and looks again";
    /// Liability, indemnity, warranty, insurance.
    Liability = "liability" liability "liability, indemnity, warranty, insurance";
    /// Who may suspend the instrument.
    Suspension = "suspension" suspension "who may suspend the instrument";
    /// From when, until when, and how it ends.
    Term = "term" term "from when, until when, and how it ends";
    /// Governing law, forum, notices, assignment, precedence.
    General = "general" general "law, forum, notices, assignment, precedence";
    /// Who may change the instrument, and when one signature is enough.
    Amendment = "amendment" amendment "who may change it, and when one signature is enough";
    /// Words between people.
    Words = "words" words "free words between people";
}

impl Kind {
    /// Its sentences and their norms.
    pub fn statements(&self, of: &Setting<'_>) -> Vec<Sentence> {
        self.as_terms().statements(of)
    }

    /// What is wrong with its parameters together; empty if nothing is.
    pub fn faults(&self, of: &Setting<'_>) -> Vec<String> {
        self.as_terms().faults(of).into_iter().map(|fault| fault.message).collect()
    }

    /// The block that says this, ready to stand in a document.
    pub fn to_block(&self) -> String {
        let mut block = format!("kind = \"{}\"\n", self.as_str());
        if let Value::Object(terms) = self.terms() {
            for (key, value) in terms {
                block.push_str(&format!("{key} = {}\n", toml_value(&value)));
            }
        }
        block
    }
}

/// A canonical value as TOML; dates stand bare.
fn toml_value(value: &Value) -> String {
    match value {
        Value::String(text) if crate::value::parse_instant(text).is_some() => text.clone(),
        Value::String(_) | Value::Bool(_) | Value::Number(_) | Value::Null => value.to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(toml_value).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{key} = {}", toml_value(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
    }
}
