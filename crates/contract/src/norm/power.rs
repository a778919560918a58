//! What a side may do to an instrument's standing.

use crate::terms::{Side, closed};
use crate::value::Span;
use serde::Serialize;

/// What a side may do to the instrument's standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Power {
    /// Who has it.
    pub holders: Vec<Side>,
    /// To what end.
    pub effect: PowerEffect,
    /// On which grounds, one of which is named when it is exercised; empty means none is needed.
    pub grounds: Vec<Ground>,
    /// With which notice.
    pub notice: Option<Span>,
    /// For how long it goes on.
    pub period: Option<Span>,
}

/// A ground on which a power is exercised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ground {
    /// How a notice names it.
    pub code: String,
    /// How a sentence does.
    pub words: String,
}

closed! {
    /// What a power changes.
    PowerEffect ("power") {
        /// A change that was proven to only narrow takes effect on one signature.
        Narrow = "narrow" "alone signs a new version";
        /// The term goes on unless somebody objects in time.
        Renew = "renew" "gives notice against its renewal in time";
        /// The instrument goes on after a suspension.
        Resume = "resume" "lets it go on";
        /// The instrument rests.
        Suspend = "suspend" "suspends it";
        /// The instrument ends.
        Terminate = "terminate" "ends it";
    }
}

impl Power {
    /// Whether an exercise of the power has effect.
    /// No holder means somebody who is no side of the instrument.
    pub fn is_effective(&self, holder: Option<Side>, ground: Option<&str>) -> bool {
        let entitled = holder.is_some_and(|holder| self.holders.contains(&holder));
        entitled
            && (self.grounds.is_empty()
                || ground.is_some_and(|g| self.grounds.iter().any(|known| known.code == g)))
    }
}
