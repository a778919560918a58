//! What went up and waits for its answer: messages, and the statements they run.

use super::masking::{Masks, Plan};
use super::names::Known;
use super::rows::Limits;
use crate::connections::Live;
use crate::course::{Recorded, UnderWay};
use crate::record::Meter;
use policy::{Ending, Longest};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::postgres::Malformed;
use wire::postgres::error_response::ErrorResponse;

/// A message that went up, and what is to come of it.
pub(crate) enum Waiting {
    /// A text: until the server is ready. `held`: it runs as a portal of the gateway's own.
    Query { running: Option<Running>, denial: Option<ErrorResponse>, held: Option<Held> },
    /// A statement gets a name.
    Parse { name: String, known: Arc<Known>, denial: Option<ErrorResponse> },
    /// A portal is made.
    Bind { portal: String, running: Option<Running>, denial: Option<ErrorResponse> },
    /// Something is described.
    Describe(Described),
    /// A portal runs. `held`: what comes after it waits for its end.
    Execute { portal: String, denial: Option<ErrorResponse>, held: Option<Held> },
    /// A statement is forgotten.
    CloseStatement(String),
    /// A portal is.
    ClosePortal(String),
    /// Until the server is ready.
    Sync,
}

/// What is described.
pub(crate) enum Described {
    /// A portal, for the gateway itself.
    Own(String),
    /// A portal.
    Portal,
    /// A statement.
    Statement(String),
}

/// How far something is for whose end everything waits that comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// It runs.
    Runs,
    /// It went beyond its limit: it must fail.
    Beyond,
    /// It ran, and nothing is asked of the server yet.
    Ran,
    /// All is said.
    Said,
}

impl Waiting {
    /// What it binds, if it binds this portal; nothing, where that was denied.
    pub(super) fn binds(&self, name: &str) -> Option<Option<&Running>> {
        let Self::Bind { portal, running, .. } = self else { return None };
        (portal == name).then_some(running.as_ref())
    }

    /// How far it is, where everything waits for its end.
    pub(super) fn held(&mut self) -> Option<&mut Held> {
        match self {
            Self::Query { held, .. } | Self::Execute { held, .. } => held.as_mut(),
            Self::Parse { .. }
            | Self::Bind { .. }
            | Self::Describe(_)
            | Self::CloseStatement(_)
            | Self::ClosePortal(_)
            | Self::Sync => None,
        }
    }

    /// What it runs.
    pub(super) fn running(&self) -> Option<&Running> {
        match self {
            Self::Query { running, .. } | Self::Bind { running, .. } => running.as_ref(),
            Self::Parse { .. }
            | Self::Describe(_)
            | Self::Execute { .. }
            | Self::CloseStatement(_)
            | Self::ClosePortal(_)
            | Self::Sync => None,
        }
    }
}

/// A statement or several that were permitted together and are under way.
#[derive(Default)]
pub(crate) struct Running {
    /// They rest on their contract still.
    pub(crate) _rests: Option<Live>,
    pub(crate) under_way: Option<UnderWay>,
    pub(crate) meter: Arc<Meter>,
    /// What must be durable before answers are released.
    pub(crate) recorded: Option<Recorded>,
    /// The server may read data for it.
    pub(crate) copies_in: bool,
    /// The catalog is another afterwards.
    pub(crate) defines: bool,
    /// It runs something by a name, which is looked up when it runs.
    pub(crate) runs_by_name: bool,
    /// How long the transaction may be open in which it happens.
    pub(crate) longest: Option<Box<Longest>>,
    /// How many rows it may have.
    pub(crate) limits: Option<Box<Limits>>,
    /// What is masked in its results.
    pub(crate) masks: Option<Arc<Masks>>,
    /// The result that is coming, as it is masked.
    pub(crate) plan: Option<Arc<Plan>>,
}

impl Running {
    /// Whether what comes after it waits for its end.
    pub(crate) fn is_held(&self) -> bool {
        self.limits.as_ref().is_some_and(|limits| limits.held)
    }

    /// A result is described: how it is masked.
    pub(super) fn describe(&mut self, body: &[u8]) -> Result<(), Malformed> {
        if let Some(masks) = &self.masks {
            self.plan = Some(Arc::new(masks.described(body, &self.meter)?));
        }
        Ok(())
    }

    /// It came to its end.
    pub(crate) fn finish(mut self, ending: Ending) {
        if let Some(under_way) = self.under_way.take() {
            under_way.end(ending);
        }
    }
}

/// Of one statement, and of what passes between both sides for it.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted {
    pub(super) rows: u64,
    /// Rows that were given, whatever the server says it had.
    pub(super) given: u64,
    pub(super) bytes_up: u64,
    pub(super) bytes_down: u64,
}

impl Counted {
    /// Tells a statement what it did.
    pub(super) fn tell(self, running: &Running) {
        let Self { rows, given, bytes_up, bytes_down } = self;
        running.meter.rows.fetch_add(rows, Ordering::Relaxed);
        running.meter.given.fetch_add(given, Ordering::Relaxed);
        running.meter.up.fetch_add(bytes_up, Ordering::Relaxed);
        running.meter.down.fetch_add(bytes_down, Ordering::Relaxed);
    }
}
