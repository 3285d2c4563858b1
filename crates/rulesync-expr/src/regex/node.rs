//! A part of a regular expression, as the numbers that count: whether it matches the empty string, and the quantities
//! that Go limits.

/// The form of a part, with the distinctions that matter when Go joins parts.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// A sequence of characters.
    Literal {
        fold: bool,
    },
    /// A set of characters: a class or a dot.
    Class,
    Empty,
    Sequence,
    Alternation,
    /// A counted repetition with its maximum count.
    Counted(u32),
    Other,
}

/// The beginning of a part, if Go looks for it when it factors alternatives.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Lead {
    Character { code: u32, fold: bool },
    Class,
    Other,
}

/// A repetition operator.
#[derive(Clone, Copy)]
pub(super) enum Repetition {
    ZeroOrMore,
    OneOrMore,
    Optional,
    Counted { min: u32, max: Option<u32> },
}

/// A part of an expression.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) form: Form,
    pub(super) lead: Lead,
    /// `true` if the part matches the empty string.
    pub(super) empty: bool,
    /// The number of levels in Go's tree.
    pub(super) height: u32,
    /// Go's estimate of the number of compiled instructions.
    pub(super) size: u64,
    /// The maximum number of times that counted repetitions repeat the innermost part.
    pub(super) copies: u32,
    /// The number of characters of a literal, or of bounds of a class's ranges.
    pub(super) runes: u64,
}

impl Node {
    pub(super) const OTHER: Self =
        Self { form: Form::Other, lead: Lead::Other, empty: false, height: 1, size: 1, copies: 1, runes: 0 };

    pub(super) const EMPTY: Self = Self { form: Form::Empty, empty: true, ..Self::OTHER };

    pub(super) fn literal(code: u32, fold: bool) -> Self {
        Self { form: Form::Literal { fold }, lead: Lead::Character { code, fold }, runes: 1, ..Self::OTHER }
    }

    pub(super) fn class(runes: u64) -> Self {
        Self { form: Form::Class, lead: Lead::Class, runes, ..Self::OTHER }
    }

    /// Creates an assertion, such as `^`; `holds` is `true` if the empty string satisfies it.
    pub(super) fn assertion(holds: bool) -> Self {
        Self { empty: holds, ..Self::OTHER }
    }

    pub(super) fn capture(inner: Self) -> Self {
        Self { empty: inner.empty, ..Self::around(inner, 2) }
    }

    pub(super) fn repeated(self, repetition: Repetition) -> Self {
        match repetition {
            Repetition::ZeroOrMore => Self { empty: true, ..Self::around(self, 2) },
            Repetition::Optional => Self { empty: true, ..Self::around(self, 1) },
            Repetition::OneOrMore => Self { empty: self.empty, ..Self::around(self, 1) },
            Repetition::Counted { min, max } => {
                let times = max.unwrap_or(min);
                let size = match max {
                    None if min == 0 => self.size.saturating_add(2),
                    None => self.size.saturating_mul(min.into()).saturating_add(1),
                    Some(max) => {
                        let optional = u64::from(max.saturating_sub(min));
                        self.size.saturating_mul(max.into()).saturating_add(optional).max(1)
                    }
                };
                let fixed_class = max == Some(min) && self.is_one_character();
                Self {
                    form: Form::Counted(times),
                    lead: if fixed_class { Lead::Class } else { Lead::Other },
                    empty: min == 0 || self.empty,
                    size,
                    // Go does not look into a part that is repeated zero times.
                    copies: if max == Some(0) { 1 } else { self.copies.saturating_mul(times.max(1)) },
                    ..Self::around(self, 0)
                }
            }
        }
    }

    fn around(inner: Self, more: u64) -> Self {
        Self {
            height: inner.height + 1,
            size: inner.size.saturating_add(more),
            copies: inner.copies,
            ..Self::OTHER
        }
    }

    /// Joins several parts. Parts of the same form are flattened, as in Go, so they add no level.
    pub(super) fn joined(form: Form, parts: &[Self]) -> Self {
        let level = |part: &Self| if part.form == form { part.height } else { part.height + 1 };
        let sequence = form == Form::Sequence;
        let forks = if sequence { 0 } else { parts.len() as u64 - 1 };
        Self {
            form,
            lead: parts.first().filter(|_| sequence).map_or(Lead::Other, |part| part.lead),
            empty: if sequence {
                parts.iter().all(|part| part.empty)
            } else {
                parts.iter().any(|part| part.empty)
            },
            height: parts.iter().map(level).max().unwrap_or(1),
            size: parts.iter().fold(forks, |sum, part| sum.saturating_add(part.size)),
            copies: parts.iter().map(|part| part.copies).max().unwrap_or(1),
            runes: 0,
        }
    }

    /// Updates the size of a literal that Go moves: Go then counts all characters, not those at the first count.
    pub(super) fn recounted(self) -> Self {
        match self.form {
            Form::Literal { .. } => Self { size: self.runes, ..self },
            _ => self,
        }
    }

    pub(super) fn is_one_character(&self) -> bool {
        self.form == Form::Class || matches!(self.form, Form::Literal { .. }) && self.runes == 1
    }
}
