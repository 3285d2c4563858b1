// Whether the daemon runs, and whether it can do what it is for.
{
  prometheusAlerts+:: {
    local config = $._config,
    local a = (import 'alert.libsonnet')(config),
    local expected = [
      'absent(%s)' % a.metric('rulesync_build_info', '%s="%s"' % [config.clusterLabel, cluster])
      for cluster in config.clusters
    ],
    groups+: [
      a.group('rulesync-daemon', [
        a.alert(
          'RulesyncDown', 'critical', '10m',
          std.join('\nor ', [
            'max by (%s) (up{%s}) == 0' % [a.by(), config.upSelector],
            'absent(%s)' % a.metric('rulesync_build_info'),
          ] + expected),
          'No rulesync is running',
          'No process of rulesync{{ with $labels.job }} ({{ . }}){{ end }} is scraped. Rules in rulers stay and are '
          + 'evaluated; changes of them are not carried out.'
        ),
        a.alert(
          'RulesyncNotReady', 'critical', '10m',
          'min by (%s) (%s) == 0' % [a.by(['source']), a.metric('rulesync_source_ready')],
          'The source {{ $labels.source }} is not read',
          'The source {{ $labels.source }} has not shown all it has to some process of {{ $labels.job }}. Until every '
          + 'source has, nothing is deleted in any ruler, and the process is not ready.'
        ),
        a.alert(
          'RulesyncNoLeader', 'critical', '5m',
          'sum by (%s) (%s) == 0' % [a.by(), a.metric('rulesync_leader')],
          'No process of {{ $labels.job }} writes',
          'Processes of {{ $labels.job }} run, and none of them is the leader. Changes of rules are not carried out.'
        ),
        a.alert(
          'RulesyncManyLeaders', 'critical', '5m',
          'sum by (%s) (%s) > 1' % [a.by(), a.metric('rulesync_leader')],
          '{{ $value }} processes of {{ $labels.job }} write',
          '{{ $value }} processes of {{ $labels.job }} write at the same time: leader election is off, or they do not share '
          + 'one Lease.'
        ),
        a.alert(
          'RulesyncConfigReloadFailed', 'warning', '5m',
          'min by (%s) (%s) == 0' % [a.by(), a.metric('rulesync_config_last_reload_successful')],
          'The configuration of {{ $labels.job }} cannot be used',
          'The configuration file of {{ $labels.job }} has errors. The one before it stays in force; a restart would fail.'
        ),
      ]),
    ],
  },
}
