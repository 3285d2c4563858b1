//! The command line of what a release needs: for the workflows, and for whoever wants to know what they would do.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rulesync_release::context::Ignore;
use rulesync_release::dockerfile::Dockerfile;
use rulesync_release::order;
use rulesync_release::publish::{self, CratesIo};
use rulesync_release::replay::Replay;
use rulesync_release::version::{self, Chart};
use rulesync_release::workspace::Workspace;

/// Makes releases of rulesync. Run it at the root of the repository.
#[derive(Debug, Parser)]
#[command(name = "rulesync-release")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check that everything has the version of a tag, and print it as `NAME=VALUE`: `version`, `prerelease` and
    /// `image_tags`.
    Check {
        /// The tag, such as `v1.2.3`.
        tag: String,
        /// A file for the notes of the release.
        #[arg(long, value_name = "FILE")]
        notes: Option<PathBuf>,
    },
    /// Print the crates that are published, each after those that it depends on.
    Crates,
    /// Publish the crates that crates.io does not have in this version.
    Publish,
    /// Carry out the instructions of the Dockerfile without Docker, with the toolchain of this machine.
    Replay {
        /// The directory for what the stages consist of, and for caches.
        directory: PathBuf,
        /// The value of an argument of the Dockerfile.
        #[arg(long = "build-arg", value_name = "NAME=VALUE", value_parser = build_argument)]
        arguments: Vec<(String, String)>,
    },
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run(Args::parse().verb, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if the output is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb, out: &mut impl Write) -> Result<(), Failure> {
    match verb {
        Verb::Check { tag, notes } => {
            let chart: Chart = serde_saphyr::from_str(&read("deploy/charts/rulesync/Chart.yaml")?)?;
            let workspace = Workspace::read(Path::new("."))?;
            let release = version::check(&tag, &workspace, &chart, &read("CHANGELOG.md")?)
                .map_err(|problems| format!("this is no release {tag}:\n  {}", problems.join("\n  ")))?;
            if let Some(path) = notes {
                fs::write(path, format!("{}\n", release.notes))?;
            }
            writeln!(out, "version={}", release.version)?;
            writeln!(out, "prerelease={}", release.is_prerelease())?;
            writeln!(out, "image_tags={}", release.image_tags().join(" "))?;
        }
        Verb::Crates => {
            for package in order::of(&Workspace::read(Path::new("."))?)? {
                writeln!(out, "{}", package.name)?;
            }
        }
        Verb::Publish => {
            let workspace = Workspace::read(Path::new("."))?;
            for name in publish::publish(&order::of(&workspace)?, &mut CratesIo)? {
                writeln!(out, "{name}")?;
            }
        }
        Verb::Replay { directory, arguments } => {
            fs::create_dir_all(&directory)?;
            let directory = directory.canonicalize()?;
            let replay = Replay {
                context: Path::new(".").canonicalize()?,
                ignore: Ignore::parse(&read(".dockerignore")?)?,
                stages: directory.join("stages"),
                caches: directory.join("caches"),
                arguments: BTreeMap::from_iter(arguments),
            };
            replay.run(&Dockerfile::parse(&read("Dockerfile")?)?, out)?;
        }
    }
    Ok(())
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}").into())
}

fn build_argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
