//! Payment cards: numbers of an issuer's range whose last digit is right (ISO/IEC 7812-1).

use std::ops::Range;

/// The shortest and the longest number of a card.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Numbers of cards, their digits together or in groups.
pub(crate) fn cards(text: &[u8]) -> Vec<Range<usize>> {
    let digits: Vec<(usize, u8)> = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_digit())
        .map(|(at, byte)| (at, byte - b'0'))
        .collect();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(rest) = digits.get(from..).filter(|rest| rest.len() >= *DIGITS.start()) {
        match card_at(text, rest) {
            Some(length) => {
                let last = rest.get(length - 1).map_or(0, |(at, _)| *at);
                found.push(rest.first().map_or(0, |(at, _)| *at)..last + 1);
                from += length;
            }
            None => from += 1,
        }
    }
    found
}

/// How many of these digits are a card's number.
fn card_at(text: &[u8], digits: &[(usize, u8)]) -> Option<usize> {
    let (start, _) = digits.first()?;
    if start.checked_sub(1).and_then(|before| text.get(before)).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    // As far as nothing but one blank or hyphen stands between two.
    let joined = digits.windows(2).take_while(|pair| match pair {
        [(one, _), (next, _)] => {
            *next == one + 1 || *next == one + 2 && matches!(text.get(one + 1), Some(b' ' | b'-'))
        }
        _ => false,
    });
    let together = joined.count() + 1;
    let number: Vec<u8> = digits.iter().take(together).map(|(_, digit)| *digit).collect();
    DIGITS.rev().find(|length| {
        let Some(candidate) = number.get(..*length) else { return false };
        let next = digits.get(*length).map(|(at, _)| *at);
        let last = digits.get(*length - 1).map(|(at, _)| *at);
        let ends = next.is_none() || next != last.map(|last| last + 1);
        ends && is_issued(candidate) && luhn(candidate)
    })
}

/// Whether a number begins as those of some issuer do.
fn is_issued(number: &[u8]) -> bool {
    let first =
        |digits: usize| number.iter().take(digits).fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    let length = number.len();
    match first(4) {
        4000..=4999 => matches!(length, 13 | 16 | 18 | 19),
        5100..=5599 | 2221..=2720 => length == 16,
        3400..=3499 | 3700..=3799 => length == 15,
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&length),
        3528..=3589 => (16..=19).contains(&length),
        2200..=2204 => (16..=19).contains(&length),
        5000..=5099 | 5600..=5899 | 6000..=6999 => (13..=19).contains(&length),
        8100..=8171 => (16..=19).contains(&length),
        _ => false,
    }
}

/// ISO/IEC 7812-1 annex B.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        cards(text.as_bytes()).into_iter().map(|range| &text[range]).collect()
    }

    /// Numbers that payment providers publish for tests.
    #[test]
    fn numbers_of_the_known_issuers() {
        for number in [
            "4111111111111111",
            "4222222222222",
            "5555 5555 5555 4444",
            "2223-0031-2200-3222",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "30569309025904",
            "3530111333300000",
            "6200000000000005",
        ] {
            assert_eq!(found(&format!("pay with {number}, please")), [number]);
        }
    }

    #[test]
    fn not_what_only_looks_like_one() {
        for text in [
            "4111111111111112",
            "41111111111111111111",
            "1234567812345670",
            "4111  1111 1111 1111",
            "order 20261129000123",
            "411111111111",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn beside_other_numbers() {
        assert_eq!(found("12 4111111111111111 123"), ["4111111111111111"]);
        assert_eq!(found("4111111111111111 5555555555554444"), ["4111111111111111", "5555555555554444"]);
        assert_eq!(found("4111111111111111/12/27"), ["4111111111111111"]);
    }
}
