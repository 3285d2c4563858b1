//! Grafana Alloy's configuration language, and its components `mimir.rules.kubernetes` and `loki.rules.kubernetes` as a
//! configuration of rulesync. Text in, text out: no file is read and nothing is asked.
//!
//! [`syntax`] reads the whole grammar, so that components that write no rules are passed over by their structure.
//! [`import()`] evaluates what settings are made with (literals, operators, `sys.env`, references to files, Secrets and
//! arguments) and returns YAML with a [`Report`] of what cannot be imported and what behaves in another way. What is not
//! understood is an error and never left out.
//!
//! ```
//! use rulesync_alloy::{File, Options, import};
//!
//! let text = r#"
//! mimir.rules.kubernetes "stage_rules" {
//!   address   = "http://mimir.monitoring.svc.cluster.local:9009"
//!   tenant_id = "stage"
//!   rule_selector { match_labels = { tenant = "stage" } }
//! }
//! "#;
//! let file = File { name: "alerts.alloy".to_owned(), text: text.to_owned() };
//! let imported = import(&[file], &Options { owner: "prod-eu".to_owned(), ..Options::default() });
//! assert_eq!(imported.report.outcome, "Imported: 1 ruler, 1 route.");
//! assert!(imported.configuration.unwrap().yaml.contains("tenant: stage"));
//! ```

mod deployment;
mod evaluate;
mod import;
mod manifest;
mod report;
pub mod syntax;
mod yaml;

pub use import::{Configuration, File, Import, NamingMode, Options, import};
pub use report::{Message, Place, Report, Severity};
