//! JSON Schemas of the files people write, as committed in `docs/reference/*.schema.json`. Those of TOML rows are the
//! API's own description, made as strict as the code that reads them.

use contract::shape::{NAME, WHEN};
use registry::admit::TEXT_CHARS_MAX;
use registry::{Classification, Environment, IdentityKind, InstrumentKind};
use serde_json::{Map, Value, json};

/// What the schema of each table is made of.
const ROWS: [&str; 8] = [
    "EstateAuthority",
    "NewIdentity",
    "NewInjection",
    "NewOperation",
    "NewParty",
    "NewPerson",
    "NewResource",
    "NewService",
];
/// The keys people sign with: see `registry::PublicKey`.
const KEY: &str = r"^(sk-)?(ssh-ed25519|ecdsa-sha2-nistp256)(@openssh\.com)? ";

/// Of an estate's TOML files.
pub fn estate_json() -> String {
    let rows = |name: &str| json!({ "type": "array", "items": { "$ref": format!("#/$defs/{name}") } });
    text(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An estate of Writ",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "party": rows("NewParty"),
            "person": rows("NewPerson"),
            "authority": rows("EstateAuthority"),
            "service": rows("NewService"),
            "identity": rows("NewIdentity"),
        },
        "$defs": definitions(&ROWS),
    }))
}

/// Of a `service.toml`.
pub fn service_json() -> String {
    let mut all = definitions(&["NewInjection", "NewOperation", "NewResource", "NewService"]);
    let mut schema = all.remove("NewService").unwrap_or_default();
    if let Value::Object(keys) = &mut schema {
        keys.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        keys.insert("title".to_owned(), json!("A service of Writ"));
        keys.insert("$defs".to_owned(), Value::Object(all));
    }
    text(schema)
}

/// Of the front matter of a `*.writ.md` file.
pub fn front_matter_json() -> String {
    text(contract::shape::front_matter())
}

/// Of a clause block.
pub fn clause_json() -> String {
    text(contract::shape::clause())
}

fn text(schema: Value) -> String {
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.replace("#/components/schemas/", "#/$defs/") + "\n"
}

/// The API's description of rows, with what the types of their fields cannot say.
fn definitions(names: &[&str]) -> Map<String, Value> {
    let whole: Value = serde_json::from_str(&crate::openapi_json()).unwrap_or_default();
    let known = |name: &&str| {
        let schema = whole.pointer(&format!("/components/schemas/{name}"))?.clone();
        Some(((*name).to_owned(), schema))
    };
    let mut all: Map<String, Value> = names.iter().filter_map(known).collect();
    all.values_mut().for_each(unnull);
    if let Some(Value::Object(person)) = all.get_mut("NewPerson") {
        // The key stands in the row or in a file; name and address have no place in a folder.
        person.insert("required".to_owned(), json!(["party", "name"]));
        person.insert("oneOf".to_owned(), json!([{ "required": ["key"] }, { "required": ["key-file"] }]));
        if let Some(Value::Object(keys)) = person.get_mut("properties") {
            keys.remove("full_name");
            keys.remove("email");
            let about = "The `.pub` file of their key, below the folder, by its path from this file; instead of `key`.";
            keys.insert("key-file".to_owned(), json!({ "type": "string", "description": about }));
        }
    }
    for (name, key, more) in strictness() {
        let Some(Value::Object(field)) =
            all.get_mut(name).and_then(|schema| schema.get_mut("properties")?.get_mut(key))
        else {
            continue;
        };
        if let Value::Object(more) = more {
            field.extend(more);
        }
    }
    all
}

/// TOML has no null: what may be left out is left out.
fn unnull(schema: &mut Value) {
    let Some(Value::Object(keys)) = schema.get_mut("properties") else { return };
    for field in keys.values_mut() {
        let plain =
            field.get("type").and_then(Value::as_array).and_then(|kinds| kinds.iter().find(|k| *k != "null"));
        if let Some(kind) = plain.cloned() {
            field["type"] = kind;
        }
        let one = field
            .get("oneOf")
            .and_then(Value::as_array)
            .and_then(|of| of.iter().find(|s| s.get("$ref").is_some()));
        if let Some(one) = one.cloned() {
            *field = one;
        }
    }
}

/// Where a service is: over HTTP, or a database (`registry::DatabaseAddress`).
const UPSTREAM: &str = "^(https?://[^/@?# ]+|postgres(ql)?://[^/@?# ]+/[^/@?# ]+([?](sslmode=(disable|verify-full)|pool=[0-9]{1,2}|trace=(on|off))(&(sslmode=(disable|verify-full)|pool=[0-9]{1,2}|trace=(on|off))){0,2})?)$";
/// `schema.name` (`registry::Objects`).
const OBJECT: &str = "^[^.*\"]+[.][^.\"]+$";

/// What each field is held to by the code that reads it.
fn strictness() -> Vec<(&'static str, &'static str, Value)> {
    let name = || json!({ "pattern": NAME });
    let names = || json!({ "items": { "type": "string", "pattern": NAME } });
    let choice = |known: Vec<&str>| json!({ "enum": known });
    let when = || json!({ "pattern": WHEN });
    let line = || json!({ "minLength": 1, "maxLength": TEXT_CHARS_MAX });
    let kinds: Vec<&str> = InstrumentKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let kinds = json!({ "items": { "type": "string", "enum": kinds }, "minItems": 1, "uniqueItems": true });
    let methods = json!({ "items": { "type": "string", "pattern": "^[A-Z]+$" }, "minItems": 1 });
    vec![
        ("EstateAuthority", "party", name()),
        ("EstateAuthority", "person", name()),
        ("EstateAuthority", "kinds", kinds),
        ("EstateAuthority", "until", when()),
        ("NewIdentity", "party", name()),
        ("NewIdentity", "name", name()),
        ("NewIdentity", "kind", choice(IdentityKind::ALL.iter().map(|kind| kind.as_str()).collect())),
        ("NewIdentity", "purpose", line()),
        ("NewIdentity", "environment", choice(Environment::ALL.iter().map(|place| place.as_str()).collect())),
        ("NewIdentity", "owner", name()),
        ("NewIdentity", "deputy", name()),
        ("NewIdentity", "review", when()),
        ("NewIdentity", "roles", names()),
        ("NewIdentity", "region", name()),
        ("NewInjection", "secret", name()),
        ("NewInjection", "header", json!({ "pattern": "^[A-Za-z0-9-]+$" })),
        ("NewInjection", "prefix", json!({ "minLength": 0 })),
        ("NewOperation", "action", name()),
        ("NewOperation", "methods", methods),
        ("NewOperation", "path", json!({ "pattern": "^/[^%?#\\\\]*$" })),
        ("NewParty", "name", name()),
        ("NewParty", "legal_name", line()),
        ("NewParty", "jurisdiction", line()),
        ("NewPerson", "party", name()),
        ("NewPerson", "name", name()),
        ("NewPerson", "key", json!({ "pattern": KEY })),
        ("NewPerson", "key-file", json!({ "pattern": "^[^/]" })),
        ("NewResource", "name", name()),
        ("NewResource", "tables", json!({ "items": { "type": "string", "pattern": OBJECT } })),
        ("NewResource", "functions", json!({ "items": { "type": "string", "pattern": OBJECT } })),
        ("NewResource", "channels", json!({ "items": { "type": "string", "minLength": 1 } })),
        ("NewResource", "class", choice(Classification::ALL.iter().map(|class| class.as_str()).collect())),
        ("NewService", "name", name()),
        ("NewService", "party", name()),
        ("NewService", "owner", name()),
        ("NewService", "host", json!({ "pattern": "^[a-z0-9][a-z0-9.-]*$" })),
        ("NewService", "upstream", json!({ "pattern": UPSTREAM })),
        ("NewService", "login", json!({ "pattern": "^[a-z0-9{}-]+$" })),
        ("NewService", "resources", json!({ "minItems": 1 })),
        ("NewService", "region", name()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_left_open_and_no_rule_is_about_nothing() {
        let all = definitions(&ROWS);
        for (name, key, _) in strictness() {
            assert!(all[name]["properties"].get(key).is_some(), "{name}.{key}");
        }
        for (name, schema) in &all {
            assert_eq!(schema["additionalProperties"], false, "{name}");
            for (key, field) in schema["properties"].as_object().unwrap() {
                let held = strictness().iter().any(|(of, at, _)| of == name && at == key);
                assert!(held || field["type"] != "string", "{name}.{key} may be any text");
            }
        }
    }
}
