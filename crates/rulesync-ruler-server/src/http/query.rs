//! The query of a request, parsed as a form.

use percent_encoding::percent_decode_str;

/// The parameters in order, decoded.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// The first value of a parameter; empty if there is none.
pub(crate) fn first<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// All values of a parameter.
pub(crate) fn all(pairs: &[(String, String)], name: &str) -> Vec<String> {
    pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_are_decoded() {
        let pairs = pairs("file[]=a%2Fb&file%5B%5D=c+d&&flag");
        assert_eq!(all(&pairs, "file[]"), ["a/b", "c d"]);
        assert_eq!((first(&pairs, "file[]"), first(&pairs, "flag"), first(&pairs, "none")), ("a/b", "", ""));
    }
}
