//! Evidence about a process, and which machines it shows the process to be.

use registry::{IdentityId, Lifecycle, Selector, State, WorkloadRule};
use sha2::{Digest, Sha256};

/// What a host found out about a process. What it could not find out is none, and fits no selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessEvidence {
    /// Its control group (version 2), from the root.
    pub cgroup: Option<String>,
    /// Its effective group.
    pub gid: u32,
    /// The path of its executable; none when the host has another file there, or none.
    pub path: Option<String>,
    /// SHA-256 of its executable; none when no rule asks for it.
    pub sha256: Option<[u8; 32]>,
    /// Its effective user.
    pub uid: u32,
    /// Its unit of the system's systemd, not of a user's.
    pub unit: Option<String>,
}

impl ProcessEvidence {
    /// SHA-256 over all of it: what an issuance entry commits to.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(b"writ/process-evidence/1");
        for part in [self.cgroup.as_deref(), self.path.as_deref(), self.unit.as_deref()] {
            hash.update((part.map_or(u64::MAX, |part| part.len() as u64)).to_be_bytes());
            hash.update(part.unwrap_or_default());
        }
        hash.update(self.sha256.unwrap_or_default());
        hash.update([u8::from(self.sha256.is_some())]);
        hash.update(self.uid.to_be_bytes());
        hash.update(self.gid.to_be_bytes());
        hash.finalize().into()
    }

    /// What it is, by what it cannot change by itself: its user, its executable, its unit. A control group further
    /// down, a group, and whether a digest was asked for do not make it another.
    pub fn instance(&self) -> [u8; 32] {
        let same =
            Self { uid: self.uid, path: self.path.clone(), unit: self.unit.clone(), ..Self::default() };
        Sha256::new_with_prefix(b"writ/instance/1").chain_update(same.digest()).finalize().into()
    }

    /// Whether a selector fits.
    pub fn fits(&self, selector: &Selector) -> bool {
        match selector {
            Selector::Cgroup(path) => self.cgroup.as_ref().is_some_and(|cgroup| {
                cgroup
                    .strip_prefix(path.trim_end_matches('/'))
                    .is_some_and(|r| r.is_empty() || r.starts_with('/'))
            }),
            Selector::Gid(id) => self.gid == *id,
            Selector::Path(path) => self.path.as_ref() == Some(path),
            Selector::Sha256(digest) => self.sha256.as_ref() == Some(digest),
            Selector::Uid(id) => self.uid == *id,
            Selector::Unit(name) => self.unit.as_ref() == Some(name),
        }
    }

    /// What it says where a selector asks, for explanations.
    fn shown(&self, selector: &Selector) -> String {
        let none = || "unknown".to_owned();
        match selector {
            Selector::Cgroup(_) => self.cgroup.clone().map_or_else(none, |path| format!("cgroup:{path}")),
            Selector::Gid(_) => format!("gid:{}", self.gid),
            Selector::Path(_) => self.path.clone().map_or_else(none, |path| format!("path:{path}")),
            Selector::Sha256(_) => {
                self.sha256.map_or_else(none, |digest| Selector::Sha256(digest).to_string())
            }
            Selector::Uid(_) => format!("uid:{}", self.uid),
            Selector::Unit(_) => self.unit.clone().map_or_else(none, |unit| format!("unit:{unit}")),
        }
    }
}

/// A machine that a process was recognised as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Which.
    pub identity: IdentityId,
    /// The rule that fits.
    pub rule: WorkloadRule,
}

/// Why a process gets no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecognised {
    /// Two machines have equal claim to be its default: nobody chooses by chance.
    #[error(
        "no identity issued: `{0}` and `{1}` fit equally well; give one of their rules a higher priority"
    )]
    Ambiguous(String, String),
    /// No rule fits.
    #[error("no identity issued: no rule fits; nearest is {0}")]
    Nearest(String),
    /// There is no rule at all.
    #[error("no identity issued: no machine is recognised by its process here")]
    NoRules,
    /// A rule fits, but nobody may act under it.
    #[error("no identity issued: `{0}` {1}")]
    NotActive(String, String),
}

/// The machines a process is, its default identity first. Deterministic: by priority, then by name; equal
/// priorities at the top are refused.
pub fn recognise(state: &State, evidence: &ProcessEvidence) -> Result<Vec<Recognised>, Unrecognised> {
    let mut found: Vec<(String, Recognised)> = Vec::new();
    let mut resting: Vec<Resting> = Vec::new();
    for (identity, rules) in &state.workloads {
        let Some(machine) = state.identities.get(identity) else { continue };
        let fitting =
            rules.iter().filter(|rule| rule.selectors.iter().all(|selector| evidence.fits(selector)));
        let Some(rule) = fitting.max_by_key(|rule| rule.priority) else { continue };
        let label = state.identity_label(*identity);
        let barred = if state.barred.is_empty() { None } else { state.barred.get(&evidence.instance()) };
        match (machine.state, barred) {
            (Lifecycle::Active, None) => {
                found.push((label, Recognised { identity: *identity, rule: rule.clone() }))
            }
            (Lifecycle::Active, Some(of)) => {
                resting.push(Resting { life: Lifecycle::Active, label, why: stopped_as(state, *of) })
            }
            (life, _) => resting.push(Resting { life, label, why: format!("is {life}") }),
        }
    }
    found.sort_by(|(a_name, a), (b_name, b)| b.rule.priority.cmp(&a.rule.priority).then(a_name.cmp(b_name)));
    match found.as_slice() {
        // What is nearest to acting says most: not a machine that ended when another is only suspended.
        [] => Err(resting
            .into_iter()
            .min_by_key(|one| one.rank())
            .map_or_else(|| nearest(state, evidence), |one| Unrecognised::NotActive(one.label, one.why))),
        [(first, a), (second, b), ..] if a.rule.priority == b.rule.priority => {
            Err(Unrecognised::Ambiguous(first.clone(), second.clone()))
        }
        [_, ..] => Ok(found.into_iter().map(|(_, recognised)| recognised).collect()),
    }
}

/// Whether any rule asks for the digest of an executable.
pub fn wants_digest(state: &State) -> bool {
    let mut selectors = state.workloads.values().flatten().flat_map(|rule| &rule.selectors);
    selectors.any(|selector| matches!(selector, Selector::Sha256(_)))
}

/// A machine that the process is, and that gets nothing.
struct Resting {
    life: Lifecycle,
    label: String,
    why: String,
}

impl Resting {
    /// How far it is from acting.
    fn rank(&self) -> u8 {
        match self.life {
            Lifecycle::Active => 0,
            Lifecycle::Suspended => 1,
            Lifecycle::Proposed => 2,
            Lifecycle::Retired => 3,
            Lifecycle::Revoked => 4,
        }
    }
}

fn stopped_as(state: &State, of: IdentityId) -> String {
    let label = state.identity_label(of);
    format!(
        "gets nothing: this program of this user was stopped as `{label}` (`writ identity readmit {label}`)"
    )
}

/// Of the rules that fail in the fewest selectors the one that fits in the most, with the first that fails. Machines
/// that ended are nobody's neighbour.
fn nearest(state: &State, evidence: &ProcessEvidence) -> Unrecognised {
    let ended = |identity: &IdentityId| {
        let life = state.identities.get(identity).map(|machine| machine.state);
        matches!(life, None | Some(Lifecycle::Retired | Lifecycle::Revoked))
    };
    let living = state.workloads.iter().filter(|(identity, _)| !ended(identity));
    let rules = living.flat_map(|(identity, rules)| rules.iter().map(move |rule| (identity, rule)));
    let failing = |rule: &WorkloadRule| -> Vec<Selector> {
        rule.selectors.iter().filter(|selector| !evidence.fits(selector)).cloned().collect()
    };
    let nearest = rules
        .map(|(identity, rule)| (identity, rule.selectors.len(), failing(rule)))
        .min_by_key(|(_, asked, failing)| (failing.len(), std::cmp::Reverse(*asked)));
    match nearest.as_ref().and_then(|(identity, _, failing)| Some((identity, failing.first()?))) {
        Some((identity, selector)) => Unrecognised::Nearest(format!(
            "`{}`, which asks for {selector} where the process has {}",
            state.identity_label(**identity),
            evidence.shown(selector)
        )),
        None => Unrecognised::NoRules,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> ProcessEvidence {
        ProcessEvidence {
            cgroup: Some("/system.slice/app.service".into()),
            gid: 5,
            path: Some("/usr/bin/app".into()),
            sha256: Some([7; 32]),
            uid: 1000,
            unit: Some("app.service".into()),
        }
    }

    #[test]
    fn selectors_fit_what_they_name_and_nothing_near_it() {
        let sevens = format!("sha256:{}", "07".repeat(32));
        for (selector, fits) in [
            ("cgroup:/system.slice", true),
            ("cgroup:/system.slice/", true),
            ("cgroup:/system.slice/app.service", true),
            ("cgroup:/system", false),
            ("gid:5", true),
            ("gid:1000", false),
            ("path:/usr/bin/app", true),
            ("path:/usr/bin/ap", false),
            (&sevens, true),
            ("uid:1000", true),
            ("uid:0", false),
            ("unit:app.service", true),
            ("unit:other.service", false),
        ] {
            assert_eq!(evidence().fits(&selector.parse().unwrap()), fits, "{selector}");
        }
        let nothing = ProcessEvidence::default();
        for selector in ["cgroup:/", "path:/usr/bin/app", "unit:app.service", &sevens] {
            assert!(!nothing.fits(&selector.parse().unwrap()), "{selector} of what is unknown");
        }
    }

    #[test]
    fn every_property_is_in_the_digest() {
        let base = evidence();
        let others = [
            ProcessEvidence { cgroup: None, ..base.clone() },
            ProcessEvidence { gid: 6, ..base.clone() },
            ProcessEvidence { path: Some(String::new()), ..base.clone() },
            ProcessEvidence { path: None, ..base.clone() },
            ProcessEvidence { sha256: None, ..base.clone() },
            ProcessEvidence { uid: 0, ..base.clone() },
            ProcessEvidence { unit: Some("app".into()), ..base.clone() },
        ];
        let mut digests: Vec<[u8; 32]> = others.iter().chain([&base]).map(ProcessEvidence::digest).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 8);
        // What a process can change by itself does not make it another instance.
        for same in [
            ProcessEvidence { cgroup: Some("/system.slice/app.service/deeper".into()), ..base.clone() },
            ProcessEvidence { gid: 6, ..base.clone() },
            ProcessEvidence { sha256: None, ..base.clone() },
        ] {
            assert_eq!(same.instance(), base.instance());
        }
        assert_ne!(ProcessEvidence { uid: 0, ..base.clone() }.instance(), base.instance());
        assert_ne!(base.instance(), base.digest());
    }
}
