//! Prints the JSON Schema of the configuration: `cargo run -p rulesync-config --example schema >
//! deploy/config.schema.json`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

fn main() {
    print!("{}", rulesync_config::reference::schema());
}
