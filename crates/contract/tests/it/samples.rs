//! Documents with every kind of clause, made of the samples people copy.

use contract::{Instrument, Kind, check, format};

/// The sample blocks, of the kinds that are wanted.
pub(crate) fn blocks(wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let sample = |name: &&str| format!("kind = \"{name}\"\n{}", Kind::sample(name).unwrap());
    Kind::NAMES.iter().filter(|name| wanted(name)).map(sample).collect()
}

/// A contract with one clause of every kind, each under a heading of its own.
pub(crate) fn everything() -> String {
    document("contract", &blocks(|_| true))
}

/// An instrument with these clause blocks.
pub(crate) fn document(instrument: &str, blocks: &[String]) -> String {
    let front = match instrument {
        "contract" => {
            "[provider]\nparty = \"north-bank\"\nlegal-name = \"North Bank plc\"\nservice = \"payments\"\n\n\
             [consumer]\nparty = \"acme\"\nlegal-name = \"Acme Ltd\"\nmachines = [\"checkout\", \"refunds\"]"
        }
        "charter" => "[holder]\nparty = \"acme\"\nlegal-name = \"Acme Ltd\"\nmachine = \"checkout\"",
        _ => "[holder]\nparty = \"acme\"\nlegal-name = \"Acme Ltd\"",
    };
    let mut source = format!(
        "+++\ninstrument = \"{instrument}\"\nname = \"sample\"\nversion = 1\ntitle = \"Sample\"\n\n{front}\n+++\n\n# Sample\n"
    );
    for (at, block) in blocks.iter().enumerate() {
        source.push_str(&format!("\n## Part {}\n\n```clause\n{block}```\n", at + 1));
    }
    source
}

pub(crate) fn read(source: &str) -> Instrument {
    let formatted = format(source).unwrap_or_else(|found| unreachable!("{found:#?}\n{source}"));
    check(&formatted).unwrap_or_else(|found| unreachable!("{found:#?}"))
}
