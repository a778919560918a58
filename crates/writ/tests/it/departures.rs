//! An owner leaves: an identity provider says so by SCIM or by a security event, and what the instrument says about it
//! is done, step by step.

use crate::curl::{CONTRACT, service};
use crate::harness::{Writ, text, wait};
use crate::join::TokenIssuer;
use serde_json::{Value, json};
use std::process::Command;

/// The contract of the files, with a clause more.
fn contract(clause: &str) -> String {
    format!("{CONTRACT}\n## Accountability\n\n```clause\n{clause}\n```\n")
}

/// Asks the API with curl; gives the status and the body.
fn curl(url: &str, arguments: &[&str]) -> (u16, Value) {
    let out = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .arg(url)
        .output()
        .unwrap();
    let said = text(&out.stdout);
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

struct Scim {
    address: String,
    bearer: String,
}

impl Scim {
    fn of(writ: &Writ) -> Self {
        let file = std::fs::read_to_string(writ.data().join("scim.json")).unwrap();
        let file: Value = serde_json::from_str(&file).unwrap();
        let text = |name: &str| file[name].as_str().unwrap().to_owned();
        Self { address: text("address"), bearer: format!("Authorization: Bearer {}", text("token")) }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.address);
        let data = body.to_string();
        let mut arguments =
            vec!["-X", method, "-H", &self.bearer, "-H", "Content-Type: application/scim+json"];
        if !body.is_null() {
            arguments.extend(["--data", &data]);
        }
        curl(&url, &arguments)
    }
}

fn state(writ: &Writ, machine: &str) -> Value {
    writ.json(&["identity", "show", machine])
}

#[test]
fn a_provider_says_that_the_owner_left_and_the_ladder_is_climbed() {
    let mut writ = Writ::start();
    writ.machine("acme/reader", "bot");
    writ.service(&service(9));
    let clause = "kind = \"ownership\"\nrecertify-every = \"90 days\"\non-departure = [{ step = \"warn\" }, { after = \"1 second\", step = \"shorten-life\", life = \"5 minutes\" }, { after = \"20 seconds\", step = \"suspend\" }, { after = \"21 seconds\", step = \"kill\" }]";
    writ.contract("files", &contract(clause));
    let scim = Scim::of(&writ);

    // Who is nobody here is not made by a provider.
    let jane = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Jane@acme.example", "externalId": "00u1" });
    let (status, said) = scim.ask("POST", "/Users", &jane);
    assert_eq!((status, &said["scimType"]), (400, &json!("invalidValue")), "{said}");
    writ.ok(&["person", "link", "acme/build-lead", "--email", "jane@acme.example"]);
    let twice = writ.fails(&["person", "link", "acme/platform-lead", "--email", "JANE@acme.example"], 1);
    assert!(twice.contains("somebody else's"), "{twice}");
    // A mistake can be taken back, by who made it.
    let unlink = |person: &'static str| ["person", "unlink", person, "--email", "jane@acme.example"];
    let other = writ.fails(&unlink("acme/platform-lead"), 1);
    assert!(other.contains("not linked to this person"), "{other}");
    writ.ok(&unlink("acme/build-lead"));
    writ.fails(&unlink("acme/build-lead"), 1);
    writ.ok(&["person", "link", "acme/build-lead", "--email", "jane@acme.example"]);
    let (status, made) = scim.ask("POST", "/Users", &jane);
    assert_eq!(
        (status, &made["active"], &made["userName"]),
        (201, &json!(true), &json!("Jane@acme.example")),
        "{made}"
    );
    assert_eq!(scim.ask("POST", "/Users", &jane).0, 409);
    let id = made["id"].as_str().unwrap();
    let (_, found) = scim.ask("GET", "/Users?filter=userName%20eq%20%22jane%40acme.example%22", &Value::Null);
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &json!(id)), "{found}");
    let (_, none) = scim.ask("GET", "/Users?filter=userName%20eq%20%22joe%40acme.example%22", &Value::Null);
    assert_eq!(none["totalResults"], 0);
    assert_eq!(scim.ask("GET", "/ServiceProviderConfig", &Value::Null).1["patch"]["supported"], true);
    let stranger = Scim { bearer: "Authorization: Bearer guess".into(), address: scim.address.clone() };
    assert_eq!(stranger.ask("GET", "/Users", &Value::Null).0, 401);
    // The address is beside the ledger, not in it.
    let leaves = std::fs::read_dir(writ.data().join("ledger/control/wal")).unwrap();
    for file in leaves {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|window| window.eq_ignore_ascii_case(b"jane@acme.exampl")));
    }

    let folder = writ.join("acme/reader");
    let lasts = |folder: &std::path::Path| {
        let shown = writ.json(&["verify", folder.join("cert.pem").to_str().unwrap()]);
        shown["not_after_ms"].as_u64().unwrap() - shown["recorded_ms"].as_u64().unwrap()
    };
    assert!(lasts(&folder) > 3_000_000);
    let token = writ.ok(&["token", "create", "acme/reader"]);
    let leaving = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{ "op": "Replace", "path": "active", "value": "False" }] });
    let (status, left) = scim.ask("PATCH", &format!("/Users/{id}"), &leaving);
    assert_eq!((status, &left["active"]), (200, &json!(false)), "{left}");
    let graced = state(&writ, "acme/reader");
    assert!(graced["grace_until_ms"].is_u64(), "{graced}");
    let taken = |step: &str| state(&writ, "acme/reader")["steps"].as_array().unwrap().contains(&json!(step));
    wait("the shorter life", || taken("shorten-life"));
    let out = Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["issue", "--out", writ.path("shorter").to_str().unwrap()])
        .env("WRIT_DATA", writ.data())
        .env("WRIT_TOKEN", token.trim())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(lasts(&writ.path("shorter")) <= 300_000);
    wait("the suspension", || taken("suspend"));
    wait("the end", || taken("kill"));
    assert_eq!(state(&writ, "acme/reader")["state"], "revoked");
    let back = json!({ "Operations": [{ "op": "replace", "path": "active", "value": true }] });
    assert_eq!(
        scim.ask("PATCH", &format!("/Users/{id}"), &back).0,
        400,
        "who left comes back as somebody new"
    );
    assert_eq!(scim.ask("DELETE", &format!("/Users/{id}"), &Value::Null).0, 204);
    assert_eq!(scim.ask("GET", &format!("/Users/{id}"), &Value::Null).0, 404);
    writ.assert_verifies();
}

#[test]
fn a_security_event_says_that_somebody_left() {
    let mut writ = Writ::start();
    writ.machine("acme/reader", "bot");
    let idp = TokenIssuer::new("https://idp.example").trusted(&writ, "idp", "security-events");
    writ.ok(&["person", "link", "acme/platform-lead", "--issuer", "https://idp.example", "--subject", "u-7"]);
    let url = format!("{}/v1/security-events", writ.address()["api"].as_str().unwrap());
    let push = |token: &str| {
        curl(&url, &["-X", "POST", "-H", "Content-Type: application/secevent+jwt", "--data", token])
    };
    let event = |kind: &str, subject: &str| {
        json!({
            "sub_id": { "format": "iss_sub", "iss": "https://idp.example", "sub": subject },
            "events": { (format!("https://schemas.openid.net/secevent/{kind}")): {} },
        })
    };
    let disabled = event("risc/event-type/account-disabled", "u-7");
    for (token, err) in [
        (idp.token("JWT", &disabled), "invalid_request"),
        (TokenIssuer::new("https://idp.example").token("secevent+jwt", &disabled), "invalid_key"),
        (TokenIssuer::new("https://other.example").token("secevent+jwt", &disabled), "invalid_issuer"),
        (idp.token("secevent+jwt", &json!({ "aud": "somebody", "events": {} })), "invalid_audience"),
        (idp.token("secevent+jwt", &json!({ "events": {} })), "invalid_request"),
        ("nonsense".to_owned(), "invalid_issuer"),
    ] {
        let (status, said) = push(&token);
        assert_eq!((status, &said["err"]), (400, &json!(err)), "{said}");
    }
    let (status, _) = curl(&url, &["-X", "POST", "-H", "Content-Type: application/json", "--data", "{}"]);
    assert_eq!(status, 400);
    // What concerns nobody here, or does not say that somebody left, is on record and changes nothing.
    for harmless in
        [event("caep/event-type/session-revoked", "u-7"), event("risc/event-type/account-disabled", "u-8")]
    {
        assert_eq!(push(&idp.token("secevent+jwt", &harmless)).0, 202);
    }
    assert!(state(&writ, "acme/reader")["grace_until_ms"].is_null());
    let token = idp.token("secevent+jwt", &disabled);
    assert_eq!(push(&token).0, 202);
    assert_eq!(push(&token).0, 202, "a second delivery is acknowledged");
    assert!(state(&writ, "acme/reader")["grace_until_ms"].is_u64());
    // Nobody joins with what an identity provider signs.
    let out = Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["issue", "--out", writ.path("no").to_str().unwrap()])
        .env("WRIT_DATA", writ.data())
        .env("WRIT_TOKEN", &token)
        .output()
        .unwrap();
    assert!(!out.status.success() && text(&out.stderr).contains("nobody here trusts"));
    writ.assert_verifies();
}

/// What is kept of a person may be damaged or lost: that they leave is still heard.
#[test]
fn a_departure_does_not_hang_on_what_is_kept_of_a_person() {
    let mut writ = Writ::start();
    writ.machine("acme/reader", "bot");
    writ.ok(&["person", "link", "acme/build-lead", "--email", "jane@acme.example"]);
    let scim = Scim::of(&writ);
    let jane = json!({ "userName": "jane@acme.example", "name": { "familyName": "Doe", "givenName": "Jane" },
        "emails": [{ "type": "work", "value": "jane@acme.example" }] });
    let (_, made) = scim.ask("POST", "/Users", &jane);
    let id = made["id"].as_str().unwrap();
    let path = format!("/Users/{id}");
    let changes = json!({ "Operations": [
        { "op": "replace", "path": "name.familyName", "value": "Roe" },
        { "op": "remove", "path": "name.givenName" },
        { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "j@acme.example" }] });
    let (status, changed) = scim.ask("PATCH", &path, &changes);
    assert_eq!((status, &changed["name"]), (200, &json!({ "familyName": "Roe" })), "{changed}");
    assert!(changed.get("emails").is_none(), "an address that is not theirs any more is not kept: {changed}");

    let file = writ.data().join(format!("people/{id}.json"));
    std::fs::write(&file, b"{").unwrap();
    assert_eq!(scim.ask("GET", &path, &Value::Null).0, 500);
    assert_eq!(scim.ask("GET", "/Users", &Value::Null).0, 500);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(scim.ask("GET", &path, &Value::Null).0, 404);
    assert_eq!(scim.ask("DELETE", &path, &Value::Null).0, 204);
    assert!(state(&writ, "acme/reader")["grace_until_ms"].is_u64());
    assert_eq!(scim.ask("DELETE", &path, &Value::Null).0, 404);
    writ.assert_verifies();
}
