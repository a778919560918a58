//! The keys of an installation at rest: `keys/`, each file sealed with AES-256-GCM under one master key. The master key
//! lies beside them, or is locked itself under a secret that comes from elsewhere: then a copy of the keys opens
//! nothing.
//!
//! Out of scope: keys that never lie in a file (the crate `token`).

use crate::SealedSecrets;
use crate::directory::{DataDir, create_dir, io_error, read_optional, write_durably};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use ledger::StoreError;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The shortest secret that unlocks, in bytes: what a machine drew at random in base64 has 16 with 96 bits.
pub const UNLOCK_BYTES_MIN: usize = 16;
/// The longest.
pub const UNLOCK_BYTES_MAX: usize = 4096;
/// Memory that deriving a key from the secret takes, in KiB, as RFC 9106 (section 4) recommends where memory is scarce; in one lane.
const ARGON2_MEMORY_KIB: u32 = 64 * 1024;
/// How often that memory is gone over.
const ARGON2_PASSES: u32 = 3;

const MASTER: &str = "master.key";
/// The master key while keys of an older form are sealed under it.
const COMING: &str = "master.coming";
const OPEN: &str = "writ-master-key/1 open";
const LOCKED: &str = "writ-master-key/1 argon2id-64MiB-3";
const MASTER_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// A secret from outside the data directory that unlocks its keys.
pub struct Unlock(Zeroizing<Vec<u8>>);

impl Unlock {
    /// The content of a file, see [`read_secret`].
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let secret = read_secret(path, UNLOCK_BYTES_MAX)?;
        if secret.len() < UNLOCK_BYTES_MIN {
            return Err(closed(
                &path.display().to_string(),
                &format!(
                    "a secret to unlock keys has {UNLOCK_BYTES_MIN} characters at least; make one with `openssl rand -base64 32`"
                ),
            ));
        }
        Ok(Self(secret))
    }

    fn key(&self, salt: &[u8; SALT_BYTES]) -> Option<RandomizedNonceKey> {
        let mut key = Zeroizing::new([0; MASTER_BYTES]);
        let parameters = argon2::Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, 1, Some(MASTER_BYTES)).ok()?;
        let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters);
        argon2.hash_password_into(&self.0, salt, key.as_mut_slice()).ok()?;
        RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).ok()
    }
}

/// The key directory of a data directory.
pub struct KeyRing {
    directory: PathBuf,
    sealed: SealedSecrets,
    master: Zeroizing<[u8; MASTER_BYTES]>,
    locked: bool,
}

impl KeyRing {
    /// Opens it. Given a secret it is locked under it from then on, if it was not before; that of a locked ring is
    /// needed. Keys of an older form, which were not sealed, are.
    pub fn open(data: &DataDir, unlock: Option<&Unlock>) -> Result<Self, StoreError> {
        let directory = data.path().join("keys");
        create_dir(&directory)?;
        let ring = |master: Zeroizing<[u8; MASTER_BYTES]>, locked| {
            let sealed = SealedSecrets::open(&directory, &master)?;
            Ok::<_, StoreError>(Self { directory: directory.clone(), sealed, master, locked })
        };
        match read_optional(&directory.join(MASTER))?.map(Zeroizing::new) {
            Some(found) => {
                let (master, locked) = read_master(&found, unlock)?;
                let mut ring = ring(master, locked)?;
                if let Some(unlock) = unlock.filter(|_| !locked) {
                    ring.lock(unlock)?;
                }
                Ok(ring)
            }
            None => {
                // Kept before anything is sealed under it: what stops halfway goes on.
                let coming = directory.join(COMING);
                let (master, locked) = match read_optional(&coming)?.map(Zeroizing::new) {
                    Some(found) => read_master(&found, unlock)?,
                    None => {
                        older_form(&directory)?;
                        let mut master = Zeroizing::new([0; MASTER_BYTES]);
                        aws_lc_rs::rand::fill(master.as_mut_slice())
                            .map_err(|_| damaged(MASTER, "no randomness"))?;
                        write_durably(&coming, &write_master(&master, unlock)?)?;
                        (master, unlock.is_some())
                    }
                };
                let mut ring = ring(master, locked)?;
                ring.seal_what_is_not()?;
                std::fs::rename(&coming, directory.join(MASTER))
                    .and_then(|()| std::fs::File::open(&directory)?.sync_all())
                    .map_err(|source| io_error("rename", &coming, source))?;
                if let Some(unlock) = unlock.filter(|_| !locked) {
                    ring.lock(unlock)?;
                }
                Ok(ring)
            }
        }
    }

    /// Whether a secret from elsewhere is needed to open it.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Locks it under another secret from now on.
    pub fn lock(&mut self, unlock: &Unlock) -> Result<(), StoreError> {
        write_durably(&self.directory.join(MASTER), &write_master(&self.master, Some(unlock))?)?;
        self.locked = true;
        Ok(())
    }

    /// The names of the keys, sorted.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        key_files(&self.directory)
    }

    /// Whether there is a key of this name.
    pub fn has(&self, name: &str) -> bool {
        self.directory.join(name).exists()
    }

    /// A key; `None` if there is none of the name.
    pub fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.sealed.get(name)
    }

    /// A key, made with `fresh` the first time.
    pub fn get_or(
        &self,
        name: &str,
        fresh: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, StoreError>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        if let Some(kept) = self.get(name)? {
            return Ok(kept);
        }
        let made = fresh()?;
        self.sealed.put(name, &made)?;
        Ok(made)
    }

    /// 32 secret bytes, `fresh` the first time.
    pub fn seed(&self, name: &str, fresh: Zeroizing<[u8; 32]>) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let bytes = self.get_or(name, || Ok(Zeroizing::new(fresh.to_vec())))?;
        let seed = bytes.as_slice().try_into().map_err(|_| damaged(name, "a seed has 32 bytes"))?;
        Ok(Zeroizing::new(seed))
    }

    /// Seals what lies there in the older form. What is neither that nor sealed under this key stays as it is.
    fn seal_what_is_not(&self) -> Result<(), StoreError> {
        for name in self.names()? {
            let path = self.directory.join(&name);
            let bytes =
                Zeroizing::new(std::fs::read(&path).map_err(|source| io_error("read", &path, source))?);
            if is_older_form(&bytes) {
                self.sealed.put(&name, &bytes)?;
            }
        }
        Ok(())
    }
}

/// Keys were seeds, or PEM. What is sealed is longer than a seed, and begins with a nonce.
fn is_older_form(bytes: &[u8]) -> bool {
    bytes.len() == MASTER_BYTES || bytes.starts_with(b"-----BEGIN ")
}

/// A directory without a master key is new, or of the older form. Else its master key was lost: nothing is touched.
fn older_form(directory: &Path) -> Result<(), StoreError> {
    for name in key_files(directory)? {
        let path = directory.join(&name);
        let bytes = Zeroizing::new(std::fs::read(&path).map_err(|source| io_error("read", &path, source))?);
        if !is_older_form(&bytes) {
            let reason = "keys are sealed, and the master key they are sealed under is not there: restore keys/master.key from a copy";
            return Err(closed(&path.display().to_string(), reason));
        }
    }
    Ok(())
}

/// The names of the files that hold keys, sorted. What a crash left of one that was being written is removed.
fn key_files(directory: &Path) -> Result<Vec<String>, StoreError> {
    let failed = |source| io_error("list", directory, source);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if name == MASTER || name == COMING || name.starts_with('.') || !plain || !entry.path().is_file() {
            continue;
        }
        if name.ends_with(".new") {
            std::fs::remove_file(entry.path()).map_err(failed)?;
            continue;
        }
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn write_master(
    master: &Zeroizing<[u8; MASTER_BYTES]>,
    unlock: Option<&Unlock>,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let Some(unlock) = unlock else {
        return Ok(Zeroizing::new([OPEN.as_bytes(), b"\n", master.as_slice()].concat()));
    };
    let failed = || damaged(MASTER, "it could not be locked");
    let mut salt = [0; SALT_BYTES];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| failed())?;
    let mut sealed = master.to_vec();
    let key = unlock.key(&salt).ok_or_else(failed)?;
    let nonce =
        key.seal_in_place_append_tag(Aad::from(LOCKED.as_bytes()), &mut sealed).map_err(|_| failed())?;
    Ok(Zeroizing::new([LOCKED.as_bytes(), b"\n", &salt, nonce.as_ref(), &sealed].concat()))
}

/// The master key, and whether it was locked.
fn read_master(
    bytes: &[u8],
    unlock: Option<&Unlock>,
) -> Result<(Zeroizing<[u8; MASTER_BYTES]>, bool), StoreError> {
    let wrong = |reason: &str| damaged(&format!("keys/{MASTER}"), reason);
    let not_opened = |reason: &str| closed(&format!("keys/{MASTER}"), reason);
    let after = |head: &str| bytes.strip_prefix(head.as_bytes()).and_then(|rest| rest.strip_prefix(b"\n"));
    let master = |bytes: &[u8]| {
        bytes.try_into().map(Zeroizing::new).map_err(|_| wrong("it is not as long as a master key is"))
    };
    if let Some(rest) = after(OPEN) {
        return Ok((master(rest)?, false));
    }
    let rest = after(LOCKED).ok_or_else(|| wrong("it is no master key: restore it from a copy"))?;
    let unlock = unlock.ok_or_else(|| {
        not_opened("the keys are locked: give the file with their secret with --unlock, or as the systemd credential `writ.unlock`")
    })?;
    let (salt, rest) = rest.split_first_chunk().ok_or_else(|| wrong("it is cut short"))?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(|| wrong("it is cut short"))?;
    let key = unlock.key(salt).ok_or_else(|| wrong("no key could be derived"))?;
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let opened = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(LOCKED.as_bytes()), &mut sealed)
        .map_err(|_| not_opened("the secret given does not unlock it, or it is damaged"))?;
    Ok((master(opened)?, true))
}

/// A secret in a file that only its owner and group can read, without line ends at its end.
pub fn read_secret(path: &Path, bytes_max: usize) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let wrong = |reason: String| closed(&path.display().to_string(), &reason);
    let found = std::fs::metadata(path).map_err(|source| io_error("read", path, source))?;
    if found.mode() & 0o007 != 0 {
        return Err(wrong(format!(
            "anybody on this machine can read this secret: chmod o= {}",
            path.display()
        )));
    }
    if found.len() > bytes_max as u64 {
        return Err(wrong(format!("a secret of this kind has {bytes_max} bytes at most")));
    }
    let bytes = std::fs::read(path).map_err(|source| io_error("read", path, source))?;
    let mut secret = Zeroizing::new(bytes);
    let length = secret.trim_ascii_end().len();
    secret.truncate(length);
    Ok(secret)
}

fn closed(path: &str, reason: &str) -> StoreError {
    StoreError::Closed { path: path.to_owned(), reason: reason.to_owned() }
}

fn damaged(path: &str, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn unlock(folder: &Path, name: &str, secret: &str) -> Unlock {
        let path = folder.join(name);
        fs::write(&path, secret).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        Unlock::read(&path).unwrap()
    }

    fn message<T>(result: Result<T, StoreError>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn no_key_lies_in_the_open_and_a_locked_ring_needs_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(&folder.path().join("data")).unwrap();
        let one = unlock(folder.path(), "one", "correct horse battery\n");
        let other = unlock(folder.path(), "other", "incorrect horse battery");
        let secret = b"-----BEGIN PRIVATE KEY-----";
        let ring = KeyRing::open(&data, None).unwrap();
        ring.get_or("root.pem", || Ok(Zeroizing::new(secret.to_vec()))).unwrap();
        assert!(!ring.is_locked());
        let lies = fs::read(folder.path().join("data/keys/root.pem")).unwrap();
        assert!(!lies.windows(5).any(|five| five == b"BEGIN"), "{lies:?}");
        // Locked at the first start with a secret; then it is needed, and no other does.
        assert!(KeyRing::open(&data, Some(&one)).unwrap().is_locked());
        assert!(message(KeyRing::open(&data, None)).contains("the keys are locked"));
        assert!(message(KeyRing::open(&data, Some(&other))).contains("does not unlock"));
        let mut ring = KeyRing::open(&data, Some(&one)).unwrap();
        assert_eq!(ring.get("root.pem").unwrap().unwrap().as_slice(), secret);
        ring.lock(&other).unwrap();
        assert!(message(KeyRing::open(&data, Some(&one))).contains("does not unlock"));
        assert_eq!(KeyRing::open(&data, Some(&other)).unwrap().names().unwrap(), ["root.pem"]);
        // A key that was put in the place of another is not taken for it.
        fs::copy(folder.path().join("data/keys/root.pem"), folder.path().join("data/keys/jwt.pem")).unwrap();
        let ring = KeyRing::open(&data, Some(&other)).unwrap();
        assert!(message(ring.get("jwt.pem")).contains("not sealed under this key and name"));
    }

    #[test]
    fn every_damage_to_a_master_key_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(&folder.path().join("data")).unwrap();
        let one = unlock(folder.path(), "one", "correct horse battery");
        drop(KeyRing::open(&data, Some(&one)).unwrap());
        let path = folder.path().join("data/keys/master.key");
        let sound = fs::read(&path).unwrap();
        for at in [0, 20, LOCKED.len() + 1, LOCKED.len() + 20, sound.len() - 1] {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(KeyRing::open(&data, Some(&one)).is_err(), "byte {at}");
        }
        for length in [0, 5, LOCKED.len() + 1, LOCKED.len() + 17, LOCKED.len() + 29] {
            fs::write(&path, &sound[..length]).unwrap();
            assert!(KeyRing::open(&data, Some(&one)).is_err(), "{length} bytes");
        }
    }

    /// Directories made before keys were sealed, also when sealing them stopped halfway.
    #[test]
    fn keys_of_the_older_form_are_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(&folder.path().join("data")).unwrap();
        let keys = folder.path().join("data/keys");
        fs::create_dir(&keys).unwrap();
        fs::write(keys.join("a.pem"), "-----BEGIN PRIVATE KEY-----").unwrap();
        drop(KeyRing::open(&data, None).unwrap());
        fs::rename(keys.join("master.key"), keys.join("master.coming")).unwrap();
        fs::write(keys.join("c.pem.7-1.new"), "half").unwrap();
        fs::create_dir(keys.join("old")).unwrap();
        fs::write(keys.join("b.key"), [7; 32]).unwrap();
        let ring = KeyRing::open(&data, None).unwrap();
        assert_eq!(ring.get("a.pem").unwrap().unwrap().as_slice(), b"-----BEGIN PRIVATE KEY-----");
        assert_eq!(ring.seed("b.key", Zeroizing::new([0; 32])).unwrap().as_slice(), [7; 32]);
        assert_ne!(fs::read(keys.join("b.key")).unwrap(), [7; 32]);
        assert_eq!(ring.names().unwrap(), ["a.pem", "b.key"]);
    }

    /// A copy that was restored without its master key: another one would bury the keys under it.
    #[test]
    fn without_its_master_key_nothing_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(&folder.path().join("data")).unwrap();
        let keys = folder.path().join("data/keys");
        KeyRing::open(&data, None).unwrap().seed("a.key", Zeroizing::new([7; 32])).unwrap();
        let (master, sealed) =
            (fs::read(keys.join("master.key")).unwrap(), fs::read(keys.join("a.key")).unwrap());
        fs::remove_file(keys.join("master.key")).unwrap();
        assert!(message(KeyRing::open(&data, None)).contains("restore keys/master.key"));
        assert_eq!(fs::read(keys.join("a.key")).unwrap(), sealed);
        assert!(!keys.join("master.coming").exists());
        fs::write(keys.join("master.key"), master).unwrap();
        assert_eq!(*KeyRing::open(&data, None).unwrap().get("a.key").unwrap().unwrap(), [7; 32]);
    }

    #[test]
    fn a_secret_that_is_no_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "short\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(message(Unlock::read(&path)).contains("16 characters"));
        fs::write(&path, "correct horse battery").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(message(Unlock::read(&path)).contains("anybody"));
    }
}
