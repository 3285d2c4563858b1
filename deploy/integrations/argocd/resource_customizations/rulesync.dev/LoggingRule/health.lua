-- Health of a LoggingRule, by the conditions that rulesync writes into its status.
local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end

local function health(status, condition)
  return { status = status, message = condition.message }
end

local ready = conditions["Ready"]
if ready == nil then
  -- Unless rulesync publishes the state of all objects, one without problems has no status.
  return { status = "Healthy", message = "rulesync has reported no problem" }
end
if obj.status.observedGeneration ~= nil and obj.metadata.generation ~= nil
  and obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "rulesync has not seen the latest change yet" }
end
-- Somebody has to change something: the author, or an operator.
if conditions["Stalled"] ~= nil and conditions["Stalled"].status == "True" then
  return health("Degraded", conditions["Stalled"])
end
if conditions["Evaluating"] ~= nil and conditions["Evaluating"].status == "False" then
  return health("Degraded", conditions["Evaluating"])
end
if ready.status == "True" then
  return health("Healthy", ready)
end
-- These wait for a decision: a label that a route selects, a release of held deletes.
if ready.reason == "NotSelected" or ready.reason == "DeletesHeld" then
  return health("Suspended", ready)
end
return health("Progressing", ready)
