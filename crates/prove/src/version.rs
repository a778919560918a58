//! A version of an instrument with the text that says it: what is compared, examined and tried.

use contract::{Diagnostic, Instrument};
use std::ops::Deref;

/// What an instrument says, and the document it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    instrument: Instrument,
    source: String,
}

impl Version {
    /// Reads a document.
    pub fn read(source: &str) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self { instrument: contract::read(source)?, source: source.to_owned() })
    }

    /// What it says.
    pub fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl Deref for Version {
    type Target = Instrument;
    fn deref(&self) -> &Instrument {
        &self.instrument
    }
}
