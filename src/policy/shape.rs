//! The form of a policy, stated once: what is checked, what editors complete
//! and what the schema says all come from the same description.

use serde_json::{Map, Value as Json, json};

use super::diagnostics::{Code, Diagnostic, Span};
use super::duration;
use super::expression::nearest;
use super::tree::{Node, Value};

/// The form of a value.
#[derive(Debug)]
pub enum Shape {
    /// `true` or `false`.
    Flag,
    /// A number from the first to the second, both included.
    Number(f64, f64),
    /// A text of a form.
    Text(Form),
    /// One of these words.
    Word(&'static [&'static str]),
    /// One text, or a list of texts.
    Texts(Form),
    /// One of these words, or a list of them.
    Words(&'static [&'static str]),
    /// A map with these keys.
    Map(&'static [Field]),
    /// A map from names that the policy chooses.
    Named(&'static Shape),
    /// A map from texts of any form.
    Keyed(&'static Shape),
    /// A list.
    List(&'static Shape),
    /// Any of these forms.
    Either(&'static [Shape]),
}

/// The form of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text that is not blank.
    Any,
    /// A condition or a calculation in CEL.
    Expression,
    /// A glob over paths below a folder.
    Glob,
    /// A length of time: `90s`, `15min`, `4h`, `2d`.
    Duration,
    /// A length of time by the clock, or in business hours or days: `4h`, `4bh`, `5bd`, `180d`.
    Term,
    /// How long records are kept: `30d`, `6mo`, `7y`.
    Period,
    /// A date, or a date and time: `2026-12-18T17:00`.
    Instant,
    /// A SHA-256 digest, 64 hexadecimal digits.
    Sha256,
    /// The name of something that the policy defines.
    Name(Section),
}

/// The sections whose names others refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the sections")]
pub enum Section {
    Environments,
    Components,
    Roles,
    Gates,
    StandardChanges,
    Routes,
}

impl Section {
    /// Every section whose names others refer to.
    pub const ALL: [Self; 6] =
        [Self::Environments, Self::Components, Self::Roles, Self::Gates, Self::StandardChanges, Self::Routes];

    /// The key under which the names are defined.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Environments => "environments",
            Self::Components => "components",
            Self::Roles => "roles",
            Self::Gates => "gates",
            Self::StandardChanges => "standard_changes",
            Self::Routes => "routes",
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Environments => "environment",
            Self::Components => "component",
            Self::Roles => "role",
            Self::Gates => "gate",
            Self::StandardChanges => "standard change",
            Self::Routes => "route",
        }
    }
}

/// The names that a policy defines, over all its layers.
#[derive(Clone, Debug, Default)]
pub struct Names {
    defined: Vec<(Section, String)>,
    /// The teams that components name.
    teams: Vec<String>,
    people: Vec<String>,
    /// Whether a weight adds to the risk score, and whether a band makes an impact of it.
    scored: (bool, bool),
}

impl Names {
    /// The names that some trees define.
    #[must_use]
    pub fn of(trees: &[Node]) -> Self {
        let mut defined = Vec::new();
        for section in Section::ALL {
            for (key, _) in trees.iter().filter_map(|tree| tree.get(section.key())).flat_map(Node::entries) {
                let name = (section, key.name.clone());
                if !defined.contains(&name) {
                    defined.push(name);
                }
            }
        }
        let components = trees.iter().filter_map(|tree| tree.get("components")).flat_map(Node::entries);
        let mut teams: Vec<String> =
            components.filter_map(|(_, node)| node.get("team")?.text().map(str::to_owned)).collect();
        teams.sort_unstable();
        teams.dedup();
        let keys = |path: [&str; 2]| {
            let [section, key] = path;
            trees.iter().filter_map(move |tree| tree.get(section)?.get(key)).any(|node| !node.entries().is_empty())
        };
        let people = trees.iter().filter_map(|tree| tree.get("people")).flat_map(Node::entries);
        let people = people.map(|(key, _)| key.name.clone()).collect();
        Self { defined, teams, people, scored: (keys(["risk", "weights"]), keys(["risk", "impact"])) }
    }

    /// Whether a weight adds to the risk score.
    pub(super) fn has_score(&self) -> bool {
        self.scored.0
    }

    /// Whether a band makes an impact of the risk score.
    pub(super) fn has_impact(&self) -> bool {
        self.scored.0 && self.scored.1
    }

    /// The people that the policy names, in its order.
    pub(super) fn people(&self) -> impl Iterator<Item = &str> {
        self.people.iter().map(String::as_str)
    }

    /// The teams that components name.
    pub(super) fn teams(&self) -> impl Iterator<Item = &str> {
        self.teams.iter().map(String::as_str)
    }

    /// The same with names that stand in no file.
    pub(super) fn with(mut self, section: Section, names: Vec<String>) -> Self {
        self.defined.extend(names.into_iter().map(|name| (section, name)));
        self
    }

    /// The names of a section, in the order of the policy.
    pub fn all(&self, section: Section) -> impl Iterator<Item = &str> {
        self.defined.iter().filter(move |(of, _)| *of == section).map(|(_, name)| name.as_str())
    }

    /// Whether a section defines a name.
    #[must_use]
    pub fn has(&self, section: Section, name: &str) -> bool {
        self.all(section).any(|known| known == name)
    }

    /// A complaint about a name that a section does not define.
    pub(super) fn unknown(&self, section: Section, name: &str, span: Span) -> Diagnostic {
        let known: Vec<&str> = self.all(section).collect();
        let hint = match nearest(name, &known) {
            Some(near) => format!("; did you mean `{near}`?"),
            None if known.is_empty() => format!("; define it under `{}`", section.key()),
            None => format!("; there are {}", one_of(known.get(..8).unwrap_or(&known))),
        };
        Diagnostic::new(Code::UnknownName, span, format!("there is no {} `{name}`{hint}", section.one()))
    }
}

/// One key of a map.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// The form of its value.
    pub shape: &'static Shape,
    /// What it means.
    pub meaning: &'static str,
    /// Whether it must be there.
    pub needed: bool,
}

/// A key that may be there.
#[must_use]
pub const fn may(name: &'static str, shape: &'static Shape, meaning: &'static str) -> Field {
    Field { name, shape, meaning, needed: false }
}

/// A key that must be there.
#[must_use]
pub const fn must(name: &'static str, shape: &'static Shape, meaning: &'static str) -> Field {
    Field { name, shape, meaning, needed: true }
}

impl Shape {
    /// The keys of a map; none of anything else, of a map from names in particular.
    #[must_use]
    pub fn fields(&self) -> &'static [Field] {
        match self {
            Self::Map(fields) => fields,
            _ => &[],
        }
    }

    /// Complains about everything in a value that is not of this form.
    pub fn check(&self, node: &Node, what: &str, names: &Names, complaints: &mut Vec<Diagnostic>) {
        match (self, &node.value) {
            (Self::Flag, Value::Flag(_)) => {}
            (Self::Number(least, most), Value::Number(number)) => {
                if !(least..=most).contains(&number) {
                    complaints.push(wrong(node, format!("`{what}` is from {least} to {most}, not {number}")));
                }
            }
            (Self::Text(form) | Self::Texts(form), Value::Text(text)) => {
                form.check(text, node.span, what, names, complaints);
            }
            (Self::Texts(form), Value::List(items)) => {
                for item in items {
                    Self::Text(*form).check(item, what, names, complaints);
                }
            }
            (Self::Word(words) | Self::Words(words), Value::Text(text)) => {
                word(words, text, node.span, what, complaints);
            }
            (Self::Words(words), Value::List(items)) => {
                for item in items {
                    Self::Word(words).check(item, what, names, complaints);
                }
            }
            (Self::Map(fields), Value::Map(_)) => map(fields, node, what, names, complaints),
            (Self::Named(shape), Value::Map(entries)) => {
                for (key, item) in entries {
                    name(&key.name, key.span, what, complaints);
                    shape.check(item, &key.name, names, complaints);
                }
            }
            (Self::Keyed(shape), Value::Map(entries)) => {
                for (key, item) in entries {
                    shape.check(item, &key.name, names, complaints);
                }
            }
            (Self::List(shape), Value::List(items)) => {
                for item in items {
                    shape.check(item, what, names, complaints);
                }
            }
            (Self::Either(shapes), _) => either(shapes, node, what, names, complaints),
            _ => complaints.push(wrong(
                node,
                format!("`{what}` is {}, not {}{}", self.title(), node.value.title(), self.slip(&node.value)),
            )),
        }
    }

    /// What people call a value of this form.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Number(..) => "a number".to_owned(),
            Self::Text(form) => form.title().to_owned(),
            Self::Texts(form) => format!("{} or a list of them", form.title()),
            Self::Word(words) => one_of(words),
            Self::Words(words) => format!("{} or a list of them", one_of(words)),
            Self::Map(fields) => {
                let keys: Vec<_> = fields.iter().take(4).map(|field| format!("`{}`", field.name)).collect();
                format!("a map with {}", keys.join(", "))
            }
            Self::Named(_) | Self::Keyed(_) => "a map from names".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Either(shapes) => shapes.iter().map(Self::title).collect::<Vec<_>>().join(", or "),
        }
    }

    /// A hint at a slip that is easy to make.
    fn slip(&self, value: &Value) -> String {
        match (self, value) {
            (Self::Flag, Value::Text(text))
                if ["yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str()) =>
            {
                "; YAML 1.2 has only `true` and `false`".to_owned()
            }
            (Self::Text(form) | Self::Texts(form), Value::Number(number)) if form.unit().is_some() => {
                form.unit_of(&number.to_string())
            }
            (Self::Text(form) | Self::Texts(form), Value::Number(_) | Value::Flag(_)) if form.is_free() => {
                "; put it in quotes".to_owned()
            }
            // What goes to 100 is in percent already.
            (Self::Number(_, most), Value::Text(text)) if most.to_bits() == 100.0_f64.to_bits() => {
                let percent = text.trim().strip_suffix('%').filter(|rest| rest.trim().parse::<f64>().is_ok());
                percent.map_or_else(String::new, |percent| format!("; write `{}`", percent.trim()))
            }
            (Self::Map(fields), Value::Text(text)) => spaceless(fields, text),
            _ => String::new(),
        }
    }

    /// The JSON Schema (2020-12) of this form.
    #[must_use]
    pub fn schema(&self) -> Json {
        match self {
            Self::Flag => json!({"type": "boolean"}),
            Self::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
            Self::Text(form) => form.schema(),
            Self::Texts(form) => json!({"oneOf": [form.schema(), {"type": "array", "items": form.schema()}]}),
            Self::Word(words) => json!({"enum": words}),
            Self::Words(words) => json!({"oneOf": [{"enum": words}, {"type": "array", "items": {"enum": words}}]}),
            Self::Map(fields) => {
                let mut properties = Map::new();
                for field in *fields {
                    let mut schema = field.shape.schema();
                    if let Some(schema) = schema.as_object_mut() {
                        schema.insert("description".to_owned(), json!(field.meaning));
                    }
                    properties.insert(field.name.to_owned(), schema);
                }
                let needed: Vec<_> = fields.iter().filter(|field| field.needed).map(|field| field.name).collect();
                let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
                if let (Some(schema), false) = (schema.as_object_mut(), needed.is_empty()) {
                    schema.insert("required".to_owned(), json!(needed));
                }
                schema
            }
            Self::Named(shape) => json!({
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"},
                "additionalProperties": shape.schema(),
            }),
            Self::Keyed(shape) => json!({"type": "object", "additionalProperties": shape.schema()}),
            Self::List(shape) => json!({"type": "array", "items": shape.schema()}),
            Self::Either(shapes) => json!({"anyOf": shapes.iter().map(Self::schema).collect::<Vec<_>>()}),
        }
    }
}

impl Form {
    fn title(self) -> &'static str {
        match self {
            Self::Any => "a text",
            Self::Expression => "an expression",
            Self::Glob => "a glob such as `\"**/*.sarif\"`",
            Self::Duration => "a length of time such as `24h`",
            Self::Term => "a length of time such as `4h`, `4bh` or `5bd`",
            Self::Period => "a period such as `30d` or `7y`",
            Self::Instant => "a date and time such as `2026-12-18T17:00`",
            Self::Sha256 => "a SHA-256 digest of 64 hexadecimal digits",
            Self::Name(section) => match section {
                Section::Environments => "the name of an environment",
                Section::Components => "the name of a component",
                Section::Roles => "the name of a role",
                Section::Gates => "the name of a gate",
                Section::StandardChanges => "the name of a standard change",
                Section::Routes => "the name of a route",
            },
        }
    }

    /// A unit that is usual for a length of time.
    fn unit(self) -> Option<&'static str> {
        match self {
            Self::Duration | Self::Term => Some("h"),
            Self::Period => Some("d"),
            _ => None,
        }
    }

    fn unit_of(self, number: &str) -> String {
        format!("; a number needs its unit, such as `{number}{}`", self.unit().unwrap_or_default())
    }

    /// Whether any text is one of this form.
    fn is_free(self) -> bool {
        matches!(self, Self::Any | Self::Expression | Self::Glob | Self::Name(_))
    }

    /// A hint at a slip in a text.
    fn slip(self, text: &str) -> String {
        let text = text.trim();
        match self {
            Self::Duration | Self::Term | Self::Period if text.parse::<f64>().is_ok_and(f64::is_finite) => {
                self.unit_of(text)
            }
            Self::Duration if duration::is_business(text) => "; this one is counted by the clock".to_owned(),
            Self::Instant => super::instant::slip(text),
            _ => String::new(),
        }
    }

    fn fits(self, text: &str) -> bool {
        match self {
            Self::Any | Self::Expression | Self::Glob | Self::Name(_) => !text.trim().is_empty(),
            Self::Duration => duration::seconds(text).is_some(),
            Self::Term => duration::seconds(text).is_some() || duration::is_business(text),
            Self::Period => duration::is_period(text),
            Self::Instant => super::instant::parse(text).is_some(),
            Self::Sha256 => text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        }
    }

    fn check(self, text: &str, span: Span, what: &str, names: &Names, complaints: &mut Vec<Diagnostic>) {
        match self {
            _ if !self.fits(text) => {
                let found = if text.trim().is_empty() { "blank".to_owned() } else { format!("`{text}`") };
                complaints.push(Diagnostic::new(
                    Code::WrongForm,
                    span,
                    format!("`{what}` is {}, not {found}{}", self.title(), self.slip(text)),
                ));
            }
            Self::Name(section) if !names.has(section, text) => complaints.push(names.unknown(section, text, span)),
            _ => {}
        }
    }

    fn schema(self) -> Json {
        match self {
            Self::Any | Self::Expression | Self::Glob | Self::Name(_) => json!({"type": "string", "pattern": "\\S"}),
            Self::Duration => json!({"type": "string", "pattern": "^([0-9.]+(ms|s|min|m|h|d|w))+$"}),
            Self::Term => json!({"type": "string", "pattern": "^([0-9.]+(ms|s|min|m|h|d|w))+$|^[0-9]+(bh|bd)$"}),
            Self::Period => json!({"type": "string", "pattern": "^[0-9]+(d|w|mo|y)$"}),
            Self::Instant => json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"}),
            Self::Sha256 => json!({"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"}),
        }
    }
}

/// A hint at a key that has no space after its colon, so that YAML reads one text.
fn spaceless(fields: &[Field], text: &str) -> String {
    let known = |key: &&str| fields.iter().any(|field| field.name == *key);
    match text.split_once(':') {
        Some((key, value)) if known(&key.trim()) => {
            let value = value.split_whitespace().next().unwrap_or("…");
            format!("; a space follows the colon: `{}: {value}`", key.trim())
        }
        _ => String::new(),
    }
}

fn wrong(node: &Node, message: String) -> Diagnostic {
    Diagnostic::new(Code::WrongForm, node.span, message)
}

/// The name of a place in a policy: its key, or the whole.
fn named(what: &str) -> String {
    if what == "the policy" { what.to_owned() } else { format!("`{what}`") }
}

fn one_of(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn word(words: &[&str], text: &str, span: Span, what: &str, complaints: &mut Vec<Diagnostic>) {
    if !words.contains(&text) {
        let hint = nearest(text, words).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        complaints.push(Diagnostic::new(
            Code::WrongForm,
            span,
            format!(
                "`{what}` is {}{}, not `{text}`{hint}",
                if words.len() == 1 { "" } else { "one of " },
                one_of(words)
            ),
        ));
    }
}

/// Names stand in tables, outputs and file names, so they are plain.
fn name(text: &str, span: Span, what: &str, complaints: &mut Vec<Diagnostic>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty()
        || text.len() > 100
        || !text.chars().all(plain)
        || !text.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        complaints.push(Diagnostic::new(
            Code::WrongForm,
            span,
            format!(
                "a name in `{what}` has up to 100 letters, digits, `-`, `_` and `.`, and begins with a letter or digit; `{text}` does not"
            ),
        ));
    }
}

fn map(fields: &[Field], node: &Node, what: &str, names: &Names, complaints: &mut Vec<Diagnostic>) {
    for (key, item) in node.entries() {
        if let Some(field) = fields.iter().find(|field| field.name == key.name) {
            if let (Shape::Number(least, most), false) = (field.shape, matches!(item.value, Value::Number(_)))
                && least < most
            {
                // A number alone does not say of what.
                let (title, slip) = (item.value.title(), field.shape.slip(&item.value));
                let message = format!("`{}` is a number ({}), not {title}{slip}", field.name, field.meaning);
                complaints.push(wrong(item, message));
                continue;
            }
            field.shape.check(item, field.name, names, complaints);
            continue;
        }
        let known: Vec<_> = fields.iter().map(|field| field.name).collect();
        let hint = match (spaceless(fields, &key.name), nearest(&key.name, &known)) {
            (hint, _) if !hint.is_empty() => hint,
            (_, Some(near)) => format!("; did you mean `{near}`?"),
            _ => format!("; there are {}", one_of(&known)),
        };
        complaints.push(Diagnostic::new(
            Code::UnknownKey,
            key.span,
            format!("{} has no key `{}`{hint}", named(what), key.name),
        ));
    }
    for field in fields.iter().filter(|field| field.needed) {
        if node.get(field.name).is_none() {
            complaints.push(Diagnostic::new(
                Code::MissingKey,
                node.span,
                format!("{} needs the key `{}`: {}", named(what), field.name, field.meaning),
            ));
        }
    }
}

/// Takes the form that the value comes nearest to, so that its complaints help.
fn either(shapes: &[Shape], node: &Node, what: &str, names: &Names, complaints: &mut Vec<Diagnostic>) {
    let mut best: Option<Vec<Diagnostic>> = None;
    for shape in shapes {
        let mut found = Vec::new();
        shape.check(node, what, names, &mut found);
        if found.is_empty() {
            return;
        }
        let inside = |list: &[Diagnostic]| list.iter().all(|diagnostic| diagnostic.span != node.span);
        if inside(&found) && best.as_ref().is_none_or(|best| best.len() > found.len()) {
            best = Some(found);
        }
    }
    if let Some(found) = best {
        complaints.extend(found);
        return;
    }
    let slip = shapes.iter().map(|shape| shape.slip(&node.value)).find(|slip| !slip.is_empty());
    let (title, slip) = (node.value.title(), slip.unwrap_or_default());
    complaints.push(wrong(node, format!("`{what}` is {}, not {title}{slip}", Shape::either_title(shapes))));
}

impl Shape {
    fn either_title(shapes: &[Self]) -> String {
        shapes.iter().map(Self::title).collect::<Vec<_>>().join(", or ")
    }
}
