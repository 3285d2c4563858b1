//! Limits the size of the API server's responses. kube buffers whole pages of lists and lines of watches of any length;
//! here a body that exceeds its limit ends with an error.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use tower::{BoxError, Layer, Service};

/// The maximum length of an error response, of which only the message is used.
const ERROR_BYTES: usize = 1 << 20;

/// The limits, as a layer around a client's HTTP service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The maximum length of a line of a watch.
    pub(crate) event: usize,
    /// The maximum length of any other response, such as a page of a list.
    pub(crate) page: usize,
}

/// The error for a response of the API server that exceeds its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is longer than {limit} bytes")]
pub(crate) struct TooLong {
    what: &'static str,
    limit: usize,
}

impl TooLong {
    /// Returns `true` if this error ended a watch.
    pub(crate) fn caused(error: &kube::Error) -> bool {
        let kube::Error::ReadEvents(error) = error else { return false };
        let mut cause = error.get_ref().map(|error| error as &(dyn std::error::Error + 'static));
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl<S> Layer<S> for Bounds {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Bounded<S> {
        Bounded { inner, bounds: *self }
    }
}

/// A client's HTTP service with limits.
#[derive(Debug, Clone)]
pub(crate) struct Bounded<S> {
    inner: S,
    bounds: Bounds,
}

impl<S, A, B> Service<Request<A>> for Bounded<S>
where
    S: Service<Request<A>, Response = Response<B>, Future: Send + 'static>,
{
    type Response = Response<Limited<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (bounds, is_watch) = (self.bounds, is_watch(request.uri()));
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await?;
            let meter = bounds.meter(is_watch, response.status());
            Ok(response.map(|inner| Limited { inner, meter }))
        })
    }
}

impl Bounds {
    fn meter(&self, is_watch: bool, status: StatusCode) -> Meter {
        let (what, limit, by_line) = match (status.is_success(), is_watch) {
            (false, _) => ("an error of the API server", ERROR_BYTES, false),
            (true, true) => ("an event of the watch", self.event, true),
            (true, false) => ("a response of the API server, such as one page of a list,", self.page, false),
        };
        Meter { limit: TooLong { what, limit }, by_line, read: 0 }
    }
}

fn is_watch(uri: &Uri) -> bool {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    parameters.any(|parameter| matches!(parameter, "watch=true" | "watch=1"))
}

/// Counts the bytes of a body, or of each of its lines.
#[derive(Debug)]
struct Meter {
    limit: TooLong,
    by_line: bool,
    read: usize,
}

impl Meter {
    fn count(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if !self.by_line {
            return self.add(bytes.len());
        }
        let mut lines = bytes.split(|byte| *byte == b'\n');
        self.add(lines.next().map_or(0, <[u8]>::len))?;
        for line in lines {
            self.read = 0;
            self.add(line.len())?;
        }
        Ok(())
    }

    fn add(&mut self, bytes: usize) -> Result<(), TooLong> {
        self.read = self.read.saturating_add(bytes);
        if self.read > self.limit.limit { Err(self.limit) } else { Ok(()) }
    }
}

/// A body that ends with an error when it exceeds its limit.
#[derive(Debug)]
pub(crate) struct Limited<B> {
    inner: B,
    meter: Meter,
}

impl<B> Body for Limited<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(Into::into)?;
            if let Some(bytes) = frame.data_ref() {
                self.meter.count(bytes)?;
            }
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { event: 4, page: 8 };

    fn count(mut meter: Meter, chunks: &[&str]) -> Result<(), String> {
        chunks.iter().try_for_each(|chunk| meter.count(chunk.as_bytes())).map_err(|error| error.to_string())
    }

    #[test]
    fn meter_counts_each_line_of_watch() {
        let watch = || BOUNDS.meter(true, StatusCode::OK);
        for good in [&["1234\n", "1234\n1234"][..], &["12", "34\n", "\n\n\n\n\n", "12"]] {
            assert_eq!(count(watch(), good), Ok(()), "{good:?}");
        }
        for bad in [&["12345"][..], &["1234", "5\n"], &["1\n12", "345"], &["1\n12345\n"]] {
            let error = Err("an event of the watch is longer than 4 bytes".to_owned());
            assert_eq!(count(watch(), bad), error, "{bad:?}");
        }
    }

    #[test]
    fn meter_counts_whole_body_of_other_responses() {
        let page = || BOUNDS.meter(false, StatusCode::OK);
        assert_eq!(count(page(), &["1234\n", "123"]), Ok(()));
        assert!(
            count(page(), &["1234\n", "1234"]).unwrap_err().contains("such as one page of a list, is longer")
        );
        let error = BOUNDS.meter(true, StatusCode::FORBIDDEN);
        assert!(count(error, &["x".repeat(ERROR_BYTES).as_str()]).is_ok());
        assert!(is_watch(&"/apis?limit=1&watch=true".parse().unwrap()));
        assert!(!is_watch(&"/apis?limit=1&watch=0".parse().unwrap()));
    }
}
