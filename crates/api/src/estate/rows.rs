//! An estate as it is sent: tables and documents. Rows are read one by one, so that whatever is wrong with them
//! is told at once, each with its place in the request.

use crate::error::{ApiError, Finding};
use crate::identities::propose::NewIdentity;
use crate::parties::register::NewParty;
use crate::people::register::NewPerson;
use crate::services::register::NewService;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use std::collections::HashMap;
use utoipa::ToSchema;

/// Rows of all tables together at most.
pub(crate) const ROWS_MAX: usize = 20_000;
/// Documents in one estate at most.
pub(crate) const DOCUMENTS_MAX: usize = 20_000;
/// What a request with findings is told first.
pub(crate) const FAULTY: &str = "the estate's files cannot be applied";

/// An estate: the tables of its TOML files together, and its documents.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Estate {
    /// Legal persons.
    #[serde(default)]
    #[schema(value_type = Vec<NewParty>)]
    party: Vec<Value>,
    /// Natural persons; name and address have no place in a folder of files.
    #[serde(default)]
    #[schema(value_type = Vec<NewPerson>)]
    person: Vec<Value>,
    /// Who may sign for their party, beside the owners concerned.
    #[serde(default)]
    #[schema(value_type = Vec<EstateAuthority>)]
    authority: Vec<Value>,
    /// Services.
    #[serde(default)]
    #[schema(value_type = Vec<NewService>)]
    service: Vec<Value>,
    /// Machine identities.
    #[serde(default)]
    #[schema(value_type = Vec<NewIdentity>)]
    identity: Vec<Value>,
    /// Instruments.
    #[serde(default)]
    document: Vec<EstateDocument>,
}

/// An authority to sign.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EstateAuthority {
    /// The party.
    pub(crate) party: String,
    /// The handle of the person who may sign for it.
    pub(crate) person: String,
    /// Which kinds of instrument: `charter`, `contract`, `guardrail`.
    pub(crate) kinds: Vec<String>,
    /// Until when: a date or an instant; without end if left out.
    #[serde(default)]
    pub(crate) until: Option<String>,
}

/// A `*.writ.md` file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EstateDocument {
    /// Where it lies, for messages.
    #[expect(dead_code, reason = "for those who read the request")]
    path: String,
    /// Its text.
    pub(crate) text: String,
}

/// A row, and where it stands in the request.
pub(crate) struct Row<T> {
    pub(crate) says: T,
    /// A JSON Pointer.
    pub(crate) at: String,
}

/// The same, read.
pub(crate) struct Tables {
    pub(crate) party: Vec<Row<NewParty>>,
    pub(crate) person: Vec<Row<NewPerson>>,
    pub(crate) authority: Vec<Row<EstateAuthority>>,
    pub(crate) service: Vec<Row<NewService>>,
    pub(crate) identity: Vec<Row<NewIdentity>>,
    pub(crate) document: Vec<Row<EstateDocument>>,
}

impl Estate {
    /// Reads every row.
    pub(crate) fn read(self) -> Result<Tables, ApiError> {
        let tables: [(&str, &[Value], &[&str]); 5] = [
            ("party", &self.party, &["name"]),
            ("person", &self.person, &["party", "name"]),
            ("authority", &self.authority, &["party", "person"]),
            ("service", &self.service, &["name"]),
            ("identity", &self.identity, &["party", "name"]),
        ];
        let rows_count: usize = tables.iter().map(|(_, rows, _)| rows.len()).sum();
        if rows_count > ROWS_MAX {
            let what = format!("an estate of {rows_count} rows; at most {ROWS_MAX} are one");
            return Err(ApiError::invalid(what).help("keep apart parties that have no instrument in common"));
        }
        if self.document.len() > DOCUMENTS_MAX {
            let what =
                format!("an estate of {} documents; at most {DOCUMENTS_MAX} are one", self.document.len());
            return Err(ApiError::invalid(what).help("keep apart parties that have no instrument in common"));
        }
        let mut findings = Vec::new();
        for (table, rows, key) in tables {
            twice(table, rows, key, &mut findings);
        }
        let documents = self.document.into_iter().enumerate();
        let tables = Tables {
            party: rows("party", self.party, &mut findings),
            person: rows("person", self.person, &mut findings),
            authority: rows("authority", self.authority, &mut findings),
            service: rows("service", self.service, &mut findings),
            identity: rows("identity", self.identity, &mut findings),
            document: documents.map(|(at, says)| Row { says, at: format!("/document/{at}") }).collect(),
        };
        if findings.is_empty() { Ok(tables) } else { Err(ApiError::findings(FAULTY, findings)) }
    }
}

fn rows<T: DeserializeOwned>(table: &str, rows: Vec<Value>, findings: &mut Vec<Finding>) -> Vec<Row<T>> {
    let read = |(at, row): (usize, Value)| {
        let at = format!("/{table}/{at}");
        match serde_path_to_error::deserialize(row) {
            Ok(says) => Some(Row { says, at }),
            Err(error) => {
                findings.push(misfit(&at, &error));
                None
            }
        }
    };
    rows.into_iter().enumerate().filter_map(read).collect()
}

/// What a row does not have, or has and should not.
fn misfit(at: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> Finding {
    let mut pointer = at.to_owned();
    for segment in error.path() {
        match segment {
            Segment::Map { key } | Segment::Enum { variant: key } => pointer.push_str(&step(key)),
            Segment::Seq { index } => pointer.push_str(&step(&index.to_string())),
            Segment::Unknown => {}
        }
    }
    let text = error.inner().to_string();
    let named = |prefix: &str| text.strip_prefix(prefix)?.split_once('`');
    let (message, help) = match (named("unknown field `"), named("missing field `")) {
        (Some((key, rest)), _) => {
            if !pointer.ends_with(&step(key)) {
                pointer.push_str(&step(key));
            }
            (format!("the key `{key}` is not known here"), rest.trim_start_matches(", ").to_owned())
        }
        (_, Some((key, _))) => {
            (format!("the key `{key}` is missing"), format!("write `{key} = …` in this table"))
        }
        (None, None) => (text.clone(), String::new()),
    };
    ApiError::invalid(message).help(help).finding(&pointer)
}

/// One step of a JSON Pointer (RFC 6901).
fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Rows that describe one thing twice, be it alike or not.
fn twice(table: &str, rows: &[Value], key: &[&str], findings: &mut Vec<Finding>) {
    let mut seen: HashMap<String, (usize, &Value)> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        let parts: Option<Vec<&str>> = key.iter().map(|part| row.get(part)?.as_str()).collect();
        let Some(name) = parts.map(|parts| parts.join("/")) else { continue };
        let Some((first, other)) = seen.get(&name) else {
            seen.insert(name, (at, row));
            continue;
        };
        let different = differences(row, other);
        let message = if different.is_empty() {
            format!("the {table} `{name}` stands here a second time")
        } else {
            format!("two rows of the {table} `{name}` contradict each other in {}", different.join(", "))
        };
        let mut finding =
            ApiError::invalid(message).help("leave one of the two").finding(&format!("/{table}/{at}"));
        finding.other = format!("/{table}/{first}");
        findings.push(finding);
    }
}

fn differences(a: &Value, b: &Value) -> Vec<String> {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return Vec::new() };
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).filter(|key| a.get(*key) != b.get(*key)).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter().map(|key| format!("`{key}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn findings(estate: Value) -> Vec<(String, String)> {
        let estate: Estate = serde_json::from_value(estate).unwrap();
        let body = estate.read().map(|_| ()).unwrap_err().into_body();
        body.findings.into_iter().map(|found| (found.pointer, found.message)).collect()
    }

    #[test]
    fn every_row_at_fault_is_told_with_its_place() {
        let operation = json!({ "action": "read", "methods": "GET", "path": "/" });
        let service = json!({ "name": "s", "party": "p", "owner": "o", "host": "h", "upstream": "u",
            "resources": [{ "name": "r", "operations": [operation] }] });
        let estate = json!({
            "party": [{ "name": "p", "legal_name": 5, "jurisdiction": "x" }, { "name": "q", "jurisdiction": "x" }],
            "service": [service],
            "person": [{ "party": "p", "name": "n", "key": "k", "onwer": "x" }],
        });
        let place = |at: &str, what: &str| (at.to_owned(), what.to_owned());
        assert_eq!(
            findings(estate),
            [
                place("/party/0/legal_name", "invalid type: integer `5`, expected a string"),
                place("/party/1", "the key `legal_name` is missing"),
                place("/person/0/onwer", "the key `onwer` is not known here"),
                place(
                    "/service/0/resources/0/operations/0/methods",
                    "invalid type: string \"GET\", expected a sequence"
                ),
            ]
        );
    }

    #[test]
    fn a_second_row_is_a_finding_whether_it_agrees_or_not() {
        let row = |place: &str| json!({ "name": "p", "legal_name": "P", "jurisdiction": place });
        let found = findings(json!({ "party": [row("a"), row("a"), row("b")] }));
        let told: Vec<&str> = found.iter().map(|(_, what)| what.as_str()).collect();
        assert_eq!(
            told,
            [
                "the party `p` stands here a second time",
                "two rows of the party `p` contradict each other in `jurisdiction`"
            ]
        );
    }
}
