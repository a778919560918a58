//! What is fuzzed: one function for each reader of bytes that come from outside. Each asserts what must hold for
//! whatever it is given, and not only that nothing panics.
//!
//! In scope: the properties, and the list of targets. `fuzz/` is the workspace in which `cargo fuzz` runs them;
//! `tests/it` replays what is kept in `fuzz/corpus` and `fuzz/regressions` with every run of the tests.
//! Out of scope: anything that is shipped.
//!
//! To add a target: its function, a line in [`TARGETS`], a file in `fuzz/fuzz_targets` and an entry in
//! `fuzz/Cargo.toml`, and at least one file in `fuzz/corpus/<name>`. The test says what is missing.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a property that does not hold is told by a panic")]

mod certificates;
mod databases;
mod decisions;
mod documents;
mod log;
mod masks;
#[cfg(feature = "pdf")]
mod pdf;
mod people;
mod requests;
mod tokens;
mod values;

pub use certificates::{credential_csr, credential_logged, credential_spiffe, credential_svid};
pub use databases::{sql_read, wire_postgres};
pub use decisions::{policy_compile, policy_record};
pub use documents::{contract_document, contract_kind, contract_seal, contract_terms};
pub use log::{
    ledger_entry, ledger_frame, ledger_note, ledger_proof, ledger_segment, ledger_tile, ledger_tree,
};
pub use masks::mask_text;
#[cfg(feature = "pdf")]
pub use pdf::press_attached;
pub use people::{registry_event, registry_name, registry_signature};
pub use requests::{wire_ext_authz, wire_head, wire_http2, wire_target};
pub use tokens::{credential_bundle, credential_foreign, credential_jwt};
pub use values::contract_value;

/// A target: its name and what is asserted of any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target that this build has.
pub const TARGETS: &[Target] = &[
    ("contract_document", contract_document),
    ("contract_kind", contract_kind),
    ("contract_seal", contract_seal),
    ("contract_terms", contract_terms),
    ("contract_value", contract_value),
    ("credential_bundle", credential_bundle),
    ("credential_csr", credential_csr),
    ("credential_foreign", credential_foreign),
    ("credential_jwt", credential_jwt),
    ("credential_logged", credential_logged),
    ("credential_spiffe", credential_spiffe),
    ("credential_svid", credential_svid),
    ("ledger_entry", ledger_entry),
    ("ledger_frame", ledger_frame),
    ("ledger_note", ledger_note),
    ("ledger_proof", ledger_proof),
    ("ledger_segment", ledger_segment),
    ("ledger_tile", ledger_tile),
    ("ledger_tree", ledger_tree),
    ("mask_text", mask_text),
    ("policy_compile", policy_compile),
    ("policy_record", policy_record),
    #[cfg(feature = "pdf")]
    ("press_attached", press_attached),
    ("registry_event", registry_event),
    ("registry_name", registry_name),
    ("registry_signature", registry_signature),
    ("sql_read", sql_read),
    ("wire_ext_authz", wire_ext_authz),
    ("wire_head", wire_head),
    ("wire_http2", wire_http2),
    ("wire_postgres", wire_postgres),
    ("wire_target", wire_target),
];

/// Targets that a build without the feature `pdf` does not have.
pub const WITH_PDF: &[&str] = &["press_attached"];

/// The bytes as text; targets that read text are silent about others.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The first byte chooses, the others are read.
fn chosen<'d, T>(data: &'d [u8], among: &'d [T]) -> Option<(&'d T, &'d [u8])> {
    let (first, rest) = data.split_first()?;
    Some((among.get(usize::from(*first) % among.len())?, rest))
}
