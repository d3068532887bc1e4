//! What a server can be asked for beside its tools: prompts, resources and completions. Code that
//! answers these can do whatever a tool can.

use super::template;
use crate::effect::Surface;
use crate::mcp::{Reference, Request};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most asked for of each kind; a server may list a file for every day of its life.
const EACH: usize = 16;

/// Whom a call is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    Tool,
    Prompt(String),
    /// By its URI.
    Resource(String),
    /// By its URI template (RFC 6570).
    Template(String),
    PromptArgument(String, String),
    TemplateVariable(String, String),
}

/// Something that can be asked for.
pub struct Offer {
    pub asked: Asked,
    /// What its arguments have to be.
    pub schema: Value,
    /// Values worth trying, by argument.
    pub hints: BTreeMap<String, Vec<Value>>,
}

impl Asked {
    /// What its calls go by, where tools go by their names. No tool's name has a space
    /// (2025-11-25, server/tools).
    pub fn name(&self, tool: &str) -> String {
        match self {
            Self::Tool => tool.to_owned(),
            Self::Prompt(name) => format!("prompts/get {name}"),
            Self::Resource(uri) | Self::Template(uri) => format!("resources/read {uri}"),
            Self::PromptArgument(of, argument) | Self::TemplateVariable(of, argument) => {
                format!("completion/complete {of} {argument}")
            }
        }
    }

    /// The request that asks for it.
    pub fn request(&self, tool: &str, arguments: &Value) -> Request {
        match self {
            Self::Tool => Request::tool(tool, arguments),
            Self::Prompt(name) => Request::prompt(name, arguments),
            Self::Resource(uri) => Request::resource(uri),
            Self::Template(uri) => Request::resource(&template::expand(uri, arguments)),
            Self::PromptArgument(of, argument) => {
                Request::completion(Reference::Prompt(of), argument, &arguments[argument])
            }
            Self::TemplateVariable(of, argument) => {
                Request::completion(Reference::Resource(of), argument, &arguments[argument])
            }
        }
    }
}

/// What a surface offers beside its tools, and how much of it is left out.
pub fn offers(surface: &Surface) -> (Vec<Offer>, usize) {
    let completes = !surface.server["capabilities"]["completions"].is_null();
    let mut offers = Vec::new();
    let mut left_out = 0;
    let mut take = |list: Vec<Offer>| {
        left_out += list.len().saturating_sub(EACH);
        offers.extend(list.into_iter().take(EACH));
    };
    // First, for the others to be asked for with what is proposed.
    if completes {
        let of_prompts = surface.prompts.iter().flat_map(prompt_arguments);
        let of_templates = surface
            .resource_templates
            .iter()
            .flat_map(template_variables);
        take(of_prompts.chain(of_templates).collect());
    }
    take(surface.prompts.iter().filter_map(prompt).collect());
    take(surface.resources.iter().filter_map(resource).collect());
    take(
        surface
            .resource_templates
            .iter()
            .filter_map(by_template)
            .collect(),
    );
    let mut known = BTreeSet::new();
    offers.retain(|offer| known.insert(offer.asked.name("")));
    (offers, left_out)
}

fn prompt(prompt: &Value) -> Option<Offer> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for argument in arguments_of(prompt) {
        let Some(name) = argument["name"].as_str() else {
            continue;
        };
        // Arguments of prompts are strings (server/prompts).
        let schema = json!({"type": "string", "minLength": 1, "description": argument["description"].as_str().unwrap_or_default()});
        properties.insert(name.to_owned(), schema);
        if argument["required"] == true {
            required.push(name);
        }
    }
    Some(Offer {
        asked: Asked::Prompt(prompt["name"].as_str()?.to_owned()),
        hints: numbered(properties.keys()),
        schema: json!({"type": "object", "properties": properties, "required": required}),
    })
}

fn arguments_of(prompt: &Value) -> impl Iterator<Item = &Value> {
    prompt["arguments"].as_array().into_iter().flatten()
}

fn resource(resource: &Value) -> Option<Offer> {
    Some(Offer {
        asked: Asked::Resource(resource["uri"].as_str()?.to_owned()),
        schema: json!({"type": "object", "maxProperties": 0}),
        hints: BTreeMap::new(),
    })
}

fn by_template(template: &Value) -> Option<Offer> {
    let uri = template["uriTemplate"].as_str()?;
    let names = template::variables(uri);
    let text = json!({"type": "string", "minLength": 1});
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| (name.clone(), text.clone()))
        .collect();
    Some(Offer {
        asked: Asked::Template(uri.to_owned()),
        hints: numbered(names.iter()),
        schema: json!({"type": "object", "properties": properties, "required": names}),
    })
}

/// A number is what most servers take for an identifier.
fn numbered<'a>(names: impl Iterator<Item = &'a String>) -> BTreeMap<String, Vec<Value>> {
    let names = names.filter(|name| name.to_lowercase().ends_with("id"));
    names.map(|name| (name.clone(), vec![json!("1")])).collect()
}

fn prompt_arguments(prompt: &Value) -> Vec<Offer> {
    let Some(of) = prompt["name"].as_str() else {
        return Vec::new();
    };
    let names = arguments_of(prompt).filter_map(|argument| argument["name"].as_str());
    let asked = |name: &str| Asked::PromptArgument(of.to_owned(), name.to_owned());
    names.map(|name| completion(name, asked(name))).collect()
}

fn template_variables(template: &Value) -> Vec<Offer> {
    let Some(of) = template["uriTemplate"].as_str() else {
        return Vec::new();
    };
    let names = template::variables(of).into_iter();
    let asked = |name: &str| Asked::TemplateVariable(of.to_owned(), name.to_owned());
    names.map(|name| completion(&name, asked(&name))).collect()
}

/// The beginning of a value is to be completed; to nothing, all values are.
fn completion(name: &str, asked: Asked) -> Offer {
    let text = json!({"type": "string"});
    Offer {
        asked,
        schema: json!({"type": "object", "properties": {name: text}, "required": [name]}),
        hints: BTreeMap::from([(name.to_owned(), vec![json!("")])]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface() -> Surface {
        Surface {
            server: json!({"capabilities": {"completions": {}}}),
            prompts: vec![
                json!({"name": "brief", "arguments": [{"name": "topic", "required": true}, {"name": "tone"}]}),
                json!({"name": "brief"}),
                json!({"title": "nameless"}),
            ],
            resources: (0..40)
                .map(|nth| json!({"uri": format!("notes://{nth}")}))
                .collect(),
            resource_templates: vec![json!({"uriTemplate": "notes://{id}{?full}"})],
            ..Surface::default()
        }
    }

    #[test]
    fn everything_listed_is_asked_for_within_bounds() {
        let (offers, left_out) = offers(&surface());
        let names: Vec<String> = offers.iter().map(|offer| offer.asked.name("")).collect();
        assert_eq!(left_out, 24);
        assert_eq!(names.len(), 1 + 16 + 1 + 4);
        assert_eq!(names[0], "completion/complete brief topic");
        assert_eq!(names[3], "completion/complete notes://{id}{?full} full");
        assert_eq!(names[4], "prompts/get brief");
        assert_eq!(names[5], "resources/read notes://0");
        assert_eq!(names[21], "resources/read notes://{id}{?full}");
        assert_eq!(offers[4].schema["required"], json!(["topic"]));
    }

    #[test]
    fn requests_are_those_of_the_protocol() {
        let arguments = json!({"id": "a b", "full": "yes"});
        let template = Asked::Template("notes://{id}{?full}".into());
        assert_eq!(
            template.request("", &arguments),
            Request::resource("notes://a%20b?full=yes")
        );
        let of = Asked::PromptArgument("brief".into(), "id".into());
        assert_eq!(
            of.request("", &arguments),
            Request::completion(Reference::Prompt("brief"), "id", &json!("a b"))
        );
    }
}
