//! The web server's routes: metrics and health, the pages for people (`pages.rs`), and the API (`api.rs`). How they are
//! served is in `serve.rs`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rulesync_core::finding::Printable;

use crate::context::Context;
use crate::turns::counted;
use crate::{api, headers, origin, pages};

/// All pages, below the route prefix.
pub(crate) fn router(context: Context) -> Router {
    let location = Arc::clone(context.location());
    let pages = Router::new()
        .merge(pages::router())
        .merge(api::router())
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/healthz", get(healthy))
        .route("/-/ready", get(ready))
        .route("/readyz", get(ready))
        .fallback(pages::nowhere)
        .layer(middleware::from_fn_with_state(Arc::clone(&location), origin::refuse_others))
        .with_state(context);
    location.route_prefix().serve(pages).layer(middleware::from_fn(headers::add))
}

async fn metrics(State(context): State<Context>) -> Response {
    let turn = match context.turns().exposition().await {
        Ok(turn) => turn,
        Err(busy) => return busy.into_response(),
    };
    let mut text = String::new();
    match context.metrics().encode(&mut text) {
        Ok(()) => {
            text.push_str("# EOF\n");
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], counted(text.into_bytes(), turn)).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn healthy() -> &'static str {
    "healthy\n"
}

async fn ready(State(context): State<Context>) -> Response {
    match context.engine().sources().await {
        Ok(sources) if sources.iter().all(|source| source.ready) => "ready\n".into_response(),
        Ok(sources) => {
            let waiting = sources.iter().filter(|source| !source.ready).map(|source| {
                let why = source.unavailable.as_deref().unwrap_or("first snapshot");
                format!("{}\n", Printable(format_args!("waiting for source {}: {why}", source.name)))
            });
            (StatusCode::SERVICE_UNAVAILABLE, waiting.collect::<String>()).into_response()
        }
        Err(no_answer) => no_answer.into_response(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
