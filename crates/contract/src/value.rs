//! Spans of time and instants, as people write them and as clauses print them.

use crate::terms::{fault, text_form};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fmt;
use std::str::FromStr;

/// A span of time, written `15 minutes` and printed the same way: 72 hours are not 3 days to a lawyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    ms: u64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

impl Unit {
    const ALL: [Self; 5] = [Self::Day, Self::Hour, Self::Minute, Self::Second, Self::Millisecond];

    fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::Millisecond => "ms",
        }
    }

    fn ms(self) -> u64 {
        match self {
            Self::Day => 86_400_000,
            Self::Hour => 3_600_000,
            Self::Minute => 60_000,
            Self::Second => 1_000,
            Self::Millisecond => 1,
        }
    }
}

/// The longest span: ten years.
pub const SPAN_MS_MAX: u64 = 10 * 366 * 24 * 3_600_000;

impl Span {
    /// A span of `ms` milliseconds, in the largest unit that makes a whole number.
    pub fn from_ms(ms: u64) -> Self {
        let unit = Unit::ALL.into_iter().find(|unit| ms.is_multiple_of(unit.ms()));
        Self { ms, unit: unit.unwrap_or(Unit::Millisecond) }
    }

    /// Its length in milliseconds.
    pub fn as_ms(self) -> u64 {
        self.ms
    }

    /// Reads `15 minutes`, `1 hour`, `50 ms`: a whole number of one unit, more than nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, name) = text.split_once(' ')?;
        let unit = Unit::ALL.into_iter().find(|unit| match unit {
            Unit::Millisecond => matches!(name, "ms" | "millisecond" | "milliseconds"),
            Unit::Day | Unit::Hour | Unit::Minute | Unit::Second => {
                name.strip_suffix('s').unwrap_or(name) == unit.name()
            }
        })?;
        let number: u64 = number.parse().ok().filter(|n: &u64| *n > 0 && n.to_string() == number)?;
        let ms = number.checked_mul(unit.ms()).filter(|ms| *ms <= SPAN_MS_MAX)?;
        Some(Self { ms, unit })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.ms / self.unit.ms();
        let plural = if count == 1 || self.unit == Unit::Millisecond { "" } else { "s" };
        write!(f, "{count} {}{plural}", self.unit.name())
    }
}

text_form!(Span);

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let help = "write a whole number and a unit, for example \"15 minutes\"; at most 3,660 days";
        Self::parse(text).ok_or_else(|| fault("writ::span", "not a span of time that can be used here", help))
    }
}

/// An instant, in milliseconds since 1970: written as a date (its first moment in UTC) or in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub u64);

impl FromStr for Instant {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let help = "write a date, 2026-12-01, or an instant with its zone, 2026-12-01T09:00:00Z";
        parse_instant(text).map(Self).ok_or_else(|| fault("writ::instant", "not an instant", help))
    }
}

impl fmt::Display for Instant {
    /// As clause blocks write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        match time {
            Some(time) if self.0.is_multiple_of(86_400_000) => {
                write!(f, "{}", time.to_zoned(TimeZone::UTC).date())
            }
            Some(time) => time.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

impl serde::Serialize for Instant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Instant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(
            untagged,
            expecting = "a date such as 2026-12-01, or an instant such as 2026-12-01T09:00:00Z"
        )]
        enum Written {
            Date(toml::value::Datetime),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Date(date) => date.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Digits in groups of three, as in `10,000`: figures in a contract are read by people.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 December 2026, 00:00:00 UTC`.
pub fn instant(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(
        || format!("{ms} ms after 1970"),
        |time| time.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M:%S UTC").to_string(),
    )
}

/// Milliseconds since 1970 of an RFC 3339 instant, or of a date (its first moment in UTC).
pub fn parse_instant(text: &str) -> Option<u64> {
    let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    full.parse::<Timestamp>().ok().and_then(|time| u64::try_from(time.as_millisecond()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_printed_as_they_are_written() {
        for text in
            ["15 minutes", "1 hour", "50 ms", "36 hours", "1 day", "90 seconds", "72 hours", "24 hours"]
        {
            assert_eq!(Span::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["", "15", "minutes", "0 hours", "1.5 hours", "-1 hour", "015 minutes", "9999999 days", "5 m"]
        {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn instants_are_printed_with_their_zone() {
        assert_eq!(instant(parse_instant("2026-12-01").unwrap()), "1 December 2026, 00:00:00 UTC");
        assert_eq!(parse_instant("2026-12-01T01:00:00+01:00"), parse_instant("2026-12-01"));
        assert_eq!(parse_instant("2026-13-01"), None);
    }
}
