//! A real PostgreSQL behind the gateway, and clients of it nobody here wrote.

use crate::harness::{Writ, text};
use crate::postgres::Postgres;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

mod clients;
mod evasions;
mod learning;
mod masking;
mod pool;
mod session;
mod token;
mod tools;

/// The machine's own schema, what it must not touch, and everything an evasion could hide behind.
const SCHEMA: &str = include_str!("database/schema.sql");

pub(crate) const CONTRACT: &str = r#"+++
instrument = "contract"
name = "orders-db"
version = 1
title = "Orders Database Agreement"

[provider]
party = "forge"
legal-name = "Forge Hosting GmbH"
service = "shop-db"

[consumer]
party = "acme"
legal-name = "Acme Software Ltd"
machines = ["bot"]
+++

# Orders Database Agreement

## Rights

```clause
kind = "permit"
actions = ["use"]
resources = ["session"]
```

```clause
kind = "permit"
actions = ["read", "insert", "update", "delete"]
resources = ["orders"]
```

```clause
kind = "permit"
actions = ["call", "listen", "notify"]
resources = ["routines"]
```

```clause
kind = "permit"
actions = ["read"]
resources = ["catalogue"]
```

```clause
kind = "permit"
actions = ["read", "update"]
resources = ["notes"]
```

```clause
kind = "permit"
actions = ["read"]
resources = ["staff"]
```

```clause
kind = "permit"
actions = ["read", "insert", "update", "delete"]
resources = ["patterned"]
```

```clause
kind = "statement"
which-rows = true
only = { actions = ["update", "delete"], resources = ["orders"] }
```

```clause
kind = "statement"
columns = ["staff.id", "public.staff.name"]
only = { resources = ["staff"] }
```

```clause
kind = "statement"
transaction = "2 seconds"
only = { resources = ["notes"] }
```

```clause
kind = "prohibit"
actions = ["update"]
resources = ["notes"]
unless = { purposes = ["erasure on request"] }
```
"#;

/// A clause that permits acts on resources, both as TOML lists.
pub(crate) fn permit(actions: &str, resources: &str) -> String {
    clause(&format!("kind = \"permit\"\nactions = [{actions}]\nresources = [{resources}]"))
}

/// A clause block.
pub(crate) fn clause(terms: &str) -> String {
    format!("```clause\n{terms}\n```\n\n")
}

/// A running world: the database, Writ before it, a machine with its certificate.
pub(crate) struct World {
    pub(crate) writ: Writ,
    pub(crate) postgres: Postgres,
    pub(crate) credential: PathBuf,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::with(CONTRACT)
    }

    /// The same under a contract that permits everything there is.
    pub(crate) fn wide() -> Self {
        let head = CONTRACT.split("```clause").next().unwrap();
        Self::with(&format!(
            "{head}```clause\nkind = \"permit\"\nactions = \"any\"\nresources = \"any\"\nrecording = \"within 5 seconds\"\n```\n"
        ))
    }

    pub(crate) fn with(contract: &str) -> Self {
        Self::with_upstream(contract, false, "")
    }

    /// The same, with TLS between the gateway and the server.
    pub(crate) fn with_tls() -> Self {
        Self::with_upstream(CONTRACT, true, "")
    }

    /// The same under a contract with these clauses and no others.
    pub(crate) fn under(clauses: &str) -> Self {
        let head = CONTRACT.split("```clause").next().unwrap();
        Self::with(&format!("{head}{clauses}"))
    }

    /// Where so many sessions are kept for each machine and contract.
    pub(crate) fn pooled(size: u8) -> Self {
        Self::with_upstream(CONTRACT, false, &format!("&pool={size}"))
    }

    /// The same under a contract with these clauses and no others.
    pub(crate) fn pooled_under(clauses: &str, size: u8) -> Self {
        let head = CONTRACT.split("```clause").next().unwrap();
        Self::with_upstream(&format!("{head}{clauses}"), false, &format!("&pool={size}"))
    }

    /// Where what goes up says which statement it is.
    pub(crate) fn traced() -> Self {
        Self::with_upstream(CONTRACT, false, "&trace=on")
    }

    fn with_upstream(contract: &str, tls: bool, more: &str) -> Self {
        let postgres = Postgres::start();
        postgres.script("app", SCHEMA);
        let roots = postgres.roots();
        let arguments = ["--upstream-roots", roots.to_str().unwrap()];
        let writ = Writ::start_with(if tls { &arguments } else { &[] }, &[]);
        // Its certificate is of the one address.
        let (address, mode) = if tls { ("127.0.0.2", "verify-full") } else { ("127.0.0.1", "disable") };
        let mode = format!("?sslmode={mode}{more}");
        writ.machine("acme/bot", "bot");
        writ.service(&format!(
            r#"
name = "shop-db"
party = "forge"
owner = "repo-lead"
host = "shop-db.localhost"
upstream = "postgresql://{address}:{}/app{mode}"
login = "role-{{contract}}"

[[resources]]
name = "orders"
tables = ["public.orders", "public.order_items", "public.order_totals", "public.orders_id_seq"]

[[resources]]
name = "notes"
tables = ["public.notes"]

[[resources]]
name = "staff"
tables = ["public.staff"]

[[resources]]
name = "customers"
tables = ["public.customers"]

[[resources]]
name = "people"
tables = ["public.users", "private.*"]

[[resources]]
name = "bench"
tables = ["public.pgbench_accounts", "public.pgbench_branches", "public.pgbench_tellers", "public.pgbench_history"]

[[resources]]
name = "patterned"
tables = ["loose.*"]

[[resources]]
name = "routines"
functions = ["public.refund"]
channels = ["orders_changed"]

[[resources]]
name = "catalogue"
class = "internal"
tables = ["pg_catalog.*", "information_schema.*"]
"#,
            postgres.port
        ));
        seal(&writ, "role-orders-db", "app_orders:a secret: with a colon");
        writ.contract("orders-db", contract);
        let credential = writ.join("acme/bot");
        Self { writ, postgres, credential }
    }

    /// What a client of libpq is told.
    pub(crate) fn conninfo(&self) -> String {
        let file = |name: &str| self.credential.join(name).display().to_string();
        format!(
            "host=shop-db.localhost hostaddr=127.0.0.1 port={} dbname=app user=bot sslmode=verify-full sslrootcert={} sslcert={} sslkey={}",
            self.writ.gateway_port(),
            file("bundle.pem"),
            file("cert.pem"),
            file("key.pem")
        )
    }

    pub(crate) fn psql(&self) -> Command {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-A", "-t", "-q", "-w", "-d", &self.conninfo()]).stdin(Stdio::null());
        psql
    }

    /// Runs each text in a session; stops at nothing.
    pub(crate) fn run(&self, texts: &[&str]) -> Output {
        let mut psql = self.psql();
        psql.args(texts.iter().flat_map(|text| ["-c", text])).output().unwrap()
    }

    /// Runs one text that must succeed.
    pub(crate) fn ok(&self, sql: &str) -> String {
        let done = self.run(&[sql]);
        assert!(done.status.success(), "{sql}: {}{}", text(&done.stderr), self.writ.log());
        text(&done.stdout).trim().to_owned()
    }

    /// Runs one text that must not; gives what psql says.
    pub(crate) fn denied(&self, sql: &str) -> String {
        let mut psql = self.psql();
        let done = psql.args(["-v", "VERBOSITY=verbose", "-c", sql]).output().unwrap();
        assert!(!done.status.success(), "{sql}: {}", text(&done.stdout));
        text(&done.stderr)
    }
}

/// A file beside these tests.
pub(crate) fn here(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/database").join(name)
}

/// Seals a secret.
pub(crate) fn seal(writ: &Writ, name: &str, value: &str) {
    let file = writ.path("value");
    std::fs::write(&file, value).unwrap();
    let set = Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["secret", "set", name])
        .env("WRIT_DATA", writ.data())
        .stdin(std::fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert!(set.status.success(), "{}", text(&set.stderr));
}
