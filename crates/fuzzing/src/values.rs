//! The values of clauses: what is read is printed one way, and that is read again as the same.

use crate::{chosen, text};
use contract::kind::permit::Recording;
use contract::norm::{Calendar, Detector, Flag, Happening, Label, Method, Need, PowerEffect, Unit};
use contract::terms::{
    Class, Effect, Field, Hours, MachineKind, Money, Network, Place, Purpose, Ratio, Side, Target, Text,
    Weekday, Word, Zone, halves,
};
use contract::value::{Instant, grouped, instant, parse_instant};
use contract::{Number, Span};
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// Each kind of value, by the function that tries it.
const VALUES: &[fn(&str)] = &[
    same::<Calendar>,
    same::<Class>,
    same::<Detector>,
    same::<Effect>,
    same::<Field>,
    same::<Flag>,
    same::<Happening>,
    hours,
    times,
    same::<Label>,
    same::<MachineKind>,
    same::<Method>,
    same::<Money>,
    same::<Need>,
    network,
    same::<Number>,
    same::<Place>,
    same::<PowerEffect>,
    same::<Purpose>,
    same::<Ratio>,
    same::<Recording>,
    same::<Side>,
    same::<Span>,
    same::<Target>,
    same::<Text>,
    same::<Unit>,
    same::<Weekday>,
    same::<Word>,
    zone,
];

/// A value of any kind.
pub fn contract_value(data: &[u8]) {
    if let Some((value, rest)) = chosen(data, VALUES)
        && let Some(text) = text(rest)
    {
        value(text);
    }
}

fn same<T: FromStr + Display + PartialEq + Debug>(text: &str)
where
    T::Err: Debug,
{
    let Ok(value) = text.parse::<T>() else { return };
    let printed = value.to_string();
    let again: T = printed.parse().unwrap_or_else(|error| panic!("`{printed}`: {error:?}"));
    assert_eq!(again, value, "`{text}` is printed as `{printed}`");
    assert_eq!(again.to_string(), printed);
}

fn hours(text: &str) {
    same::<Hours>(text);
    if let Ok(hours) = text.parse::<Hours>() {
        assert!(hours.from < hours.until && hours.until <= 1_440);
        assert_eq!(hours.to_string(), text);
    }
}

fn network(text: &str) {
    same::<Network>(text);
    if let Ok(network) = text.parse::<Network>() {
        let (first, last) = network.bounds();
        assert!(first <= last && halves(network.address()) == first, "{text}");
    }
}

fn times(text: &str) {
    same::<Instant>(text);
    if let Some(ms) = parse_instant(text) {
        let shown = instant(ms);
        assert!(shown.ends_with(" UTC"), "{shown}");
        assert_eq!(grouped(ms).replace(',', ""), ms.to_string());
    }
}

fn zone(text: &str) {
    same::<Zone>(text);
    if let Ok(zone) = text.parse::<Zone>() {
        for ms in [0, 1_803_891_600_000, 4_102_444_799_999] {
            assert!((0..10_080).contains(&zone.week_minute(ms)), "{text}");
        }
    }
}
