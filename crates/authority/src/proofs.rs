//! Proofs: run when an instrument is drafted and signed, and when somebody asks about the estate. The
//! solver is a process; what it answered is recorded. Without one, that is said and nothing is pretended.

use crate::{Authority, SubmitError, documents};
use contract::Instrument;
use prove::{Answer, Ask, Difference, Examination, Finding, Question, Ruling, Solver, SolverError};
use registry::{Actor, Command, InstrumentId, InstrumentKind, InstrumentStatus, ProofRecord};

/// Rules of one instrument that are asked about one by one; beyond that the questions would take too long.
pub const RULES_MAX: usize = 150;

/// What a solver said about an instrument.
#[derive(Clone, Debug)]
pub struct Examined {
    /// About itself, and against guardrails.
    pub examination: Examination,
    /// Against the version in force, if there is one: its number, and the difference.
    pub difference: Option<(u32, Difference)>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// There is no solver.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// The answer could not be recorded.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The instrument is too long to be asked about clause by clause.
    #[error("the instrument has more than {RULES_MAX} rules: its proofs would take too long")]
    TooLong,
}

impl Examined {
    /// What people should know before they sign, in sentences.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.examination.findings.iter().filter_map(note).collect();
        if let Some((version, difference)) = &self.difference {
            notes.push(match (&difference.narrower, &difference.beside) {
                (Answer::Proven, Ok(())) => {
                    format!("proven: it permits nothing that version {version} refuses")
                }
                (Answer::Proven, Err(why)) => {
                    format!("proven: it permits nothing that version {version} refuses; but {why}")
                }
                (Answer::Refuted(gained), _) => {
                    format!("it permits what version {version} refuses: {}", gained.join(" "))
                }
                (Answer::Unknown(why), _) => {
                    format!("whether it only narrows version {version} is not proven: {why}")
                }
            });
        }
        notes
    }

    fn records(&self) -> Vec<ProofRecord> {
        let solver = &self.examination.solver;
        let record = |finding: &Finding| ProofRecord {
            question: finding.question.as_str().to_owned(),
            about: finding.about.clone(),
            verdict: finding.answer.as_str().to_owned(),
            // Contradictions are found by comparing spans.
            solver: if finding.question == Question::NoContradiction {
                "writ".to_owned()
            } else {
                solver.clone()
            },
            script: finding.script,
        };
        let mut records: Vec<ProofRecord> = self.examination.findings.iter().map(record).collect();
        if let Some((version, difference)) = &self.difference {
            let answers = [
                (Question::Narrower, difference.narrower.as_str()),
                (Question::Wider, difference.wider.as_str()),
            ];
            records.extend(answers.map(|(question, verdict)| ProofRecord {
                question: question.as_str().to_owned(),
                about: version.to_string(),
                verdict: verdict.to_owned(),
                solver: solver.clone(),
                script: difference.script,
            }));
        }
        records
    }

    /// Whether a policy can fail to be evaluated: then nobody may sign.
    pub fn errs(&self) -> bool {
        let errs = |finding: &Finding| {
            finding.question == Question::NeverErrs && matches!(finding.answer, Answer::Refuted(_))
        };
        self.examination.findings.iter().any(errs)
    }
}

fn note(finding: &Finding) -> Option<String> {
    let about = &finding.about;
    match (finding.question, &finding.answer) {
        (_, Answer::Proven) => None,
        (question, Answer::Unknown(why)) => {
            Some(format!("not proven ({} {about}): {why}", question.as_str()))
        }
        (Question::NeverErrs, Answer::Refuted(what)) => Some(what.clone()),
        (Question::NotDead, Answer::Refuted(what)) => {
            let clause = about.split('/').next().unwrap_or_default();
            Some(format!("clause {clause}: {what}"))
        }
        (Question::WithinGuardrail, Answer::Refuted(what)) => {
            Some(format!("the guardrail `{about}` refuses some of what it permits: {what}"))
        }
        (Question::NoContradiction | Question::Narrower | Question::Wider, Answer::Refuted(what)) => {
            Some(what.clone())
        }
    }
}

/// The instrument, the guardrails it stands under, and the version it would replace.
type Surroundings = (Instrument, Vec<Instrument>, Option<(u32, Instrument)>);

impl Authority {
    /// Examines an instrument and records the answers, unless the ledger has the same already.
    pub async fn examine(&self, id: InstrumentId) -> Result<Examined, ProofError> {
        let solver = Solver::find(self.ports.solver.clone()).await?;
        let Some((instrument, guardrails, before)) = self.surroundings(id) else {
            return Err(SubmitError::Internal("an instrument that cannot be read".into()).into());
        };
        if instrument.rules().len() > RULES_MAX {
            return Err(ProofError::TooLong);
        }
        let examination = prove::examine(&solver, &instrument, &guardrails).await;
        let difference = match before {
            Some((version, old)) => Some((version, prove::compare(&solver, &old, &instrument).await)),
            None => None,
        };
        let examined = Examined { examination, difference };
        let narrows =
            examined.difference.as_ref().filter(|(_, d)| d.only_narrows()).map(|(version, _)| *version);
        let proofs = examined.records();
        let known = self.rules().state().proofs.get(&id) == Some(&proofs);
        if !known {
            self.submit(Actor::System, Command::RecordProofs { instrument: id, proofs, narrows }).await?;
        }
        Ok(examined)
    }

    /// The instrument, the guardrails it stands under, and the version it would replace.
    fn surroundings(&self, id: InstrumentId) -> Option<Surroundings> {
        let (found, guardrails, before) = {
            let rules = self.rules();
            let state = rules.state();
            let found = state.instruments.get(&id)?.clone();
            let guardrails: Vec<[u8; 32]> = state
                .instruments
                .values()
                .filter(|other| {
                    other.kind == InstrumentKind::Guardrail && other.status == InstrumentStatus::InForce
                })
                .filter(|other| [found.provider, found.consumer].contains(&other.provider))
                .map(|other| other.document)
                .collect();
            let before = state
                .instrument_versions(&found.name)
                .filter(|other| other.version < found.version && other.status == InstrumentStatus::InForce)
                .map(|other| (other.version, other.document))
                .last();
            (found, guardrails, before)
        };
        let read = |digest: &[u8; 32]| {
            let text = documents::read(self.objects(), digest).ok().flatten()?;
            contract::read(&text).ok()
        };
        let before = before.and_then(|(version, digest)| Some((version, read(&digest)?)));
        Some((read(&found.document)?, guardrails.iter().filter_map(read).collect(), before))
    }

    /// Answers a question about all instruments in force, and records the answer. Gives its index too.
    pub async fn ask(&self, actor: Actor, question: &Ask) -> Result<(Ruling, u64), ProofError> {
        let solver = Solver::find(self.ports.solver.clone()).await?;
        let rules = self.rules().scratch();
        let as_of = rules.as_of();
        let ruling = prove::ask(&solver, &rules, question, self.now_ms()).await;
        let proof = ProofRecord {
            question: ruling.question.clone(),
            about: format!("{} contracts, {} above them", ruling.contracts, ruling.above),
            verdict: ruling.answer.as_str().to_owned(),
            solver: ruling.solver.clone(),
            script: ruling.script,
        };
        let command = Command::RecordRuling { proof, as_of_size: as_of.size, as_of_root: as_of.root };
        let admitted = self.submit(actor, command).await?;
        Ok((ruling, admitted.index))
    }
}
