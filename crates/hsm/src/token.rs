//! A token one is logged in to, and the keys on it. Whatever it answers is checked: a signature that its public key does
//! not verify does not leave here.

use crate::uri::{KeyUri, TokenUri};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use credential::signer::SignError;
use credential::terms::KeyAlgorithm;
use credential::{Signer, tbs};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use zeroize::Zeroizing;

/// The name of the curve P-256 (RFC 5480), as `CKA_EC_PARAMS` has it.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// The head of an octet string around a point.
const POINT_HEAD: &[u8] = &[0x04, 65];
/// An uncompressed point of P-256 (SEC 1).
const POINT_BYTES: usize = 65;
/// The label of keys made here.
const LABEL: &str = "writ root";

/// What went wrong with a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The library or the token did not do it.
    #[error("{doing}: {source}")]
    Failed {
        /// What was attempted.
        doing: &'static str,
        /// What it said.
        source: Error,
    },
    /// No token of this label and serial number is there.
    #[error("there is no token `{wanted}`; there are: {there}")]
    NoToken {
        /// The label looked for.
        wanted: String,
        /// The labels found.
        there: String,
    },
    /// Several tokens have the label.
    #[error("several tokens are called `{0}`: add ;serial=… to say which")]
    Ambiguous(String),
    /// The key is not there, or lies on another token.
    #[error("{0}")]
    NoKey(String),
    /// The token refused the PIN before: a few more tries lock it.
    #[error("the token refused the PIN ({0}); it is not tried again until Writ starts anew")]
    PinRefused(String),
    /// What came back is not what keys and signatures look like.
    #[error("the token answered with {0}")]
    Answer(&'static str),
}

fn failed(doing: &'static str) -> impl FnOnce(Error) -> TokenError {
    move |source| TokenError::Failed { doing, source }
}

/// A token, logged in to.
pub struct Token {
    place: TokenUri,
    pin: AuthPin,
    library: Pkcs11,
    /// One at a time: sessions are not shared. `None` after it failed: the next use opens another.
    session: Mutex<Option<Session>>,
    /// Set when the token refused the PIN.
    refused: OnceLock<String>,
}

impl Token {
    /// Loads the library, finds the token and logs in.
    pub fn open(place: TokenUri, pin: &Zeroizing<String>) -> Result<Arc<Self>, TokenError> {
        let library = Pkcs11::new(&place.module).map_err(failed("load the library of the token"))?;
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Another token of the same library is open.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed("start the library of the token")(error)),
        }
        let pin = AuthPin::new(pin.as_str().into());
        let token =
            Arc::new(Self { place, pin, library, session: Mutex::new(None), refused: OnceLock::new() });
        token.with_session(|_| Ok(()))?;
        Ok(token)
    }

    /// The label it is known by.
    pub fn label(&self) -> &str {
        &self.place.token
    }

    /// Makes a key (ECDSA on P-256) that cannot leave the token. `id` is new and random.
    pub fn make_key(self: &Arc<Self>, id: [u8; 16]) -> Result<TokenKey, TokenError> {
        let public = [
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::EcParams(P256.to_vec()),
            Attribute::Id(id.to_vec()),
            Attribute::Label(LABEL.into()),
        ];
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            Attribute::Id(id.to_vec()),
            Attribute::Label(LABEL.into()),
        ];
        self.with_session(|session| {
            session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).map(drop)
        })?;
        self.key(&KeyUri { token: self.place.token.clone(), id: id.to_vec() })
    }

    /// A key that was made before.
    pub fn key(self: &Arc<Self>, uri: &KeyUri) -> Result<TokenKey, TokenError> {
        if uri.token != self.place.token {
            return Err(TokenError::NoKey(format!(
                "the key lies on the token `{}`, not on `{}`",
                uri.token, self.place.token
            )));
        }
        let (public, safe) = self.with_session(|session| {
            let Some(private) = one(session, ObjectClass::PRIVATE_KEY, &uri.id)? else {
                return Ok((None, false));
            };
            let Some(public) = one(session, ObjectClass::PUBLIC_KEY, &uri.id)? else {
                return Ok((None, false));
            };
            let point = session.get_attributes(public, &[AttributeType::EcPoint])?;
            let kept =
                session.get_attributes(private, &[AttributeType::Sensitive, AttributeType::Extractable])?;
            let safe =
                kept.contains(&Attribute::Sensitive(true)) && kept.contains(&Attribute::Extractable(false));
            Ok((point.into_iter().next(), safe))
        })?;
        let Some(Attribute::EcPoint(point)) = public else {
            return Err(TokenError::NoKey(format!("`{uri}` is not on the token, or there twice")));
        };
        if !safe {
            return Err(TokenError::Answer("a private key that could be taken off it"));
        }
        // An octet string around the point (PKCS#11 3.0, 2.3.3); some leave it out.
        let point = point.strip_prefix(POINT_HEAD).filter(|rest| rest.len() == POINT_BYTES).unwrap_or(&point);
        if point.len() != POINT_BYTES {
            return Err(TokenError::Answer("a public key that is none of P-256"));
        }
        Ok(TokenKey { token: self.clone(), uri: uri.clone(), public: point.to_vec() })
    }

    /// Does something in a session. After a failure a second attempt is made in a new one: tokens are unplugged,
    /// and daemons behind them restart.
    fn with_session<T>(&self, mut act: impl FnMut(&Session) -> Result<T, Error>) -> Result<T, TokenError> {
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = kept.as_ref()
            && let Ok(done) = act(session)
        {
            return Ok(done);
        }
        *kept = None;
        let session = self.log_in()?;
        let done = act(&session).map_err(failed("use the token"))?;
        *kept = Some(session);
        Ok(done)
    }

    fn log_in(&self) -> Result<Session, TokenError> {
        if let Some(said) = self.refused.get() {
            return Err(TokenError::PinRefused(said.clone()));
        }
        let session = self.library.open_rw_session(self.slot()?).map_err(failed("open a session"))?;
        match session.login(UserType::User, Some(&self.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(
                said @ (RvError::PinIncorrect
                | RvError::PinExpired
                | RvError::PinLocked
                | RvError::PinInvalid),
                _,
            )) => Err(TokenError::PinRefused(self.refused.get_or_init(|| format!("{said:?}")).clone())),
            Err(error) => Err(failed("log in to the token")(error)),
        }
    }

    fn slot(&self) -> Result<Slot, TokenError> {
        let doing = "look for the token";
        let mut there = Vec::new();
        let mut found = None;
        for slot in self.library.get_slots_with_initialized_token().map_err(failed(doing))? {
            let token = self.library.get_token_info(slot).map_err(failed(doing))?;
            let label = token.label().trim_end().to_owned();
            let serial = token.serial_number().trim_end();
            if label == self.place.token && self.place.serial.as_deref().is_none_or(|wanted| wanted == serial)
            {
                if found.is_some() {
                    return Err(TokenError::Ambiguous(label));
                }
                found = Some(slot);
            }
            there.push(label);
        }
        found.ok_or_else(|| TokenError::NoToken { wanted: self.place.token.clone(), there: there.join(", ") })
    }
}

/// The one object of a class and an id.
fn one(session: &Session, class: ObjectClass, id: &[u8]) -> Result<Option<ObjectHandle>, Error> {
    let found = session.find_objects(&[Attribute::Class(class), Attribute::Id(id.to_vec())])?;
    Ok(match found.as_slice() {
        [one] => Some(*one),
        [] | [_, _, ..] => None,
    })
}

/// A key on a token.
pub struct TokenKey {
    token: Arc<Token>,
    uri: KeyUri,
    /// The uncompressed point.
    public: Vec<u8>,
}

impl TokenKey {
    /// Where it lies.
    pub fn uri(&self) -> &KeyUri {
        &self.uri
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let digest = Sha256::digest(message);
        let raw = self.token.with_session(|session| {
            match one(session, ObjectClass::PRIVATE_KEY, &self.uri.id)? {
                Some(key) => session.sign(&Mechanism::Ecdsa, key, &digest).map(Some),
                None => Ok(None),
            }
        })?;
        let raw =
            raw.ok_or_else(|| TokenError::NoKey(format!("`{}` is not on the token any more", self.uri)))?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.public)
            .verify(message, &raw)
            .map_err(|_| TokenError::Answer("a signature that its public key does not verify"))?;
        Ok(tbs::ecdsa_signature(&raw))
    }
}

impl Signer for TokenKey {
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::EcdsaP256
    }

    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signature(message).map_err(|error| SignError(error.to_string()))
    }
}
