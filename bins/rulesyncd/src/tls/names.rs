//! The names in a certificate.

use std::net::{Ipv4Addr, Ipv6Addr};

use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Returns the subject alternative names of a certificate that are compared with those that are allowed: DNS names, mail
/// addresses, IP addresses and URIs, as Go writes them. What cannot be read has none.
pub(super) fn alternative_names(certificate: &[u8]) -> Vec<String> {
    let Ok(certificate) = Certificate::from_der(certificate) else { return Vec::new() };
    let names = certificate.tbs_certificate().get_extension::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(names)))) = names else { return Vec::new() };
    let written = |name: &GeneralName| match name {
        GeneralName::DnsName(name)
        | GeneralName::Rfc822Name(name)
        | GeneralName::UniformResourceIdentifier(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()),
        _ => None,
    };
    names.iter().filter_map(written).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).to_string());
    }
    let address = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
    // Go takes both forms of one address for the same.
    Some(address.to_ipv4_mapped().map_or_else(|| address.to_string(), |address| address.to_string()))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn names_of(names: Vec<SanType>) -> Vec<String> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        alternative_names(certificate.der())
    }

    #[test]
    fn names_of_a_certificate_are_of_four_kinds() {
        let names = names_of(vec![
            SanType::DnsName("prometheus.example".try_into().unwrap()),
            SanType::Rfc822Name("ops@example.com".try_into().unwrap()),
            SanType::URI("spiffe://cluster/ns/monitoring".try_into().unwrap()),
            SanType::IpAddress("10.0.0.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
            SanType::IpAddress("::ffff:10.0.0.2".parse().unwrap()),
        ]);
        let expected = [
            "prometheus.example",
            "ops@example.com",
            "spiffe://cluster/ns/monitoring",
            "10.0.0.1",
            "2001:db8::1",
            "10.0.0.2",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn names_are_none_where_there_is_no_certificate() {
        assert_eq!(names_of(Vec::new()), Vec::<String>::new());
        for bytes in [&b""[..], b"no certificate", &[0x30, 0x82, 0xff, 0xff]] {
            assert_eq!(alternative_names(bytes), Vec::<String>::new());
        }
    }
}
