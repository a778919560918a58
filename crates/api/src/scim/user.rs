//! A SCIM user (RFC 7643 §4.1) as far as Writ has use for it: who it is to the identity provider, and whether it is
//! there. What else a provider sends is not kept.

use super::ScimError;
use authority::Account;
use serde_json::{Map, Value, json};

/// The schema.
pub(super) const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The issuer under which `externalId` is known.
const EXTERNAL: &str = "scim";
/// Attributes that are kept, beside the ledger, and given back.
const KEPT: [&str; 5] = ["displayName", "emails", "externalId", "name", "userName"];
/// The largest user that is kept, in bytes.
const USER_BYTES_MAX: usize = 16 * 1024;

/// A path into an attribute that is kept (RFC 7644 §3.5.2): the attribute, and its part when that is named simply
/// (`name.familyName`) and not by a filter (`emails[type eq "work"].value`).
fn part_of(path: &str) -> Option<(&'static str, Option<&str>)> {
    let at = path.find(['.', '['])?;
    let (head, rest) = path.split_at(at);
    let known = KEPT.iter().find(|known| known.eq_ignore_ascii_case(head))?;
    Some((known, rest.strip_prefix('.').filter(|part| !part.contains(['.', '[']))))
}

/// A user as a provider describes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct User {
    kept: Map<String, Value>,
    /// Whether they are there.
    pub(super) active: bool,
}

impl User {
    /// Reads a user that is created or replaced.
    pub(super) fn read(body: &Value) -> Result<Self, ScimError> {
        let body = body.as_object().ok_or_else(|| ScimError::invalid("invalidSyntax", "this is no user"))?;
        let mut user = Self { kept: Map::new(), active: true };
        for (name, value) in body {
            user.set(name, value)?;
        }
        user.checked()
    }

    /// Reads what was kept. It was active when it was kept, or it would not be there.
    pub(super) fn kept(bytes: &[u8]) -> Option<Self> {
        Some(Self { kept: serde_json::from_slice(bytes).ok()?, active: true })
    }

    /// What is kept.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        Value::Object(self.kept.clone()).to_string().into_bytes()
    }

    /// Changes a user by the operations of a PATCH (RFC 7644 §3.5.2). Providers spell `op` and `active` in their
    /// own ways.
    pub(super) fn patched(mut self, body: &Value) -> Result<Self, ScimError> {
        let operations = body.get("Operations").and_then(Value::as_array);
        let operations =
            operations.ok_or_else(|| ScimError::invalid("invalidSyntax", "there are no `Operations`"))?;
        for operation in operations {
            let text = |name: &str| operation.get(name).and_then(Value::as_str);
            let value = operation.get("value").unwrap_or(&Value::Null);
            match (text("op").map(str::to_ascii_lowercase).as_deref(), text("path")) {
                (Some("add" | "replace"), Some(path)) => self.set(path, value)?,
                (Some("add" | "replace"), None) => {
                    let values = value.as_object();
                    let values = values
                        .ok_or_else(|| ScimError::invalid("invalidValue", "`value` is to be an object"))?;
                    for (name, value) in values {
                        self.set(name, value)?;
                    }
                }
                (Some("remove"), Some(path)) => self.remove(path)?,
                (Some("remove"), None) => {
                    return Err(ScimError::invalid("noTarget", "`remove` needs a `path`"));
                }
                (_, _) => {
                    return Err(ScimError::invalid(
                        "invalidSyntax",
                        "an operation is add, replace or remove",
                    ));
                }
            }
        }
        self.checked()
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), ScimError> {
        let name = name.strip_prefix(SCHEMA).map_or(name, |rest| rest.trim_start_matches(':'));
        if name.eq_ignore_ascii_case("active") {
            self.active = match value {
                Value::Bool(active) => *active,
                Value::String(text) if text.eq_ignore_ascii_case("true") => true,
                Value::String(text) if text.eq_ignore_ascii_case("false") => false,
                Value::String(_) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(ScimError::invalid("invalidValue", "`active` is true or false"));
                }
            };
        } else if let Some(known) = KEPT.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            self.kept.insert((*known).to_owned(), value.clone());
        } else if let Some((known, part)) = part_of(name) {
            match (self.kept.get_mut(known), part) {
                (Some(Value::Object(whole)), Some(part)) => {
                    drop(whole.insert(part.to_owned(), value.clone()))
                }
                // It is not what was kept any more, and what it is now is not known.
                (_, _) => drop(self.kept.remove(known)),
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<(), ScimError> {
        if path.eq_ignore_ascii_case("active") || path.eq_ignore_ascii_case("userName") {
            return Err(ScimError::invalid("mutability", format!("`{path}` cannot be removed")));
        }
        match part_of(path) {
            Some((known, Some(part))) => {
                if let Some(Value::Object(whole)) = self.kept.get_mut(known) {
                    whole.remove(part);
                }
            }
            Some((known, None)) => drop(self.kept.remove(known)),
            None => self.kept.retain(|name, _| !name.eq_ignore_ascii_case(path)),
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, ScimError> {
        if self.user_name().is_empty() {
            return Err(ScimError::invalid("invalidValue", "`userName` is missing"));
        }
        if self.to_bytes().len() > USER_BYTES_MAX {
            return Err(ScimError::invalid("tooMany", format!("a user has {USER_BYTES_MAX} bytes at most")));
        }
        Ok(self)
    }

    pub(super) fn user_name(&self) -> &str {
        self.kept.get("userName").and_then(Value::as_str).unwrap_or_default()
    }

    /// Who this is elsewhere: any of these may be linked to a person.
    pub(super) fn accounts(&self) -> Vec<Account> {
        let emails = self.kept.get("emails").and_then(Value::as_array).into_iter().flatten();
        let emails = emails.filter_map(|email| email.get("value").and_then(Value::as_str));
        let external = self.kept.get("externalId").and_then(Value::as_str).map(external);
        std::iter::once(self.user_name())
            .chain(emails)
            .filter(|address| address.contains('@'))
            .map(|address| Account::Email(address.to_owned()))
            .chain(external)
            .collect()
    }

    /// The resource, as it is answered.
    pub(super) fn resource(&self, id: &str) -> Value {
        let mut resource = json!({
            "schemas": [SCHEMA],
            "id": id,
            "active": self.active,
            "meta": { "resourceType": "User", "location": format!("/scim/v2/Users/{id}") },
        });
        if let Value::Object(members) = &mut resource {
            members.extend(self.kept.clone());
        }
        resource
    }
}

/// The account of an `externalId`.
pub(super) fn external(id: &str) -> Account {
    Account::Subject { issuer: EXTERNAL.to_owned(), subject: id.to_owned() }
}

/// A filter that providers use to find a user: `userName eq "…"`, `externalId eq "…"`, `id eq "…"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Account(Account),
    Id(String),
}

impl Filter {
    pub(super) fn read(text: &str) -> Result<Self, ScimError> {
        let bad = || ScimError::invalid("invalidFilter", "a filter is of the form: userName eq \"…\"");
        let (name, rest) = text.trim().split_once(' ').ok_or_else(bad)?;
        let (operator, value) = rest.trim().split_once(' ').ok_or_else(bad)?;
        let value: String = serde_json::from_str(value.trim()).map_err(|_| bad())?;
        if !operator.eq_ignore_ascii_case("eq") {
            return Err(bad());
        }
        match name.to_ascii_lowercase().as_str() {
            "username" | "emails" | "emails.value" => Ok(Self::Account(Account::Email(value))),
            "externalid" => Ok(Self::Account(external(&value))),
            "id" => Ok(Self::Id(value)),
            _ => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        let body = json!({
            "schemas": [SCHEMA], "userName": "Jane@acme.example", "externalId": "00u1", "active": true,
            "emails": [{ "value": "j@acme.example", "primary": true }], "password": "hunter2",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "x" },
        });
        User::read(&body).unwrap()
    }

    #[test]
    fn what_is_not_needed_is_not_kept() {
        let user = user();
        assert!(!String::from_utf8(user.to_bytes()).unwrap().contains("hunter2"));
        assert_eq!(User::kept(&user.to_bytes()), Some(user.clone()));
        let email = |text: &str| Account::Email(text.into());
        assert_eq!(user.accounts(), [email("Jane@acme.example"), email("j@acme.example"), external("00u1")]);
        let resource = user.resource("per_1");
        assert_eq!((&resource["id"], &resource["active"]), (&json!("per_1"), &json!(true)));
        assert!(User::read(&json!({ "active": true })).is_err() && User::read(&json!([])).is_err());
        assert!(User::read(&json!({ "userName": "x".repeat(USER_BYTES_MAX) })).is_err());
    }

    /// Okta, Entra and others each say it differently.
    #[test]
    fn leaving_is_understood_in_every_spelling() {
        for operation in [
            json!({ "op": "replace", "path": "active", "value": false }),
            json!({ "op": "Replace", "path": "active", "value": "False" }),
            json!({ "op": "replace", "value": { "active": false } }),
            json!({ "op": "Add", "value": { "urn:ietf:params:scim:schemas:core:2.0:User:active": false } }),
        ] {
            let patched = user().patched(&json!({ "Operations": [operation] })).unwrap();
            assert!(!patched.active, "{operation}");
        }
        let patch = |operation: Value| user().patched(&json!({ "Operations": [operation] }));
        assert!(patch(json!({ "op": "replace", "path": "displayName", "value": "J" })).unwrap().active);
        assert!(patch(json!({ "op": "remove", "path": "externalId" })).unwrap().accounts().len() == 2);
        for bad in [
            json!({ "op": "replace", "path": "active", "value": 0 }),
            json!({ "op": "remove" }),
            json!({ "op": "remove", "path": "userName" }),
            json!({ "op": "move", "path": "active" }),
            json!({ "op": "replace", "value": 5 }),
        ] {
            assert!(patch(bad.clone()).is_err(), "{bad}");
        }
        assert!(user().patched(&json!({})).is_err());
    }

    #[test]
    fn filters_name_one_user() {
        let email = Filter::Account(Account::Email("a@b".into()));
        assert_eq!(Filter::read(r#"userName eq "a@b""#).unwrap(), email);
        assert_eq!(Filter::read(r#"username EQ "a@b""#).unwrap(), email);
        assert_eq!(Filter::read(r#"externalId eq "7""#).unwrap(), Filter::Account(external("7")));
        assert_eq!(Filter::read(r#"id eq "per_1""#).unwrap(), Filter::Id("per_1".into()));
        for bad in [
            "",
            "userName",
            r#"userName sw "a""#,
            r#"title eq "a""#,
            "userName eq a",
            r#"userName eq "a" or x"#,
        ] {
            assert!(Filter::read(bad).is_err(), "{bad}");
        }
    }
}
