//! Reading the attached text and seal back out of a PDF, with a limit on what may come out.

use crate::{SEAL, TEXT};
use hayro_syntax::object::{Array, Dict, Stream, String as Text};
use hayro_syntax::{Filter, Pdf};
use std::io::Read as _;

/// The largest PDF that is read.
pub(crate) const PDF_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The largest attachment.
const ATTACHED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The longest name of a printer that is shown.
const PRINTER_CHARS_MAX: usize = 80;

/// What travels in the PDF of an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The text.
    pub text: String,
    /// The envelope and its signatures, JSON.
    pub seal: String,
    /// What printed the pages, as the file says: [`crate::printer`] of that version.
    pub printer: String,
}

/// Why a file is not a PDF of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not a PDF, or damaged.
    #[error("it is not a PDF that can be read")]
    NotPdf,
    /// It is too large.
    #[error("it has more than {PDF_BYTES_MAX} bytes")]
    TooLarge,
    /// It does not carry what the PDF of an instrument carries.
    #[error("nothing named `{0}` is attached to it: it is not the PDF of an instrument")]
    Without(&'static str),
}

/// The text and seal that travel in a PDF.
pub fn attached(pdf: &[u8]) -> Result<Attached, ReadError> {
    if pdf.len() > PDF_BYTES_MAX {
        return Err(ReadError::TooLarge);
    }
    let pdf = Pdf::new(pdf.to_vec()).map_err(|_| ReadError::NotPdf)?;
    let read = |name: &'static str| {
        let bytes = attachment(&pdf, name).ok_or(ReadError::Without(name))?;
        String::from_utf8(bytes).map_err(|_| ReadError::Without(name))
    };
    let printer = pdf.metadata().creator.as_deref().map(plain).unwrap_or_default();
    Ok(Attached { text: read(TEXT)?, seal: read(SEAL)?, printer })
}

/// A text of the file's information, to be shown: letters, figures and the few signs printers use.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = text.chars().filter(|c| c.is_ascii_alphanumeric() || " .()-".contains(*c));
    plain.take(PRINTER_CHARS_MAX).collect()
}

fn attachment(pdf: &Pdf, name: &str) -> Option<Vec<u8>> {
    let catalog: Dict<'_> = pdf.xref().get(pdf.xref().root_id())?;
    let names: Array<'_> =
        catalog.get::<Dict<'_>>("Names")?.get::<Dict<'_>>("EmbeddedFiles")?.get("Names")?;
    let mut items = names.flex_iter();
    while let Some(key) = items.next::<Text<'_>>() {
        let file = items.next::<Dict<'_>>()?;
        if key.as_bytes() != name.as_bytes() {
            continue;
        }
        let stream: Stream<'_> = file.get::<Dict<'_>>("EF")?.get("F")?;
        let raw = stream.raw_data();
        return match stream.filters().as_slice() {
            [] => (raw.len() <= ATTACHED_BYTES_MAX).then(|| raw.into_owned()),
            [Filter::FlateDecode] => inflate(&raw),
            _ => None,
        };
    }
    None
}

/// A small file may claim to be a large one: not more than the limit is ever unpacked.
fn inflate(raw: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let limit = u64::try_from(ATTACHED_BYTES_MAX).ok()? + 1;
    flate2::read::ZlibDecoder::new(raw).take(limit).read_to_end(&mut out).ok()?;
    (out.len() <= ATTACHED_BYTES_MAX).then_some(out)
}
