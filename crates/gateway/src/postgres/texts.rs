//! Texts that were read before: what machines say, they say again and again.

use crate::limits::{LONG_TEXT_BYTES, LONG_TEXTS_MAX};
use registry::Service;
use sql::{Catalog, Path, Resolved, Statement, Unreadable, normal, read};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::Semaphore;

/// Texts kept at one time; when there is no more room, all are let go.
const TEXTS_MAX: usize = 4_096;
/// What they are together, in bytes: what was read of them is many times as large.
const TEXTS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest text that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// Texts that were read.
pub(crate) struct Texts {
    known: Mutex<Kept>,
    /// Whose turn it is to have a long one read.
    long: Semaphore,
}

impl Default for Texts {
    fn default() -> Self {
        Self { known: Mutex::default(), long: Semaphore::new(LONG_TEXTS_MAX) }
    }
}

#[derive(Default)]
struct Kept {
    texts: HashMap<Box<str>, Arc<Text>>,
    /// Bytes of all of them.
    bytes: usize,
}

/// A text that was read.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// What is in it.
    pub(crate) statements: Vec<Statement>,
    /// What that does, as it was found last.
    found: Mutex<Option<Found>>,
}

#[derive(Debug)]
struct Found {
    service: Weak<Service>,
    catalog: Weak<Catalog>,
    path: Path,
    resolved: Arc<Resolved>,
}

impl Text {
    /// One that is made and not read.
    pub(crate) fn of(statements: Vec<Statement>) -> Self {
        Self { statements, found: Mutex::default() }
    }

    /// What the only statement does; what was found last is used while nothing changed.
    pub(crate) fn resolve_only(
        &self,
        service: &Arc<Service>,
        catalog: &Arc<Catalog>,
        path: &Path,
    ) -> Option<Arc<Resolved>> {
        let [only] = self.statements.as_slice() else { return None };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = found.as_ref()
            && std::ptr::eq(found.service.as_ptr(), Arc::as_ptr(service))
            && std::ptr::eq(found.catalog.as_ptr(), Arc::as_ptr(catalog))
            && found.path == *path
        {
            return Some(found.resolved.clone());
        }
        let resolved = Arc::new(only.resolve(service, catalog, path));
        *found = Some(Found {
            service: Arc::downgrade(service),
            catalog: Arc::downgrade(catalog),
            path: path.clone(),
            resolved: resolved.clone(),
        });
        Some(resolved)
    }
}

impl Texts {
    /// Reads a text, or remembers it.
    pub(crate) async fn read(&self, text: &str) -> Result<Arc<Text>, Unreadable> {
        if text.len() > LONG_TEXT_BYTES {
            return self.read_long(text).await;
        }
        self.read_now(text)
    }

    /// A long text is read beside everything else, and few at one time: its tree is many times as large.
    async fn read_long(&self, text: &str) -> Result<Arc<Text>, Unreadable> {
        let Ok(_turn) = self.long.acquire().await else { return Err(Unreadable::Long) };
        let text = text.to_owned();
        let reading = tokio::task::spawn_blocking(move || read(&text));
        let statements = reading.await.unwrap_or(Err(Unreadable::Large))?;
        Ok(Arc::new(Text::of(statements)))
    }

    fn read_now(&self, text: &str) -> Result<Arc<Text>, Unreadable> {
        let key = normal(text);
        let keeps = key.len() <= TEXT_BYTES_MAX;
        if keeps
            && let Some(known) =
                self.known.lock().unwrap_or_else(PoisonError::into_inner).texts.get(key.as_ref())
        {
            return Ok(known.clone());
        }
        // A number that must not be 0 where it stands: the text as it is, and not kept.
        let (statements, keeps) = match read(&key) {
            Ok(statements) => (statements, keeps),
            Err(_) => (read(text)?, false),
        };
        let made = Arc::new(Text::of(statements));
        if keeps {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.texts.len() >= TEXTS_MAX || known.bytes + key.len() > TEXTS_BYTES_MAX {
                *known = Kept::default();
            }
            // Somebody else may have kept it meanwhile.
            let bytes = key.len();
            if known.texts.insert(key.into(), made.clone()).is_none() {
                known.bytes += bytes;
            }
        }
        Ok(made)
    }
}
