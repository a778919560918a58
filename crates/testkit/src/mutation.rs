//! Every single change of every kind of clause in every kind of instrument: another value, a key left out, a key
//! added. What is tried on words (`contract`) and on bundles (`policy`) is the same.
//!
//! Which keys a kind knows is asked of its reader, so that a new key cannot be forgotten: [`values`] stops at a key
//! of which it knows no value.

use contract::setting::Setting;
use contract::{Instrument, Kind, words};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The three kinds of instrument.
pub const NOUNS: [&str; 3] = ["charter", "contract", "guardrail"];

/// One change.
pub struct Mutation {
    pub kind: &'static str,
    /// The key that was changed, with the keys it lies in: `only.roles`.
    pub path: String,
    pub base: Instrument,
    pub changed: Instrument,
}

impl Mutation {
    /// The clause that is changed.
    pub fn clauses(&self) -> [&contract::Clause; 2] {
        [&self.base, &self.changed].map(|instrument| instrument.clauses.last().unwrap())
    }

    /// Whether two ways of writing may say the same: naming all machines, or the side that is meant anyway.
    pub fn may_say_the_same(&self) -> bool {
        matches!(self.path.as_str(), "only.machines" | "only.side" | "only")
    }
}

/// The words people sign, all but the annex.
pub fn said(instrument: &Instrument) -> String {
    let frame =
        words::frame(instrument).into_iter().map(|(number, text, mode)| format!("{number} {text} {mode}\n"));
    let clauses = instrument
        .clauses
        .iter()
        .map(|clause| format!("{} {}\n", clause.number, clause_words(instrument, clause)));
    format!("{}\n{}{}", words::opening(instrument), frame.collect::<String>(), clauses.collect::<String>())
}

/// The words of one clause with their modes.
pub fn clause_words(instrument: &Instrument, clause: &contract::Clause) -> String {
    words::sentences(instrument, clause).into_iter().map(|(text, mode)| format!("{text} [{mode}] ")).collect()
}

/// Every change of every clause that can stand in an instrument, and of who signs it.
pub fn mutations(noun: &'static str) -> Vec<Mutation> {
    let mut found = Vec::new();
    for kind in Kind::NAMES {
        for base in bases(noun, kind) {
            let Some(read) = instrument(noun, "", kind, &base) else { continue };
            for (path, terms) in changes(kind, &base) {
                let Some(changed) = instrument(noun, "", kind, &terms) else { continue };
                if changed.clauses.last().unwrap().kind != read.clauses.last().unwrap().kind {
                    found.push(Mutation { kind, path, base: read.clone(), changed });
                }
            }
            found.extend(beside(kind, &read));
        }
    }
    found.extend(signings(noun));
    found
}

/// The kinds of clause that can stand in an instrument.
pub fn kinds(noun: &str) -> Vec<&'static str> {
    Kind::NAMES.iter().copied().filter(|kind| !bases(noun, kind).is_empty()).collect()
}

/// Every key a kind knows, with the keys it lies in.
pub fn keys(kind: &str) -> BTreeSet<String> {
    let own = known(kind, |unknown| unknown);
    let mut all = BTreeSet::new();
    for key in own {
        if matches!(key.as_str(), "only" | "unless") {
            let inner = known(kind, |unknown| json!({ key.clone(): unknown }));
            all.extend(inner.into_iter().map(|inner| format!("{key}.{inner}")));
        } else {
            all.insert(key);
        }
    }
    all
}

/// The keys a reader names when it meets one it does not know.
fn known(kind: &str, within: impl Fn(Value) -> Value) -> Vec<String> {
    let error = Kind::from_terms(kind, within(json!({ "no-such-key": 0 }))).unwrap_err();
    let (_, expected) = error.split_once("expected").unwrap_or_else(|| panic!("{kind}: {error}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Values a key can have, whatever kind it stands in; those that cannot stand there are not read.
fn values(key: &str) -> Vec<Value> {
    let found = match key {
        "act" => json!(["report-delivered", "credential-revoked"]),
        "actions" => json!([["read"], ["delete"], "any"]),
        "address" => json!(["legal@other.example"]),
        "after" => json!(["incident-known", "person-left"]),
        "assignment" => json!(["none", "successor"]),
        "audiences" => json!([["https://other.example.com"]]),
        "lease" => json!(["20 seconds"]),
        "life" => json!(["10 minutes"]),
        "on-departure" => json!([[{ "after": "8 days", "step": "suspend" }]]),
        "step" => json!(["kill"]),
        "grace" => json!(["5 minutes"]),
        "renew-at" => json!([30]),
        "attestation" => json!([["renewal"], ["kubernetes", "process"]]),
        "audited" | "auditor" | "bearer" => json!(["provider", "consumer", "party"]),
        "binding" => json!([["mtls"], ["dpop"]]),
        "burst" => json!([50]),
        "calendar" => json!(["weekdays", "always"]),
        "cap" | "insurance" => json!(["EUR 250000"]),
        "carve-outs" | "content" | "exclusions" | "scope" => json!([["intent and gross negligence"]]),
        "charter" | "entire-agreement" => json!([true]),
        "columns" => json!([["note"], ["id", "charges.note"]]),
        "which-rows" => json!([true]),
        "detect" => json!([["email"], ["iban", "secret"]]),
        "rows" => json!([1, 700]),
        "transaction" => json!(["20 seconds"]),
        "convenience" | "cure" | "dormant-after" | "keep-records" | "max-age" | "notice" | "period"
        | "provide-within" | "recertify-every" | "refuse-after" | "renew-for" | "renewal-notice"
        | "rotate-every" | "valid-for" | "window" | "within" | "every" => json!(["7 days"]),
        "credits" => json!([[{ "below": "99%", "credit": "10%" }]]),
        "data" | "detail" | "forum" | "indemnity" | "law" | "mechanism" | "text" | "to" | "warranty" => {
            json!(["another text"])
        }
        "days" => json!([["monday", "tuesday"]]),
        "effect" => json!(["change", "read"]),
        "end" => json!(["2037-01-01"]),
        "environments" => json!([["production"], ["test", "staging"]]),
        "fields" => json!([["name"]]),
        "grounds" => json!([["law"]]),
        "holders" | "narrowing-by" => json!([["provider"], ["consumer"], ["party"]]),
        "hours" => json!([["09:00-17:00"]]),
        "key-algorithms" => json!([["rsa"]]),
        "kinds" => json!([["bot"], ["ci-pipeline", "ai-agent"], ["jwt-svid"]]),
        "limit" => json!([700]),
        "machines" => json!([["checkout"], ["refunds"], ["checkout", "refunds"]]),
        "max" => json!(["public", "confidential"]),
        "max-depth" => json!([2]),
        "max-ttl" => json!(["10 minutes"]),
        "meter" => json!(["rows", "bytes", "cost"]),
        "method" => json!(["drop", "hash", "null"]),
        "networks" => json!([["10.30.0.0/16"], ["2001:db8::/32"]]),
        "notices" => {
            json!([[{ "side": "provider", "address": "a@b.example" }], [{ "side": "party", "address": "a@b.example" }]])
        }
        "of" => json!(["machine", "service"]),
        "on-exceed" => json!(["throttle", "notify"]),
        "people" | "unless-approved-by" => json!([3]),
        "per" => json!(["event", "term"]),
        "per-year" => json!([4]),
        "proof" => json!(["key-destruction"]),
        "purposes" => json!([["erasure on request"], ["settlement of orders", "audit"]]),
        "recording" => json!(["within 60 ms"]),
        "regions" => json!([["eu-north"]]),
        "resources" => json!([["charges"], ["records", "refunds"], "any"]),
        "role" => json!(["lead"]),
        "roles" | "to-roles" => json!([["auditor"], ["helper", "lead"]]),
        "severity" => json!(["low", "critical"]),
        "side" => json!(["provider", "consumer", "party"]),
        "start" => json!(["2027-01-01"]),
        "survives" => json!([["1.1"], ["1.1", "2.1"]]),
        "target" => json!(["98.5%"]),
        "zone" => json!(["Asia/Tokyo"]),
        other => panic!("say which values the key `{other}` can have"),
    };
    let Value::Array(found) = found else { unreachable!() };
    found
}

/// The richest and the leanest form of a kind that an instrument can have, and forms with what those leave out; none
/// if it cannot have any.
fn bases(noun: &str, kind: &str) -> Vec<Value> {
    let sample = Kind::read(kind, Kind::sample(kind).unwrap()).unwrap().unwrap().terms();
    let sample = if noun == "contract" { sample } else { of_one_side(&sample) };
    let readable = |terms: &Value| instrument(noun, "", kind, terms).is_some();
    let Some(rich) = fewer_keys(&sample).into_iter().find(readable) else { return Vec::new() };
    let mut lean = rich.clone();
    // What can be left out alone, or together with one other key.
    while let Some(fewer) = fewer_keys(&lean).into_iter().skip(1).find(readable) {
        lean = fewer;
    }
    let mut bases = vec![rich.clone()];
    if lean != rich {
        bases.push(lean);
    }
    // What stands only in place of other keys: `every` where there is no `after` and no `within`.
    for key in keys(kind).into_iter().filter(|key| !key.contains('.') && rich.get(key).is_none()) {
        let instead = fewer_keys(&rich).into_iter().filter_map(|fewer| {
            let Value::Object(members) = fewer else { return None };
            Some(Value::Object(with(&members, &key, values(&key).into_iter().next()?)))
        });
        bases.extend(instead.into_iter().find(readable));
    }
    bases
}

/// The terms as they are, then without any one key, any two, any three.
fn fewer_keys(terms: &Value) -> Vec<Value> {
    let Value::Object(members) = terms else { unreachable!() };
    let without = |keys: &[&String]| {
        let kept = members.iter().filter(|(key, _)| !keys.contains(key));
        Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    let names: Vec<&String> = members.keys().collect();
    let pairs =
        names.iter().enumerate().flat_map(|(at, one)| names.iter().skip(at + 1).map(move |two| [*one, *two]));
    let pairs: Vec<[&String; 2]> = pairs.collect();
    let triples = pairs.iter().flat_map(|[one, two]| {
        names.iter().skip_while(move |name| *name != two).skip(1).map(move |three| [*one, *two, *three])
    });
    std::iter::once(terms.clone())
        .chain(names.iter().map(|one| without(&[one])))
        .chain(pairs.iter().map(|pair| without(pair)))
        .chain(triples.map(|three| without(&three)))
        .collect()
}

/// A sample of a contract's clause as one organisation would write it for itself.
fn of_one_side(terms: &Value) -> Value {
    match terms {
        Value::String(text) if matches!(text.as_str(), "provider" | "consumer") => json!("party"),
        Value::String(text) if matches!(text.as_str(), "consent" | "successor") => json!("none"),
        Value::Array(items) => {
            let mut kept: Vec<Value> = Vec::new();
            for item in items.iter().map(of_one_side) {
                if !kept.contains(&item) {
                    kept.push(item);
                }
            }
            Value::Array(kept)
        }
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), of_one_side(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => terms.clone(),
    }
}

/// An instrument with this clause behind another, if it can stand there.
pub fn instrument(noun: &str, signing: &str, kind: &str, terms: &Value) -> Option<Instrument> {
    let block = Kind::from_terms(kind, terms.clone()).ok()?.to_block();
    let own = "[holder]\nparty = \"acme\"\nlegal-name = \"Acme Ltd\"\n";
    let parties = match noun {
        "contract" => {
            "[provider]\nparty = \"north-bank\"\nlegal-name = \"North Bank plc\"\nservice = \"payments\"\n\n[consumer]\n\
             party = \"acme\"\nlegal-name = \"Acme Ltd\"\nmachines = [\"checkout\", \"refunds\"]\n"
                .to_owned()
        }
        "charter" => format!("{own}machine = \"checkout\"\n"),
        _ => own.to_owned(),
    };
    let first = if noun == "guardrail" { "prohibit" } else { "permit" };
    let front = format!(
        "instrument = \"{noun}\"\nname = \"sample\"\nversion = 1\ntitle = \"Sample\"\n\n{parties}{signing}"
    );
    let source = format!(
        "+++\n{front}+++\n\n# Sample\n\n## First\n\n```clause\nkind = \"{first}\"\nactions = [\"read\", \"create\"]\n\
         resources = \"any\"\n```\n\n## Second\n\n```clause\n{block}```\n"
    );
    contract::read(&source).ok()
}

/// All single changes of a kind's terms, each with the key it is at.
pub fn changes(kind: &str, terms: &Value) -> Vec<(String, Value)> {
    let mut found = changed("", terms);
    let Value::Object(members) = terms else { unreachable!() };
    let all = keys(kind);
    let missing: Vec<&String> = all.iter().filter(|path| !has(members, path)).collect();
    for (at, path) in missing.iter().enumerate() {
        for value in values(last(path)) {
            let one = with(members, path, value);
            found.push(((*path).clone(), Value::Object(one.clone())));
            // Some keys only stand together.
            for other in missing.iter().skip(at + 1) {
                let both = values(last(other)).into_iter().map(|value| with(&one, other, value));
                found.extend(both.flat_map(|both| {
                    [path, other].map(|path| ((*path).clone(), Value::Object(both.clone())))
                }));
            }
        }
    }
    let every =
        missing.iter().fold(members.clone(), |terms, path| match values(last(path)).into_iter().next() {
            Some(value) if !path.contains('.') => with(&terms, path, value),
            Some(_) | None => terms,
        });
    found.push((String::new(), Value::Object(every)));
    // Sides that must differ change together.
    let turned = turned(terms);
    let sides = members.iter().filter(|(key, value)| turned.get(*key) != Some(*value));
    found.extend(sides.map(|(key, _)| (key.clone(), turned.clone())));
    found
}

/// The same with the sides of a contract in each other's place.
fn turned(value: &Value) -> Value {
    match value {
        Value::String(text) if text == "provider" => json!("consumer"),
        Value::String(text) if text == "consumer" => json!("provider"),
        Value::Array(items) => Value::Array(items.iter().map(turned).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), turned(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap()
}

fn has(members: &Map<String, Value>, path: &str) -> bool {
    match path.split_once('.') {
        Some((outer, inner)) => members.get(outer).is_some_and(|value| value.get(inner).is_some()),
        None => members.contains_key(path),
    }
}

fn with(members: &Map<String, Value>, path: &str, value: Value) -> Map<String, Value> {
    let mut members = members.clone();
    match path.split_once('.') {
        Some((outer, inner)) => {
            let outer = members.entry(outer).or_insert_with(|| json!({}));
            outer.as_object_mut().unwrap().insert(inner.to_owned(), value);
        }
        None => {
            members.insert(path.to_owned(), value);
        }
    }
    members
}

/// Another value, a shorter list, a key left out.
fn changed(path: &str, value: &Value) -> Vec<(String, Value)> {
    let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(members) => {
            let mut found = Vec::new();
            for (key, member) in members {
                for (path, changed) in changed(&at(key), member) {
                    let mut members = members.clone();
                    members.insert(key.clone(), changed);
                    found.push((path, Value::Object(members)));
                }
                let mut members = members.clone();
                members.remove(key);
                found.push((at(key), Value::Object(members)));
            }
            found
        }
        Value::Array(items) => {
            let mut found = Vec::new();
            for (nth, item) in items.iter().enumerate() {
                for (path, changed) in changed(path, item) {
                    let mut items = items.clone();
                    items[nth] = changed;
                    found.push((path, Value::Array(items)));
                }
                let mut items = items.clone();
                items.remove(nth);
                found.push((path.to_owned(), Value::Array(items)));
            }
            // The same again in another order, where the order can be seen.
            let mut turned = items.clone();
            turned.reverse();
            found.push((path.to_owned(), Value::Array(turned)));
            found.push((path.to_owned(), json!("any")));
            found
        }
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            [number.saturating_sub(1), number + 1].map(|number| (path.to_owned(), json!(number))).to_vec()
        }
        Value::Bool(flag) => vec![(path.to_owned(), json!(!flag))],
        Value::String(text) => {
            replacements(text).into_iter().map(|text| (path.to_owned(), Value::String(text))).collect()
        }
        Value::Null => Vec::new(),
    }
}

/// Other values in place of a text: every spelling any closed set has, and changes of the text itself.
fn replacements(text: &str) -> Vec<String> {
    let mut found: Vec<String> = [
        "any",
        "provider",
        "consumer",
        "party",
        "change",
        "read",
        "public",
        "internal",
        "confidential",
        "restricted",
        "drop",
        "hash",
        "tokenise",
        "truncate",
        "calls",
        "rows",
        "bytes",
        "cost",
        "deny",
        "notify",
        "throttle",
        "machine",
        "service",
        "both",
        "attestation",
        "key-destruction",
        "jwt-svid",
        "x509-svid",
        "mtls",
        "dpop",
        "ed25519",
        "ecdsa-p256",
        "ecdsa-p384",
        "rsa",
        "ml-dsa-65",
        "join-token",
        "ci-oidc",
        "kubernetes",
        "process",
        "renewal",
        "low",
        "medium",
        "high",
        "critical",
        "event",
        "term",
        "year",
        "breach",
        "incident",
        "law",
        "no-owner",
        "compromise",
        "consent",
        "successor",
        "none",
        "monday",
        "sunday",
        "always",
        "weekdays",
        "recertified",
        "person-left",
        "credential-revoked",
        "logs-requested",
        "2 minutes",
        "3 hours",
        "4 days",
        "5 seconds",
        "48 hours",
        "strict",
        "within 60 ms",
        "2027-01-01",
        "2035-06-01T10:00:00Z",
        "98.5%",
        "0.5%",
        "EUR 7",
        "USD 9",
        "10.30.0.0/16",
        "2001:db8::/48",
        "09:00-17:00",
        "Asia/Tokyo",
        "refunds",
        "other",
        "1.1",
        "payments/charges",
        "bot",
        "ai-agent",
        "production",
        "test",
    ]
    .map(str::to_owned)
    .to_vec();
    found.push(format!("{text} x"));
    found.retain(|other| other != text);
    found
}

/// What a clause of any kind may have beside its own keys.
fn beside(kind: &'static str, base: &Instrument) -> Vec<Mutation> {
    let first = base.clauses[0].number;
    let change = |path: &str, change: &dyn Fn(&mut contract::Clause)| {
        let mut changed = base.clone();
        change(changed.clauses.last_mut().unwrap());
        Mutation { kind, path: path.to_owned(), base: base.clone(), changed }
    };
    vec![
        change("on-breach", &|clause| clause.on_breach = Some(first)),
        change("survives beside the clause", &|clause| clause.survives = true),
    ]
}

/// Who signs, and in which order.
fn signings(noun: &str) -> Vec<Mutation> {
    let terms = json!({ "text": "The parties meet once a year." });
    let read = |signing: &str| instrument(noun, signing, "words", &terms);
    let lines = [
        "provider = 2",
        "provider = 3",
        "consumer = 2",
        "party = 2",
        "party = 3",
        "first = \"provider\"",
        "first = \"consumer\"",
        "first = \"party\"",
    ];
    let written = |lines: &[&str]| format!("\n[signing]\n{}\n", lines.join("\n"));
    let mut found = Vec::new();
    let mut try_it = |base: &str, changed: &str| {
        if let (Some(base), Some(changed)) = (read(base), read(changed)) {
            let path = "signing".to_owned();
            found.push(Mutation { kind: "words", path, base, changed });
        }
    };
    for (at, one) in lines.iter().enumerate() {
        try_it("", &written(&[one]));
        for other in lines.iter().skip(at + 1) {
            try_it(&written(&[one]), &written(&[other]));
            try_it(&written(&[one]), &written(&[one, other]));
        }
    }
    found
}

/// What a clause comes down to.
pub fn norms(instrument: &Instrument, clause: &contract::Clause) -> Vec<contract::norm::Norm> {
    let of = Setting { instrument, number: clause.number };
    clause.kind.statements(&of).into_iter().map(|said| said.norm).collect()
}
