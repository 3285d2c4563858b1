// All files that are made of the mixin with its own configuration, by their path in the repository.
local mixin = import 'mixin.libsonnet';
local head = '# Made of deploy/mixin: UPDATE_DOCS=1 cargo test -p rulesync-tests --test it mixin -- --ignored writes it anew.\n';
local yaml(value) = head + std.manifestYamlDoc(value, indent_array_in_object=true, quote_keys=false) + '\n';
local alerts = mixin.prometheusAlerts;
local rule = yaml({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: { name: 'rulesync' },
  spec: alerts,
});
{
  'deploy/mixin/rendered/alerts.yaml': yaml(alerts),
  'deploy/alerts/rulesync.yaml': rule,
  'deploy/charts/rulesync/files/alerts/rulesync.yaml': rule,
} + std.foldl(
  function(files, name)
    local text = std.manifestJsonEx(mixin.grafanaDashboards[name], '  ') + '\n';
    files + {
      ['deploy/mixin/rendered/dashboards/' + name]: text,
      ['deploy/charts/rulesync/files/dashboards/' + name]: text,
    },
  std.objectFields(mixin.grafanaDashboards),
  {}
)
