//! Keys of anything that has an API for them, through a small adapter: `docs/secrets.md` has the whole protocol.

use crate::form::Fields;
use crate::web::Web;
use crate::{Made, SourceError};
use hyper::header::AUTHORIZATION;
use hyper::{Method, StatusCode};
use registry::{Millis, Name};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

/// An adapter.
pub(crate) struct Adapter<'a> {
    pub(crate) web: &'a Web,
    pub(crate) url: &'a str,
    pub(crate) token: Option<Zeroizing<String>>,
    pub(crate) secret: &'a Name,
}

/// What an adapter answers to `create`.
#[derive(Deserialize)]
struct Created {
    /// What the key is called.
    id: String,
    /// The key.
    value: Zeroizing<String>,
    /// When it ends by itself, in seconds since 1970.
    #[serde(default)]
    expires_at: Option<u64>,
}

impl Adapter<'_> {
    /// Lets a key be made.
    pub(crate) async fn create(&self, rotation: u64) -> Result<Made, SourceError> {
        let body = json!({ "step": "create", "secret": self.secret.as_str(), "rotation": rotation });
        let answer = self.ask(&body).await?.json(self.url)?;
        // What is wrong is not quoted: it may be the key.
        let created: Created = serde_json::from_value(answer).map_err(|_| {
            SourceError::new(format!(
                "`{}` answered to `create` without an `id` and a `value` (text), and `expires_at` (a number) if it says that",
                self.url
            ))
        })?;
        let ends_ms: Option<Millis> = created.expires_at.map(|seconds| seconds.saturating_mul(1_000));
        Ok(Made { fields: Fields::from([("value".to_owned(), created.value)]), handle: created.id, ends_ms })
    }

    /// Lets a key end. One that is not there any more has.
    pub(crate) async fn revoke(&self, rotation: u64, id: &str) -> Result<(), SourceError> {
        let body =
            json!({ "step": "revoke", "secret": self.secret.as_str(), "rotation": rotation, "id": id });
        let answer = self.ask(&body).await?;
        if answer.status == StatusCode::NOT_FOUND { Ok(()) } else { answer.succeeded(self.url) }
    }

    async fn ask(&self, body: &serde_json::Value) -> Result<crate::web::Answer, SourceError> {
        let bearer = self.token.as_ref().map(|token| Zeroizing::new(format!("Bearer {}", token.as_str())));
        let headers: Vec<_> = bearer.iter().map(|bearer| (AUTHORIZATION, bearer.as_str())).collect();
        self.web.ask(Method::POST, self.url, &headers, Some(body)).await
    }
}
