//! HashiCorp Vault and OpenBao over their HTTP API: a KV store of version 2, and secrets that are made at each reading.

use crate::form::Fields;
use crate::web::{Answer, Web};
use crate::{Made, SourceError};
use hyper::Method;
use hyper::header::HeaderName;
use registry::{Millis, Vault};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");

/// A path, and the token to ask with.
pub(crate) struct Client<'a> {
    pub(crate) web: &'a Web,
    pub(crate) place: &'a Vault,
    pub(crate) token: Zeroizing<String>,
}

/// What a dynamic engine answers.
#[derive(Deserialize)]
struct Leased {
    lease_id: String,
    /// In seconds.
    lease_duration: u64,
    data: Map<String, Value>,
}

/// What a KV store of version 2 answers.
#[derive(Deserialize)]
struct Kept {
    data: KeptData,
}

#[derive(Deserialize)]
struct KeptData {
    /// `null` where the newest version was deleted.
    data: Option<Map<String, Value>>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
}

impl Client<'_> {
    /// The newest version of what lies in a KV store.
    pub(crate) async fn kept(&self) -> Result<Made, SourceError> {
        let address = self.address(&self.place.path);
        let kept: Kept = self.read(&address).await?;
        let data = kept
            .data
            .data
            .ok_or_else(|| SourceError::new(format!("`{address}`: its newest version was deleted")))?;
        Ok(Made { fields: fields(data), handle: kept.data.metadata.version.to_string(), ends_ms: None })
    }

    /// Lets a secret be made.
    pub(crate) async fn lease(&self, now_ms: Millis) -> Result<Made, SourceError> {
        let address = self.address(&self.place.path);
        let leased: Leased = self.read(&address).await?;
        if leased.lease_id.is_empty() {
            return Err(SourceError::new(format!(
                "`{address}` gave no lease: it is no engine of dynamic secrets"
            )));
        }
        let life_ms = leased.lease_duration.saturating_mul(1_000);
        let ends_ms = (life_ms > 0).then(|| now_ms.saturating_add(life_ms));
        Ok(Made { fields: fields(leased.data), handle: leased.lease_id, ends_ms })
    }

    /// Ends a lease.
    pub(crate) async fn revoke(&self, lease: &str) -> Result<(), SourceError> {
        let address = self.address("sys/leases/revoke");
        let answer =
            self.ask(Method::PUT, &address, Some(&json!({ "lease_id": lease, "sync": true }))).await?;
        // One that ended by itself is not found; both servers say so with 400.
        let gone = answer.status.as_u16() == 400
            && String::from_utf8_lossy(&answer.body).contains("lease not found");
        if gone { Ok(()) } else { answer.succeeded(&address) }
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, address: &str) -> Result<T, SourceError> {
        let answer = self.ask(Method::GET, address, None).await?.json(address)?;
        // What is wrong is not quoted: it may be the secret.
        serde_json::from_value(answer).map_err(|_| {
            SourceError::new(format!(
                "`{address}` does not answer as this kind of source does: is it of another engine or version?"
            ))
        })
    }

    async fn ask(&self, method: Method, address: &str, body: Option<&Value>) -> Result<Answer, SourceError> {
        let mut headers = vec![(TOKEN, self.token.as_str())];
        headers.extend(self.place.namespace.iter().map(|namespace| (NAMESPACE, namespace.as_str())));
        self.web.ask(method, address, &headers, body).await
    }

    fn address(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.place.address.trim_end_matches('/'))
    }
}

/// The parts that are text, or numbers.
fn fields(data: Map<String, Value>) -> Fields {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => None,
    };
    data.into_iter().filter_map(|(name, value)| Some((name, Zeroizing::new(text(value)?)))).collect()
}
