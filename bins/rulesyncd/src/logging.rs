//! Logs on standard error. Much of what is logged is text of authors and servers; none of it can begin a line of its own
//! or move a terminal's cursor.

use std::borrow::Cow;
use std::io::{self, Write};

use rulesync_core::finding::is_hidden;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Args, LogFormat};

/// Libraries whose log lines repeat what rulesync logs with the name of the source and a hint. A filter that names parts of
/// the program overrides this.
const REPEATED: &str = "kube_client=off,kube_runtime=off";

/// Starts logging.
pub(crate) fn start(args: &Args) {
    let filter = match args.log_level.parse::<LevelFilter>() {
        Ok(level) if level <= LevelFilter::INFO => EnvFilter::new(format!("{level},{REPEATED}")),
        _ => EnvFilter::new(&args.log_level),
    };
    let logs = tracing_subscriber::registry().with(filter);
    let format = args.log_format;
    let standard_error = Lines { format, make: io::stderr };
    let layer = tracing_subscriber::fmt::layer().event_format(format).with_writer(standard_error);
    logs.with(layer).init();
}

/// Makes writers that write one line each.
struct Lines<M> {
    format: LogFormat,
    make: M,
}

impl<'a, M: Fn() -> W + 'a, W: Write> MakeWriter<'a> for Lines<M> {
    type Writer = Line<W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { format: self.format, to: (self.make)() }
    }
}

/// Writes one line, which it is given as a whole.
struct Line<W> {
    format: LogFormat,
    to: W,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.to.write_all(escaped(text, self.format).as_bytes())?,
            Err(_) => self.to.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Returns a line in which characters that do not show as themselves are escaped. The formats escape only some of them, and
/// logfmt only in quotes.
fn escaped(line: &str, format: LogFormat) -> Cow<'_, str> {
    let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
    if !text.contains(is_hidden) {
        return Cow::Borrowed(line);
    }
    let mut safe = String::with_capacity(line.len() + 16);
    for c in text.chars() {
        match format {
            _ if !is_hidden(c) => safe.push(c),
            LogFormat::Logfmt => safe.extend(c.escape_default()),
            LogFormat::Json => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    safe.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    safe.push_str(end);
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_unchanged_except_for_hidden_characters() {
        for format in [LogFormat::Logfmt, LogFormat::Json] {
            assert!(matches!(escaped("level=info msg=\"größer \\n\"\n", format), Cow::Borrowed(_)));
        }
        let line = "a\u{9b}31m\u{7f}\u{2028}b\u{e0041}\n";
        assert_eq!(escaped(line, LogFormat::Logfmt), "a\\u{9b}31m\\u{7f}\\u{2028}b\\u{e0041}\n");
        assert_eq!(escaped(line, LogFormat::Json), "a\\u009b31m\\u007f\\u2028b\\udb40\\udc41\n");
        assert_eq!(escaped("a\nlevel=error\n", LogFormat::Logfmt), "a\\nlevel=error\n");
    }

    #[test]
    fn escaped_json_is_the_same_text() {
        let text = "a\u{9b}\u{2028}\u{e0041}\u{1b}\n\"";
        let line = serde_json::to_string(text).unwrap();
        let safe = escaped(&line, LogFormat::Json);
        assert!(!safe.contains(is_hidden));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
    }
}
