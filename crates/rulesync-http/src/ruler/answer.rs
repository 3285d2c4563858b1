//! Maps the status and body of a response to an outcome. Pure.

mod classify;
mod hint;
mod rule;

use rulesync_core::RulerError;

pub(super) use classify::{Answer, Outcome};
pub(super) use rule::named_rule;

use super::operation::Operation;

/// Returns the outcome of an operation; errors have a hint if there is one.
pub(super) fn outcome(operation: Operation, answer: &Answer<'_>) -> Result<Outcome, RulerError> {
    classify::classify(operation, answer).map_err(|error| match operation {
        // They are about tenants and namespaces, and these requests are about none.
        Operation::TenantNames | Operation::TenantRules => error,
        _ => hint::add(answer, error),
    })
}

#[cfg(test)]
mod tests;
