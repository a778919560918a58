//! What servers say.

use super::startup::CancelKey;
use super::{Malformed, frame, long, short, text};

/// How a client is to prove who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// It did.
    Ok,
    /// By its password in the clear.
    Cleartext,
    /// By one of these mechanisms (SASL).
    Sasl(Vec<&'a str>),
    /// By what follows from this.
    SaslContinue(&'a [u8]),
    /// The server's own proof.
    SaslFinal(&'a [u8]),
    /// By a method this does not speak; its number.
    Other(u32),
}

impl<'a> Authentication<'a> {
    /// Reads the body of `R`.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let (kind, rest) = long(body)?;
        Ok(match kind {
            0 => Self::Ok,
            3 => Self::Cleartext,
            10 => {
                let (mut mechanisms, mut left) = (Vec::new(), rest);
                loop {
                    let (mechanism, next) = text(left)?;
                    if mechanism.is_empty() {
                        break;
                    }
                    mechanisms.push(mechanism);
                    left = next;
                }
                Self::Sasl(mechanisms)
            }
            11 => Self::SaslContinue(rest),
            12 => Self::SaslFinal(rest),
            other => Self::Other(other),
        })
    }

    /// Appends "it did" or "by its password in the clear".
    pub fn write_plain(out: &mut Vec<u8>, cleartext: bool) {
        let kind: u32 = if cleartext { 3 } else { 0 };
        frame::message(out, b'R', |out| out.extend(kind.to_be_bytes()));
    }
}

/// Name and value of ParameterStatus.
pub fn parameter_status(body: &[u8]) -> Result<(&str, &str), Malformed> {
    let (name, rest) = text(body)?;
    let (value, _) = text(rest)?;
    Ok((name, value))
}

/// Appends ParameterStatus.
pub fn put_parameter_status(out: &mut Vec<u8>, name: &str, value: &str) {
    frame::message(out, b'S', |out| {
        frame::put_text(out, name);
        frame::put_text(out, value);
    });
}

/// The key of BackendKeyData.
pub fn key_data(body: &[u8]) -> Result<CancelKey, Malformed> {
    let (process, secret) = long(body)?;
    Ok(CancelKey { process, secret: secret.to_vec() })
}

/// Appends BackendKeyData.
pub fn put_key_data(out: &mut Vec<u8>, key: &CancelKey) {
    frame::message(out, b'K', |out| {
        out.extend(key.process.to_be_bytes());
        out.extend(&key.secret);
    });
}

/// Appends NegotiateProtocolVersion: the newest minor version spoken, and options nobody knows.
pub fn put_negotiate(out: &mut Vec<u8>, minor: u16, unknown: &[&str]) {
    frame::message(out, b'v', |out| {
        out.extend((0x0003_0000 | u32::from(minor)).to_be_bytes());
        out.extend(u32::try_from(unknown.len()).unwrap_or(u32::MAX).to_be_bytes());
        unknown.iter().for_each(|name| frame::put_text(out, name));
    });
}

/// Appends ReadyForQuery with the status of the transaction.
pub fn put_ready(out: &mut Vec<u8>, status: u8) {
    frame::message(out, b'Z', |out| out.push(status));
}

/// A field of RowDescription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldDescription<'a> {
    /// What it is called.
    pub name: &'a str,
    /// The number of the table it is a column of; 0 for none.
    pub table: u32,
    /// The number of the column in it.
    pub column: i16,
    /// The number of its type; of a domain that of the type it is over.
    pub kind: u32,
    /// It comes as the server keeps it, and not as it prints it.
    pub binary: bool,
}

/// The fields of RowDescription.
pub fn row_description(body: &[u8]) -> Result<Vec<FieldDescription<'_>>, Malformed> {
    let (count, mut rest) = short(body)?;
    let mut fields = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (name, left) = text(rest)?;
        let (table, left) = long(left)?;
        let (column, left) = short(left)?;
        let (kind, left) = long(left)?;
        // Its size and its modifier.
        let (_, left) = short(left)?;
        let (_, left) = long(left)?;
        let (format, left) = short(left)?;
        fields.push(FieldDescription {
            name,
            table,
            column: column.cast_signed(),
            kind,
            binary: format != 0,
        });
        rest = left;
    }
    if rest.is_empty() { Ok(fields) } else { Err(Malformed("a description goes on after its last field")) }
}

/// The fields of a DataRow; none for NULL.
pub fn fields(body: &[u8]) -> Result<Vec<Option<&[u8]>>, Malformed> {
    let (count, mut rest) = short(body)?;
    let mut fields = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (length, left) = long(rest)?;
        if length == u32::MAX {
            fields.push(None);
            rest = left;
            continue;
        }
        let (value, left) = left.split_at_checked(length as usize).ok_or(Malformed("a field is cut off"))?;
        fields.push(Some(value));
        rest = left;
    }
    if rest.is_empty() { Ok(fields) } else { Err(Malformed("a row goes on after its last field")) }
}

/// The numbers of the types in ParameterDescription, and at the end of Parse.
pub fn parameter_description(body: &[u8]) -> Result<Vec<u32>, Malformed> {
    let (count, rest) = short(body)?;
    let (numbers, left) = rest.as_chunks::<4>();
    if numbers.len() != usize::from(count) || !left.is_empty() {
        return Err(Malformed("the types of parameters are cut off"));
    }
    Ok(numbers.iter().map(|number| u32::from_be_bytes(*number)).collect())
}

/// Appends a DataRow.
pub fn put_row<'f>(out: &mut Vec<u8>, fields: impl ExactSizeIterator<Item = Option<&'f [u8]>>) {
    frame::message(out, b'D', |out| {
        out.extend(u16::try_from(fields.len()).unwrap_or(u16::MAX).to_be_bytes());
        for field in fields {
            let length = field.map_or(u32::MAX, |value| u32::try_from(value.len()).unwrap_or(u32::MAX));
            out.extend(length.to_be_bytes());
            out.extend(field.unwrap_or_default());
        }
    });
}

/// The fields of a DataRow as text; none for NULL.
pub fn row(body: &[u8]) -> Result<Vec<Option<String>>, Malformed> {
    let text = |value: &[u8]| {
        std::str::from_utf8(value).map(str::to_owned).map_err(|_| Malformed("a field is not UTF-8"))
    };
    fields(body)?.into_iter().map(|value| value.map(text).transpose()).collect()
}

/// Of CopyOutResponse: whether the copy is binary, and how many columns it has.
pub fn copy_out(body: &[u8]) -> Result<(bool, u16), Malformed> {
    let (format, rest) = body.split_first().ok_or(Malformed("a message is cut off"))?;
    let (columns, _) = short(rest)?;
    Ok((*format != 0, columns))
}

/// How many rows the tag of CommandComplete tells of: `INSERT 0 5`, `SELECT 3`, `COPY 7`.
pub fn rows_of_tag(tag: &str) -> Option<u64> {
    tag.rsplit(' ').next()?.parse().ok()
}
