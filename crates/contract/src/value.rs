//! Spans of time and instants, as people write them and as clauses print them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fmt;

/// A span of time in milliseconds, written `15 minutes`, printed the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

/// The longest span: ten years.
pub const SPAN_MS_MAX: u64 = 10 * 366 * 24 * 3_600_000;
const UNITS: [(&str, u64); 6] = [
    ("day", 86_400_000),
    ("hour", 3_600_000),
    ("minute", 60_000),
    ("second", 1_000),
    ("ms", 1),
    ("millisecond", 1),
];

impl Span {
    /// A span of `ms` milliseconds.
    pub fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Its length in milliseconds.
    pub fn as_ms(self) -> u64 {
        self.0
    }

    /// Reads `15 minutes`, `1 hour`, `50 ms`: a whole number of one unit, more than nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once(' ')?;
        let unit = unit.strip_suffix('s').filter(|stem| *stem != "m").unwrap_or(unit);
        let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let number: u64 = number.parse().ok().filter(|n: &u64| *n > 0 && n.to_string() == number)?;
        number.checked_mul(*ms).filter(|ms| *ms <= SPAN_MS_MAX).map(Self)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, ms) = UNITS.into_iter().find(|(_, ms)| self.0.is_multiple_of(*ms)).unwrap_or(("ms", 1));
        let count = self.0 / ms;
        let plural = if count == 1 || name == "ms" { "" } else { "s" };
        write!(f, "{} {name}{plural}", grouped(count))
    }
}

/// Digits in groups of three, as in `10 000`: figures in a contract are read by people.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{a0}');
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
        for text in ["15 minutes", "1 hour", "50 ms", "36 hours", "1 day", "90 seconds"] {
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
