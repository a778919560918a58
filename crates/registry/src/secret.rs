//! Upstream secrets that renew themselves: where the next one comes from, when, and how long the one before goes on
//! beside it. Values are never here.

use crate::admit::{Context, Refusal, RefusalKind, is_invisible};
use crate::{Actor, Event, Millis, Name, State, address};
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// The shortest time between two rotations.
pub const EVERY_MIN_MS: Millis = 10_000;
/// The longest.
pub const EVERY_MAX_MS: Millis = 366 * 86_400_000;
/// The longest address, path or form of a value, in bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// What a source calls one value (a role, a lease, the id of a key), in bytes at most.
pub const HANDLE_BYTES_MAX: usize = 1_024;
/// What is told of a failure, in characters at most.
pub const FAILURE_CHARS_MAX: usize = 500;
/// A value that ends by itself is replaced when this much of its life is over, in percent.
const LEASE_USE_PERCENT: Millis = 66;

/// Where values of a secret come from.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SecretSource {
    /// Two roles of a PostgreSQL server that take turns.
    #[n(0)]
    Postgres {
        /// `postgresql://USER@HOST:PORT/DATABASE`; the user may change the roles' passwords.
        #[n(0)]
        server: String,
        /// The sealed secret with that user's password.
        #[n(1)]
        admin: Name,
        /// The roles.
        #[n(2)]
        roles: (String, String),
    },
    /// Something that makes and revokes keys over HTTP, as `docs/secrets.md` says.
    #[n(1)]
    Adapter {
        /// Where it answers.
        #[n(0)]
        url: String,
        /// The sealed secret that is sent as bearer token.
        #[n(1)]
        token: Option<Name>,
    },
    /// A secret that lies in a KV store of version 2 of HashiCorp Vault or OpenBao, and is changed there.
    #[n(2)]
    VaultKv(#[n(0)] Vault),
    /// A secret that Vault or OpenBao makes at each reading, with a lease.
    #[n(3)]
    VaultDynamic(#[n(0)] Vault),
}

/// A path of a HashiCorp Vault or OpenBao.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Vault {
    /// `https://HOST:PORT`.
    #[n(0)]
    pub address: String,
    /// What follows `/v1/`, for example `secret/data/app` or `database/creds/app`.
    #[n(1)]
    pub path: String,
    /// The sealed secret with the token.
    #[n(2)]
    pub token: Name,
    /// The namespace, if any.
    #[n(3)]
    pub namespace: Option<String>,
}

/// How a secret renews itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Sourced {
    /// Where values come from.
    #[n(0)]
    pub source: SecretSource,
    /// The form of the value: fields in braces, as `{user}:{password}`.
    #[n(1)]
    pub form: String,
    /// How long a value is in use; for a KV store, how often it is looked at.
    #[n(2)]
    pub every_ms: Millis,
    /// How long the value before goes on beside the new one.
    #[n(3)]
    pub overlap_ms: Millis,
}

/// A value that was put in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub rotation: u64,
    /// What its source calls it.
    pub handle: String,
    /// Since when it is in use.
    pub since_ms: Millis,
    /// When it ends by itself.
    pub ends_ms: Option<Millis>,
}

/// What is known of a secret that renews itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotating {
    /// How.
    pub sourced: Sourced,
    /// The value in use.
    pub current: Option<Version>,
    /// The one before, and when it is to end.
    pub retiring: Option<(Version, Millis)>,
    /// Since when somebody asks for the next one.
    pub asked_ms: Option<Millis>,
    /// The one before is to end as soon as the next is in use.
    pub at_once: bool,
    /// A rotation that began.
    pub begun: Option<u64>,
    /// A value that its source made and that is not in use yet: its number, and what its source calls it.
    pub made: Option<(u64, String)>,
    /// The highest number that was given.
    pub last: u64,
    /// Why the last attempt failed.
    pub failing: Option<String>,
}

/// What is due for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretDue {
    /// The next value, of this number.
    Rotate(u64),
    /// The end of the one before.
    Retire(Version),
}

/// What happened to a secret that renews itself. The numbers are eternal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SecretChange {
    /// It renews itself from now on.
    #[n(0)]
    Sourced(#[n(0)] Sourced),
    /// It is set by hand again.
    #[n(1)]
    ByHand {
        /// Why.
        #[n(0)]
        reason: String,
    },
    /// Somebody asked for the next value now.
    #[n(2)]
    RotationAsked {
        /// Whether the one before ends at once.
        #[n(0)]
        at_once: bool,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// The next value is about to be made.
    #[n(3)]
    RotationBegun {
        /// Its number.
        #[n(0)]
        rotation: u64,
    },
    /// It is in use.
    #[n(4)]
    Rotated {
        /// Its number.
        #[n(0)]
        rotation: u64,
        /// What its source calls it.
        #[n(1)]
        handle: String,
        /// When it ends by itself.
        #[n(2)]
        ends_ms: Option<Millis>,
        /// When the one before is to end, if there is one that this ends.
        #[n(3)]
        retires_ms: Option<Millis>,
    },
    /// The next value could not be made, or the one before not ended.
    #[n(5)]
    RotationFailed {
        /// The number of the next value.
        #[n(0)]
        rotation: u64,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// A value has ended: the one before, or one that was made and never in use.
    #[n(6)]
    Retired {
        /// Its number.
        #[n(0)]
        rotation: u64,
    },
    /// Its source made the next value; it is not in use yet.
    #[n(7)]
    Made {
        /// Its number.
        #[n(0)]
        rotation: u64,
        /// What its source calls it.
        #[n(1)]
        handle: String,
    },
    /// What was to end at its source is left to people.
    #[n(8)]
    Abandoned {
        /// What the source calls it.
        #[n(0)]
        handle: String,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// What failed works again.
    #[n(9)]
    Recovered,
}

impl SecretChange {
    /// A short name for tables and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sourced(_) => "secret sourced",
            Self::ByHand { .. } => "secret set by hand",
            Self::RotationAsked { .. } => "secret rotation asked",
            Self::RotationBegun { .. } => "secret rotation begun",
            Self::Rotated { .. } => "secret rotated",
            Self::RotationFailed { .. } => "secret rotation failed",
            Self::Retired { .. } => "secret retired",
            Self::Made { .. } => "secret made",
            Self::Abandoned { .. } => "secret abandoned",
            Self::Recovered => "secret recovered",
        }
    }
}

/// A step with a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretStep {
    /// It renews itself from now on.
    Source(Box<Sourced>),
    /// It is set by hand again.
    ByHand,
    /// The next value is to come now, and the one before to end at once if `at_once`.
    Ask {
        /// No overlap.
        at_once: bool,
    },
    /// What is to end at its source is left to people: the source is gone, or does not let it end.
    Abandon,
    /// The next value is about to be made (Writ itself).
    Begin(u64),
    /// Its source made it (Writ itself).
    Made {
        /// Its number.
        rotation: u64,
        /// What its source calls it.
        handle: String,
    },
    /// What failed works again (Writ itself).
    Recovered,
    /// It is in use (Writ itself).
    Rotated {
        /// Its number.
        rotation: u64,
        /// What its source calls it.
        handle: String,
        /// When it ends by itself.
        ends_ms: Option<Millis>,
    },
    /// It could not be made, or the one before not ended (Writ itself).
    Failed(String),
    /// The one before has ended (Writ itself).
    Retired(u64),
}

impl Version {
    /// One that another source made: nothing here can end it.
    fn foreign(self) -> Self {
        Self { handle: String::new(), ..self }
    }
}

impl Rotating {
    fn new(sourced: Sourced) -> Self {
        let (current, retiring, begun, failing) = (None, None, None, None);
        let (asked_ms, made) = (None, None);
        Self { sourced, current, retiring, asked_ms, at_once: false, begun, made, last: 0, failing }
    }

    /// When the next value is due; at once if there is none yet, or somebody asks.
    pub fn next_ms(&self) -> Millis {
        match &self.current {
            Some(current) if self.asked_ms.is_none() => self.successor_ms(current.since_ms, current.ends_ms),
            Some(_) | None => 0,
        }
    }

    /// When a value is due for the next.
    fn successor_ms(&self, since_ms: Millis, ends_ms: Option<Millis>) -> Millis {
        let by_age = since_ms.saturating_add(self.sourced.every_ms);
        let by_lease = ends_ms.map(|ends| {
            let use_ms = ends.saturating_sub(since_ms).saturating_mul(LEASE_USE_PERCENT) / 100;
            since_ms.saturating_add(use_ms.max(EVERY_MIN_MS))
        });
        by_lease.map_or(by_age, |by_lease| by_lease.min(by_age))
    }

    /// What is due, if anything. The one before ends before another is made: two roles take turns.
    pub fn due(&self, now_ms: Millis) -> Option<SecretDue> {
        match &self.retiring {
            Some((version, until_ms)) if *until_ms <= now_ms => Some(SecretDue::Retire(version.clone())),
            Some(_) => None,
            None if self.is_looked_at() => None,
            None if self.next_ms() <= now_ms => Some(SecretDue::Rotate(self.next())),
            None => None,
        }
    }

    /// Whether it changes elsewhere, and is looked at from time to time.
    pub fn is_looked_at(&self) -> bool {
        matches!(self.sourced.source, SecretSource::VaultKv(_))
    }

    /// The number of the next value.
    pub fn next(&self) -> u64 {
        self.made.as_ref().map_or(self.last.saturating_add(1), |(made, _)| *made)
    }

    /// What the source calls the values that live.
    pub fn handles(&self) -> impl Iterator<Item = &str> {
        let retiring = self.retiring.as_ref().map(|(version, _)| version);
        self.current.iter().chain(retiring).map(|version| version.handle.as_str())
    }
}

/// A secret that renewed itself before, and is set by hand now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    source: SecretSource,
    current: Option<Version>,
    last: u64,
}

impl State {
    /// Folds what happened to a secret that renews itself.
    pub(crate) fn change_secret(&mut self, name: &Name, change: &SecretChange, time_ms: Millis) {
        match change {
            SecretChange::Sourced(sourced) => self.source(name, sourced, time_ms),
            SecretChange::ByHand { .. } => {
                if let Some(Rotating { sourced, current, last, .. }) = self.rotating.remove(name) {
                    self.former.insert(name.clone(), Former { source: sourced.source, current, last });
                }
            }
            SecretChange::RotationAsked { at_once, .. } => self.with_rotating(name, |secret| {
                secret.asked_ms = Some(time_ms);
                secret.at_once |= *at_once;
                if let (true, Some((_, until_ms))) = (*at_once, &mut secret.retiring) {
                    *until_ms = time_ms;
                }
            }),
            SecretChange::RotationBegun { rotation } => {
                self.with_rotating(name, |secret| secret.begun = Some(*rotation));
            }
            SecretChange::Rotated { rotation, handle, ends_ms, retires_ms } => {
                self.sealed.insert(name.clone(), time_ms);
                self.with_rotating(name, |secret| {
                    let (rotation, handle) = (*rotation, handle.clone());
                    let new = Version { rotation, handle, since_ms: time_ms, ends_ms: *ends_ms };
                    secret.last = secret.last.max(new.rotation);
                    secret.retiring = secret.current.replace(new).zip(*retires_ms);
                    (secret.asked_ms, secret.at_once) = (None, false);
                    (secret.begun, secret.made, secret.failing) = (None, None, None);
                });
            }
            SecretChange::RotationFailed { reason, .. } => {
                self.with_rotating(name, |secret| secret.failing = Some(reason.clone()));
            }
            SecretChange::Retired { rotation } => self.with_rotating(name, |secret| {
                match &secret.made {
                    Some((made, _)) if made == rotation => (secret.made, secret.begun) = (None, None),
                    Some(_) | None => secret.retiring = None,
                }
                secret.failing = None;
            }),
            SecretChange::Made { rotation, handle } => self.with_rotating(name, |secret| {
                secret.last = secret.last.max(*rotation);
                secret.made = Some((*rotation, handle.clone()));
            }),
            SecretChange::Abandoned { .. } => self.with_rotating(name, |secret| {
                (secret.retiring, secret.made, secret.begun, secret.failing) = (None, None, None, None);
            }),
            SecretChange::Recovered => self.with_rotating(name, |secret| secret.failing = None),
        }
    }

    /// What is in use goes on until the next value comes. What another source made cannot be ended by this one, and its
    /// number is not given again.
    fn source(&mut self, name: &Name, sourced: &Sourced, time_ms: Millis) {
        let asked_ms = Some(time_ms);
        if let Some(before) = self.rotating.get_mut(name)
            && before.sourced.source == sourced.source
        {
            // A value in another form is another value.
            if before.current.is_none() || before.sourced.form != sourced.form {
                before.asked_ms = asked_ms;
            }
            before.sourced = sourced.clone();
            return;
        }
        let at_once = self.rotating.get(name).is_some_and(|before| before.at_once);
        let running = self.rotating.remove(name).map(|before| Former {
            source: before.sourced.source,
            current: before.current,
            last: before.last,
        });
        let former = running.or_else(|| self.former.remove(name));
        let last = former.as_ref().map_or(0, |former| former.last);
        let current = former.and_then(|former| {
            let known = |version: &Version| sourced.source.knows(&former.source, &version.handle);
            former.current.map(|version| if known(&version) { version } else { version.foreign() })
        });
        let rotating = Rotating { current, last, at_once, asked_ms, ..Rotating::new(sourced.clone()) };
        self.rotating.insert(name.clone(), rotating);
    }

    fn with_rotating(&mut self, name: &Name, change: impl FnOnce(&mut Rotating)) {
        if let Some(secret) = self.rotating.get_mut(name) {
            change(secret);
        }
    }

    /// What is due for which secret.
    pub fn due_secrets(&self, now_ms: Millis) -> BTreeMap<Name, SecretDue> {
        let due = |(name, secret): (&Name, &Rotating)| Some((name.clone(), secret.due(now_ms)?));
        self.rotating.iter().filter_map(due).collect()
    }
}

/// Admits a step.
pub(crate) fn step(
    state: &State,
    name: Name,
    step: SecretStep,
    reason: String,
    context: &Context,
) -> Result<Vec<Event>, Refusal> {
    let refused = |kind, reason: &str, help: &str| Err(Refusal::new(kind, reason, help));
    let conflict = |reason: &str| refused(RefusalKind::Conflict, reason, "");
    let own = match &step {
        SecretStep::Source(_) | SecretStep::ByHand | SecretStep::Ask { .. } | SecretStep::Abandon => false,
        SecretStep::Begin(_)
        | SecretStep::Made { .. }
        | SecretStep::Rotated { .. }
        | SecretStep::Failed(_)
        | SecretStep::Recovered
        | SecretStep::Retired(_) => true,
    };
    if own && context.actor != Actor::System {
        return refused(RefusalKind::NotEntitled, "only Writ itself says this", "");
    }
    let known = || {
        let help =
            "say with `writ secret from` where its values come from; `writ secret list` shows them all";
        let reason = format!("the secret `{name}` does not renew itself");
        state.rotating.get(&name).ok_or_else(|| Refusal::new(RefusalKind::NotFound, reason, help))
    };
    let change = match step {
        SecretStep::Source(sourced) => {
            if state.rotating.get(&name).is_some_and(|before| before.sourced.source != sourced.source) {
                no_end_awaited(state, &name)?;
            }
            if let Some(problem) = sourced.problem(&name, state) {
                return refused(RefusalKind::Invalid, &problem, "");
            }
            SecretChange::Sourced(*sourced)
        }
        SecretStep::ByHand => {
            known()?;
            no_end_awaited(state, &name)?;
            SecretChange::ByHand { reason }
        }
        SecretStep::Ask { at_once } => {
            if known()?.is_looked_at() {
                return refused(
                    RefusalKind::Conflict,
                    "its values change in the KV store, not here",
                    "change it there: it is looked at as often as `every` says",
                );
            }
            SecretChange::RotationAsked { at_once, reason }
        }
        SecretStep::Begin(rotation) => {
            let secret = known()?;
            if rotation != secret.next() {
                return conflict("another rotation is next");
            }
            // Begun before, and not come to its end: it goes on.
            if secret.begun == Some(rotation) {
                return Ok(Vec::new());
            }
            SecretChange::RotationBegun { rotation }
        }
        SecretStep::Rotated { rotation, handle, ends_ms } => {
            let secret = known()?;
            if secret.begun != Some(rotation) {
                return conflict("this rotation did not begin");
            }
            if secret.made.as_ref().is_some_and(|(_, made)| *made != handle) {
                return conflict("another value was made");
            }
            let overlap_ms = if secret.at_once { 0 } else { secret.sourced.overlap_ms };
            // In a KV store nothing is ended from here. Otherwise the one before ends when the next is due at the latest,
            // or when it ends by itself.
            let before = secret.current.as_ref().filter(|current| !current.handle.is_empty());
            let retires_ms = before.filter(|_| !secret.is_looked_at()).map(|before| {
                let next_ms = secret.successor_ms(context.now_ms, ends_ms);
                let overlap_ms = context.now_ms.saturating_add(overlap_ms).min(next_ms);
                before.ends_ms.map_or(overlap_ms, |ends_ms| ends_ms.min(overlap_ms))
            });
            SecretChange::Rotated { rotation, handle, ends_ms, retires_ms }
        }
        SecretStep::Failed(failure) => {
            let secret = known()?;
            let reason: String = failure.chars().take(FAILURE_CHARS_MAX).collect();
            if secret.failing.as_ref().is_some_and(|known| is_same_failure(known, &reason)) {
                return Ok(Vec::new());
            }
            SecretChange::RotationFailed { rotation: secret.next(), reason }
        }
        SecretStep::Made { rotation, handle } => {
            let secret = known()?;
            if secret.begun != Some(rotation) || secret.made.is_some() {
                return conflict("this rotation did not begin, or its value was made before");
            }
            if let Some(problem) = secret.problem_with(&handle) {
                return conflict(problem);
            }
            SecretChange::Made { rotation, handle }
        }
        SecretStep::Recovered => match known()?.failing {
            Some(_) => SecretChange::Recovered,
            None => return Ok(Vec::new()),
        },
        SecretStep::Abandon => {
            let secret = known()?;
            let retiring = secret.retiring.as_ref().map(|(version, _)| version.handle.clone());
            let Some(handle) = retiring.or_else(|| secret.made.as_ref().map(|(_, made)| made.clone())) else {
                return conflict("nothing of it waits to be ended");
            };
            SecretChange::Abandoned { handle, reason }
        }
        SecretStep::Retired(rotation) => {
            let secret = known()?;
            let retiring = secret.retiring.as_ref().is_some_and(|(version, _)| version.rotation == rotation);
            let made = secret.made.as_ref().is_some_and(|(made, _)| *made == rotation);
            if !retiring && !made {
                return conflict("this value is not about to end");
            }
            SecretChange::Retired { rotation }
        }
    };
    Ok(vec![Event::SecretChanged { name, change }])
}

/// Nothing is forgotten that is still to be ended at its source.
fn no_end_awaited(state: &State, name: &Name) -> Result<(), Refusal> {
    let help = "`writ secret list` says what waits, and why; `writ secret abandon` leaves its end to you";
    match state.rotating.get(name) {
        Some(secret) if secret.retiring.is_some() => Err(Refusal::new(
            RefusalKind::Conflict,
            "the value before this one has not ended yet at its source",
            help,
        )),
        Some(secret) if secret.made.is_some() => {
            Err(Refusal::new(RefusalKind::Conflict, "its source made a value that is not in use yet", help))
        }
        Some(_) | None => Ok(()),
    }
}

impl Rotating {
    /// What is wrong with what a source calls a new value, if anything.
    pub fn problem_with(&self, handle: &str) -> Option<&'static str> {
        if handle.is_empty() || handle.len() > HANDLE_BYTES_MAX {
            return Some("what its source calls it has between 1 and 1,024 bytes");
        }
        if handle.chars().any(is_invisible) {
            return Some("what its source calls it has characters that are not seen");
        }
        if self.handles().any(|known| known == handle) {
            return Some("its source calls it as it calls one that lives: the end of that would end both");
        }
        None
    }
}

impl Sourced {
    /// The fields that its form names, and whether it is well formed.
    pub fn fields(&self) -> Option<Vec<&str>> {
        let mut fields = Vec::new();
        let mut rest = self.form.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (field, after) = after.split_once('}')?;
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
            if before.contains('}') || field.is_empty() || !field.bytes().all(plain) {
                return None;
            }
            fields.push(field);
            rest = after;
        }
        (!rest.contains('}')).then_some(fields)
    }

    /// What is wrong with it, if anything.
    fn problem(&self, name: &Name, state: &State) -> Option<String> {
        if self.every_ms < EVERY_MIN_MS || self.every_ms > EVERY_MAX_MS {
            return Some("`every` is between 10 seconds and 366 days".into());
        }
        if self.overlap_ms >= self.every_ms {
            return Some(
                "`overlap` is shorter than `every`: the one before ends before the next comes".into(),
            );
        }
        let known: &[&str] = match &self.source {
            SecretSource::Postgres { .. } => &["user", "password"],
            SecretSource::Adapter { .. } => &["value"],
            SecretSource::VaultKv(_) | SecretSource::VaultDynamic(_) => &[],
        };
        let fields = self.fields().filter(|fields| !fields.is_empty() && self.form.len() <= TEXT_BYTES_MAX);
        let Some(fields) = fields else {
            return Some(format!(
                "the value `{}` has no form: text with fields in braces, for example \"{{user}}:{{password}}\"",
                self.form
            ));
        };
        if let Some(other) = fields.iter().find(|field| !known.is_empty() && !known.contains(field)) {
            return Some(format!(
                "there is no field `{other}` in its value; there are: {}",
                known.join(", ")
            ));
        }
        let needed = match &self.source {
            SecretSource::Postgres { admin, .. } => Some(admin),
            SecretSource::Adapter { token, .. } => token.as_ref(),
            SecretSource::VaultKv(vault) | SecretSource::VaultDynamic(vault) => Some(&vault.token),
        };
        match needed {
            Some(needed) if needed == name => return Some("a secret does not renew itself by itself".into()),
            Some(needed) if !state.sealed.contains_key(needed) => {
                return Some(format!("the secret `{needed}` is not sealed yet: `writ secret set {needed}`"));
            }
            Some(_) | None => {}
        }
        let others = state.rotating.iter().filter(|(other, _)| *other != name);
        let taken = others
            .filter(|(_, other)| self.source.shares_roles(&other.sourced.source))
            .map(|(other, _)| other);
        if let Some(other) = taken.into_iter().next() {
            return Some(format!(
                "the secret `{other}` has one of these roles: each would end the other's password"
            ));
        }
        self.source.problem()
    }
}

impl SecretSource {
    /// Whether both have a role of the same server.
    fn shares_roles(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Postgres { server, roles, .. }, Self::Postgres { server: there, roles: theirs, .. }) => {
                let host = |server: &str| {
                    server.split('@').nth(1).and_then(|rest| rest.split('/').next()).map(str::to_lowercase)
                };
                let mine = [&roles.0, &roles.1];
                host(server) == host(there) && (mine.contains(&&theirs.0) || mine.contains(&&theirs.1))
            }
            (_, _) => false,
        }
    }

    /// As people spell its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Postgres { .. } => "postgres",
            Self::Adapter { .. } => "adapter",
            Self::VaultKv(_) => "vault-kv",
            Self::VaultDynamic(_) => "vault-dynamic",
        }
    }

    /// Whether this source can end what another one calls so.
    fn knows(&self, other: &Self, handle: &str) -> bool {
        match (self, other) {
            // One of its own roles: it is in use, so that it is the other one's turn.
            (Self::Postgres { roles, .. }, Self::Postgres { .. }) => roles.0 == handle || roles.1 == handle,
            (_, _) => self == other,
        }
    }

    fn problem(&self) -> Option<String> {
        match self {
            Self::Postgres { server, roles, .. } => {
                let sound = server
                    .strip_prefix("postgresql://")
                    .and_then(|rest| rest.split_once('@'))
                    .is_some_and(|(user, rest)| {
                        !user.is_empty()
                            && !user.contains(':')
                            && rest
                                .split_once('/')
                                .is_some_and(|(host, database)| !host.is_empty() && !database.is_empty())
                    });
                if !sound || !address::plain(server) || server.contains(['?', '#', '%']) {
                    return Some(format!(
                        "the server `{server}` is not `postgresql://USER@HOST:PORT/DATABASE`; the password of USER is the secret that `admin` names"
                    ));
                }
                let role = |role: &str| (1..=63).contains(&role.len()) && !role.chars().any(is_invisible);
                let user = server.trim_start_matches("postgresql://").split('@').next().unwrap_or_default();
                if roles.0 == user || roles.1 == user {
                    return Some(format!("`{user}` changes the passwords of the roles, and is none of them"));
                }
                (!role(&roles.0) || !role(&roles.1) || roles.0 == roles.1)
                    .then(|| "`roles` are two different roles of the server".into())
            }
            Self::Adapter { url, .. } => address::problem(url),
            Self::VaultKv(vault) => {
                let below_data = vault.path.split('/').nth(1) == Some("data");
                vault.problem().or_else(|| {
                    (!below_data).then(|| "the path of a KV store of version 2 has `data` after its mount: `secret/data/app`".into())
                })
            }
            Self::VaultDynamic(vault) => vault.problem(),
        }
    }
}

impl Vault {
    fn problem(&self) -> Option<String> {
        let path = !self.path.is_empty()
            && address::plain(&self.path)
            && self.path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
            && !self.path.contains(['?', '#', '%']);
        if !path {
            return Some(format!(
                "`{}` is no path of a Vault: `database/creds/app`, without `/v1/`",
                self.path
            ));
        }
        if self.namespace.as_ref().is_some_and(|namespace| namespace.is_empty() || !address::plain(namespace))
        {
            return Some("the namespace is not one".into());
        }
        address::problem(&self.address)
    }
}

/// Whether two failures are said once, however often it is tried: times and counts in them make no other reason.
pub(crate) fn is_same_failure(known: &str, reason: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    plain(known) == plain(reason)
}
