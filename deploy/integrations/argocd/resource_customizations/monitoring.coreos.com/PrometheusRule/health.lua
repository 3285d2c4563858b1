-- Health of a PrometheusRule by the annotation that rulesync writes with `status.annotate`. It is there for problems, and
-- with `annotate: all` for objects without problems, too.
local messages = {
  ["refused"] = "groups are refused",
  ["malformed"] = "it cannot be read",
  ["denied"] = "it requests a tenant that it may not have",
  ["contested"] = "a group does not stay as it is written",
  ["conflict"] = "another installation claims the tenant for the same owner",
  ["limited"] = "the tenant has as many rules or groups as its ruler allows",
  ["failing"] = "a rule fails whenever it is evaluated",
  ["not-loaded"] = "a group is stored and not loaded",
}

local state = nil
if obj.metadata ~= nil and obj.metadata.annotations ~= nil then
  state = obj.metadata.annotations["rulesync.dev/state"]
end
if state == nil then
  return { status = "Healthy", message = "rulesync has reported no problem" }
end
if messages[state] ~= nil then
  return { status = "Degraded", message = "rulesync: " .. messages[state] .. "; see its Events and its RuleStatus" }
end
if state == "held" then
  return { status = "Suspended", message = "rulesync: deletes of groups that it declares no more are held" }
end
if state == "not-selected" then
  return { status = "Suspended", message = "rulesync: no route selects it" }
end
return { status = "Healthy", message = "rulesync: " .. state }
