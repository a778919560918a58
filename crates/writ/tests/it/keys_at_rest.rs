//! Where private keys lie: sealed, locked under a secret from elsewhere, or on a token that they never leave
//! (SoftHSM, looked at with OpenSC).

use crate::harness::{Writ, key_at_rest, text};
use std::fs::{Permissions, read_dir, set_permissions, write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A start that is expected to fail.
fn start(writ: &Writ, variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["up", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"])
        .env("WRIT_DATA", writ.data())
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn refused(writ: &Writ, variables: &[(&str, &str)]) -> String {
    let answer = start(writ, variables);
    assert_eq!(answer.status.code(), Some(1));
    text(&answer.stderr)
}

fn secret(path: PathBuf, content: &str, mode: u32) -> String {
    write(&path, content).unwrap();
    set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

fn contains(path: &Path, words: &str) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[test]
fn keys_are_sealed_and_can_be_locked_under_a_secret_from_elsewhere() {
    let mut writ = Writ::start_empty();
    assert!(text(&key_at_rest(&writ.data(), "root.pem")).contains("BEGIN PRIVATE KEY"));
    for file in read_dir(writ.data().join("keys")).unwrap() {
        let path = file.unwrap().path();
        assert!(!contains(&path, "PRIVATE KEY"), "{} lies in the open", path.display());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0);
    }

    let good = secret(writ.path("good"), "correct horse battery staple\n", 0o600);
    let lock = |with: &str| writ.run(&["keys", "lock", "--with", with]);
    assert!(text(&lock(&good).stderr).contains("another Writ process"), "{}", text(&lock(&good).stderr));
    writ.stop();
    let lock = |with: &str| writ.run(&["keys", "lock", "--with", with]);
    let short = secret(writ.path("short"), "secret", 0o600);
    assert!(text(&lock(&short).stderr).contains("16 characters"));
    let open = secret(writ.path("open"), "correct horse battery staple", 0o644);
    assert!(text(&lock(&open).stderr).contains("anybody on this machine"));
    let locked = lock(&good);
    assert!(
        locked.status.success() && text(&locked.stdout).contains("writ up --unlock"),
        "{}",
        text(&locked.stderr)
    );

    assert!(refused(&writ, &[]).contains("the keys are locked: give the file"));
    let other = secret(writ.path("other"), "incorrect horse battery staple", 0o600);
    assert!(refused(&writ, &[("WRIT_UNLOCK", &other)]).contains("does not unlock"));
    writ.up_with(&[("WRIT_UNLOCK", &good)]);
    writ.stop();
    // As systemd hands it over.
    std::fs::create_dir(writ.path("credentials")).unwrap();
    secret(writ.path("credentials/writ.unlock"), "correct horse battery staple", 0o400);
    let directory = writ.path("credentials").display().to_string();
    writ.up_with(&[("CREDENTIALS_DIRECTORY", &directory)]);
    writ.stop();
    writ.assert_verifies();
}

/// A token of its own, and the URI of it.
struct SoftHsm {
    conf: String,
    uri: String,
    pin: PathBuf,
}

impl SoftHsm {
    fn new(writ: &Writ) -> Self {
        let conf = writ.path("softhsm2.conf");
        std::fs::create_dir(writ.path("tokens")).unwrap();
        write(&conf, format!("directories.tokendir = {}\n", writ.path("tokens").display())).unwrap();
        let conf = conf.display().to_string();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "writ", "--pin", "7391", "--so-pin", "739100"])
            .env("SOFTHSM2_CONF", &conf)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        let pin = writ.path("pin");
        let pin_source = secret(pin.clone(), "7391\n", 0o400);
        let uri = format!("pkcs11:token=writ?module-path={MODULE}&pin-source=file:{pin_source}");
        Self { conf, uri, pin }
    }

    /// The variables of a process that uses it.
    fn variables(&self) -> [(&str, &str); 2] {
        [("SOFTHSM2_CONF", &self.conf), ("WRIT_ROOT_KEYS", &self.uri)]
    }

    /// Another program that looks at the token.
    fn tool(&self, arguments: &[&str]) -> String {
        let looked = Command::new("pkcs11-tool")
            .args(["--module", MODULE, "--token-label", "writ", "--login", "--pin", "7391"])
            .args(arguments)
            .env("SOFTHSM2_CONF", &self.conf)
            .output()
            .unwrap();
        assert!(looked.status.success(), "{}", text(&looked.stderr));
        text(&looked.stdout)
    }
}

/// openssl says that a machine's chain leads to a root of the bundle.
fn assert_chain(credential: &Path) {
    let file = |name: &str| credential.join(name).display().to_string();
    let verified = Command::new("openssl")
        .args(["verify", "-CAfile", &file("bundle.pem"), "-untrusted", &file("cert.pem"), &file("cert.pem")])
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
}

#[test]
fn root_keys_are_made_on_a_token_and_never_leave_it() {
    let mut writ = Writ::start();
    // The first root lies in a file; its successors will not.
    writ.stop();
    let token = SoftHsm::new(&writ);
    writ.up_with(&token.variables());
    writ.machine("acme/reader", "bot");
    writ.ok(&["authority", "prepare", "--reason", "keys on hardware from now on"]);
    writ.ok(&["authority", "activate", "--reason", "the bundle is everywhere", "--now"]);
    let credential = writ.join("acme/reader");
    assert_chain(&credential);

    let keys = token.tool(&["--list-objects", "--type", "privkey"]);
    assert_eq!(keys.matches("Private Key Object; EC").count(), 1, "{keys}");
    assert!(keys.contains("sensitive") && keys.contains("never extractable"), "{keys}");
    let named = |data: &Path| {
        let names =
            read_dir(data.join("keys")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.into_iter().find(|name| name.starts_with("root-")).unwrap()
    };
    let kept = text(&key_at_rest(&writ.data(), &named(&writ.data())));
    assert!(kept.contains("pkcs11:token=writ;id=") && !kept.contains("PRIVATE"), "{kept}");

    // It starts again only with the token, and says what is amiss.
    writ.stop();
    let [conf, uri] = token.variables();
    assert!(refused(&writ, &[]).contains("lies on the token `writ`: give it with --root-keys"));
    let with_uri = |writ: &Writ, uri: &str| refused(writ, &[conf, ("WRIT_ROOT_KEYS", uri)]);
    let with = |uri: &str| with_uri(&writ, uri);
    let another = with(&token.uri.replace("token=writ", "token=other"));
    assert!(another.contains("no token `other`; there are: writ"), "{another}");
    let missing = with(&token.uri.replace("libsofthsm2", "missing"));
    assert!(missing.contains("load the library") && missing.contains("missing.so"), "{missing}");
    assert!(with("pkcs11:token=writ?pin-value=7391").contains("would show the PIN"));
    set_permissions(&token.pin, Permissions::from_mode(0o604)).unwrap();
    assert!(with(&token.uri).contains("anybody on this machine"));
    set_permissions(&token.pin, Permissions::from_mode(0o600)).unwrap();
    write(&token.pin, "1111").unwrap();
    assert!(with(&token.uri).contains("the token refused the PIN (PinIncorrect)"));
    write(&token.pin, "7391").unwrap();

    writ.up_with(&[conf, uri]);
    assert_chain(&writ.join("acme/reader"));
    writ.assert_verifies();
    writ.stop();
    let id = keys.lines().find_map(|line| line.trim().strip_prefix("ID:")).unwrap().trim().to_owned();
    token.tool(&["--delete-object", "--type", "privkey", "--id", &id]);
    let lost = with_uri(&writ, &token.uri);
    assert!(lost.contains("is not on the token"), "{lost}");
}
