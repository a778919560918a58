//! Databases behind the gateway: which tables, functions and channels a resource is, and the acts there are on them.
//! How a statement is read is not here.

use crate::service::{Operation, Resource};
use crate::{Classification, Name};
use minicbor::{Decode, Encode};

/// Tables, functions and channels in one resource at most.
pub const OBJECTS_MAX: usize = 1_000;
/// The longest name of one of them, in bytes: two identifiers of PostgreSQL and what stands around them.
pub const OBJECT_BYTES_MAX: usize = 200;
/// The longest name of a database, in bytes (NAMEDATALEN is 64).
const DATABASE_BYTES_MAX: usize = 63;
/// Sessions kept for one machine under one contract at most.
const POOL_MAX: u8 = 16;
/// What stands in the name of a login for the contract's name.
const CONTRACT: &str = "{contract}";

/// The resource every database has: what touches no table, and what cannot be told from outside.
pub const SESSION: &str = "session";

/// What a resource of a database is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Objects {
    /// Tables, views, sequences: `schema.name`, or `schema.*`. What is named by itself is vouched for: its rules,
    /// triggers and, for a view, what it reads. What only fits a `*` is looked through.
    #[n(0)]
    pub tables: Vec<String>,
    /// Functions, procedures and types: `schema.name`. Whoever names one vouches for what it does.
    #[n(1)]
    pub functions: Vec<String>,
    /// Channels of LISTEN and NOTIFY.
    #[n(2)]
    pub channels: Vec<String>,
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $changes:literal;)*) => {
        /// An act on a database. The order is that of harm: of two, the later is the worse.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb { $($(#[$doc])* $variant,)* }

        impl Verb {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in clauses.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether it can change something.
            pub fn changes(self) -> bool {
                match self { $(Self::$variant => $changes,)* }
            }
        }
    };
}

verbs! {
    /// Is connected, and does what touches nothing: transactions, harmless settings, constants.
    Use = "use" false;
    /// Reads rows.
    Read = "read" false;
    /// Hears what is said on a channel.
    Listen = "listen" false;
    /// Says something on a channel.
    Notify = "notify" true;
    /// Adds rows.
    Insert = "insert" true;
    /// Changes rows, or locks them.
    Update = "update" true;
    /// Runs a function.
    Call = "call" true;
    /// Removes rows.
    Delete = "delete" true;
    /// Removes all rows.
    Truncate = "truncate" true;
    /// Locks a table.
    Lock = "lock" true;
    /// Makes, changes or removes tables, views, indexes, sequences.
    Define = "define" true;
    /// Everything else: roles, grants, functions, code, files, settings of the server.
    Administer = "administer" true;
}

impl Verb {
    /// As an act of a service.
    pub fn name(self) -> Name {
        Name::known(self.as_str())
    }

    fn operation(self) -> Operation {
        Operation {
            action: self.name(),
            methods: vec![self.as_str().to_ascii_uppercase()],
            path: String::new(),
            query: Vec::new(),
            changes: self.changes(),
        }
    }
}

const OF_TABLES: &[Verb] =
    &[Verb::Read, Verb::Insert, Verb::Update, Verb::Delete, Verb::Truncate, Verb::Lock, Verb::Define];

impl Resource {
    /// A resource of a database, with the acts there are on it.
    pub fn of_database(name: Name, class: Option<Classification>, objects: Objects) -> Self {
        let mut verbs = Vec::new();
        if !objects.tables.is_empty() {
            verbs.extend(OF_TABLES);
        }
        if !objects.functions.is_empty() {
            verbs.push(Verb::Call);
        }
        if !objects.channels.is_empty() {
            verbs.extend([Verb::Listen, Verb::Notify]);
        }
        if name.as_str() == SESSION {
            verbs.extend([Verb::Use, Verb::Administer]);
        }
        let operations = verbs.into_iter().map(Verb::operation).collect();
        Self { name, operations, class, objects: Some(objects) }
    }

    /// What is wrong with it as one of a database.
    pub(crate) fn database_problem(&self) -> Option<String> {
        let Some(objects) = &self.objects else {
            return Some(format!(
                "the resource `{}` of a database has tables, functions or channels",
                self.name
            ));
        };
        let lists = [&objects.tables, &objects.functions, &objects.channels];
        let count = lists.iter().map(|list| list.len()).sum::<usize>();
        if (self.name.as_str() == SESSION) != (count == 0) {
            return Some(format!(
                "a resource of a database has tables, functions or channels, and `{SESSION}` has none of its own"
            ));
        }
        if count > OBJECTS_MAX {
            return Some(format!("a resource has at most {OBJECTS_MAX} tables, functions and channels"));
        }
        if let Some(long) = lists.into_iter().flatten().find(|name| name.len() > OBJECT_BYTES_MAX) {
            return Some(format!("`{long}` is longer than {OBJECT_BYTES_MAX} bytes"));
        }
        if let Some(bad) = objects.tables.iter().find(|name| parts(name).is_none()) {
            return Some(format!("the table `{bad}` is not `schema.name` or `schema.*`"));
        }
        let plain = |name: &&String| parts(name).is_none_or(|(_, name)| name == "*");
        if let Some(bad) = objects.functions.iter().find(plain) {
            return Some(format!("the function `{bad}` is not `schema.name`"));
        }
        if let Some(bad) =
            objects.channels.iter().find(|name| name.is_empty() || name.contains(char::is_control))
        {
            return Some(format!("`{bad}` is not the name of a channel"));
        }
        let expected = Self::of_database(self.name.clone(), self.class, objects.clone());
        (expected.operations != self.operations)
            .then(|| format!("the acts of the resource `{}` are given by what it has", self.name))
    }
}

/// `schema` and `name` of an object, as they stand in the catalog: without quotes, case as it is.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (schema, name) = text.split_once('.')?;
    let sound = |part: &str| !part.is_empty() && !part.contains(|c: char| c == '"' || c.is_control());
    (sound(schema) && schema != "*" && sound(name) && !name.contains('.')).then_some((schema, name))
}

/// How a pattern fits an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// By `schema.*`.
    Pattern,
    /// By its name.
    Name,
}

impl Objects {
    /// How a table is one of these.
    pub fn table(&self, schema: &str, name: &str) -> Option<Fit> {
        let fits = |text: &String| match parts(text)? {
            (of, "*") => (of == schema).then_some(Fit::Pattern),
            (of, this) => (of == schema && this == name).then_some(Fit::Name),
        };
        self.tables.iter().filter_map(fits).max()
    }

    /// Whether a function is one of these.
    pub fn function(&self, schema: &str, name: &str) -> bool {
        self.functions.iter().any(|text| parts(text) == Some((schema, name)))
    }
}

/// Where a PostgreSQL server is, and whether it is spoken to in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// A host name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The one database of the service.
    pub database: String,
    /// Without TLS. Otherwise its certificate must be of `host` (libpq calls it `verify-full`).
    pub clear: bool,
    /// How many sessions nobody uses are kept for each machine under each contract.
    pub pool: u8,
    /// Each text that goes up says at its end, in a comment, which one it is in the decision log.
    pub traced: bool,
}

impl DatabaseAddress {
    /// Reads `postgresql://HOST[:PORT]/DATABASE[?sslmode=verify-full|disable&pool=N&trace=on|off]`; none if it is of
    /// another kind.
    pub fn parse(upstream: &str) -> Option<Result<Self, String>> {
        let rest = upstream.strip_prefix("postgresql://").or_else(|| upstream.strip_prefix("postgres://"))?;
        Some(Self::read(rest).ok_or_else(|| {
            format!(
                "the upstream `{upstream}` is not `postgresql://HOST:PORT/DATABASE`, with `?sslmode=disable` where there is no TLS, `?pool=4` (up to {POOL_MAX}) where sessions are kept for their machine, and `?trace=on` where the server's log is to name the decision of each statement"
            )
        }))
    }

    fn read(rest: &str) -> Option<Self> {
        let (rest, said) = rest.split_once('?').map_or((rest, None), |(rest, said)| (rest, Some(said)));
        let (mut clear, mut pool, mut traced) = (None, None, None);
        for said in said.into_iter().flat_map(|said| said.split('&')) {
            match said.split_once('=')? {
                ("sslmode", "verify-full") if clear.is_none() => clear = Some(false),
                ("sslmode", "disable") if clear.is_none() => clear = Some(true),
                ("pool", size) if pool.is_none() => {
                    pool = Some(size.parse().ok().filter(|size| *size <= POOL_MAX)?);
                }
                ("trace", "on") if traced.is_none() => traced = Some(true),
                ("trace", "off") if traced.is_none() => traced = Some(false),
                _ => return None,
            }
        }
        let (authority, database) = rest.split_once('/')?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => (host, port.parse().ok()?),
            Some(_) | None => (authority, 5432),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let sound = |text: &str| {
            !text.is_empty()
                && !text.contains(|c: char| c.is_control() || c.is_whitespace() || "/@?#%".contains(c))
        };
        (sound(host) && sound(database) && database.len() <= DATABASE_BYTES_MAX && port != 0).then(|| Self {
            host: host.to_owned(),
            port,
            database: database.to_owned(),
            clear: clear.unwrap_or(false),
            pool: pool.unwrap_or(0),
            traced: traced.unwrap_or(false),
        })
    }
}

/// The sealed secret with user and password for what is done under a contract.
pub fn login(pattern: &str, contract: &str) -> String {
    pattern.replace(CONTRACT, contract)
}

/// What is wrong with the pattern of a login.
pub(crate) fn login_problem(pattern: &str) -> Option<String> {
    let sound = login(pattern, "a").parse::<Name>().is_ok();
    (!sound).then(|| {
        format!(
            "the login `{pattern}` is not the name of a secret, in which `{CONTRACT}` can stand for the contract's name"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_names_of_acts() {
        for verb in Verb::ALL {
            assert_eq!(verb.as_str().parse(), Ok(verb.name()));
        }
    }

    #[test]
    fn addresses() {
        let read = |text: &str| DatabaseAddress::parse(text);
        let plain = read("postgresql://127.0.0.1:5433/shop?sslmode=disable").unwrap().unwrap();
        assert_eq!(
            (plain.host.as_str(), plain.port, plain.database.as_str(), plain.clear),
            ("127.0.0.1", 5433, "shop", true)
        );
        let tls = read("postgres://db.example/shop").unwrap().unwrap();
        assert_eq!((tls.port, tls.clear), (5432, false));
        assert_eq!(read("postgresql://[::1]:5/x").unwrap().unwrap().host, "::1");
        let pooled = read("postgresql://h/d?pool=4&sslmode=disable").unwrap().unwrap();
        assert_eq!((pooled.pool, pooled.clear, tls.pool), (4, true, 0));
        let traced = read("postgresql://h/d?trace=on&pool=4&sslmode=disable").unwrap().unwrap();
        assert_eq!((traced.pool, traced.clear, traced.traced, pooled.traced), (4, true, true, false));
        assert!(!read("postgresql://h/d?trace=off").unwrap().unwrap().traced);
        assert!(read("http://a").is_none());
        for bad in [
            "",
            "h",
            "h/",
            "/d",
            "u@h/d",
            "h:0/d",
            "h:x/d",
            "h/d?sslmode=require",
            "h/d/e",
            "h/d?x",
            "h/d?pool=17",
            "h/d?pool=1&pool=2",
            "h/d?pool",
            "h/d?trace",
            "h/d?trace=yes",
            "h/d?trace=on&trace=off",
            "h/d?",
        ] {
            assert!(read(&format!("postgresql://{bad}")).unwrap().is_err(), "{bad}");
        }
    }

    #[test]
    fn objects_by_name_and_by_pattern() {
        let objects = Objects {
            tables: vec!["public.*".into(), "public.orders".into(), "Odd.Name".into()],
            functions: vec!["public.refund".into()],
            channels: Vec::new(),
        };
        assert_eq!(objects.table("public", "orders"), Some(Fit::Name));
        assert_eq!(objects.table("public", "users"), Some(Fit::Pattern));
        assert_eq!(objects.table("Odd", "Name"), Some(Fit::Name));
        assert_eq!(objects.table("odd", "name"), None);
        assert!(objects.function("public", "refund") && !objects.function("other", "refund"));
        for bad in ["orders", "*.orders", "a.b.c", ".x", "x.", "a.\"b\""] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }
}
