// What installations differ in. Override it: `(import 'mixin.libsonnet') + { _config+:: { clusters: ['eu'] } }`.
{
  _config+:: {
    // Matchers of the daemon's own metrics. Their names begin with `rulesync_`, so that none are needed unless one
    // Prometheus scrapes installations that are not yours.
    selector: '',

    // Matchers of `up`, which every target has.
    upSelector: 'job=~".*rulesync.*"',

    // The label that tells clusters apart where one Prometheus has several. Without it nothing changes.
    clusterLabel: 'cluster',

    // Labels of a target that all processes of an installation share, and the one in which they differ.
    installationLabels: [self.clusterLabel, 'namespace', 'job'],
    instanceLabel: 'instance',

    // Clusters that must have a daemon, by `clusterLabel`. Without any, RulesyncDown notices that targets are down, and that
    // there are none at all, but not that those of one cluster among several have disappeared.
    clusters: [],

    // Owners whose claim must be in the ruler. Without any, RulesyncClaimMissing notices claims that disappear, for
    // `claimWindow` from then on.
    owners: [],
    claimWindow: '1d',
    // Labels that tell claims apart. Add `__tenant_id__` where one query sees several tenants.
    claimLabels: ['owner'],

    // How often the alerts are evaluated, if not as often as the Prometheus evaluates by default.
    evaluationInterval: null,

    // How old the last successful sync may be. More than two resync intervals (5m by default).
    syncStaleSeconds: 900,
    // Over how much time requests to rulers are judged: longer than the daemon waits before it tries again.
    requestWindow: '10m',
    // The share of requests that a ruler may fail.
    rulerErrorRatio: 0.1,
    // The share of a limit that must be free.
    limitHeadroomRatio: 0.1,
    // Over how much time writes to Kubernetes are judged, and the share of them that may fail. What is missing is looked for
    // every ten minutes.
    statusWriteWindow: '30m',
    statusWriteErrorRatio: 0.5,

    // Labels of all alerts besides `severity`.
    alertLabels: {},
    // The page about an alert. `%s` is its name.
    runbookURLPattern: 'https://github.com/rulesync/rulesync/blob/main/docs/runbooks/%s.md',

    dashboardUid: 'rulesync',
    dashboardTags: ['rulesync'],
    dashboardRefresh: '30s',
    dashboardPeriod: 'now-6h',
  },
}
