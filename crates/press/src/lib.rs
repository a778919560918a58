//! Documents as PDF: one template per kind of document, data as JSON, fonts of our own.
//!
//! In scope: laying out an instrument, its signatures and its hashes; attaching the text that was signed;
//! reading that text back out of a file.
//! Out of scope: what documents say (`contract`), who signed (`registry`). No clock, no files, no network:
//! the same input gives the same bytes.

mod compared;
mod cover;
mod data;
mod matrix;
mod read;
mod signing;
mod typeset;

pub use compared::{Compared, Version};
pub use data::Sheet;
pub use read::{Attached, ReadError, attached};
pub use typeset::PressError;

/// The name of the attached text.
pub const TEXT: &str = "instrument.writ.md";
/// The name of the attached envelope with its signatures.
pub const SEAL: &str = "seal.json";

/// Everything pages are made of beside the data, so that another print is known by another name.
const PRINT: [&str; 7] = [
    include_str!("cover.rs"),
    include_str!("data.rs"),
    include_str!("instrument.typ"),
    include_str!("matrix.rs"),
    include_str!("signing.rs"),
    include_str!("typeset.rs"),
    env!("CARGO_PKG_VERSION"),
];

/// What prints pages: this version of Writ and of its templates. Stands in each PDF, so that pages of
/// another version are told from pages that were changed.
pub fn printer() -> String {
    let print = contract::canonical::hex(&contract::canonical::digest(&PRINT.concat()));
    let print: String = print.chars().take(8).collect();
    format!("Writ {} (print {print})", env!("CARGO_PKG_VERSION"))
}

/// The PDF of a redline.
pub fn redline(compared: &Compared<'_>) -> Result<Vec<u8>, PressError> {
    let data = compared::of(compared).to_string().into_bytes();
    let (old, new) = (compared.old.instrument, compared.new.instrument);
    let ident = format!("redline/{}/{}-{}", new.name, old.version, new.version);
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
