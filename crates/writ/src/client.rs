//! Finding the running Writ: `api.json` in the data directory says where it listens.

use crate::exit::Failure;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file's name.
pub(crate) const ADDRESS_FILE: &str = "api.json";

/// What a running Writ leaves for its operator, readable by its owner only.
#[derive(Serialize, Deserialize)]
pub(crate) struct Address {
    /// The API.
    pub(crate) api: String,
    /// The operator's token.
    pub(crate) token: String,
    /// Where machines connect.
    pub(crate) gateway: String,
    /// Where the bundle is given to whoever asks, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bundle_endpoint: Option<String>,
}

/// Reads the address file.
pub(crate) fn address(data: &Path) -> anyhow::Result<Address> {
    let path = data.join(ADDRESS_FILE);
    let bytes = std::fs::read(&path).map_err(|_| {
        Failure::Unreachable(format!(
            "there is no `{}`: start Writ with `writ up`, or name its data directory with --data",
            path.display()
        ))
    })?;
    serde_json::from_slice(&bytes).with_context(|| format!("`{}` cannot be read", path.display()))
}

/// A client of the running Writ.
pub(crate) fn client(data: &Path) -> anyhow::Result<api::Client> {
    let address = address(data)?;
    Ok(api::Client::new(&address.api, Some(&address.token)))
}
