//! `POST /v1/services`: registers a service with its resources.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{look, name, party, person};
use crate::view::Done;
use axum::Json;
use axum::extract::State;
use registry::command::ServiceDescription;
use registry::database::SESSION;
use registry::{Actor, Classification, Command, Injection, Objects, Operation, Resource};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A service.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewService {
    /// Its name.
    pub(crate) name: String,
    /// Who provides it.
    pub(crate) party: String,
    /// The handle of the person who signs for it.
    owner: String,
    /// The host name machines use to reach it through the gateway.
    host: String,
    /// Where the gateway reaches it: `http://host:port`, `https://host:port`, or a database as
    /// `postgresql://host:port/database`, with `?sslmode=disable` where there is no TLS, and `?pool=4` where so many sessions nobody uses are kept for each
    /// machine and contract, and `?trace=on` where what goes up says at its end which text of the session it is.
    upstream: String,
    /// What it holds.
    resources: Vec<NewResource>,
    /// The secret the gateway adds to requests.
    #[serde(default)]
    inject: Option<NewInjection>,
    /// The region it is in.
    #[serde(default)]
    region: Option<String>,
    /// For a database: the sealed secret with `user:password`. `{contract}` stands for the contract's name, so that
    /// each contract has a role of its own.
    #[serde(default)]
    login: Option<String>,
}

/// A resource.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewResource {
    /// Its name in clauses.
    name: String,
    /// How requests on it look; for HTTP.
    #[serde(default)]
    operations: Vec<NewOperation>,
    /// Tables, views and sequences: `schema.name`, or `schema.*`; for databases.
    #[serde(default)]
    tables: Vec<String>,
    /// Functions, procedures and types: `schema.name`; for databases.
    #[serde(default)]
    functions: Vec<String>,
    /// Channels of LISTEN and NOTIFY; for databases.
    #[serde(default)]
    channels: Vec<String>,
    /// How sensitive it is: `public`, `internal`, `confidential` or `restricted`.
    #[serde(default)]
    class: Option<String>,
}

/// A form of request and the act it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOperation {
    /// The act's name in clauses.
    action: String,
    /// HTTP methods.
    methods: Vec<String>,
    /// Path: literal segments, `*` for one segment, `**` at the end for any rest.
    path: String,
    /// Query parameters that must have these values.
    #[serde(default)]
    query: BTreeMap<String, String>,
    /// Whether the act can change something. Unless said, all methods but GET, HEAD and OPTIONS do.
    #[serde(default)]
    changes: Option<bool>,
}

/// Where a sealed secret goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInjection {
    /// The secret's name in the sealed store.
    secret: String,
    /// The header.
    header: String,
    /// What stands before the secret, for example `Bearer `.
    #[serde(default)]
    prefix: String,
}

impl NewService {
    /// What it says, with the ids of those it names.
    pub(crate) fn description(self, state: &registry::State) -> Result<ServiceDescription, ApiError> {
        let injection = self.inject.map(|inject| {
            Ok::<_, ApiError>(Injection {
                secret: name(&inject.secret)?,
                header: inject.header.to_ascii_lowercase(),
                prefix: inject.prefix,
            })
        });
        let is_database = registry::DatabaseAddress::parse(&self.upstream).is_some();
        let mut resources = placed(self.resources, |new| resource(new, is_database))
            .map_err(|error| error.at("resources"))?;
        // Every database has it; it is named only to classify it otherwise.
        if is_database && !resources.iter().any(|resource| resource.name.as_str() == SESSION) {
            let class = Some(Classification::Public);
            resources.push(Resource::of_database(name(SESSION)?, class, Objects::default()));
        }
        Ok(ServiceDescription {
            name: name(&self.name).map_err(|error| error.at("name"))?,
            party: party(state, &self.party).map_err(|error| error.at("party"))?,
            owner: person(state, &self.party, &self.owner).map_err(|error| error.at("owner"))?,
            host: self.host,
            upstream: self.upstream,
            resources,
            login: self.login,
            injection: injection.transpose().map_err(|error| error.at("inject"))?,
            region: self.region.as_deref().map(name).transpose().map_err(|error| error.at("region"))?,
        })
    }
}

/// Registers a service.
#[utoipa::path(post, path = "/v1/services", tag = "services", request_body = NewService,
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn register_service(
    State(ports): State<Shared>,
    Input(new): Input<NewService>,
) -> Result<Json<Done>, ApiError> {
    let description = look(&ports, |state| new.description(state))?;
    let command = Command::RegisterService(Box::new(description));
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}

/// Reads a list; an error names the place in it.
fn placed<N, T>(list: Vec<N>, read: impl Fn(N) -> Result<T, ApiError>) -> Result<Vec<T>, ApiError> {
    list.into_iter()
        .enumerate()
        .map(|(at, new)| read(new).map_err(|error| error.at(&at.to_string())))
        .collect()
}

fn resource(new: NewResource, is_database: bool) -> Result<Resource, ApiError> {
    let class = new.class.as_deref().map(|text| {
        Classification::parse(text).ok_or_else(|| {
            let known = Classification::spellings();
            ApiError::invalid(format!("there is no classification `{text}`; one of: {known}"))
        })
    });
    let class = class.transpose().map_err(|error| error.at("class"))?;
    let name = name(&new.name).map_err(|error| error.at("name"))?;
    let objects = Objects { tables: new.tables, functions: new.functions, channels: new.channels };
    if is_database {
        if !new.operations.is_empty() {
            let error =
                "a database's acts are given by its tables, functions and channels: leave `operations` out";
            return Err(ApiError::invalid(error.to_owned()).at("operations"));
        }
        return Ok(Resource::of_database(name, class, objects));
    }
    let operations = placed(new.operations, operation).map_err(|error| error.at("operations"))?;
    let objects = (objects != Objects::default()).then_some(objects);
    Ok(Resource { name, operations, class, objects })
}

fn operation(new: NewOperation) -> Result<Operation, ApiError> {
    let safe = |method: &String| matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
    Ok(Operation {
        action: name(&new.action).map_err(|error| error.at("action"))?,
        changes: new.changes.unwrap_or(!new.methods.iter().all(safe)),
        methods: new.methods,
        path: new.path,
        query: new.query.into_iter().collect(),
    })
}
