//! How many rows a statement may have, and how it is broken off when it would have more. No IO.
//!
//! A statement whose rows are limited runs as a portal that gives no more rows than there is room for, whichever way the
//! client said it, and what comes after it waits for its end: what goes beyond is made to fail while nothing of it is kept.

use super::reply;
use policy::{Allowance, Counters, Most, Permit};
use registry::IdentityId;
use std::sync::Arc;
use wire::postgres::error_response::ErrorResponse;

/// The limits of one statement, and what it had.
pub(crate) struct Limits {
    most: Option<Most>,
    allowances: Vec<Allowance>,
    identity: IdentityId,
    counters: Arc<Counters>,
    /// It changes rows: it does so whole before the first is given.
    changes: bool,
    /// What comes after it waits for its end; else its session ends where it goes beyond.
    pub(crate) held: bool,
    /// Rows that were released.
    released: u64,
    /// It went beyond.
    pub(crate) broken: Option<ErrorResponse>,
}

impl Limits {
    /// Those of these acts; none where they have none.
    pub(crate) fn of(
        permits: &[Permit],
        identity: IdentityId,
        counters: &Arc<Counters>,
        held: bool,
    ) -> Option<Box<Self>> {
        let most = permits.iter().filter_map(Permit::most).min_by_key(|most| most.rows).cloned();
        let mut allowances: Vec<Allowance> = Vec::new();
        for allowance in permits.iter().flat_map(Permit::allowances) {
            if !allowances.contains(allowance) {
                allowances.push(allowance.clone());
            }
        }
        if most.is_none() && allowances.is_empty() {
            return None;
        }
        let changes = permits.iter().any(|permit| permit.request().changes);
        Some(Box::new(Self {
            most,
            allowances,
            identity,
            counters: counters.clone(),
            changes,
            held,
            released: 0,
            broken: None,
        }))
    }

    /// How many rows to ask the server for: one more than there is room for, where the client does not ask for fewer.
    pub(crate) fn ask(&self, asked: u32) -> u32 {
        let room = self.most.as_ref().map(|most| most.rows.saturating_sub(self.released).saturating_add(1));
        let room = room.and_then(|room| u32::try_from(room).ok());
        match (room, asked) {
            (None, asked) => asked,
            (Some(room), 0) => room,
            // Given a few at a time, it would be kept before it is told how many there are.
            (Some(room), _) if self.changes => room,
            (Some(room), asked) => room.min(asked),
        }
    }

    /// A row is about to be released: whether it may be.
    pub(crate) fn take(&mut self, now_ms: u64) -> bool {
        if self.broken.is_some() {
            return false;
        }
        if let Some(most) = self.most.as_ref().filter(|most| self.released >= most.rows) {
            self.broken = Some(reply::too_many_rows(most));
            return false;
        }
        match self.counters.take_row(self.identity, &self.allowances, now_ms) {
            Ok(()) => {
                self.released += 1;
                true
            }
            Err((allowance, room_in)) => {
                self.broken = Some(reply::no_more_rows(allowance, room_in));
                false
            }
        }
    }

    /// It had so many rows, says the server.
    pub(crate) fn had(&mut self, rows: u64) {
        if let Some(most) = self.most.as_ref().filter(|most| rows > most.rows && self.broken.is_none()) {
            self.broken = Some(reply::too_many_rows(most));
        }
    }
}
