// Whether rulers evaluate what the daemon writes: the claim of an owner is a rule like any other, and its result must be there.
// Where: in a Prometheus that reads the series of the tenant, or in the ruler itself.
{
  prometheusAlerts+:: {
    local config = $._config,
    local a = (import 'alert.libsonnet')(config),
    local by = std.join(', ', config.claimLabels),
    local expected = ['absent(rulesync_claim{owner="%s"})' % owner for owner in config.owners],
    groups+: [
      a.group('rulesync-claim', [
        a.alert(
          'RulesyncClaimMissing', 'critical', '10m',
          std.join('\nor ', [
            'max by (%s) (last_over_time(rulesync_claim[%s]))\nunless\nmax by (%s) (rulesync_claim)'
            % [by, config.claimWindow, by],
          ] + expected),
          'Rules of {{ $labels.owner }} are not evaluated',
          'The series rulesync_claim of the owner {{ $labels.owner }} is missing. It is the result of a rule that rulesync '
          + 'keeps beside the rules of this owner: they are probably not evaluated, either.'
        ),
      ]),
    ],
  },
}
