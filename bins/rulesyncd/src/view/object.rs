//! One object: why it is where it is.

use rulesync_core::explain::{ObjectExplanation, ObjectRef};
use rulesync_core::model::ObjectId;

use crate::ask::NoAnswer;
use crate::context::Context;
use crate::question::Question;

/// Asks the engine to explain an object; none if no source declares it, and no ruler has anything of it.
pub(crate) async fn explanation_of(
    context: &Context,
    id: &ObjectId,
) -> Result<Option<ObjectExplanation>, NoAnswer> {
    let explained = context.engine().explain(Question::Object(ObjectRef::from(id))).await?;
    let is_it = |object: &ObjectExplanation| {
        // Of an object that nobody declares any more, the source is not known.
        object.kind == id.kind() && (object.source == id.source() || object.source.is_empty())
    };
    Ok(explained.objects.into_iter().find(is_it))
}
