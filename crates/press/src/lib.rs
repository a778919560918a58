//! Documents as PDF: one template per kind of document, data as JSON, fonts of our own.
//!
//! In scope: laying out an instrument, its signatures and its hashes; attaching the text that was signed;
//! reading that text back out of a file.
//! Out of scope: what documents say (`contract`), who signed (`registry`). No clock, no files, no network:
//! the same input gives the same bytes.

mod data;
mod read;
mod typeset;

pub use data::{Compared, Sheet};
pub use read::{Attached, ReadError, attached};
pub use typeset::PressError;

/// The name of the attached text.
pub const TEXT: &str = "instrument.writ.md";
/// The name of the attached envelope with its signatures.
pub const SEAL: &str = "seal.json";

/// The PDF of a redline.
pub fn redline(compared: &Compared<'_>) -> Result<Vec<u8>, PressError> {
    let data = data::of_redline(compared).to_string().into_bytes();
    let ident = format!("redline/{}/{}-{}", compared.new.name, compared.old.version, compared.new.version);
    typeset::press(typeset::Template::Redline, data, Vec::new(), &ident, 0)
}

/// The PDF of an instrument. Its text and its seal travel inside.
pub fn instrument(sheet: &Sheet<'_>) -> Result<Vec<u8>, PressError> {
    let data = data::of(sheet).to_string().into_bytes();
    let seal = sheet.seal.to_json().into_bytes();
    let attached = vec![(TEXT.to_owned(), sheet.source.as_bytes().to_vec()), (SEAL.to_owned(), seal)];
    let ident =
        format!("{}/{}/{}", sheet.seal.trust_domain(), sheet.instrument.name, sheet.instrument.version);
    typeset::press(typeset::Template::Instrument, data, attached, &ident, sheet.at_ms)
}
