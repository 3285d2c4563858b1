// Whether rulers and Kubernetes answer.
{
  prometheusAlerts+:: {
    local config = $._config,
    local a = (import 'alert.libsonnet')(config),
    local requests(matchers) = 'sum by (%s) (rate(%s[%s]))' % [
      a.by(['ruler']),
      a.metric('rulesync_ruler_request_duration_seconds_count', matchers),
      config.requestWindow,
    ],
    local writes(matchers) = 'sum by (%s) (rate(%s[%s]))' % [
      a.by(['kind']),
      a.metric('rulesync_status_writes_total', matchers),
      config.statusWriteWindow,
    ],
    groups+: [
      a.group('rulesync-requests', [
        a.alert(
          'RulesyncRulerErrors', 'warning', '15m',
          '%s\n/\n%s > %g' % [
            // A ruler answers with 404 for what it does not have, and with 400 for what it refuses.
            requests('code=~"401|403|429|5.."'),
            requests(''),
            config.rulerErrorRatio,
          ],
          'The ruler {{ $labels.ruler }} fails requests',
          'The ruler {{ $labels.ruler }} answers {{ $value | humanizePercentage }} of the requests of {{ $labels.job }} with '
          + 'errors.'
        ),
        a.alert(
          'RulesyncRulerUnreachable', 'critical', '10m',
          '%s > 0\nunless\n%s > 0' % [requests('code="error"'), requests('code!="error"')],
          'The ruler {{ $labels.ruler }} does not answer',
          'No request of {{ $labels.job }} to the ruler {{ $labels.ruler }} gets an answer. What it has stays as it is; '
          + 'changes wait.'
        ),
        a.alert(
          'RulesyncStatusWritesFailing', 'warning', '15m',
          '%s\n/\n%s > %g' % [
            writes('result=~"absent|denied|failing|refused|throttled|unreachable"'),
            writes(''),
            config.statusWriteErrorRatio,
          ],
          'The state of objects is not published ({{ $labels.kind }})',
          '{{ $value | humanizePercentage }} of the writes of {{ $labels.job }} to Kubernetes ({{ $labels.kind }}) fail: '
          + 'authors do not see what became of their rules. Rulers are not affected.'
        ),
      ]),
    ],
  },
}
