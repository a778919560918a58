//! Permits that were worked out before. A permit rests on the state of the registry, on what was asked, and of what
//! changes by itself (time, counters) on nothing but the side of each bound on which it is: rules test it in no other
//! way. Where all that is the same, the answer is, and no policy is evaluated. Denials are worked out each time.

use super::asked::Asked;
use super::{Applied, Channel, Request};
use crate::attribute::Attribute;
use crate::compile::Compiled;
use crate::quota::Meters;
use crate::rules::Slot;
use contract::Recording;
use contract::norm::SqlTouch;
use registry::{IdentityId, InstrumentId, Name, ServiceId};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// Permits that are known under one lock of the counters; with more, all are worked out anew.
const KNOWN_MAX: usize = 256;
/// What names more than so many bytes of columns and purposes is worked out each time.
const REQUEST_BYTES_MAX: usize = 2_048;

/// The contract that permits, what permits above it, and when it must be on record.
pub(super) type Permitted = (Applied, Vec<Applied>, Recording);

/// Permits by what was asked.
#[derive(Debug, Default)]
pub(crate) struct Known {
    hasher: RandomState,
    permits: HashMap<u64, Before>,
    /// How often one was given again.
    pub(crate) again: u64,
}

#[derive(Debug)]
struct Before {
    request: Request,
    moment: Moment,
    permitted: Permitted,
}

/// What a permit rests on beside the request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Which state of the registry.
    revision: u64,
    /// The instruments that bind and can be applied, in their order.
    binding: Vec<InstrumentId>,
    /// For every number they ask for the bounds it has reached, and their flags.
    sides: Vec<usize>,
}

impl Known {
    /// What was permitted when the same was asked at such a moment.
    pub(super) fn get(&mut self, request: &Request, moment: &Moment) -> Option<&Permitted> {
        let before = self.permits.get(&self.hasher.hash_one(question(request)))?;
        let same = before.moment == *moment && question(&before.request) == question(request);
        self.again += u64::from(same);
        same.then_some(&before.permitted)
    }

    pub(super) fn put(&mut self, request: &Request, moment: Moment, permitted: &Permitted) {
        let asked = self.hasher.hash_one(question(request));
        if self.permits.len() >= KNOWN_MAX && !self.permits.contains_key(&asked) {
            // What other rules permitted is good for nothing any more.
            self.permits.retain(|_, before| before.moment.revision == moment.revision);
            if self.permits.len() >= KNOWN_MAX {
                self.permits.clear();
            }
        }
        let before = Before { request: request.clone(), moment, permitted: permitted.clone() };
        self.permits.insert(asked, before);
    }
}

/// Whether a request is short enough to be kept.
pub(super) fn is_short(request: &Request) -> bool {
    let purpose = request.channel.purpose.as_ref().map_or(0, String::len);
    let touched = request.touch.as_deref().map_or(0, |touch| {
        let columns = touch.columns.iter().flatten().chain(&touch.used).chain(&touch.uncounted);
        columns.map(|column| column.len() + size_of::<String>()).sum()
    });
    purpose + touched <= REQUEST_BYTES_MAX
}

type Question<'r> = (
    (&'r IdentityId, &'r [u8; 16], &'r ServiceId, &'r Option<InstrumentId>),
    (&'r Name, &'r Name, &'r bool, &'r Channel, &'r Option<Box<SqlTouch>>),
);

/// A request but for its time.
fn question(request: &Request) -> Question<'_> {
    let Request {
        identity,
        serial,
        service,
        action,
        resource,
        changes,
        now_ms: _,
        silence_ms: _,
        channel,
        under,
        touch,
    } = request;
    ((identity, serial, service, under), (action, resource, changes, channel, touch))
}

impl<'a> Asked<'a> {
    /// The moment at which it is asked, for these instruments.
    pub(super) fn moment(
        &self,
        instruments: impl Iterator<Item = (&'a Slot, &'a Compiled)>,
        meters: &mut Meters,
    ) -> Moment {
        let mut moment = Moment { revision: self.rules.revision(), binding: Vec::new(), sides: Vec::new() };
        for (slot, compiled) in instruments {
            moment.binding.push(slot.instrument);
            for wanted in &compiled.attributes {
                let side = match &wanted.attribute {
                    Attribute::Measure(measure) => {
                        let value = self.measure(slot, compiled, measure, meters);
                        wanted.bounds.partition_point(|bound| *bound <= value)
                    }
                    Attribute::Flag(flag) => self.flag(slot, *flag).into(),
                    // The registry and the request say these.
                    Attribute::Label(_) | Attribute::Roles => continue,
                };
                moment.sides.push(side);
            }
        }
        moment
    }
}
