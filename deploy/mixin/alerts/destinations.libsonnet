// Whether the rules of each tenant are in its ruler, and evaluated.
{
  prometheusAlerts+:: {
    local config = $._config,
    local a = (import 'alert.libsonnet')(config),
    local max(expr) = 'max by (%s) %s' % [a.by(['ruler', 'tenant']), expr],
    local min(expr) = 'min by (%s) %s' % [a.by(['ruler', 'tenant']), expr],
    // The name of a destination, in the text of an alert.
    local destination = '{{ $labels.ruler }}{{ with $labels.tenant }}/{{ . }}{{ end }}',
    groups+: [
      a.group('rulesync-destinations', [
        a.alert(
          'RulesyncSyncStale', 'critical', '5m',
          'time() - %s > %d' % [
            max('(%s)' % a.metric('rulesync_last_sync_success_timestamp_seconds')),
            config.syncStaleSeconds,
          ],
          'Rules at %s are out of date' % destination,
          'For more than %d minutes it was not known that %s has all rules as they are declared.'
          % [config.syncStaleSeconds / 60, destination]
        ),
        a.alert(
          'RulesyncRulesRefused', 'warning', '5m',
          max(a.ofLeader('rulesync_groups', 'state="refused"')) + ' > 0',
          '{{ $value }} groups are refused at %s' % destination,
          '%s does not take {{ $value }} groups as they are declared. What it had for them stays; everything else is '
          % destination + 'written.'
        ),
        a.alert(
          'RulesyncContested', 'warning', '15m',
          max(a.ofLeader('rulesync_contested_groups')) + ' > 0',
          '{{ $value }} groups do not stay as they are written at %s' % destination,
          '{{ $value }} groups at %s were found changed in three lists in a row: something else writes them, or the ruler '
          % destination + 'does not store what it accepts.'
        ),
        a.alert(
          'RulesyncDeletesHeld', 'warning', '10m',
          max(a.ofLeader('rulesync_deletes_held')) + ' > 0',
          '{{ $value }} deletes are held at %s' % destination,
          'Deletes of {{ $value }} groups at %s look like an accident and are not made. The rules stay and are evaluated.'
          % destination
        ),
        a.alert(
          'RulesyncForeignClaim', 'critical', '1m',
          max(a.ofLeader('rulesync_foreign_claims')) + ' > 0',
          'Another installation claims %s' % destination,
          'Another installation has claimed %s for the same owner. This one writes and deletes nothing there.' % destination
        ),
        a.alert(
          'RulesyncNotLoaded', 'critical', '10m',
          max(a.ofLeader('rulesync_evaluation_not_loaded_groups')) + ' > 0',
          '{{ $value }} groups are stored and not evaluated at %s' % destination,
          '%s has stored {{ $value }} groups and does not load them: their alerts cannot fire.' % destination
        ),
        a.alert(
          'RulesyncRulesFailing', 'warning', '15m',
          max(a.ofLeader('rulesync_evaluation_failing_rules')) + ' > 0',
          '{{ $value }} rules fail at %s' % destination,
          '{{ $value }} rules at %s fail whenever they are evaluated: their alerts cannot fire.' % destination
        ),
        a.alert(
          'RulesyncLimitNear', 'warning', '15m',
          '%s\n/\n%s < %g' % [
            min(a.ofLeader('rulesync_limit_headroom', 'limit="groups"')),
            max(a.ofLeader('rulesync_limit', 'limit="groups"')),
            config.limitHeadroomRatio,
          ],
          'The limit of groups at %s is near' % destination,
          '{{ $value | humanizePercentage }} of the limit of groups at %s are free. Groups beyond it are not written.'
          % destination
        ),
      ]),
    ],
  },
}
