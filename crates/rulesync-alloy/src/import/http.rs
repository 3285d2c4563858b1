//! The settings of the HTTP client. Their names are nearly those of rulesync; both take them from Prometheus.

use super::credentials::holds_known_password;
use super::fields::{Context, Fields, Located};
use crate::evaluate::Text;
use crate::syntax::{Block, Position};
use crate::yaml::{Entry, Mapping, Node, Scalar};

/// The attributes of a component that are about its HTTP client.
pub(super) const ATTRIBUTES: [&str; 9] = [
    "bearer_token",
    "bearer_token_file",
    "enable_http2",
    "follow_redirects",
    "http_headers",
    "no_proxy",
    "proxy_connect_header",
    "proxy_from_environment",
    "proxy_url",
];

/// The blocks of a component that are about its HTTP client.
pub(super) const BLOCKS: [&str; 4] = ["authorization", "basic_auth", "oauth2", "tls_config"];

const PROXY: [&str; 4] = ["no_proxy", "proxy_connect_header", "proxy_from_environment", "proxy_url"];

/// The header that names the tenant.
const TENANT_HEADER: &str = "x-scope-orgid";

/// The settings of a client.
pub(super) struct Client {
    pub(super) settings: Mapping,
    /// The tenant, if it is sent as one of the headers.
    pub(super) tenant: Option<Located<Text>>,
}

/// Reads the settings of the client of a component.
pub(super) fn client(fields: &Fields<'_, '_>) -> Client {
    let mut settings = Mapping::new();
    one_authentication(fields);
    let block = |name: &str, read: fn(&Context<'_, '_>, &Block) -> Mapping| {
        let block = fields.block(name)?;
        Some(Entry::new(name, Node::Mapping(read(fields.context(), block))).at(block.position))
    };
    settings.extend(block("basic_auth", basic_auth));
    settings.extend(block("authorization", authorization));
    settings.extend(block("oauth2", oauth2));
    settings.extend(fields.setting_or_file("bearer_token", "bearer_token"));
    settings.extend(fields.setting("bearer_token_file", "bearer_token_file"));
    settings.extend(block("tls_config", tls));
    settings.extend(proxy(fields));
    let (headers, tenant) = headers(fields);
    settings.extend(headers);
    if let Some(Located { value: false, position }) = fields.bool("enable_http2") {
        settings.push(Entry::new("enable_http2", Node::plain(false)).at(position));
    }
    if let Some(Located { value: true, position }) = fields.bool("follow_redirects") {
        let text = "`follow_redirects`: rulesync reports redirects and does not follow them; give the address that they \
                    lead to";
        fields.context().messages.borrow_mut().warning(position, text);
    }
    Client { settings, tenant }
}

fn one_authentication(fields: &Fields<'_, '_>) {
    let blocks = ["basic_auth", "authorization", "oauth2"];
    let blocks = blocks.iter().filter_map(|name| fields.blocks(name).next()).map(|block| block.position);
    let attributes = ["bearer_token", "bearer_token_file"];
    let attributes = attributes.iter().filter(|name| fields.text(name).is_some());
    let attributes = attributes.filter_map(|name| fields.attribute(name)).map(|attribute| attribute.position);
    let mut all: Vec<Position> = blocks.chain(attributes).collect();
    all.sort_unstable();
    if let Some(second) = all.get(1) {
        let text = "at most one of `basic_auth`, `authorization`, `oauth2`, `bearer_token` and `bearer_token_file` can be \
                    set";
        fields.context().error(*second, text);
    }
}

fn basic_auth(context: &Context<'_, '_>, block: &Block) -> Mapping {
    let fields = Fields::of(context, block, &["username", "password", "password_file"], &[]);
    let username = fields.setting_or_file("username", "username");
    if username.is_none() {
        fields.required_text("username");
    }
    exclusive(&fields, "password", "password_file");
    let settings = [
        username,
        fields.setting_or_file("password", "password"),
        fields.setting("password_file", "password_file"),
    ];
    settings.into_iter().flatten().collect()
}

fn authorization(context: &Context<'_, '_>, block: &Block) -> Mapping {
    let fields = Fields::of(context, block, &["type", "credentials", "credentials_file"], &[]);
    exclusive(&fields, "credentials", "credentials_file");
    let settings = [
        fields.setting("type", "type"),
        fields.setting_or_file("credentials", "credentials"),
        fields.setting("credentials_file", "credentials_file"),
    ];
    settings.into_iter().flatten().collect()
}

/// What `oauth2` has for signed assertions, which rulesync has not.
const ASSERTIONS: [&str; 7] = [
    "audience",
    "claims",
    "client_certificate_key",
    "client_certificate_key_file",
    "client_certificate_key_id",
    "iss",
    "signature_algorithm",
];

fn oauth2(context: &Context<'_, '_>, block: &Block) -> Mapping {
    const OWN: [&str; 7] = [
        "client_id",
        "client_secret",
        "client_secret_file",
        "endpoint_params",
        "grant_type",
        "scopes",
        "token_url",
    ];
    let attributes = [&OWN[..], &ASSERTIONS, &PROXY].concat();
    let fields = Fields::of(context, block, &attributes, &["tls_config"]);
    for name in ASSERTIONS {
        if let Some(attribute) = fields.attribute(name) {
            let text = format!("`{name}`: rulesync gets tokens with client credentials only");
            context.error(attribute.position, text);
        }
    }
    if let Some(grant) = fields.known_text("grant_type").filter(|grant| grant.value != "client_credentials") {
        let text =
            format!("`grant_type` `{}`: rulesync gets tokens with client credentials only", grant.value);
        context.error(grant.position, text);
    }
    for name in ["client_id", "token_url"] {
        fields.required_text(name);
    }
    exclusive(&fields, "client_secret", "client_secret_file");
    let mut settings: Mapping = [
        fields.setting("client_id", "client_id"),
        fields.setting_or_file("client_secret", "client_secret"),
        fields.setting("client_secret_file", "client_secret_file"),
        fields.address("token_url", "client_secret"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(scopes) = fields.texts("scopes").filter(|scopes| !scopes.value.is_empty()) {
        let scopes = located(scopes, |text, position| context.scalar("scopes", text, position));
        settings.extend(scopes.map(|(list, position)| Entry::new("scopes", list).at(position)));
    }
    if let Some(Located { value, position }) = fields.map("endpoint_params") {
        let mut parameters = Mapping::new();
        for (name, text) in &value {
            let scalar = context.scalar(&format!("endpoint_params.{name}"), text, position);
            parameters.extend(scalar.map(|scalar| Entry::new(name, Node::Scalar(scalar)).at(position)));
        }
        settings.push(Entry::new("endpoint_params", Node::Mapping(parameters)).at(position));
    }
    if let Some(block) = fields.block("tls_config") {
        settings.push(Entry::new("tls_config", Node::Mapping(tls(context, block))).at(block.position));
    }
    settings.extend(proxy(&fields));
    settings
}

fn tls(context: &Context<'_, '_>, block: &Block) -> Mapping {
    let attributes = [
        "ca_file",
        "ca_pem",
        "cert_file",
        "cert_pem",
        "insecure_skip_verify",
        "key_file",
        "key_pem",
        "min_version",
        "server_name",
    ];
    let fields = Fields::of(context, block, &attributes, &[]);
    let mut settings = Mapping::new();
    for (text, file, key) in
        [("ca_pem", "ca_file", "ca"), ("cert_pem", "cert_file", "cert"), ("key_pem", "key_file", "key")]
    {
        exclusive(&fields, text, file);
        settings.extend(fields.setting_or_file(text, key));
        settings.extend(fields.setting(file, file));
    }
    settings.extend(fields.setting("server_name", "server_name"));
    if let Some(Located { value: true, position }) = fields.bool("insecure_skip_verify") {
        settings.push(Entry::new("insecure_skip_verify", Node::plain(true)).at(position));
    }
    if let Some(version) = fields.known_text("min_version") {
        match version.value.as_str() {
            "TLS10" | "TLS11" => {
                let text = format!("`min_version` `{}`: rulesync uses TLS 1.2 at least", version.value);
                context.messages.borrow_mut().warning(version.position, text);
            }
            "TLS12" | "TLS13" => {
                settings.push(Entry::new("min_version", Node::text(version.value)).at(version.position));
            }
            _ => {
                context.error(version.position, "`min_version` is one of `TLS10`, `TLS11`, `TLS12`, `TLS13`")
            }
        }
    }
    settings
}

fn proxy(fields: &Fields<'_, '_>) -> Mapping {
    let context = fields.context();
    if let Some(Located { value, position }) = fields.text("proxy_url")
        && holds_known_password(&value)
    {
        let mut messages = context.messages.borrow_mut();
        messages.secret(position, "the password in `proxy_url`", "a variable of the environment");
    }
    let mut settings: Mapping =
        [fields.setting("proxy_url", "proxy_url"), fields.setting("no_proxy", "no_proxy")]
            .into_iter()
            .flatten()
            .collect();
    if let Some(Located { value: true, position }) = fields.bool("proxy_from_environment") {
        settings.push(Entry::new("proxy_from_environment", Node::plain(true)).at(position));
    }
    if let Some(Located { value, position }) = fields.lists("proxy_connect_header") {
        let mut headers = Mapping::new();
        for (name, values) in value {
            let values = located(Located { value: values, position }, |text, position| {
                let what = format!("proxy_connect_header.{name}");
                if text.has_literal() {
                    let mut messages = context.messages.borrow_mut();
                    messages.secret(position, &format!("`{what}`"), "a variable of the environment");
                }
                context.scalar(&what, text, position)
            });
            headers.extend(values.map(|(list, position)| Entry::new(name.as_str(), list).at(position)));
        }
        if !headers.is_empty() {
            settings.push(Entry::new("proxy_connect_header", Node::Mapping(headers)).at(position));
        }
    }
    settings
}

/// Reads the headers. The one that names the tenant has a setting of its own.
fn headers(fields: &Fields<'_, '_>) -> (Option<Entry>, Option<Located<Text>>) {
    let Some(Located { value, position }) = fields.lists("http_headers") else { return (None, None) };
    let context = fields.context();
    let (mut headers, mut tenant) = (Mapping::new(), None);
    for (name, values) in value {
        if name.eq_ignore_ascii_case(TENANT_HEADER) {
            match <[Text; 1]>::try_from(values) {
                Ok([value]) => tenant = Some(Located { value, position }),
                Err(_) => context.error(position, format!("the header `{name}` names one tenant")),
            }
            continue;
        }
        let (mut secrets, mut files) = (Vec::new(), Vec::new());
        for value in &values {
            if value.has_literal() {
                let what = format!("the header `{name}`");
                context.messages.borrow_mut().secret(position, &what, "a file, with `files`");
            }
            match context.deployment.borrow_mut().setting(value) {
                Ok(crate::deployment::Setting::Value(scalar)) => secrets.push(Node::Scalar(scalar)),
                Ok(crate::deployment::Setting::File(path)) => files.push(Node::Scalar(path)),
                Err(reason) => context.error(position, format!("the header `{name}`: {reason}")),
            }
        }
        let lists = [("secrets", secrets), ("files", files)];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists: Mapping =
            lists.map(|(key, list)| Entry::new(key, Node::List(list)).at(position)).collect();
        if !lists.is_empty() {
            headers.push(Entry::new(name, Node::Mapping(lists)).at(position));
        }
    }
    let headers =
        (!headers.is_empty()).then(|| Entry::new("http_headers", Node::Mapping(headers)).at(position));
    (headers, tenant)
}

fn exclusive(fields: &Fields<'_, '_>, text: &str, file: &str) {
    if let (Some(_), Some(second)) = (fields.text(text), fields.text(file)) {
        let message = format!("`{text}` and `{file}` exclude each other");
        fields.context().error(second.position, message);
    }
}

/// A list of texts as settings; none if one of them cannot be a setting.
fn located(
    list: Located<Vec<Text>>,
    scalar: impl Fn(&Text, Position) -> Option<Scalar>,
) -> Option<(Node, Position)> {
    let Located { value, position } = list;
    let items: Option<Vec<Node>> =
        value.iter().map(|text| scalar(text, position).map(Node::Scalar)).collect();
    Some((Node::List(items?), position))
}
