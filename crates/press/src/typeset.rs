//! Typst, kept to one file: it changes its interface once or twice a year.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use typst::diag::{FileError, FileResult, SourceDiagnostic, Warned};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, Source, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

const FONT_FILES: [&[u8]; 5] = [
    include_bytes!("../fonts/LibertinusSerif-Regular.otf"),
    include_bytes!("../fonts/LibertinusSerif-Italic.otf"),
    include_bytes!("../fonts/LibertinusSerif-Semibold.otf"),
    include_bytes!("../fonts/LibertinusSerif-Bold.otf"),
    include_bytes!("../fonts/DejaVuSansMono.ttf"),
];

static FONTS: LazyLock<Vec<Font>> =
    LazyLock::new(|| FONT_FILES.iter().filter_map(|bytes| Font::new(Bytes::new(*bytes), 0)).collect());
static BOOK: LazyLock<LazyHash<FontBook>> =
    LazyLock::new(|| LazyHash::new(FontBook::from_fonts(FONTS.iter())));
static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::builder().build()));

/// A form of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// A charter, contract or guardrail.
    Instrument,
    /// Two versions compared.
    Redline,
}

impl Template {
    fn source(self) -> &'static str {
        match self {
            Self::Instrument => include_str!("instrument.typ"),
            Self::Redline => include_str!("redline.typ"),
        }
    }

    fn data(self) -> &'static str {
        match self {
            Self::Instrument => "instrument.json",
            Self::Redline => "redline.json",
        }
    }
}

/// Why a document could not be laid out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PressError {
    /// No font of ours has this character.
    #[error(
        "no font can print `{0}`: documents are printed in Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic"
    )]
    Character(char),
    /// Our fault.
    #[error("the document cannot be laid out: {0}")]
    Template(String),
    /// The time does not exist.
    #[error("{0} ms after 1970 is no time a document can bear")]
    Time(u64),
}

struct Press {
    template: Source,
    files: BTreeMap<String, Bytes>,
    at: Datetime,
}

impl World for Press {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }
    fn book(&self) -> &LazyHash<FontBook> {
        &BOOK
    }
    fn main(&self) -> FileId {
        self.template.id()
    }
    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() { Ok(self.template.clone()) } else { Err(missing(id)) }
    }
    fn file(&self, id: FileId) -> FileResult<Bytes> {
        match id.root() {
            VirtualRoot::Project => {
                self.files.get(id.vpath().get_without_slash()).cloned().ok_or_else(|| missing(id))
            }
            VirtualRoot::Package(_) => Err(missing(id)),
        }
    }
    fn font(&self, index: usize) -> Option<Font> {
        FONTS.get(index).cloned()
    }
    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        Some(self.at)
    }
}

fn missing(id: FileId) -> FileError {
    FileError::NotFound(id.vpath().get_without_slash().into())
}

/// Lays out a document as PDF/A-3a and PDF/UA-1, with files attached.
pub(crate) fn press(
    template: Template,
    data: Vec<u8>,
    attached: Vec<(String, Vec<u8>)>,
    ident: &str,
    at_ms: u64,
) -> Result<Vec<u8>, PressError> {
    if let Some(c) = unprintable(&String::from_utf8_lossy(&data)) {
        return Err(PressError::Character(c));
    }
    let at = time(at_ms).ok_or(PressError::Time(at_ms))?;
    let mut files: BTreeMap<String, Bytes> =
        attached.into_iter().map(|(path, bytes)| (path, Bytes::new(bytes))).collect();
    files.insert(template.data().to_owned(), Bytes::new(data));
    let world = Press { template: Source::detached(template.source()), files, at };
    let Warned { output, warnings } = typst::compile::<PagedDocument>(&world);
    let document = output.map_err(|errors| told(&errors))?;
    if !warnings.is_empty() {
        return Err(told(&warnings));
    }
    let standards = PdfStandards::new(&[PdfStandard::A_3a, PdfStandard::Ua_1])
        .map_err(|error| PressError::Template(error.message().to_string()))?;
    let options = PdfOptions {
        ident: Smart::Custom(ident.to_owned()),
        creator: Smart::Custom(Some(crate::printer())),
        timestamp: Some(Timestamp::new_utc(at)),
        standards,
        ..PdfOptions::default()
    };
    let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| told(&errors));
    // What was laid out is remembered for ever otherwise.
    typst::comemo::evict(0);
    pdf
}

fn time(ms: u64) -> Option<Datetime> {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
    let civil = time.to_zoned(jiff::tz::TimeZone::UTC);
    let small = |number: i8| u8::try_from(number).ok();
    Datetime::from_ymd_hms(
        i32::from(civil.year()),
        small(civil.month())?,
        small(civil.day())?,
        small(civil.hour())?,
        small(civil.minute())?,
        small(civil.second())?,
    )
}

fn told(all: &[SourceDiagnostic]) -> PressError {
    let one = |diagnostic: &SourceDiagnostic| diagnostic.message.to_string();
    PressError::Template(all.iter().map(one).collect::<Vec<_>>().join("; "))
}

/// A character no font of ours has: PDF/A refuses it, and a box would not be what was signed.
fn unprintable(text: &str) -> Option<char> {
    let known = |c: char| FONTS.iter().any(|font| font.info().coverage.contains(u32::from(c)));
    text.chars().find(|c| !c.is_whitespace() && !typst::text::is_default_ignorable(*c) && !known(*c))
}
