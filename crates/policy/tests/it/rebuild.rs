//! Rebuild (check 4 of the seven): the ready instruments compile to the hashes that are written down, on whatever
//! machine. `writ/tests/it/rebuild.rs` compares the built program with the same file.
//!
//! Whoever changes an instrument of `library/`, the clauses or the compiler gets the new lines from the failing test
//! and writes them into `testdata/library.txt`; a change of the compiler also needs a new `COMPILER`.

use contract::canonical::hex;
use policy::Bundle;
use std::path::Path;

#[test]
fn the_ready_instruments_compile_to_what_is_written_down() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../library");
    let mut found = Vec::new();
    for file in std::fs::read_dir(library).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".writ.md") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let instrument = contract::check(&source).unwrap_or_else(|found| panic!("{name}: {found:#?}"));
        let bundle = Bundle::compile(&instrument).unwrap_or_else(|error| panic!("{name}: {error}")).hash();
        let envelope = contract::Envelope::of(&instrument, &source, bundle, policy::COMPILER);
        found.push(format!("{name} {} {} {}\n", policy::COMPILER, hex(&envelope.clauses), hex(&bundle)));
    }
    found.sort();
    let found = found.concat();
    let written = include_str!("../../testdata/library.txt");
    assert!(found == written, "write this into crates/policy/testdata/library.txt:\n{found}");
}
