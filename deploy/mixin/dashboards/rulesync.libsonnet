// What the daemon does, and what is wrong.
{
  grafanaDashboards+:: {
    local config = $._config,
    local p = import 'panels.libsonnet',
    local listed(labels) = std.join(', ', labels),
    local joined(matchers) = std.join(',', std.filter(function(text) text != '', [config.selector] + matchers)),

    // Metrics of all processes, of a ruler, and of a destination, that the variables choose.
    local cluster = '%s=~"$cluster"' % config.clusterLabel,
    local ruler = 'ruler=~"$ruler"',
    local tenant = 'tenant=~"$tenant"',
    local ofProcess(name, matchers=[]) = '%s{%s}' % [name, joined([cluster] + matchers)],
    local ofRuler(name, matchers=[]) = ofProcess(name, [ruler] + matchers),
    local ofTenant(name, matchers=[]) = ofProcess(name, [ruler, tenant] + matchers),

    // What the process that writes says of destinations: others say what they knew when they wrote.
    local leading(metric) = '(%s and on (%s) %s == 1)' % [
      metric,
      listed(config.installationLabels + [config.instanceLabel]),
      ofProcess('rulesync_leader'),
    ],
    local destination = listed([config.clusterLabel, 'ruler', 'tenant']),
    local highest(metric) = 'max by (%s) %s' % [destination, leading(metric)],
    local lowest(metric) = 'min by (%s) %s' % [destination, leading(metric)],
    local total(metric) = 'sum(%s) or vector(0)' % highest(metric),
    local rate(by, metric) = 'sum by (%s) (rate(%s[$__rate_interval]))' % [listed(by), metric],
    local quantile(q, by, metric) =
      'histogram_quantile(%g, %s)' % [q, rate(['le'] + by, metric)],

    // The name of a destination in a legend.
    local named(prefix='') = prefix + '{{%s}} {{ruler}} {{tenant}}' % config.clusterLabel,

    local overview = p.row('Overview', [
      p.stat(
        'Installations that write',
        'Installations with exactly one leader.',
        p.query('count(sum by (%s) (%s) == 1) or vector(0)' % [listed(config.installationLabels), ofProcess('rulesync_leader')]),
        p.mustBeOne
      ),
      p.stat(
        'Installations without exactly one leader',
        'Where none writes, changes wait. Where several do, they do not share one Lease.',
        p.query('count(sum by (%s) (%s) != 1) or vector(0)' % [listed(config.installationLabels), ofProcess('rulesync_leader')]),
        p.mustBeZero
      ),
      p.stat(
        'Configuration',
        'Whether the last reading of the configuration succeeded in every process.',
        p.query('min(%s)' % ofProcess('rulesync_config_last_reload_successful')),
        p.mustBeOne,
        mappings=p.yesOrNo('accepted', 'refused')
      ),
      p.stat(
        'Sources',
        'Whether every source has shown all it has. Until then nothing is deleted.',
        p.query('min(%s)' % ofProcess('rulesync_source_ready')),
        p.mustBeOne,
        mappings=p.yesOrNo('ready', 'not ready')
      ),
      p.stat(
        'Groups',
        'Groups that should be in rulers.',
        p.query(total(ofTenant('rulesync_groups', ['state="desired"']))),
        p.neutral
      ),
      p.stat(
        'Rules',
        'Rules that should be in rulers.',
        p.query(total(ofTenant('rulesync_rules', ['state="desired"']))),
        p.neutral
      ),
      p.graph(
        'Since the last sync',
        'How long ago a destination was last known to be in order. It rises up to the resync interval, and further while '
        + 'something is wrong.',
        p.query(
          'time() - max by (%s) (%s)' % [destination, ofTenant('rulesync_last_sync_success_timestamp_seconds')], named()
        ),
        unit='s'
      ),
      p.graph(
        'Objects by source',
        'Objects that some route selects, those that none does, and those that cannot be read.',
        p.query(
          'max by (%s) (%s)'
          % [listed([config.clusterLabel, 'source', 'state']), ofProcess('rulesync_source_objects')],
          '{{%s}} {{source}} {{state}}' % config.clusterLabel
        )
      ),
    ]),

    local wrong = p.row('What is wrong', [
      p.stat(
        'Objects with problems',
        'Objects about which somebody has to do something. /objects?state=problem of the daemon lists them.',
        p.query('sum(max by (%s) (%s))' % [listed(config.installationLabels), leading(ofProcess('rulesync_problem_objects'))]),
        p.mustBeZero
      ),
      p.stat(
        'Groups refused',
        'Groups that a ruler does not take as they are declared.',
        p.query(total(ofTenant('rulesync_groups', ['state="refused"']))),
        p.mustBeZero
      ),
      p.stat(
        'Groups not loaded',
        'Groups that a ruler has stored and does not evaluate.',
        p.query(total(ofTenant('rulesync_evaluation_not_loaded_groups'))),
        p.mustBeZero
      ),
      p.stat(
        'Rules failing',
        'Rules that fail whenever a ruler evaluates them.',
        p.query(total(ofTenant('rulesync_evaluation_failing_rules'))),
        p.mustBeZero
      ),
      p.stat(
        'Deletes held',
        'Groups that the delete guard keeps from being deleted.',
        p.query(total(ofTenant('rulesync_deletes_held'))),
        p.mustBeZero
      ),
      p.stat(
        'Foreign claims',
        'Destinations that another installation claims for the same owner: nothing is written to them.',
        p.query(total(ofTenant('rulesync_foreign_claims'))),
        p.mustBeZero
      ),
      p.graph(
        'Groups and rules with problems',
        'What rulers do not take, what others keep changing, what is stored and not evaluated, what fails.',
        [
          p.query(highest(ofTenant('rulesync_groups', ['state="refused"'])) + ' > 0', named('refused ')),
          p.query(highest(ofTenant('rulesync_contested_groups')) + ' > 0', named('contested ')),
          p.query(highest(ofTenant('rulesync_evaluation_not_loaded_groups')) + ' > 0', named('not loaded ')),
          p.query(highest(ofTenant('rulesync_evaluation_failing_rules')) + ' > 0', named('failing ')),
          p.query(highest(ofTenant('rulesync_deletes_held')) + ' > 0', named('held ')),
        ]
      ),
      p.graph(
        'Requests that failed',
        'By class: unavailable is tried again, the others need somebody.',
        p.query(
          rate(['ruler', 'tenant', 'reason'], ofTenant('rulesync_sync_failures_total')), '{{reason}} {{ruler}} {{tenant}}'
        ),
        unit='reqps'
      ),
    ]),

    local destinations = p.row('Rulers', [
      p.graph(
        'Time of requests',
        'The 99th percentile, by kind of request.',
        p.query(
          quantile(0.99, ['ruler', 'method', 'route'], ofRuler('rulesync_ruler_request_duration_seconds_bucket')),
          '{{ruler}} {{method}} {{route}}'
        ),
        unit='s'
      ),
      p.graph(
        'Answers',
        'Requests by status code. 404 is the answer for what a ruler does not have, and error stands for no answer.',
        p.query(
          rate(['ruler', 'code'], ofRuler('rulesync_ruler_request_duration_seconds_count')), '{{ruler}} {{code}}'
        ),
        unit='reqps',
        stacked=true
      ),
    ]),

    local writes = p.row('Writes', [
      p.graph(
        'Time of writes by destination',
        'The mean time until the ruler answered to a change.',
        p.query(
          '%s\n/\n%s' % [
            rate([config.clusterLabel, 'ruler', 'tenant'], ofTenant('rulesync_write_seconds_total')),
            rate([config.clusterLabel, 'ruler', 'tenant'], ofTenant('rulesync_writes_total')),
          ],
          named()
        ),
        unit='s'
      ),
      p.graph(
        'Changes offered to rulers',
        'By result. Where nothing changes, nothing is written.',
        p.query(
          rate(['ruler', 'tenant', 'operation', 'result'], ofTenant('rulesync_writes_total')),
          '{{ruler}} {{tenant}} {{operation}} {{result}}'
        ),
        unit='wps'
      ),
      p.graph(
        'Comparisons that changed nothing',
        'How often a ruler namespace was compared with what is declared and needed no request, against the changes that were '
        + 'made.',
        [
          p.query(rate(['ruler'], ofTenant('rulesync_unchanged_namespaces_total')), '{{ruler}} unchanged'),
          p.query(rate(['ruler'], ofTenant('rulesync_writes_total', ['result="ok"'])), '{{ruler}} writes'),
        ],
        unit='ops'
      ),
      p.graph(
        'Resyncs and repairs',
        'How often destinations were compared whole, and how often changes of others were undone.',
        [
          p.query(rate(['ruler'], ofTenant('rulesync_syncs_total')), '{{ruler}} resyncs'),
          p.query(rate(['ruler'], ofTenant('rulesync_drift_repaired_total')), '{{ruler}} repairs'),
        ],
        unit='ops'
      ),
    ]),

    local propagation = p.row('Propagation', [
      p.graph(
        'From declaration to ruler',
        'The time from the source saying a change to the ruler accepting it.',
        [
          p.query(quantile(q, [], ofProcess('rulesync_propagation_seconds_bucket')), '%g' % q)
          for q in [0.5, 0.9, 0.99]
        ],
        unit='s',
        width=8
      ),
      p.graph(
        'Namespaces that wait',
        'Ruler namespaces that wait to be looked at.',
        p.query('sum by (ruler, tenant) %s' % leading(ofTenant('rulesync_queue_depth')), '{{ruler}} {{tenant}}'),
        width=8
      ),
      p.graph(
        'Writes to Kubernetes',
        'What became of objects, as it is published in their cluster: by kind and result.',
        [
          p.query(rate(['kind', 'result'], ofProcess('rulesync_status_writes_total')), '{{kind}} {{result}}'),
          p.query(rate(['result'], ofProcess('rulesync_events_total')), 'event {{result}}'),
        ],
        unit='wps',
        width=8
      ),
    ]),

    local limits = p.row('Limits', [
      p.graph(
        'Room for groups',
        'The limit of a tenant less the groups that should be there, where the ruler tells it. Below zero, groups are not '
        + 'written.',
        p.query(lowest(ofTenant('rulesync_limit_headroom', ['limit="groups"'])), named())
      ),
      p.graph(
        'Share of the limit that is used',
        'Groups that should be there, of those that may be.',
        p.query(
          '1 - %s / %s' % [
            lowest(ofTenant('rulesync_limit_headroom', ['limit="groups"'])),
            highest(ofTenant('rulesync_limit', ['limit="groups"'])),
          ],
          named()
        ),
        unit='percentunit'
      ),
    ]),

    local heartbeats = p.row('Heartbeats', [
      p.graph(
        'Processes by cluster',
        'Processes that run, and those of them that write.',
        [
          p.query(
            'count by (%s) (%s)' % [config.clusterLabel, ofProcess('rulesync_build_info')],
            '{{%s}} running' % config.clusterLabel
          ),
          p.query(
            'sum by (%s) (%s)' % [config.clusterLabel, ofProcess('rulesync_leader')],
            '{{%s}} writing' % config.clusterLabel
          ),
        ]
      ),
      p.graph(
        'Claims that rulers evaluate',
        'The series rulesync_claim of each installation, if this data source has the series of the tenant. A gap is a time in '
        + 'which the rules of this owner were not evaluated.',
        p.query(
          'max by (owner, cluster_id, installation) (rulesync_claim)', '{{owner}} {{cluster_id}} {{installation}}'
        )
      ),
    ]),

    'rulesync.json': {
      uid: config.dashboardUid,
      title: 'rulesync',
      description: 'What rulesync does, and what is wrong.',
      tags: config.dashboardTags,
      timezone: '',
      schemaVersion: 39,
      version: 1,
      editable: true,
      refresh: config.dashboardRefresh,
      time: { from: config.dashboardPeriod, to: 'now' },
      annotations: { list: [] },
      templating: {
        list: [
          p.datasource,
          p.values(
            'cluster',
            'Cluster',
            'rulesync_build_info' + (if config.selector == '' then '' else '{%s}' % config.selector),
            config.clusterLabel
          ),
          p.values('ruler', 'Ruler', ofProcess('rulesync_groups'), 'ruler'),
          p.values('tenant', 'Tenant', ofRuler('rulesync_groups'), 'tenant'),
        ],
      },
      panels: p.placed(overview + wrong + destinations + writes + propagation + limits + heartbeats),
    },
  },
}
