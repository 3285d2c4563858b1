//! What a connection says of its client, for the pages.

/// What is known of the client of a request. An extension of every request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Whether the connection is encrypted.
    pub(crate) is_encrypted: bool,
    /// Whether the client has shown a certificate that it may have, and its key.
    pub(crate) has_certificate: bool,
}
