//! What a client of a database is told when something is not done: the clause and its sentence, in the fields errors of
//! PostgreSQL have. What a clause or a bound of the gateway's stops has an SQLSTATE of the class `WR`, which nobody else
//! uses; what PostgreSQL says itself (no such portal, shutting down) has PostgreSQL's.

use crate::limits::ROW_BYTES_MAX;
use crate::parting::Cut;
use policy::{Allowance, Cited, Denial, Longest, Most, Reason};
use wire::postgres::error_response::{ErrorResponse, Severity};

/// What was asked is no SQL, or more than is looked into.
pub(crate) const UNREADABLE: &str = "WR007";
/// The session cannot begin or go on.
pub(crate) const SESSION: &str = "WR008";

fn code(reason: Reason) -> &'static str {
    match reason {
        Reason::ClauseForbids => "WR001",
        Reason::NothingPermits | Reason::NoContract | Reason::NoSuchOperation | Reason::NoSuchService => {
            "WR002"
        }
        Reason::QuotaExhausted => "WR003",
        Reason::CredentialNotGood
        | Reason::CredentialScope
        | Reason::IdentityNotGood
        | Reason::UnknownIdentity => "WR004",
        Reason::ControlSilent | Reason::InstrumentUnusable => "WR005",
        Reason::RequestAmbiguous => "WR006",
    }
}

/// A denial: the clause in DETAIL, why it is asked for and where it is recorded in HINT.
pub(crate) fn denial(denial: &Denial, reasons: &[String], instance: Option<&str>) -> ErrorResponse {
    let mut hint = String::new();
    if !reasons.is_empty() {
        hint.push_str(&format!("It counts as administration because {}. ", reasons.join("; ")));
    }
    if let Some(ms) = denial.retry_after_ms {
        hint.push_str(&again_in(ms));
        hint.push(' ');
    }
    hint.push_str(&on_record(instance));
    let message = match &denial.cited {
        Some(cited) => format!("not permitted by clause {} of `{}`", cited.clause, cited.name),
        None => "not permitted".to_owned(),
    };
    ErrorResponse {
        severity: Severity::Error,
        code: code(denial.reason),
        message,
        detail: Some(denial.detail.clone()),
        hint: Some(hint),
    }
}

/// Where a denial is on record.
pub(crate) fn on_record(instance: Option<&str>) -> String {
    match instance {
        Some(instance) => format!("This is decision {instance}: `writ why {instance}`."),
        None => "This decision could not be recorded.".to_owned(),
    }
}

/// What cannot be recorded does not happen.
pub(crate) fn not_recorded(why: &str) -> ErrorResponse {
    ErrorResponse {
        severity: Severity::Fatal,
        code: "WR009",
        message: "what cannot be recorded does not happen".to_owned(),
        detail: Some(why.to_owned()),
        hint: None,
    }
}

/// The session ends.
pub(crate) fn fatal(code: &'static str, message: impl Into<String>) -> ErrorResponse {
    ErrorResponse { severity: Severity::Fatal, code, message: message.into(), detail: None, hint: None }
}

/// More is open at one time than is kept.
pub(crate) fn too_many(what: &str) -> ErrorResponse {
    fatal("54000", format!("there are too many {what}: close some"))
}

/// As PostgreSQL says that there is no such prepared statement.
pub(crate) fn no_statement(name: &str) -> ErrorResponse {
    ErrorResponse {
        severity: Severity::Error,
        ..fatal("26000", format!("prepared statement \"{name}\" does not exist"))
    }
}

/// As PostgreSQL says that there is no such portal.
pub(crate) fn no_portal(name: &str) -> ErrorResponse {
    ErrorResponse { severity: Severity::Error, ..fatal("34000", format!("portal \"{name}\" does not exist")) }
}

/// A portal is run under another search path than it was bound under.
pub(crate) fn moved() -> ErrorResponse {
    ErrorResponse {
        severity: Severity::Error,
        hint: Some("bind the statement again".to_owned()),
        ..fatal("WR006", "names are looked up elsewhere since this portal was bound")
    }
}

/// What a clause bounds was reached.
fn bounded(severity: Severity, reason: Reason, cited: &Cited, message: String) -> ErrorResponse {
    let Cited { clause, title, version, sentence, .. } = cited;
    ErrorResponse {
        severity,
        code: code(reason),
        message,
        detail: Some(format!("clause {clause} of {title} (version {version}) says: {sentence}")),
        hint: None,
    }
}

/// A transaction was open for longer than its clause lets it.
pub(crate) fn overdue(longest: &Longest) -> ErrorResponse {
    let Cited { clause, name, .. } = &longest.cited;
    let message = format!("a transaction is open for longer than clause {clause} of `{name}` lets it");
    bounded(Severity::Fatal, Reason::ClauseForbids, &longest.cited, message)
}

/// A row is longer than is held.
pub(crate) fn row_too_long() -> ErrorResponse {
    fatal("54000", format!("a row that is masked is longer than {ROW_BYTES_MAX} bytes"))
}

/// A statement has more rows than its clause lets it.
pub(crate) fn too_many_rows(most: &Most) -> ErrorResponse {
    let Cited { clause, name, .. } = &most.cited;
    let message = format!("there are more rows than clause {clause} of `{name}` lets a statement have");
    bounded(Severity::Error, Reason::ClauseForbids, &most.cited, message)
}

/// No more rows may be got for now. A clause that throttles, unlike one that denies, says when there is room again.
pub(crate) fn no_more_rows(allowance: &Allowance, room_in_ms: Option<u64>) -> ErrorResponse {
    let Cited { clause, name, .. } = &allowance.cited;
    let message = format!("there are more rows than clause {clause} of `{name}` leaves for now");
    ErrorResponse {
        hint: room_in_ms.filter(|_| allowance.puts_off).map(again_in),
        ..bounded(Severity::Error, Reason::QuotaExhausted, &allowance.cited, message)
    }
}

fn again_in(ms: u64) -> String {
    format!("It can be tried again in {} s.", ms.div_ceil(1_000))
}

/// The session is cut.
pub(crate) fn cut(cut: Option<&Cut>) -> ErrorResponse {
    match cut {
        Some(cut) => ErrorResponse {
            detail: Some(cut.detail.clone()),
            ..fatal(code(cut.reason), "the right to this session ended")
        },
        None => fatal("57P01", "the gateway is stopping"),
    }
}
