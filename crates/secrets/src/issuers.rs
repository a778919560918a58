//! The keys that issuers publish, read from time to time. An issuer is asked at its own address, or at one that somebody
//! vouched for, and nowhere else: its document cannot send us to another host, and no redirection does.

use crate::SourceError;
use crate::web::{Roots, Web};
use authority::Authority;
use credential::foreign::IssuerKeys;
use hyper::{Method, Uri};
use registry::{Actor, Command, KeysAt, TrustedIssuer};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often keys are read: issuers publish a key well before they sign with it.
pub const KEYS_EVERY: Duration = Duration::from_secs(300);
/// Issuers that are asked at the same time at most.
const AT_ONCE_MAX: usize = 16;
/// OpenID Connect Discovery 1.0, section 4.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Reads keys.
#[derive(Clone)]
pub struct KeyReader(Web);

impl KeyReader {
    /// One that trusts servers by these roots.
    pub fn new(roots: Roots) -> Self {
        Self(Web::new(roots))
    }

    /// The keys of an issuer, in their normal form.
    pub async fn read(&self, issuer: &TrustedIssuer) -> Result<String, String> {
        self.published(issuer).await.map_err(|error| error.to_string())
    }

    /// Reads them all, again and again, until it is stopped. The first time at once.
    pub async fn run(self, authority: Authority, every: Duration, stop: CancellationToken) {
        let mut tick = tokio::time::interval(every);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if stop.run_until_cancelled(self.read_all(&authority)).await.is_none() {
                return;
            }
        }
    }

    async fn read_all(&self, authority: &Authority) {
        let read: Vec<TrustedIssuer> = {
            let rules = authority.rules();
            rules.state().issuers.values().filter(|issuer| issuer.keys_at.is_some()).cloned().collect()
        };
        for some in read.chunks(AT_ONCE_MAX) {
            let mut asked = JoinSet::new();
            for issuer in some.iter().cloned() {
                let (reader, authority) = (self.clone(), authority.clone());
                asked.spawn(async move {
                    let read = reader.read(&issuer).await;
                    if let Err(why) = &read {
                        tracing::warn!(issuer = %issuer.name, why, "keys could not be read: those of before go on");
                    }
                    let command = Command::ReadIssuerKeys { name: issuer.name.clone(), read };
                    // Dropped meanwhile: nothing is to be known of it.
                    if let Err(error) = authority.submit(Actor::System, command).await {
                        tracing::warn!(issuer = %issuer.name, %error, "what an issuer publishes is not on record");
                    }
                });
            }
            while asked.join_next().await.is_some() {}
        }
    }

    async fn published(&self, issuer: &TrustedIssuer) -> Result<String, SourceError> {
        let address = match &issuer.keys_at {
            None => return Err(SourceError::new("its keys were given by hand")),
            Some(KeysAt::Set(url)) => url.clone(),
            Some(KeysAt::Discovery) => self.discovered(&issuer.issuer).await?,
        };
        let answer = self.0.ask(Method::GET, &address, &[], None).await?;
        answer.succeeded(&address)?;
        let text = std::str::from_utf8(&answer.body)
            .map_err(|_| SourceError::new(format!("`{address}` is not text")))?;
        IssuerKeys::normal(text).map_err(|error| SourceError::new(format!("`{address}`: {error}")))
    }

    /// Where the issuer's document says that its keys are.
    async fn discovered(&self, issuer: &str) -> Result<String, SourceError> {
        let document = format!("{}{DISCOVERY}", issuer.trim_end_matches('/'));
        let said = self.0.ask(Method::GET, &document, &[], None).await?.json(&document)?;
        let text = |name: &str| {
            let found = said.get(name).and_then(serde_json::Value::as_str);
            found.ok_or_else(|| SourceError::new(format!("`{document}` has no `{name}`")))
        };
        // Section 4.3: else somebody speaks for another.
        if text("issuer")? != issuer {
            return Err(SourceError::new(format!(
                "`{document}` speaks for another issuer, `{}`",
                text("issuer")?
            )));
        }
        let keys = text("jwks_uri")?;
        if let Some(problem) = registry::address::problem(keys) {
            return Err(SourceError::new(format!("`{document}` says where its keys are: {problem}")));
        }
        match (origin(issuer), origin(keys)) {
            (Some(own), Some(named)) if own == named => Ok(keys.to_owned()),
            (_, _) => Err(SourceError::new(format!(
                "`{document}` sends to another host for its keys, `{keys}`: if that is right, give this address as the one of the keys"
            ))),
        }
    }
}

/// Scheme, host and port.
fn origin(address: &str) -> Option<(String, String, u16)> {
    let uri: Uri = address.parse().ok()?;
    let scheme = uri.scheme_str()?.to_owned();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}
