//! The formats of what a check has found, one a file.

pub(crate) mod escaped_json;
mod github;
mod gitlab;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;
pub(crate) mod xml;
mod yaml;

use std::io::{self, Write};

use clap::ValueEnum;

pub(crate) use escaped_json::write as write_json;

use crate::failure::Failure;
use crate::report::Report;

/// How the result is printed.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct OutputArgs {
    /// The format.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// A format of what a check has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: each problem with the line that it is about.
    Text,
    /// One object, for programs.
    Json,
    /// The same object, as YAML.
    Yaml,
    /// A table, for a comment on a pull request.
    Markdown,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions, which become annotations.
    Github,
    /// A code quality report of GitLab.
    Gitlab,
    /// A report of tests, for CI systems.
    Junit,
}

impl OutputArgs {
    /// Prints a report.
    pub(crate) fn print(self, report: &Report) -> Result<(), Failure> {
        match self.output {
            Format::Text => {
                let mut out = anstream::stdout().lock();
                text::write(report, &mut out).and_then(|()| out.flush())
            }
            format => {
                let mut out = io::BufWriter::new(io::stdout().lock());
                format.write(report, &mut out).and_then(|()| out.flush())
            }
        }
        .map_err(Failure::Output)
    }
}

impl Format {
    /// Writes a report in a format for programs, which has no styles.
    fn write(self, report: &Report, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Text => text::write(report, out),
            Self::Json => json::write(report, out),
            Self::Yaml => yaml::write(report, out),
            Self::Markdown => markdown::write(report, out),
            Self::Sarif => sarif::write(report, out),
            Self::Github => github::write(report, out),
            Self::Gitlab => gitlab::write(report, out),
            Self::Junit => junit::write(report, out),
        }
    }
}
