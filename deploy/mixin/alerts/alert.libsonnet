// What the alerts have in common: their form, and the aggregations over the processes of an installation.
function(config) {
  local this = self,
  local joined(labels) = std.join(', ', labels),
  local selector(matchers) = '{%s}' % std.join(',', std.filter(function(text) text != '', [config.selector, matchers])),

  // The labels of an installation, and these.
  by(labels=[]):: joined(config.installationLabels + labels),

  // A metric with the selector of the configuration, and further matchers.
  metric(name, matchers='')::
    local all = selector(matchers);
    name + (if all == '{}' then '' else all),

  // A metric of the process that writes. What another one says of destinations is from the time when it wrote.
  ofLeader(name, matchers='')::
    '(%s and on (%s) %s == 1)' % [
      this.metric(name, matchers),
      joined(config.installationLabels + [config.instanceLabel]),
      this.metric('rulesync_leader'),
    ],

  alert(name, severity, pending, expr, summary, description):: {
    alert: name,
    expr: expr + '\n',
    'for': pending,
    labels: { severity: severity } + config.alertLabels,
    annotations: {
      summary: summary,
      description: description,
      runbook_url: config.runbookURLPattern % name,
    },
  },

  group(name, rules):: {
    name: name,
    [if config.evaluationInterval != null then 'interval']: config.evaluationInterval,
    rules: rules,
  },
}
