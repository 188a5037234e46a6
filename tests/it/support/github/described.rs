//! GitHub's own descriptions of its interfaces, where `./tests/run` installed them: OpenAPI for REST, the schema for
//! GraphQL. Without them nothing is compared, and with `TEST_WHOLE` that is a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

use super::Asked;
use super::graphql::{self, Document, Field, Selection};

/// A file of an installed npm package.
pub fn package(path: &str) -> Option<PathBuf> {
    let tools = std::env::var_os("TOOLS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools"), PathBuf::from);
    let file = tools.join("npm/node_modules").join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var_os("TEST_WHOLE").is_none(), "{} is not here", file.display());
    eprintln!("skipped: {} is not installed; `./tests/run unit` brings it", file.display());
    None
}

fn read(path: &str) -> Option<Value> {
    Some(serde_json::from_slice(&std::fs::read(package(path)?).unwrap()).unwrap())
}

fn rest() -> Option<&'static Value> {
    static REST: OnceLock<Option<Value>> = OnceLock::new();
    REST.get_or_init(|| read("@octokit/openapi/generated/api.github.com.json")).as_ref()
}

/// Types by name, each with its fields by name.
type Types = BTreeMap<String, BTreeMap<String, Value>>;

struct Schema {
    fields: Types,
    /// The types that stand for an interface or a union.
    possible: BTreeMap<String, BTreeSet<String>>,
    enums: BTreeMap<String, BTreeSet<String>>,
}

fn schema() -> Option<&'static Schema> {
    static SCHEMA: OnceLock<Option<Schema>> = OnceLock::new();
    SCHEMA
        .get_or_init(|| {
            let whole = read("@octokit/graphql-schema/schema.json")?;
            let types = whole.pointer("/data/__schema/types").or(whole.pointer("/__schema/types")).unwrap();
            let named = |list: &Value| -> BTreeSet<String> {
                list.as_array().into_iter().flatten().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
            };
            let mut schema = Schema { fields: BTreeMap::new(), possible: BTreeMap::new(), enums: BTreeMap::new() };
            for kind in types.as_array().unwrap() {
                let name = kind["name"].as_str().unwrap().to_owned();
                let fields = kind["fields"].as_array().into_iter().flatten();
                let fields = fields.map(|field| (field["name"].as_str().unwrap().to_owned(), field.clone())).collect();
                schema.fields.insert(name.clone(), fields);
                schema.possible.insert(name.clone(), named(&kind["possibleTypes"]));
                schema.enums.insert(name, named(&kind["enumValues"]));
            }
            Some(schema)
        })
        .as_ref()
}

/// What is wrong with a request by GitHub's own description.
pub fn wrong(asked: &Asked) -> Option<String> {
    if asked.path == "/api/graphql" {
        let document = graphql::read(asked.body["query"].as_str()?);
        return wrong_question(&document, &asked.body["variables"]);
    }
    wrong_request(asked)
}

fn wrong_request(asked: &Asked) -> Option<String> {
    let whole = rest()?;
    let path = asked.path.strip_prefix("/api/v3")?;
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        // The path of a file has as many parts as it has.
        let deep = wanted.last() == Some(&"{path}") && parts.len() > wanted.len();
        (deep || wanted.len() == parts.len())
            && wanted.iter().zip(&parts).all(|(want, part)| want.starts_with('{') && !part.is_empty() || want == part)
    };
    let method = asked.method.to_ascii_lowercase();
    // What is written out in a template goes before what stands for anything.
    let found = whole["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(template, item)| fits(template) && item.get(&method).is_some())
        .min_by_key(|(template, _)| template.matches('{').count());
    let Some((template, item)) = found else { return Some(format!("no {method} {path}")) };
    let operation = &item[&method];
    let mut known = BTreeSet::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolve(whole, parameter);
        if parameter["in"] == "query" {
            let name = parameter["name"].as_str().unwrap();
            known.insert(name);
            if let Some(value) = asked.query.get(name) {
                let value = value.parse::<i64>().map_or(Value::from(value.as_str()), Value::from);
                if let Some(wrong) = misfit(whole, &parameter["schema"], &value, name) {
                    return Some(wrong);
                }
            }
        }
    }
    // Pages go on with `page` where the description leaves it out.
    if let Some(other) =
        asked.query.keys().find(|name| !(known.contains(name.as_str()) || *name == "page" || *name == "per_page"))
    {
        return Some(format!("{template} has no parameter `{other}`"));
    }
    let body = &operation["requestBody"];
    let schema = body.pointer("/content/application~1json/schema");
    match (schema, asked.body.is_null()) {
        (Some(schema), false) => misfit(whole, schema, &asked.body, "body"),
        (Some(_), true) if body["required"] == true => Some(format!("{template} needs a body")),
        (None, false) => Some(format!("{template} takes no body")),
        _ => None,
    }
}

fn resolve<'s>(whole: &'s Value, schema: &'s Value) -> &'s Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolve(whole, whole.pointer(reference.trim_start_matches('#')).unwrap()),
        None => schema,
    }
}

/// How a value does not fit its JSON schema, as far as GitHub's description uses it for requests.
pub fn misfit(whole: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    let schema = resolve(whole, schema);
    let list = |name: &str| schema[name].as_array().map(Vec::as_slice).unwrap_or_default();
    for part in list("allOf") {
        if let Some(wrong) = misfit(whole, part, value, place) {
            return Some(wrong);
        }
    }
    for name in ["oneOf", "anyOf"] {
        let some = list(name);
        if !some.is_empty() && some.iter().all(|part| misfit(whole, part, value, place).is_some()) {
            return Some(format!("{place} is none of what it may be"));
        }
    }
    if value.is_null() && schema["nullable"] == true {
        return None;
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return Some(format!("{place} is {value}, and not one of {values:?}"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &&str| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        return Some(format!("{place} is {value}, and not {kinds:?}"));
    }
    if let Some(most) = schema["maxLength"].as_u64()
        && value.as_str().is_some_and(|text| text.chars().count() as u64 > most)
    {
        return Some(format!("{place} is longer than {most}"));
    }
    if let Some(most) = schema["maxItems"].as_u64()
        && value.as_array().is_some_and(|list| list.len() as u64 > most)
    {
        return Some(format!("{place} has more than {most} entries"));
    }
    if let Some(object) = value.as_object() {
        for name in list("required").iter().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                return Some(format!("{place} lacks `{name}`"));
            }
        }
        if let Some(properties) = schema["properties"].as_object() {
            for (name, inner) in object {
                match properties.get(name) {
                    Some(schema) => {
                        if let Some(wrong) = misfit(whole, schema, inner, &format!("{place}.{name}")) {
                            return Some(wrong);
                        }
                    }
                    None if schema["additionalProperties"].is_object() || schema["additionalProperties"] == true => {}
                    None => return Some(format!("{place} has no `{name}`")),
                }
            }
        }
    }
    let items = value.as_array().into_iter().flatten().enumerate();
    items
        .filter(|_| schema.get("items").is_some())
        .find_map(|(at, item)| misfit(whole, &schema["items"], item, &format!("{place}[{at}]")))
}

fn wrong_question(document: &Document, variables: &Value) -> Option<String> {
    let schema = schema()?;
    for (name, kind) in &document.variables {
        if kind.ends_with('!') && variables[name].is_null() {
            return Some(format!("the variable `{name}` is not given"));
        }
    }
    wrong_selection(schema, document, "Query", &document.selection)
}

fn wrong_selection(schema: &Schema, document: &Document, kind: &str, selection: &[Selection]) -> Option<String> {
    let apart = |other: &str| {
        other != kind
            && !schema.possible[kind].contains(other)
            && !schema.possible.get(other).is_some_and(|possible| possible.contains(kind))
    };
    selection.iter().find_map(|part| match part {
        Selection::Field(field) => wrong_field(schema, document, kind, field),
        Selection::On(other, _) if apart(other) => Some(format!("`{kind}` is never `{other}`")),
        Selection::On(other, inner) => wrong_selection(schema, document, other, inner),
        Selection::Fragment(name) => match document.fragments.get(name) {
            None => Some(format!("there is no fragment `{name}`")),
            Some((other, _)) if apart(other) => Some(format!("`{kind}` is never `{other}`")),
            Some((other, inner)) => wrong_selection(schema, document, other, inner),
        },
    })
}

fn wrong_field(schema: &Schema, document: &Document, kind: &str, field: &Field) -> Option<String> {
    if field.name == "__typename" {
        return None;
    }
    let Some(known) = schema.fields[kind].get(&field.name) else {
        return Some(format!("`{kind}` has no `{}`", field.name));
    };
    let arguments: Vec<&Value> = known["args"].as_array().into_iter().flatten().collect();
    for (name, value) in &field.arguments {
        let Some(argument) = arguments.iter().find(|it| it["name"] == name.as_str()) else {
            return Some(format!("`{kind}.{}` takes no `{name}`", field.name));
        };
        if let Some(word) = value["enum"].as_str()
            && !schema.enums[innermost(&argument["type"])].contains(word)
        {
            return Some(format!("`{name}` is never `{word}`"));
        }
    }
    let missing = arguments.iter().find(|it| {
        it["type"]["kind"] == "NON_NULL"
            && it["defaultValue"].is_null()
            && !field.arguments.contains_key(it["name"].as_str().unwrap())
    });
    if let Some(missing) = missing {
        return Some(format!("`{kind}.{}` needs `{}`", field.name, missing["name"]));
    }
    let inner = innermost(&known["type"]);
    let leaf = schema.fields[inner].is_empty() && schema.possible[inner].is_empty();
    if leaf != field.selection.is_empty() {
        return Some(format!("`{kind}.{}` is {}", field.name, if leaf { "a leaf" } else { "no leaf" }));
    }
    wrong_selection(schema, document, inner, &field.selection)
}

fn innermost(kind: &Value) -> &str {
    if kind["ofType"].is_null() { kind["name"].as_str().unwrap() } else { innermost(&kind["ofType"]) }
}

#[test]
fn what_github_does_not_have_is_found() {
    let asked = |method: &str, path: &str, body: Value| Asked {
        at: std::time::Instant::now(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: BTreeMap::new(),
        headers: BTreeMap::new(),
        body,
    };
    if rest().is_none() || schema().is_none() {
        return;
    }
    let path = "/api/v3/repos/o/r/actions/runs/1/deployment_protection_rule";
    let body = serde_json::json!({"environment_name": "production", "state": "approved", "comment": ""});
    assert_eq!(wrong(&asked("POST", path, body)), None);
    for body in [serde_json::json!({"environment_name": 1}), serde_json::json!({"state": "approved"}), Value::Null] {
        assert!(wrong(&asked("POST", path, body.clone())).is_some(), "{body}");
    }
    assert!(wrong(&asked("POST", "/api/v3/repos/o/r/nothing", Value::Null)).is_some());
    for question in
        ["{ repository(owner: \"o\") { id } }", "{ viewer { nothing } }", "{ viewer }", "{ viewer { login { x } } }"]
    {
        let body = serde_json::json!({"query": format!("query() {question}"), "variables": {}});
        assert!(wrong(&asked("POST", "/api/graphql", body)).is_some(), "{question}");
    }
}
