//! `GET /api/openapi.json`, `/api/docs`: the description of the API, and a page to try it.

mod refusals;
mod streams;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header, response::Parts},
    middleware::{Next, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, Collected};
use streams::StreamEvent;
use tower_http::compression::CompressionLayer;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        SecurityRequirement, Server,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{
    access::Access,
    intake::Shared,
    methods::operations,
    paths::{self, is_at_or_below},
    state::HttpState,
};
use crate::{
    model::{Cursor, Limit, Problem, Search, WholeNumber},
    server::assets::accepts,
};

/// The description without the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Campanile",
        description = "A notification service: each user has an inbox that remembers what the user has read.\n\n\
            Every error is a problem document (RFC 9457) of the type `application/problem+json`. A gateway in front of the \
            server may refuse requests with errors of its own. A method that a path does not have gets 405, with the \
            allowed methods in the header `Allow`. A path or headers that are too long get 414 or 431, without a body.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact()
    ),
    servers((url = "/", description = "The server that served this description")),
    // Schemas used only by parameters and streams are not collected from the handlers.
    components(schemas(Cursor, Limit, Search, StreamEvent, WholeNumber)),
    modifiers(&Proofs),
    security((), ("bearer" = [])),
    tags(
        (name = "notifications", description = "Send, list, mark and delete notifications"),
        (name = "live", description = "Follow every change as it happens"),
        (name = "preferences", description = "Which notifications users want, by which channel, and when"),
        (name = "webhooks", description = "Endpoints of applications that receive events"),
        (name = "deliveries", description = "Messages that leave the server, and their outcome"),
        (name = "contacts", description = "Addresses and devices of users"),
        (name = "push", description = "What browsers need to subscribe to push"),
        (name = "users", description = "Everything that is stored about a user"),
        (name = "operation", description = "Health of the server"),
    )
)]
struct Description;

/// The ways in which a program authenticates, where the server requires that. The session cookie is missing: browsers
/// send it by themselves, programs do not set it, and openapi-generator cannot turn it into Ruby.
struct Proofs;

impl Modify for Proofs {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "A service key (`cmp_…`, created by `campanile key create`), or a user's token (JWT), whose `sub` is the user id",
        ));
        let ticket = ApiKeyValue::with_description("ticket", "A ticket from `POST /api/tickets`, for a live stream");
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        components.add_security_scheme("ticket", SecurityScheme::ApiKey(ApiKey::Query(ticket)));
    }
}

/// The OpenAPI 3.1 description of every route of the REST API, made from the handlers.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, paths) = super::api_routes().merge(super::health::routes()).split_for_parts();
    let mut whole = Description::openapi();
    whole.merge(paths);
    refusals::add_to(whole.components.get_or_insert_default());
    for (path, item) in &mut whole.paths.paths {
        for (method, operation) in operations(item) {
            refusals::tell_of(operation, &method, path);
            streams::tell_of(operation);
            operation.security = proofs_for(&method, path);
        }
    }
    whole
}

/// The security requirements of an operation; `None` for the default.
fn proofs_for(method: &Method, path: &str) -> Option<Vec<SecurityRequirement>> {
    if Access::of(method, path) == Access::Open {
        return Some(Vec::new());
    }
    let is_stream = paths::STREAMS.iter().any(|stream| is_at_or_below(path, stream));
    let with = |scheme: &str| SecurityRequirement::new::<_, [&str; 0], &str>(scheme, []);
    // No credential is also allowed, because the server may not require one.
    is_stream.then(|| vec![SecurityRequirement::default(), with("bearer"), with("ticket")])
}

/// `base` is the prefix of our paths for the browser.
pub(super) fn routes(base: &str) -> Router<HttpState> {
    let mut openapi = openapi();
    if !base.is_empty() {
        openapi.servers = Some(vec![Server::new(base)]);
    }
    let config = Config::new([format!("{base}{}", paths::OPENAPI)]).validator_url("none").try_it_out_enabled(true);
    let page = SwaggerUi::new(paths::DOCS).config(config).url(paths::OPENAPI, openapi);
    Router::new()
        .merge(page)
        .layer(map_response(allow_its_own_files))
        .layer(map_response(fit_the_screen))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(CompressedFiles::default(), keep))
}

/// The files of the page as they are sent, by path and coding. They are the same for all users, and large: each is
/// compressed once.
#[derive(Clone, Default)]
struct CompressedFiles(Arc<Mutex<HashMap<PathAndCoding, (Parts, Bytes)>>>);

type PathAndCoding = (String, &'static str);

/// More files than there are.
const MOST_KEPT: usize = 64;

async fn keep(State(CompressedFiles(kept)): State<CompressedFiles>, mut request: Request, next: Next) -> Response {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    let coding = ["br", "gzip"].into_iter().find(|coding| accepts(accepted, coding)).unwrap_or("identity");
    let key = (request.uri().path().to_owned(), coding);
    let kept = || kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((head, body)) = kept().get(&key).cloned() {
        return Response::from_parts(head, Body::from(body));
    }
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(coding));
    let (mut head, body) = next.run(request).await.into_parts();
    let Ok(body) = body.collect().await.map(Collected::to_bytes) else { return Problem::internal().into_response() };
    // Missing files are not cached, or strangers could fill the memory with names.
    if head.status == StatusCode::OK && kept().len() < MOST_KEPT {
        head.extensions.insert(Shared);
        kept().insert(key, (head.clone(), body.clone()));
    }
    Response::from_parts(head, Body::from(body))
}

/// Names the page after this server, and draws it as wide as the screen of a phone.
async fn fit_the_screen(response: Response) -> Response {
    let is_page = |value: &HeaderValue| value.as_bytes().starts_with(b"text/html");
    if !response.headers().get(header::CONTENT_TYPE).is_some_and(is_page) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(body) = body.collect().await.map(Collected::to_bytes) else { return Problem::internal().into_response() };
    let page = String::from_utf8_lossy(&body).replace(
        "<title>Swagger UI</title>",
        r#"<title>Campanile · API</title><meta name="viewport" content="width=device-width, initial-scale=1">"#,
    );
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(page))
}

/// The page loads its scripts and styles as files of this server, and sets styles by script.
async fn allow_its_own_files(mut response: Response) -> Response {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                  connect-src 'self'; base-uri 'none'; form-action 'none'";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
