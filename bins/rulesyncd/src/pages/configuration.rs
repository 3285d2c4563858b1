//! The configuration in force, with its secrets masked.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::html;

use super::frame::{Frame, Section, answer};
use super::look::foreign;
use super::refusal;
use crate::context::Context;

/// The configuration in force.
pub(super) async fn page(State(context): State<Context>, uri: Uri) -> Response {
    let frame = Frame::of(&context, &uri);
    let turn = match context.turns().page().await {
        Ok(turn) => turn,
        Err(busy) => return refusal::busy(&frame, &busy),
    };
    let yaml = context.configuration().yaml();
    let main = html! {
        h1 { "Configuration" }
        p.dim { "The configuration in force, with defaults. Secrets are masked." }
        pre tabindex="0" role="group" aria-label="The configuration as YAML" {
            code { @for line in yaml.lines() { (foreign(line)) "\n" } }
        }
    };
    answer(frame.page(Some(Section::Configuration), "Configuration", &main), turn)
}
