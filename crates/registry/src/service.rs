//! Services behind the gateway, and what can be done to them.

use crate::database::{DatabaseAddress, Objects, SESSION, login_problem};
use crate::identity::named_enum;
use crate::{Name, PartyId, PersonId, ServiceId};
use minicbor::{Decode, Encode};

/// Operations in one service at most.
pub const OPERATIONS_MAX: usize = 1_000;

/// An upstream service.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Service {
    /// Its id.
    #[n(0)]
    pub id: ServiceId,
    /// Its name, unique.
    #[n(1)]
    pub name: Name,
    /// The party that provides it.
    #[n(2)]
    pub party: PartyId,
    /// The person who signs for it.
    #[n(3)]
    pub owner: PersonId,
    /// The host name machines use to reach it through the gateway.
    #[n(4)]
    pub host: String,
    /// Where the gateway reaches it: `http://` or `https://`, host, port; or `postgresql://`, host, port, database.
    #[n(5)]
    pub upstream: String,
    /// What it holds and what can be done with it. A request that is none of these is denied.
    #[n(6)]
    pub resources: Vec<Resource>,
    /// The secret the gateway adds to each request; the machine never sees it.
    #[n(7)]
    pub injection: Option<Injection>,
    /// The region it is in.
    #[n(8)]
    pub region: Option<Name>,
    /// For a database: the sealed secret with `user:password`, in whose name `{contract}` stands for the contract.
    #[n(9)]
    pub login: Option<String>,
}

/// A named part of a service.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Resource {
    /// Its name in clauses.
    #[n(0)]
    pub name: Name,
    /// How requests on it look. The first that matches, in order, names the act.
    #[n(1)]
    pub operations: Vec<Operation>,
    /// How sensitive it is; what nobody classified counts as restricted.
    #[n(2)]
    pub class: Option<Classification>,
    /// For a resource of a database: what it is there.
    #[n(3)]
    pub objects: Option<Objects>,
}

named_enum! {
    /// How sensitive a resource is.
    Classification {
        /// For those who need it.
        Confidential = 2 "confidential";
        /// For the organisation.
        Internal = 1 "internal";
        /// Anybody may know.
        Public = 0 "public";
        /// For a few.
        Restricted = 3 "restricted";
    }
}

impl Classification {
    /// Its rank: public is 0.
    pub fn rank(self) -> u8 {
        match self {
            Self::Public => 0,
            Self::Internal => 1,
            Self::Confidential => 2,
            Self::Restricted => 3,
        }
    }
}

/// A form of request and the act it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Operation {
    /// The act's name in clauses: `read`, `push`.
    #[n(0)]
    pub action: Name,
    /// HTTP methods, upper case.
    #[n(1)]
    pub methods: Vec<String>,
    /// Path: literal segments, `*` for one segment, `**` at the end for any rest.
    #[n(2)]
    pub path: String,
    /// Query parameters that must have these values.
    #[n(3)]
    pub query: Vec<(String, String)>,
    /// Whether the act can change something upstream. Such an act is recorded before it is
    /// forwarded; one that only reads, before its response is released.
    #[n(4)]
    pub changes: bool,
}

/// Which sealed secret goes into which header.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Injection {
    /// The secret's name in the sealed store.
    #[n(0)]
    pub secret: Name,
    /// The header, lower case.
    #[n(1)]
    pub header: String,
    /// What stands before the secret in the header, for example `Bearer `.
    #[n(2)]
    pub prefix: String,
}

impl Service {
    /// Whether the service knows `resource`.
    pub fn resource(&self, name: &Name) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.name == *name)
    }

    /// SHA-256 of what the service's acts mean: host, upstream, operations, injection. Part of every
    /// envelope, so that what is signed includes what its verbs stand for.
    pub fn meaning(&self) -> [u8; 32] {
        use sha2::Digest as _;
        // Encoding to memory cannot fail; an empty encoding would match no envelope.
        sha2::Sha256::digest(minicbor::to_vec(self).unwrap_or_default()).into()
    }

    /// Where it is, if it is a database.
    pub fn database(&self) -> Option<DatabaseAddress> {
        DatabaseAddress::parse(&self.upstream)?.ok()
    }

    /// Says what is wrong with the service's description, if anything.
    pub fn problem(&self) -> Option<String> {
        let host = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        if self.host.is_empty() || !self.host.bytes().all(host) || self.host.starts_with(['.', '-']) {
            return Some(format!("the host `{}` is not a lower-case host name", self.host));
        }
        let operations = self.resources.iter().map(|resource| resource.operations.len()).sum::<usize>();
        if operations == 0 || operations > OPERATIONS_MAX {
            return Some(format!("a service has between 1 and {OPERATIONS_MAX} operations"));
        }
        match DatabaseAddress::parse(&self.upstream) {
            Some(Err(problem)) => Some(problem),
            Some(Ok(_)) => self.database_problem(),
            None => self.http_problem(),
        }
    }

    fn database_problem(&self) -> Option<String> {
        let Some(login) = &self.login else {
            return Some("a database has a login: the sealed secret with `user:password`".to_owned());
        };
        if self.injection.is_some() {
            return Some("a database has a login; `inject` is for HTTP".to_owned());
        }
        if self.resources.iter().filter(|resource| resource.name.as_str() == SESSION).count() != 1 {
            return Some(format!("a database has one resource `{SESSION}`"));
        }
        login_problem(login).or_else(|| self.resources.iter().find_map(Resource::database_problem))
    }

    fn http_problem(&self) -> Option<String> {
        if self.login.is_some() || self.resources.iter().any(|resource| resource.objects.is_some()) {
            return Some(
                "a login, tables, functions and channels are of databases: `upstream = \"postgresql://…\"`"
                    .to_owned(),
            );
        }
        let authority = self
            .upstream
            .strip_prefix("http://")
            .or_else(|| self.upstream.strip_prefix("https://"))
            .unwrap_or_default();
        if authority.is_empty() || authority.contains(['/', '@', '?', '#', ' ']) {
            return Some(format!(
                "the upstream `{}` is not `http://host:port` or `https://host:port`",
                self.upstream
            ));
        }
        let mut operations = self.resources.iter().flat_map(|resource| &resource.operations);
        operations.find_map(Operation::problem).or_else(|| {
            self.injection.as_ref().and_then(|injection| {
                let token = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                let sound = !injection.header.is_empty() && injection.header.bytes().all(token);
                (!sound).then(|| format!("`{}` is not a lower-case header name", injection.header))
            })
        })
    }
}

impl Operation {
    fn problem(&self) -> Option<String> {
        if self.methods.is_empty() || !self.methods.iter().all(|m| m.bytes().all(|b| b.is_ascii_uppercase()))
        {
            return Some(format!("the operation `{}` needs HTTP methods in upper case", self.action));
        }
        let segments: Vec<&str> = self.path.split('/').collect();
        let inner = segments.get(1..).unwrap_or_default();
        let last = inner.len().saturating_sub(1);
        let sound = self.path.starts_with('/')
            && inner.iter().enumerate().all(|(at, segment)| match *segment {
                "**" => at == last,
                "." | ".." => false,
                "" => at == last,
                "*" => true,
                literal => !literal.contains(['*', '%', '?', '#', '\\']),
            });
        (!sound).then(|| {
            format!(
                "the path `{}` must begin with `/`; `*` stands for one whole segment, `**` only at the end",
                self.path
            )
        })
    }
}
