//! Payment cards: numbers of an issuer's range whose last digit is right (ISO/IEC 7812-1).

use std::ops::Range;

/// The shortest and the longest number of a card.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Numbers of cards, their digits together or in groups.
pub(crate) fn cards(text: &[u8]) -> Vec<Range<usize>> {
    let is_digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        // One begins where no digit stands before it.
        let begins = is_digit(Some(at)) && !is_digit(at.checked_sub(1));
        match begins.then(|| card_at(text, at)).flatten() {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// Where a number ends that begins here.
fn card_at(text: &[u8], start: usize) -> Option<usize> {
    let mut number: Vec<u8> = Vec::with_capacity(*DIGITS.end());
    // Where it would end after so many digits.
    let mut ends: Vec<usize> = Vec::with_capacity(*DIGITS.end());
    let mut at = start;
    while number.len() < *DIGITS.end() {
        match text.get(at) {
            Some(digit) if digit.is_ascii_digit() => {
                number.push(digit - b'0');
                ends.push(at + 1);
            }
            // One blank or hyphen between two digits.
            Some(b' ' | b'-') if text.get(at + 1).is_some_and(u8::is_ascii_digit) => {}
            Some(_) | None => break,
        }
        at += 1;
    }
    DIGITS.rev().find_map(|length| {
        let (candidate, end) = (number.get(..length)?, *ends.get(length - 1)?);
        let whole = !text.get(end).is_some_and(u8::is_ascii_digit);
        (whole && is_issued(candidate) && luhn(candidate)).then_some(end)
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
