//! Typed identifiers: one alphabetical list. Text form: a prefix and 16 base-32 characters.
//! Ten random bytes; they say nothing about what they name.

use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

/// Crockford's alphabet in lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An identifier could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form `{prefix}_…` with 16 characters")]
pub struct IdError {
    text: String,
    prefix: &'static str,
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] [u8; 10]);

        impl $name {
            /// The id with these ten (random) bytes.
            pub fn from_entropy(bytes: [u8; 10]) -> Self {
                Self(bytes)
            }
            /// The ten bytes.
            pub fn as_bytes(&self) -> &[u8; 10] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or_else(|| IdError { text: text.to_owned(), prefix: $prefix })
            }
        }
    )*};
}

typed_ids! {
    /// A machine identity (non-human identity).
    IdentityId = "nhi";
    /// An instrument: a contract now, charters and guardrails later.
    InstrumentId = "ins";
    /// A legal person.
    PartyId = "pty";
    /// A natural person.
    PersonId = "per";
    /// A service behind the gateway.
    ServiceId = "svc";
}

fn encode(bytes: &[u8; 10]) -> String {
    let mut bits = 0u128;
    for byte in bytes {
        bits = bits << 8 | u128::from(*byte);
    }
    (0..16)
        .rev()
        .filter_map(|group| ALPHABET.get((bits >> (5 * group)) as usize & 31))
        .map(|symbol| char::from(*symbol))
        .collect()
}

fn decode(text: &str) -> Option<[u8; 10]> {
    if text.len() != 16 {
        return None;
    }
    let mut bits = 0u128;
    for symbol in text.bytes() {
        bits = bits << 5 | ALPHABET.iter().position(|known| *known == symbol)? as u128;
    }
    bits.to_be_bytes().last_chunk::<10>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_keeps_its_kind() {
        let id = IdentityId::from_entropy([0, 1, 2, 3, 250, 251, 252, 253, 254, 255]);
        assert_eq!(id.to_string().parse::<IdentityId>().unwrap(), id);
        assert!(id.to_string().starts_with("nhi_"));
        assert!(id.to_string().parse::<PartyId>().is_err());
        assert!("nhi_short".parse::<IdentityId>().is_err());
        assert!("nhi_iiiiiiiiiiiiiiii".parse::<IdentityId>().is_err());
    }
}
