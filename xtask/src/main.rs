//! The project's own commands: `cargo xtask quickstart | test | tidy | codegen | bench`.
//! Checks what they need, installs it where it may, and otherwise prints the line to run.

mod packages;
mod tidy;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

const HELP: &str = "cargo xtask COMMAND

  quickstart [--check]  build Writ and run its main job once, on this machine
  test                  everything that must hold: formatting, lints, structure, tests, quickstart
  tidy                  structure only: crate graph, purity, file headers
  codegen               write the generated reference files anew
  bench                 measure, as ratios in one run (release build)";

/// The tests build everything, documents as PDF included.
const PDF: &str = "writ/pdf,fuzzing/pdf";
/// Other engines, for the comparison of decisions.
const PEERS: &str = "bench/peers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("quickstart") => quickstart(&rest),
        Some("test") => test(),
        Some("tidy") => tidy::run(),
        Some("codegen") => codegen(),
        Some("bench") => bench(&rest),
        Some(other) => Err(format!("there is no `{other}`\n\n{HELP}")),
        None => Err(HELP.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

fn quickstart(arguments: &[&str]) -> Result<(), String> {
    packages::ensure(packages::BUILD)?;
    let mut all = vec!["run", "--package", "writ", "--", "quickstart"];
    all.extend(arguments);
    cargo(&all)
}

fn test() -> Result<(), String> {
    packages::ensure(packages::BUILD)?;
    packages::ensure(packages::TEST)?;
    packages::envoy()?;
    packages::spiffe()?;
    packages::node_pg()?;
    cargo(&["fmt", "--all", "--check"])?;
    tidy::run()?;
    cargo(&["clippy", "--workspace", "--all-targets", "--features", PDF, "--", "--deny", "warnings"])?;
    cargo(&["test", "--workspace", "--features", PDF])?;
    // The tests have built it: alone it would be built again, with other features of what it uses.
    run(Command::new(built("debug/writ")?).args(["quickstart", "--check"]))
}

/// Arguments of the binary, and the file its answer is kept in.
const GENERATED: &[(&[&str], &str)] = &[
    (&["openapi"], "docs/reference/openapi.json"),
    (&["schema", "clause"], "docs/reference/clause.schema.json"),
    (&["schema", "estate"], "docs/reference/estate.schema.json"),
    (&["schema", "front-matter"], "docs/reference/front-matter.schema.json"),
    (&["schema", "service"], "docs/reference/service.schema.json"),
];

fn codegen() -> Result<(), String> {
    for (arguments, path) in GENERATED {
        let run = Command::new("cargo")
            .args(["run", "--quiet", "--package", "writ", "--"])
            .args(*arguments)
            .output();
        let output = run.map_err(|error| format!("cargo does not run: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        write(path, &output.stdout)?;
    }
    Ok(())
}

fn bench(arguments: &[&str]) -> Result<(), String> {
    packages::ensure(packages::BUILD)?;
    // Built together, since features of what both use are those that both ask for.
    cargo(&["build", "--release", "--package", "writ", "--package", "bench", "--features", PEERS])?;
    run(Command::new(built("release/bench")?).args(arguments))
}

/// A program that was built; this one is built beside it.
fn built(path: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program is nowhere: {error}"))?;
    let target = own.ancestors().nth(2).ok_or("this program is not in a folder of cargo")?;
    Ok(target.join(path))
}

fn write(path: &str, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("cannot write {path}: {error}"))
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    run(Command::new("cargo").args(arguments))
}

fn run(command: &mut Command) -> Result<(), String> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let said = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    say(&format!("$ {said}"));
    let status = command.status().map_err(|error| format!("`{said}` does not run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{said}` failed")) }
}

#[expect(clippy::print_stderr, reason = "this is the one place that prints")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}
