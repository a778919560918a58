//! Texts that differ in whole numbers only are one text: what they do does not depend on the numbers. The one text has
//! 0 for each, and is what is read, so that a condition like `id + 1 = id + 2` counts as the worst it could be.

use std::borrow::Cow;

/// The text with 0 for each whole number outside quotes; as it is where quotes are of a kind that is not told apart here.
pub fn normal(text: &str) -> Cow<'_, str> {
    numbers(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn numbers(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut at = 0;
    // What a number must not stand beside: it would be part of a name, a parameter or another kind of number.
    let joins = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.') || byte >= 0x80;
    while let Some(byte) = bytes.get(at).copied() {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before)).copied();
        let after = bytes.get(at + 1).copied();
        match byte {
            // Escapes, comments and dollar quotes: left alone, the whole text.
            b'\\' => return None,
            b'-' if after == Some(b'-') => return None,
            b'/' if after == Some(b'*') => return None,
            b'$' if !after.is_some_and(|byte| byte.is_ascii_digit()) => return None,
            b'\'' | b'"' => {
                // A letter or `&` before it makes it a string of another kind.
                if before.is_some_and(|byte| joins(byte) || byte == b'&') {
                    return None;
                }
                let length = bytes.get(at + 1..)?.iter().position(|other| *other == byte)? + 2;
                out.extend_from_slice(bytes.get(at..at + length)?);
                at += length;
                // Two in a row stand for one: the string goes on.
                while bytes.get(at) == Some(&byte) {
                    let length = bytes.get(at + 1..)?.iter().position(|other| *other == byte)? + 2;
                    out.extend_from_slice(bytes.get(at..at + length)?);
                    at += length;
                }
            }
            b'0'..=b'9' if !before.is_some_and(joins) => {
                let end = bytes.iter().skip(at).position(|byte| !byte.is_ascii_digit());
                let end = end.map_or(bytes.len(), |length| at + length);
                if bytes.get(end).copied().is_some_and(joins) {
                    out.extend_from_slice(bytes.get(at..end)?);
                } else {
                    out.push(b'0');
                }
                at = end;
            }
            other => {
                out.push(other);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_one() {
        for (text, expected) in [
            ("SELECT abalance FROM a WHERE aid = 4711;", "SELECT abalance FROM a WHERE aid = 0;"),
            (
                "SELECT a1, 'x1''y2', \"q 3\" FROM t2 WHERE b=-12",
                "SELECT a1, 'x1''y2', \"q 3\" FROM t2 WHERE b=-0",
            ),
            ("SELECT $1, 1.5, 0x1F, 1e5, 1_000", "SELECT $1, 1.5, 0x1F, 1e5, 1_000"),
            ("LIMIT 5 OFFSET 10", "LIMIT 0 OFFSET 0"),
            ("SELECT 1 -- 2", "SELECT 1 -- 2"),
            ("SELECT E'1', 2", "SELECT E'1', 2"),
            ("SELECT $$1$$, 2", "SELECT $$1$$, 2"),
            ("SELECT '1", "SELECT '1"),
        ] {
            assert_eq!(normal(text), expected);
        }
    }

    proptest! {
        /// Read as they are and read with other numbers, texts name the same, and neither is taken for less than it is.
        #[test]
        fn what_is_named_does_not_depend_on_numbers(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "SELECT ", "1", "22", " ", ",", "a", "b1", "'x1'", "\"q2\"", "$1", "FROM t ", "WHERE ", "= ", "3.5", "''", "(", ")",
                    "DELETE FROM t ", "LIMIT ", "nextval('s1')", "--", "'", "E'5'", ";", "+", "AND ", "id ",
                ]),
                0..14,
            )
        ) {
            let text = pieces.concat();
            let normal = normal(&text);
            if let (Ok(one), Ok(other)) = (crate::read(&text), crate::read(&normal)) {
                prop_assert_eq!(one.len(), other.len());
                for (one, other) in one.iter().zip(&other) {
                    prop_assert_eq!(one.kind, other.kind);
                    prop_assert_eq!(&one.mentions, &other.mentions);
                    prop_assert_eq!(&one.administers, &other.administers);
                    prop_assert_eq!(one.touches.len(), other.touches.len());
                    for (one, other) in one.touches.iter().zip(&other.touches) {
                        prop_assert_eq!(&one.relation, &other.relation);
                        prop_assert!(one.restricted || !other.restricted);
                    }
                }
            }
        }
    }
}
