//! ErrorResponse and NoticeResponse: fields, each with a letter.

use super::{Malformed, frame, text};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// What is said when something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// How bad.
    pub severity: Severity,
    /// SQLSTATE: five letters and digits.
    pub code: &'static str,
    /// What, in a line.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl ErrorResponse {
    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        frame::message(out, b'E', |out| {
            let mut field = |letter, value: &str| {
                out.push(letter);
                frame::put_text(out, value);
            };
            field(b'S', self.severity.as_str());
            field(b'V', self.severity.as_str());
            field(b'C', self.code);
            field(b'M', &self.message);
            if let Some(detail) = &self.detail {
                field(b'D', detail);
            }
            if let Some(hint) = &self.hint {
                field(b'H', hint);
            }
            out.push(0);
        });
    }
}

/// SQLSTATE and message of the body of an ErrorResponse.
pub fn read(mut body: &[u8]) -> Result<(String, String), Malformed> {
    let (mut code, mut message) = (String::new(), String::new());
    loop {
        let (letter, rest) = body.split_first().ok_or(Malformed("an error is cut off"))?;
        if *letter == 0 {
            return Ok((code, message));
        }
        // What a server says before it knows the client's encoding may be in another.
        let end = rest.iter().position(|byte| *byte == 0).ok_or(Malformed("an error is cut off"))?;
        let value = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        match letter {
            b'C' => code = value,
            b'M' => message = value,
            _ => {}
        }
        body = rest.get(end + 1..).unwrap_or_default();
    }
}

/// The body of an ErrorResponse or NoticeResponse without the fields that can tell rows: what was being done (`D`, `W`) and
/// the query within the server it was done for (`q`, `p`). `instead` stands in place of the details, where there were such;
/// `masked` gives what stands in place of its message and hint, where that is something else.
pub fn without_details(
    mut body: &[u8],
    instead: &str,
    masked: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::with_capacity(body.len());
    loop {
        let (letter, rest) = body.split_first().ok_or(Malformed("an error is cut off"))?;
        if *letter == 0 {
            out.push(0);
            return Ok(out);
        }
        let end = rest.iter().position(|byte| *byte == 0).ok_or(Malformed("an error is cut off"))?;
        match letter {
            b'D' => {
                out.push(b'D');
                frame::put_text(&mut out, instead);
            }
            b'M' | b'H' => {
                let said = rest.get(..end).unwrap_or_default();
                out.push(*letter);
                out.extend_from_slice(masked(said).as_deref().unwrap_or(said));
                out.push(0);
            }
            b'W' | b'q' | b'p' => {}
            _ => out.extend_from_slice(body.get(..end + 2).unwrap_or_default()),
        }
        body = rest.get(end + 1..).unwrap_or_default();
    }
}

/// A text at the head of a body: the tag of CommandComplete.
pub fn tag(body: &[u8]) -> Result<&str, Malformed> {
    text(body).map(|(tag, _)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::frame::HEADER_BYTES;

    #[test]
    fn what_is_written_is_read() {
        let error = ErrorResponse {
            severity: Severity::Error,
            code: "42501",
            message: "not permitted".into(),
            detail: Some("clause 2\0".into()),
            hint: None,
        };
        let mut out = Vec::new();
        error.write(&mut out);
        assert_eq!(read(&out[HEADER_BYTES..]), Ok(("42501".into(), "not permitted".into())));
        assert_eq!(out.iter().filter(|byte| **byte == 0).count(), 3 + 6, "no zero byte of a text travels");
    }

    #[test]
    fn details_are_left_out() {
        let body = b"SERROR\0C23514\0Mnew row violates\0DFailing row contains (1, ada@example.org).\0Wcontext\0Hada\0nchk\0\0";
        let masked = |said: &[u8]| (said == b"ada").then(|| b"***".to_vec());
        let out = without_details(body, "withheld", masked).unwrap();
        assert_eq!(out, b"SERROR\0C23514\0Mnew row violates\0Dwithheld\0H***\0nchk\0\0");
        assert_eq!(without_details(&out, "withheld", masked).unwrap(), out);
        for end in 0..body.len() {
            assert!(without_details(&body[..end], "x", masked).is_err(), "cut off at {end}");
        }
    }
}
