//! `window`: when and from where.

use super::{Fault, Terms};
use crate::norm::{Measure, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, code_list, join};
use crate::terms::{Hours, List, Network, Weekday, Zone};
use serde::{Deserialize, Serialize};

/// Times and networks. What is given must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Window {
    /// Days of the week.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub days: List<Weekday>,
    /// Hours of the day.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub hours: List<Hours>,
    /// The time zone in which days and hours are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Ranges of addresses.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub networks: List<Network>,
    /// For which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

const DAY: i64 = 1_440;

impl Window {
    /// Whether the local minute of the week lies in one of the windows.
    fn open(&self, zone: &Zone) -> Test {
        let days = if self.days.is_empty() { Weekday::ALL } else { self.days.as_slice() };
        let whole_day = [Hours { from: 0, until: 1_440 }];
        let hours = if self.hours.is_empty() { whole_day.as_slice() } else { self.hours.as_slice() };
        let minute = || Measure::WeekMinute(zone.clone());
        let window = |day: &Weekday, hours: &Hours| {
            let start = *day as i64 * DAY;
            Test::and(vec![
                Test::AtLeast(minute(), start + i64::from(hours.from)),
                Test::AtLeast(minute(), start + i64::from(hours.until)).negated(),
            ])
        };
        Test::Any(days.iter().flat_map(|day| hours.iter().map(move |hours| window(day, hours))).collect())
    }

    fn inside(&self) -> Test {
        let range = |network: &Network| {
            let ((first_high, first_low), (last_high, last_low)) = network.bounds();
            let at_least = |high, low| {
                Test::Any(vec![
                    Test::MoreThan(Measure::AddressHigh, high),
                    Test::and(vec![
                        Test::AtLeast(Measure::AddressHigh, high),
                        Test::AtLeast(Measure::AddressLow, low),
                    ]),
                ])
            };
            let beyond = Test::Any(vec![
                Test::MoreThan(Measure::AddressHigh, last_high),
                Test::and(vec![
                    Test::AtLeast(Measure::AddressHigh, last_high),
                    Test::MoreThan(Measure::AddressLow, last_low),
                ]),
            ]);
            Test::and(vec![at_least(first_high, first_low), beyond.negated()])
        };
        Test::Any(self.networks.iter().map(range).collect())
    }
}

impl Terms for Window {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let (bearer, acts) = (of.bearer(&self.only), of.for_acts(&self.only));
        let mut statements = Vec::new();
        if let Some(zone) = self.zone.as_ref().filter(|_| !self.days.is_empty() || !self.hours.is_empty()) {
            let days: Vec<&str> = self.days.iter().map(|day| day.words()).collect();
            let hours: Vec<String> = self.hours.iter().map(|hours| format!("from {}", hours.words())).collect();
            let mut when = if days.is_empty() { String::new() } else { format!("on {}", join(&days, "and")) };
            if !hours.is_empty() {
                when = format!("{when} {}", join(&hours, "or")).trim_start().to_owned();
            }
            let blanks =
                [("bearer", bearer.as_str()), ("acts", &acts), ("when", &when), ("zone", zone.as_str())];
            let rule = of.rule(false, &self.only, self.open(zone).negated());
            statements.push(of.limit("window.time", &blanks, rule));
        }
        if !self.networks.is_empty() {
            let networks = code_list(self.networks.as_slice(), "or");
            let blanks = [("bearer", bearer.as_str()), ("acts", &acts), ("networks", &networks)];
            let rule = of.rule(false, &self.only, self.inside().negated());
            statements.push(of.limit("window.network", &blanks, rule));
        }
        statements
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let times = !self.days.is_empty() || !self.hours.is_empty();
        let fault = |key, message, help| vec![Fault::new(key, "writ::window", message, help)];
        match (times, self.zone.is_some(), self.networks.is_empty()) {
            (true, false, _) => fault("days", "a time without a time zone", "add `zone = \"Europe/London\"`"),
            (false, true, _) => fault("zone", "a time zone without a time", "add `days` or `hours`, or leave it out"),
            (false, false, true) => {
                fault("networks", "the window limits nothing", "add `days`, `hours` with `zone`, or `networks`")
            }
            (true, true, _) | (false, false, false) => Vec::new(),
        }
    }
}
