//! One value, masked.

use crate::key::Key;
use contract::canonical::hex;
use contract::norm::Method;

/// How many characters of a value are given at most, where its end is.
const SHOWN_CHARS: usize = 4;
/// How long a character is at most, in bytes (RFC 3629).
const CHAR_BYTES_MAX: usize = 4;
/// Groups of digits of a number that are printed at most: a card has no more than five of them.
const GROUPS_MAX: usize = 1_000;
/// The letters of base 32 (RFC 4648), small.
const BASE_32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What a value is, as far as it decides what can stand in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number of this many bytes.
    Integer(u8),
    /// A number of any length, written out.
    Decimal,
    /// RFC 9562.
    Uuid,
    /// A JSON document (RFC 8259).
    Json,
    /// Bytes.
    Bytes,
    /// Something nothing else can stand for.
    Other,
}

/// A value and how it is written.
#[derive(Clone, Copy, Debug)]
pub struct Value<'v> {
    /// What it is.
    pub kind: Kind,
    /// As the server keeps it, and not as it prints it.
    pub binary: bool,
    /// Its bytes.
    pub bytes: &'v [u8],
}

impl Value<'_> {
    /// What somebody would read in it; none where that is not known.
    pub fn printed(self) -> Option<Vec<u8>> {
        match self.kind {
            Kind::Decimal if self.binary => decimal(self.bytes),
            Kind::Text
            | Kind::Integer(_)
            | Kind::Decimal
            | Kind::Uuid
            | Kind::Json
            | Kind::Bytes
            | Kind::Other => plain(self),
        }
    }
}

/// The digits before the point of a `numeric` as PostgreSQL keeps it: groups of four.
fn decimal(bytes: &[u8]) -> Option<Vec<u8>> {
    let (shorts, []) = bytes.as_chunks::<2>() else { return None };
    let mut shorts = shorts.iter().map(|pair| u16::from_be_bytes(*pair));
    let (groups, weight) = (shorts.next()?, shorts.next()?.cast_signed());
    let (_sign, _scale) = (shorts.next()?, shorts.next()?);
    let digits: Vec<u16> = shorts.take(groups.into()).collect();
    let whole = usize::try_from(i32::from(weight) + 1).unwrap_or(0);
    let group = |at: usize| format!("{:04}", digits.get(at).copied().unwrap_or(0));
    let printed: String = (0..whole.min(GROUPS_MAX)).map(group).collect();
    Some(printed.trim_start_matches('0').as_bytes().to_vec())
}

/// What is given in place of a value: another of its kind, written in the same way; none where there is no such.
pub fn masked(method: Method, value: Value<'_>, key: &Key) -> Option<Vec<u8>> {
    match method {
        Method::Drop | Method::Null => None,
        Method::Hash => stand_in(value, key, "hash"),
        Method::Tokenise => stand_in(value, key, "token"),
        Method::Truncate => match value.kind {
            Kind::Text => Some(end_of(value.bytes).to_vec()),
            Kind::Integer(_) | Kind::Decimal | Kind::Uuid | Kind::Json | Kind::Bytes | Kind::Other => None,
        },
    }
}

/// The last characters; nothing of what has no more than those, and of what is no UTF-8 no more than the last that are.
fn end_of(text: &[u8]) -> &[u8] {
    // As the server prints in another encoding, or has bytes: nothing of it is a character.
    let first = text.len().saturating_sub(SHOWN_CHARS * CHAR_BYTES_MAX);
    // Where characters begin in UTF-8.
    let begins = |byte: u8| byte & 0xc0 != 0x80;
    let starts = text.iter().enumerate().skip(first).rev();
    let starts = starts.filter(|(_, byte)| begins(**byte)).map(|(at, _)| at);
    match starts.take(SHOWN_CHARS).last() {
        Some(at) if at > 0 => text.get(at..).unwrap_or_default(),
        Some(_) | None => &[],
    }
}

fn stand_in(value: Value<'_>, key: &Key, purpose: &str) -> Option<Vec<u8>> {
    let digest = key.digest(purpose, &plain(value)?);
    let word = || match purpose {
        "hash" => hex(&digest).into_bytes(),
        _ => token(&digest),
    };
    match value.kind {
        Kind::Text => Some(word()),
        Kind::Json => {
            let version: &[u8] = if value.binary { &[1] } else { &[] };
            Some([version, b"\"", &word(), b"\""].concat())
        }
        Kind::Integer(bytes) => {
            let number = i64::from_be_bytes(*digest.first_chunk()?) & i64::MAX;
            let number = match bytes {
                8 => number,
                4 => number & i64::from(i32::MAX),
                // Too few for a stand-in to be one of its own.
                _ => return None,
            };
            Some(match (value.binary, bytes) {
                (false, _) => number.to_string().into_bytes(),
                (true, 8) => number.to_be_bytes().to_vec(),
                (true, _) => i32::try_from(number).ok()?.to_be_bytes().to_vec(),
            })
        }
        Kind::Decimal => {
            let number = i64::from_be_bytes(*digest.first_chunk()?) & i64::MAX;
            (!value.binary).then(|| number.to_string().into_bytes())
        }
        Kind::Uuid => {
            let mut uuid: [u8; 16] = *digest.first_chunk()?;
            // Version 8, of a variant like all others (RFC 9562 section 5.8).
            uuid[6] = uuid[6] & 0x0f | 0x80;
            uuid[8] = uuid[8] & 0x3f | 0x80;
            Some(if value.binary { uuid.to_vec() } else { hyphenated(&uuid).into_bytes() })
        }
        Kind::Bytes if value.binary => Some(digest.to_vec()),
        Kind::Bytes => Some(format!("\\x{}", hex(&digest)).into_bytes()),
        Kind::Other => None,
    }
}

/// What stands in place of a piece of text.
pub(crate) fn masked_piece(method: Method, piece: &[u8], key: &Key) -> Vec<u8> {
    match method {
        Method::Drop | Method::Null => vec![b'*'; piece.len()],
        Method::Truncate => {
            let shown = end_of(piece);
            [&vec![b'*'; piece.len() - shown.len()], shown].concat()
        }
        Method::Hash => hex(&key.digest("hash", piece)).into_bytes(),
        Method::Tokenise => token(&key.digest("token", piece)),
    }
}

/// The value, however it is written.
fn plain(Value { kind, binary, bytes }: Value<'_>) -> Option<Vec<u8>> {
    Some(match kind {
        Kind::Integer(_) if binary => {
            let number = match bytes.len() {
                8 => i64::from_be_bytes(bytes.try_into().ok()?),
                4 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
                2 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
                _ => return None,
            };
            number.to_string().into_bytes()
        }
        Kind::Uuid if binary => hyphenated(bytes.try_into().ok()?).into_bytes(),
        Kind::Json if binary => bytes.get(1..)?.to_vec(),
        Kind::Bytes if !binary => match bytes.strip_prefix(b"\\x") {
            Some(digits) => unhex(digits)?,
            None => bytes.to_vec(),
        },
        Kind::Decimal if binary => return None,
        Kind::Text
        | Kind::Integer(_)
        | Kind::Decimal
        | Kind::Uuid
        | Kind::Json
        | Kind::Bytes
        | Kind::Other => bytes.to_vec(),
    })
}

fn token(digest: &[u8; 32]) -> Vec<u8> {
    let mut token = b"tok_".to_vec();
    let mut bits = u128::from_be_bytes(*digest.first_chunk().unwrap_or(&[0; 16]));
    for _ in 0..26 {
        token.push(BASE_32.get((bits & 31) as usize).copied().unwrap_or(b'a'));
        bits >>= 5;
    }
    token
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()).collect()
}

fn hyphenated(uuid: &[u8; 16]) -> String {
    let mut text = hex(uuid);
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn key() -> Key {
        Key::new(Zeroizing::new([7; 32]))
    }

    fn text(method: Method, value: &str) -> Option<String> {
        let value = Value { kind: Kind::Text, binary: false, bytes: value.as_bytes() };
        masked(method, value, &key()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn nothing_is_left_of_what_is_dropped_or_emptied() {
        assert_eq!(text(Method::Drop, "ada@example.org"), None);
        assert_eq!(text(Method::Null, "ada@example.org"), None);
    }

    #[test]
    fn the_end_is_shown_of_what_is_longer() {
        assert_eq!(text(Method::Truncate, "4111111111111111").as_deref(), Some("1111"));
        assert_eq!(text(Method::Truncate, "größe…").as_deref(), Some("öße…"));
        let torn = [&b"aaaaa"[..], &[0x80; 13]].concat();
        let torn = Value { kind: Kind::Text, binary: false, bytes: &torn };
        assert!(masked(Method::Truncate, torn, &key()).unwrap().len() <= SHOWN_CHARS * CHAR_BYTES_MAX);
        for short in ["", "1", "1234", "ößöß"] {
            assert_eq!(text(Method::Truncate, short).as_deref(), Some(""), "{short}");
        }
    }

    /// The digest OpenSSL gives: `printf 'hash\0ada' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…`.
    #[test]
    fn a_hash_is_the_keyed_digest() {
        let digest = "03d8f2d27200657def82f1b6e068cb9ddc3a825020d0cf07561b316c3ff53fa8";
        assert_eq!(text(Method::Hash, "ada").as_deref(), Some(digest));
    }

    #[test]
    fn stand_ins_are_the_same_for_the_same_value_and_key_alone() {
        let token = text(Method::Tokenise, "ada").unwrap();
        assert_eq!(text(Method::Tokenise, "ada").as_deref(), Some(token.as_str()));
        assert_ne!(text(Method::Tokenise, "adb").as_deref(), Some(token.as_str()));
        assert_ne!(text(Method::Hash, "ada").as_deref(), Some(token.as_str()));
        let value = Value { kind: Kind::Text, binary: true, bytes: b"ada" };
        let other = masked(Method::Tokenise, value, &key().of(b"another contract")).unwrap();
        assert_ne!(other, token.as_bytes());
        assert!(token.starts_with("tok_") && token.len() == 30, "{token}");
    }

    /// However a value is written, its stand-in is the same, and written as it was.
    #[test]
    fn both_ways_of_writing_agree() {
        let key = key();
        let of = |kind, binary, bytes: &[u8]| masked(Method::Tokenise, Value { kind, binary, bytes }, &key);
        let (printed, kept) = (
            of(Kind::Integer(8), false, b"-42").unwrap(),
            of(Kind::Integer(8), true, &(-42_i64).to_be_bytes()),
        );
        let number: i64 = String::from_utf8(printed).unwrap().parse().unwrap();
        assert_eq!(kept.unwrap(), number.to_be_bytes());
        let (printed, kept) =
            (of(Kind::Integer(4), false, b"42").unwrap(), of(Kind::Integer(4), true, &42_i32.to_be_bytes()));
        let number: i32 = String::from_utf8(printed).unwrap().parse().unwrap();
        assert_eq!(kept.unwrap(), number.to_be_bytes());
        let uuid = "00112233-4455-6677-8899-aabbccddeeff";
        let bytes: Vec<u8> = unhex(uuid.replace('-', "").as_bytes()).unwrap();
        let (printed, kept) =
            (of(Kind::Uuid, false, uuid.as_bytes()).unwrap(), of(Kind::Uuid, true, &bytes).unwrap());
        let printed = String::from_utf8(printed).unwrap();
        assert_eq!(unhex(printed.replace('-', "").as_bytes()).unwrap(), kept);
        assert_eq!(printed.as_bytes()[14], b'8', "{printed}");
        let (printed, kept) =
            (of(Kind::Json, false, b"{}").unwrap(), of(Kind::Json, true, b"\x01{}").unwrap());
        assert_eq!([b"\x01", printed.as_slice()].concat(), kept);
        let (printed, kept) = (of(Kind::Bytes, false, b"\\x00ff").unwrap(), of(Kind::Bytes, true, &[0, 255]));
        assert_eq!(printed, format!("\\x{}", hex(&kept.unwrap())).into_bytes());
    }

    /// As `numeric_send` writes 4111111111111111 and 0.5.
    #[test]
    fn numbers_are_read_as_they_are_kept() {
        let bytes: Vec<u8> =
            [4_u16, 3, 0, 0, 4111, 1111, 1111, 1111].iter().flat_map(|short| short.to_be_bytes()).collect();
        let value = Value { kind: Kind::Decimal, binary: true, bytes: &bytes };
        assert_eq!(value.printed().unwrap(), b"4111111111111111");
        let half: Vec<u8> =
            [1_u16, 0xffff, 0, 1, 5000].iter().flat_map(|short| short.to_be_bytes()).collect();
        assert_eq!(Value { kind: Kind::Decimal, binary: true, bytes: &half }.printed().unwrap(), b"");
        assert_eq!(Value { kind: Kind::Decimal, binary: true, bytes: &bytes[..5] }.printed(), None);
    }

    #[test]
    fn what_nothing_can_stand_for_is_emptied() {
        for (kind, bytes) in [(Kind::Other, &b"2026-01-01"[..]), (Kind::Integer(2), b"7"), (Kind::Json, b"")]
        {
            let binary = kind == Kind::Json;
            assert_eq!(masked(Method::Hash, Value { kind, binary, bytes }, &key()), None, "{kind:?}");
        }
        let decimal = Value { kind: Kind::Decimal, binary: true, bytes: &[0, 0] };
        assert_eq!(masked(Method::Hash, decimal, &key()), None);
        let date = Value { kind: Kind::Other, binary: false, bytes: b"2026-01-01" };
        assert_eq!(masked(Method::Truncate, date, &key()), None);
    }
}
