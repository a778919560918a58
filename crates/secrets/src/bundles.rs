//! The bundles of other trust domains, read where they publish them and as often as they ask for (SPIFFE Federation
//! §4–5). Redirections are not followed: an address is what somebody vouched for.

use crate::web::{Roots, Web};
use authority::Authority;
use credential::{SpiffeId, TrustDomain, bundle};
use hyper::Method;
use registry::{Actor, BundleEndpoint, Command, EndpointProfile, FederationRelationship, TrustBundle};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a trust domain is asked that does not say how often (SPIFFE Federation §4.1).
pub(crate) const REFRESH_DEFAULT: Duration = Duration::from_secs(300);
/// How often it is asked at most, and again after it could not be read.
pub(crate) const REFRESH_MIN: Duration = Duration::from_secs(60);
/// How often it is asked at least: what is taken back must not count for long.
pub(crate) const REFRESH_MAX: Duration = Duration::from_secs(86_400);
/// How often is looked who is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Trust domains that are asked at the same time at most.
const AT_ONCE_MAX: usize = 16;

/// Reads bundles.
#[derive(Clone)]
pub struct BundleReader {
    authority: Authority,
    web: Web,
}

impl BundleReader {
    /// One that trusts servers of the web by these roots.
    pub fn new(authority: Authority, roots: Roots) -> Self {
        Self { authority, web: Web::new(roots) }
    }

    /// What a trust domain publishes now.
    pub async fn read(&self, relationship: &FederationRelationship) -> Result<TrustBundle, String> {
        let of: TrustDomain = relationship.trust_domain.parse().map_err(|error| format!("{error}"))?;
        let Some(BundleEndpoint { url, profile }) = &relationship.endpoint else {
            return Err("its bundle is given by hand".into());
        };
        let web = match profile {
            EndpointProfile::Web => self.web.clone(),
            EndpointProfile::Spiffe(id) => {
                let id: SpiffeId = id.parse().map_err(|error| format!("`{id}` is {error}"))?;
                let roots = self.roots_of(&id, relationship)?;
                Web::new(Roots::spiffe(roots, id).map_err(|error| error.to_string())?)
            }
        };
        let answer = web.ask(Method::GET, url, &[], None).await.map_err(|error| error.to_string())?;
        answer.succeeded(url).map_err(|error| error.to_string())?;
        let text = std::str::from_utf8(&answer.body).map_err(|_| format!("`{url}` is not text"))?;
        bundle::parse(text, &of).map_err(|error| format!("`{url}`: {error}"))
    }

    /// The roots by which the server of an endpoint is recognised: of the trust domain that its SPIFFE ID names.
    fn roots_of(&self, id: &SpiffeId, relationship: &FederationRelationship) -> Result<Vec<Vec<u8>>, String> {
        let name = id.trust_domain().as_str();
        let of = |bundle: &TrustBundle| bundle.roots.iter().map(|root| root.to_vec()).collect::<Vec<_>>();
        let rules = self.authority.rules();
        let roots = if name == relationship.trust_domain {
            of(&relationship.bundle)
        } else if id.trust_domain() == self.authority.ca().trust_domain() {
            rules.state().trusted_roots().map(|(_, root)| root.certificate.clone()).collect()
        } else {
            let known = rules.state().federations.get(name);
            known.map(|federation| of(&federation.relationship.bundle)).unwrap_or_default()
        };
        if roots.is_empty() {
            return Err(format!(
                "its server is to be `{id}`, and no root of `{name}` is known by which to tell"
            ));
        }
        Ok(roots)
    }

    /// Reads them all, each as often as it asks for, until it is stopped. The first time at once.
    pub async fn run(self, stop: CancellationToken) {
        let mut due: HashMap<String, (BundleEndpoint, Instant)> = HashMap::new();
        let mut tick = tokio::time::interval(LOOK_EVERY);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let now = Instant::now();
            let (known, asked) = self.due(&due, now);
            due.retain(|name, _| known.contains(name));
            for some in asked.chunks(AT_ONCE_MAX) {
                let reading = self.read_some(some, &mut due);
                if stop.run_until_cancelled(reading).await.is_none() {
                    return;
                }
            }
        }
    }

    /// Which trust domains there are, and which of them are to be asked.
    fn due(
        &self,
        due: &HashMap<String, (BundleEndpoint, Instant)>,
        now: Instant,
    ) -> (Vec<String>, Vec<FederationRelationship>) {
        let rules = self.authority.rules();
        let federations = &rules.state().federations;
        let is_due = |relationship: &FederationRelationship| {
            let Some(endpoint) = &relationship.endpoint else { return false };
            due.get(&relationship.trust_domain).is_none_or(|(asked, at)| asked != endpoint || *at <= now)
        };
        let relationships = federations.values().map(|federation| &federation.relationship);
        (federations.keys().cloned().collect(), relationships.filter(|one| is_due(one)).cloned().collect())
    }

    async fn read_some(
        &self,
        some: &[FederationRelationship],
        due: &mut HashMap<String, (BundleEndpoint, Instant)>,
    ) {
        let mut asked = JoinSet::new();
        for relationship in some.iter().cloned() {
            let reader = self.clone();
            asked.spawn(async move {
                let read = reader.read(&relationship).await;
                (relationship, read)
            });
        }
        while let Some(answered) = asked.join_next().await {
            let Ok((FederationRelationship { trust_domain, endpoint: Some(endpoint), .. }, read)) = answered
            else {
                continue;
            };
            let after = match &read {
                Ok(bundle) => bundle
                    .refresh_hint_s
                    .map_or(REFRESH_DEFAULT, Duration::from_secs)
                    .clamp(REFRESH_MIN, REFRESH_MAX),
                Err(why) => {
                    tracing::warn!(
                        trust_domain,
                        why,
                        "a bundle could not be read: the one of before goes on"
                    );
                    REFRESH_MIN
                }
            };
            due.insert(trust_domain.clone(), (endpoint.clone(), Instant::now() + after));
            let command = Command::ReadFederatedBundle { trust_domain: trust_domain.clone(), endpoint, read };
            // Ended or moved meanwhile: nothing is to be known of it.
            if let Err(error) = self.authority.submit(Actor::System, command).await {
                tracing::warn!(trust_domain, %error, "what a trust domain publishes is not on record");
            }
        }
    }
}
