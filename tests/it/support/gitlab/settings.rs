//! How the project of the fake is protected, as its maintainers set it; at first as it should be.

use serde_json::{Value, json};

use super::world::{PROJECT, PROJECT_ID, Plan, World};
use super::{Reply, missing, reply};

#[derive(Clone, Debug)]
pub struct Settings {
    pub version: &'static str,
    /// Who administers the server.
    pub administrators: Vec<String>,
    /// What stands in the project beside what everybody sees.
    pub project: Value,
    pub namespace: Value,
    /// Environments that nothing was deployed to yet.
    pub environments: Vec<String>,
    /// What stands in a webhook beside its number, address and state.
    pub hook: Value,
    pub deliveries: Vec<Value>,
    pub group_hooks: Vec<Value>,
    pub variables: Vec<Value>,
    pub group_variables: Vec<Value>,
    pub branches: Vec<Value>,
    pub approval_rules: Vec<Value>,
    pub approvals: Value,
    pub checks: Vec<Value>,
    /// Who may deploy to an environment that is protected.
    pub deployers: Vec<Value>,
    /// Protections by the group, which name tiers.
    pub tiers: Vec<Value>,
    /// Who is in the project, with his access level.
    pub members: Vec<(String, u64)>,
}

pub fn delivery(trigger: &str, status: &Value) -> Value {
    json!({"id": 1, "trigger": trigger, "response_status": status, "url": "https://countersign.example/hooks/gitlab"})
}

pub fn variable(key: &str, scope: &str, protected: bool) -> Value {
    json!({"key": key, "value": "hidden", "environment_scope": scope, "protected": protected, "masked": true})
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: "18.5.1-ee",
            administrators: vec!["carla".to_owned()],
            project: json!({"allow_pipeline_trigger_approve_deployment": false}),
            namespace: json!({"id": 5, "kind": "group", "full_path": "acme"}),
            environments: Vec::new(),
            hook: json!({"enable_ssl_verification": true, "push_events": true, "merge_requests_events": true,
                "note_events": true, "pipeline_events": true, "job_events": true, "deployment_events": true}),
            deliveries: vec![delivery("pipeline_events", &json!("202"))],
            group_hooks: Vec::new(),
            variables: vec![variable("DEPLOY_KEY", "production", true)],
            group_variables: Vec::new(),
            branches: vec![
                json!({"name": "main", "push_access_levels": [{"access_level": 0, "access_level_description": "No one"}],
                "merge_access_levels": [{"access_level": 40, "access_level_description": "Maintainers"}], "allow_force_push": false}),
            ],
            approval_rules: vec![
                json!({"name": "All Members", "rule_type": "any_approver", "approvals_required": 1, "protected_branches": []}),
            ],
            approvals: json!({"merge_requests_author_approval": false, "merge_requests_disable_committers_approval": true,
                "reset_approvals_on_push": true}),
            checks: Vec::new(),
            deployers: Vec::new(),
            tiers: Vec::new(),
            members: Vec::new(),
        }
    }
}

impl Settings {
    /// The project as whoever has this role in it is shown it.
    pub fn project(&self, role: u64) -> Value {
        let mut project = json!({"id": PROJECT_ID, "path_with_namespace": PROJECT, "default_branch": "main",
            "namespace": self.namespace, "permissions": {"project_access": {"access_level": role}, "group_access": null}});
        for (name, value) in self.project.as_object().unwrap() {
            project[name] = value.clone();
        }
        project
    }

    /// What maintainers see of the project, where the plan has it.
    pub fn of_project(&self, what: &str, world: &World) -> Result<Value, Reply> {
        let from = match what {
            "external_status_checks" => Plan::Ultimate,
            "protected_environments" | "approval_rules" | "approvals" => Plan::Premium,
            _ => Plan::Free,
        };
        if world.role < 40 {
            return Err(reply(403, &json!({"message": "403 Forbidden"})));
        }
        if world.plan < from {
            return Err(missing("Page"));
        }
        Ok(match what {
            "variables" => json!(self.variables),
            "protected_branches" => json!(self.branches),
            "approval_rules" => json!(self.approval_rules),
            "approvals" => self.approvals.clone(),
            "external_status_checks" => json!(self.checks),
            _ => {
                let one = |(name, count): (&String, &u64)| {
                    let rules = world.rules.get(name).map(Vec::as_slice).unwrap_or_default();
                    let rules: Vec<Value> = rules.iter().map(|rule| world.rule(rule)).collect();
                    json!({"name": name, "required_approval_count": count, "approval_rules": rules,
                        "deploy_access_levels": self.deployers})
                };
                world.protected.iter().map(one).collect()
            }
        })
    }

    /// What owners see of the group, where the plan has it.
    pub fn of_group(&self, what: &str, world: &World) -> Result<Vec<Value>, Reply> {
        if world.role < 40 {
            return Err(reply(403, &json!({"message": "403 Forbidden"})));
        }
        match what {
            "variables" => Ok(self.group_variables.clone()),
            _ if world.plan < Plan::Premium => Err(missing("Page")),
            "hooks" => Ok(self.group_hooks.clone()),
            _ => Ok(self.tiers.clone()),
        }
    }
}
