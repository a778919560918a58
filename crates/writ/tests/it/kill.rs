//! Stopping by every handle there is: a key, an owner, an instrument, a party.

use crate::curl::{curl, world};
use crate::harness::text;
use std::path::Path;

#[test]
fn what_is_killed_is_refused_whatever_it_was_killed_by() {
    let (mut writ, _nginx, credential) = world();
    writ.machine("acme/other", "bot");
    let ask = |credential: &Path| text(&curl(&writ, credential, "/public/a.txt", &[]).stdout);
    let permitted = |credential: &Path| ask(credential) == "public words\n";
    assert!(permitted(&credential), "{}", ask(&credential));

    let file = credential.join("cert.pem");
    let said = writ.ok(&["kill", "key", file.to_str().unwrap(), "--reason", "leaked"]);
    assert!(said.contains("1 certificate"), "{said}");
    assert!(ask(&credential).contains("was revoked: leaked"), "{}", ask(&credential));
    let again = writ.fails(&["kill", "key", file.to_str().unwrap(), "--reason", "leaked"], 1);
    assert!(again.contains("it is stopped already"), "{again}");

    let credential = writ.join("acme/reader");
    assert!(permitted(&credential));
    let said = writ.ok(&["kill", "owner", "acme/build-lead", "--reason", "phished"]);
    assert!(
        said.contains("2 machines: acme/other, acme/reader")
            || said.contains("2 machines: acme/reader, acme/other"),
        "{said}"
    );
    assert!(ask(&credential).contains("is suspended"), "{}", ask(&credential));
    for machine in ["acme/reader", "acme/other"] {
        writ.ok(&["identity", "resume", machine]);
    }
    assert!(permitted(&credential));

    writ.ok(&["kill", "instrument", "files", "--reason", "breach"]);
    assert!(ask(&credential).contains("no-contract"), "{}", ask(&credential));
    writ.ok(&["kill", "party", "acme", "--reason", "incident", "--for-good"]);
    assert!(ask(&credential).contains("is revoked"), "{}", ask(&credential));
    writ.fails(&["identity", "resume", "acme/reader"], 1);
    writ.assert_verifies();
}
