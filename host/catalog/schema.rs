//! Checks a plugin's settings against the schema in its descriptor.
//!
//! The subset of JSON Schema 2020-12 that plugins may use: an object with `properties`, `required` and
//! `additionalProperties: false` (always meant); property types `string`, `integer`, `number`, `boolean`, `array` of
//! strings, `object` of strings or with `properties`, or `oneOf` of these; `enum`, `const`, `default`, `minimum`,
//! `maximum`, `minLength`, `maxLength`, `minItems`, `maxItems`, `pattern` (unanchored, as `regex-lite` reads it), `format: uri`; `title` and `description` for people. A
//! keyword outside it makes the schema invalid, so that nothing is silently not checked.

use serde_json::{Map, Value};

/// A schema that passed [`Schema::parse`].
#[derive(Clone, Debug)]
pub struct Schema {
    root: Value,
}

/// One thing that is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as a path (`owner.from`).
    pub setting: String,
    /// What is wrong and what would be right.
    pub message: String,
}

const KEYWORDS: [&str; 21] = [
    "$schema",
    "type",
    "title",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "enum",
    "const",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "items",
    "oneOf",
    "format",
    "examples",
    "pattern",
];

/// Depth of nested schemas.
const DEPTH_MAX: usize = 6;

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// What in it is outside the subset.
    pub fn parse(text: &str) -> Result<Self, String> {
        let root: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        if root.get("type").and_then(Value::as_str) != Some("object") {
            return Err("its type is not `object`".to_owned());
        }
        within_subset(&root, "", 0)?;
        Ok(Self { root })
    }

    /// The settings it describes, in the order written.
    pub fn properties(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.root.get("properties").and_then(Value::as_object).into_iter().flatten()
    }

    /// Whether a setting must be given.
    pub fn requires(&self, setting: &str) -> bool {
        required(&self.root).any(|name| name == setting)
    }

    /// Checks settings and fills in defaults.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self, settings: &Map<String, Value>) -> Result<Map<String, Value>, Vec<Problem>> {
        let mut filled = settings.clone();
        for (name, property) in self.properties() {
            if let (Some(default), false) = (property.get("default"), filled.contains_key(name)) {
                filled.insert(name.clone(), default.clone());
            }
        }
        let mut problems = Vec::new();
        check(&self.root, &Value::Object(filled.clone()), "", &mut problems);
        if problems.is_empty() { Ok(filled) } else { Err(problems) }
    }
}

fn within_subset(schema: &Value, path: &str, depth: usize) -> Result<(), String> {
    let object = schema.as_object().ok_or_else(|| format!("`{path}` is no schema"))?;
    if depth > DEPTH_MAX {
        return Err(format!("`{path}` is nested deeper than {DEPTH_MAX}"));
    }
    if let Some(keyword) = object.keys().find(|keyword| !KEYWORDS.contains(&keyword.as_str())) {
        return Err(format!("`{path}` uses `{keyword}`, which is outside the subset that hosts check"));
    }
    if let Some(pattern) = object.get("pattern").and_then(Value::as_str)
        && let Err(error) = regex_lite::Regex::new(pattern)
    {
        return Err(format!("`{path}` has a pattern that cannot be used: {error}"));
    }
    for (name, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
        within_subset(property, &join(path, name), depth + 1)?;
    }
    for alternative in object.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        within_subset(alternative, path, depth + 1)?;
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner @ Value::Object(_)) = object.get(key) {
            within_subset(inner, path, depth + 1)?;
        }
    }
    Ok(())
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn check(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let mut wrong = |message: String| problems.push(Problem { setting: path.to_owned(), message });
    if let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) {
        let fits = |alternative: &&Value| {
            let mut own = Vec::new();
            check(alternative, value, path, &mut own);
            own.is_empty()
        };
        if alternatives.iter().filter(fits).count() != 1 {
            let forms: Vec<String> = alternatives.iter().map(form).collect();
            wrong(format!("must be {}", forms.join(" or ")));
        }
        return;
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<String> = allowed.iter().map(|value| format!("`{}`", plain(value))).collect();
        return wrong(format!("must be one of {}", allowed.join(", ")));
    }
    if let Some(only) = schema.get("const")
        && only != value
    {
        return wrong(format!("must be `{}`", plain(only)));
    }
    let kind = schema.get("type").and_then(Value::as_str);
    let fits = match kind {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !fits {
        return wrong(format!("must be {}", form(schema)));
    }
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let mut in_bounds = |size: f64, least: &str, most: &str, what: &str| {
        if bound(least).is_some_and(|least| size < least) {
            wrong(format!("{what} must be at least {}", bound(least).unwrap_or_default()));
        }
        if bound(most).is_some_and(|most| size > most) {
            wrong(format!("{what} must be at most {}", bound(most).unwrap_or_default()));
        }
    };
    match value {
        Value::Number(number) => in_bounds(number.as_f64().unwrap_or_default(), "minimum", "maximum", "it"),
        Value::String(text) => {
            in_bounds(text.chars().count() as f64, "minLength", "maxLength", "its length");
            if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
                && !regex_lite::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
            {
                wrong(format!("`{text}` does not fit `{pattern}`"));
            }
            if schema.get("format").and_then(Value::as_str) == Some("uri") && url::Url::parse(text).is_err() {
                wrong(format!("`{text}` is no URL; write `https://archive.example.com`"));
            }
        }
        Value::Array(entries) => {
            in_bounds(entries.len() as f64, "minItems", "maxItems", "its number of entries");
            if let Some(items) = schema.get("items") {
                for (index, entry) in entries.iter().enumerate() {
                    check(items, entry, &format!("{path}[{index}]"), problems);
                }
            }
        }
        Value::Object(members) => check_object(schema, members, path, problems),
        Value::Null | Value::Bool(_) => {}
    }
}

fn check_object(schema: &Value, members: &Map<String, Value>, path: &str, problems: &mut Vec<Problem>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for name in required(schema).filter(|name| !members.contains_key(*name)) {
        let description = properties
            .and_then(|properties| properties.get(name)?.get("description")?.as_str())
            .map_or_else(String::new, |description| format!(": {description}"));
        problems.push(Problem { setting: join(path, name), message: format!("is missing{description}") });
    }
    for (name, member) in members {
        match (properties.and_then(|properties| properties.get(name)), schema.get("additionalProperties")) {
            (Some(property), _) => check(property, member, &join(path, name), problems),
            (None, Some(inner @ Value::Object(_))) => check(inner, member, &join(path, name), problems),
            (None, _) => {
                let known: Vec<String> =
                    properties.into_iter().flat_map(Map::keys).map(|name| format!("`{name}`")).collect();
                problems.push(Problem {
                    setting: join(path, name),
                    message: format!("is not a setting of this plugin; it knows {}", known.join(", ")),
                });
            }
        }
    }
}

fn form(schema: &Value) -> String {
    if let Some(only) = schema.get("const") {
        return format!("`{}`", plain(only));
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => "text in quotes".to_owned(),
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("array") => "a list: `[\"…\"]`".to_owned(),
        Some("object") => {
            let names: Vec<&str> = required(schema).collect();
            format!("a table: `{{ {} = … }}`", names.first().copied().unwrap_or("…"))
        }
        _ => "another value".to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    const SCHEMA: &str = r#"{ "type": "object", "required": ["site"], "properties": {
        "site": { "type": "string", "format": "uri", "description": "where the service is" },
        "size": { "type": "integer", "minimum": 1, "maximum": 9, "default": 5 },
        "code": { "type": "string", "pattern": "^[a-z]+$" },
        "order": { "type": "string", "enum": ["dmy", "mdy"] },
        "list": { "type": "array", "items": { "type": "string", "maxLength": 3 } },
        "owner": { "oneOf": [{ "type": "string" }, { "type": "object", "required": ["from"], "properties": { "from": { "const": "folder" } } }] }
    } }"#;

    fn check(settings: &str) -> Result<Map<String, Value>, Vec<String>> {
        let schema = Schema::parse(SCHEMA).unwrap();
        let settings = serde_json::from_str(settings).unwrap();
        schema
            .check(&settings)
            .map_err(|problems| problems.into_iter().map(|p| format!("{} {}", p.setting, p.message)).collect())
    }

    #[test]
    fn settings_pass_with_defaults_or_say_what_is_wrong() {
        assert_eq!(check(r#"{"site":"https://a.example"}"#).unwrap()["size"], 5);
        check(r#"{"site":"https://a.example","size":9,"order":"mdy","list":["a"],"owner":{"from":"folder"}}"#).unwrap();
        check(r#"{"site":"https://a.example","owner":"a@b.c"}"#).unwrap();
        for (settings, expect) in [
            ("{}", "site is missing: where the service is"),
            (r#"{"site":"nonsense"}"#, "site `nonsense` is no URL"),
            (r#"{"site":1}"#, "site must be text in quotes"),
            (r#"{"site":"https://a","size":10}"#, "size it must be at most 9"),
            (r#"{"site":"https://a","size":"1"}"#, "size must be a whole number"),
            (r#"{"site":"https://a","order":"ymd"}"#, "order must be one of `dmy`, `mdy`"),
            (r#"{"site":"https://a","code":"A1"}"#, "code `A1` does not fit `^[a-z]+$`"),
            (r#"{"site":"https://a","list":["abcd"]}"#, "list[0] its length must be at most 3"),
            (r#"{"site":"https://a","owner":{"from":"x"}}"#, "owner must be text in quotes or a table"),
            (r#"{"site":"https://a","colour":1}"#, "colour is not a setting of this plugin; it knows `"),
        ] {
            let problems = check(settings).unwrap_err();
            assert!(problems[0].starts_with(expect), "{settings}: {problems:?}");
        }
    }

    #[test]
    fn a_schema_outside_the_subset_is_refused() {
        for (schema, expect) in [
            ("[]", "its type is not `object`"),
            ("{", "it is no JSON"),
            (r#"{"type":"object","allOf":[]}"#, "uses `allOf`"),
            (r#"{"type":"object","properties":{"a":{"$ref":"x"}}}"#, "`a` uses `$ref`"),
        ] {
            assert!(Schema::parse(schema).unwrap_err().contains(expect), "{schema}");
        }
    }
}
