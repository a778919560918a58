//! What the command line says about instruments, notices and proofs.

use clap::{Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ProofCommand {
    /// Write the SMT-LIB scripts behind recorded proofs to files, to run and to hash again.
    ///
    /// Each proof gets a folder: `001.smt2`, `002.smt2` … in the order they were run, and `scripts`, in which each
    /// script stands behind its length (8 bytes, big endian). The recorded hash is the SHA-256 of `scripts`:
    /// `sha256sum scripts`. `cvc5 --lang smt 001.smt2` answers `unsat` where nothing was found. A question that was
    /// decided while it was written down has its policy in place of a script.
    Dump {
        /// An instrument (name, or name@version), or the hash of a proof's scripts.
        of: String,
        /// Where to write them.
        #[arg(long, default_value = ".", value_hint = ValueHint::DirPath)]
        out: PathBuf,
    },
}

/// A question about all instruments in force.
#[derive(Debug, clap::Args)]
pub(crate) struct Question {
    /// Machines of this party.
    #[arg(long)]
    pub(crate) party: Option<String>,
    /// This machine: party/name.
    #[arg(long, conflicts_with = "party")]
    pub(crate) machine: Option<String>,
    /// Machines of this kind, for example ci-pipeline.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Machines with this role.
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// Machines that run there: production, staging, development or test.
    #[arg(long)]
    pub(crate) environment: Option<String>,
    /// The act, for example write.
    #[arg(long = "can")]
    pub(crate) action: Option<String>,
    /// Any act that changes something, or any that only reads.
    #[arg(long, value_parser = ["change", "read"], conflicts_with = "action")]
    pub(crate) effect: Option<String>,
    /// service, or service/resource.
    #[arg(long)]
    pub(crate) on: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum InstrumentKind {
    Charter,
    Contract,
    Guardrail,
}

impl InstrumentKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Charter => "charter",
            Self::Contract => "contract",
            Self::Guardrail => "guardrail",
        }
    }
}

/// What notice is given of.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Notice {
    /// It is not to be renewed.
    NoRenewal,
    /// It goes on after a suspension.
    Resumption,
    /// It rests.
    Suspension,
    /// It ends, without a reason.
    Termination,
    /// It ends, for a breach that is not put right.
    TerminationForCause,
}

impl Notice {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoRenewal => "no-renewal",
            Self::Resumption => "resumption",
            Self::Suspension => "suspension",
            Self::Termination => "termination",
            Self::TerminationForCause => "termination-for-cause",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum TrialCommand {
    /// Begin to try a draft, or go on for another while.
    Begin {
        /// The draft's name, or name@version; the newest version unless given.
        draft: String,
        /// For how long, for example "14 days".
        #[arg(long = "for", default_value = "14 days")]
        span: String,
    },
    /// Try it no more; what it said stays on record.
    End {
        /// The draft's name, or name@version; the newest version unless given.
        draft: String,
    },
    /// List what is tried.
    List,
    /// What a draft would have refused so far, by which clause.
    Show {
        /// Its name, or name@version; the newest version unless given.
        draft: String,
        /// From this decision on; from the first unless given.
        #[arg(long)]
        from: Option<u64>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum InstrumentCommand {
    /// Put a document before those who sign it.
    Draft {
        /// A `*.writ.md` file.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// List instruments.
    List,
    /// Print what is signed (the envelope), for signing on another machine.
    Statement {
        /// Its name, or name@version; the newest version unless given.
        instrument: String,
    },
    /// Show an instrument: who signed, and its text.
    Show {
        /// Its name, or name@version; the newest version unless given.
        instrument: String,
    },
    /// Write its text, its seal and its PDF to files that can be checked without a server: `writ verify FILE`.
    Export {
        /// Its name, or name@version; the newest version unless given.
        instrument: String,
        /// Where to write them.
        #[arg(long, default_value = ".", value_hint = ValueHint::DirPath)]
        out: PathBuf,
    },
    /// End an instrument for good, at once (the operator's act; see `writ notice`).
    End {
        /// Its name, or name@version; the newest version unless given.
        instrument: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}
