//! What is running now, and cutting it: every connection and every exchange with the right it
//! rests on. Looked through whenever the rules push a change that can stop something, and once a second.

use crate::Ports;
use crate::limits::SWEEP_INTERVAL;
use crate::parting::Cut;
use policy::{Permit, Reason, Request, Rules};
use registry::{IdentityId, InstrumentId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use tokio_util::sync::CancellationToken;

/// All live connections of a gateway.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    table: Mutex<Table>,
    /// How many were cut the last time some lost their right.
    wave: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    live: HashMap<u64, Right>,
}

/// What a connection or an exchange rests on.
#[derive(Debug)]
struct Right {
    identity: Option<IdentityId>,
    serial: [u8; 16],
    /// For an exchange: the contracts it rests on, and what was asked.
    permitted: Vec<(InstrumentId, Arc<Request>)>,
    token: CancellationToken,
    /// Why it was cut, once it is.
    why: Arc<OnceLock<Cut>>,
}

/// A place in the table for as long as it lives.
#[derive(Debug)]
pub(crate) struct Live {
    number: u64,
    identity: Option<IdentityId>,
    serial: [u8; 16],
    token: CancellationToken,
    why: Arc<OnceLock<Cut>>,
    /// Responses on this connection of which a part may be said.
    half_said: Arc<AtomicUsize>,
    /// One of them was broken off.
    broken_off: Arc<AtomicBool>,
    table: Weak<Connections>,
}

/// A response that is being said, until it is dropped.
#[derive(Debug)]
pub(crate) struct Saying(Arc<AtomicUsize>);

impl Drop for Saying {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connections {
    /// Enters a connection.
    pub(crate) fn enter(self: &Arc<Self>, identity: Option<IdentityId>, serial: [u8; 16]) -> Live {
        self.insert(identity, serial, Vec::new(), CancellationToken::new())
    }

    fn insert(
        self: &Arc<Self>,
        identity: Option<IdentityId>,
        serial: [u8; 16],
        permitted: Vec<(InstrumentId, Arc<Request>)>,
        token: CancellationToken,
    ) -> Live {
        let why = Arc::<OnceLock<Cut>>::default();
        let right = Right { identity, serial, permitted, token: token.clone(), why: why.clone() };
        let number = self.number(right);
        let (half_said, broken_off) = (Arc::default(), Arc::default());
        Live { number, identity, serial, token, why, half_said, broken_off, table: Arc::downgrade(self) }
    }

    /// With the token of another.
    fn insert_beside(self: &Arc<Self>, live: &Live, permitted: Vec<(InstrumentId, Arc<Request>)>) -> Live {
        let right = Right {
            identity: live.identity,
            serial: live.serial,
            permitted,
            token: live.token.clone(),
            why: live.why.clone(),
        };
        let number = self.number(right);
        Live {
            number,
            identity: live.identity,
            serial: live.serial,
            token: live.token.clone(),
            why: live.why.clone(),
            half_said: live.half_said.clone(),
            broken_off: live.broken_off.clone(),
            table: Arc::downgrade(self),
        }
    }

    fn number(&self, right: Right) -> u64 {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let number = table.next;
        table.next += 1;
        table.live.insert(number, right);
        number
    }

    /// Watches the rules and cuts what has lost its right.
    pub(crate) async fn watch(
        self: Arc<Self>,
        ports: Ports,
        stop: CancellationToken,
        watched: CancellationToken,
    ) {
        // However this ends, a panic included: a gateway that nobody can stop does not go on.
        let _stops = stop.clone().drop_guard();
        let mut changes = ports.changes.clone();
        let mut seen = 0;
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            let swept = tokio::select! {
                () = watched.cancelled() => return,
                _ = sweep.tick() => true,
                changed = changes.changed() => {
                    if changed.is_err() {
                        // Nobody can push any more: what cannot be stopped must not run.
                        tracing::error!("the push of changes ended; the gateway stops");
                        stop.cancel();
                        return self.cut_all();
                    }
                    false
                }
            };
            let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
            if swept || rules.stops() != seen {
                seen = rules.stops();
                let cut = self.cut_lapsed(&rules, (ports.clock)());
                ports.metrics.cut.inc_by(cut);
            }
        }
    }

    /// Cuts everything whose right has lapsed; says how many.
    fn cut_lapsed(&self, rules: &Rules, now_ms: u64) -> u64 {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let lapses = |right: &&Right| {
            let why = (!right.token.is_cancelled()).then(|| right.holds(rules, now_ms).err()).flatten();
            why.is_some_and(|why| {
                right.why.get_or_init(|| why);
                true
            })
        };
        let lapsed: Vec<&Right> = table.live.values().filter(lapses).collect();
        if !lapsed.is_empty() {
            self.wave.store(lapsed.len(), Ordering::Relaxed);
        }
        lapsed.iter().for_each(|right| right.token.cancel());
        lapsed.len() as u64
    }

    /// Cuts everything.
    pub(crate) fn cut_all(&self) {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.live.values().for_each(|right| right.token.cancel());
    }
}

impl Right {
    fn holds(&self, rules: &Rules, now_ms: u64) -> Result<(), Cut> {
        // A connection of nobody has no right to lapse: each of its requests is denied by itself.
        if let Some(identity) = self.identity {
            policy::decide::standing(rules, identity, &self.serial, now_ms)
                .map_err(|(reason, detail)| Cut { reason, detail })?;
        }
        // A running exchange needs its contract still, and everything a new request would need.
        let permitted = self.permitted.iter().all(|(contract, request)| {
            let request = Request { now_ms, silence_ms: rules.silence_ms(now_ms), ..Request::clone(request) };
            rules.is_in_force(*contract, now_ms) && policy::still_permits(rules, &request)
        });
        let over = || Cut {
            reason: Reason::NothingPermits,
            detail: "what permitted this request permits it no more".to_owned(),
        };
        permitted.then_some(()).ok_or_else(over)
    }
}

impl Live {
    /// Cancelled when it must end.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// How many were cut the last time some lost their right.
    pub(crate) fn wave(&self) -> usize {
        self.table.upgrade().map_or(0, |all| all.wave.load(Ordering::Relaxed))
    }

    /// Why it was cut; nothing when all are, or when it is not.
    pub(crate) fn why(&self) -> Option<Cut> {
        self.why.get().cloned()
    }

    /// Whether a response on this connection may be half said.
    pub(crate) fn is_half_said(&self) -> bool {
        self.half_said.load(Ordering::Relaxed) > 0
    }

    /// A response is broken off, because its right ended.
    pub(crate) fn break_off(&self) {
        self.broken_off.store(true, Ordering::Relaxed);
    }

    /// Whether a response on this connection was broken off.
    pub(crate) fn is_broken_off(&self) -> bool {
        self.broken_off.load(Ordering::Relaxed)
    }

    /// A response begins.
    pub(crate) fn say(&self) -> Saying {
        self.half_said.fetch_add(1, Ordering::Relaxed);
        Saying(self.half_said.clone())
    }

    /// Enters an exchange on this connection that rests on `permits`. Cut at once when the right
    /// ended between the decision and now: from here on the watcher sees it.
    pub(crate) fn exchange(&self, permits: &[Permit], ports: &Ports) -> Option<Self> {
        let table = self.table.upgrade()?;
        let token = self.token.child_token();
        let mut live = table.insert(self.identity, self.serial, resting(permits), token);
        (live.half_said, live.broken_off) = (self.half_said.clone(), self.broken_off.clone());
        live.still_holds(permits, ports);
        Some(live)
    }

    /// The same for what cannot be cut by itself: when it must end, so must all that rests on this.
    pub(crate) fn rest_on(&self, permits: &[Permit], ports: &Ports) -> Option<Self> {
        let table = self.table.upgrade()?;
        let live = table.insert_beside(self, resting(permits));
        live.still_holds(permits, ports);
        Some(live)
    }

    /// Cuts at once what has lost its right between the decision and now.
    fn still_holds(&self, permits: &[Permit], ports: &Ports) {
        let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
        // Where nothing has happened meanwhile it would be decided the same.
        if permits.iter().all(|permit| permit.as_of() == rules.as_of()) {
            return;
        }
        let right = Right {
            identity: self.identity,
            serial: self.serial,
            permitted: resting(permits),
            token: self.token.clone(),
            why: self.why.clone(),
        };
        if let Err(why) = right.holds(&rules, (ports.clock)()) {
            self.why.get_or_init(|| why);
            self.token.cancel();
        }
    }
}

/// What rests on permits: the contracts, and what was asked.
fn resting(permits: &[Permit]) -> Vec<(InstrumentId, Arc<Request>)> {
    permits.iter().map(|permit| (permit.contract().instrument, permit.request().clone())).collect()
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(connections) = self.table.upgrade() {
            connections.table.lock().unwrap_or_else(PoisonError::into_inner).live.remove(&self.number);
        }
    }
}
