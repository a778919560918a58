//! `writ fmt` and `writ check`: documents, without a server.

use crate::exit::Failure;
use crate::output;
use ::contract::{Diagnostic, Envelope, Mode};
use anyhow::Context as _;
use policy::{Bundle, COMPILER};
use serde_json::json;
use std::path::{Path, PathBuf};

pub(crate) fn format(files: &[PathBuf], check: bool) -> anyhow::Result<()> {
    let mut found = 0;
    for file in files {
        let source = read(file)?;
        match ::contract::format(&source) {
            Ok(formatted) if formatted == source => {}
            Ok(_) if check => {
                found += 1;
                output::line(format!("{} would change", file.display()));
            }
            Ok(formatted) => {
                std::fs::write(file, formatted)
                    .with_context(|| format!("cannot write `{}`", file.display()))?;
                output::line(format!("{} formatted", file.display()));
            }
            Err(findings) => found += show(file, &source, findings),
        }
    }
    if found == 0 { Ok(()) } else { Err(Failure::Findings(found).into()) }
}

pub(crate) fn check(files: &[PathBuf], json: bool) -> anyhow::Result<()> {
    let mut found = 0;
    for file in files {
        let source = read(file)?;
        let compiled = ::contract::check(&source).and_then(|contract| {
            authority::instruments::compile(&contract, &source).map(|bundle| (contract, bundle))
        });
        match compiled {
            Ok((contract, bundle)) => {
                let envelope = Envelope::of(&contract, &source, Bundle::hash(&bundle), COMPILER);
                if json {
                    output::json(
                        &json!({ "file": file, "envelope": envelope.to_json(), "policies": bundle.policies }),
                    );
                } else {
                    let said = contract.statements();
                    let enforced = said.iter().filter(|(_, _, s)| s.norm.mode() == Mode::Enforced).count();
                    output::line(format!(
                        "{}: {} {} version {}, {} clauses ({enforced} of {} sentences enforced), sound",
                        file.display(),
                        contract.body.noun(),
                        contract.name,
                        contract.version,
                        contract.clauses.len(),
                        said.len(),
                    ));
                    for (_, why) in policy::compile::unenforceable(&contract) {
                        output::line(format!("  gateways of this version will not serve it: {why}"));
                    }
                }
            }
            Err(findings) => found += show(file, &source, findings),
        }
    }
    if found == 0 { Ok(()) } else { Err(Failure::Findings(found).into()) }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
}

fn show(file: &Path, source: &str, findings: Vec<Diagnostic>) -> usize {
    let count = findings.len();
    output::findings(&file.display().to_string(), source, findings.into_iter().map(Into::into).collect());
    count
}
