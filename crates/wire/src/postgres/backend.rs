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

/// The fields of a DataRow as text; none for NULL.
pub fn row(body: &[u8]) -> Result<Vec<Option<String>>, Malformed> {
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
        let value = std::str::from_utf8(value).map_err(|_| Malformed("a field is not UTF-8"))?;
        fields.push(Some(value.to_owned()));
        rest = left;
    }
    Ok(fields)
}

/// How many rows the tag of CommandComplete tells of: `INSERT 0 5`, `SELECT 3`, `COPY 7`.
pub fn rows_of_tag(tag: &str) -> Option<u64> {
    tag.rsplit(' ').next()?.parse().ok()
}
