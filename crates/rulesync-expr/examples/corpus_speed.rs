//! Measures the parse time per expression: `cargo run --release -p rulesync-expr --example corpus_speed [FILE]`.
//! The file is a JSON list of objects with a field `expr`; the default is the corpus in `RULESYNC_SHARED`.

#![expect(clippy::print_stdout, reason = "the example prints its result")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;
use std::{env, fs};

use rulesync_expr::promql::{self, Options};
use serde::Deserialize;

const ROUNDS: u32 = 50;

#[derive(Deserialize)]
struct Entry {
    expr: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = match env::args_os().nth(1) {
        Some(path) => PathBuf::from(path),
        None => {
            let shared = env::var_os("RULESYNC_SHARED").ok_or("name a file, or set RULESYNC_SHARED")?;
            PathBuf::from(shared).join("corpus/promql-rules.json")
        }
    };
    let entries: Vec<Entry> = serde_json::from_str(&fs::read_to_string(path)?)?;
    let bytes: usize = entries.iter().map(|entry| entry.expr.len()).sum();
    let mut nodes = 0;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        for entry in &entries {
            nodes += promql::parse(&entry.expr, &Options::default()).map_or(0, |expr| expr.nodes().len());
        }
    }
    let parsed = f64::from(ROUNDS) * entries.len() as f64;
    let micros = start.elapsed().as_secs_f64() * 1e6 / parsed;
    println!(
        "{} expressions of {} bytes and {:.1} nodes on average: {micros:.2} µs each",
        entries.len(),
        bytes / entries.len().max(1),
        nodes as f64 / parsed,
    );
    Ok(())
}
