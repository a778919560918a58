//! How front matter and clause blocks look, as JSON Schema: for editors and for checks before `writ check`. Made from
//! the types that read them. What a schema cannot say (that a clause exists, that words bind nobody) the parser says.

use crate::kind::Kind;
use crate::parse;
use crate::terms::{Chosen, LIST_MAX, List, TEXT_CHARS_MAX, Whole};
use crate::value::Instant;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// A name: see [`registry::Name`].
pub const NAME: &str = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";
/// A date, or an instant with its zone.
pub const WHEN: &str = r"^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2}))?$";

/// A clause block: its kind says which keys there are.
pub fn clause() -> Value {
    let mut generator = SchemaGenerator::default();
    let number = generator.subschema_for::<crate::Number>().to_value();
    let mut blocks = Vec::new();
    for (name, schema) in Kind::schemas(&mut generator) {
        let mut block = schema.to_value();
        let about = Kind::summary(name).unwrap_or_default();
        require(&mut block, "kind", json!({ "const": name, "description": about }));
        let survives = "Whether it goes on when the instrument has ended.";
        let breach =
            json!({ "allOf": [number], "description": "The clause that says what follows from a breach." });
        allow(&mut block, "on-breach", breach);
        allow(&mut block, "survives", json!({ "type": "boolean", "description": survives }));
        blocks.push((name, block));
    }
    choice("A clause of an instrument of Writ", "kind", blocks, generator.take_definitions(true))
}

/// The front matter: the kind of instrument says which keys there are.
pub fn front_matter() -> Value {
    let mut generator = SchemaGenerator::default();
    let (contract, own) = parse::front_schemas(&mut generator);
    let mut definitions = generator.take_definitions(true);
    // A charter is for one machine, a guardrail for all: two shapes of what is read as one.
    let mut of_charter = definitions.remove("Holder").unwrap_or_default();
    let mut of_guardrail = of_charter.clone();
    let machine = of_charter.pointer("/properties/machine").cloned().unwrap_or_default();
    require(&mut of_charter, "machine", machine);
    if let Some(Value::Object(keys)) = of_guardrail.pointer_mut("/properties") {
        keys.remove("machine");
    }
    definitions.insert("HolderOfCharter".to_owned(), of_charter);
    definitions.insert("HolderOfGuardrail".to_owned(), of_guardrail);
    let mut fronts = vec![("contract", contract.to_value())];
    for (name, holder) in [("charter", "HolderOfCharter"), ("guardrail", "HolderOfGuardrail")] {
        let mut front = own.clone().to_value();
        require(&mut front, "holder", json!({ "$ref": format!("#/$defs/{holder}") }));
        fronts.push((name, front));
    }
    for (name, front) in &mut fronts {
        require(front, "instrument", json!({ "const": *name }));
    }
    choice("The front matter of an instrument of Writ", "instrument", fronts, definitions)
}

/// A table whose `key` says which of several it is. Not `oneOf`: so that what is wrong is said of the one that is meant.
fn choice(title: &str, key: &str, of: Vec<(&str, Value)>, mut definitions: Map<String, Value>) -> Value {
    let names: Vec<&str> = of.iter().map(|(name, _)| *name).collect();
    let branch = |name: &&str| {
        json!({
            "if": { "properties": { key: { "const": name } }, "required": [key] },
            "then": { "$ref": format!("#/$defs/{key}-{name}") },
        })
    };
    let branches: Vec<Value> = names.iter().map(branch).collect();
    let known = json!({ key: { "enum": names } });
    definitions.extend(of.iter().map(|(name, schema)| (format!("{key}-{name}"), schema.clone())));
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "required": [key],
        "properties": known,
        "allOf": branches,
        "$defs": definitions,
    });
    unnull(&mut schema);
    schema
}

/// TOML has no null: what may be left out is left out.
fn unnull(schema: &mut Value) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    }
    if let Value::Object(keys) = schema
        && keys.get("default").is_some_and(Value::is_null)
    {
        keys.remove("default");
    }
    match schema {
        Value::Object(keys) => keys.values_mut().for_each(unnull),
        Value::Array(items) => items.iter_mut().for_each(unnull),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Gives a schema of a table one more key.
fn allow(schema: &mut Value, key: &str, shape: Value) {
    let Value::Object(schema) = schema else { return };
    let keys = schema.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(keys) = keys {
        keys.insert(key.to_owned(), shape);
    }
}

/// The same for one that must be there.
fn require(schema: &mut Value, key: &str, shape: Value) {
    allow(schema, key, shape);
    let Value::Object(schema) = schema else { return };
    let required = schema.entry("required").or_insert_with(|| json!([]));
    if let Value::Array(required) = required
        && !required.iter().any(|there| there == key)
    {
        required.insert(0, json!(key));
    }
}

/// A value written as text.
macro_rules! written {
    ($($type:ty = $name:literal $($key:literal: $value:expr),*;)*) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn schema_id() -> Cow<'static, str> {
                concat!("contract::", $name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", $($key: $value),* })
            }
        }
    )*};
}

written! {
    crate::Number = "ClauseNumber" "pattern": r"^\d+\.\d+$";
    crate::Span = "Span" "pattern": SPAN, "examples": ["15 minutes", "7 days"];
    crate::Recording = "Recording" "pattern": format!("^(strict|within {})$", SPAN.trim_matches(['^', '$']));
    Instant = "Instant" "pattern": WHEN;
    crate::terms::Field = "Field" "pattern": r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", "maxLength": 200;
    crate::terms::Hours = "Hours" "pattern": r"^\d{2}:\d{2}-\d{2}:\d{2}$";
    crate::terms::Money = "Money" "pattern": r"^[A-Z]{3} \d{1,13}$", "examples": ["EUR 250000"];
    crate::terms::Network = "Network" "pattern": r"^[0-9a-f.:]+/\d{1,3}$", "examples": ["10.1.0.0/16"];
    crate::terms::Audience = "Audience" "minLength": 1, "maxLength": TEXT_CHARS_MAX, "pattern": r#"^[!-~]+$"#;
    crate::terms::Purpose = "PurposeText" "minLength": 1, "maxLength": 120, "pattern": r"^[^0-9.,;:<>`*\[\]\\]+$";
    crate::terms::Ratio = "Ratio" "pattern": r"^\d{1,3}(\.\d{1,3})?%$", "examples": ["99.95%"];
    crate::terms::Target = "Target" "pattern": "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?(/[a-z]([a-z0-9-]{0,61}[a-z0-9])?)?$";
    crate::terms::Text = "Text" "minLength": 1, "maxLength": TEXT_CHARS_MAX, "pattern": r"^[^<>`*\[\]\\]+$";
    crate::terms::Word = "Name" "pattern": NAME;
    crate::terms::Zone = "Zone" "pattern": r"^[A-Za-z][A-Za-z0-9_+/-]*$", "examples": ["Europe/London"];
}

const SPAN: &str = "^[1-9][0-9]* (days?|hours?|minutes?|seconds?|ms|milliseconds?)$";

impl<T: JsonSchema> JsonSchema for List<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items, "minItems": 1, "maxItems": LIST_MAX, "uniqueItems": true })
    }
}

impl<T: JsonSchema> JsonSchema for Chosen<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("AnyOr{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let list = List::<T>::json_schema(generator);
        json_schema!({ "oneOf": [{ "const": "any" }, list] })
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Whole<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("From{MIN}To{MAX}").into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}
