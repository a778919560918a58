//! The sentences clauses make. One meaning each: `may` permits, `shall` binds, `shall not` prohibits.
//! Every parameter that changes the rule must change the sentence; tests hold that.

use crate::clause::{Clause, Kind, Number, Recording};
use crate::document::Contract;
use crate::value::{grouped, instant};
use registry::Name;

/// Opens the wording Writ owns; invisible where the document is shown.
pub(crate) const OPEN: &str = "<!-- words of Writ -->";
/// Closes it.
pub(crate) const CLOSE: &str = "<!-- end of words -->";

/// The opening: who is bound, and the rule of reading.
pub(crate) fn preamble(contract: &Contract) -> String {
    format!(
        "> This contract is made between **{provider}** (`{p}`, the Provider) and **{consumer}** (`{c}`, the \
         Consumer). It governs the use of the Provider's service `{service}` by the Consumer's {machines}.\n>\n\
         > **{number}** {reading} `ENFORCED`",
        provider = contract.provider.legal_name,
        p = contract.provider.party,
        consumer = contract.consumer.legal_name,
        c = contract.consumer.party,
        service = contract.service,
        machines = machines(contract),
        number = Number::READING,
        reading = reading(),
    )
}

/// The rule of reading: clause 0.1 of every contract.
pub fn reading() -> &'static str {
    "A machine of the Consumer may do what a clause of this contract permits and no clause of it prohibits; \
     whatever no clause permits is refused."
}

/// A clause as it stands in the document: number, sentence, mode.
pub(crate) fn paragraph(contract: &Contract, clause: &Clause) -> String {
    let text = sentence(contract, &clause.kind);
    let lines: Vec<&str> = text.lines().collect();
    format!("> **{}** {} `{}`", clause.number, lines.join("\n> "), clause.kind.mode().as_str())
}

/// The sentence of a clause, as denials cite it.
pub fn sentence(contract: &Contract, kind: &Kind) -> String {
    let bearer = machines(contract);
    match kind {
        Kind::Credential { max_ttl } => format!(
            "The Consumer's {bearer} shall present a certificate that was issued for a life of not more than {max_ttl}."
        ),
        Kind::Permit { actions, resources, purposes, recording } => {
            let purpose =
                if purposes.is_empty() { String::new() } else { format!(", for {}", join(purposes, "and")) };
            let recorded = match recording {
                Recording::Strict => {
                    "Each such act is recorded before it takes effect or, where it only reads, before its answer is \
                     released."
                        .to_owned()
                }
                Recording::Within(span) => {
                    format!("Each such act is recorded within {span} after it was permitted.")
                }
            };
            format!(
                "The Consumer's {bearer} may {} {}{purpose}. {recorded}",
                verbs(actions, "and"),
                objects(resources, "and"),
            )
        }
        Kind::Prohibit { actions, resources } => format!(
            "The Consumer's {bearer} shall not {} {}.",
            verbs(actions, "or"),
            objects(resources, "or")
        ),
        Kind::Quota { limit, window, actions, resources } => {
            let of = match (actions.is_empty(), resources.is_empty()) {
                (true, true) => String::new(),
                (true, false) => format!(" on {}", objects(resources, "or")),
                (false, true) => format!(" to {}", verbs(actions, "or")),
                (false, false) => format!(" to {} {}", verbs(actions, "or"), objects(resources, "or")),
            };
            format!(
                "Each of the Consumer's machines shall make not more than {} permitted {}{of} in any period of {window}.",
                grouped((*limit).into()),
                if *limit == 1 { "call" } else { "calls" },
            )
        }
        Kind::Term { start_ms, end_ms } => format!(
            "This contract is in force from {} until {}; nothing is permitted before or after.",
            instant(*start_ms),
            instant(*end_ms)
        ),
        Kind::Words { text } => text.clone(),
    }
}

fn machines(contract: &Contract) -> String {
    let names: Vec<String> = contract.machines.iter().map(|name| format!("`{name}`")).collect();
    let noun = if names.len() == 1 { "machine" } else { "machines" };
    format!("{noun} {}", join(&names, "and"))
}

fn verbs(actions: &[Name], conjunction: &str) -> String {
    join(&actions.iter().map(|action| format!("**{action}**")).collect::<Vec<_>>(), conjunction)
}

fn objects(resources: &[Name], conjunction: &str) -> String {
    join(&resources.iter().map(|resource| format!("`{resource}`")).collect::<Vec<_>>(), conjunction)
}

/// `a`, `a and b`, `a, b and c`.
fn join(items: &[String], conjunction: &str) -> String {
    match items {
        [] => String::new(),
        [single] => single.clone(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}
