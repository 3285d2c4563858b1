//! Reports of a ruler about the evaluation of the rules it has loaded: the answer of [`Ruler::evaluation`].
//!
//! An accepted write does not mean that a rule runs. Rulers load stored groups a while later, some never
//! (docs/contracts/ruler-api.md 0.1, the frozen tenant), and each rule can fail every time it is evaluated.
//!
//! [`Ruler::evaluation`]: crate::Ruler::evaluation

/// The answer of a ruler that was asked for evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluation {
    /// The ruler does not support it.
    Unsupported,
    /// The ruler has passed everything that it has loaded of the namespaces it was asked for.
    Read,
}

/// A group that a ruler has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatedGroup {
    /// The ruler's namespace.
    pub namespace: String,
    /// The group's name.
    pub name: String,
    /// Its rules, in order. They have no other key than their index: names repeat and expressions are rewritten.
    pub rules: Vec<EvaluatedRule>,
}

/// A rule that a ruler has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatedRule {
    /// The alert's or the recorded series' name.
    pub name: String,
    /// The result of its last evaluation.
    pub health: RuleHealth,
}

/// The result of the last evaluation of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleHealth {
    /// Not evaluated yet.
    Unknown,
    /// Evaluated.
    Healthy,
    /// Failed, with the ruler's message.
    Failing(String),
}
