//! The guard against an empty or wrong folder: how much one apply may end.

use crate::error::ApiError;

/// Instruments and identities that may be ended without saying so.
const REMOVALS_MAX: usize = 5;
/// The share of what stands that may be, in percent. Of a small estate that is nothing.
const REMOVALS_PERCENT: usize = 30;

/// What would end, and of how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guard {
    /// Instruments and identities that would end.
    pub(crate) removals: usize,
    /// Those of the folder's parties that stand now.
    pub(crate) standing: usize,
}

impl Guard {
    /// How many may end unless the caller says otherwise.
    pub(crate) fn allowed(self) -> usize {
        REMOVALS_MAX.min(self.standing * REMOVALS_PERCENT / 100)
    }

    /// Refuses what ends too much.
    pub(crate) fn check(self, said: Option<usize>) -> Result<(), ApiError> {
        let most = said.unwrap_or_else(|| self.allowed());
        if self.removals <= most {
            return Ok(());
        }
        let Self { removals, standing } = self;
        let what = format!(
            "this would end {removals} instruments or identities of {standing} that stand, and at most {most} may be ended: is it the right folder?"
        );
        let help =
            format!("what ends cannot be brought back; if it is meant, add `--removals-max {removals}`");
        Err(ApiError::invalid(what).help(help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_estate_loses_nothing_unasked_and_a_large_one_at_most_five() {
        let allowed = |standing| Guard { removals: 0, standing }.allowed();
        assert_eq!([0, 1, 3, 4, 10, 17, 2_000].map(allowed), [0, 0, 0, 1, 3, 5, 5]);
        let guard = Guard { removals: 3, standing: 3 };
        assert!(guard.check(None).is_err() && guard.check(Some(2)).is_err() && guard.check(Some(3)).is_ok());
    }
}
