//! Rulers from a client's view: the configuration API of Mimir, Cortex and Loki, and its effects in their state API.
//!
//! Nothing is evaluated. A ruler stores rules as the real one does: it validates them with the same messages, keeps the
//! same fields, answers in the same YAML, and reports what it has loaded. The differences between the kinds are data
//! (`model/kind.rs`); all kinds share the same code. `docs/contracts/` says what the real servers do, and the recordings
//! in `tests/data/recordings` prove that this one does the same.
//!
//! | place | content |
//! |---|---|
//! | `server`, `builder` | [`RulerServer`]: listens; [`RulerBuilder`]: its options |
//! | `connections`, `body` | the parts of a server, for servers of one's own |
//! | `service` | [`RulerService`]: a ruler without a server |
//! | `api/` | the configuration API, the state API |
//! | `http/` | routes, queries, tenants, answers |
//! | `validation/` | what is refused, in the words of the real servers |
//! | `yaml/` | YAML read and written as Go does |
//! | `storage/`, `evaluation` | the groups in memory and on disk; what came of their evaluation |
//! | `model/` | groups, kinds, durations |

mod api;
pub mod body;
mod builder;
pub mod connections;
mod escape;
mod evaluation;
mod http;
mod model;
mod names;
mod server;
mod service;
mod settings;
mod storage;
mod validation;
mod yaml;

pub use builder::RulerBuilder;
pub use model::group::{StoredGroup, StoredRule};
pub use model::kind::{EmptyList, Field, Kind, Limits, MissingDelete, NameScheme};
pub use model::span::Millis;
pub use server::RulerServer;
pub use service::{PutError, RulerService, Rules};
