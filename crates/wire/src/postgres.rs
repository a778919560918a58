//! PostgreSQL's protocol, versions 3.0 and 3.2 (PostgreSQL documentation, chapter "Frontend/Backend Protocol"): bytes to
//! messages and back, without any IO. What is carried on unread (rows, copied data) is not taken apart here.

pub mod backend;
pub mod error_response;
pub mod frame;
pub mod frontend;
pub mod startup;

/// Bytes that are no message of the protocol, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not PostgreSQL's protocol: {0}")]
pub struct Malformed(pub &'static str);

/// Takes a text that ends with a zero byte; gives what follows too.
fn text(bytes: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let end = bytes.iter().position(|byte| *byte == 0).ok_or(Malformed("a text has no end"))?;
    let (text, rest) = bytes.split_at(end);
    let text = std::str::from_utf8(text).map_err(|_| Malformed("a text is not UTF-8"))?;
    Ok((text, rest.get(1..).unwrap_or_default()))
}

/// Takes a number of two bytes.
fn short(bytes: &[u8]) -> Result<(u16, &[u8]), Malformed> {
    let (number, rest) = bytes.split_first_chunk::<2>().ok_or(Malformed("a number is cut off"))?;
    Ok((u16::from_be_bytes(*number), rest))
}

/// Takes a number of four bytes.
fn long(bytes: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed("a number is cut off"))?;
    Ok((u32::from_be_bytes(*number), rest))
}
