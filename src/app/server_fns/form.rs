//! How the browser calls a server function: it sends a form as HTML would, and receives JSON.
//!
//! The server decodes it with leptos's own codecs. In the browser those would need a JSON parser, one for query
//! strings, and a client with streams.

use std::pin::Pin;

use js_sys::{Function, Reflect};
use leptos::server_fn::{
    Protocol,
    client::{Client, get_server_url},
    error::{FromServerFnError, ServerFnErrorErr},
    server::Server,
};
use send_wrapper::SendWrapper;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use super::fields;
use crate::{app::browser::json, model::Problem};

/// How long an answer is waited for, in milliseconds. A browser gives up what hangs after minutes, or never.
const PATIENCE: u32 = 20_000;

/// A form, and JSON for an answer.
pub struct Form;

impl<Input, Output, C, S> Protocol<Input, Output, C, S, Problem> for Form
where
    Input: Serialize + Send,
    Output: DeserializeOwned + Send,
    C: Client<Problem>,
    S: Server<Problem>,
{
    const METHOD: http::Method = http::Method::POST;

    async fn run_server<F, Fut>(_: S::Request, _: F) -> Result<S::Response, Problem>
    where
        F: Fn(Input) -> Fut + Send,
        Fut: Future<Output = Result<Output, Problem>> + Send,
    {
        Err(Problem::internal())
    }

    async fn run_client(path: &str, input: Input) -> Result<Output, Problem> {
        let form = fields::write(&input).ok_or_else(Problem::internal)?;
        let (status, answer) = answer_to(path, form).await?;
        json::take(answer.take()).ok_or_else(|| unreadable(status))
    }
}

/// As [`post`]. It is boxed, so that not every function has all of its states.
fn answer_to(path: &str, form: String) -> SendWrapper<Pin<Box<dyn Future<Output = Answer> + '_>>> {
    SendWrapper::new(Box::pin(post(path, form)))
}

/// The status of an answer, and its content.
type Answer = Result<(u16, SendWrapper<JsValue>), Problem>;

/// Sends a form, and waits for its answer.
async fn post(path: &str, form: String) -> Answer {
    let unreachable = |_| Problem::from_server_fn_error(ServerFnErrorErr::Request(String::new()));
    let headers = Headers::new().map_err(unreachable)?;
    headers.set("Content-Type", "application/x-www-form-urlencoded").map_err(unreachable)?;
    headers.set("Accept", "application/json").map_err(unreachable)?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_headers(&headers);
    request.set_body(&form.into());
    // web-sys has this only with all of its class, and old browsers do not.
    let class = Reflect::get(&leptos::prelude::window(), &"AbortSignal".into()).map_err(unreachable)?;
    let timeout = Reflect::get(&class, &"timeout".into()).ok().and_then(|it| it.dyn_into::<Function>().ok());
    if let Some(signal) = timeout.and_then(|timeout| timeout.call1(&class, &PATIENCE.into()).ok()) {
        let _ = Reflect::set(&request, &"signal".into(), &signal);
    }
    let url = get_server_url().to_owned() + path;
    let answer = JsFuture::from(leptos::prelude::window().fetch_with_str_and_init(&url, &request)).await;
    let answer: Response = answer.map_err(unreachable)?.unchecked_into();
    let status = answer.status();
    let body = match answer.json() {
        Ok(body) => JsFuture::from(body).await.map_err(|why| {
            if why.is_instance_of::<js_sys::SyntaxError>() { unreadable(status) } else { unreachable(why) }
        })?,
        Err(_) => return Err(unreadable(status)),
    };
    if answer.ok() {
        Ok((status, SendWrapper::new(body)))
    } else {
        Err(json::take(body).unwrap_or_else(|| unreadable(status)))
    }
}

/// Something between here and Campanile answered in its place.
fn unreadable(status: u16) -> Problem {
    Problem::from_server_fn_error(ServerFnErrorErr::Deserialization(status.to_string()))
}
