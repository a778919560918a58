//! The JSON Schemas in `docs/reference`: they are the code's, take every file the project ships, and refuse what
//! the commands refuse.

use jsonschema::{Validator, validator_for};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

const NAMES: [&str; 4] = ["clause", "estate", "front-matter", "service"];

fn printed(name: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_writ")).args(["schema", name]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn validator(name: &str) -> Validator {
    let schema: Value = serde_json::from_str(&printed(name)).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    validator_for(&schema).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// TOML as a validator sees it: dates are text.
fn json_of(text: &str) -> Value {
    fn plain(value: toml::Value) -> Value {
        match value {
            toml::Value::String(text) => json!(text),
            toml::Value::Integer(number) => json!(number),
            toml::Value::Float(number) => json!(number),
            toml::Value::Boolean(yes) => json!(yes),
            toml::Value::Datetime(when) => json!(when.to_string()),
            toml::Value::Array(items) => items.into_iter().map(plain).collect(),
            toml::Value::Table(table) => {
                Value::Object(table.into_iter().map(|(key, value)| (key, plain(value))).collect())
            }
        }
    }
    plain(toml::Value::Table(toml::from_str(text).unwrap()))
}

/// Front matter and clause blocks of every instrument that is shipped.
fn shipped() -> Vec<(PathBuf, Value, Vec<Value>)> {
    let folders = ["library", "examples", "examples/quickstart", "examples/estate"];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let documents =
        files.map(|file| file.unwrap().path()).filter(|path| path.to_string_lossy().ends_with(".writ.md"));
    documents
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let front = text.split("+++\n").nth(1).unwrap();
            let blocks =
                text.split("```clause\n").skip(1).map(|rest| json_of(rest.split("```").next().unwrap()));
            (path, json_of(front), blocks.collect())
        })
        .collect()
}

fn takes(validator: &Validator, value: &Value, what: &str) {
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(errors.is_empty(), "{what}: {errors:?}");
}

#[test]
fn the_committed_schemas_are_the_codes() {
    for name in NAMES {
        let committed = root().join(format!("docs/reference/{name}.schema.json"));
        assert_eq!(
            printed(name),
            std::fs::read_to_string(committed).unwrap(),
            "{name}: run `cargo xtask codegen`"
        );
    }
}

#[test]
fn every_shipped_file_fits() {
    let (front, clause) = (validator("front-matter"), validator("clause"));
    let shipped = shipped();
    assert!(shipped.len() >= 9, "{}", shipped.len());
    for (path, matter, blocks) in &shipped {
        takes(&front, matter, &path.display().to_string());
        assert!(!blocks.is_empty());
        blocks.iter().for_each(|block| takes(&clause, block, &format!("{}: {block}", path.display())));
    }
    for kind in contract::Kind::NAMES {
        let sample = contract::Kind::sample(kind).unwrap();
        takes(&clause, &json_of(&format!("kind = \"{kind}\"\n{sample}")), kind);
        // What the sample shows as comments are keys as well.
        let all: String = sample.lines().map(|line| format!("{}\n", line.trim_start_matches("# "))).collect();
        takes(&clause, &json_of(&format!("kind = \"{kind}\"\n{all}")), kind);
    }
    let read = |path: &str| json_of(&std::fs::read_to_string(root().join(path)).unwrap());
    takes(&validator("service"), &read("examples/service.toml"), "service.toml");
    for path in ["examples/estate/parties.toml", "examples/estate/machines.toml"] {
        takes(&validator("estate"), &read(path), path);
    }
}

#[test]
fn what_the_commands_refuse_does_not_fit() {
    let refuses = |name: &str, good: &Value, pointer: &str, bad: Value| {
        let validator = validator(name);
        takes(&validator, good, name);
        let mut value = good.clone();
        let (table, key) = pointer.rsplit_once('/').unwrap();
        let table = value.pointer_mut(table).unwrap().as_object_mut().unwrap();
        if bad.is_null() {
            table.remove(key)
        } else {
            table.insert(key.to_owned(), bad.clone())
        };
        assert!(!validator.is_valid(&value), "{name}: {pointer} = {bad}");
    };
    let row = json!({ "party": "acme", "name": "bot", "kind": "bot", "purpose": "Reads", "environment": "test",
        "owner": "ada", "deputy": "bob", "review": "2035-01-01" });
    let person = json!({ "party": "acme", "name": "ada", "key-file": "keys/ada.pub" });
    let party = json!({ "name": "acme", "legal_name": "Acme Ltd", "jurisdiction": "Ireland" });
    let authority = json!({ "party": "acme", "person": "ada", "kinds": ["contract"] });
    let estate = json!({ "identity": [row], "person": [person], "party": [party], "authority": [authority] });
    for (pointer, bad) in [
        ("/identity/0/kind", json!("robot")),
        ("/identity/0/environment", json!("prod")),
        ("/identity/0/review", json!("tomorrow")),
        ("/identity/0/name", json!("Bot")),
        ("/identity/0/owner", Value::Null),
        ("/identity/0/colour", json!("red")),
        ("/person/0/key-file", Value::Null),
        ("/person/0/key-file", json!("/etc/passwd")),
        ("/person/0/key", json!("ssh-ed25519 AAAA")),
        ("/person/0/email", json!("ada@acme.example")),
        ("/party/0/legal_name", json!("")),
        ("/authority/0/kinds", json!([])),
        ("/authority/0/kinds", json!(["treaty"])),
        ("/machine", json!([])),
    ] {
        refuses("estate", &estate, pointer, bad);
    }
    let service = json_of(&std::fs::read_to_string(root().join("examples/service.toml")).unwrap());
    for (pointer, bad) in [
        ("/upstream", json!("tickets:80")),
        ("/resources", json!([])),
        ("/resources/0/class", json!("secret")),
        ("/resources/0/operations/0/methods", json!(["get"])),
        ("/resources/0/operations/0/path", json!("v1")),
    ] {
        refuses("service", &service, pointer, bad);
    }
    let contract = json!({ "instrument": "contract", "name": "files", "version": 1, "title": "Files",
        "provider": { "party": "a", "legal-name": "A", "service": "s" },
        "consumer": { "party": "b", "legal-name": "B", "machines": ["m"] } });
    for (pointer, bad) in [
        ("/version", json!(0)),
        ("/instrument", json!("treaty")),
        ("/consumer/machines", json!([])),
        ("/consumer/machines", json!(["m", "m"])),
        ("/holder", json!({ "party": "a", "legal-name": "A" })),
    ] {
        refuses("front-matter", &contract, pointer, bad);
    }
    let charter = json!({ "instrument": "charter", "name": "c", "version": 1, "title": "C",
        "holder": { "party": "a", "legal-name": "A", "machine": "m" } });
    refuses("front-matter", &charter, "/holder/machine", Value::Null);
    refuses("front-matter", &charter, "/instrument", json!("guardrail"));
    let quota = json!({ "kind": "quota", "limit": 3, "window": "1 minute" });
    for (pointer, bad) in [
        ("/kind", json!("quotas")),
        ("/kind", Value::Null),
        ("/limit", json!(0)),
        ("/window", json!("a minute")),
        ("/on-exceed", json!("explode")),
        ("/only", json!({ "actions": [] })),
        ("/actions", json!(["read"])),
        ("/on-breach", json!("five")),
    ] {
        refuses("clause", &quota, pointer, bad);
    }
}
