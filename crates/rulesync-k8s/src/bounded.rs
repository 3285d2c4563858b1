//! Bounds what is read of the API server's answers. kube collects a page of a list, and a line of a watch, whole and
//! however long they are; here a body that goes on beyond its limit becomes an error.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use tower::{BoxError, Layer, Service};

/// The longest answer that is no success; its message is all that is of use.
const ERROR_BYTES: usize = 1 << 20;

/// Puts the limits around a client's HTTP service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The longest line of a watch.
    pub(crate) event: usize,
    /// The longest answer to anything else, such as a page of a list.
    pub(crate) page: usize,
}

/// An answer of the API server that is longer than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is longer than {limit} bytes")]
pub(crate) struct TooLong {
    what: &'static str,
    limit: usize,
}

impl TooLong {
    /// Whether this is what stopped a watch.
    pub(crate) fn stopped(error: &kube::Error) -> bool {
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
        let (bounds, watches) = (self.bounds, watches(request.uri()));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            let meter = bounds.meter(watches, answer.status());
            Ok(answer.map(|inner| Limited { inner, meter }))
        })
    }
}

impl Bounds {
    fn meter(&self, watches: bool, status: StatusCode) -> Meter {
        let (what, limit, by_line) = match (status.is_success(), watches) {
            (false, _) => ("an error of the API server", ERROR_BYTES, false),
            (true, true) => ("an event of the watch", self.event, true),
            (true, false) => ("an answer of the API server, such as one page of a list,", self.page, false),
        };
        Meter { limit: TooLong { what, limit }, by_line, read: 0 }
    }
}

fn watches(uri: &Uri) -> bool {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    parameters.any(|parameter| matches!(parameter, "watch=true" | "watch=1"))
}

/// Counts a body, or each line of it.
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

/// A body that ends with an error at its limit.
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

    fn counted(mut meter: Meter, portions: &[&str]) -> Result<(), String> {
        portions
            .iter()
            .try_for_each(|portion| meter.count(portion.as_bytes()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn lines_of_a_watch_are_counted_one_by_one() {
        let watch = || BOUNDS.meter(true, StatusCode::OK);
        for good in [&["1234\n", "1234\n1234"][..], &["12", "34\n", "\n\n\n\n\n", "12"]] {
            assert_eq!(counted(watch(), good), Ok(()), "{good:?}");
        }
        for bad in [&["12345"][..], &["1234", "5\n"], &["1\n12", "345"], &["1\n12345\n"]] {
            let told = Err("an event of the watch is longer than 4 bytes".to_owned());
            assert_eq!(counted(watch(), bad), told, "{bad:?}");
        }
    }

    #[test]
    fn other_answers_are_counted_whole() {
        let page = || BOUNDS.meter(false, StatusCode::OK);
        assert_eq!(counted(page(), &["1234\n", "123"]), Ok(()));
        assert!(
            counted(page(), &["1234\n", "1234"])
                .unwrap_err()
                .contains("such as one page of a list, is longer")
        );
        let error = BOUNDS.meter(true, StatusCode::FORBIDDEN);
        assert!(counted(error, &["x".repeat(ERROR_BYTES).as_str()]).is_ok());
        assert!(watches(&"/apis?limit=1&watch=true".parse().unwrap()));
        assert!(!watches(&"/apis?limit=1&watch=0".parse().unwrap()));
    }
}
