//! Parses recordings: one request and its response, as sent and received by curl.

use std::{fs, path::PathBuf};

use bytes::Bytes;

/// A recorded exchange.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    /// The name of the file without its extension.
    pub(crate) name: String,
    /// The lines before the command, without `#`.
    pub(crate) comment: String,
    pub(crate) method: String,
    /// The path and query as sent.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: RequestBody,
    /// `None` if the file contains only a remark.
    pub(crate) response: Option<Response>,
}

/// The body of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestBody {
    None,
    Bytes(Bytes),
    /// A body of this size in bytes that is not in the recording.
    Elsewhere(usize),
}

/// The response.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The headers, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The directory of one server's recordings.
pub(crate) fn directory(server: &str) -> PathBuf {
    PathBuf::from(option_env!("RULESYNC_SHARED_DIR").unwrap_or("../../../shared"))
        .join("contracts")
        .join(server)
}

/// All recordings of a server, sorted by name.
pub(crate) fn all(server: &str) -> Vec<Recording> {
    let directory = directory(server);
    let mut files: Vec<PathBuf> = fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
            parse(name, &fs::read(file).expect("a readable recording"))
        })
        .collect()
}

const RESPONSE: &[u8] = b"\n--- RESPONSE\n";

fn parse(name: String, bytes: &[u8]) -> Recording {
    let (request, response) = match find(bytes, RESPONSE) {
        Some(at) => (&bytes[..at], Some(&bytes[at + RESPONSE.len()..])),
        None => (bytes, None),
    };
    let request = String::from_utf8(request.to_vec()).expect("requests are text");
    let mut comment = String::new();
    let mut rest = request.as_str();
    while let Some(line) = rest.strip_prefix('#') {
        let (line, after) = line.split_once('\n').unwrap_or((line, ""));
        comment.push_str(line.trim());
        rest = after;
    }
    let sent = response.and_then(|response| {
        let text = String::from_utf8_lossy(response);
        let after = text.rsplit_once("size_upload=")?.1;
        after.split(' ').next()?.parse::<usize>().ok()
    });
    let (command, body) = match rest.split_once("\n--- BODY") {
        None => (rest, RequestBody::None),
        Some((command, tail)) => match tail.strip_prefix(" of ") {
            Some(size) => {
                let size = size.trim().trim_end_matches(" bytes").parse().expect("a size");
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
            let at = after.rfind(" http").expect("a URL");
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
    Recording {
        name,
        comment,
        method,
        target: target.to_owned(),
        headers,
        body: inline.map_or(body, |text| RequestBody::Bytes(Bytes::from(text))),
        response: response.and_then(parse_response),
    }
}

fn parse_response(bytes: &[u8]) -> Option<Response> {
    let end = find(bytes, b"\n[[time_total").unwrap_or(bytes.len());
    let mut rest = &bytes[..end];
    // Most recordings have LF line ends in the head, some have the original CRLF.
    let head_end = |text: &[u8]| {
        let ends = [&b"\n\n"[..], b"\r\n\r\n"].map(|end| find(text, end).map(|at| (at, at + end.len())));
        ends.into_iter().flatten().min()
    };
    // An interim response precedes the final one.
    while rest.starts_with(b"HTTP/1.1 100") {
        rest = &rest[head_end(rest)?.1..];
    }
    let (head, body) = match head_end(rest) {
        Some((end, start)) => (&rest[..end], &rest[start..]),
        None => (rest, &b""[..]),
    };
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let body = &body[..length.unwrap_or(body.len()).min(body.len())];
    Some(Response { status, headers, body: body.to_vec() })
}

fn word_after(text: &str, option: &str) -> Option<String> {
    text.split_once(option)?.1.split(' ').next().map(ToOwned::to_owned)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[test]
fn recording_is_parsed() {
    let text = b"# why\n$ curl -isS -X POST -H 'X-Scope-OrgID: t1' -H Content-Type: --data-binary @BODY 'http://h:1/a%2Fb?x=1'\n\
        --- BODY\nname: g\n--- RESPONSE\nHTTP/1.1 100 Continue\n\nHTTP/1.1 202 Accepted\nContent-Type: application/json\n\n\
        {}\n[[time_total=0.1 size_upload=8 size_download=2]]\n";
    let recording = parse("001".to_owned(), text);
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
    let text = b"$ curl -isS -X POST -H X-Scope-OrgID: prot -H Content-Type: application/yaml --data-binary name: g1\nrules: []\n http://h:1/rules/x\n--- RESPONSE\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok\n";
    let recording = parse("300".to_owned(), text);
    assert_eq!(recording.headers.len(), 2);
    assert_eq!(recording.headers[0], ("X-Scope-OrgID".to_owned(), "prot".to_owned()));
    assert_eq!(recording.body, RequestBody::Bytes(Bytes::from_static(b"name: g1\nrules: []\n")));
    assert_eq!(recording.target, "/rules/x");
    assert_eq!(recording.response.map(|response| response.body), Some(b"ok".to_vec()));
}
