//! Prints the configuration reference: `cargo run -p rulesync-config --example reference > docs/configuration.md`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

fn main() {
    print!("{}", rulesync_config::reference::page());
}
