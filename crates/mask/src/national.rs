//! Numbers that states give to persons, where check digits tell them from other numbers of the same length. Numbers without
//! such (those of the United States, say) are not looked for: every number of nine digits would be one.

use crate::cards::luhn;
use crate::finder::form;
use regex::bytes::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// A form, and what must hold of what has it: letters and digits alone, letters large.
struct Number {
    form: &'static str,
    holds: Holds,
}

/// Whether a number is one: its digits and letters, large.
type Holds = fn(&[u8]) -> bool;

/// By country, each after the rule its authority publishes.
const NUMBERS: &[Number] = &[
    // Spain: DNI and NIE
    Number { form: r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}[ -]?[A-Za-z]", holds: spain },
    Number { form: r"[XYZxyz][ -]?[0-9]{7}[ -]?[A-Za-z]", holds: spain },
    // Italy: codice fiscale
    Number {
        form: r"(?i:[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPR-T][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z])",
        holds: italy,
    },
    // Poland: PESEL; Norway: fødselsnummer; Germany: Steuer-ID; Brazil: CPF
    Number { form: r"[0-9]{11}", holds: poland },
    Number { form: r"[0-9]{6} ?[0-9]{5}", holds: norway },
    Number { form: r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", holds: germany },
    Number { form: r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}", holds: brazil },
    // Belgium: rijksregisternummer
    Number { form: r"[0-9]{2}[. ]?[0-9]{2}[. ]?[0-9]{2}[- ]?[0-9]{3}[. ]?[0-9]{2}", holds: belgium },
    // Finland: henkilötunnus
    Number { form: r"[0-9]{6}[-+A-FU-Ya-fu-y][0-9]{3}[0-9A-Za-z]", holds: finland },
    // Sweden: personnummer
    Number { form: r"(?:19|20)?[0-9]{6}[-+]?[0-9]{4}", holds: sweden },
    // France: NIR
    Number {
        form: r"[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[ABab]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        holds: france,
    },
    // Switzerland: AHV
    Number { form: r"756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}", holds: switzerland },
];

/// The fewest letters and digits any of them has: those of Spain.
const SIGNS_MIN: usize = 9;

static FORMS: LazyLock<Vec<(Regex, Holds)>> =
    LazyLock::new(|| NUMBERS.iter().map(|number| (form(number.form), number.holds)).collect());

/// Numbers of persons.
pub(crate) fn national_ids(text: &[u8]) -> Vec<Range<usize>> {
    if text.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() < SIGNS_MIN {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (form, holds) in FORMS.iter() {
        let mut from = 0;
        while let Some(candidate) = form.find_at(text, from) {
            let range = candidate.range();
            from = range.start + 1;
            let beside =
                |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
            if beside(range.start.checked_sub(1)) || beside(Some(range.end)) {
                continue;
            }
            let plain: Vec<u8> = candidate
                .as_bytes()
                .iter()
                .filter(|byte| byte.is_ascii_alphanumeric())
                .map(u8::to_ascii_uppercase)
                .collect();
            if holds(&plain) {
                from = range.end;
                found.push(range);
            }
        }
    }
    found
}

fn digits(text: &[u8]) -> Option<Vec<u32>> {
    text.iter().map(|byte| char::from(*byte).to_digit(10)).collect()
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A sum of digits, each times its weight.
fn weighed(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

fn is_day(day: u64, month: u64) -> bool {
    (1..=31).contains(&day) && (1..=12).contains(&month)
}

fn spain(text: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let Some((letter, rest)) = text.split_last() else { return false };
    let rest: Vec<u8> = match rest {
        [b'X', rest @ ..] => [b"0", rest].concat(),
        [b'Y', rest @ ..] => [b"1", rest].concat(),
        [b'Z', rest @ ..] => [b"2", rest].concat(),
        rest => rest.to_vec(),
    };
    number(&rest).is_some_and(|number| LETTERS.get((number % 23) as usize) == Some(letter))
}

fn italy(text: &[u8]) -> bool {
    // What a letter or digit counts in an odd place; in an even one it is its place in the alphabet, or the digit.
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let Some((check, rest)) = text.split_last() else { return false };
    let place = |byte: &u8| match byte {
        b'0'..=b'9' => usize::from(byte - b'0'),
        letter => usize::from(letter.saturating_sub(b'A')),
    };
    let sum: u32 = rest
        .iter()
        .enumerate()
        .map(|(at, byte)| match at % 2 {
            0 => ODD.get(place(byte)).copied().unwrap_or(0),
            _ => u32::try_from(place(byte)).unwrap_or(0),
        })
        .sum();
    u32::from(check.saturating_sub(b'A')) == sum % 26
}

fn poland(text: &[u8]) -> bool {
    let Some(digits) = digits(text) else { return false };
    let (Some(month), Some(day)) = (text.get(2..4).and_then(number), text.get(4..6).and_then(number)) else {
        return false;
    };
    weighed(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10) && is_day(day, month % 20)
}

fn norway(text: &[u8]) -> bool {
    let Some(digits) = digits(text) else { return false };
    let (Some(day), Some(month)) = (text.get(..2).and_then(number), text.get(2..4).and_then(number)) else {
        return false;
    };
    // A number for a while has its day forty later.
    is_day(day % 40, month)
        && weighed(&digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighed(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn germany(text: &[u8]) -> bool {
    let Some(digits) = digits(text) else { return false };
    let Some((check, first)) = digits.split_last() else { return false };
    // Of the first ten one digit is there twice or three times, and no other more than once.
    let mut counts = [0_u32; 10];
    for digit in first {
        if let Some(count) = counts.get_mut(*digit as usize) {
            *count += 1;
        }
    }
    let twice =
        counts.iter().filter(|count| **count > 1).count() == 1 && counts.iter().all(|count| *count <= 3);
    // ISO 7064 MOD 11,10.
    let product = first.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    twice && first.first() != Some(&0) && (11 - product) % 10 == *check
}

fn brazil(text: &[u8]) -> bool {
    let Some(digits) = digits(text) else { return false };
    let check = |weights: &[u32]| weighed(&digits, weights) * 10 % 11 % 10;
    let same = digits.iter().all(|digit| Some(digit) == digits.first());
    !same
        && digits.get(9) == Some(&check(&[10, 9, 8, 7, 6, 5, 4, 3, 2]))
        && digits.get(10) == Some(&check(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]))
}

fn belgium(text: &[u8]) -> bool {
    let (Some(first), Some(check)) = (text.get(..9), text.get(9..).and_then(number)) else { return false };
    let (Some(month), Some(day)) = (text.get(2..4).and_then(number), text.get(4..6).and_then(number)) else {
        return false;
    };
    // Of those born since 2000 with a 2 before it.
    let of = |text: &[u8]| number(text).map(|number| 97 - number % 97);
    is_day(day.max(1), (month % 20).max(1))
        && (of(first) == Some(check) || of(&[b"2", first].concat()) == Some(check))
}

fn finland(text: &[u8]) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    // Of the sign of the century only letters are left.
    let (Some(date), Some(serial)) =
        (text.get(..6), text.len().checked_sub(4).and_then(|at| text.get(at..at + 3)))
    else {
        return false;
    };
    let (Some(day), Some(month)) = (date.get(..2).and_then(number), date.get(2..4).and_then(number)) else {
        return false;
    };
    let check = number(&[date, serial].concat()).and_then(|number| CHECKS.get((number % 31) as usize));
    is_day(day, month) && check == text.last()
}

fn sweden(text: &[u8]) -> bool {
    let Some(ten) = text.len().checked_sub(10).and_then(|at| text.get(at..)) else { return false };
    let (Some(month), Some(day)) = (ten.get(2..4).and_then(number), ten.get(4..6).and_then(number)) else {
        return false;
    };
    let digits: Vec<u8> = ten.iter().map(|byte| byte - b'0').collect();
    // A number for coordination has its day sixty later.
    is_day(day % 60, month) && luhn(&digits)
}

fn france(text: &[u8]) -> bool {
    let (Some(first), Some(check)) = (text.get(..13), text.get(13..).and_then(number)) else { return false };
    // Corsica: 2A counts as 19, 2B as 18.
    let written = String::from_utf8_lossy(first).replacen("2A", "19", 1).replacen("2B", "18", 1);
    number(written.as_bytes()).is_some_and(|number| 97 - number % 97 == check)
}

fn switzerland(text: &[u8]) -> bool {
    digits(text)
        .is_some_and(|digits| weighed(&digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        national_ids(text.as_bytes()).into_iter().map(|range| &text[range]).collect()
    }

    /// Examples the authorities or the articles about the rules give.
    #[test]
    fn numbers_with_right_check_digits() {
        for number in [
            "12345678Z",
            "X1234567L",
            "RSSMRA85T10A562S",
            "44051401359",
            "01010750160",
            "86095742719",
            "111.444.777-35",
            "85.07.30-033.28",
            "131052-308T",
            "811218-9876",
            "8112189876",
            "198112189876",
            "12.345.678-Z",
            "1 84 12 76 451 089 46",
            "756.9217.0769.85",
        ] {
            assert_eq!(found(&format!("id {number}.")).first(), Some(&number), "{number}");
        }
    }

    #[test]
    fn not_with_wrong_ones() {
        for number in [
            "12345678A",
            "X1234567A",
            "RSSMRA85T10A562T",
            "44051401358",
            "111.111.111-11",
            "85.07.30-033.29",
            "131052-308U",
            "811218-9875",
            "1 84 12 76 451 089 47",
            "756.9217.0769.84",
            "12345678901234567890",
            "1234567890",
        ] {
            assert_eq!(found(number), Vec::<&str>::new(), "{number}");
        }
    }
}
