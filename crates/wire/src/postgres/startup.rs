//! The first packet of a connection, which has no tag: what the client wants of it.

use super::{Malformed, frame, long, text};

/// The longest first packet (PostgreSQL's `MAX_STARTUP_PACKET_LENGTH`).
pub const STARTUP_BYTES_MAX: usize = 10_000;
/// The longest key that cancels, in bytes (protocol 3.2).
pub const CANCEL_KEY_BYTES_MAX: usize = 256;
/// What asks for TLS.
pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// ALPN of a connection that begins with TLS at once (and of any other over TLS, since PostgreSQL 17).
pub const ALPN: &[u8] = b"postgresql";

const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;

/// What a first packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// TLS, please.
    Ssl,
    /// GSSAPI encryption, please.
    Gss,
    /// End what the session with this key is doing.
    Cancel(CancelKey),
    /// A session begins.
    Startup(Startup),
}

/// What a client was given to cancel with.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CancelKey {
    /// The process, as the server calls it.
    pub process: u32,
    /// The secret.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CancelKey({})", self.process)
    }
}

/// How a session begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Startup {
    /// Major and minor version of the protocol.
    pub version: (u16, u16),
    /// `user`, `database` and settings, in order.
    pub parameters: Vec<(String, String)>,
}

impl Startup {
    /// A parameter; the last one given counts.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rfind(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

/// The first packet and how long it is; none when it is not all there.
pub fn opening(bytes: &[u8]) -> Result<Option<(Opening, usize)>, Malformed> {
    let Ok((length, rest)) = long(bytes) else { return Ok(None) };
    let length = length as usize;
    if !(8..=STARTUP_BYTES_MAX).contains(&length) {
        return Err(Malformed("a first packet has an impossible length"));
    }
    let Some(packet) = rest.get(..length - 4) else { return Ok(None) };
    let (code, body) = long(packet)?;
    let opening = match code {
        SSL | GSS if !body.is_empty() => return Err(Malformed("a request for encryption is too long")),
        SSL => Opening::Ssl,
        GSS => Opening::Gss,
        CANCEL => {
            let (process, secret) = long(body)?;
            if secret.is_empty() || secret.len() > CANCEL_KEY_BYTES_MAX {
                return Err(Malformed("a key that cancels has an impossible length"));
            }
            Opening::Cancel(CancelKey { process, secret: secret.to_vec() })
        }
        version => {
            let [a, b, c, d] = version.to_be_bytes();
            let version = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            Opening::Startup(Startup { version, parameters: parameters(body)? })
        }
    };
    Ok(Some((opening, length)))
}

fn parameters(mut body: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut found = Vec::new();
    loop {
        let (name, rest) = text(body)?;
        if name.is_empty() {
            return if rest.is_empty() {
                Ok(found)
            } else {
                Err(Malformed("a first packet goes on after its end"))
            };
        }
        let (value, rest) = text(rest)?;
        found.push((name.to_owned(), value.to_owned()));
        body = rest;
    }
}

/// The packet that begins a session in version 3.0.
pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    packet(0x0003_0000, |out| {
        for (name, value) in parameters {
            frame::put_text(out, name);
            frame::put_text(out, value);
        }
        out.push(0);
    })
}

/// The packet that cancels.
pub fn cancel(key: &CancelKey) -> Vec<u8> {
    packet(CANCEL, |out| {
        out.extend(key.process.to_be_bytes());
        out.extend(&key.secret);
    })
}

fn packet(code: u32, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend(code.to_be_bytes());
    write(&mut out);
    let length = u32::try_from(out.len()).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(place) = out.first_chunk_mut::<4>() {
        *place = length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let written = startup(&[("user", "bot"), ("database", "shop")]);
        for cut in 0..written.len() {
            assert_eq!(opening(&written[..cut]), Ok(None), "cut at {cut}");
        }
        let (read, length) = opening(&written).unwrap().unwrap();
        assert_eq!(length, written.len());
        let Opening::Startup(read) = read else { panic!("{read:?}") };
        assert_eq!((read.version, read.parameter("database")), ((3, 0), Some("shop")));
        let key = CancelKey { process: 7, secret: vec![1, 2, 3, 4] };
        assert_eq!(opening(&cancel(&key)).unwrap(), Some((Opening::Cancel(key), 16)));
        assert_eq!(opening(&SSL_REQUEST).unwrap(), Some((Opening::Ssl, 8)));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for bad in [
            &[0, 0, 0, 7, 0, 0, 0][..],
            &[0x7f, 0, 0, 0][..],
            &[0, 0, 0, 12, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1][..],
            &[0, 0, 0, 9, 0x04, 0xd2, 0x16, 0x2f, 0][..],
            &[0, 0, 0, 8, 0, 3, 0, 0][..],
            &[0, 0, 0, 10, 0, 3, 0, 0, 0, 0][..],
            &[0, 0, 0, 11, 0, 3, 0, 0, b'a', 0, 0][..],
            &[0, 0, 0, 12, 0, 3, 0, 0, 0xff, 0, 0, 0][..],
        ] {
            assert!(opening(bad).is_err(), "{bad:?}");
        }
    }
}
