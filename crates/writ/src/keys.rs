//! Where this installation's private keys lie: sealed in the key directory, and those of roots on a token if one is
//! given.

use crate::output;
use anyhow::{Context as _, bail};
use authority::{KeyStore, RootKey};
use credential::Signer;
use credential::signer::MemoryKey;
use hsm::{KeyUri, Token, TokenUri};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{DataDir, KeyRing, Unlock};
use zeroize::Zeroizing;

/// What systemd calls the secret that unlocks the keys (`LoadCredential=writ.unlock:…`).
const UNLOCK_CREDENTIAL: &str = "writ.unlock";
/// The longest PIN, in bytes.
const PIN_BYTES_MAX: usize = 256;

/// The keys.
pub(crate) struct Keys {
    pub(crate) ring: KeyRing,
    token: Option<Arc<Token>>,
}

impl Keys {
    /// Opens them. `unlock` is a file; without one, what systemd hands over counts. `token` is a PKCS#11 URI.
    pub(crate) fn open(data: &DataDir, unlock: Option<&Path>, token: Option<&str>) -> anyhow::Result<Self> {
        let ring = open_ring(data, unlock)?;
        Ok(Self { ring, token: token.map(open_token).transpose()? })
    }
}

/// `writ keys lock`.
pub(crate) fn lock(data: &Path, with: &Path, unlock: Option<&Path>) -> anyhow::Result<()> {
    if !data.join("keys").is_dir() {
        bail!("`{}` is no data directory: it has no `keys`", data.display());
    }
    let with_secret = Unlock::read(with)?;
    open_ring(&DataDir::open(data)?, unlock)?.lock(&with_secret)?;
    output::line(format!("locked; start with  writ up --unlock {}", with.display()));
    Ok(())
}

/// The key directory, unlocked.
fn open_ring(data: &DataDir, unlock: Option<&Path>) -> anyhow::Result<KeyRing> {
    let handed = handed_over(std::env::var_os("CREDENTIALS_DIRECTORY").as_deref());
    let unlock = unlock.map(Path::to_owned).or(handed);
    let unlock = unlock.as_deref().map(Unlock::read).transpose()?;
    Ok(KeyRing::open(data, unlock.as_ref())?)
}

/// The file systemd made for this service.
fn handed_over(directory: Option<&OsStr>) -> Option<PathBuf> {
    directory.map(|directory| Path::new(directory).join(UNLOCK_CREDENTIAL)).filter(|file| file.exists())
}

fn open_token(uri: &str) -> anyhow::Result<Arc<Token>> {
    let place: TokenUri = uri.parse().context("--root-keys")?;
    let pin = store::keyring::read_secret(&place.pin_source, PIN_BYTES_MAX)?;
    let pin = std::str::from_utf8(&pin).map(|pin| Zeroizing::new(pin.to_owned()));
    let Ok(pin) = pin else { bail!("the PIN in `{}` is not text", place.pin_source.display()) };
    let module = place.module.clone();
    Token::open(place, &pin)
        .with_context(|| format!("the token of --root-keys, through `{}`", module.display()))
}

impl KeyStore for Keys {
    fn keep(&self, name: &str, key: &[u8]) -> Result<(), String> {
        let kept = self.ring.get_or(name, || Ok(Zeroizing::new(key.to_vec())));
        kept.map(drop).map_err(|error| error.to_string())
    }

    fn load(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        self.ring.get(name).map_err(|error| error.to_string())
    }

    fn make_root(&self) -> Result<RootKey, String> {
        let Some(token) = &self.token else {
            let pair = rcgen::KeyPair::generate().map_err(|error| error.to_string())?;
            let kept = Zeroizing::new(pair.serialize_pem());
            let signer = MemoryKey::new(pair).map_err(|error| error.to_string())?;
            return Ok(RootKey { signer: Arc::new(signer), kept });
        };
        let id = authority::entropy().map_err(|error| error.to_string())?;
        let key = token.make_key(id).map_err(|error| error.to_string())?;
        let kept = Zeroizing::new(format!("{}\n", key.uri()));
        Ok(RootKey { signer: Arc::new(key), kept })
    }

    fn open_root(&self, kept: &str) -> Result<Arc<dyn Signer>, String> {
        if !kept.starts_with("pkcs11:") {
            let pair = rcgen::KeyPair::from_pem(kept).map_err(|error| error.to_string())?;
            return Ok(Arc::new(MemoryKey::new(pair).map_err(|error| error.to_string())?));
        }
        let uri: KeyUri =
            kept.trim_end().parse().map_err(|error| format!("where a root key lies: {error}"))?;
        let token = self.token.as_ref().ok_or_else(|| {
            format!("a root key lies on the token `{}`: give it with --root-keys", uri.token)
        })?;
        let key = token.key(&uri).map_err(|error| error.to_string())?;
        Ok(Arc::new(key))
    }
}
