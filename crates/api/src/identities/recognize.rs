//! `POST /v1/identities/{party}/{name}/workloads`: how a machine is recognised among processes.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{identity, look};
use crate::view::{Done, WorkloadRuleView};
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command, WorkloadRule};
use serde::Deserialize;
use utoipa::ToSchema;

/// How a machine is recognised: a process is it when every selector of one rule fits.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workloads {
    /// The rules, in place of those before; none means it is recognised by no process.
    rules: Vec<WorkloadRuleView>,
}

impl WorkloadRuleView {
    fn rule(self) -> Result<WorkloadRule, ApiError> {
        let selectors = self.selectors.iter().map(|text| {
            text.parse().map_err(|error: registry::SelectorError| ApiError::invalid(error.to_string()))
        });
        Ok(WorkloadRule {
            selectors: selectors.collect::<Result<_, _>>()?,
            priority: self.priority,
            hint: self.hint,
        })
    }
}

/// Says how a machine is recognised among the processes of a host.
#[utoipa::path(post, path = "/v1/identities/{party}/{name}/workloads", tag = "identities", request_body = Workloads,
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn recognize_workload(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
    Input(workloads): Input<Workloads>,
) -> Result<Json<Done>, ApiError> {
    let identity = look(&ports, |state| identity(state, &party, &name))?;
    let rules = workloads.rules.into_iter().map(WorkloadRuleView::rule).collect::<Result<_, _>>()?;
    let command = Command::RecognizeWorkload { identity, rules };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}
