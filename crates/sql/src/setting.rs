//! Settings a session may change: those that change how it is answered, and nothing about what statements mean, whose
//! rights are used or what the server writes down.

use crate::statement::Effect;

/// A change of a setting that is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Nothing follows from it.
    Harmless,
    /// Where names are looked up.
    SearchPath,
    /// The session's name in the server's records.
    ApplicationName,
    /// What what follows is for.
    Purpose(String),
}

/// Formats, time limits and the mode of transactions.
const HARMLESS: &[&str] = &[
    "bytea_output",
    "client_min_messages",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "lock_timeout",
    "row_security",
    "statement_timeout",
    "synchronize_seqscans",
    "timezone",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_timeout",
    "xmloption",
];

/// What a machine declares its statements to be for.
pub(crate) const PURPOSE: &str = "writ.purpose";

impl Setting {
    /// The setting `name` given `values`; no values: back to what it was. An error says why it is not let through.
    pub(crate) fn of(name: &str, values: Option<&[String]>) -> Result<Self, String> {
        let one = || match values {
            Some([value]) => Some(value.to_ascii_lowercase().replace('-', "")),
            Some(_) | None => None,
        };
        let back = values.is_some_and(<[String]>::is_empty);
        match name {
            "search_path" => Ok(Self::SearchPath),
            "application_name" => Ok(Self::ApplicationName),
            PURPOSE => match values {
                Some([]) => Ok(Self::Purpose(String::new())),
                Some([value]) => Ok(Self::Purpose(value.clone())),
                Some(_) | None => Err(format!("`{PURPOSE}` is one text")),
            },
            // Text in another encoding, or with another escape, would be read differently by the server.
            "client_encoding" | "names" => match one().as_deref() {
                Some("utf8" | "unicode") => Ok(Self::Harmless),
                Some(_) | None if back => Ok(Self::Harmless),
                Some(_) | None => Err("statements are looked into in UTF8 only".to_owned()),
            },
            "standard_conforming_strings" => match one().as_deref() {
                Some("on" | "true" | "1" | "yes" | "default") => Ok(Self::Harmless),
                Some(_) | None => Err("a backslash in a string must mean a backslash".to_owned()),
            },
            _ if HARMLESS.contains(&name) => Ok(Self::Harmless),
            "role" | "session_authorization" => {
                Err("whose rights are used is given by the contract".to_owned())
            }
            other => Err(format!("changing the setting `{other}` is administration")),
        }
    }

    /// What SET does to the session.
    pub(crate) fn effect(self) -> Effect {
        match self {
            Self::Harmless => Effect::None,
            Self::SearchPath => Effect::SearchPath,
            Self::ApplicationName => Effect::ApplicationName,
            Self::Purpose(purpose) => Effect::Purpose(purpose),
        }
    }

    /// A setting that is given when a session begins, if it may be.
    pub fn at_startup(name: &str, value: &str) -> Result<Self, String> {
        Self::of(&name.to_ascii_lowercase(), Some(&[value.to_owned()]))
    }
}
