//! What clients of databases say.

use crate::text;
use registry::{Classification, Objects, Resource, Service};
use sql::{Catalog, Path, normal, read};
use wire::postgres::frame::{HEADER_BYTES, Header};
use wire::postgres::frontend::Frontend;
use wire::postgres::startup::{self, Opening};
use wire::postgres::{backend, error_response, frontend};

/// PostgreSQL's messages. First byte even: a first packet; what is read of it is written and read again. Odd: messages of
/// either side, taken apart to the end of the bytes.
pub fn wire_postgres(data: &[u8]) {
    let Some((side, bytes)) = data.split_first() else { return };
    if side % 2 == 0 {
        let Ok(Some((opening, length))) = startup::opening(bytes) else { return };
        let (packet, _) = bytes.split_at_checked(length).unwrap();
        // Cut off, it is not there yet.
        let (_, cut) = packet.split_last().unwrap();
        assert_eq!(startup::opening(cut).ok().flatten(), None);
        match opening {
            Opening::Startup(read) if read.version == (3, 0) => {
                let given: Vec<(&str, &str)> =
                    read.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                assert_eq!(startup::startup(&given), packet);
            }
            Opening::Cancel(key) => assert_eq!(startup::cancel(&key), packet),
            Opening::Startup(_) | Opening::Ssl | Opening::Gss => {}
        }
        return;
    }
    let mut rest = bytes;
    while let Ok(Some(header)) = Header::read(rest) {
        let Some(body) = rest.get(HEADER_BYTES..header.total()) else { return };
        let (message, after) = rest.split_at_checked(header.total()).unwrap();
        let mut again = Vec::new();
        match Frontend::read(header.tag, body) {
            Ok(Frontend::Query(query)) => frontend::query(&mut again, query),
            Ok(Frontend::Parse { name, query, types }) => frontend::parse(&mut again, name, query, types),
            Ok(Frontend::Bind { rest, .. }) => {
                if let Ok(bound) = frontend::parameters(rest) {
                    assert!(bound.len() <= rest.len());
                }
            }
            Ok(_) | Err(_) => {}
        }
        assert!(again.is_empty() || again == message, "what is read of a message is the whole message");
        let _ = backend::Authentication::read(body);
        let _ = backend::parameter_status(body);
        let _ = backend::key_data(body);
        let _ = error_response::read(body);
        let _ = backend::row(body);
        if let Ok(fields) = backend::fields(body) {
            let mut again = Vec::new();
            backend::put_row(&mut again, fields.iter().copied());
            assert_eq!(again.get(HEADER_BYTES..), Some(body), "a row is written as it was read");
        }
        if let Ok(fields) = backend::row_description(body) {
            assert!(fields.len() <= body.len());
        }
        let _ = backend::copy_out(body);
        let without = |body: &[u8]| error_response::without_details(body, "withheld", |_| None);
        if let Ok(plain) = without(body) {
            assert_eq!(error_response::read(&plain), error_response::read(body), "code and message are kept");
            assert_eq!(without(&plain).as_ref(), Ok(&plain));
        }
        rest = after;
    }
}

/// Texts of queries: whatever they are, they are something to ask a contract for; the same text with other numbers is the
/// same; and without a catalog that knows anything nothing is let through but what touches nothing.
pub fn sql_read(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(statements) = read(text) else { return };
    assert_eq!(normal(&normal(text)), normal(text));
    let (service, catalog) = (service(), Catalog::default());
    for statement in &statements {
        let resolved = statement.resolve(&service, &catalog, &Path::Unknown);
        assert!(!resolved.acts.is_empty());
        let administers = resolved.acts.iter().any(|act| act.verb == registry::Verb::Administer);
        assert_eq!(administers, !resolved.reasons.is_empty());
        let listens =
            |verb| matches!(verb, registry::Verb::Listen | registry::Verb::Notify | registry::Verb::Use);
        assert!(
            administers
                || resolved.acts.iter().all(|act| listens(act.verb) || act.verb == registry::Verb::Define)
        );
    }
}

fn service() -> Service {
    let objects = Objects { tables: vec!["public.*".into()], functions: vec![], channels: vec!["c".into()] };
    let resource = |name: &str, objects| {
        Resource::of_database(name.parse().unwrap(), Some(Classification::Public), objects)
    };
    Service {
        upstream: "postgresql://127.0.0.1:1/app".into(),
        resources: vec![resource("all", objects), resource("session", Objects::default())],
        login: Some("role".into()),
        ..testkit::files()
    }
}
