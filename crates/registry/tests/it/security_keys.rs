//! Security keys (`sk-` keys): their signatures count when somebody touched the key, and only then. The blobs are
//! put together here as OpenSSH's PROTOCOL.u2f and PROTOCOL.sshsig describe them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::Signer as _;
use registry::signature::{INSTRUMENT, NOTICE};
use registry::{PublicKey, SignatureError};
use sha2::{Digest, Sha256};
use ssh_key::{HashAlg, PrivateKey, SshSig};

const APPLICATION: &str = "ssh:";
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;

/// A key that signs like the chip in a security key would; made for this test and used nowhere else.
const ECDSA: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS\n\
1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQSDrekqoHDCcwvjdaUmCVflcQYu9Sl4\n\
NZ/AjJOKvZDVy4HvIRgorV1n0i9Myisd7H3GvtlDKXQCP7sIY80U6jP6AAAAmMmZrEnJma\n\
xJAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIOt6SqgcMJzC+N1\n\
pSYJV+VxBi71KXg1n8CMk4q9kNXLge8hGCitXWfSL0zKKx3sfca+2UMpdAI/uwhjzRTqM/\n\
oAAAAgcQ5PQrZEiM09KFPVWjVq2liWPnGZJr9dBVQiJnEm7M0AAAAA\n\
-----END OPENSSH PRIVATE KEY-----";

/// A security key: what signs, and how its kind is spelled.
struct Key {
    signer: PrivateKey,
    kind: &'static str,
}

fn keys() -> [Key; 2] {
    [
        Key { signer: crate::world::key(9), kind: "sk-ssh-ed25519@openssh.com" },
        Key { signer: PrivateKey::from_openssh(ECDSA).unwrap(), kind: "sk-ecdsa-sha2-nistp256@openssh.com" },
    ]
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

impl Key {
    fn blob(&self) -> Vec<u8> {
        let data = self.signer.public_key().key_data();
        let point = match (data.ed25519(), data.ecdsa()) {
            (Some(key), _) => string(&key.0),
            (None, Some(key)) => [string(b"nistp256"), string(key.as_sec1_bytes())].concat(),
            (None, None) => panic!("neither"),
        };
        [string(self.kind.as_bytes()), point, string(APPLICATION.as_bytes())].concat()
    }

    fn public(&self) -> PublicKey {
        format!("{} {}", self.kind, BASE64_STANDARD.encode(self.blob())).parse().unwrap()
    }

    /// Signs as the key would with these flags; `told` are the flags the signature carries.
    fn sign(&self, message: &[u8], flags: u8, told: u8) -> String {
        let counter = 7u32.to_be_bytes();
        let text = SshSig::signed_data(INSTRUMENT, HashAlg::Sha512, message).unwrap();
        let signed = [&Sha256::digest(APPLICATION)[..], &[flags], &counter, &Sha256::digest(text)].concat();
        let signature = self.signer.try_sign(&signed).unwrap();
        let signature =
            [string(self.kind.as_bytes()), string(signature.as_bytes()), vec![told], counter.to_vec()]
                .concat();
        let blob = [
            b"SSHSIG".to_vec(),
            1u32.to_be_bytes().to_vec(),
            string(&self.blob()),
            string(INSTRUMENT.as_bytes()),
            string(b""),
            string(b"sha512"),
            string(&signature),
        ]
        .concat();
        armored(&blob)
    }
}

fn armored(blob: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(blob);
    let lines: Vec<&str> =
        text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

fn bytes(armored: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(armored.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

#[test]
fn a_touched_security_key_signs() {
    for key in keys() {
        for flags in [PRESENT, PRESENT | VERIFIED] {
            let signature = key.sign(b"a deal", flags, flags);
            assert_eq!(key.public().verify(INSTRUMENT, b"a deal", &signature), Ok(()), "{}", key.kind);
            let other = key.public().verify(INSTRUMENT, b"another deal", &signature);
            assert_eq!(other, Err(SignatureError::DoesNotFit), "{}", key.kind);
            assert!(key.public().verify(NOTICE, b"a deal", &signature).is_err(), "{}", key.kind);
        }
    }
}

#[test]
fn a_security_key_that_signs_by_itself_is_refused() {
    for key in keys() {
        for flags in [0, VERIFIED] {
            let alone = key.sign(b"a deal", flags, flags);
            let refused = key.public().verify(INSTRUMENT, b"a deal", &alone).unwrap_err();
            assert_eq!(refused, SignatureError::NobodyPresent, "{}", key.kind);
            assert!(refused.to_string().contains("without a touch"), "{refused}");
            // Saying afterwards that somebody was there does not help: the flags are signed.
            let claimed = key.sign(b"a deal", flags, flags | PRESENT);
            assert_eq!(key.public().verify(INSTRUMENT, b"a deal", &claimed), Err(SignatureError::DoesNotFit));
        }
    }
}

/// Whatever byte of it is another one, it is no signature.
#[test]
fn a_signature_of_a_security_key_has_one_spelling() {
    for key in keys() {
        let signature = key.sign(b"a deal", PRESENT, PRESENT);
        let blob = bytes(&signature);
        assert_eq!(armored(&blob), signature);
        for at in 0..blob.len() {
            for change in [1, 2, 0x80] {
                let mut other = blob.clone();
                other[at] ^= change;
                let told = key.public().verify(INSTRUMENT, b"a deal", &armored(&other));
                assert!(told.is_err(), "{}: byte {at} is another one", key.kind);
            }
        }
        let longer = [&blob[..], &[0]].concat();
        assert!(key.public().verify(INSTRUMENT, b"a deal", &armored(&longer)).is_err());
    }
}
