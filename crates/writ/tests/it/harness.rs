//! A running Writ on a directory of its own, and the few things every test does with it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A data directory, the people's keys, and the process on it.
pub(crate) struct Writ {
    pub(crate) directory: TempDir,
    process: Option<Child>,
    /// What `writ up` is told beside what every test tells it.
    arguments: Vec<String>,
}

impl Writ {
    /// Starts on a fresh directory.
    pub(crate) fn start_empty() -> Self {
        Self::start_empty_with(&[], &[])
    }

    /// The same, with further arguments and with variables in its environment, the first time.
    fn start_empty_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut writ = Self { directory: TempDir::new().unwrap(), process: None, arguments };
        writ.up_with(variables);
        writ
    }

    /// Starts on a fresh directory and loads two parties and their people.
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// The same, with further arguments, and with variables in its environment the first time.
    pub(crate) fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let writ = Self::start_empty_with(arguments, variables);
        for (party, legal) in [("forge", "Forge Hosting GmbH"), ("acme", "Acme Software Ltd")] {
            writ.ok(&["party", "add", party, "--legal-name", legal, "--jurisdiction", "Ireland"]);
        }
        for person in ["forge/repo-lead", "acme/build-lead", "acme/platform-lead"] {
            let key = writ.key(person);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
                .arg(&key)
                .status();
            assert!(made.unwrap().success());
            let public = key.with_extension("pub");
            writ.ok(&["person", "add", person, "--key", public.to_str().unwrap()]);
        }
        writ
    }

    /// Starts (or restarts) the process and waits until it is ready.
    pub(crate) fn up(&mut self) {
        self.up_with(&[]);
    }

    /// The same, with variables in its environment.
    pub(crate) fn up_with(&mut self, variables: &[(&str, &str)]) {
        let _ = std::fs::remove_file(self.data().join("api.json"));
        let log = std::fs::File::options().create(true).append(true).open(self.path("writ.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_writ"))
            .args([
                "up",
                "--listen",
                "127.0.0.1:0",
                "--api",
                "127.0.0.1:0",
                "--advise",
                "127.0.0.1:0",
                "--log",
                "info",
            ])
            .args(&self.arguments)
            .env("WRIT_DATA", self.data())
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(child);
        wait("writ is ready", || {
            if let Some(status) = self.process.as_mut().and_then(|child| child.try_wait().unwrap()) {
                panic!("writ ended with {status}: {}", self.log());
            }
            self.data().join("api.json").exists() && self.run(&["status"]).status.success()
        });
    }

    /// What `writ up` is told from the next start on, beside what it is told already.
    pub(crate) fn tell(&mut self, arguments: &[&str]) {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What the process wrote to its log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("writ.log")).unwrap_or_default()
    }

    /// The private SSH key of a person.
    pub(crate) fn key(&self, person: &str) -> PathBuf {
        self.path(&format!("key-{}", person.replace('/', "-")))
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// Runs a command of the CLI against this directory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_writ"))
            .args(arguments)
            .env("WRIT_DATA", self.data())
            .output()
            .unwrap()
    }

    /// Runs a command that must succeed; gives its standard output.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "writ {arguments:?}: {}{}", text(&output.stderr), self.log());
        text(&output.stdout)
    }

    /// Runs a command that must fail with `code`; gives its standard error.
    pub(crate) fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "writ {arguments:?}: {}", text(&output.stderr));
        text(&output.stderr)
    }

    /// Runs a command with `--json` that must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// The address file.
    pub(crate) fn address(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.data().join("api.json")).unwrap()).unwrap()
    }

    /// The port machines connect to.
    pub(crate) fn gateway_port(&self) -> u16 {
        let address = self.address();
        address["gateway"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Proposes, accepts and activates a machine of `acme`.
    pub(crate) fn machine(&self, name: &str, kind: &str) {
        self.propose(name, kind);
        for (office, person) in [("owner", "acme/build-lead"), ("deputy", "acme/platform-lead")] {
            let key = self.key(person);
            self.ok(&["identity", "accept", name, "--office", office, "--key", key.to_str().unwrap()]);
        }
        self.ok(&["identity", "activate", name]);
    }

    /// Proposes a machine of `acme`.
    pub(crate) fn propose(&self, name: &str, kind: &str) {
        let purpose = "Builds and publishes the shop";
        self.ok(&[
            "identity",
            "propose",
            name,
            "--kind",
            kind,
            "--purpose",
            purpose,
            "--environment",
            "test",
            "--owner",
            "build-lead",
            "--deputy",
            "platform-lead",
            "--review",
            "2035-01-01",
        ]);
    }

    /// Registers a service from TOML text.
    pub(crate) fn service(&self, toml: &str) {
        let file = self.path("service.toml");
        std::fs::write(&file, toml).unwrap();
        self.ok(&["service", "add", file.to_str().unwrap()]);
    }

    /// Formats, drafts and signs a contract.
    pub(crate) fn contract(&self, name: &str, document: &str) {
        let file = self.path(&format!("{name}.writ.md"));
        std::fs::write(&file, document).unwrap();
        let path = file.to_str().unwrap();
        self.ok(&["fmt", path]);
        self.ok(&["check", path]);
        self.ok(&["contract", "draft", path]);
        for person in ["forge/repo-lead", "acme/build-lead"] {
            self.ok(&["sign", name, "--as", person, "--key", self.key(person).to_str().unwrap()]);
        }
    }

    /// Gets a certificate for a machine; gives the folder of its files.
    pub(crate) fn join(&self, machine: &str) -> PathBuf {
        let token = self.ok(&["token", "create", machine]);
        let folder =
            self.path(&format!("{}-{}", machine.replace('/', "-"), token.len() + token.trim().len()));
        let output = Command::new(env!("CARGO_BIN_EXE_writ"))
            .args(["issue", "--out", folder.to_str().unwrap()])
            .env("WRIT_DATA", self.data())
            .env("WRIT_TOKEN", token.trim())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        folder
    }

    /// Stops the process as an operator would, and waits for it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.process.take() {
            signal(child.id(), "TERM");
            child.wait().unwrap();
        }
    }

    /// Kills the process at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops, and then: everything acknowledged is there and proven.
    pub(crate) fn assert_verifies(&mut self) {
        self.stop();
        let output = self.run(&["verify"]);
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

impl Drop for Writ {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to a process by its id.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Sends a signal to the group that a process leads.
pub(crate) fn signal_group(leader: u32, name: &str) {
    let status =
        Command::new("kill").args([&format!("-{name}"), "--", &format!("-{leader}")]).status().unwrap();
    assert!(status.success());
}

/// Waits until `done`, or gives up.
pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "gave up waiting: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The highest resident memory a process has had, in KiB.
pub(crate) fn peak_memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// A private key of the installation, as somebody has it who has a copy of all of `keys/`.
pub(crate) fn key_at_rest(data: &Path, name: &str) -> Vec<u8> {
    let copy = TempDir::new().unwrap();
    std::fs::create_dir(copy.path().join("keys")).unwrap();
    for file in std::fs::read_dir(data.join("keys")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join("keys").join(file.file_name())).unwrap();
    }
    let data = store::DataDir::open(copy.path()).unwrap();
    store::KeyRing::open(&data, None).unwrap().get(name).unwrap().unwrap().to_vec()
}
