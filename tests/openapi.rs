//! `openapi.json` in the repository matches the handlers, and has everything that client generators need.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use campanile::{
    app::Address,
    server::http::{HttpOptions, openapi},
};
use leptos::server_fn::axum::server_fn_paths;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    auth::Secured,
    harness::{Answer, App},
};

fn description() -> Value {
    serde_json::from_str(&openapi().to_json().unwrap()).unwrap()
}

/// The operations, as `GET /path`.
fn operations(description: &Value) -> BTreeMap<String, Value> {
    let paths = description["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, methods)| {
        let named =
            |(method, operation): (&String, &Value)| (format!("{} {path}", method.to_uppercase()), operation.clone());
        methods.as_object().unwrap().iter().map(named).collect::<Vec<_>>()
    });
    all.collect()
}

/// Visits every value in it, with its name.
fn walk(value: &Value, name: &str, see: &mut dyn FnMut(&str, &Value)) {
    see(name, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| walk(value, name, see)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, name, see)),
        _ => {}
    }
}

/// The target of a reference, or the value itself.
fn resolved<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().map_or(value, |place| description.pointer(&place[1..]).unwrap())
}

#[test]
fn the_committed_description_is_the_present_one() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")).unwrap();
    let present = openapi().to_pretty_json().unwrap();
    assert!(committed.trim_end() == present, "openapi.json is out of date; run `make openapi`");
}

#[tokio::test]
async fn it_is_served_with_a_page_that_needs_no_other_site() {
    let app = App::new();
    let served = app.get("/api/openapi.json").await;
    assert_eq!(served.header("content-type"), "application/json");
    assert!(served.json()["openapi"].as_str().unwrap().starts_with("3.1"));
    let page = app.get("/api/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(!page.text().contains("src=\"http"), "{}", page.text());
    let head = "<title>Campanile · API</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
    assert!(page.text().contains(head), "the page of another release of Swagger UI: {}", page.text());
}

/// Client generators name their functions after it.
#[test]
fn every_operation_has_a_name_of_its_own_and_words_are_those_of_the_wire() {
    let description = description();
    let is_camel_case = regex::Regex::new("^[a-z]+([A-Z][a-z]*)*$").unwrap();
    let mut names = BTreeSet::new();
    for (operation, said) in operations(&description) {
        let name = said["operationId"].as_str().unwrap();
        assert!(is_camel_case.is_match(name), "{operation}: {name}");
        assert!(names.insert(name.to_owned()), "{operation}: {name} is the name of another one too");
        assert!(said["summary"].is_string() && said["description"].is_string(), "{operation}");
    }
    for name in ["createNotification", "listNotifications", "getNotification", "countUnread", "createTicket"] {
        assert!(names.contains(name), "{name}");
    }
    let schemas = &description["components"]["schemas"];
    assert_eq!(schemas["Channel"]["enum"], json!(["email", "webpush", "fcm", "apns", "webhook"]));
    assert_eq!(schemas["EventKind"]["enum"][0], "notification.created");
    assert_eq!(schemas["DeliveryState"]["enum"][0], "held");
    assert_eq!(schemas["ContactState"]["enum"][0], "active");
}

#[test]
fn the_description_has_nothing_that_generators_refuse() {
    let description = description();
    assert_eq!(description["info"]["license"]["identifier"], "MIT OR Apache-2.0");
    assert_eq!(description["servers"][0]["url"], "/");
    assert_eq!(description["components"]["schemas"]["Data"]["additionalProperties"], true);
    let is_name = regex::Regex::new("^[A-Za-z0-9._-]+$").unwrap();
    for (_, components) in description["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            assert!(is_name.is_match(name), "{name}");
        }
    }
    let schemes = description["components"]["securitySchemes"].as_object().unwrap();
    let wanted = operations(&description).into_values().map(|said| said["security"].clone());
    for wanted in wanted.chain([description["security"].clone()]).filter(Value::is_array) {
        let names = wanted.as_array().unwrap().iter().flat_map(|all| all.as_object().unwrap().keys());
        names.for_each(|name| assert!(schemes.contains_key(name), "{name}"));
    }
}

/// Every dialect reads these in the same way: Go's has no look-ahead, and PHP's and Ruby's have no `\\u`.
#[test]
fn patterns_are_read_by_every_dialect_of_regular_expressions() {
    let mut seen = 0;
    walk(&description(), "", &mut |name, value| {
        let ("pattern", Some(pattern)) = (name, value.as_str()) else { return };
        seen += 1;
        assert!(pattern.is_ascii() && !pattern.contains("\\u") && !pattern.contains("(?"), "{pattern}");
        assert!(!regex::Regex::new(r"\\x[89a-f]").unwrap().is_match(pattern), "{pattern}");
        regex::Regex::new(pattern).unwrap();
    });
    assert!(seen > 10);
}

#[test]
fn descriptions_are_not_about_rust() {
    walk(&description(), "", &mut |name, value| {
        let ("description" | "summary", Some(text)) = (name, value.as_str()) else { return };
        for of_rust in
            ["[`", "`]", "::", "`Option", "Option<", "`Some", "`None", "`Vec", "`Self", "`Ok", "`Err", "`&", "serde"]
        {
            assert!(!text.contains(of_rust), "{text}");
        }
    });
}

#[test]
fn references_lead_somewhere_and_nothing_is_left_over() {
    let description = description();
    let mut used = BTreeSet::new();
    walk(&description, "", &mut |name, value| {
        let ("$ref", Some(place)) = (name, value.as_str()) else { return };
        assert!(description.pointer(&place[1..]).is_some(), "{place}");
        used.insert(place.to_owned());
    });
    for kind in ["schemas", "responses"] {
        for name in description["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/{kind}/{name}")), "{name}");
        }
    }
}

/// An error of an operation may come from the server or from a gateway in front of it.
const OF_ALL: [u16; 10] = [401, 403, 404, 408, 413, 421, 422, 429, 503, 504];

/// The errors in the description of an operation, beside those that all have.
#[rstest]
#[case("POST /api/notifications/create", &[400, 415, 500])]
#[case("GET /api/notifications/list", &[400, 500])]
#[case("DELETE /api/webhooks/{id}", &[400, 415, 500])]
#[case("POST /api/deliveries/{id}/cancel", &[400, 409, 415, 500])]
#[case("GET /ws/{user_id}", &[400, 426, 500])]
#[case("POST /unsubscribe/{token}", &[400, 410, 415, 500])]
#[case("GET /readyz", &[])]
#[case("GET /healthz", &[])]
fn refusals_are_described_where_they_can_happen(#[case] operation: &str, #[case] statuses: &[u16]) {
    let said = operations(&description())[operation]["responses"].clone();
    let said = said.as_object().unwrap().keys().map(|status| status.parse::<u16>().unwrap());
    let wanted: BTreeSet<_> = statuses.iter().copied().chain(OF_ALL).collect();
    assert_eq!(said.filter(|status| *status >= 400).collect::<BTreeSet<_>>(), wanted);
}

/// For every operation, even if its handler describes the error itself.
#[test]
fn every_refusal_is_a_problem_and_says_when_to_come_back() {
    let description = description();
    let all = operations(&description);
    assert!(all.len() > 30);
    for (operation, said) in all {
        for status in OF_ALL {
            assert!(said["responses"][status.to_string()].is_object(), "{operation} {status}");
        }
        for (status, response) in said["responses"].as_object().unwrap() {
            let response = resolved(&description, response);
            assert!(response["description"].is_string(), "{operation} {status}");
            let is_page = operation.contains("/unsubscribe/") && matches!(status.as_str(), "404" | "410");
            // Without a body, TypeScript would infer that a failure may have no object.
            if status.starts_with(['4', '5']) && !is_page {
                let schema = &response["content"]["application/problem+json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{operation} {status}");
            }
            let headers: &[&str] = match status.as_str() {
                "401" => &["WWW-Authenticate"],
                "429" => &["Retry-After", "RateLimit", "RateLimit-Policy"],
                "503" => &["Retry-After"],
                _ => &[],
            };
            for header in headers {
                assert!(response["headers"][header]["schema"].is_object(), "{operation} {status} {header}");
            }
        }
    }
}

/// Even an operation that reads no body refuses one that is over the limit.
#[tokio::test]
async fn a_body_that_is_too_large_is_refused_by_every_operation() {
    let options = HttpOptions { max_body_bytes: 8, ..HttpOptions::default() };
    let app = App::with(App::new().service.clone(), &options);
    for operation in operations(&description()).into_keys() {
        let (method, path) = operation.split_once(' ').unwrap();
        let path = path
            .replace("{user_id}", "ann")
            .replace("{id}", "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f")
            .replace("{index}", "0");
        let path = path.replace("{channel}", "webhook").replace("{token}", "x");
        let with = |body: &'static str| {
            let request = Request::builder().method(method).uri(&path).header(header::HOST, "localhost");
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap()
        };
        app.ask(with("123456789")).await.problem(413, "payload_too_large");
        assert_ne!(app.ask_for_the_head(with("12345678")).await.status, 413, "{operation}");
    }
}

#[test]
fn every_event_has_a_schema_and_its_type_tells_which() {
    let description = description();
    let schemas = &description["components"]["schemas"];
    let changes = ["all_read", "created", "deleted", "updated"];
    let signs = ["heartbeat", "hello", "reset"];
    for (union, kinds) in [("Event", changes.to_vec()), ("StreamEvent", [&changes[..], &signs].concat())] {
        let mapping = schemas[union]["discriminator"]["mapping"].as_object().unwrap();
        assert_eq!(schemas[union]["discriminator"]["propertyName"], "type");
        let named: BTreeSet<_> = mapping.keys().map(String::as_str).collect();
        assert_eq!(named, kinds.into_iter().collect());
        let variants: BTreeSet<_> = schemas[union]["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|variant| variant["$ref"].as_str().unwrap())
            .collect();
        assert_eq!(variants, mapping.values().map(|place| place.as_str().unwrap()).collect());
        for (kind, place) in mapping {
            let schema = description.pointer(&place.as_str().unwrap()[1..]).unwrap();
            assert_eq!(schema["properties"]["type"]["enum"], json!([kind]));
            assert!(schema["required"].as_array().unwrap().contains(&json!("type")), "{kind}");
        }
    }
}

/// Generators treat a reference with a description beside it as another schema, without a name.
#[test]
fn schemas_of_a_discriminator_are_referenced_only_by_name() {
    let mut seen = 0;
    walk(&description(), "", &mut |_, value| {
        if value.get("discriminator").is_some_and(|found| found.is_object()) {
            seen += 1;
            for variant in value["oneOf"].as_array().unwrap() {
                assert_eq!(variant.as_object().unwrap().len(), 1, "{variant}");
            }
        }
    });
    assert_eq!(seen, 3);
}

#[test]
fn streams_describe_their_events() {
    let description = description();
    let all = operations(&description);
    let event = json!("#/components/schemas/StreamEvent");
    for path in ["/api/notifications/stream", "/api/notifications/stream/{user_id}"] {
        let content = &all[&format!("GET {path}")]["responses"]["200"]["content"]["text/event-stream"];
        assert_eq!(content["schema"]["contentSchema"]["$ref"], event);
        assert_eq!(content["x-itemSchema"]["properties"]["data"]["contentSchema"]["$ref"], event);
    }
    for path in ["/ws", "/ws/{user_id}"] {
        assert_eq!(all[&format!("GET {path}")]["responses"]["101"]["x-itemSchema"]["$ref"], event);
    }
}

/// Methods in the `Allow` header are accepted, and all others are refused.
#[tokio::test]
async fn the_allow_header_is_true() {
    let app = App::new();
    let description = description();
    let id = app.notify("ann", "hi").await;
    let described = description["paths"].as_object().unwrap().keys().map(|path| {
        path.replace("{user_id}", "ann").replace("{id}", &id).replace("{index}", "0").replace("{channel}", "webhook")
    });
    let pages = ["/", Address::PATH, "/login", "/logout", "/notify-me", "/operations", "/operations/channels"];
    let others = ["/operations/webhooks", "/api/openapi.json", "/api/docs/"];
    let functions = server_fn_paths().map(|(path, _)| path.to_owned());
    let page_of_one = format!("/notifications/{id}");
    let all = described.chain(pages.into_iter().chain(others).map(str::to_owned)).chain(functions).chain([page_of_one]);
    for path in all {
        let (mut taken, mut told) = (BTreeSet::new(), BTreeSet::new());
        for method in METHODS {
            let answer = ask(&app, &method, &path).await;
            if answer.status == 405 {
                let allowed = answer.header("allow").split(',').map(|method| method.trim().to_owned());
                told.insert(allowed.collect::<BTreeSet<_>>());
            } else {
                taken.insert(method.to_string());
            }
        }
        assert_eq!(told, BTreeSet::from([taken]), "{path}");
    }
}

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

async fn ask(app: &App, method: &Method, path: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    app.ask_for_the_head(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn an_unknown_path_has_no_allow_header() {
    let app = App::new();
    for path in ["/nothing", "/favicon.ico", "/pkg/nothing.js", "/a/b", "/api/nothing", "/api/ui/nothing"] {
        for method in METHODS {
            let answer = ask(&app, &method, path).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (404, ""), "{method} {path}");
        }
    }
}

/// Axum adds the header to every response for another method.
#[tokio::test]
async fn a_refused_caller_gets_the_right_allow_header() {
    let server = Secured::new();
    for path in ["/ws", "/ws/ann"] {
        let answer = ask(&server.app, &Method::PUT, path).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (401, "GET,HEAD"));
    }
}
