//! Proofs: run when an instrument is drafted and before it is signed, and when somebody asks about the estate.
//! The solver is a process; what it answered is recorded, and the scripts it was asked are kept. Without a
//! solver, that is said and nothing is pretended.

use crate::{Authority, SubmitError, documents};
use ledger::StoreError;
use prove::{
    Answer, Ask, Difference, Examination, Finding, Question, Ruling, Scripts, Solver, SolverError, Version,
};
use registry::{
    Actor, Command, Instrument, InstrumentId, InstrumentKind, InstrumentStatus, ProofRecord, State,
};

/// Guardrails a charter or contract is examined under, and standing instruments a guardrail is examined over.
pub const BESIDE_MAX: usize = 50;
/// Earlier versions an amendment is compared with.
const VERSIONS_MAX: usize = 8;

/// What a solver said about an instrument.
#[derive(Clone, Debug)]
pub struct Examined {
    /// About itself, and beside guardrails or under them.
    pub examination: Examination,
    /// Against the versions that are signed, oldest first: the number of each, and the difference.
    pub differences: Vec<(u32, Difference)>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// There is no solver.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// The scripts could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The answer could not be recorded.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl ProofError {
    /// What holds where nothing is proven, for people who are about to sign.
    pub fn warning(&self) -> String {
        format!(
            "nothing was proven about it ({self}); what holds is that its policies passed strict validation, \
             and that guardrails bind at every request whatever it says"
        )
    }
}

impl Examined {
    /// What people must not miss before they sign, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        self.examination.findings.iter().filter(|finding| is_grave(finding)).filter_map(note).collect()
    }

    /// What else they should know.
    pub fn notes(&self) -> Vec<String> {
        let findings = self.examination.findings.iter().filter(|finding| !is_grave(finding));
        findings.filter_map(note).chain(self.differences.iter().map(told)).collect()
    }

    /// Everything that was asked, in order, as it is recorded: with each answer its sentence, if it has one.
    pub fn findings(&self) -> Vec<(ProofRecord, Option<String>)> {
        let solver = &self.examination.solver;
        let record =
            |question: Question, about: &str, verdict: &'static str, scripts: &Scripts| ProofRecord {
                question: question.as_str().to_owned(),
                about: about.to_owned(),
                verdict: verdict.to_owned(),
                // What was found by comparison was found without a solver.
                solver: if scripts.is_empty() { "writ".to_owned() } else { solver.clone() },
                script: scripts.digest(),
            };
        let of_findings = self.examination.findings.iter().map(|finding| {
            let record = record(finding.question, &finding.about, finding.answer.as_str(), &finding.scripts);
            (record, sentence(&finding.answer))
        });
        let of_differences = self.differences.iter().flat_map(|(version, difference)| {
            let about = version.to_string();
            [
                (Question::Narrower, &difference.narrower, &difference.narrower_scripts),
                (Question::Wider, &difference.wider, &difference.wider_scripts),
            ]
            .map(|(question, answer, scripts)| {
                let sentence = match answer {
                    Answer::NoneFound | Answer::Proven => None,
                    Answer::Refuted(sentences) => Some(sentences.join(" ")),
                    Answer::Unknown(why) => Some(why.clone()),
                };
                (record(question, &about, answer.as_str(), scripts), sentence)
            })
        });
        of_findings.chain(of_differences).collect()
    }

    fn scripts(&self) -> impl Iterator<Item = &Scripts> {
        let of_differences = self
            .differences
            .iter()
            .flat_map(|(_, difference)| [&difference.narrower_scripts, &difference.wider_scripts]);
        self.examination.findings.iter().map(|finding| &finding.scripts).chain(of_differences)
    }

    /// Whether a policy can fail to be evaluated: then nobody may sign.
    pub fn errs(&self) -> bool {
        let errs = |finding: &Finding| {
            finding.question == Question::NeverErrs && matches!(finding.answer, Answer::Refuted(_))
        };
        self.examination.findings.iter().any(errs)
    }

    /// The newest signed version, if this one is proven to only narrow every signed version: any of them may
    /// be the one that binds when this one begins.
    fn narrows(&self) -> Option<u32> {
        let all = self.differences.iter().all(|(_, difference)| difference.only_narrows());
        self.differences.last().filter(|_| all).map(|(version, _)| *version)
    }
}

fn sentence(answer: &Answer<String>) -> Option<String> {
    match answer {
        Answer::NoneFound | Answer::Proven => None,
        Answer::Refuted(sentence) | Answer::Unknown(sentence) => Some(sentence.clone()),
    }
}

/// What nobody should sign without having read it: a guardrail that is exceeded, a policy that may fail.
fn is_grave(finding: &Finding) -> bool {
    let open = matches!(finding.answer, Answer::Refuted(_) | Answer::Unknown(_));
    match finding.question {
        Question::Bounds | Question::NeverErrs | Question::WithinGuardrail => open,
        Question::NotDead | Question::NoContradiction | Question::Narrower | Question::Wider => false,
    }
}

fn note(finding: &Finding) -> Option<String> {
    let about = &finding.about;
    let what = match &finding.answer {
        Answer::NoneFound | Answer::Proven => return None,
        Answer::Refuted(what) => what,
        Answer::Unknown(why) => {
            return Some(match finding.question {
                Question::Bounds => {
                    format!("whether it leaves room for all that `{about}` permits is not proven: {why}")
                }
                Question::NeverErrs => {
                    format!("that no policy can fail is not proven ({why}): strict validation is what holds")
                }
                Question::NotDead if about.is_empty() => why.clone(),
                Question::NotDead => format!("whether clause {about} has any effect is not proven: {why}"),
                Question::WithinGuardrail => {
                    format!("whether it keeps within the guardrail `{about}` is not proven: {why}")
                }
                Question::NoContradiction => format!("whether its duties can be kept is not proven: {why}"),
                Question::Narrower | Question::Wider => {
                    format!("{} than version {about}: not proven: {why}", finding.question.as_str())
                }
            });
        }
    };
    Some(match finding.question {
        Question::Bounds => format!("it refuses some of what `{about}` permits: {what}"),
        Question::NeverErrs => what.clone(),
        Question::NotDead => {
            let clause = about.split('/').next().unwrap_or_default();
            format!("clause {clause}: {what}")
        }
        Question::WithinGuardrail => format!(
            "the guardrail `{about}` refuses some of what it permits, and will at every request: {what}"
        ),
        Question::NoContradiction | Question::Narrower | Question::Wider => what.clone(),
    })
}

/// A difference in a sentence.
fn told((version, difference): &(u32, Difference)) -> String {
    match (&difference.narrower, &difference.beside) {
        (Answer::Proven, Ok(())) => format!("proven: it permits nothing that version {version} refuses"),
        (Answer::Proven, Err(why)) => {
            format!("proven: it permits nothing that version {version} refuses; but {why}")
        }
        (Answer::Refuted(gained), _) => {
            format!("it permits what version {version} refuses: {}", gained.join(" "))
        }
        (Answer::Unknown(why), _) => {
            format!("whether it only narrows version {version} is not proven: {why}")
        }
        (Answer::NoneFound, _) => format!("whether it only narrows version {version} was not asked"),
    }
}

/// An instrument with what it is examined beside.
struct Surroundings {
    version: Version,
    /// Guardrails above a charter or contract; charters and contracts under a guardrail.
    beside: Vec<Version>,
    /// How many more there are, or could not be read.
    left_out: usize,
    /// Signed earlier versions, oldest first; whether these are all.
    before: Vec<Version>,
    all_before: bool,
    registry: State,
}

impl Authority {
    /// Examines an instrument, keeps the scripts, and records the answers, unless the ledger has the same already.
    pub async fn examine(&self, id: InstrumentId) -> Result<Examined, ProofError> {
        let solver = Solver::find(self.ports.solver.clone()).await?;
        let Some(around) = self.surroundings(id) else {
            return Err(SubmitError::Internal("an instrument that cannot be read".into()).into());
        };
        let mut examination =
            prove::examine(&solver, &around.version, &around.beside, Some(&around.registry)).await;
        if around.left_out > 0 {
            examination.findings.push(left_out(&around));
        }
        let mut differences = Vec::new();
        for old in &around.before {
            differences.push((old.version, prove::compare(&solver, old, &around.version).await));
        }
        let examined = Examined { examination, differences };
        let narrows = examined.narrows().filter(|_| around.all_before);
        // Scripts first: a record never names what is not there.
        for scripts in examined.scripts() {
            self.keep(scripts)?;
        }
        let proofs: Vec<ProofRecord> = examined.findings().into_iter().map(|(record, _)| record).collect();
        let known = {
            let rules = self.rules();
            let state = rules.state();
            let recorded = state.instruments.get(&id).and_then(|instrument| instrument.narrows);
            state.proofs.get(&id) == Some(&proofs) && recorded == narrows
        };
        if !known {
            self.submit(Actor::System, Command::RecordProofs { instrument: id, proofs, narrows }).await?;
        }
        Ok(examined)
    }

    /// The instrument, what it is examined beside, and the versions it would replace. Of one instrument two
    /// versions may be signed, one to follow the other: both count.
    fn surroundings(&self, id: InstrumentId) -> Option<Surroundings> {
        let registry = self.rules().state().clone();
        let found = registry.instruments.get(&id)?;
        let signed = |other: &&Instrument| {
            other.id != id
                && matches!(other.status, InstrumentStatus::InForce | InstrumentStatus::Suspended)
                && !other.is_over(self.now_ms())
        };
        let concerned = |other: &&Instrument| match (found.kind, other.kind) {
            (InstrumentKind::Charter | InstrumentKind::Contract, InstrumentKind::Guardrail) => {
                [found.provider, found.consumer].contains(&other.provider)
            }
            (InstrumentKind::Guardrail, InstrumentKind::Charter | InstrumentKind::Contract) => {
                [other.provider, other.consumer].contains(&found.provider)
            }
            (InstrumentKind::Guardrail, InstrumentKind::Guardrail)
            | (
                InstrumentKind::Charter | InstrumentKind::Contract,
                InstrumentKind::Charter | InstrumentKind::Contract,
            ) => false,
        };
        let read = |other: &Instrument| {
            let text = documents::read(self.objects(), &other.document).ok().flatten()?;
            Version::read(&text).ok()
        };
        let others: Vec<&Instrument> =
            registry.instruments.values().filter(signed).filter(concerned).collect();
        let beside: Vec<Version> = others.iter().take(BESIDE_MAX).filter_map(|other| read(other)).collect();
        let left_out = others.len() - beside.len();
        let earlier: Vec<&Instrument> = registry
            .instrument_versions(&found.name)
            .filter(|other| other.version < found.version)
            .filter(signed)
            .collect();
        let newest = earlier.len().saturating_sub(VERSIONS_MAX);
        let before: Vec<Version> = earlier.iter().skip(newest).filter_map(|other| read(other)).collect();
        let all_before = before.len() == earlier.len();
        let version = read(found)?;
        Some(Surroundings { version, beside, left_out, before, all_before, registry })
    }

    /// Keeps scripts under their digest.
    fn keep(&self, scripts: &Scripts) -> Result<(), StoreError> {
        if scripts.is_empty() {
            return Ok(());
        }
        self.objects().put(&scripts_path(&scripts.digest()), scripts.as_bytes())
    }

    /// The scripts with this digest, each with its length before it: what the digest is over.
    pub fn scripts(&self, digest: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        self.objects().get(&scripts_path(digest))
    }

    /// Answers a question about all instruments in force, and records the answer. Gives its index too.
    pub async fn ask(&self, actor: Actor, question: &Ask) -> Result<(Ruling, u64), ProofError> {
        let solver = Solver::find(self.ports.solver.clone()).await?;
        let rules = self.rules().scratch();
        let as_of = rules.as_of();
        let ruling = prove::ask(&solver, &rules, question, self.now_ms()).await;
        self.keep(&ruling.scripts)?;
        let proof = ProofRecord {
            question: ruling.question.clone(),
            about: format!("{} contracts, {} above them", ruling.contracts, ruling.above),
            verdict: ruling.answer.as_str().to_owned(),
            solver: ruling.solver.clone(),
            script: ruling.scripts.digest(),
        };
        let command = Command::RecordRuling { proof, as_of_size: as_of.size, as_of_root: as_of.root };
        let admitted = self.submit(actor, command).await?;
        Ok((ruling, admitted.index))
    }
}

/// Where scripts lie among the objects.
fn scripts_path(digest: &[u8; 32]) -> String {
    format!("proofs/{}", contract::canonical::hex(digest))
}

/// What was not asked, as an answer that is not known.
fn left_out(around: &Surroundings) -> Finding {
    let guardrail = matches!(around.version.body, contract::Body::Guardrail { .. });
    let question = if guardrail { Question::Bounds } else { Question::WithinGuardrail };
    let what = if guardrail { "charters and contracts" } else { "guardrails" };
    let why = format!(
        "{} more {what} were not examined: more than {BESIDE_MAX} are asked about at a time, or they cannot be read",
        around.left_out
    );
    Finding::plain(question, format!("{} more", around.left_out), Answer::Unknown(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(narrower: Answer<Vec<String>>, beside: Result<(), String>) -> Difference {
        let scripts = Scripts::default();
        Difference {
            solver: "cvc5".into(),
            narrower,
            narrower_scripts: scripts.clone(),
            wider: Answer::Proven,
            wider_scripts: scripts,
            beside,
        }
    }

    /// Two versions may be signed, one to follow the other; a third that begins first takes the place of both.
    #[test]
    fn one_signature_is_enough_only_for_what_narrows_every_signed_version() {
        let proven = || difference(Answer::Proven, Ok(()));
        let narrows = |differences: Vec<(u32, Difference)>| {
            Examined { examination: Examination::default(), differences }.narrows()
        };
        assert_eq!(narrows(Vec::new()), None);
        assert_eq!(narrows(vec![(1, proven())]), Some(1));
        assert_eq!(narrows(vec![(1, proven()), (2, proven())]), Some(2));
        let others = [
            difference(Answer::Refuted(vec!["more".into()]), Ok(())),
            difference(Answer::Unknown("no time".into()), Ok(())),
            difference(Answer::NoneFound, Ok(())),
            difference(Answer::Proven, Err("it has another title".into())),
        ];
        for other in others {
            assert_eq!(narrows(vec![(1, other.clone()), (2, proven())]), None, "{other:?}");
            assert_eq!(narrows(vec![(1, proven()), (2, other.clone())]), None, "{other:?}");
        }
    }

    #[test]
    fn what_nobody_may_miss_is_a_warning() {
        let finding = |question, answer| Finding::plain(question, "acme-rules".into(), answer);
        let findings = vec![
            finding(Question::WithinGuardrail, Answer::Refuted("so".into())),
            finding(Question::Bounds, Answer::Unknown("no time".into())),
            finding(Question::NeverErrs, Answer::Unknown("no time".into())),
            finding(Question::NotDead, Answer::Refuted("idle".into())),
            finding(Question::NoContradiction, Answer::NoneFound),
        ];
        let examination = Examination { solver: "cvc5".into(), findings };
        let examined = Examined { examination, differences: Vec::new() };
        assert_eq!((examined.warnings().len(), examined.notes().len()), (3, 1), "{examined:#?}");
        assert!(
            examined.warnings().iter().any(|warning| warning.contains("strict validation is what holds"))
        );
        let last = examined.findings().pop().map(|(record, _)| (record.verdict, record.solver));
        assert_eq!(last, Some(("none-found".into(), "writ".into())));
    }
}
