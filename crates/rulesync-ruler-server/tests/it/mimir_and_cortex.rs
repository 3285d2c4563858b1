//! The most important properties of rulers, tested without recordings.

use bytes::Bytes;
use rulesync_ruler_server::{
    EmptyList, Field, Kind, Limits, Millis, MissingDelete, NameScheme, RulerBuilder, RulerServer,
};

use rulesync_testkit::wire::{Reply, ask, send};

const MIMIR: &str = "/prometheus/config/v1/rules";
const CORTEX: &str = "/api/v1/rules";
const GROUP: &str = "name: g\nrules: [{record: r, expr: up}]\n";

fn mimir() -> RulerBuilder {
    RulerBuilder::new(Kind::Mimir)
}

fn cortex() -> RulerBuilder {
    RulerBuilder::new(Kind::Cortex)
}

async fn start(builder: RulerBuilder) -> RulerServer {
    RulerServer::start(builder).await.expect("starts")
}

fn status_and_text(reply: &Reply) -> (u16, String) {
    (reply.status.as_u16(), reply.text())
}

#[track_caller]
fn assert_reply(reply: &Reply, status: u16, text: &str) {
    assert_eq!(status_and_text(reply), (status, text.to_owned()));
}

#[tokio::test]
async fn empty_list_is_a_map_in_mimir_and_404_in_cortex() {
    for (builder, path, status, text) in [
        (mimir(), MIMIR, 200, "{}\n"),
        (cortex(), CORTEX, 404, "no rule groups found\n"),
        (mimir().empty_list(EmptyList::NotFound), MIMIR, 404, "no rule groups found\n"),
    ] {
        let ruler = start(builder).await;
        for path in [path.to_owned(), format!("{path}/ns")] {
            assert_reply(&ask(ruler.address(), "GET", &path, "").await, status, text);
        }
        assert_reply(
            &ask(ruler.address(), "GET", &format!("{path}/ns/g"), "").await,
            404,
            "group does not exist\n",
        );
        let gone = ask(ruler.address(), "DELETE", &format!("{path}/ns"), "").await;
        assert_reply(&gone, 404, "group namespace does not exist\n");
    }
}

#[tokio::test]
async fn delete_of_missing_group_depends_on_storage() {
    for (style, status) in [(MissingDelete::Accepted, 202), (MissingDelete::NotFound, 404)] {
        let ruler = start(mimir().missing_delete(style)).await;
        assert_eq!(ask(ruler.address(), "DELETE", &format!("{MIMIR}/ns/g"), "").await.status, status);
    }
}

#[tokio::test]
async fn group_is_normalized() {
    let ruler = start(mimir().federation()).await;
    let body = "
name: g
interval: 90s
query_offset: 0s
limit: 5000000000
unknown: 1
source_tenants: [b, a]
align_evaluation_time_on_interval: true
labels: {team: x}
rules:
- alert: A
  expr: 'up == 0  '
  for: 300s
  keep_firing_for: 0s
  labels: {n: 1}
  annotations: {}
";
    let reply = ask(ruler.address(), "POST", &format!("{MIMIR}/ns"), body).await;
    assert_reply(&reply, 202, r#"{"status":"success","data":null,"errorType":"","error":""}"#);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let group = ask(ruler.address(), "GET", &format!("{MIMIR}/ns/g"), "").await;
    assert_eq!(group.header("content-type"), Some("application/yaml"));
    insta::assert_snapshot!(group.text(), @r#"
    name: g
    interval: 1m30s
    limit: 705032704
    rules:
        - alert: A
          expr: 'up == 0  '
          for: 5m
          labels:
            "n": "1"
    labels:
        team: x
    source_tenants:
        - b
        - a
    align_evaluation_time_on_interval: true
    "#);
    assert_eq!(ruler.rules("t1")["ns"]["g"].interval, Millis(90_000));
}

#[tokio::test]
async fn cortex_drops_unknown_fields_and_keeps_zero_offset() {
    let ruler = start(cortex()).await;
    let body = "name: g\nquery_offset: 0s\nevaluation_delay: 1m\nsource_tenants: [a]\nalign_evaluation_time_on_interval: true\nrules: [{record: r, expr: up}]\n";
    assert_reply(
        &ask(ruler.address(), "POST", &format!("{CORTEX}/ns"), body).await,
        202,
        r#"{"status":"success"}"#,
    );
    let list = ask(ruler.address(), "GET", CORTEX, "").await.text();
    assert_eq!(
        list,
        "ns:\n    - name: g\n      query_offset: 0s\n      rules:\n        - record: r\n          expr: up\n"
    );
    assert_eq!(ask(ruler.address(), "GET", "/api/prom/rules", "").await.text(), list);
}

#[tokio::test]
async fn older_mimir_drops_configured_fields() {
    let ruler = start(mimir().drops(&[Field::GroupLabels, Field::Limit])).await;
    ask(
        ruler.address(),
        "POST",
        &format!("{MIMIR}/ns"),
        "name: g\nlimit: 5\nlabels: {a: b}\nrules: [{record: r, expr: up}]\n",
    )
    .await;
    let stored = &ruler.rules("t1")["ns"]["g"];
    assert_eq!((stored.limit, stored.labels.len()), (0, 0));
}

#[tokio::test]
async fn list_sorts_groups_by_key_and_namespaces_naturally() {
    let ruler = start(mimir()).await;
    for (namespace, group) in [("ns10", "g1"), ("ns9", "g1"), ("ns9", "gjson"), ("ns9", "G")] {
        ruler
            .put("t1", namespace, &format!("name: {group}\nrules: [{{record: r, expr: up}}]"))
            .expect("a group");
    }
    let list = ask(ruler.address(), "GET", MIMIR, "").await.text();
    let names: Vec<&str> =
        list.lines().filter(|line| line.starts_with("ns") || line.contains("name:")).map(str::trim).collect();
    assert_eq!(names, ["ns9:", "- name: G", "- name: gjson", "- name: g1", "ns10:", "- name: g1"]);
}

#[tokio::test]
async fn names_are_decoded_once_and_traversal_rejected() {
    let ruler = start(mimir()).await;
    for (path, status) in [
        ("a%2Fb", 202),
        ("a%20b", 202),
        ("%25zz", 202),
        ("%2E%2E", 500),
        ("%2Fabs", 500),
        ("%2E", 202),
        ("%zz", 400),
        ("a/b", 405),
        ("a//b", 301),
    ] {
        let reply = ask(ruler.address(), "POST", &format!("{MIMIR}/{path}"), GROUP).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    let names: Vec<String> = ruler.rules("t1").into_keys().collect();
    assert_eq!(names, ["%zz", ".", "a b", "a/b"]);
    let refused = ask(ruler.address(), "GET", &format!("{MIMIR}/ns/%2E%2E"), "").await;
    assert_reply(
        &refused,
        500,
        r#"{"status":"error","data":null,"errorType":"server_error","error":"invalid groupname: path traversal not allowed"}"#,
    );
    assert_eq!(refused.header("content-type"), Some("text/plain; charset=utf-8"));
    let ruler = start(cortex()).await;
    assert_eq!(ask(ruler.address(), "POST", &format!("{CORTEX}/%2E%2E"), GROUP).await.status, 202);
}

#[tokio::test]
async fn double_decoding_deletes_the_wrong_group() {
    let ruler = start(mimir().double_decode()).await;
    ruler.put("t1", "a", "name: b\nrules: [{record: r, expr: up}]").expect("a group");
    ruler.put("t1", "a/b", GROUP).expect("a group");
    assert_eq!(ask(ruler.address(), "DELETE", &format!("{MIMIR}/a%2Fb"), "").await.status, 202);
    assert_eq!(ruler.rules("t1").into_keys().collect::<Vec<_>>(), ["a/b"]);
    assert_eq!(ask(ruler.address(), "DELETE", &format!("{MIMIR}/a%252Fb"), "").await.status, 202);
    assert!(ruler.rules("t1").is_empty());
}

#[tokio::test]
async fn form_bodies_are_consumed_if_configured() {
    let headers = [("x-scope-orgid", "t1"), ("content-type", "application/x-www-form-urlencoded")];
    for (builder, status) in [(mimir(), 202), (mimir().eats_forms(), 400)] {
        let ruler = start(builder).await;
        let body = Bytes::from_static(GROUP.as_bytes());
        let reply =
            send(ruler.address(), "POST", &format!("{MIMIR}/ns"), &headers, body).await.expect("an answer");
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn error_messages_match_real_servers() {
    let mimir = start(mimir()).await;
    let cortex = start(cortex()).await;
    for (body, in_mimir, in_cortex) in [
        ("[]", "unable to decode rule group\n", "unable to decoded rule group\n"),
        (
            "",
            "invalid rules configuration: rule group name must not be empty\n",
            "invalid rules config: rule group name must not be empty\n",
        ),
        (
            "name: g1\nrules:\n- alert: A\n  expr: sum(\n",
            "4:9: group \"g1\", rule 0, \"A\": could not parse expression: 1:5: parse error: unclosed left parenthesis\n",
            "\n",
        ),
    ] {
        let reply = ask(mimir.address(), "POST", &format!("{MIMIR}/ns"), body).await;
        assert_reply(&reply, 400, in_mimir);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_reply(&ask(cortex.address(), "POST", &format!("{CORTEX}/ns"), body).await, 400, in_cortex);
    }
    let page = ask(mimir.address(), "GET", CORTEX, "").await;
    assert_reply(&page, 404, "404 page not found\n");
    let method = ask(mimir.address(), "PUT", &format!("{MIMIR}/ns"), "").await;
    assert_eq!((status_and_text(&method), method.header("allow")), ((405, String::new()), None));
}

#[tokio::test]
async fn group_limit_prevents_replacement() {
    let ruler = start(mimir().limits(Limits { groups: 1, ..Limits::default() })).await;
    assert_eq!(ask(ruler.address(), "POST", &format!("{MIMIR}/ns"), GROUP).await.status, 202);
    let reply = ask(ruler.address(), "POST", &format!("{MIMIR}/ns"), GROUP).await;
    assert_reply(&reply, 400, "per-user rule groups limit (limit: 1 actual: 2) exceeded\n");
    assert_eq!(ask(ruler.address(), "DELETE", &format!("{MIMIR}/ns/g"), "").await.status, 202);
    assert_eq!(ask(ruler.address(), "POST", &format!("{MIMIR}/ns"), GROUP).await.status, 202);
}

#[tokio::test]
async fn protected_namespaces_require_the_override_header() {
    let protected =
        Limits { protected_namespaces: vec!["b".to_owned(), "a".to_owned()], ..Limits::default() };
    let ruler = start(mimir().limits(protected)).await;
    let path = format!("{MIMIR}/a");
    for method in ["POST", "DELETE"] {
        let reply = ask(ruler.address(), method, &path, GROUP).await;
        assert_reply(&reply, 403, "namespace is protected, no modification allowed\n");
    }
    for (value, status) in [("x, a", 403), ("b,a", 202)] {
        let headers = [("x-scope-orgid", "t1"), ("x-mimir-ruler-override-namespace-protection", value)];
        let body = Bytes::from_static(GROUP.as_bytes());
        assert_eq!(
            send(ruler.address(), "POST", &path, &headers, body).await.expect("an answer").status,
            status
        );
    }
    let list = ask(ruler.address(), "GET", MIMIR, "").await;
    assert_eq!(list.header("x-mimir-ruler-protected-namespaces"), Some("a"));
}

#[tokio::test]
async fn tenants_are_separate_unless_tenancy_is_disabled() {
    let ruler = start(mimir()).await;
    ask(ruler.address(), "POST", &format!("{MIMIR}/ns"), GROUP).await;
    let none = send(ruler.address(), "GET", MIMIR, &[], Bytes::new()).await.expect("an answer");
    assert_reply(&none, 401, "no org id\n");
    let other = send(ruler.address(), "GET", MIMIR, &[("x-scope-orgid", "t2")], Bytes::new())
        .await
        .expect("an answer");
    assert_reply(&other, 200, "{}\n");
    assert_eq!(ruler.tenants(), ["t1"]);
    let ruler = start(mimir().only_tenant("anonymous")).await;
    ask(ruler.address(), "POST", &format!("{MIMIR}/ns"), GROUP).await;
    assert_eq!(ruler.tenants(), ["anonymous"]);
}

#[tokio::test]
async fn tenants_are_listed_by_name_to_programs_and_people() {
    let ruler = start(mimir()).await;
    let tenants = async |headers: &[(&str, &str)]| {
        send(ruler.address(), "GET", "/ruler/tenants", headers, Bytes::new()).await.expect("an answer")
    };
    let json = [("accept", "application/json")];
    let names = |reply: &Reply| {
        let mut document: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
        let now = document.as_object_mut().expect("an object").remove("now").expect("a time");
        assert!(now.as_str().is_some_and(|now| now.ends_with('Z')), "{now}");
        document
    };
    assert_eq!(names(&tenants(&json).await), serde_json::json!({}), "left out if there are none");
    for tenant in ["b", "a"] {
        ruler.put(tenant, "ns", GROUP).expect("a group");
    }
    let reply = tenants(&json).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(names(&reply), serde_json::json!({"tenants": ["a", "b"]}));
    let page = tenants(&[]).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("<li>a</li><li>b</li>"), "{}", page.text());
}

#[tokio::test]
async fn long_answers_are_compressed_if_accepted() {
    let ruler = start(mimir()).await;
    let rules = "- {record: r, expr: up}\n".repeat(100);
    ruler.put("t1", "ns", &format!("name: g\nrules:\n{rules}")).expect("a group");
    let headers = [("x-scope-orgid", "t1"), ("accept-encoding", "gzip")];
    let packed = send(ruler.address(), "GET", MIMIR, &headers, Bytes::new()).await.expect("an answer");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed.body.as_ref()), &mut text)
        .expect("gzip");
    let plain = ask(ruler.address(), "GET", MIMIR, "").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("Accept-Encoding")));
    assert_eq!(plain.text(), text);
}

#[tokio::test]
async fn names_too_long_for_a_file_are_rejected() {
    let ruler = start(mimir()).await;
    for (length, status) in [(189, 202), (190, 500)] {
        let path = format!("{MIMIR}/{}", "n".repeat(length));
        assert_eq!(ask(ruler.address(), "POST", &path, GROUP).await.status, status);
    }
    let ruler = start(mimir().longest_name(1000)).await;
    assert_eq!(
        ask(ruler.address(), "POST", &format!("{MIMIR}/{}", "n".repeat(190)), GROUP).await.status,
        202
    );
}

#[tokio::test]
async fn storage_directory_keeps_rules() {
    let directory = tempfile::tempdir().expect("a directory");
    let ruler = start(mimir().storage(directory.path())).await;
    for namespace in ["a%2Fb", "c", "d"] {
        assert_eq!(ask(ruler.address(), "POST", &format!("{MIMIR}/{namespace}"), GROUP).await.status, 202);
    }
    assert_eq!(ask(ruler.address(), "DELETE", &format!("{MIMIR}/c"), "").await.status, 202);
    assert_eq!(ask(ruler.address(), "DELETE", &format!("{MIMIR}/d/g"), "").await.status, 202);
    let before = ruler.rules("t1");
    ruler.shutdown().await;
    let ruler = start(mimir().storage(directory.path())).await;
    assert_eq!(ruler.rules("t1"), before);
    assert_eq!(before.keys().collect::<Vec<_>>(), ["a/b"]);
    // A storage path that is not a directory makes the start fail.
    drop(directory);
    let file = std::env::temp_dir().join(format!("rulesync-ruler-server-{}", std::process::id()));
    std::fs::write(&file, "").expect("a file");
    assert!(RulerServer::start(mimir().storage(&file)).await.is_err());
    std::fs::remove_file(file).expect("removed");
}

#[tokio::test]
async fn reads_see_previous_writes() {
    let ruler = start(mimir()).await;
    for minutes in 1..=50 {
        let body = format!("name: g\ninterval: {minutes}m\nrules: [{{record: r, expr: up}}]\n");
        ask(ruler.address(), "POST", &format!("{MIMIR}/ns"), &body).await;
        let interval = format!("interval: {}\n", Millis(minutes * 60_000));
        for path in [MIMIR.to_owned(), format!("{MIMIR}/ns"), format!("{MIMIR}/ns/g")] {
            assert!(
                ask(ruler.address(), "GET", &path, "").await.text().contains(&interval),
                "{path} {minutes}"
            );
        }
    }
}

#[tokio::test]
async fn builder_options_for_routes_and_names() {
    let ruler = start(mimir().prometheus_prefix("/prom/").name_scheme(NameScheme::Utf8)).await;
    let body = "name: g\nrules: [{record: 'ä.b', expr: up}]\n";
    assert_eq!(ask(ruler.address(), "POST", "/prom/config/v1/rules/ns", body).await.status, 202);
    let ruler = start(mimir().api_disabled()).await;
    assert_reply(&ask(ruler.address(), "GET", MIMIR, "").await, 404, "404 page not found\n");
    let info = send(ruler.address(), "GET", "/prometheus/api/v1/status/buildinfo", &[], Bytes::new()).await;
    assert!(info.expect("an answer").text().contains(r#""ruler_config_api":"false""#));
    let ruler = start(cortex().legacy_prefix("/old")).await;
    assert_eq!(ask(ruler.address(), "POST", "/old/rules/ns", GROUP).await.status, 202);
}

#[tokio::test]
async fn body_limit_is_enforced() {
    let ruler = start(mimir().longest_body(1 << 20)).await;
    let path = format!("{MIMIR}/ns");
    let body = |length: usize| format!("{GROUP}{}", "#".repeat(length - GROUP.len()));
    assert_eq!(ask(ruler.address(), "POST", &path, &body(1 << 20)).await.status, 202);
    for (length, framed) in [((1 << 20) + 1, "length"), (2 << 20, "length"), ((1 << 20) + 1, "chunks")] {
        ruler.remove_namespace("t1", "ns").expect("removes");
        let reply = if framed == "chunks" {
            in_chunks(&ruler, &path, &body(length)).await
        } else {
            status_and_text(&ask(ruler.address(), "POST", &path, &body(length)).await)
        };
        assert_eq!(reply, (413, "request body too large\n".to_owned()), "{length} in {framed}");
        assert_eq!(ruler.group_count("t1"), 0);
    }
}

/// Posts a body without a content length.
async fn in_chunks(ruler: &RulerServer, path: &str, body: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(ruler.address()).await.expect("connects");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nX-Scope-OrgID: t1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sends");
    for chunk in body.as_bytes().chunks(10_000) {
        stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await.expect("sends");
        stream.write_all(chunk).await.expect("sends");
        stream.write_all(b"\r\n").await.expect("sends");
    }
    stream.write_all(b"0\r\n\r\n").await.expect("sends");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("an answer");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    (head[9..12].parse().expect("a status"), body.to_owned())
}

#[tokio::test]
async fn body_that_exhausts_the_parser_is_rejected() {
    let ruler = start(mimir()).await;
    let deep = format!("name: g\nrules: {}", "[".repeat(200_000));
    let deep_unknown = format!("name: g\nx: {}{}", "{a: ".repeat(100_000), "}".repeat(100_000));
    let mut aliases = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        aliases += &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(","));
    }
    aliases += "name: g\nrules: [{record: r, expr: up, labels: {a: *a11}}]\n";
    for (what, body) in [("deep", deep), ("deep and unknown", deep_unknown), ("aliases", aliases)] {
        let reply = ask(ruler.address(), "POST", &format!("{MIMIR}/ns"), &body).await;
        assert_eq!(reply.status, 400, "{what}");
    }
}
