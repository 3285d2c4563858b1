//! The choice of `yaml.v3` between plain, quoted and block strings. The writer is in `encode`.

/// The styles of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// Returns `true` if a string is written as a block scalar.
pub(crate) fn is_literal(text: &str) -> bool {
    style(text, false) == Style::Literal
}

/// Returns `true` if a block scalar gets an indentation hint.
pub(crate) fn has_hint(text: &str) -> bool {
    text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

/// The style of a string in `yaml.v3`, either as a simple key or elsewhere.
pub(crate) fn style(text: &str, key: bool) -> Style {
    let shape = Shape::of(text);
    if text.contains('\n') {
        return if shape.block && !key { Style::Literal } else { Style::Double };
    }
    if resolves_to_other(text) {
        Style::Double
    } else if shape.plain {
        Style::Plain
    } else if shape.single {
        Style::Single
    } else {
        Style::Double
    }
}

/// The styles that a string's characters allow.
struct Shape {
    plain: bool,
    single: bool,
    block: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let (mut indicator, mut special, mut tab, mut breaks) = (false, false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        indicator |= text.starts_with("---") || text.starts_with("...");
        let mut before: Option<char> = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let blank_after = chars.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            indicator |= match (before, c) {
                (
                    None,
                    '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                    | '`',
                ) => true,
                (None, '?' | '-') | (_, ':') => blank_after,
                (Some(before), '#') => matches!(before, ' ' | '\t') || is_break(before),
                _ => false,
            };
            tab |= c == '\t';
            special |= c != '\t' && !is_printable(c);
            breaks |= is_break(c);
            break_space |= c == ' ' && before.is_some_and(is_break);
            space_break |= is_break(c) && before == Some(' ');
            before = Some(c);
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        let edges = edge(text.chars().next()) || edge(before);
        let single = !(break_space || space_break || tab || special);
        Self {
            plain: single && !edges && !breaks && !indicator,
            single,
            block: !(before == Some(' ') || space_break || special),
        }
    }
}

/// Returns `true` for a line break of YAML 1.1.
pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Returns `true` if a character may appear unescaped in a document.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}') && c != '\u{FEFF}'
}

/// The short escape of a character, if it has one.
pub(crate) fn escape(c: char) -> Option<char> {
    Some(match c {
        '\0' => '0',
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0b' => 'v',
        '\x0c' => 'f',
        '\r' => 'r',
        '\x1b' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{A0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => return None,
    })
}

/// Returns `true` if a parser would not read the unquoted scalar as a string.
fn resolves_to_other(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return true };
    const WORDS: [&str; 37] = [
        "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "y", "Y", "yes",
        "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", ".nan", ".NaN",
        ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf",
    ];
    if WORDS.contains(&text) || text == "-.INF" {
        return true;
    }
    match first {
        '.' => is_float(text),
        '0'..='9' | '+' | '-' => {
            let bare = text.replace('_', "");
            is_date(text) || is_integer(&bare) || is_float(&bare) || is_sexagesimal(text)
        }
        _ => false,
    }
}

/// An integer in Go's syntax: with a sign, and in base 2, 8 or 16 by prefix.
fn is_integer(text: &str) -> bool {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.starts_with(['+', '-']) {
        return false;
    }
    match u64::from_str_radix(digits, radix) {
        Ok(magnitude) => !negative || magnitude <= 1 << 63,
        Err(_) => false,
    }
}

/// A decimal number that is finite as a float.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some((whole, "")) => digits(whole),
        Some((whole, fraction)) => (whole.is_empty() || digits(whole)) && digits(fraction),
        None => digits(mantissa),
    };
    mantissa && exponent.is_none_or(digits) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `12:30:45`, a number in base 60 in YAML 1.1.
fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or("");
    let mut rest = parts.peekable();
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    first.starts_with(|c: char| c.is_ascii_digit())
        && number(first)
        && number(fraction)
        && rest.peek().is_some()
        && rest.all(|part| match part.as_bytes() {
            [unit] => unit.is_ascii_digit(),
            [ten, unit] => (b'0'..=b'5').contains(ten) && unit.is_ascii_digit(),
            _ => false,
        })
}

/// A date, optionally followed by a time.
fn is_date(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some((&text[at..at + 1], &text[at + 1..]))),
        None => (text, None),
    };
    let number =
        |text: &str, width: std::ops::RangeInclusive<usize>, range: std::ops::RangeInclusive<u32>| {
            width.contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_digit())
                && text.parse().is_ok_and(|n| range.contains(&n))
        };
    let mut parts = date.splitn(3, '-');
    let (year, month, day) =
        (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    if !(number(year, 4..=4, 0..=9999) && number(month, 1..=2, 1..=12) && number(day, 1..=2, 1..=31)) {
        return false;
    }
    let leap = year.parse::<u32>().is_ok_and(|y| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
    let longest = match month.trim_start_matches('0') {
        "2" => 28 + u32::from(leap),
        "4" | "6" | "9" | "11" => 30,
        _ => 31,
    };
    if !day.parse::<u32>().is_ok_and(|day| day <= longest) {
        return false;
    }
    let Some((separator, time)) = time else { return true };
    // With a space there is no zone, with a T there must be one.
    let clock = if separator == " " {
        time
    } else if let Some(clock) = time.strip_suffix('Z') {
        clock
    } else {
        match time.rfind(['+', '-']) {
            Some(at) if time.len() - at == 6 => &time[..at],
            _ => return false,
        }
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute, second) =
        (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    number(hour, 1..=2, 0..=23)
        && number(minute, 1..=2, 0..=59)
        && number(second, 1..=2, 0..=59)
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
}
