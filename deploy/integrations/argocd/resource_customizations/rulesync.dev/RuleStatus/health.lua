-- Health of what became of an object with rules, by the conditions that rulesync writes.
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
  return { status = "Progressing", message = "rulesync has not reported anything yet" }
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
