//! `POST /v1/authority/{step}`: a step in the life of a root: prepare, activate, taint, retire.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::stops::stop::digest;
use crate::view::RootDone;
use authority::RootAsked;
use axum::Json;
use axum::extract::{Path, State};
use registry::Actor;
use serde::Deserialize;
use utoipa::ToSchema;

/// Which step.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// Lets everything that is issued rest on the root that is prepared.
    Activate,
    /// Makes a root and makes it known.
    Prepare,
    /// Ends a root: nothing counts any more that rests on it.
    Retire,
    /// Says that a root is to be got away from: what rests on it is issued anew, each machine in a slot of its own.
    Taint,
}

/// About which root, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    /// To taint and to retire: which, by the hexadecimal SHA-256 of its certificate.
    #[serde(default)]
    root: Option<String>,
    /// Why.
    reason: String,
    /// Whether nobody is waited for.
    #[serde(default)]
    now: bool,
}

/// Takes the step.
#[utoipa::path(post, path = "/v1/authority/{step}", tag = "authority", request_body = About,
    params(("step" = Step, Path,)),
    responses((status = 200, body = RootDone), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn step_authority(
    State(ports): State<Shared>,
    Path(step): Path<Step>,
    Input(about): Input<About>,
) -> Result<Json<RootDone>, ApiError> {
    let named = || {
        let root = about.root.as_deref().ok_or_else(|| ApiError::invalid("say which root").at("root"))?;
        digest(root)
    };
    let asked = match step {
        Step::Activate => RootAsked::Activate,
        Step::Prepare => RootAsked::Prepare,
        Step::Retire => RootAsked::Retire(named()?),
        Step::Taint => RootAsked::Taint(named()?),
    };
    let (root, index) = ports.authority.step_root(Actor::Operator, asked, about.reason, about.now).await?;
    Ok(Json(RootDone { root: contract::canonical::hex(&root), index }))
}
