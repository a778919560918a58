//! What the command line says about credentials, secrets and keys: whose count, what is issued, what is stopped.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;

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

#[derive(Debug, Subcommand)]
pub(crate) enum FederationCommand {
    /// Recognise another trust domain's machines; replaces what was said of it before.
    Trust {
        /// Its name, for example partner.example.
        trust_domain: String,
        /// A party whose machines recognise its machines; again for more.
        #[arg(long = "for", value_name = "PARTY", required = true)]
        parties: Vec<String>,
        /// Where it publishes its bundle (https://); asked as often as it wants, and at `writ federation read`. Unless given,
        /// it is read nowhere if the bundle is given, or else where it was read before.
        #[arg(long)]
        url: Option<String>,
        /// The SPIFFE ID of the server there (https_spiffe): needs the bundle once. A public authority vouches for the
        /// server unless given (https_web).
        #[arg(long, value_name = "SPIFFE-ID", requires = "url")]
        endpoint_id: Option<String>,
        /// Its bundle, which its people gave you in a way you trust (SPIFFE bundle, JSON): it counts, whatever was known before.
        /// Unless given, what is known goes on, or it is read at the URL and must follow what is known.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        bundle: Option<PathBuf>,
    },
    /// Recognise them no more.
    End {
        /// Its name.
        trust_domain: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Read now what a trust domain publishes.
    Read {
        /// Its name.
        trust_domain: String,
    },
    /// Show one: its roots and keys, and where they are read.
    Show {
        /// Its name.
        trust_domain: String,
    },
    /// List the trust domains.
    List,
    /// Print this trust domain's own bundle, to be given to others.
    Bundle,
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
