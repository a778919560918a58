//! Signing with `ssh-keygen -Y sign`: agents, passphrases and security keys work as people know them.

use anyhow::{Context as _, bail};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A signature made elsewhere, or one made here.
pub(crate) fn obtain(
    key: Option<&Path>,
    signature: Option<&Path>,
    namespace: &str,
    message: &str,
) -> anyhow::Result<String> {
    match (signature, key) {
        (Some(file), _) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
        }
        (None, Some(key)) => {
            crate::output::line(format!("you sign:\n\n{message}\n"));
            sign(key, namespace, message)
        }
        (None, None) => bail!("give --key or --signature"),
    }
}

/// Signs `message` in `namespace` with the key at `key`; gives the armored signature.
fn sign(key: &Path, namespace: &str, message: &str) -> anyhow::Result<String> {
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("ssh-keygen is needed to sign: install OpenSSH's client")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(message.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("ssh-keygen did not sign with `{}`", key.display());
    }
    Ok(String::from_utf8(output.stdout)?)
}
