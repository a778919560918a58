//! What a certificate says before it is signed (TBSCertificate, RFC 5280 §4.1): putting an extension at its end,
//! taking it off again, and joining it with a signature. Only definite, shortest lengths are read (DER).
//!
//! Out of scope: what the fields mean (`issue`, `svid`), and signing.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const BIT_STRING: u8 = 0x03;
/// The field `extensions`, explicitly tagged with 3.
const EXTENSIONS: u8 = 0xa3;
/// Which field names the algorithm of the signature: after version and serial number.
const ALGORITHM: usize = 2;

/// Not DER of the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate of the expected form")]
pub struct NotDer;

/// Puts an extension that is not critical behind all others. `id` is the content of its object identifier.
pub fn with_extension(tbs: &[u8], id: &[u8], value: &[u8]) -> Result<Vec<u8>, NotDer> {
    let (before, extensions) = split(tbs)?;
    let extension = wrap(SEQUENCE, &[wrap(OBJECT_IDENTIFIER, id), wrap(OCTET_STRING, value)].concat());
    Ok(joined(before, &[extensions, &extension].concat()))
}

/// A certificate's content with its last extension taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bare<'a> {
    /// What is left: byte for byte what [`with_extension`] was given.
    pub tbs: Vec<u8>,
    /// The extension's value.
    pub value: &'a [u8],
}

/// Takes the last extension off, if it is `id`, not critical, and the only one of that id.
pub fn without_extension<'a>(tbs: &'a [u8], id: &[u8]) -> Result<Option<Bare<'a>>, NotDer> {
    let (before, extensions) = split(tbs)?;
    let mut rest = extensions;
    let mut found = None;
    while !rest.is_empty() {
        let start = extensions.len() - rest.len();
        let (extension, after) = take(rest, SEQUENCE)?;
        let (name, content) = take(extension, OBJECT_IDENTIFIER)?;
        if name == id {
            if !after.is_empty() {
                return Err(NotDer);
            }
            // A critical one would have a boolean here.
            let (value, nothing) = take(content, OCTET_STRING)?;
            if !nothing.is_empty() {
                return Err(NotDer);
            }
            found = Some((start, value));
        }
        rest = after;
    }
    Ok(found.map(|(start, value)| {
        let kept = extensions.get(..start).unwrap_or_default();
        Bare { tbs: joined(before, kept), value }
    }))
}

/// The value of an extension that is there once, wherever it stands.
pub fn extension<'a>(tbs: &'a [u8], id: &[u8]) -> Result<Option<&'a [u8]>, NotDer> {
    let (_, mut rest) = split(tbs)?;
    let mut found = None;
    while !rest.is_empty() {
        let (extension, after) = take(rest, SEQUENCE)?;
        let (name, content) = take(extension, OBJECT_IDENTIFIER)?;
        if name == id {
            let (value, nothing) = take(content, OCTET_STRING)?;
            if found.is_some() || !nothing.is_empty() {
                return Err(NotDer);
            }
            found = Some(value);
        }
        rest = after;
    }
    Ok(found)
}

/// A certificate: what it says, the algorithm named therein, and the signature over it.
pub fn certificate(tbs: &[u8], signature: &[u8]) -> Result<Vec<u8>, NotDer> {
    let (content, _) = take(tbs, SEQUENCE)?;
    let mut rest = content;
    for _ in 0..ALGORITHM {
        (_, rest) = element(rest)?;
    }
    let (_, after) = take(rest, SEQUENCE)?;
    let algorithm = rest.get(..rest.len() - after.len()).ok_or(NotDer)?;
    // No bits of the last byte are unused.
    let bits = wrap(BIT_STRING, &[&[0], signature].concat());
    Ok(wrap(SEQUENCE, &[tbs, algorithm, &bits].concat()))
}

/// What a certificate says, as it was signed.
pub fn of_certificate(der: &[u8]) -> Result<&[u8], NotDer> {
    let (content, nothing) = take(der, SEQUENCE)?;
    let (_, after) = take(content, SEQUENCE)?;
    if !nothing.is_empty() {
        return Err(NotDer);
    }
    content.get(..content.len() - after.len()).ok_or(NotDer)
}

/// An ECDSA signature as certificates carry it (RFC 3279, section 2.2.3), from the two halves of equal length that
/// PKCS#11 and JWS write.
pub fn ecdsa_signature(halves: &[u8]) -> Vec<u8> {
    let (r, s) = halves.split_at(halves.len() / 2);
    let integer = |half: &[u8]| {
        let zeros = half.iter().take_while(|byte| **byte == 0).count();
        let digits = half.get(zeros..).unwrap_or_default();
        // Positive: not with the highest bit set.
        let sign: &[u8] = if digits.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
        wrap(INTEGER, &[sign, digits].concat())
    };
    wrap(SEQUENCE, &[integer(r), integer(s)].concat())
}

/// The fields before the extensions, and the extensions one after another.
fn split(tbs: &[u8]) -> Result<(&[u8], &[u8]), NotDer> {
    let (content, nothing) = take(tbs, SEQUENCE)?;
    if !nothing.is_empty() {
        return Err(NotDer);
    }
    let mut rest = content;
    while rest.first().is_some_and(|tag| *tag != EXTENSIONS) {
        (_, rest) = element(rest)?;
    }
    let (tagged, nothing) = take(rest, EXTENSIONS)?;
    let (extensions, more) = take(tagged, SEQUENCE)?;
    if !nothing.is_empty() || !more.is_empty() {
        return Err(NotDer);
    }
    Ok((content.get(..content.len() - rest.len()).ok_or(NotDer)?, extensions))
}

fn joined(before: &[u8], extensions: &[u8]) -> Vec<u8> {
    let tagged = wrap(EXTENSIONS, &wrap(SEQUENCE, extensions));
    wrap(SEQUENCE, &[before, &tagged].concat())
}

/// The content of the element at the front, which must have this tag, and what follows it.
pub(crate) fn take(bytes: &[u8], tag: u8) -> Result<(&[u8], &[u8]), NotDer> {
    if bytes.first() == Some(&tag) { element(bytes) } else { Err(NotDer) }
}

/// The content of the element at the front, and what follows it. Tags of one byte; at most four of length.
fn element(bytes: &[u8]) -> Result<(&[u8], &[u8]), NotDer> {
    let (tag, rest) = bytes.split_first().ok_or(NotDer)?;
    let (first, rest) = rest.split_first().ok_or(NotDer)?;
    if tag & 0x1f == 0x1f {
        return Err(NotDer);
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(NotDer)?;
            let length = digits.iter().fold(0usize, |length, digit| length << 8 | usize::from(*digit));
            // The shortest spelling only: another would not come back the same.
            if digits.first() == Some(&0) || length < 0x80 {
                return Err(NotDer);
            }
            (length, rest)
        }
        _ => return Err(NotDer),
    };
    rest.split_at_checked(length).ok_or(NotDer)
}

/// An element of DER.
pub(crate) fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut bytes = vec![tag];
    if length < 0x80 {
        bytes.push(length as u8);
    } else {
        let digits = length.to_be_bytes();
        let digits = digits.get(length.leading_zeros() as usize / 8..).unwrap_or_default();
        bytes.push(0x80 | digits.len() as u8);
        bytes.extend(digits);
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    const ID: &[u8] = &[0x2a, 3, 4];

    fn made(name: &str) -> Vec<u8> {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    /// Lengths around every change of their spelling: of the value, of the list, of the whole.
    #[test]
    fn what_is_put_on_comes_off_again() {
        for name in ["a.example".to_owned(), format!("{}.example", "a".repeat(60))] {
            let der = made(&name);
            let tbs = of_certificate(&der).unwrap();
            for length in (0..300).chain(65_000..65_003).chain(65_500..65_540) {
                let value = vec![7; length];
                let with = with_extension(tbs, ID, &value).unwrap();
                assert_eq!(extension(&with, ID), Ok(Some(&value[..])));
                let bare = Bare { tbs: tbs.to_vec(), value: &value };
                assert_eq!(without_extension(&with, ID), Ok(Some(bare)));
            }
            assert_eq!(without_extension(tbs, ID), Ok(None));
        }
    }

    #[test]
    fn halves_of_a_signature_become_the_shortest_positive_numbers() {
        let of = |r: [u8; 3], s: [u8; 3]| ecdsa_signature(&[r, s].concat());
        assert_eq!(of([1, 2, 3], [0x80, 0, 0]), [0x30, 11, 2, 3, 1, 2, 3, 2, 4, 0, 0x80, 0, 0]);
        assert_eq!(of([0, 0, 0x7f], [0, 0x80, 1]), [0x30, 8, 2, 1, 0x7f, 2, 3, 0, 0x80, 1]);
        assert_eq!(of([0; 3], [0, 0, 1]), [0x30, 6, 2, 1, 0, 2, 1, 1]);
    }

    #[test]
    fn only_the_last_and_only_one_comes_off() {
        let der = made("a.example");
        let tbs = of_certificate(&der).unwrap();
        let two = with_extension(&with_extension(tbs, ID, b"1").unwrap(), ID, b"2").unwrap();
        assert_eq!(without_extension(&two, ID), Err(NotDer));
        assert_eq!(extension(&two, ID), Err(NotDer));
        let below = with_extension(&with_extension(tbs, ID, b"1").unwrap(), &[0x2a, 3, 5], b"2").unwrap();
        assert_eq!(without_extension(&below, ID), Err(NotDer));
        assert_eq!(extension(&below, ID), Ok(Some(&b"1"[..])));
    }

    #[test]
    fn a_certificate_is_put_together_as_it_was() {
        let der = made("a.example");
        let tbs = of_certificate(&der).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        assert_eq!(certificate(tbs, &parsed.signature_value.data).unwrap(), der);
    }

    #[test]
    fn what_is_cut_or_spelled_otherwise_is_refused() {
        let der = made("a.example");
        for cut in 0..der.len() {
            assert!(of_certificate(&der[..cut]).is_err(), "{cut}");
        }
        assert_eq!(take(&[SEQUENCE, 0x81, 1, 0], SEQUENCE), Err(NotDer), "a length of one byte in two");
        assert_eq!(take(&[SEQUENCE, 0x80, 0, 0], SEQUENCE), Err(NotDer), "an indefinite length");
        assert_eq!(take(&[SEQUENCE, 0x82, 0, 0x80], SEQUENCE), Err(NotDer), "a leading zero");
        assert_eq!(take(&[SEQUENCE, 0x85, 1, 0, 0, 0, 0], SEQUENCE), Err(NotDer), "a length of five bytes");
    }
}
