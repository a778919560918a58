//! What is found in a text: by its form, and by its check digits where it has such.

use crate::cards::cards;
use crate::key::Key;
use crate::national::national_ids;
use crate::secrets::secrets;
use crate::value::masked_piece;
use contract::norm::{Detector, Method};
use regex::bytes::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// A mail address (RFC 5321 section 4.1.2 without quoted names; letters beyond ASCII as RFC 6531 has them).
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    form(
        r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~\x80-\xff-]{1,64}@(?:[a-zA-Z0-9\x80-\xff](?:[a-zA-Z0-9\x80-\xff-]{0,61}[a-zA-Z0-9\x80-\xff])?\.)+[a-zA-Z\x80-\xff][a-zA-Z0-9\x80-\xff-]{1,62}",
    )
});

/// A form of bytes, ready to look for.
#[expect(
    clippy::expect_used,
    reason = "a form that is none must not find nothing in silence; the tests look for each"
)]
pub(crate) fn form(form: &str) -> Regex {
    Regex::new(&format!("(?-u){form}")).expect("a form is a regular expression")
}

/// Looks for some things in texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finder {
    found: Vec<(Detector, Method)>,
}

/// Something that was found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub range: Range<usize>,
    /// What it is.
    pub detector: Detector,
    /// What is done with it.
    pub method: Method,
}

impl Finder {
    /// Looks for these things, and does this with each. Where two overlap, the first is taken.
    pub fn new(found: Vec<(Detector, Method)>) -> Self {
        Self { found }
    }

    /// Whether it looks for nothing.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Where something is, and what is done with it, in their order; none overlap.
    pub fn find(&self, text: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for (detector, method) in &self.found {
            let (detector, method) = (*detector, *method);
            let more = of(detector, text).into_iter();
            found.extend(more.map(|range| Found { range, detector, method }));
        }
        // The one that begins first is taken, of those that begin together the longest.
        found.sort_by_key(|Found { range, .. }| (range.start, std::cmp::Reverse(range.end)));
        let mut end = 0;
        found.retain_mut(|Found { range, .. }| {
            // What reaches further than what was taken before is masked from there on.
            range.start = range.start.max(end);
            end = end.max(range.end);
            range.start < range.end
        });
        found
    }

    /// The text with all that was found in it masked, each of which is told; none where nothing was.
    pub fn masked(&self, text: &[u8], key: &Key, tell: impl FnMut(Detector)) -> Option<Vec<u8>> {
        Self::replaced(self.find(text), text, key, tell)
    }

    /// The same of a text in which a backslash and a letter stand for something else: `\\n` ends no word.
    pub fn masked_escaped(&self, text: &[u8], key: &Key, tell: impl FnMut(Detector)) -> Option<Vec<u8>> {
        let mut plain = text.to_vec();
        let mut bytes = plain.iter_mut();
        while let Some(byte) = bytes.next() {
            if *byte == b'\\' {
                *byte = b' ';
                if let Some(next) = bytes.next() {
                    *next = b' ';
                }
            }
        }
        Self::replaced(self.find(&plain), text, key, tell)
    }

    fn replaced(
        found: Vec<Found>,
        text: &[u8],
        key: &Key,
        mut tell: impl FnMut(Detector),
    ) -> Option<Vec<u8>> {
        if found.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(text.len());
        let mut at = 0;
        for Found { range, detector, method } in found {
            tell(detector);
            out.extend_from_slice(text.get(at..range.start).unwrap_or_default());
            out.extend(masked_piece(method, text.get(range.clone()).unwrap_or_default(), key));
            at = range.end;
        }
        out.extend_from_slice(text.get(at..).unwrap_or_default());
        Some(out)
    }
}

fn of(detector: Detector, text: &[u8]) -> Vec<Range<usize>> {
    match detector {
        Detector::Email if !text.contains(&b'@') => Vec::new(),
        Detector::Email => EMAIL.find_iter(text).map(|found| found.range()).collect(),
        // None has fewer digits than these.
        Detector::Iban if digits(text) < 4 => Vec::new(),
        Detector::Iban => ibans(text),
        Detector::NationalId => national_ids(text),
        Detector::PaymentCard if digits(text) < 13 => Vec::new(),
        Detector::PaymentCard => cards(text),
        Detector::Secret => secrets(text),
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().filter(|byte| byte.is_ascii_digit()).count()
}

/// How long the account numbers of a country are (the IBAN registry of SWIFT, by ISO 13616).
const IBAN_LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Account numbers, written together or in groups.
fn ibans(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) =
        text.get(from..).and_then(|rest| rest.windows(4).position(starts)).map(|at| at + from)
    {
        from = at + 1;
        if at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        let Some(end) = iban_at(text, at) else { continue };
        found.push(at..end);
        from = end;
    }
    found
}

fn starts(four: &[u8]) -> bool {
    matches!(four, [a, b, c, d] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit())
}

fn iban_at(text: &[u8], at: usize) -> Option<usize> {
    let country: [u8; 2] = text.get(at..at + 2)?.to_ascii_uppercase().try_into().ok()?;
    let (_, length) = IBAN_LENGTHS.iter().find(|(known, _)| **known == country)?;
    let mut letters: Vec<u8> = Vec::with_capacity(*length);
    let mut end = at;
    for byte in text.get(at..)? {
        match byte {
            b' ' | b'-' if !matches!(text.get(end.wrapping_sub(1)), Some(b' ' | b'-')) => {}
            byte if byte.is_ascii_alphanumeric() => letters.push(byte.to_ascii_uppercase()),
            _ => return None,
        }
        end += 1;
        if letters.len() == *length {
            break;
        }
    }
    let whole = letters.len() == *length && !text.get(end).is_some_and(u8::is_ascii_alphanumeric);
    // ISO 7064 MOD 97-10: the first four come last, a letter counts as two digits.
    let turned = letters.iter().skip(4).chain(letters.iter().take(4));
    let rest = turned.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    (whole && rest == 1).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    fn key() -> Key {
        Key::new(Zeroizing::new([7; 32]))
    }

    fn stars(detectors: &[Detector], text: &str) -> String {
        let finder = Finder::new(detectors.iter().map(|detector| (*detector, Method::Null)).collect());
        let masked = finder.masked(text.as_bytes(), &key(), |_| {});
        masked.map_or_else(|| text.to_owned(), |bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn mail_addresses() {
        for (text, masked) in [
            ("to ada@example.org, today", "to ***************, today"),
            ("<ada.l+x@mail.example.co.uk>", "<**************************>"),
            ("jörg@bücher.example", "*********************"),
            ("a@b", "a@b"),
            ("@example.org or ada@", "@example.org or ada@"),
        ] {
            assert_eq!(stars(&[Detector::Email], text), masked);
        }
    }

    /// Numbers from the registry's own examples.
    #[test]
    fn account_numbers() {
        for number in [
            "DE89370400440532013000",
            "GB82 WEST 1234 5698 7654 32",
            "FR14 2004 1010 0505 0001 3M02 606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
            "de89 3704 0044 0532 0130 00",
        ] {
            let text = format!("account {number}; thanks");
            let masked = stars(&[Detector::Iban], &text);
            assert_eq!(masked, format!("account {}; thanks", "*".repeat(number.len())));
        }
        for not in [
            "DE88370400440532013000",
            "DE8937040044053201300",
            "DE893704004405320130001",
            "ZZ89370400440532013000",
            "XDE89370400440532013000",
        ] {
            assert_eq!(stars(&[Detector::Iban], not), not);
        }
    }

    #[test]
    fn each_is_masked_in_its_own_way_and_what_is_around_it_is_not() {
        let finder =
            Finder::new(vec![(Detector::Email, Method::Tokenise), (Detector::PaymentCard, Method::Truncate)]);
        let text = br#"{"mail":"ada@example.org","card":"4111 1111 1111 1111"}"#;
        let masked = String::from_utf8(finder.masked(text, &key(), |_| {}).unwrap()).unwrap();
        assert!(
            masked.starts_with(r#"{"mail":"tok_"#) && masked.ends_with(r#"","card":"***************1111"}"#),
            "{masked}"
        );
    }

    #[test]
    fn what_stands_behind_an_escape_is_found() {
        let finder = Finder::new(vec![(Detector::Iban, Method::Null), (Detector::Secret, Method::Null)]);
        let text = br#"{"note":"pay to\nDE89370400440532013000\twith AKIAABCDABCDABCDABCD"}"#;
        let masked = String::from_utf8(finder.masked_escaped(text, &key(), |_| {}).unwrap()).unwrap();
        let stars = |count| "*".repeat(count);
        assert_eq!(masked, format!(r#"{{"note":"pay to\n{}\twith {}"}}"#, stars(22), stars(20)));
    }

    /// What two look for is masked whole, wherever they overlap.
    #[test]
    fn what_overlaps_is_masked_whole() {
        let text = "postgresql://app:4111111111111111@db.example";
        let masked = stars(&[Detector::PaymentCard, Detector::Secret, Detector::Email], text);
        assert!(!masked.contains("4111") && !masked.contains("app"), "{masked}");
    }

    proptest! {
        #[test]
        fn any_text_can_be_looked_through(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let all: Vec<(Detector, Method)> = Detector::ALL.iter().map(|detector| (*detector, Method::Null)).collect();
            let finder = Finder::new(all);
            let found = finder.find(&text);
            prop_assert!(found.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
            let mut told = Vec::new();
            if let Some(masked) = finder.masked(&text, &key(), |detector| told.push(detector)) {
                prop_assert_eq!(masked.len(), text.len());
            }
            prop_assert_eq!(told, found.into_iter().map(|found| found.detector).collect::<Vec<_>>());
        }
    }
}
