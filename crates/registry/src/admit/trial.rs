//! Trials: a draft that gateways judge by beside those in force, without effect. What is signed is never tried: it is
//! the rule.

use super::{Admission, Context, conflict, instrument_of, invalid};
use crate::{Event, InstrumentId, InstrumentStatus, Millis, State};

/// The longest trial.
pub const TRIAL_MAX_MS: Millis = 90 * 24 * 3_600_000;
/// Drafts that are tried at a time: each costs every request it is about a decision more.
pub const TRIALS_MAX: usize = 16;

pub(super) fn begin(
    state: &State,
    instrument: InstrumentId,
    until_ms: Millis,
    context: &Context,
) -> Admission {
    let found = instrument_of(state, instrument)?;
    if found.status != InstrumentStatus::Drafted {
        return Err(conflict(
            format!("`{}` version {} is {}", found.name, found.version, found.status),
            "only a draft is tried: what is signed is the rule; draft a further version",
        ));
    }
    if until_ms <= context.now_ms || until_ms - context.now_ms > TRIAL_MAX_MS {
        let days = TRIAL_MAX_MS / (24 * 3_600_000);
        return Err(invalid(
            "a trial that has ended, or is too long",
            format!("let it end within {days} days; it can be begun again"),
        ));
    }
    let others = state.instruments.values().filter(|other| other.id != instrument);
    if others.filter(|other| other.is_tried(context.now_ms)).count() >= TRIALS_MAX {
        return Err(conflict(
            format!("{TRIALS_MAX} drafts are tried already"),
            "end a trial: `writ trial list`",
        ));
    }
    Ok(vec![Event::TrialBegun { instrument, until_ms }])
}

pub(super) fn end(state: &State, instrument: InstrumentId, context: &Context) -> Admission {
    let found = instrument_of(state, instrument)?;
    if !found.is_tried(context.now_ms) {
        return Err(conflict(
            format!("`{}` version {} is not tried", found.name, found.version),
            "see `writ trial list`",
        ));
    }
    Ok(vec![Event::TrialEnded { instrument }])
}
