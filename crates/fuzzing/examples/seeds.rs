//! Writes the first inputs of each target, where they are not there yet:
//! `cargo run -p fuzzing --features pdf --example seeds`.
//! What a fuzzer found worth keeping lies beside them; `cargo fuzz cmin` keeps it small.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a tool of the developers stops where it fails"
)]

use contract::{Kind, Seal};
use ledger::entry::encode_body;
use ledger::proof::inclusion;
use ledger::tile::encode_bundle;
use ledger::tree::MissingHash;
use ledger::{Checkpoint, Edge, Entry, Hash, NoteSigner, Submission, SubtreeHashes};
use policy::{AppliedRecord, Bundle, Ending, Inputs, MaskedRecord, Outcome, VerdictRecord};
use prost::Message as _;
use registry::{Actor, Event, Recorded};
use std::path::Path;
use testkit::mutation::{NOUNS, mutations};
use testkit::{NOW, certificate, charter, document, ground, guardrail, machine, robot};

fn keep(target: &str, name: &str, bytes: &[u8]) {
    let folder = root().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    if !path.exists() {
        std::fs::write(path, bytes).unwrap();
    }
}

fn chosen(at: usize, rest: &[u8]) -> Vec<u8> {
    [&[u8::try_from(at).unwrap()][..], rest].concat()
}

fn main() {
    documents();
    clauses();
    values();
    names();
    log();
    events();
    records();
    requests();
    certificates();
    #[cfg(feature = "pdf")]
    papers();
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn documents() {
    let mut found: Vec<(String, String)> = Vec::new();
    for folder in ["library", "examples", "examples/quickstart"] {
        for item in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = item.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.ends_with(".writ.md") {
                found.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let permit = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]";
    let term =
        "kind = \"term\"\nstart = 2027-01-01\nend = 2028-01-01\nsurvives = [\"1.1\"]\non-breach = \"1.1\"";
    found.push(("small".into(), document("deal", &[permit, term])));
    found.push((
        "charter".into(),
        charter("own", &["kind = \"permit\"\nactions = \"any\"\nresources = [\"files/a\"]"]),
    ));
    let prohibit = "kind = \"prohibit\"\nactions = [\"write\"]\nresources = \"any\"\nonly = { kinds = [\"bot\"], side = \"provider\" }";
    found.push(("guardrail".into(), guardrail("rail", "acme", &[prohibit])));
    found.push(("nested".into(), format!("+++\ninstrument = \"guardrail\"\n+++\n{}x\n", "> ".repeat(40))));
    found.push(("broken-words".into(), document("deal", &[permit]).replace("<!-- end of words -->", "x")));
    found.push(("edited".into(), document("deal", &[permit]).replace(" may ", " might ")));
    for (name, text) in &found {
        if text.len() < 12_000 {
            keep("contract_document", name, text.as_bytes());
            keep("policy_compile", name, text.as_bytes());
        }
    }
    for name in Kind::NAMES {
        let block = format!("kind = \"{name}\"\n{}", Kind::sample(name).unwrap())
            .replace("\"checkout\"", "\"robot\"");
        let permit =
            "kind = \"permit\"\nactions = [\"read\", \"create\"]\nresources = [\"charges\", \"records\"]";
        keep(
            "policy_compile",
            &format!("kind-{name}"),
            without_words(&document("deal", &[permit, &block])).as_bytes(),
        );
    }
    let text = document("deal", &[permit]);
    let instrument = contract::check(&text).unwrap();
    let envelope = contract::Envelope::of(&instrument, &text, Bundle::unchecked(&instrument).hash(), "fuzz");
    let signatory = |signature| contract::seal::Signatory {
        side: "provider".into(),
        person: "forge/lead".into(),
        capacity: "owner of the service".into(),
        key: "ssh-ed25519 AAAA".into(),
        signature,
    };
    let signed = contract::seal::Signature { time_ms: NOW, armored: "-----BEGIN".into() };
    for (name, signatories) in [("none", vec![]), ("some", vec![signatory(None), signatory(Some(signed))])] {
        let seal = Seal { envelope: envelope.to_json(), signatories, narrowing: None };
        keep("contract_seal", name, seal.to_json().as_bytes());
    }
}

/// The source without what Writ generates: a fuzzer need not carry it along.
fn without_words(text: &str) -> String {
    let mut owned = false;
    let lines = text.lines().filter(|line| {
        owned = (owned || line.ends_with("of Writ -->")) && !line.starts_with("<!-- end");
        !owned && !line.starts_with("<!-- end")
    });
    lines.map(|line| format!("{line}\n")).collect()
}

fn clauses() {
    for (at, name) in Kind::NAMES.iter().enumerate() {
        let sample = Kind::sample(name).unwrap();
        keep("contract_kind", name, &chosen(at, sample.as_bytes()));
        let terms = Kind::read(name, sample).unwrap().unwrap().terms();
        keep("contract_terms", name, &chosen(at, terms.to_string().as_bytes()));
    }
    for (noun, path) in NOUNS.iter().zip(["only.side", "only.kinds", "only.roles"]) {
        if let Some(found) = mutations(noun).into_iter().find(|mutation| mutation.path == path) {
            let kind = &found.clauses()[1].kind;
            let at = Kind::NAMES.iter().position(|name| *name == kind.as_str()).unwrap();
            keep(
                "contract_terms",
                &format!("{noun}-{path}"),
                &chosen(at, kind.terms().to_string().as_bytes()),
            );
        }
    }
}

fn values() {
    // In the order of the list in `fuzzing::values`.
    let texts = [
        "weekdays",
        "internal",
        "change",
        "customer.iban",
        "owned",
        "person-left",
        "08:00-18:00",
        "2026-12-01T09:00:00.5+01:00",
        "caller_region",
        "ai-agent",
        "truncate",
        "EUR 250000",
        "masking",
        "2001:db8::/32",
        "3.1",
        "production",
        "suspend",
        "settlement of orders",
        "99.95%",
        "within 50 ms",
        "provider",
        "15 minutes",
        "payments/charges",
        "the parties' registered offices",
        "rows",
        "sunday",
        "card-payments",
        "Europe/London",
    ];
    for (at, text) in texts.iter().enumerate() {
        keep("contract_value", &format!("{at:02}"), &chosen(at, text.as_bytes()));
    }
    let more =
        [(13, "10.20.0.0/16"), (13, "::ffff:10.0.0.0/104"), (7, "2026-12-01"), (21, "50 ms"), (18, "0.001%")];
    for (nth, (at, text)) in more.into_iter().enumerate() {
        keep("contract_value", &format!("more-{nth}"), &chosen(at, text.as_bytes()));
    }
}

fn names() {
    for (nth, text) in ["card-payments", "payments/charges", "nhi_0123456789abcdef", "svc_zzzzzzzzzzzzzzzz"]
        .iter()
        .enumerate()
    {
        keep("registry_name", &format!("{nth}"), text.as_bytes());
    }
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    keep("registry_signature", "key", &std::fs::read(testdata.join("key.pub")).unwrap());
    keep("registry_signature", "signature", &std::fs::read(testdata.join("signature.pem")).unwrap());
    let p256 = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc= x";
    keep("registry_signature", "p256", p256.as_bytes());
    for (nth, text) in ["spiffe://acme.example/acme-retail/checkout", "acme.example", "spiffe://a/b.c_d-1"]
        .iter()
        .enumerate()
    {
        keep("credential_spiffe", &format!("{nth}"), text.as_bytes());
    }
}

struct Leaves(Vec<Hash>);

impl SubtreeHashes for Leaves {
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MissingHash> {
        let width = 1usize << level;
        let mut edge = Edge::default();
        self.0.iter().skip(index as usize * width).take(width).for_each(|leaf| edge.append(*leaf));
        Ok(edge.root())
    }
}

fn log() {
    let entry = Entry { kind: "registry/event".into(), time_ms: NOW, key: vec![1, 2], body: vec![7; 40] };
    keep("ledger_entry", "event", &entry.encode().unwrap());
    let small = Entry { kind: String::new(), time_ms: 0, key: vec![], body: vec![] };
    keep("ledger_entry", "small", &small.encode().unwrap());
    let batch = [vec![1, 2, 3], vec![], vec![9; 30]].map(|entry| Submission { entry, addendum: vec![4] });
    let mut frame = Vec::new();
    ledger::frame::encode(&[1; 32], 0, &[0; 32], &Hash([2; 32]), &batch, &mut frame);
    keep("ledger_frame", "frame", &frame);
    frame.truncate(frame.len() - 9);
    keep("ledger_frame", "torn", &frame);
    keep("ledger_frame", "zeros", &[0; 84]);
    keep("ledger_frame", "built", &[3, 1, 20, 2, 9, 9, 9, 9, 9, 9]);
    keep("ledger_segment", "patch", &[8, 0, 0, 0, 1, 20, 0, 0, 0, 255]);
    keep("ledger_segment", "cut", &[200, 0, 0, 0]);
    keep("ledger_segment", "offset", &[24, 0, 0, 0, 200, 30, 0, 4, 0, 1]);
    for (nth, path) in
        ["tile/0/000", "tile/entries/x001/x234/067.p/255", "tile/63/000.p/1"].iter().enumerate()
    {
        keep("ledger_tile", &format!("path-{nth}"), path.as_bytes());
    }
    keep("ledger_tile", "bundle", &encode_bundle([&[1u8, 2][..], &[], &[3; 300]]).unwrap());
    // The log of `fuzzing::log`: eleven entries, a seed everybody knows.
    let entries: Vec<Vec<u8>> = (0..11u8).map(|n| vec![n; usize::from(n)]).collect();
    let leaves = Leaves(entries.iter().map(|entry| Hash::of_leaf(entry)).collect());
    let mut edge = Edge::default();
    leaves.0.iter().for_each(|leaf| edge.append(*leaf));
    let signer = NoteSigner::from_seed("fuzz.example/log", &[42; 32]).unwrap();
    let checkpoint = Checkpoint::of("fuzz.example/log", &edge);
    let note = checkpoint.sign(&signer).unwrap().to_string();
    keep("ledger_note", "note", note.as_bytes());
    keep("ledger_note", "checkpoint", checkpoint.to_string().as_bytes());
    keep("ledger_note", "key", signer.verifier().to_string().as_bytes());
    keep("ledger_note", "hash", edge.root().to_base64().as_bytes());
    for index in [0, 6, 10] {
        let path = inclusion(&leaves, index, 11).unwrap();
        let proof =
            ledger::proof_file::ProofFile { extra: Vec::new(), index, path, checkpoint: note.clone() };
        keep("ledger_proof", &format!("{index}"), proof.to_string().as_bytes());
        let extra = proof.to_string().replacen('\n', "\nextra eA==\n", 1);
        keep("ledger_proof", &format!("{index}-extra"), extra.as_bytes());
    }
    for (nth, head) in [[10, 3, 4, 0, 0, 0], [63, 62, 32, 1, 5, 1], [94, 0, 94, 2, 9, 2]].iter().enumerate() {
        keep("ledger_tree", &format!("{nth}"), head);
    }
}

fn events() {
    let vectors = std::fs::read_to_string(root().join("crates/registry/testdata/events.txt")).unwrap();
    for line in vectors.lines() {
        let (name, hex) = line.split_once(' ').unwrap();
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        keep("registry_event", name, &bytes);
    }
    let mut all = ground();
    all.push(Event::IdentityProposed(robot(machine(), "robot")));
    all.push(certificate(machine(), [7; 16]));
    all.push(Event::PersonLeft { person: testkit::person(1), time_ms: NOW, grace_until_ms: NOW + 5 });
    all.push(Event::IdentityRevoked { identity: machine(), reason: "stolen".into() });
    for (nth, event) in all.iter().enumerate() {
        let recorded = Recorded { actor: Actor::System, events: vec![event.clone()] };
        keep("registry_event", &format!("event-{nth:02}"), &encode_body(&recorded).unwrap());
    }
    let source = document("deal", &["kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]"]);
    let world = testkit::World::new();
    let drafted =
        testkit::drafted(world.rules.state(), registry::InstrumentId::from_entropy([9; 10]), &source);
    let id = drafted.id;
    let events =
        vec![Event::InstrumentDrafted(Box::new(drafted)), Event::InstrumentInForce { instrument: id }];
    let recorded = Recorded { actor: Actor::Operator, events };
    keep("registry_event", "instrument", &encode_body(&recorded).unwrap());
}

fn records() {
    let above = AppliedRecord {
        instrument: registry::InstrumentId::from_entropy([1; 10]),
        version: 1,
        clauses: vec!["0.1".into()],
        counted: vec![],
        bundle: [3; 32],
    };
    let record = VerdictRecord {
        permitted: true,
        reason: "permitted".into(),
        identity: Some(machine()),
        serial: [7; 16],
        service: Some(testkit::service()),
        action: Some("read".parse().unwrap()),
        resource: Some("a".parse().unwrap()),
        instrument: Some(above.instrument),
        version: Some(1),
        clauses: vec!["1.1".into()],
        counted: vec!["2.1".into()],
        bundle: Some([4; 32]),
        as_of_size: 12,
        as_of_root: [5; 32],
        inputs: [6; 32],
        above: vec![above],
        decided_ms: NOW,
        silence_ms: 0,
        under: None,
        beside: vec![],
        session: None,
        rows_counted: vec![],
        tried: vec![],
    };
    keep("policy_record", "permit", &encode_body(&record).unwrap());
    let denial = VerdictRecord {
        permitted: false,
        reason: "no-contract".into(),
        instrument: None,
        above: vec![],
        ..record
    };
    keep("policy_record", "denial", &encode_body(&denial).unwrap());
    let outcome = Outcome {
        given: None,
        verdict: 3,
        status: 200,
        bytes_up: 1,
        bytes_down: 99,
        ending: Ending::Cut,
        duration_ms: 12,
        rows: None,
        error: None,
        masked: vec![],
    };
    keep("policy_record", "outcome", &encode_body(&outcome).unwrap());
    let outcome = Outcome { masked: vec![MaskedRecord { what: "email".into(), count: 3 }], ..outcome };
    keep("policy_record", "outcome-masked", &encode_body(&outcome).unwrap());
    let inputs = Inputs {
        nonce: [1; 16],
        method: "GET".into(),
        host: "files.localhost".into(),
        target: "/a?b=c".into(),
        peer: "10.0.0.1:9".into(),
        detail: "permitted".into(),
        purpose: Some("audit".into()),
        key_algorithm: "ed25519".into(),
        touches: Vec::new(),
        parameters: None,
        trace: None,
    };
    keep("policy_record", "inputs", &inputs.commit().0);
}

fn requests() {
    use wire::ext_authz::{
        Address, Attributes, CheckRequest, HttpRequest, Peer, RequestAttributes, SocketAddress,
    };
    let headers = [("accept", "*/*"), ("writ-purpose", "audit")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let http = HttpRequest {
        method: "GET".into(),
        headers: headers.into_iter().collect(),
        path: "/a?b=c".into(),
        host: "files.localhost".into(),
    };
    let socket = SocketAddress { address: "10.0.0.1".into(), port_value: 9 };
    let source = Peer {
        address: Some(Address { socket_address: Some(socket) }),
        principal: "spiffe://a/b".into(),
        certificate: "-----BEGIN%20CERTIFICATE-----".into(),
    };
    let attributes = Attributes {
        source: Some(source),
        request: Some(RequestAttributes { http: Some(http) }),
        context_extensions: [("service".to_owned(), "files".to_owned())].into_iter().collect(),
    };
    for (name, asked) in [
        ("full", CheckRequest { attributes: Some(attributes) }),
        ("empty", CheckRequest { attributes: None }),
    ] {
        let message = asked.encode_to_vec();
        let frame = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
        keep("wire_ext_authz", name, &frame);
    }
    let targets = [
        "/",
        "/a/b/",
        "/a%20b?x=1&y=%26",
        "/a/../b",
        "/a;b",
        "/%2e%2e/x",
        "/app.git/info/refs?service=git-upload-pack",
        "/x?a=1&a=2",
    ];
    for (nth, target) in targets.iter().enumerate() {
        keep("wire_target", &format!("{nth}"), target.as_bytes());
    }
    let heads = [
        "\nhost: a\ncontent-length: 3",
        "a.example\nhost: a.example\ntransfer-encoding: chunked",
        "\nhost: a\nconnection: close, x-hop\nx-hop: 1\nwrit_identity: b\nx-original-url: /admin",
        "\nhost: a\nhost: b\nupgrade: websocket",
        "\nhost: a\ncontent-length: 3\ntransfer-encoding: chunked",
    ];
    for (nth, head) in heads.iter().enumerate() {
        keep("wire_head", &format!("{nth}"), head.as_bytes());
    }
}

fn certificates() {
    use rcgen::{CertificateParams, KeyPair, KeyUsagePurpose, SanType};
    for (name, algorithm) in [("p256", &rcgen::PKCS_ECDSA_P256_SHA256), ("ed25519", &rcgen::PKCS_ED25519)] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI("spiffe://acme.example/acme/robot".try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&[7; 16]));
        keep("credential_svid", name, params.clone().self_signed(&key).unwrap().der());
        keep(
            "credential_csr",
            name,
            params
                .serialize_request(&key)
                .map_or_else(
                    |_| CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap(),
                    |request| request.pem().unwrap(),
                )
                .as_bytes(),
        );
    }
}

#[cfg(feature = "pdf")]
fn papers() {
    let source = document("deal", &["kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]"]);
    let instrument = contract::check(&source).unwrap();
    let envelope =
        contract::Envelope::of(&instrument, &source, Bundle::unchecked(&instrument).hash(), "fuzz");
    let seal = Seal { envelope: envelope.to_json(), signatories: vec![], narrowing: None };
    let sheet = press::Sheet { instrument: &instrument, source: &source, seal: &seal, at_ms: NOW };
    keep("press_attached", "instrument", &press::instrument(&sheet).unwrap());
    keep("press_attached", "no-pdf", b"%PDF-1.7\n%%EOF\n");
}
