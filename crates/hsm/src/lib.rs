//! Private keys that never lie in a file: they are made on a token (PKCS#11: a hardware security module, a smart card,
//! SoftHSM) and sign there. The port `Signer` made real.
//!
//! In scope: which token (RFC 7512), logging in, making keys, signing, coming back after the token went away. The only
//! crate that loads a foreign library into the process.
//! Out of scope: which key is to lie on a token (the binary), what is signed (`credential`).

mod token;
mod uri;

pub use token::{Token, TokenError, TokenKey};
pub use uri::{BadUri, KeyUri, TokenUri};
