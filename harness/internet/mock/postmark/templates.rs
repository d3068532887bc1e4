//! The template routes.

use super::call::Fields;
use super::world::{MAX_TEMPLATES, Template};
use super::{Call, Fault, Reply, World, mustache};
use serde_json::{Map, Value, json};

const LIST: u32 = 1100;
const MAX_NAME: usize = 255;
const MAX_CONTENT: usize = 512 * 1024;
/// All templates of a server together, so that a run cannot fill the memory with them.
const MAX_TOTAL: usize = 16 * 1024 * 1024;
/// Where a layout takes in what its template rendered to.
const CONTENT: &str = "@content";

/// `GET /templates`: those that were not deleted.
pub(super) fn list(world: &mut World, call: &Call<'_>) -> Reply {
    let (count, offset) = call.page(LIST)?;
    let kind = match call
        .query("templatetype")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("all") => None,
        Some("standard") => Some("Standard"),
        Some("layout") => Some("Layout"),
        Some(_) => {
            return Err(Fault::new(
                LIST,
                "The 'TemplateType' parameter is not valid.",
            ));
        }
    };
    let layout = call.query("layouttemplate");
    let fits = |t: &&Template| {
        t.active
            && kind.is_none_or(|kind| t.kind() == kind)
            && layout.is_none_or(|l| t.uses.as_deref() == Some(l))
    };
    let fitting: Vec<Value> = world
        .templates
        .iter()
        .filter(fits)
        .map(Template::short)
        .collect();
    let total = fitting.len();
    let page: Vec<Value> = fitting.into_iter().skip(offset).take(count).collect();
    Ok(json!({"TotalCount": total, "Templates": page}))
}

/// `GET /templates/{idOrAlias}`: a deleted one is still shown, as inactive.
pub(super) fn get(world: &mut World, call: &Call<'_>) -> Reply {
    let template = world
        .template(call.param(0))
        .ok_or_else(|| not_found(call.param(0)))?;
    Ok(template.whole(world.server_id()))
}

/// `POST /templates`.
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Reply {
    let body = call.object(no_data)?;
    let name = body.text("Name")?.ok_or_else(|| required("Name"))?;
    let layout = body
        .choice("TemplateType", &["Standard", "Layout"])
        .map_err(|_| {
            Fault::new(
                1122,
                "The 'TemplateType' associated with this request is not valid.",
            )
        })?
        == Some("Layout");
    let mut template = Template {
        id: 0,
        name: name.to_owned(),
        alias: None,
        layout,
        subject: None,
        html: None,
        text: None,
        uses: None,
        active: true,
    };
    change(world, &mut template, &body)?;
    complete(&template)?;
    room(world, &template)?;
    // Deleted ones stay readable until room is needed.
    if world.templates.len() >= MAX_TEMPLATES {
        let deleted = world.templates.iter().position(|t| !t.active);
        let Some(deleted) = deleted else {
            let message = "A server's active-template limit would be exceeded by this request.";
            return Err(Fault::new(1105, message));
        };
        world.templates.remove(deleted);
    }
    template.id = world.next_id("template");
    let reply = template.short();
    world.templates.push(template);
    Ok(reply)
}

/// `PUT /templates/{idOrAlias}`: fields that are left out stay.
pub(super) fn edit(world: &mut World, call: &Call<'_>) -> Reply {
    let key = call.param(0);
    let mut template = world.template(key).ok_or_else(|| not_found(key))?.clone();
    let body = call.object(no_data)?;
    if let Some(name) = body.text("Name")? {
        template.name = name.to_owned();
    }
    change(world, &mut template, &body)?;
    complete(&template)?;
    room(world, &template)?;
    let reply = template.short();
    if let Some(place) = world.templates.iter_mut().find(|t| t.id == template.id) {
        *place = template;
    }
    Ok(reply)
}

/// `DELETE /templates/{idOrAlias}`.
pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Reply {
    let key = call.param(0);
    let template = world.template(key).filter(|t| t.active);
    let template = template.ok_or_else(|| not_found(key))?.clone();
    let alias = template.alias.as_deref().filter(|_| template.layout);
    let used = |t: &Template| t.active && alias.is_some() && t.uses.as_deref() == alias;
    if world.templates.iter().any(used) {
        let message = "The layout template cannot be deleted because dependent templates use it.";
        return Err(Fault::new(1130, message));
    }
    if let Some(place) = world.templates.iter_mut().find(|t| t.id == template.id) {
        place.active = false;
        place.alias = None;
    }
    Ok(json!({"ErrorCode": 0, "Message": format!("Template {} removed.", template.id)}))
}

/// `POST /templates/validate`: what the parts render to, with a model that fits them.
pub(super) fn validate(world: &mut World, call: &Call<'_>) -> Reply {
    let body = call.object(no_data)?;
    let parts = ["Subject", "HtmlBody", "TextBody"];
    if !parts.iter().any(|part| body.has(part)) {
        let message = "One of 'Subject', 'HtmlBody' or 'TextBody' must be specified.";
        return Err(Fault::new(1120, message));
    }
    let layout = match body.text("LayoutTemplate")? {
        None => None,
        Some(alias) => Some(layout(world, alias)?.clone()),
    };
    let mut model = Map::new();
    for part in parts {
        let found = mustache::suggest(body.text(part)?.unwrap_or_default());
        model.extend(found.unwrap_or_default());
    }
    match body.get("TestRenderModel") {
        None => {}
        Some(Value::Object(given)) => model.extend(given.clone()),
        Some(_) => return Err(Fault::field("TestRenderModel")),
    }
    let model = Value::Object(model);
    let mut all_valid = true;
    let mut reply = Map::new();
    for part in parts {
        let outer = layout.as_ref().and_then(|l| match part {
            "HtmlBody" => l.html.as_deref(),
            "TextBody" => l.text.as_deref(),
            _ => None,
        });
        let text = body.text(part)?.unwrap_or_default();
        let rendered = mustache::render(text, &model).and_then(|inner| match outer {
            Some(outer) => mustache::render_layout(outer, &inner, &model),
            None => Ok(inner),
        });
        all_valid &= rendered.is_ok();
        reply.insert(part.to_owned(), section(rendered));
    }
    reply.insert("AllContentIsValid".to_owned(), all_valid.into());
    reply.insert("SuggestedTemplateModel".to_owned(), model);
    Ok(Value::Object(reply))
}

fn section(rendered: Result<String, mustache::Mistake>) -> Value {
    let errors: Vec<Value> = rendered.as_ref().err().map(error).into_iter().collect();
    json!({
        "ContentIsValid": rendered.is_ok(),
        "ValidationErrors": errors,
        "RenderedContent": rendered.ok(),
    })
}

fn error(mistake: &mustache::Mistake) -> Value {
    json!({
        "Message": mistake.message, "Line": mistake.line, "CharacterPosition": mistake.position,
    })
}

/// Takes over what the body says beside the name.
fn change(world: &World, template: &mut Template, body: &Fields) -> Result<(), Fault> {
    if let Some(alias) = body.text("Alias")? {
        let taken = world.template(alias).is_some_and(|t| t.id != template.id);
        if taken || !is_alias(alias) {
            let message = format!("The alias '{}' is invalid or in use.", head(alias));
            return Err(Fault::new(1122, message));
        }
        template.alias = Some(alias.to_owned());
    }
    let parts = [
        ("Subject", &mut template.subject),
        ("HtmlBody", &mut template.html),
        ("TextBody", &mut template.text),
    ];
    for (field, place) in parts {
        let Some(text) = body.text(field)? else {
            continue;
        };
        if text.len() > MAX_CONTENT {
            return Err(Fault::new(
                1121,
                format!("The '{field}' field is too long."),
            ));
        }
        mustache::suggest(text).map_err(|m| Fault::new(1122, m.message))?;
        *place = Some(text.to_owned());
    }
    if let Some(alias) = body.text("LayoutTemplate")? {
        if template.layout {
            let message = "A layout template cannot use another layout.";
            return Err(Fault::new(1123, message));
        }
        template.uses = layout(world, alias)?.alias.clone();
    }
    Ok(())
}

/// Whether a template fits beside the others, in place of what it was.
fn room(world: &World, template: &Template) -> Result<(), Fault> {
    let size = |t: &Template| -> usize {
        let parts = [&t.subject, &t.html, &t.text];
        parts.into_iter().flatten().map(String::len).sum()
    };
    let others = world.templates.iter().filter(|t| t.id != template.id);
    if others.map(size).sum::<usize>() + size(template) <= MAX_TOTAL {
        return Ok(());
    }
    let message = "The templates of this server are too large together.";
    Err(Fault::new(1121, message))
}

fn complete(template: &Template) -> Result<(), Fault> {
    if template.name.chars().count() > MAX_NAME {
        return Err(Fault::new(1121, "The 'Name' field is too long."));
    }
    if template.html.is_none() && template.text.is_none() {
        return Err(Fault::new(
            1120,
            "Either 'HtmlBody' or 'TextBody' must be specified.",
        ));
    }
    if !template.layout {
        return match template.subject {
            Some(_) => Ok(()),
            None => Err(required("Subject")),
        };
    }
    if template.subject.is_some() {
        return Err(Fault::new(
            1123,
            "A layout template cannot have a 'Subject'.",
        ));
    }
    let once = |body: &Option<String>| {
        body.as_ref()
            .is_none_or(|b| b.matches(CONTENT).count() == 1)
    };
    if once(&template.html) && once(&template.text) {
        return Ok(());
    }
    let message = "A layout must contain the '{{{ @content }}}' placeholder exactly once.";
    Err(Fault::new(1131, message))
}

fn layout<'a>(world: &'a World, alias: &str) -> Result<&'a Template, Fault> {
    let found = world.template(alias).filter(|t| t.layout && t.active);
    found.ok_or_else(|| {
        let message =
            "The 'LayoutTemplate' associated with this request is not valid or was not found.";
        Fault::new(1101, message)
    })
}

/// A letter, then letters, digits, `.`, `_` and `-`.
fn is_alias(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= MAX_NAME
        && text.bytes().all(rest)
}

fn not_found(key: &str) -> Fault {
    let what = if key.parse::<u64>().is_ok() {
        "'TemplateId'"
    } else {
        "Template's 'Alias'"
    };
    let message = format!("The {what} associated with this request is not valid or was not found.");
    Fault::new(1101, message)
}

fn no_data() -> Fault {
    Fault::new(1109, "No template data received.")
}

fn required(field: &str) -> Fault {
    Fault::new(1120, format!("The '{field}' field is required."))
}

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}
