//! What is due is done. Each step is on record before it has an effect, and a rotation that was cut off anywhere goes on
//! where it was: the new value is sealed beside the one in use before its source is told, and takes its place after the
//! rotation is on record.

use crate::adapter::Adapter;
use crate::form::{Fields, fill};
use crate::postgres::{Server, turn};
use crate::vault;
use crate::web::{Roots, Web};
use crate::{Made, SourceError};
use authority::{Authority, SubmitError};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use registry::{Actor, Command, Millis, Name, Rotating, SecretDue, SecretSource, SecretStep, Vault, Version};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// Secrets that are worked on at the same time at most.
const AT_ONCE_MAX: usize = 16;
/// How often it is looked what is due.
const TICK: Duration = Duration::from_secs(1);
/// The longest wait after failures; the first is a second, and each doubles it.
const WAIT_MAX_MS: Millis = 60_000;
/// How long what is under way may take when Writ stops.
const DRAIN: Duration = Duration::from_secs(10);
/// A value that ends sooner than this is no good: it is longer in use, with something to spare.
const LIFE_MIN_MS: Millis = registry::secret::EVERY_MIN_MS + 5_000;
/// Random bytes of a password.
const PASSWORD_BYTES: usize = 32;

/// Keeps values, sealed.
pub trait SealedStore: Send + Sync {
    /// The value of a name, if there is one.
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String>;
    /// Keeps a value, durably, in place of an earlier one.
    fn put(&self, name: &str, value: &[u8]) -> Result<(), String>;
    /// Forgets a value. That there is none is no error.
    fn remove(&self, name: &str) -> Result<(), String>;
}

/// What rotation needs.
#[derive(Clone)]
pub struct Ports {
    /// Says what is due, and records.
    pub authority: Authority,
    /// Where values lie.
    pub store: Arc<dyn SealedStore>,
    /// By whom sources are trusted.
    pub roots: Roots,
}

/// What is to be done with a secret now.
enum Due {
    /// What is due by the registry.
    Step(SecretDue),
    /// It lies elsewhere: has it changed?
    Look,
    /// A value that is on record is to take its place.
    Settle,
}

/// Rotates until it is stopped.
pub async fn run(ports: Ports, stop: CancellationToken) {
    let rotation = Rotation { web: Web::new(ports.roots.clone()), ports };
    let mut changes = rotation.ports.authority.changes();
    let mut under_way = JoinSet::new();
    // By their tasks: one that ends without an answer frees its secret too.
    let mut busy: HashMap<Id, Name> = HashMap::new();
    let mut waits_of: BTreeMap<Name, Wait> = BTreeMap::new();
    let mut looked: BTreeMap<Name, Millis> = BTreeMap::new();
    // What a process before this one may have left.
    let mut unsettled: BTreeSet<Name> =
        rotation.ports.authority.rules().state().rotating.keys().cloned().collect();
    loop {
        let now_ms = rotation.ports.authority.now_ms();
        for (name, due) in rotation.due(now_ms, &looked, &unsettled) {
            // Whoever asks anew does not wait for what failed before.
            let asked_ms = rotation.asked_ms(&name);
            let waits =
                |wait: &Wait| now_ms < wait.until_ms && asked_ms.is_none_or(|asked| asked <= wait.since_ms);
            let waiting = waits_of.get(&name).is_some_and(waits);
            if waiting || busy.len() >= AT_ONCE_MAX || busy.values().any(|one| *one == name) {
                continue;
            }
            if matches!(due, Due::Look) {
                looked.insert(name.clone(), now_ms);
            }
            let (rotation, secret) = (rotation.clone(), name.clone());
            let task = under_way.spawn(async move { rotation.take(&secret, due).await });
            busy.insert(task.id(), name);
        }
        tokio::select! {
            () = stop.cancelled() => {
                // A value that was made and is on no record yet would be lost.
                let rest = async { while under_way.join_next().await.is_some() {} };
                if tokio::time::timeout(DRAIN, rest).await.is_err() {
                    tracing::warn!("a rotation was cut off: it goes on at the next start");
                }
                return;
            }
            Some(ended) = under_way.join_next_with_id() => {
                let (task, done) = match ended {
                    Ok(answered) => answered,
                    Err(error) => (error.id(), Err(SourceError::new("the rotation ended without an answer"))),
                };
                let Some(name) = busy.remove(&task) else { continue };
                match done {
                    Ok(()) => {
                        waits_of.remove(&name);
                        unsettled.remove(&name);
                    }
                    Err(error) => {
                        tracing::error!(secret = %name, %error, "a secret was not rotated");
                        let failures = waits_of.get(&name).map_or(0, |wait| wait.failures);
                        let wait_ms = 1_000_u64.saturating_mul(1 << failures.min(10)).min(WAIT_MAX_MS);
                        let since_ms = rotation.ports.authority.now_ms();
                        let until_ms = since_ms.saturating_add(wait_ms);
                        let failures = failures.saturating_add(1);
                        waits_of.insert(name.clone(), Wait { failures, since_ms, until_ms });
                        rotation.failed(&name, &error).await;
                        // Perhaps a value on record is not in its place.
                        unsettled.insert(name);
                    }
                }
            }
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// After failures.
struct Wait {
    failures: u32,
    since_ms: Millis,
    until_ms: Millis,
}

#[derive(Clone)]
struct Rotation {
    ports: Ports,
    web: Web,
}

/// A value that waits to be put in use.
#[derive(Serialize, Deserialize)]
struct Staged {
    rotation: u64,
    handle: String,
    ends_ms: Option<Millis>,
    /// Where it comes from: of another source it is worth nothing.
    source: String,
    fields: Fields,
}

impl Rotation {
    fn due(
        &self,
        now_ms: Millis,
        looked: &BTreeMap<Name, Millis>,
        unsettled: &BTreeSet<Name>,
    ) -> Vec<(Name, Due)> {
        let rules = self.ports.authority.rules();
        let state = rules.state();
        let steps = state.due_secrets(now_ms).into_iter().map(|(name, due)| (name, Due::Step(due)));
        let at_hand = |(name, secret): (&Name, &Rotating)| {
            let last_ms = looked.get(name).copied().unwrap_or_default();
            let due = now_ms >= last_ms.saturating_add(secret.sourced.every_ms);
            (secret.is_looked_at() && (due || secret.asked_ms.is_some())).then(|| (name.clone(), Due::Look))
        };
        let looks = state.rotating.iter().filter_map(at_hand);
        let settles = unsettled.iter().map(|name| (name.clone(), Due::Settle));
        steps.chain(looks).chain(settles).collect()
    }

    fn asked_ms(&self, name: &Name) -> Option<Millis> {
        self.ports.authority.rules().state().rotating.get(name)?.asked_ms
    }

    async fn take(&self, name: &Name, due: Due) -> Result<(), SourceError> {
        let Some(secret) = self.ports.authority.rules().state().rotating.get(name).cloned() else {
            return Ok(());
        };
        // Before anything ends, what replaces it is in its place.
        self.settle(name, &secret)?;
        match due {
            Due::Settle => Ok(()),
            Due::Step(SecretDue::Rotate(rotation)) => self.rotate(name, &secret, rotation).await,
            Due::Step(SecretDue::Retire(version)) => self.retire(name, &secret, &version).await,
            Due::Look => self.look(name, &secret).await,
        }
    }

    async fn rotate(&self, name: &Name, secret: &Rotating, rotation: u64) -> Result<(), SourceError> {
        self.record(name, SecretStep::Begin(rotation)).await?;
        let now_ms = self.ports.authority.now_ms();
        let good = |staged: &Staged| {
            let fields = secret.sourced.fields().unwrap_or_default();
            let lives = staged.ends_ms.is_none_or(|ends_ms| ends_ms > now_ms.saturating_add(LIFE_MIN_MS));
            staged.rotation == rotation
                && lives
                && fields.iter().all(|field| staged.fields.contains_key(*field))
        };
        let staged = match (self.staged(name, secret)?.filter(good), &secret.made) {
            (Some(staged), _) => staged,
            // It was made, and cannot be used: it ends, and another is made.
            (None, Some((made, handle))) => {
                self.end(name, secret, *made, handle).await?;
                return self.record(name, SecretStep::Retired(*made)).await;
            }
            (None, None) => self.made(name, secret, rotation).await?,
        };
        if let SecretSource::Postgres { server, admin, .. } = &secret.sourced.source {
            let password =
                staged.fields.get("password").ok_or_else(|| SourceError::new("no password is staged"))?;
            self.server(server, admin)?.renew(&staged.handle, password).await?;
        }
        // A form that its parts do not fill is found before anything is in use.
        drop(fill(&secret.sourced.form, &staged.fields)?);
        self.put_in_use(name, secret, staged).await
    }

    /// The next value, made, on record and sealed beside the one in use. What cannot be used is ended at once.
    async fn made(&self, name: &Name, secret: &Rotating, rotation: u64) -> Result<Staged, SourceError> {
        let made = self.make(name, secret, rotation).await?;
        let handle = made.handle.clone();
        let here = matches!(secret.sourced.source, SecretSource::Postgres { .. });
        let problem = || -> Result<(), SourceError> {
            if let (false, Some(problem)) = (here, secret.problem_with(&handle)) {
                return Err(SourceError::new(problem));
            }
            let soon_ms = self.ports.authority.now_ms().saturating_add(LIFE_MIN_MS);
            if made.ends_ms.is_some_and(|ends_ms| ends_ms <= soon_ms) {
                return Err(SourceError::new(
                    "its source made a value that ends at once: times are seconds since 1970",
                ));
            }
            fill(&secret.sourced.form, &made.fields).map(drop)
        };
        let sound = problem();
        let staged = Staged::new(rotation, made, secret);
        if here {
            sound?;
            self.stage(name, &staged)?;
            return Ok(staged);
        }
        if let Err(problem) = sound {
            // Unless its end would end another one too.
            if !handle.is_empty() && !secret.handles().any(|known| known == handle) {
                self.end(name, secret, rotation, &handle).await?;
            }
            return Err(problem);
        }
        self.record(name, SecretStep::Made { rotation, handle }).await?;
        self.stage(name, &staged)?;
        Ok(staged)
    }

    /// The next value as its source makes it; of a PostgreSQL role only thought of.
    async fn make(&self, name: &Name, secret: &Rotating, rotation: u64) -> Result<Made, SourceError> {
        match &secret.sourced.source {
            SecretSource::Postgres { roles, .. } => {
                let role = turn(roles, secret.current.as_ref().map(|current| current.handle.as_str()));
                let mut bytes = Zeroizing::new([0; PASSWORD_BYTES]);
                rand::fill(bytes.as_mut_slice()).map_err(|_| SourceError::new("no randomness"))?;
                let password = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice()));
                let user = Zeroizing::new(role.to_owned());
                let fields = Fields::from([("user".to_owned(), user), ("password".to_owned(), password)]);
                Ok(Made { fields, handle: role.to_owned(), ends_ms: None })
            }
            SecretSource::Adapter { url, token } => {
                self.adapter(name, url, token.as_ref())?.create(rotation).await
            }
            SecretSource::VaultKv(vault) => self.vault(vault)?.kept().await,
            SecretSource::VaultDynamic(vault) => {
                self.vault(vault)?.lease(self.ports.authority.now_ms()).await
            }
        }
    }

    async fn retire(&self, name: &Name, secret: &Rotating, version: &Version) -> Result<(), SourceError> {
        // What ended by itself needs nobody's permission.
        let over = version.ends_ms.is_some_and(|ends_ms| ends_ms <= self.ports.authority.now_ms());
        if !over {
            self.end(name, secret, version.rotation, &version.handle).await?;
        }
        self.record(name, SecretStep::Retired(version.rotation)).await
    }

    /// Ends a value at its source.
    async fn end(
        &self,
        name: &Name,
        secret: &Rotating,
        rotation: u64,
        handle: &str,
    ) -> Result<(), SourceError> {
        match &secret.sourced.source {
            SecretSource::Postgres { server, admin, .. } => self.server(server, admin)?.retire(handle).await,
            SecretSource::Adapter { url, token } => {
                self.adapter(name, url, token.as_ref())?.revoke(rotation, handle).await
            }
            SecretSource::VaultDynamic(vault) => self.vault(vault)?.revoke(handle).await,
            // Its versions end where they lie.
            SecretSource::VaultKv(_) => Ok(()),
        }
    }

    /// Takes over what changed where it lies.
    async fn look(&self, name: &Name, secret: &Rotating) -> Result<(), SourceError> {
        let made = self.make(name, secret, secret.next()).await?;
        let same = secret.current.as_ref().is_some_and(|current| current.handle == made.handle);
        if same && secret.asked_ms.is_none() {
            return self.record(name, SecretStep::Recovered).await;
        }
        drop(fill(&secret.sourced.form, &made.fields)?);
        self.record(name, SecretStep::Begin(secret.next())).await?;
        let staged = Staged::new(secret.next(), made, secret);
        self.stage(name, &staged)?;
        self.put_in_use(name, secret, staged).await
    }

    async fn put_in_use(&self, name: &Name, secret: &Rotating, staged: Staged) -> Result<(), SourceError> {
        let Staged { rotation, handle, ends_ms, fields, .. } = staged;
        self.record(name, SecretStep::Rotated { rotation, handle, ends_ms }).await?;
        self.place(name, secret, &fields)
    }

    /// Puts a value in its place that is on record and waits.
    fn settle(&self, name: &Name, secret: &Rotating) -> Result<(), SourceError> {
        match (self.staged(name, secret)?, &secret.current) {
            (Some(staged), Some(current)) if staged.rotation == current.rotation => {
                self.place(name, secret, &staged.fields)
            }
            (Some(_) | None, _) => Ok(()),
        }
    }

    fn place(&self, name: &Name, secret: &Rotating, fields: &Fields) -> Result<(), SourceError> {
        let value = fill(&secret.sourced.form, fields)?;
        let store = &self.ports.store;
        let placed = store.put(name.as_str(), value.as_bytes()).and_then(|()| store.remove(&beside(name)));
        placed.map_err(SourceError)
    }

    fn stage(&self, name: &Name, staged: &Staged) -> Result<(), SourceError> {
        let bytes = serde_json::to_vec(staged).map_err(|error| SourceError::new(error.to_string()))?;
        self.ports.store.put(&beside(name), &Zeroizing::new(bytes)).map_err(SourceError)
    }

    fn staged(&self, name: &Name, secret: &Rotating) -> Result<Option<Staged>, SourceError> {
        let Some(bytes) = self.ports.store.get(&beside(name)).map_err(SourceError)? else { return Ok(None) };
        // What another version of Writ wrote, or another source gave, is made anew.
        let staged: Option<Staged> = serde_json::from_slice(&bytes).ok();
        Ok(staged.filter(|staged| staged.source == source_text(secret)))
    }

    fn server<'a>(&'a self, url: &'a str, admin: &Name) -> Result<Server<'a>, SourceError> {
        Ok(Server { roots: &self.ports.roots, url, password: self.sealed(admin)? })
    }

    fn adapter<'a>(
        &'a self,
        secret: &'a Name,
        url: &'a str,
        token: Option<&Name>,
    ) -> Result<Adapter<'a>, SourceError> {
        let token = token.map(|token| self.sealed(token)).transpose()?;
        Ok(Adapter { web: &self.web, url, token, secret })
    }

    fn vault<'a>(&'a self, place: &'a Vault) -> Result<vault::Client<'a>, SourceError> {
        Ok(vault::Client { web: &self.web, place, token: self.sealed(&place.token)? })
    }

    /// Another secret, by which the source is asked.
    fn sealed(&self, name: &Name) -> Result<Zeroizing<String>, SourceError> {
        let bytes = self.ports.store.get(name.as_str()).map_err(SourceError)?;
        let bytes = bytes.ok_or_else(|| SourceError::new(format!("the secret `{name}` is not sealed")))?;
        let text = std::str::from_utf8(&bytes);
        text.map(|text| Zeroizing::new(text.to_owned()))
            .map_err(|_| SourceError::new(format!("the secret `{name}` is not text")))
    }

    async fn record(&self, name: &Name, step: SecretStep) -> Result<(), SourceError> {
        let command = Command::Secret { name: name.clone(), step, reason: "it is due".to_owned() };
        let submitted = self.ports.authority.submit(Actor::System, command).await;
        submitted.map(drop).map_err(|error| SourceError::new(error.to_string()))
    }

    async fn failed(&self, name: &Name, error: &SourceError) {
        let reason = error.to_string();
        let command = Command::Secret {
            name: name.clone(),
            step: SecretStep::Failed(reason),
            reason: "it is due".to_owned(),
        };
        match self.ports.authority.submit(Actor::System, command).await {
            // It was taken back meanwhile.
            Ok(_) | Err(SubmitError::Refused(_)) => {}
            Err(error) => tracing::error!(secret = %name, %error, "that a rotation failed is not on record"),
        }
    }
}

impl Staged {
    fn new(rotation: u64, made: Made, secret: &Rotating) -> Self {
        let Made { fields, handle, ends_ms } = made;
        Self { rotation, handle, ends_ms, source: source_text(secret), fields }
    }
}

/// Where a value comes from, to tell sources apart.
fn source_text(secret: &Rotating) -> String {
    format!("{:?}", secret.sourced.source)
}

/// Where a value waits; no secret can be called so.
fn beside(name: &Name) -> String {
    format!("{name}.next")
}
