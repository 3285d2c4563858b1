//! Validation of the parameter of `ip("...")`: an address, a range or a network.

use std::net::IpAddr;

/// Returns `true` if Loki accepts the pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    if let Some((from, to)) = text.split_once('-') {
        return match (from.trim().parse::<IpAddr>(), to.trim().parse::<IpAddr>()) {
            (Ok(from), Ok(to)) => from.is_ipv4() == to.is_ipv4() && from <= to,
            _ => false,
        };
    }
    if let Some((address, bits)) = text.split_once('/') {
        let Ok(address) = address.parse::<IpAddr>() else { return false };
        let max = if address.is_ipv4() { 32 } else { 128 };
        let is_plain =
            bits == "0" || bits.bytes().all(|byte| byte.is_ascii_digit()) && !bits.starts_with('0');
        return is_plain && bits.parse::<u8>().is_ok_and(|bits| bits <= max);
    }
    // A zone, as in `fe80::1%eth0`, is not checked.
    text.split('%').next().is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::is_pattern;

    #[test]
    fn ip_pattern_accepts_addresses_ranges_and_networks() {
        for text in [
            "192.0.2.0",
            "::1",
            "fe80::1%eth0",
            "10.0.0.1-10.0.0.9",
            "2001:db8::1-2001:db8::8",
            "10.1.2.3/16",
            "::/0",
        ] {
            assert!(is_pattern(text), "{text}");
        }
    }

    #[test]
    fn ip_pattern_rejects_invalid_input() {
        for text in [
            "",
            "x",
            "10.0.0",
            "10.0.0.9-10.0.0.1",
            "10.0.0.1-::1",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/08",
            "-",
        ] {
            assert!(!is_pattern(text), "{text}");
        }
    }
}
