//! Which portals there may be, and what was so when they were bound. No IO.
//!
//! A portal is what was bound last, unless that failed: then it is what it was before, or none (the unnamed one). Within one part of what a client says
//! (up to Sync, or a text) nothing is run after a failure, so that what was bound in it counts; beyond it the server's answer
//! has to be known first.

use crate::limits::PORTALS_MAX;
use std::collections::{HashMap, VecDeque};

/// What was so when a portal was bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// How often the search path had changed.
    pub(crate) moved: u64,
    /// How often names had been given or taken away, where it runs something by a name.
    pub(crate) names: Option<u64>,
}

/// The portals of a session.
#[derive(Default)]
pub(super) struct Portals {
    all: HashMap<String, Portal>,
    /// Parts the client has ended so far.
    part: u64,
}

#[derive(Default)]
struct Portal {
    /// What the server has.
    there: Option<Binding>,
    /// What was said and is not answered, oldest first, and in which part.
    coming: VecDeque<(u64, Binding)>,
}

impl Portals {
    /// A portal is said to be bound; says whether there is room for it.
    pub(super) fn bind(&mut self, name: &str, binding: Binding) -> bool {
        let room = self.all.len() < PORTALS_MAX || self.all.contains_key(name);
        if room {
            self.all.entry(name.to_owned()).or_default().coming.push_back((self.part, binding));
        }
        room
    }

    /// A part of what the client says is over.
    pub(super) fn end_part(&mut self) {
        self.part += 1;
    }

    /// What a portal is if it runs now.
    pub(super) fn get(&self, name: &str) -> Option<Binding> {
        let portal = self.all.get(name)?;
        portal.coming.back().map(|(_, binding)| *binding).or(portal.there)
    }

    /// Whether that is known only once the server has answered.
    pub(super) fn is_unsettled(&self, name: &str) -> bool {
        let last = self.all.get(name).and_then(|portal| portal.coming.back());
        last.is_some_and(|(part, _)| *part < self.part)
    }

    /// The server bound what was said first.
    pub(super) fn bound(&mut self, name: &str) {
        if let Some(portal) = self.all.get_mut(name) {
            portal.there = portal.coming.pop_front().map(|(_, binding)| binding);
            self.forget(name);
        }
    }

    /// It did not.
    pub(super) fn failed(&mut self, name: &str) {
        if let Some(portal) = self.all.get_mut(name) {
            portal.coming.pop_front();
            self.forget(name);
        }
    }

    /// What was said last will not be read.
    pub(super) fn unread(&mut self, name: &str) {
        if let Some(portal) = self.all.get_mut(name) {
            portal.coming.pop_back();
            self.forget(name);
        }
    }

    /// The server closed it.
    pub(super) fn close(&mut self, name: &str) {
        if let Some(portal) = self.all.get_mut(name) {
            portal.there = None;
            self.forget(name);
        }
    }

    /// No transaction is open: no portal lives on.
    pub(super) fn close_all(&mut self) {
        self.all.retain(|_, portal| {
            portal.there = None;
            !portal.coming.is_empty()
        });
    }

    fn forget(&mut self, name: &str) {
        if self.all.get(name).is_some_and(|portal| portal.there.is_none() && portal.coming.is_empty()) {
            self.all.remove(name);
        }
    }
}
