//! What this SCIM endpoint can do (RFC 7643 §5–7).

use super::user::SCHEMA;
use super::{Answer, answer};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// `GET /scim/v2/ServiceProviderConfig`.
pub(super) async fn config() -> Answer {
    let no = json!({ "supported": false });
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": 200 },
        "changePassword": no, "sort": no, "etag": no,
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Bearer token", "description": "The token in scim.json", "primary": true,
        }],
    });
    answer(StatusCode::OK, &body)
}

/// `GET /scim/v2/ResourceTypes`.
pub(super) async fn types() -> Answer {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User", "name": "User", "endpoint": "/Users", "schema": SCHEMA,
    });
    answer(StatusCode::OK, &all(&[user]))
}

/// `GET /scim/v2/Schemas`.
pub(super) async fn schemas() -> Answer {
    let attribute = |name: &str, kind: &str, required: bool| {
        json!({ "name": name, "type": kind, "multiValued": name == "emails", "required": required, "caseExact": false,
                "mutability": "readWrite", "returned": "default", "uniqueness": if name == "userName" { "server" } else { "none" } })
    };
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": SCHEMA, "name": "User", "description": "Somebody who answers for machines",
        "attributes": [
            attribute("userName", "string", true), attribute("active", "boolean", false),
            attribute("externalId", "string", false), attribute("displayName", "string", false),
            attribute("name", "complex", false), attribute("emails", "complex", false),
        ],
    });
    answer(StatusCode::OK, &all(&[user]))
}

fn all(resources: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": resources.len(), "startIndex": 1, "itemsPerPage": resources.len(), "Resources": resources,
    })
}
