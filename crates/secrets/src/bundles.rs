//! The bundles of other trust domains, read where they publish them and as often as they ask for (SPIFFE Federation
//! §4–5). Redirections are not followed: an address is what somebody vouched for.

use crate::web::{Roots, Web};
use authority::Authority;
use credential::{SpiffeId, TrustDomain, bundle};
use hyper::Method;
use registry::federation::REFRESH_MIN_S;
use registry::{Actor, BundleEndpoint, Command, EndpointProfile, FederationRelationship, TrustBundle};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

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
        let mut due: HashMap<String, (FederationRelationship, Instant)> = HashMap::new();
        let mut tick = tokio::time::interval(LOOK_EVERY);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let (known, asked) = self.due(&due, Instant::now());
            due.retain(|name, _| known.contains(name));
            for some in asked.chunks(AT_ONCE_MAX) {
                let reading = self.read_some(some, &mut due);
                if stop.run_until_cancelled(reading).await.is_none() {
                    return;
                }
            }
        }
    }

    /// Which trust domains there are, and which of them are to be asked: those whose time has come, and those of whom
    /// something else is known than when they were asked last.
    fn due(
        &self,
        due: &HashMap<String, (FederationRelationship, Instant)>,
        now: Instant,
    ) -> (Vec<String>, Vec<FederationRelationship>) {
        let rules = self.authority.rules();
        let federations = &rules.state().federations;
        let is_due = |relationship: &FederationRelationship| {
            let asked = due.get(&relationship.trust_domain);
            relationship.endpoint.is_some()
                && asked.is_none_or(|(asked, at)| asked != relationship || *at <= now)
        };
        let relationships = federations.values().map(|federation| &federation.relationship);
        (federations.keys().cloned().collect(), relationships.filter(|one| is_due(one)).cloned().collect())
    }

    async fn read_some(
        &self,
        some: &[FederationRelationship],
        due: &mut HashMap<String, (FederationRelationship, Instant)>,
    ) {
        let mut asked = JoinSet::new();
        for relationship in some.iter().cloned() {
            let reader = self.clone();
            asked.spawn(async move {
                let trust_domain = relationship.trust_domain.clone();
                let read = reader.read(&relationship).await;
                if let Err(why) = &read {
                    tracing::warn!(
                        trust_domain,
                        why,
                        "a bundle could not be read: the one of before goes on"
                    );
                }
                let command = Command::ReadFederatedBundle { asked: Box::new(relationship.clone()), read };
                let submitted = reader.authority.submit(Actor::System, command).await;
                if let Err(error) = &submitted {
                    tracing::warn!(trust_domain, %error, "what a trust domain publishes is not on record");
                }
                (relationship, submitted.is_ok())
            });
        }
        while let Some(answered) = asked.join_next().await {
            let Ok((relationship, on_record)) = answered else { continue };
            let rules = self.authority.rules();
            let Some(known) = rules.state().federations.get(&relationship.trust_domain) else { continue };
            // By what counts now, and not by what was said and refused. What was said anew meanwhile is due at once: it is
            // not what was asked.
            let (of, after_s) = match (on_record, &known.unread) {
                (true, None) => (known.relationship.clone(), known.relationship.bundle.refresh_s()),
                (true, Some(_)) => (known.relationship.clone(), REFRESH_MIN_S),
                (false, _) => (relationship, REFRESH_MIN_S),
            };
            let at = Instant::now() + Duration::from_secs(after_s);
            due.insert(of.trust_domain.clone(), (of, at));
        }
    }
}
