//! The headers of a signed request. Pure.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_http};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::Request;
use reqwest::header::HeaderName;

use super::keys::Keys;
use crate::connection::credentials::header_value;
use crate::settings::Secret;

/// Adds the headers that sign a request: its method, path, query, headers and body.
pub(super) fn sign(
    request: &mut Request,
    keys: &Keys,
    region: &str,
    service: &str,
    time: SystemTime,
) -> Result<(), String> {
    let Keys { id, secret, token, expires: _ } = keys;
    let token = token.as_ref().map(|token| Secret::expose(token).to_owned());
    let identity = Credentials::new(id, secret.expose(), token, None, "rulesync").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let mut headers = Vec::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        let value =
            value.to_str().map_err(|_| format!("the header `{name}` is not text, so it cannot be signed"))?;
        headers.push((name.as_str(), value));
    }
    let body = match request.body() {
        Some(body) => body.as_bytes().ok_or("a body that is not in memory cannot be signed")?,
        None => &[],
    };
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.url().as_str(),
        headers.into_iter(),
        SignableBody::Bytes(body),
    );
    let signed =
        signable.and_then(|signable| sign_http(signable, &params)).map_err(|error| error.to_string())?;
    let (instructions, _) = signed.into_parts();
    for (name, value) in instructions.headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        let value = header_value(value).map_err(|reason| format!("a credential {reason}"))?;
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The keys of Amazon's published examples, which are the keys of its signature test suite as well.
    fn keys(token: Option<&str>) -> Keys {
        Keys::lasting("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    }

    /// 2015-08-30T12:36:00Z, the time of the signature test suite.
    fn time() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160)
    }

    fn signed(mut request: Request, token: Option<&str>) -> Request {
        sign(&mut request, &keys(token), "us-east-1", "service", time()).unwrap();
        request
    }

    fn request(method: reqwest::Method, url: &str) -> Request {
        Request::new(method, url.parse().unwrap())
    }

    fn header<'a>(request: &'a Request, name: &str) -> &'a str {
        request.headers()[name].to_str().unwrap()
    }

    fn signature(request: &Request) -> &str {
        header(request, "authorization").rsplit_once("Signature=").unwrap().1
    }

    /// `get-vanilla`, `post-vanilla` and `get-vanilla-query-order-key-case` of Amazon's signature test suite.
    #[test]
    fn signature_is_that_of_the_published_test_suite() {
        let get = signed(request(reqwest::Method::GET, "https://example.amazonaws.com/"), None);
        assert_eq!(
            header(&get, "authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert_eq!(header(&get, "x-amz-date"), "20150830T123600Z");
        let post = signed(request(reqwest::Method::POST, "https://example.amazonaws.com/"), None);
        assert_eq!(signature(&post), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
        let url = "https://example.amazonaws.com/?Param2=value2&Param1=value1";
        let query = signed(request(reqwest::Method::GET, url), None);
        assert_eq!(signature(&query), "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    }

    #[test]
    fn signature_covers_method_path_headers_and_body() {
        let url = "https://aps.example.com/config/v1/rules/a%20b";
        let base = || {
            let mut request = request(reqwest::Method::POST, url);
            request.headers_mut().insert("x-scope-orgid", "prod".parse().unwrap());
            *request.body_mut() = Some("{}".into());
            request
        };
        let of = |change: &dyn Fn(&mut Request)| {
            let mut request = base();
            change(&mut request);
            signature(&signed(request, None)).to_owned()
        };
        let plain = of(&|_| {});
        assert_eq!(plain, of(&|_| {}));
        let changes: [&dyn Fn(&mut Request); 4] = [
            &|request| *request.body_mut() = Some("{ }".into()),
            &|request| *request.method_mut() = reqwest::Method::DELETE,
            &|request| request.url_mut().set_path("/config/v1/rules/a"),
            &|request| drop(request.headers_mut().insert("x-scope-orgid", "dev".parse().unwrap())),
        ];
        for change in changes {
            assert_ne!(of(change), plain);
        }
    }

    #[test]
    fn signature_of_temporary_keys_covers_their_token_and_hides_it() {
        let request =
            signed(request(reqwest::Method::GET, "https://example.amazonaws.com/"), Some("hunter3"));
        assert_eq!(header(&request, "x-amz-security-token"), "hunter3");
        assert!(
            header(&request, "authorization").contains("SignedHeaders=host;x-amz-date;x-amz-security-token")
        );
        assert!(!format!("{request:?}").contains("hunter3"), "{request:?}");
    }
}
