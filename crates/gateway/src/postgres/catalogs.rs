//! Catalogs of databases: read once, kept while they are fresh, read again beside their use when they are not quite.

use super::upstream::{Login, Server, Upstream, UpstreamError};
use crate::limits::{CATALOG_AGE_MAX, CATALOG_BYTES_MAX, CATALOG_FRESH, CATALOG_TIME_MAX};
use registry::ServiceId;
use sql::Catalog;
use sql::catalog::{ALONE, QUERIES, Row};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What is known of each database.
#[derive(Default)]
pub(crate) struct Catalogs {
    known: Mutex<HashMap<ServiceId, Arc<Kept>>>,
}

#[derive(Default)]
struct Kept {
    read: Mutex<Read>,
    /// Held by whoever reads.
    reading: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Read {
    catalog: Option<(Arc<Catalog>, Instant)>,
    /// How often what was known was given up: what was begun to be read before is not kept.
    given_up: u64,
}

impl Catalogs {
    fn kept(&self, service: ServiceId) -> Arc<Kept> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(service).or_default().clone()
    }

    /// The catalog of a service's database. One that is nearly too old is given, and read again meanwhile.
    pub(crate) async fn get(
        &self,
        service: ServiceId,
        server: &Server,
        login: impl Fn() -> Result<Login, UpstreamError>,
    ) -> Result<Arc<Catalog>, UpstreamError> {
        let kept = self.kept(service);
        if let Some(catalog) = kept.at_most(CATALOG_FRESH) {
            return Ok(catalog);
        }
        if let Some(catalog) = kept.at_most(CATALOG_AGE_MAX) {
            if let (Ok(held), Ok(login)) = (kept.reading.clone().try_lock_owned(), login()) {
                let server = server.clone();
                tokio::spawn(async move {
                    if let Err(error) = kept.renew(&server, &login).await {
                        tracing::warn!(%error, "a database's catalog could not be read again");
                    }
                    drop(held);
                });
            }
            return Ok(catalog);
        }
        let _held = kept.reading.lock().await;
        // Somebody else may have read it meanwhile.
        if let Some(catalog) = kept.at_most(CATALOG_FRESH) {
            return Ok(catalog);
        }
        kept.renew(server, &login()?).await
    }

    /// What is known of a database is so no more.
    pub(crate) fn forget(&self, service: ServiceId) {
        let kept = self.kept(service);
        let mut read = kept.read();
        read.given_up += 1;
        read.catalog = None;
    }
}

impl Kept {
    fn read(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at_most(&self, age: Duration) -> Option<Arc<Catalog>> {
        self.read().catalog.as_ref().filter(|(_, at)| at.elapsed() <= age).map(|(catalog, _)| catalog.clone())
    }

    async fn renew(&self, server: &Server, login: &Login) -> Result<Arc<Catalog>, UpstreamError> {
        let (began, given_up) = (Instant::now(), self.read().given_up);
        let read = async { read(server.login(login, &[("application_name", "writ catalog")]).await?).await };
        let catalog = tokio::time::timeout(CATALOG_TIME_MAX, read)
            .await
            .map_err(|_| UpstreamError::Late(CATALOG_TIME_MAX))??;
        let catalog = Arc::new(catalog);
        let mut kept = self.read();
        if kept.given_up == given_up {
            // As old as when it was begun to be read.
            kept.catalog = Some((catalog.clone(), began));
        }
        Ok(catalog)
    }
}

async fn read(mut upstream: Upstream) -> Result<Catalog, UpstreamError> {
    let mut answers: [Vec<Row>; 5] = Default::default();
    // One picture, not several.
    upstream.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", CATALOG_BYTES_MAX).await?;
    upstream.ask(ALONE, CATALOG_BYTES_MAX).await?;
    for (query, answer) in QUERIES.iter().zip(&mut answers) {
        *answer = upstream.ask(query, CATALOG_BYTES_MAX).await?;
    }
    upstream.ask("COMMIT", CATALOG_BYTES_MAX).await?;
    upstream.close().await;
    // Every view is read, which takes a while.
    let made = tokio::task::spawn_blocking(move || Catalog::of(answers)).await;
    let made = made.map_err(|error| UpstreamError::Refused(error.to_string()))?;
    made.map_err(|error| UpstreamError::Refused(error.to_string()))
}
