//! A real PostgreSQL server on loopback, in a folder of its own.

use crate::harness::{free_port, text, wait};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A running server with the database `app`.
pub(crate) struct Postgres {
    pub(crate) port: u16,
    folder: TempDir,
    process: Option<Child>,
}

/// Debian's newest server.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
    let mut found: Vec<_> = versions.map(|version| version.unwrap().path().join("bin").join(name)).collect();
    found.sort();
    found.into_iter().rfind(|program| program.exists()).unwrap()
}

/// The server refuses to run as root: then it runs as Debian's user for it.
fn as_server(program: PathBuf) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        if rustix::process::geteuid().is_root() {
            let id = |flag| text(&Command::new("id").args([flag, "postgres"]).output().unwrap().stdout);
            let number = |flag| id(flag).trim().parse().unwrap();
            chown(folder.path(), Some(number("-u")), Some(number("-g"))).unwrap();
        }
        let made = as_server(program("initdb"))
            .args([
                "--username=postgres",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--no-sync",
                "-D",
            ])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        certify(folder.path());
        let mut postgres = Self { port: free_port(), folder, process: None };
        postgres.up();
        postgres.admin("CREATE DATABASE app");
        postgres
    }

    pub(crate) fn up(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log_file()).unwrap();
        let folder = self.folder.path();
        let child = as_server(program("postgres"))
            .arg("-D")
            .arg(folder.join("data"))
            .arg("-k")
            .arg(folder)
            .args(["-c", "ssl=on", "-h", "127.0.0.1,127.0.0.2", "-p", &self.port.to_string()])
            // Everything that was said is in the log.
            .args(["-c", "log_statement=all", "-c", "fsync=off"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(child);
        wait("PostgreSQL answers", || {
            let mut psql = Command::new("psql");
            psql.arg("-h").arg(folder).args(["-p", &self.port.to_string()]);
            let asked = asked_of(&mut psql, "postgres", "postgres", "SELECT 1");
            asked.status.success()
        });
    }

    /// Stops at once.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.process.take() {
            // An immediate shutdown.
            crate::harness::signal(child.id(), "QUIT");
            child.wait().unwrap();
        }
    }

    /// Lets a role in from `127.0.0.2` with a certificate alone; gives that and its key, as a secret of Writ.
    pub(crate) fn with_certificate(&mut self, role: &str) -> String {
        use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let data = self.folder.path().join("data");
        std::fs::write(data.join("clients.pem"), root.self_signed(&root_key).unwrap().pem()).unwrap();
        let mut client = CertificateParams::default();
        client.distinguished_name.push(DnType::CommonName, role);
        let signed = client.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
        let rules = std::fs::read_to_string(data.join("pg_hba.conf")).unwrap();
        let rule = format!("hostssl all {role} 127.0.0.1/8 cert\n");
        std::fs::write(data.join("pg_hba.conf"), rule + &rules).unwrap();
        std::fs::write(data.join("postgresql.auto.conf"), "ssl_ca_file = 'clients.pem'\n").unwrap();
        self.stop();
        self.up();
        format!("{role}\n{}{}", signed.pem(), key.serialize_pem())
    }

    /// Who vouches for its certificate.
    pub(crate) fn roots(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap()
    }

    /// As the superuser, over the socket.
    pub(crate) fn admin(&self, sql: &str) -> String {
        let mut psql = Command::new("psql");
        psql.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        let done = asked_of(&mut psql, "postgres", "postgres", sql);
        assert!(done.status.success(), "{sql}: {}", text(&done.stderr));
        text(&done.stdout).trim().to_owned()
    }

    /// As the superuser, in a database.
    pub(crate) fn of(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new("psql");
        psql.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        let done = asked_of(&mut psql, "postgres", database, sql);
        assert!(done.status.success(), "{sql}: {}", text(&done.stderr));
        text(&done.stdout).trim().to_owned()
    }

    /// Runs a file of statements as the superuser, each of which must succeed.
    pub(crate) fn script(&self, database: &str, sql: &str) {
        let file = self.folder.path().join("script.sql");
        std::fs::write(&file, sql).unwrap();
        let mut psql = Command::new("psql");
        psql.arg("-h").arg(self.folder.path()).args([
            "-p",
            &self.port.to_string(),
            "-U",
            "postgres",
            "-d",
            database,
        ]);
        let done = psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(&file).output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
    }

    /// As somebody with a password, over TCP.
    pub(crate) fn ask(&self, user: &str, password: &str, sql: &str) -> Output {
        ask(self.port, user, password, sql)
    }
}

/// Gives it a certificate, signed by a root that nobody else knows.
fn certify(folder: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("root.pem"), root.self_signed(&root_key).unwrap().pem()).unwrap();
    let server = CertificateParams::new(vec!["127.0.0.2".to_owned()]).unwrap();
    let signed = server.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    let data = folder.join("data");
    let owner = std::fs::metadata(&data).unwrap();
    for (name, content) in [("server.crt", signed.pem()), ("server.key", key.serialize_pem())] {
        std::fs::write(data.join(name), content).unwrap();
        std::fs::set_permissions(data.join(name), Permissions::from_mode(0o600)).unwrap();
        chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
    }
}

/// As somebody with a password, over TCP.
pub(crate) fn ask(port: u16, user: &str, password: &str, sql: &str) -> Output {
    let mut psql = Command::new("psql");
    psql.args(["-h", "127.0.0.1", "-p", &port.to_string()]).env("PGPASSWORD", password);
    asked_of(&mut psql, user, "app", sql)
}

fn asked_of(psql: &mut Command, user: &str, database: &str, sql: &str) -> Output {
    psql.args(["-X", "-A", "-t", "-w", "-U", user, "-d", database, "-c", sql]).output().unwrap()
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}
