//! The command line. Doc comments here are the help people read. What is said about one kind of thing is in a file below.

mod credentials;
mod instruments;
mod registry;

pub(crate) use credentials::*;
pub(crate) use instruments::*;
pub(crate) use registry::*;

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
        /// Give this trust domain's public keys to whoever asks there (SPIFFE Federation, TLS).
        #[arg(long, value_name = "ADDRESS")]
        bundle_endpoint: Option<SocketAddr>,
        /// Show this certificate there (PEM, read again every minute), for those who know servers by their host names
        /// (https_web); Writ's own, by its SPIFFE ID, unless given (https_spiffe).
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires_all = ["bundle_endpoint", "bundle_key"])]
        bundle_certificate: Option<PathBuf>,
        /// The key of that certificate (PEM).
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "bundle_certificate")]
        bundle_key: Option<PathBuf>,
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
    /// Other trust domains whose machines ours recognise (SPIFFE Federation).
    #[command(subcommand)]
    Federation(FederationCommand),
    /// Charters, contracts and guardrails.
    #[command(subcommand, visible_alias = "contract")]
    Instrument(InstrumentCommand),
    /// Try drafts on what happens: they say what they would have refused, and refuse nothing.
    #[command(subcommand)]
    Trial(TrialCommand),
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
    /// What was said in sessions with databases.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Propose a charter that permits what a machine was seen to do, and nothing else, with the evidence for each line.
    ///
    /// It is a draft: read it, narrow it, and give it a purpose before anybody signs it.
    Learn {
        /// The machine, as party/name.
        machine: String,
        /// From this decision on [default: the first].
        #[arg(long)]
        from: Option<u64>,
        /// Write it to this file.
        #[arg(long, short, value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
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

/// Sessions with databases, as they are in the decision log.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// The last sessions that were opened.
    List {
        /// How many.
        #[arg(long, short = 'n', default_value_t = 20)]
        last: u64,
    },
    /// Every statement of a session, what became of it, rows and time.
    Show {
        /// The decision that opened it: its index, or as it stands in the server's log as application_name; or one text, as
        /// it stands there at its end: 4711.3.
        session: String,
        /// With what was bound to parameters.
        #[arg(long)]
        parameters: bool,
    },
    /// A session's statements again, in full and at their pace.
    Replay {
        /// The decision that opened it, or one text of it: 4711.3.
        session: String,
        /// How much faster than it was.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// The longest pause between two statements, in seconds.
        #[arg(long, default_value_t = 3)]
        longest: u64,
        /// With what was bound to parameters.
        #[arg(long)]
        parameters: bool,
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
