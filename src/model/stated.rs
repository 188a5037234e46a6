//! Where a rule stands: its layer, file and line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a rule stands, and which rule among the layers kept it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stated {
    /// The layer: `organisation`, `group`, `repository`.
    pub layer: String,
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from 1; 0 where the rule is a default that no line states.
    pub line: usize,
    /// Why this layer's word holds where several spoke, such as `stricter than 1 in repository`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}
