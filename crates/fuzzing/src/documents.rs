//! Instruments as text, clauses as TOML and as JSON, the detached seal.

use crate::{chosen, text};
use contract::canonical::{form, to_jcs};
use contract::diagnostic::{DIAGNOSTIC_CHARS_MAX, FINDINGS_MAX};
use contract::document::DOCUMENT_BYTES_MAX;
use contract::{Diagnostic, Kind, Seal, check, format, read};

/// Formatting is idempotent, changes no meaning, and what it makes is sound; findings lie inside the text.
pub fn contract_document(data: &[u8]) {
    let Some(source) = text(data) else { return };
    let instrument = match read(source) {
        Ok(instrument) => instrument,
        Err(found) => return told(source, &found),
    };
    match check(source) {
        Ok(checked) => {
            assert_eq!(checked, instrument);
            assert_eq!(format(source).unwrap(), source, "what is sound is formatted");
        }
        Err(found) => told(source, &found),
    }
    match format(source) {
        Ok(formatted) if formatted.len() <= DOCUMENT_BYTES_MAX => {
            let checked = check(&formatted).unwrap_or_else(|found| panic!("{found:#?}\n{formatted}"));
            assert_eq!(to_jcs(&form(&checked)), to_jcs(&form(&instrument)), "formatting changes no meaning");
            assert_eq!(format(&formatted).unwrap(), formatted, "formatting is idempotent");
        }
        Ok(_) => {}
        Err(found) => told(source, &found),
    }
}

fn told(source: &str, found: &[Diagnostic]) {
    assert!(!found.is_empty() && found.len() <= FINDINGS_MAX + 1, "{} findings", found.len());
    for finding in found {
        let span = finding.span.clone();
        assert!(source.get(span.clone()).is_some(), "{span:?} is no part of the text: {finding:?}");
        for said in [&finding.message, &finding.label, &finding.help] {
            assert!(said.chars().count() <= DIAGNOSTIC_CHARS_MAX + 1, "{said}");
        }
    }
}

/// A clause block that is read is written so that it is read again, as block and as canonical form.
pub fn contract_kind(data: &[u8]) {
    let Some((name, rest)) = chosen(data, Kind::NAMES) else { return };
    let Some(Ok(kind)) = text(rest).and_then(|toml| Kind::read(name, toml)) else { return };
    same(name, &kind);
}

/// The same from the canonical form.
pub fn contract_terms(data: &[u8]) {
    let Some((name, rest)) = chosen(data, Kind::NAMES) else { return };
    let Ok(terms) = serde_json::from_slice(rest) else { return };
    if let Ok(kind) = Kind::from_terms(name, terms) {
        same(name, &kind);
    }
}

fn same(name: &str, kind: &Kind) {
    let terms = kind.terms();
    assert_eq!(Kind::from_terms(name, terms.clone()).as_ref(), Ok(kind), "{terms:#}");
    let block = kind.to_block();
    let own = block.split_once('\n').map_or("", |(_, own)| own);
    let again = Kind::read(name, own).unwrap().unwrap_or_else(|error| panic!("{error}\n{block}"));
    assert_eq!(again, *kind, "{block}");
    assert_eq!(to_jcs(&again.terms()), to_jcs(&terms));
}

/// A seal that is read is written so that it is read again.
pub fn contract_seal(data: &[u8]) {
    let Some(seal) = text(data).and_then(Seal::parse) else { return };
    let written = seal.to_json();
    let again = Seal::parse(&written);
    assert_eq!(again.as_ref(), Some(&seal), "{written}");
    assert_eq!(again.unwrap().to_json(), written);
    let _ = (seal.trust_domain(), seal.named("bundle"));
}
