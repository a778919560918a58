//! Rows on their way to the client, which can be limited and masked, and what waits for their end.

use super::{CopyIn, Talk};
use crate::postgres::masking::Plan;
use crate::postgres::reply;
use crate::postgres::waiting::{Held, Waiting};
use std::sync::Arc;
use wire::postgres::error_response::{ErrorResponse, Severity};

/// What becomes of a row, or of data that are copied out.
pub(crate) enum Row {
    /// It passes.
    Pass,
    /// It passes as this has it.
    Mask(Arc<Plan>),
    /// It does not pass.
    Drop,
    /// The session ends.
    End(ErrorResponse),
}

/// What the gateway says of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// What the client says.
    Client,
    /// Nothing: something runs that everything waits for.
    Nothing,
    /// What makes it fail; and for a text what ends it.
    Fail(bool),
    /// What ends a text.
    End,
}

impl Talk {
    /// Whether the rows that come are masked.
    pub(crate) fn masks_rows(&mut self) -> bool {
        let plan = self.current().and_then(|running| running.plan.as_ref());
        plan.is_some_and(|plan| !plan.is_plain())
    }

    /// A row of a result comes, or copied data.
    pub(crate) fn row(&mut self, bytes: usize, copied: bool, now_ms: u64) -> Row {
        let Some(running) = self.current() else {
            return Row::End(reply::fatal(reply::SESSION, "a row came of what was not permitted"));
        };
        if let Some(limits) = &mut running.limits
            && !limits.take(now_ms)
        {
            return match limits.broken.clone() {
                Some(error) if copied || !limits.held => {
                    Row::End(ErrorResponse { severity: Severity::Fatal, ..error })
                }
                Some(_) | None => Row::Drop,
            };
        }
        let becomes = match (&running.masks, &running.plan) {
            (None, _) => Row::Pass,
            (Some(_), None) => {
                return Row::End(reply::fatal(reply::SESSION, "a row came before its description"));
            }
            (Some(_), Some(plan)) if plan.is_plain() => Row::Pass,
            (Some(_), Some(plan)) => Row::Mask(plan.clone()),
        };
        self.counted.rows += 1;
        self.counted.given += 1;
        self.counted.bytes_down += bytes as u64;
        becomes
    }

    /// What the gateway says next.
    pub(crate) fn next(&mut self) -> Next {
        match self.copy {
            CopyIn::Asked | CopyIn::Said => return Next::Nothing,
            CopyIn::Reads => return Next::Client,
            CopyIn::Not => {}
        }
        let Some(last) = self.waiting.back_mut() else { return Next::Client };
        let is_text = matches!(last, Waiting::Query { .. });
        let Some(held) = last.held() else { return Next::Client };
        match *held {
            Held::Runs => Next::Nothing,
            Held::Said => Next::Client,
            Held::Beyond => {
                *held = Held::Said;
                Next::Fail(is_text)
            }
            Held::Ran => {
                *held = Held::Said;
                Next::End
            }
        }
    }

    /// For how many rows to ask the server of a portal, and whether what comes after that waits for its end.
    pub(crate) fn ask(&self, portal: &str, asked: u32) -> (u32, bool) {
        match self.runs(portal).and_then(|running| running.limits.as_ref()) {
            Some(limits) if limits.held => (limits.ask(asked), true),
            Some(_) | None => (asked, false),
        }
    }

    /// Whether what runs has more rows than it may: then it is made to fail, and until then nothing of it is told. `had`
    /// is how many rows the server says it had; none, where it has more than it was asked for.
    pub(super) fn is_beyond(&mut self, had: Option<u64>) -> bool {
        let Some(limits) = self.current().and_then(|running| running.limits.as_mut()) else {
            return false;
        };
        if let Some(rows) = had {
            limits.had(rows);
        }
        let Some(error) = limits.broken.clone().filter(|_| limits.held) else { return false };
        match self.waiting.front_mut() {
            Some(
                Waiting::Query { denial, held: Some(held), .. }
                | Waiting::Execute { denial, held: Some(held), .. },
            ) => {
                *denial = Some(error);
                *held = Held::Beyond;
                true
            }
            Some(_) | None => false,
        }
    }
}
