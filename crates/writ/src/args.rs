//! The command line. Doc comments here are the help people read.

use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Puts every machine identity under a written mandate, and enforces it.
#[derive(Debug, Parser)]
#[command(name = "writ", version, after_help = crate::exit::HELP, propagate_version = true)]
pub(crate) struct Args {
    /// The data directory.
    #[arg(long, global = true, env = "WRIT_DATA", default_value = "writ-data", value_hint = ValueHint::DirPath)]
    pub(crate) data: PathBuf,
    /// Print JSON instead of tables, and errors as JSON to standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to log: `warn`, `info`, `debug`, or filters such as `gateway=debug`.
    #[arg(long, global = true, env = "WRIT_LOG", default_value = "warn")]
    pub(crate) log: String,
    /// Log as JSON lines.
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Process(ProcessCommand),
    #[command(flatten)]
    Client(ClientCommand),
    #[command(flatten)]
    Local(LocalCommand),
}

/// Runs a Writ, or finds one by itself.
#[derive(Debug, Subcommand)]
pub(crate) enum ProcessCommand {
    /// Show everything once, on this machine, in a few seconds.
    Quickstart {
        /// Do it once, print figures as JSON on the last line, and exit.
        #[arg(long)]
        check: bool,
    },
    /// Run authority, gateway and API on the data directory.
    Up {
        /// The SPIFFE trust domain; fixed when the data directory is made [default: writ.localhost].
        #[arg(long)]
        trust_domain: Option<String>,
        /// Where machines connect (TLS).
        #[arg(long, default_value = "127.0.0.1:8443")]
        listen: SocketAddr,
        /// Where the API listens (loopback only).
        #[arg(long, default_value = "127.0.0.1:7443")]
        api: SocketAddr,
        /// Answer neighbours there (loopback only): Envoy's ext_authz and OpenID AuthZEN.
        #[arg(long)]
        advise: Option<SocketAddr>,
        /// Further roots for https:// upstreams, and for what secrets come from (PEM).
        #[arg(long, env = "WRIT_UPSTREAM_ROOTS", value_hint = ValueHint::FilePath)]
        upstream_roots: Option<PathBuf>,
        /// The socket of the SPIFFE Workload API; workload-api.sock in the data directory unless given.
        #[arg(long, value_hint = ValueHint::FilePath)]
        workload_api: Option<PathBuf>,
        /// A file with the secret that unlocks the keys of the data directory; the first time it locks them. Unless
        /// given, the systemd credential `writ.unlock` counts.
        #[arg(long, env = "WRIT_UNLOCK", value_hint = ValueHint::FilePath)]
        unlock: Option<PathBuf>,
        /// The token where keys of roots are made and stay (PKCS#11, RFC 7512), for example
        /// "pkcs11:token=writ?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/run/secrets/pin".
        #[arg(long, env = "WRIT_ROOT_KEYS", value_name = "URI")]
        root_keys: Option<String>,
    },
    /// Whether Writ is running and ready.
    Status,
    /// Get a certificate with a join token: writes key.pem, cert.pem and bundle.pem.
    Issue {
        /// The join token, or the identity token of a job or pod; better given as WRIT_TOKEN than on the command line.
        #[arg(long, env = "WRIT_TOKEN", hide_env_values = true, required_unless_present = "device_cert")]
        token: Option<String>,
        /// Instead of a token: the chain of certificates a manufacturer gave this device (PEM).
        #[arg(long, requires = "device_key", conflicts_with = "token", value_hint = ValueHint::FilePath)]
        device_cert: Option<PathBuf>,
        /// The key of that certificate (PKCS#8, PEM; P-256 or P-384).
        #[arg(long, requires = "device_cert", value_hint = ValueHint::FilePath)]
        device_key: Option<PathBuf>,
        /// With a device's certificate: the manufacturer, as `writ issuer trust` names it with --issuer.
        #[arg(long, requires = "device_cert")]
        manufacturer: Option<String>,
        /// With a device's certificate: who Writ is to the manufacturer.
        #[arg(long, default_value = "writ", requires = "device_cert")]
        audience: String,
        /// Where to write the files.
        #[arg(long, default_value = ".", value_hint = ValueHint::DirPath)]
        out: PathBuf,
        /// The API, when there is no data directory here.
        #[arg(long)]
        api: Option<String>,
    },
}

/// Asks the running Writ of the data directory.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Legal persons.
    #[command(subcommand)]
    Party(PartyCommand),
    /// Natural persons who answer for machines.
    #[command(subcommand)]
    Person(PersonCommand),
    /// What machines call.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Machine identities.
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// Others whose signed tokens count: CI services, Kubernetes clusters, identity providers.
    #[command(subcommand)]
    Issuer(IssuerCommand),
    /// Charters, contracts and guardrails.
    #[command(subcommand, visible_alias = "contract")]
    Instrument(InstrumentCommand),
    /// Sign an instrument with your SSH key (uses ssh-keygen, so agents and security keys work).
    Sign {
        /// The instrument's name, or name@version; the newest version unless given.
        instrument: String,
        /// Who signs: party/person.
        #[arg(long = "as", value_name = "PARTY/PERSON")]
        signer: String,
        /// The SSH key to sign with (private, or public with an agent).
        #[arg(long, value_hint = ValueHint::FilePath, required_unless_present = "signature")]
        key: Option<PathBuf>,
        /// A signature made elsewhere: `writ instrument statement NAME | ssh-keygen -Y sign -n writ.instrument -f KEY`.
        #[arg(long, value_hint = ValueHint::FilePath, conflicts_with = "key")]
        signature: Option<PathBuf>,
    },
    /// Give notice under an instrument, as its clauses allow: suspend, resume, end, object to renewal.
    Notice {
        /// The instrument's name, or name@version; the newest version unless given.
        instrument: String,
        /// Of what.
        #[arg(long)]
        of: Notice,
        /// On which ground.
        #[arg(long, default_value = "")]
        ground: String,
        /// Who gives notice: party/person.
        #[arg(long = "as", value_name = "PARTY/PERSON")]
        signer: String,
        /// The SSH key to sign with; without key and signature the text to sign is printed.
        #[arg(long, value_hint = ValueHint::FilePath)]
        key: Option<PathBuf>,
        /// A signature made elsewhere, namespace writ.notice.
        #[arg(long, value_hint = ValueHint::FilePath, conflicts_with = "key")]
        signature: Option<PathBuf>,
    },
    /// Show what a folder of files (`*.toml`, `*.writ.md`) would change. Changes nothing.
    Plan {
        /// The folder.
        #[arg(value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
    /// Change the registry to what a folder of files says: all of it, or nothing.
    Apply {
        /// The folder.
        #[arg(value_hint = ValueHint::DirPath)]
        folder: PathBuf,
        /// How many instruments and identities it may end, for good [default: the smaller of 5 and 30 % of what stands].
        #[arg(long)]
        removals_max: Option<usize>,
    },
    /// Ask a solver over all instruments in force: can any such machine ever do such a thing, from now on?
    ///
    /// Answers with a proof, or with a request that was tried on the real decision. All that is given must fit.
    Prove(Question),
    /// Recorded proofs.
    #[command(subcommand)]
    Proof(ProofCommand),
    /// One-time tokens for first certificates.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Certificates.
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Upstream secrets, sealed at rest.
    #[command(subcommand)]
    Secret(SecretCommand),
    /// The roots of the trust domain: prepare one, activate it, taint and retire what it replaces.
    #[command(subcommand)]
    Authority(AuthorityCommand),
    /// Stop something at once: what it has open is cut, and nothing more is permitted or issued.
    Kill {
        /// What.
        #[command(subcommand)]
        target: KillTarget,
    },
    /// Explain a decision (which clause, which words), or why a process, machine or certificate gets credentials.
    Why {
        /// A decision's index, or `origin/index` as in a response; a process, as pid:1234; a machine, as party/name
        /// or by its SPIFFE ID; a certificate, by its file (PEM) or serial number.
        subject: String,
    },
    /// Show decisions, and follow them live.
    Log {
        /// Go on showing new ones.
        #[arg(long, short)]
        follow: bool,
        /// How many to begin with.
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: usize,
    },
}

/// What can be done to the keys of a data directory.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Lock them under a secret, or under another one: from then on `writ up` starts with it only. Writ must not run.
    /// Copies of the directory from before keep opening as they did.
    Lock {
        /// A file with the secret, 16 characters or more; keep a copy elsewhere, without it nothing starts again.
        #[arg(long = "with", value_name = "FILE", value_hint = ValueHint::FilePath)]
        with: PathBuf,
        /// The file with the secret they are locked under now.
        #[arg(long, env = "WRIT_UNLOCK", value_name = "FILE", value_hint = ValueHint::FilePath)]
        unlock: Option<PathBuf>,
    },
}

/// Needs no running Writ.
#[derive(Debug, Subcommand)]
pub(crate) enum LocalCommand {
    /// Write the generated wording of documents anew.
    Fmt {
        /// `*.writ.md` files.
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
        /// Change nothing; fail if something would change.
        #[arg(long)]
        check: bool,
    },
    /// Check documents: parameters, wording, compilation.
    Check {
        /// `*.writ.md` files.
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Print documents as PDF, as drafts.
    Pdf {
        /// `*.writ.md` files; the PDF is written beside each.
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Prove a ledger offline (entries, roots, signatures, anchors, decisions); or one instrument by its file.
    Verify {
        /// A data directory, or a copy of its `ledger` and `objects` folders; a `.pdf` or `.writ.md` file; or a
        /// certificate (PEM), which is checked by the ledger's key alone.
        #[arg(value_hint = ValueHint::AnyPath)]
        directory: Option<PathBuf>,
        /// The control ledger's verifier key, from somebody you trust.
        #[arg(long)]
        key: Option<String>,
        /// For a file: the key of a person you know, as party/person=FILE.pub; can be repeated. The file is
        /// trusted when enough of them signed for each side.
        #[arg(long = "person", value_name = "PARTY/PERSON=FILE")]
        people: Vec<String>,
    },
    /// The keys of the data directory at rest.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Check the files of the ledger.
    Fsck {
        /// Only the checkpoint, stored hashes and the open segment.
        #[arg(long)]
        quick: bool,
    },
    /// Compare two versions of an instrument: the words, and what machines may do.
    Redline {
        /// The old version: a `*.writ.md` file.
        #[arg(value_hint = ValueHint::FilePath)]
        old: PathBuf,
        /// The new version: a `*.writ.md` file.
        #[arg(value_hint = ValueHint::FilePath)]
        new: PathBuf,
        /// Write it as a page to read in a browser.
        #[arg(long, value_hint = ValueHint::FilePath)]
        html: Option<PathBuf>,
        /// Write it as PDF.
        #[arg(long, value_hint = ValueHint::FilePath)]
        pdf: Option<PathBuf>,
        /// Also ask the running Writ how many decisions of this last period would change, for example "7 days".
        #[arg(long)]
        decisions: Option<String>,
        /// The same for decisions from this date or instant on, for example 2026-11-01.
        #[arg(long, conflicts_with = "decisions")]
        from: Option<String>,
        /// And until this date or instant (exclusive); until now unless given.
        #[arg(long, requires = "from")]
        to: Option<String>,
        /// Write the SMT-LIB scripts of both comparisons to this folder; `writ proof dump --help` says how they
        /// are hashed.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        scripts: Option<PathBuf>,
    },
    /// The clause library: every kind of clause, its parameters, its wording.
    Library {
        /// One kind; prints a block to copy.
        kind: Option<String>,
    },
    /// Shell completions.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// JSON Schemas of the files people write, for editors and checks before `writ plan`.
    Schema {
        /// Of which files.
        #[arg(default_value = "estate")]
        of: SchemaOf,
    },
    /// The OpenAPI description of the API.
    #[command(hide = true)]
    Openapi,
}

/// Files people write.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The TOML files of an estate: `writ plan`.
    Estate,
    /// A `service.toml`: `writ service add`.
    Service,
    /// The front matter of a `*.writ.md` file, between its `+++` lines.
    FrontMatter,
    /// A clause block of a `*.writ.md` file.
    Clause,
}

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
    Link {
        /// party/handle.
        person: String,
        /// Their e-mail address.
        #[arg(long, conflicts_with_all = ["issuer", "subject"])]
        email: Option<String>,
        /// Or an issuer …
        #[arg(long, requires = "subject")]
        issuer: Option<String>,
        /// … and its name for them.
        #[arg(long, requires = "issuer")]
        subject: Option<String>,
    },
    /// Take back that an account elsewhere is a person's: nobody says what becomes of them under it any more.
    Unlink {
        /// party/handle.
        person: String,
        /// Their e-mail address.
        #[arg(long, conflicts_with_all = ["issuer", "subject"])]
        email: Option<String>,
        /// Or an issuer …
        #[arg(long, requires = "subject")]
        issuer: Option<String>,
        /// … and its name for them.
        #[arg(long, requires = "issuer")]
        subject: Option<String>,
    },
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

#[derive(Debug, Subcommand)]
pub(crate) enum AuthorityCommand {
    /// Make a root and make it known: bundles have it, and nothing rests on it yet.
    Prepare {
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Let everything that is issued rest on the root that is prepared.
    Activate {
        /// Why.
        #[arg(long)]
        reason: String,
        /// Do not wait until everybody can know it.
        #[arg(long)]
        now: bool,
    },
    /// Get away from a root: what rests on it is issued anew, each machine in a slot of its own.
    Taint {
        /// The SHA-256 of its certificate, as `writ authority show` gives it.
        root: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// End a root: nothing counts any more that rests on it.
    Retire {
        /// The SHA-256 of its certificate, as `writ authority show` gives it.
        root: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Do not wait for the certificates that rest on it.
        #[arg(long)]
        now: bool,
    },
    /// Show the roots, and where each is in its life.
    Show,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KillTarget {
    /// A certificate; its machine gets another.
    Certificate {
        /// Its serial number, or its file (PEM).
        certificate: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// A machine.
    Identity {
        /// party/name.
        identity: String,
        #[command(flatten)]
        how: KillHow,
    },
    /// What a certificate was issued to: a program of a user, a pod, a job. Nothing more is issued to that, until
    /// `writ identity readmit`.
    Instance {
        /// The certificate's serial number, or its file (PEM).
        certificate: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// An instrument in all its versions, for good.
    Instrument {
        /// Its name.
        instrument: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// A key: every certificate of it, and it is certified no more.
    Key {
        /// A certificate of it (PEM), or the hexadecimal SHA-256 of its SPKI.
        key: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// All machines of an owner.
    Owner {
        /// party/handle.
        owner: String,
        #[command(flatten)]
        how: KillHow,
    },
    /// All machines of a party.
    Party {
        /// The party.
        party: String,
        #[command(flatten)]
        how: KillHow,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct KillHow {
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    /// Revoke them: nobody can let them act again. Else they are suspended.
    #[arg(long)]
    pub(crate) for_good: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// Count somebody's tokens, under these keys and no others; replaces what was said before under this name.
    Trust {
        /// A name for it here.
        name: String,
        /// What its tokens say.
        #[arg(long, value_parser = ["devices", "github-actions", "gitlab-ci", "kubernetes", "security-events"])]
        kind: String,
        /// Who it is: the claim `iss` of its tokens, exactly.
        #[arg(long)]
        issuer: String,
        /// Who we are to it: the claim `aud`.
        #[arg(long)]
        audience: String,
        /// Its keys: a file with a JWK Set; of a manufacturer of devices, with its roots (PEM). Unless given, keys are read
        /// where the issuer publishes them, now and every five minutes.
        #[arg(long, value_hint = ValueHint::FilePath, required_if_eq("kind", "devices"))]
        keys: Option<PathBuf>,
        /// Where it publishes them (a JWK Set), if not where its /.well-known/openid-configuration says.
        #[arg(long, value_name = "URL", conflicts_with = "keys")]
        keys_url: Option<String>,
        /// Of an identity provider (security-events): of which party's people it speaks.
        #[arg(long, required_if_eq("kind", "security-events"))]
        party: Option<String>,
    },
    /// Count somebody's tokens no longer.
    Drop {
        /// Its name here.
        name: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Read now the keys that an issuer publishes.
    Read {
        /// Its name here.
        name: String,
    },
    /// List whose tokens count.
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

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a one-time join token.
    Create {
        /// party/name of the machine.
        identity: String,
        /// How long it can be used.
        #[arg(long, default_value = "10 minutes")]
        life: String,
        /// An act its certificates are good for; again for more. All its machine may do when left out.
        #[arg(long = "action", value_name = "ACT")]
        actions: Vec<String>,
        /// A service, or service/resource, its certificates are good for; again for more.
        #[arg(long = "on", value_name = "SERVICE[/RESOURCE]")]
        on: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Make one certificate worthless.
    Revoke {
        /// Its serial number (32 hexadecimal digits).
        serial: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Let a secret renew itself from now on, by what a file says (TOML, see docs/secrets.md).
    From {
        /// Its name.
        name: String,
        /// For example: kind = "postgres", server = "postgresql://rotator@127.0.0.1/app", admin = "db-admin",
        /// roles = ["app_a", "app_b"], every = "30 days", overlap = "1 hour".
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Bring the next value now.
    Rotate {
        /// Its name.
        name: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Without overlap: the value before, and what was opened with it, ends as soon as the next is in use.
        #[arg(long)]
        at_once: bool,
    },
    /// Let a secret be set by hand again; what is in use goes on.
    ByHand {
        /// Its name.
        name: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Leave to people what waits to be ended at its source, because the source is gone or does not let it end.
    Abandon {
        /// Its name.
        name: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// List the secrets, and how those stand that renew themselves; never their values.
    List,
    /// Seal a secret; its value is read from standard input.
    Set {
        /// Its name.
        name: String,
    },
}
