//! The roots of the trust domain: prepared, so that everybody knows it before anything rests on it; activated; and when
//! its time is over retired, after all that rested on it was issued anew. A tainted root is one to get away from.

use crate::admit::{Context, Refusal, RefusalKind};
use crate::identity::named_enum;
use crate::{Event, IdentityId, Millis, State};
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

/// Roots that are known at once at most.
pub const ROOTS_MAX: usize = 8;
/// The largest root certificate, in bytes.
pub const ROOT_BYTES_MAX: usize = 4_096;
/// How long a root is known before anything rests on it, unless it is hurried.
pub const PREPARED_MIN_MS: Millis = 600_000;
/// How long a root goes on after another took its place, unless it is hurried: the longest life of a certificate.
pub const RETIRING_MIN_MS: Millis = crate::admit::CREDENTIAL_LIFE_MAX_MS;
/// Certificates that are issued anew in a second at most when a root is tainted.
pub const REISSUED_PER_SECOND: u64 = 500;

named_enum! {
    /// Where a root is in its life.
    RootStatus {
        /// Everything that is issued rests on it.
        Active = 1 "active";
        /// Known, and nothing rests on it yet.
        Prepared = 0 "prepared";
        /// Nothing counts any more that rests on it.
        Retired = 3 "retired";
        /// Another took its place; what rests on it goes on to its end.
        Retiring = 2 "retiring";
    }
}

/// A root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its certificate (DER).
    pub certificate: Vec<u8>,
    /// Where it is.
    pub status: RootStatus,
    /// Since when.
    pub since_ms: Millis,
    /// When it was tainted, and over how long what rests on it is issued anew.
    pub tainted: Option<(Millis, Millis)>,
}

/// A step in the life of a root, named by the SHA-256 of its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootStep {
    /// Makes it known (given by the authority, which made it).
    Prepare(Vec<u8>),
    /// Lets everything rest on it from now on.
    Activate([u8; 32]),
    /// Says that it is to be got away from.
    Taint([u8; 32]),
    /// Ends it.
    Retire([u8; 32]),
}

impl State {
    /// The root that what is issued rests on.
    pub fn active_root(&self) -> Option<(&[u8; 32], &Root)> {
        self.roots.iter().find(|(_, root)| root.status == RootStatus::Active)
    }

    /// The roots that certificates may lead to: all that are not retired.
    pub fn trusted_roots(&self) -> impl Iterator<Item = (&[u8; 32], &Root)> {
        self.roots.iter().filter(|(_, root)| root.status != RootStatus::Retired)
    }

    /// When a certificate that rests on a root is issued anew because of that, if it is: each machine in a slot of its
    /// own, so that no fleet comes at once.
    pub fn reissue_ms(&self, identity: IdentityId, root: &[u8; 32]) -> Option<Millis> {
        let (tainted_ms, spread_ms) = self.roots.get(root)?.tainted?;
        Some(tainted_ms.saturating_add(slot_ms(identity, tainted_ms, spread_ms)))
    }
}

/// The name of a root: SHA-256 of its certificate.
pub fn digest(certificate: &[u8]) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

/// The slot of a machine within `spread_ms`.
pub fn slot_ms(identity: IdentityId, tainted_ms: Millis, spread_ms: Millis) -> Millis {
    let hash =
        Sha256::new().chain_update(identity.as_bytes()).chain_update(tainted_ms.to_be_bytes()).finalize();
    let number = hash.first_chunk::<8>().map_or(0, |first| u64::from_be_bytes(*first));
    number % spread_ms.max(1)
}

/// Whether another root can be prepared.
pub fn may_prepare(state: &State) -> Result<(), Refusal> {
    let refuse = |reason: &str, help: &str| {
        Err(Refusal { kind: RefusalKind::Conflict, reason: reason.to_owned(), help: help.to_owned() })
    };
    if state.roots.values().any(|root| root.status == RootStatus::Prepared) {
        return refuse("a root is prepared already", "activate or retire it first");
    }
    let live = state.roots.values().filter(|root| root.status != RootStatus::Retired).count();
    if live >= ROOTS_MAX {
        return refuse("there are too many roots", "retire one first");
    }
    Ok(())
}

/// The events of a step.
pub(crate) fn step(
    state: &State,
    step: RootStep,
    reason: String,
    hurried: bool,
    context: &Context,
) -> Result<Vec<Event>, Refusal> {
    let now_ms = context.now_ms;
    let refuse = |kind, reason: &str, help: &str| {
        Err(Refusal { kind, reason: reason.to_owned(), help: help.to_owned() })
    };
    let conflict = |reason: &str, help: &str| refuse(RefusalKind::Conflict, reason, help);
    let missing =
        || refuse(RefusalKind::NotFound, "there is no such root", "list them: `writ authority show`");
    match step {
        RootStep::Prepare(certificate) => {
            may_prepare(state)?;
            if certificate.len() > ROOT_BYTES_MAX {
                return conflict("the certificate is too large", "");
            }
            Ok(vec![Event::RootPrepared { certificate }])
        }
        RootStep::Activate(root) => {
            let Some(found) = state.roots.get(&root) else { return missing() };
            if found.status != RootStatus::Prepared {
                return conflict("only a root that is prepared can be activated", "");
            }
            // The first one has nobody who could miss it.
            if state.active_root().is_some()
                && !hurried
                && found.since_ms.saturating_add(PREPARED_MIN_MS) > now_ms
            {
                let minutes = PREPARED_MIN_MS / 60_000;
                let help = format!(
                    "wait {minutes} minutes from its preparation, or say --now: whoever has not heard of it refuses what rests on it"
                );
                return conflict("not everybody can know this root yet", &help);
            }
            Ok(vec![Event::RootActivated { root }])
        }
        RootStep::Taint(root) => {
            let Some(found) = state.roots.get(&root) else { return missing() };
            if found.status == RootStatus::Active {
                return conflict("everything rests on this root", "prepare and activate another first");
            }
            if found.tainted.is_some() || found.status == RootStatus::Retired {
                return conflict("it is tainted or retired already", "");
            }
            // Tokens rest on no root.
            let live = state.credentials.values().filter(|known| known.is_certificate()).count() as u64;
            let spread_ms = (live * 1_000).div_ceil(REISSUED_PER_SECOND).max(1);
            Ok(vec![Event::RootTainted { root, spread_ms, reason }])
        }
        RootStep::Retire(root) => {
            let Some(found) = state.roots.get(&root) else { return missing() };
            match found.status {
                RootStatus::Active => {
                    return conflict("everything rests on this root", "activate another first");
                }
                RootStatus::Retired => return conflict("it is retired already", ""),
                RootStatus::Prepared | RootStatus::Retiring => {}
            }
            let resting = |credential: &&crate::Credential| {
                credential.root == Some(root)
                    && credential.not_after_ms > now_ms
                    && credential.revoked.is_none()
            };
            let rests = state.credentials.values().filter(resting).count();
            if rests > 0 && !hurried {
                let said = format!("{rests} certificates rest on this root still");
                return conflict(&said, "taint it and wait, or say --now: they are worth nothing then");
            }
            Ok(vec![Event::RootRetired { root, reason }])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fleet of ten thousand after a roll: nobody comes twice, and no second brings more than it can bear.
    #[test]
    fn a_fleet_comes_in_slots() {
        let machines = 10_000u64;
        let spread_ms = machines * 1_000 / REISSUED_PER_SECOND;
        let mut seconds = vec![0u64; usize::try_from(spread_ms / 1_000).unwrap()];
        for n in 0..machines {
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            let slot = slot_ms(IdentityId::from_entropy(bytes), 1_800_000_000_000, spread_ms);
            seconds[usize::try_from(slot / 1_000).unwrap()] += 1;
        }
        assert_eq!(seconds.iter().sum::<u64>(), machines);
        let (least, most) = (seconds.iter().min().unwrap(), seconds.iter().max().unwrap());
        assert!(
            *most < REISSUED_PER_SECOND * 6 / 5 && *least > REISSUED_PER_SECOND * 4 / 5,
            "{least}..{most}"
        );
        assert_eq!(slot_ms(IdentityId::from_entropy([1; 10]), 5, 0), 0);
    }
}
