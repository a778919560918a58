//! What the command line says about parties, people, services and machines.

use super::InstrumentKind;
use clap::{Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum PartyCommand {
    /// Register a legal person.
    Add {
        /// Its short name.
        name: String,
        /// Its name in law.
        #[arg(long)]
        legal_name: String,
        /// Where it is established.
        #[arg(long)]
        jurisdiction: String,
    },
    /// List legal persons.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Register a person with the SSH key they sign with.
    Add {
        /// party/handle: the handle holds no personal data.
        person: String,
        /// Their public key (a .pub file).
        #[arg(long, value_hint = ValueHint::FilePath)]
        key: PathBuf,
        /// Their name; kept beside the ledger, erasable.
        #[arg(long, default_value = "")]
        full_name: String,
        /// Their address; kept beside the ledger, erasable.
        #[arg(long, default_value = "")]
        email: String,
    },
    /// A person leaves: machines they answer for are suspended after the grace.
    Leave {
        /// party/handle.
        person: String,
        /// How long others have to take over, for example "7 days".
        #[arg(long)]
        grace: String,
    },
    /// Say that an account elsewhere is a person's, so that an identity provider can say what becomes of them.
    Link(AccountArgs),
    /// Take back that an account elsewhere is a person's: nobody says what becomes of them under it any more.
    Unlink(AccountArgs),
    /// Let a person sign instruments for their party.
    Authorize {
        /// party/handle.
        person: String,
        /// Which kinds of instrument.
        #[arg(long = "for", value_delimiter = ',', required = true)]
        kinds: Vec<InstrumentKind>,
        /// Until when, for example 2027-12-31; without end if left out.
        #[arg(long)]
        until: Option<String>,
    },
    /// End a person's authority to sign.
    Withdraw {
        /// party/handle.
        person: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// List people.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Register a service from a TOML file.
    Add {
        /// The file; see examples/service.toml.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// List services.
    List,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Office {
    Owner,
    Deputy,
}

impl Office {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Deputy => "deputy",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Document a machine.
    Propose {
        /// party/name.
        identity: String,
        /// service-account, api-key, bot, container-workload, microservice, ci-pipeline, iot-device, synthetic-account or ai-agent.
        #[arg(long)]
        kind: String,
        /// What it is for, in a sentence.
        #[arg(long)]
        purpose: String,
        /// production, staging, development or test.
        #[arg(long)]
        environment: String,
        /// The handle of the person who will answer for it.
        #[arg(long)]
        owner: String,
        /// The handle of their deputy.
        #[arg(long)]
        deputy: String,
        /// When it must be reviewed, for example 2027-01-31.
        #[arg(long)]
        review: String,
        /// A role it holds; can be repeated.
        #[arg(long = "role")]
        roles: Vec<String>,
        /// The region it is in.
        #[arg(long)]
        region: Option<String>,
    },
    /// Accept to answer for a machine, with your SSH key.
    Accept {
        /// party/name.
        identity: String,
        /// Which office.
        #[arg(long)]
        office: Office,
        /// The SSH key to sign with.
        #[arg(long, value_hint = ValueHint::FilePath, required_unless_present = "signature")]
        key: Option<PathBuf>,
        /// A signature made elsewhere: `writ identity statement … | ssh-keygen -Y sign -n writ.ownership -f KEY`.
        #[arg(long, value_hint = ValueHint::FilePath, conflicts_with = "key")]
        signature: Option<PathBuf>,
    },
    /// Print the statement that is signed to accept.
    Statement {
        /// party/name.
        identity: String,
        /// Which office.
        #[arg(long)]
        office: Office,
    },
    /// Offer an office to another person.
    HandOver {
        /// party/name.
        identity: String,
        /// Which office.
        #[arg(long)]
        office: Office,
        /// The handle of the person.
        #[arg(long)]
        to: String,
    },
    /// Say how a machine is recognised among processes, in place of what was said before. Repeat --rule for several.
    Recognize {
        /// party/name.
        identity: String,
        /// What a process must be, all of it: uid:1000,path:/usr/bin/app (also gid, sha256, unit, cgroup).
        #[arg(long = "rule", value_name = "SELECTOR,…", required_unless_present = "none")]
        rules: Vec<String>,
        /// No process is it any more.
        #[arg(long, conflicts_with = "rules")]
        none: bool,
        /// Of several machines one process may be, the one with the highest priority is its default identity.
        #[arg(long, default_value_t = 0)]
        priority: u32,
        /// What the credential is for, among several of one process.
        #[arg(long)]
        hint: Option<String>,
    },
    /// Say with which tokens of others a machine may join, in place of what was said before.
    Joins {
        /// party/name.
        identity: String,
        /// A token of the issuer in which all claims have these values: gha,repository_id=42,environment=production.
        #[arg(long = "rule", value_name = "ISSUER,CLAIM=VALUE,…", required_unless_present = "none")]
        rules: Vec<String>,
        /// It joins with nobody's tokens any more.
        #[arg(long, conflicts_with = "rules")]
        none: bool,
    },
    /// Let an accepted machine act.
    Activate {
        /// party/name.
        identity: String,
    },
    /// Stop a machine for now.
    Suspend {
        /// party/name.
        identity: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Let what `writ kill instance` stopped of a machine come back.
    Readmit {
        /// party/name.
        identity: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Let a suspended machine act again.
    Resume {
        /// party/name.
        identity: String,
    },
    /// End a machine for good, at once, with everything it has open.
    Kill {
        /// party/name.
        identity: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// End a machine by plan.
    Retire {
        /// party/name.
        identity: String,
    },
    /// Show one machine.
    Show {
        /// party/name.
        identity: String,
    },
    /// List machines.
    List,
}

/// An account elsewhere.
#[derive(Debug, clap::Args)]
pub(crate) struct AccountArgs {
    /// party/handle.
    pub(crate) person: String,
    /// Their e-mail address.
    #[arg(long, conflicts_with_all = ["issuer", "subject"])]
    pub(crate) email: Option<String>,
    /// Or an issuer …
    #[arg(long, requires = "subject")]
    pub(crate) issuer: Option<String>,
    /// … and its name for them.
    #[arg(long, requires = "issuer")]
    pub(crate) subject: Option<String>,
}
