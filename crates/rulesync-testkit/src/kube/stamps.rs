//! What a server adds to objects by itself: the time, uids and the endings of generated names.

use fastrand::Rng;

use super::clock::Clock;

/// The clock and the source of random identifiers of a server.
#[derive(Debug)]
pub(crate) struct Stamps {
    pub(crate) clock: Clock,
    random: Rng,
}

impl Stamps {
    /// With a seed, identifiers are the same in every run.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self { clock: Clock::default(), random: seed.map_or_else(Rng::new, Rng::with_seed) }
    }

    /// The current time in the format of `metadata.creationTimestamp`.
    pub(crate) fn now(&self) -> String {
        self.clock.now()
    }

    /// A random (version 4) UUID.
    pub(crate) fn uid(&mut self) -> String {
        let bits = (self.random.u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// Five random characters for a generated name, from Kubernetes' alphabet, which cannot spell words.
    pub(crate) fn suffix(&mut self) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..5).map(|_| char::from(ALPHABET[self.random.usize(..ALPHABET.len())])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_distinct_version_4_uuids() {
        let mut stamps = Stamps::new(None);
        let (one, two) = (stamps.uid(), stamps.uid());
        assert_ne!(one, two);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!("89ab".contains(&one[19..20]), "{one}");
    }

    #[test]
    fn stamps_with_a_seed_repeat_themselves() {
        let mut runs = [Stamps::new(Some(1)), Stamps::new(Some(1))].map(|mut s| (s.uid(), s.suffix()));
        assert_eq!(runs[0], runs[1]);
        runs[1] = (Stamps::new(Some(2)).uid(), String::new());
        assert_ne!(runs[0].0, runs[1].0);
    }
}
