//! Recordings of real servers: requests and their responses, as sent and received by curl.
//!
//! `tests/data/recordings/README.md` says how they were made. A test replays them against a server that imitates the
//! real one, or hands the responses to a client.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use bytes::Bytes;
use flate2::read::GzDecoder;

/// A recorded exchange.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its number and subject.
    pub name: String,
    /// All of it, as it was recorded.
    pub text: String,
    /// The lines before the command, without `#`.
    pub comment: String,
    /// The request's method.
    pub method: String,
    /// The path and query as sent.
    pub target: String,
    /// The headers as sent.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: RequestBody,
    /// `None` if there was none, or the recording is not of one exchange.
    pub response: Option<Response>,
}

/// The body of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestBody {
    /// No body.
    None,
    /// The body itself.
    Bytes(Bytes),
    /// A body of this size in bytes that is not in the recording.
    Elsewhere(usize),
}

/// The response.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without its transfer encoding.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// All recordings of a server (`cortex`, `kube`, `kube-publishing`, `loki` or `mimir`), in the order in which they were made.
///
/// # Errors
/// If there is no such file, or what it contains is not recordings.
pub fn all(server: &str) -> io::Result<Vec<Recording>> {
    let path = Path::new(DIRECTORY).join(format!("{server}.txt.gz"));
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = File::open(&path).map_err(failed)?;
    GzDecoder::new(file).read_to_string(&mut text).map_err(failed)?;
    let damaged =
        |name: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {name}", path.display()));
    split(&text).map(|(name, text)| parse(name, text).ok_or_else(|| damaged(name))).collect()
}

/// Where the recordings are.
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/recordings");

/// The beginning of the line before a recording, which has its name.
const NAME: &str = "===== ";

/// The names and texts of the recordings in a file.
fn split(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text.strip_prefix(NAME);
    std::iter::from_fn(move || {
        let recording = rest?;
        // Every text ends with a line break.
        let end = recording.find(&format!("\n{NAME}"));
        rest = end.map(|end| &recording[end + 1 + NAME.len()..]);
        recording[..end.map_or(recording.len(), |end| end + 1)].split_once('\n')
    })
}

/// The line between a request and its response.
const RESPONSE: &str = "\n--- RESPONSE\n";

/// Parses one recording; `None` if it is damaged.
fn parse(name: &str, text: &str) -> Option<Recording> {
    let (request, response) = match text.split_once(RESPONSE) {
        Some((request, response)) => (request, Some(response)),
        None => (text, None),
    };
    let mut comment = String::new();
    let mut rest = request;
    while let Some(line) = rest.strip_prefix('#') {
        let (line, after) = line.split_once('\n').unwrap_or((line, ""));
        comment.push_str(line.trim());
        rest = after;
    }
    let sent = response.and_then(|response| {
        let after = response.rsplit_once("size_upload=")?.1;
        after.split(' ').next()?.parse::<usize>().ok()
    });
    let (command, body) = match rest.split_once("\n--- BODY") {
        None => (rest, RequestBody::None),
        Some((command, tail)) => match tail.strip_prefix(" of ") {
            Some(size) => {
                let size = size.trim().trim_end_matches(" bytes").parse().ok()?;
                (command, RequestBody::Elsewhere(size))
            }
            None => {
                let mut body = tail.strip_prefix('\n').unwrap_or(tail).to_owned();
                if sent == Some(body.len() + 1) {
                    body.push('\n');
                }
                (command, RequestBody::Bytes(Bytes::from(body)))
            }
        },
    };
    let (inline, command) = match command.split_once(" --data-binary ") {
        Some((before, after)) if !after.starts_with("@BODY") => {
            let at = after.rfind(" http")?;
            (Some(after[..at].to_owned()), format!("{before}{}", &after[at..]))
        }
        _ => (None, command.to_owned()),
    };
    let url_at = command.rfind("http").unwrap_or(command.len());
    let url = command[url_at..].trim_end_matches(['\'', '\n', ' ']);
    let target =
        url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or("/");
    let method = word_after(&command, " -X ").unwrap_or_else(|| "GET".to_owned());
    let headers = command[..url_at]
        .split(" -H ")
        .skip(1)
        .map(|header| match header.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next().unwrap_or(quoted),
            None => {
                let end =
                    [" -", " '"].iter().filter_map(|end| header.find(end)).min().unwrap_or(header.len());
                header[..end].trim()
            }
        })
        .filter_map(|header| header.split_once(':'))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()))
        .collect();
    Some(Recording {
        name: name.to_owned(),
        text: text.to_owned(),
        comment,
        method,
        target: target.to_owned(),
        headers,
        body: inline.map_or(body, |text| RequestBody::Bytes(Bytes::from(text))),
        response: response.and_then(parse_response),
    })
}

fn parse_response(text: &str) -> Option<Response> {
    let mut rest = text.find("\n[[time_total").map_or(text, |end| &text[..end]);
    // Most recordings have LF line ends in the head, some have the original CRLF.
    let head_end = |text: &str| {
        let ends = ["\n\n", "\r\n\r\n"].map(|end| text.find(end).map(|at| (at, at + end.len())));
        ends.into_iter().flatten().min()
    };
    // An interim response precedes the final one.
    while rest.starts_with("HTTP/1.1 100") {
        rest = &rest[head_end(rest)?.1..];
    }
    let (head, body) = match head_end(rest) {
        Some((end, start)) => (&rest[..end], &rest[start..]),
        None => (rest, ""),
    };
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let body = body.as_bytes();
    let body = &body[..length.unwrap_or(body.len()).min(body.len())];
    Some(Response { status, headers, body: body.to_vec() })
}

fn word_after(text: &str, option: &str) -> Option<String> {
    text.split_once(option)?.1.split(' ').next().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recording_is_parsed() {
        let text = "# why\n$ curl -isS -X POST -H 'X-Scope-OrgID: t1' -H Content-Type: --data-binary @BODY 'http://h:1/a%2Fb?x=1'\n\
            --- BODY\nname: g\n--- RESPONSE\nHTTP/1.1 100 Continue\n\nHTTP/1.1 202 Accepted\nContent-Type: application/json\n\n\
        {}\n[[time_total=0.1 size_upload=8 size_download=2]]\n";
        let recording = parse("001", text).expect("a recording");
        assert_eq!((recording.comment.as_str(), recording.method.as_str()), ("why", "POST"));
        assert_eq!(recording.target, "/a%2Fb?x=1");
        assert_eq!(recording.headers, [("X-Scope-OrgID".to_owned(), "t1".to_owned())]);
        assert_eq!(recording.body, RequestBody::Bytes(Bytes::from_static(b"name: g\n")));
        let response = recording.response.expect("a response");
        assert_eq!((response.status, response.body.as_slice()), (202, b"{}".as_slice()));
        assert_eq!(response.header("content-type"), Some("application/json"));
    }

    #[test]
    fn recording_with_unquoted_command_is_parsed() {
        let text = "$ curl -isS -X POST -H X-Scope-OrgID: prot -H Content-Type: application/yaml --data-binary name: g1\nrules: []\n http://h:1/rules/x\n--- RESPONSE\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok\n";
        let recording = parse("300", text).expect("a recording");
        assert_eq!(recording.headers.len(), 2);
        assert_eq!(recording.headers[0], ("X-Scope-OrgID".to_owned(), "prot".to_owned()));
        assert_eq!(recording.body, RequestBody::Bytes(Bytes::from_static(b"name: g1\nrules: []\n")));
        assert_eq!(recording.target, "/rules/x");
        assert_eq!(recording.response.map(|response| response.body), Some(b"ok".to_vec()));
    }

    #[test]
    fn recordings_are_split_at_their_names() {
        let text = "===== 001-a\n# x\n--- RESPONSE\n===\n\n===== 002-b\n\n===== 003-c\nlast\n";
        let split: Vec<(&str, &str)> = split(text).collect();
        assert_eq!(split, [("001-a", "# x\n--- RESPONSE\n===\n\n"), ("002-b", "\n"), ("003-c", "last\n")]);
    }

    #[test]
    fn recordings_of_each_server_are_complete() {
        let count =
            |server: &str| all(server).map(|recordings| recordings.len()).map_err(|error| error.to_string());
        assert_eq!(
            ["cortex", "kube", "kube-publishing", "loki", "mimir"].map(count),
            [Ok(254), Ok(161), Ok(231), Ok(258), Ok(260)]
        );
    }
}
