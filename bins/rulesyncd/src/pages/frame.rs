//! What all pages have around their contents: the head, the way between pages, the foot.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use rulesync_core::model::ObjectId;

use super::assets;
use super::link::{self, Root};
use super::look::{foreign, plain};
use crate::context::{Context, seconds_since_1970};
use crate::turns::{Turn, counted};

/// What every page knows: where it is, what time it is, and whether it may offer actions.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The way to the first page.
    pub(super) root: Root,
    /// The time, in seconds since 1970.
    pub(super) now: u64,
    /// The token of forms that change something; none if nothing can be changed.
    pub(super) token: Option<String>,
    /// The mark of what the page shows: events after it are changes of the page.
    seen: String,
}

/// A page of the way between pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Objects,
    Destinations,
    Configuration,
}

impl Section {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Overview, "", "Overview"),
        (Self::Objects, "objects", "Objects"),
        (Self::Destinations, "destinations", "Destinations"),
        (Self::Configuration, "config", "Config"),
    ];
}

impl Frame {
    /// Returns the frame of the page that a request is for.
    pub(super) fn of(context: &Context, uri: &Uri) -> Self {
        let token = context.admin().then(|| context.token().expose().to_owned());
        let seen = context.mark(context.states().changes());
        Self { root: Root::of(uri), now: seconds_since_1970(), token, seen }
    }

    /// Links to the page of an object, whose name is the text.
    pub(super) fn object(&self, id: &ObjectId) -> Markup {
        let text = html! { (foreign(id.namespace())) "/" (foreign(id.name())) };
        self.link(link::object(id), &text)
    }

    /// Links to the page of a destination, whose name is the text.
    pub(super) fn destination(&self, ruler: &str, tenant: Option<&str>) -> Markup {
        let text = html! {
            (foreign(ruler))
            @if let Some(tenant) = tenant { "/" (foreign(tenant)) }
        };
        self.link(link::destination(ruler, tenant), &text)
    }

    fn link(&self, path: Option<String>, text: &Markup) -> Markup {
        html! {
            @match path {
                Some(path) => a href=(self.root.to(path)) { (text) },
                None => (text),
            }
        }
    }

    /// Returns a whole page. `title` is that of the window, and may be of others.
    pub(super) fn page(&self, section: Option<Section>, title: &str, main: &Markup) -> Markup {
        let assets = assets::paths();
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (plain(title)) " – rulesync" }
                    link rel="icon" href=(self.root.to(&assets.icon)) type="image/svg+xml";
                    link rel="stylesheet" href=(self.root.to(&assets.style));
                    script src=(self.root.to(&assets.script)) data-events=(self.root.to(format_args!("api/v1/events?seen={}", self.seen))) defer {}
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header {
                        a.name href=(self.root.to("")) { "rulesync" }
                        nav aria-label="Pages" {
                            ul {
                                @for (other, path, name) in Section::ALL {
                                    li {
                                        a href=(self.root.to(path)) aria-current=[(section == Some(other)).then_some("page")] { (name) }
                                    }
                                }
                            }
                        }
                        p #live { span #old role="status" {} }
                    }
                    main #main tabindex="-1" { (main) }
                    footer {
                        p {
                            "rulesyncd " (env!("CARGO_PKG_VERSION")) " · "
                            a href=(self.root.to("metrics")) { "Metrics" } " · "
                            a href=(self.root.to("api/v1/openapi.json")) { "API" }
                        }
                    }
                }
            }
        }
    }
}

/// Returns a page as an answer, which holds its turn until it is sent.
pub(super) fn answer(page: Markup, turn: Turn) -> Response {
    with_headers(counted(page.into_string().into_bytes(), turn).into_response())
}

/// Adds the headers of a page.
pub(super) fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
