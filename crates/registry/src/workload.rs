//! How a machine identity is recognised: among the processes of a host, and by what it was recognised when a
//! credential was issued to it.

use crate::identity::named_enum;
use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

/// Rules of one identity at most.
pub const RULES_MAX: usize = 16;
/// Selectors in one rule at most.
pub const SELECTORS_MAX: usize = 16;
/// The longest text in a selector, and the longest hint (SPIFFE Workload API §5.2.1), in bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// A process is the machine when every selector of one of its rules fits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct WorkloadRule {
    /// What the process must be; at least one.
    #[n(0)]
    pub selectors: Vec<Selector>,
    /// Of several machines one process may be, the one with the highest priority is its default identity.
    #[n(1)]
    pub priority: u32,
    /// What the machine's credential is for, among several of one process.
    #[n(2)]
    pub hint: Option<String>,
}

/// A property of a process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Selector {
    /// It runs in this control group, or below it.
    #[n(0)]
    Cgroup(#[n(0)] String),
    /// Its effective group.
    #[n(1)]
    Gid(#[n(0)] u32),
    /// The path of its executable.
    #[n(2)]
    Path(#[n(0)] String),
    /// The SHA-256 of its executable.
    #[n(3)]
    Sha256(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]),
    /// Its unit of the system's systemd, not of a user's.
    #[n(4)]
    Unit(#[n(0)] String),
    /// Its effective user.
    #[n(5)]
    Uid(#[n(0)] u32),
}

impl WorkloadRule {
    /// What is wrong with it, if something is.
    pub fn problem(&self) -> Option<String> {
        if self.selectors.is_empty() || self.selectors.len() > SELECTORS_MAX {
            return Some(format!("a rule has between 1 and {SELECTORS_MAX} selectors"));
        }
        let hint = self.hint.as_deref().unwrap_or("none");
        (hint.is_empty() || hint.len() > TEXT_BYTES_MAX || hint.chars().any(char::is_control))
            .then(|| format!("a hint is one line of at most {TEXT_BYTES_MAX} bytes"))
    }
}

/// Not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no selector: write uid:1000, gid:1000, path:/usr/bin/app, sha256:…, unit:app.service or cgroup:/system.slice"
)]
pub struct SelectorError(String);

impl FromStr for Selector {
    type Err = SelectorError;
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let wrong = || SelectorError(text.to_owned());
        let (kind, value) = text.split_once(':').ok_or_else(wrong)?;
        let sound =
            !value.is_empty() && value.len() <= TEXT_BYTES_MAX && !value.chars().any(char::is_control);
        if !sound {
            return Err(wrong());
        }
        let absolute = || if value.starts_with('/') { Ok(value.to_owned()) } else { Err(wrong()) };
        match kind {
            "cgroup" => Ok(Self::Cgroup(absolute()?)),
            "gid" => value.parse().map(Self::Gid).map_err(|_| wrong()),
            "path" => Ok(Self::Path(absolute()?)),
            "sha256" => unhex(value).map(Self::Sha256).ok_or_else(wrong),
            "uid" => value.parse().map(Self::Uid).map_err(|_| wrong()),
            "unit" => Ok(Self::Unit(value.to_owned())),
            _ => Err(wrong()),
        }
    }
}

/// Reads exactly `N` bytes in hexadecimal: two digits each, of either case, and nothing else.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() == 2 * N)?;
    let bytes: Vec<u8> =
        digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |high, low| high << 4 | low)).collect();
    bytes.try_into().ok()
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cgroup(path) => write!(f, "cgroup:{path}"),
            Self::Gid(id) => write!(f, "gid:{id}"),
            Self::Path(path) => write!(f, "path:{path}"),
            Self::Sha256(digest) => {
                f.write_str("sha256:")?;
                digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Unit(name) => write!(f, "unit:{name}"),
            Self::Uid(id) => write!(f, "uid:{id}"),
        }
    }
}

named_enum! {
    /// By what a machine was recognised when a credential was issued to it; as clauses spell it.
    Attestation {
        /// The identity token of a CI job.
        CiOidc = 0 "ci-oidc";
        /// The certificate its manufacturer gave it.
        DeviceCertificate = 5 "device-certificate";
        /// A one-time token.
        JoinToken = 1 "join-token";
        /// A projected service-account token.
        Kubernetes = 2 "kubernetes";
        /// Properties of the running process.
        Process = 3 "process";
        /// Its live certificate.
        Renewal = 4 "renewal";
    }
}

/// That a machine was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Attested {
    /// By what.
    #[n(0)]
    pub by: Attestation,
    /// SHA-256 of the evidence.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub evidence: [u8; 32],
    /// What it is, by what it cannot change or get anew by itself: a program of a user, a pod, a job.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub instance: Option<[u8; 32]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_printed_as_they_are_read() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in ["uid:1000", "gid:0", "path:/usr/bin/app", "unit:app.service", "cgroup:/a/b", &digest] {
            assert_eq!(text.parse::<Selector>().map(|s| s.to_string()).as_deref(), Ok(text));
        }
        for text in ["uid:", "uid:-1", "uid:root", "path:bin/app", "sha256:00", "pid:1", "path", "unit:a\nb"]
        {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
        assert!(format!("sha256:{}", "0g".repeat(32)).parse::<Selector>().is_err());
    }
}
