//! The order in which `yaml.v3` writes the keys of a map.

use std::cmp::Ordering;

/// Sorts keys as `yaml.v3` does: numbers in them by value, letters after other characters (but before them directly
/// after a digit).
///
/// That is not a total order for every set of strings, for which the sorts of the standard library may panic: this
/// merge sort accepts any comparison.
pub(crate) fn sort_natural<T>(items: Vec<T>, key: impl Fn(&T) -> &str + Copy) -> Vec<T> {
    if items.len() < 2 {
        return items;
    }
    let mut left = items;
    let right = left.split_off(left.len() / 2);
    let mut left = sort_natural(left, key).into_iter().peekable();
    let mut right = sort_natural(right, key).into_iter().peekable();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    loop {
        let next = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if natural(key(b), key(a)) == Ordering::Less => right.next(),
            (Some(_), _) => left.next(),
            (None, _) => right.next(),
        };
        match next {
            Some(item) => merged.push(item),
            None => return merged,
        }
    }
}

fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[at], b[at]);
    let after_digit = at > 0 && a[at - 1].is_numeric();
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return if after_digit { Ordering::Less } else { Ordering::Greater },
        (false, true) => return if after_digit { Ordering::Greater } else { Ordering::Less },
        (false, false) => {}
    }
    // Zeros inside a number must not count as leading zeros: both numbers get a digit in front.
    let inside =
        (x == '0' || y == '0') && a[..at].iter().rev().take_while(|c| c.is_numeric()).any(|c| *c != '0');
    let number = |chars: &[char]| {
        let digits = chars[at..].iter().take_while(|c| c.is_numeric());
        digits.fold((i64::from(inside), at), |(value, end), c| {
            let digit = i64::from(u32::from(*c)) - i64::from(u32::from('0'));
            (value.wrapping_mul(10).wrapping_add(digit), end + 1)
        })
    };
    number(&a).cmp(&number(&b)).then(x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(keys: &[&str]) -> Vec<String> {
        sort_natural(keys.iter().map(|key| (*key).to_owned()).collect(), |key| key.as_str())
    }

    #[test]
    fn natural_sort_orders_numbers_by_value_and_letters_last() {
        assert_eq!(
            sorted(&["y", "ns10", "a/b", "ns9", "Zed", "~", "0x1F", "- x", "123", "1e3", "a b", "ns1"]),
            ["- x", "~", "0x1F", "1e3", "123", "Zed", "a b", "a/b", "ns1", "ns9", "ns10", "y"],
        );
    }

    #[test]
    fn natural_sort_handles_zeros_inside_numbers() {
        assert_eq!(sorted(&["a100", "a10", "a01", "a1"]), ["a1", "a01", "a10", "a100"]);
    }
}
