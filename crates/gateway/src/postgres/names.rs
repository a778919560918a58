//! Names of prepared statements and cursors, with everything each can mean until the server has said what it does. No IO.

use super::texts::Text;
use crate::limits::{NAMED_BYTES_MAX, NAMED_STATEMENTS_MAX, PIPELINE_MAX};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// What a prepared statement is.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Its text.
    pub(crate) text: String,
    /// The types of its parameters, by their numbers in the database, as far as they were given.
    pub(crate) types: Vec<u32>,
    /// The same as the server said them.
    pub(crate) described: OnceLock<Vec<u32>>,
    /// What was read; at most one statement, or PostgreSQL refuses it.
    pub(crate) read: Arc<Text>,
    /// Which text of the session it was, where those have numbers.
    pub(crate) trace: Option<u64>,
}

/// Everything a name can mean.
#[derive(Default)]
struct Meanings {
    confirmed: Option<Arc<Known>>,
    pending: Vec<Arc<Known>>,
    /// No transaction was open since it was given; nothing may have begun then that does so.
    idle_since: bool,
}

/// What has a name: a client can give both kinds any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Called {
    /// A prepared statement.
    Statement(String),
    /// A cursor; it ends with its transaction.
    Cursor(String),
    /// A cursor that does not (`WITH HOLD`).
    Held(String),
}

impl Called {
    pub(crate) fn statement(name: &str) -> Self {
        Self::Statement(name.to_owned())
    }

    /// What a name of a cursor can be.
    pub(crate) fn cursors(name: &str) -> [Self; 2] {
        [Self::Cursor(name.to_owned()), Self::Held(name.to_owned())]
    }
}

/// The names of a session.
#[derive(Default)]
pub(crate) struct Names {
    known: HashMap<Called, Meanings>,
    /// Bytes of their texts.
    bytes: usize,
    /// How often a name was given or taken away.
    changes: u64,
}

impl Names {
    /// A statement is about to get a name; says whether there is room for it.
    pub(crate) fn name(&mut self, name: &Called, known: &Arc<Known>) -> bool {
        // What has none cannot be run by its name.
        self.changes += u64::from(*name != Called::statement(""));
        if self.known.len() >= NAMED_STATEMENTS_MAX && !self.known.contains_key(name) {
            return false;
        }
        let bytes = self.bytes + known.text.len();
        let meanings = self.known.entry(name.clone()).or_default();
        let room = meanings.pending.len() < PIPELINE_MAX && bytes <= NAMED_BYTES_MAX;
        if room {
            meanings.pending.push(known.clone());
            meanings.idle_since = false;
            self.bytes = bytes;
        }
        room
    }

    /// A name is taken away, whichever.
    pub(crate) fn unname(&mut self) {
        self.changes += 1;
    }

    /// How often one was given or taken away.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// The same with PREPARE, of which nobody hears whether it was done: the name can mean this for ever.
    pub(crate) fn name_for_good(&mut self, name: &Called, known: &Arc<Known>) -> bool {
        self.meanings(name).iter().any(|other| other.text == known.text) || self.name(name, known)
    }

    /// Everything a name can mean.
    pub(crate) fn meanings(&self, name: &Called) -> Vec<Arc<Known>> {
        let Some(meanings) = self.known.get(name) else { return Vec::new() };
        let mut all: Vec<Arc<Known>> = Vec::new();
        for known in meanings.confirmed.iter().chain(&meanings.pending) {
            let same = |other: &Arc<Known>| other.text == known.text && other.types == known.types;
            if !all.iter().any(same) {
                all.push(known.clone());
            }
        }
        all
    }

    /// Which text of the session gave a name last, where that is known.
    pub(crate) fn trace(&self, name: &Called) -> Option<u64> {
        let meanings = self.known.get(name)?;
        meanings.pending.last().or(meanings.confirmed.as_ref())?.trace
    }

    /// The server took a name, or not.
    pub(crate) fn settle(&mut self, name: &Called, known: &Arc<Known>, confirmed: bool) {
        let Some(meanings) = self.known.get_mut(name) else { return };
        let pending = meanings.pending.iter().position(|other| Arc::ptr_eq(other, known));
        if let Some(at) = pending {
            meanings.pending.remove(at);
        }
        let over = if confirmed {
            meanings.confirmed.replace(known.clone())
        } else {
            pending.map(|_| known.clone())
        };
        self.bytes = self.bytes.saturating_sub(over.map_or(0, |over| over.text.len()));
        if meanings.confirmed.is_none() && meanings.pending.is_empty() {
            self.known.remove(name);
        }
    }

    /// The server forgot a name.
    pub(crate) fn close(&mut self, name: &Called) {
        if let Some(meanings) = self.known.get_mut(name) {
            let over = meanings.confirmed.take();
            self.bytes = self.bytes.saturating_sub(over.map_or(0, |over| over.text.len()));
            if meanings.pending.is_empty() {
                self.known.remove(name);
            }
        }
    }

    /// Whether a portal of this name can be a cursor.
    pub(crate) fn is_cursor(&self, name: &str) -> bool {
        Called::cursors(name).iter().any(|called| self.known.contains_key(called))
    }

    /// No transaction is open: cursors are no more, but for those that were named just now and may be declared in one
    /// that begins.
    pub(crate) fn end_cursors(&mut self) {
        let (known, bytes) = (&mut self.known, &mut self.bytes);
        known.retain(|called, meanings| {
            let before = std::mem::replace(&mut meanings.idle_since, true);
            let over = before && matches!(called, Called::Cursor(_));
            if over {
                let known = meanings.confirmed.iter().chain(&meanings.pending);
                *bytes = bytes.saturating_sub(known.map(|known| known.text.len()).sum());
            }
            !over
        });
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
