//! The statuses of gRPC that callers get: the codes the SPIFFE specifications name, words clients look for, and
//! the reason as structured details.

use crate::IssuerError;
use crate::attest::AttestError;
use credential::Unrecognised;
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Whose reasons these are (google.rpc.ErrorInfo).
const DOMAIN: &str = "writ";

fn status(code: Code, reason: &str, message: String) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

/// The call itself is at fault.
pub(crate) fn invalid(message: impl Into<String>) -> Status {
    status(Code::InvalidArgument, "INVALID_ARGUMENT", message.into())
}

/// The caller is nobody here.
pub(crate) fn unrecognised(error: &Unrecognised) -> Status {
    let reason = match error {
        Unrecognised::Ambiguous(..) => "IDENTITY_AMBIGUOUS",
        Unrecognised::Nearest(_) => "NO_RULE_FITS",
        Unrecognised::NoRules => "NO_RULES",
        Unrecognised::NotActive(..) => "IDENTITY_NOT_ACTIVE",
    };
    status(Code::PermissionDenied, reason, error.to_string())
}

/// The caller cannot be looked at.
pub(crate) fn unattested(error: &AttestError) -> Status {
    status(Code::Unavailable, "ATTESTATION_FAILED", format!("the caller cannot be attested: {error}"))
}

/// Nothing was issued.
pub(crate) fn unissued(error: &IssuerError) -> Status {
    match error {
        IssuerError::Refused(_) => status(Code::PermissionDenied, "ISSUANCE_REFUSED", error.to_string()),
        IssuerError::Unavailable(_) => status(Code::Unavailable, "AUTHORITY_UNAVAILABLE", error.to_string()),
    }
}
