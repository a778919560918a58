//! Times that belong to one instant: how far local clocks lie apart, and an instant for local times.

use contract::norm::{Facts, Measure};
use contract::terms::Zone;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use registry::Millis;
use std::collections::BTreeSet;

/// 1 January 2025: no request was decided before it.
pub(crate) const EARLIEST_MS: i64 = 1_735_689_600_000;
/// 1 January 2400: beyond every date a clause may name, so that nothing changes after it.
pub(crate) const LATEST_MS: i64 = 13_569_465_600_000;
/// Monday, 1 March 2027, 09:00 UTC: a request whose time does not matter.
pub(crate) const ORDINARY_MS: Millis = 1_803_891_600_000;
/// Minutes in a week.
pub(crate) const WEEK_MINUTES: i64 = 10_080;
/// Combinations of local clocks in one question at most.
const COMBINATIONS_MAX: usize = 64;

const MINUTE_MS: u64 = 60_000;
const QUARTER_MS: u64 = 13 * 7 * 86_400_000;
/// Quarters before and after that are looked at: enough for both halves of a year with summer time.
const QUARTERS: u64 = 12;

// A date in a clause that reached the horizon would be a date nothing is asked about.
const _: () = assert!(contract::kind::term::TERM_BEFORE_MS < LATEST_MS.cast_unsigned());

/// For each combination of local clocks there is between the bounds: how many minutes each zone is ahead of
/// UTC. None if they cannot be told in whole minutes, or are too many.
pub(crate) fn offsets(zones: &[&Zone]) -> Option<BTreeSet<Vec<i64>>> {
    let known: Vec<TimeZone> =
        zones.iter().map(|zone| TimeZone::get(zone.as_str()).ok()).collect::<Option<_>>()?;
    let (first, last) =
        (Timestamp::from_millisecond(EARLIEST_MS).ok()?, Timestamp::from_millisecond(LATEST_MS).ok()?);
    let mut found = BTreeSet::new();
    let changes = known
        .iter()
        .flat_map(|zone| zone.following(first).map(|change| change.timestamp()).take_while(|at| *at < last));
    for at in std::iter::once(first).chain(changes) {
        let minutes = |zone: &TimeZone| {
            let seconds = i64::from(zone.to_offset(at).seconds());
            (seconds % 60 == 0).then_some(seconds / 60)
        };
        found.insert(known.iter().map(minutes).collect::<Option<Vec<i64>>>()?);
        if found.len() > COMBINATIONS_MAX {
            return None;
        }
    }
    Some(found)
}

/// An instant that fits the facts: the one they name, or one with their local times and on the same side of
/// every date in `dates`. None if there is no such instant near.
pub(crate) fn moment(facts: &Facts, otherwise_ms: Millis, dates: &[i64]) -> Option<Millis> {
    let start = facts.measures.get(&Measure::Now).map_or(otherwise_ms, |now| now.unsigned_abs());
    let zones: Vec<(&Zone, i64)> = facts
        .measures
        .iter()
        .filter_map(|(measure, value)| zone_of(measure).map(|zone| (zone, *value)))
        .collect();
    let date = start.cast_signed();
    let from = dates.iter().copied().filter(|at| *at <= date).max().unwrap_or(0).max(0).unsigned_abs();
    let until = dates.iter().copied().filter(|at| *at > date).min().unwrap_or(i64::MAX).unsigned_abs();
    let later = (0..=QUARTERS).map(|n| start.saturating_add(n * QUARTER_MS));
    let earlier = (1..=QUARTERS).map(|n| start.saturating_sub(n * QUARTER_MS));
    let week_before_the_end = until.saturating_sub(7 * 86_400_000);
    later
        .chain([from, week_before_the_end])
        .chain(earlier)
        .filter(|at| (from..until).contains(at))
        .filter_map(|at| aligned(at, &zones))
        .find(|at| (from..until).contains(at))
}

/// The zone of a measure of local time.
pub(crate) fn zone_of(measure: &Measure) -> Option<&Zone> {
    match measure {
        Measure::WeekMinute(zone) => Some(zone),
        Measure::Now
        | Measure::CredentialLife
        | Measure::CredentialAge
        | Measure::DelegationDepth
        | Measure::ResourceClass
        | Measure::AddressHigh
        | Measure::AddressLow
        | Measure::RenewedUntil
        | Measure::Counted(_)
        | Measure::Approvals(_)
        | Measure::ReviewOverdue
        | Measure::BoundFor
        | Measure::OwnerlessFor
        | Measure::Silence => None,
    }
}

/// The first instant from `from` on at which the clocks show these minutes of the week.
fn aligned(from: Millis, zones: &[(&Zone, i64)]) -> Option<Millis> {
    let fits = |at: Millis| zones.iter().all(|(zone, wanted)| zone.week_minute(at) == *wanted);
    let Some((first, wanted)) = zones.first() else { return Some(from) };
    if fits(from) {
        return Some(from);
    }
    let mut at = from - from % MINUTE_MS;
    // A clock that is changed in between takes another round.
    for _ in 0..4 {
        let ahead = (wanted - first.week_minute(at)).rem_euclid(WEEK_MINUTES).unsigned_abs();
        at = at.checked_add(ahead * MINUTE_MS)?;
        if at >= from && fits(at) {
            return Some(at);
        }
        at = at.checked_add(MINUTE_MS)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn facts(measures: &[(Measure, i64)]) -> Facts {
        Facts {
            machine: "acme/robot".into(),
            action: "read".parse().unwrap(),
            service: "files".parse().unwrap(),
            resource: "a".parse().unwrap(),
            roles: Vec::new(),
            measures: measures.iter().cloned().collect(),
            labels: std::collections::BTreeMap::new(),
            flags: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn clocks_lie_apart_as_the_zones_say() {
        let (berlin, london, tokyo) = (zone("Europe/Berlin"), zone("Europe/London"), zone("Asia/Tokyo"));
        let apart: Vec<Vec<i64>> = offsets(&[&berlin, &london, &tokyo]).unwrap().into_iter().collect();
        assert_eq!(apart, [[60, 0, 540], [120, 60, 540]]);
    }

    #[test]
    fn local_times_have_one_instant_or_none() {
        let (berlin, tokyo) = (zone("Europe/Berlin"), zone("Asia/Tokyo"));
        let at = |berlin_minute, tokyo_minute, dates: &[i64]| {
            let facts = facts(&[
                (Measure::WeekMinute(berlin.clone()), berlin_minute),
                (Measure::WeekMinute(tokyo.clone()), tokyo_minute),
            ]);
            moment(&facts, ORDINARY_MS, dates)
        };
        // Seven hours apart in summer, eight in winter, never six.
        for (tokyo_minute, there) in [(480 + 420, true), (480 + 480, true), (480 + 360, false)] {
            let found = at(480, tokyo_minute, &[]);
            assert_eq!(found.is_some(), there, "{tokyo_minute}");
            if let Some(found) = found {
                assert_eq!((berlin.week_minute(found), tokyo.week_minute(found)), (480, tokyo_minute));
            }
        }
        // Between two dates of one day there is no other day.
        let day = ORDINARY_MS.cast_signed();
        assert_eq!(at(3_000, 3_480, &[day - 3_600_000, day + 3_600_000]), None);
    }
}
