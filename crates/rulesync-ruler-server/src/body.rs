//! Bodies of requests and responses, for whoever serves a [`RulerService`](crate::RulerService).

use std::{convert::Infallible, io};

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};

/// A response body: complete or streamed. An error in it closes the connection, as a dying server would.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A complete body.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// The maximum buffer size, in bytes, reserved because of an announced content length.
const MAX_RESERVED: usize = 64 << 10;

/// Reads a request's body completely; returns `None` if it is longer than `longest`. Of such a body, as many bytes again
/// are read and discarded, because a client that is still sending may not see the answer.
///
/// # Errors
/// If the client breaks off.
pub async fn read<B>(mut body: B, longest: usize) -> Result<Option<Bytes>, B::Error>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut kept = BytesMut::with_capacity(announced.min(MAX_RESERVED));
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > longest.saturating_mul(2) {
            break;
        }
        if length <= longest && announced <= longest {
            // Copied, because a client may send one byte at a time, and each chunk would hold a buffer.
            kept.extend_from_slice(&data);
        } else {
            kept = BytesMut::new();
        }
    }
    Ok((length <= longest && announced <= longest).then(|| kept.freeze()))
}

/// The answer to a body for which [`read`] returned `None`.
pub fn too_large() -> Response<Body> {
    let mut response = Response::new(full("request body too large\n"));
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response
}
