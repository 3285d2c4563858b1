// Alerts and dashboards for rulesync.
(import 'config.libsonnet')
+ (import 'alerts/daemon.libsonnet')
+ (import 'alerts/destinations.libsonnet')
+ (import 'alerts/requests.libsonnet')
+ (import 'alerts/claim.libsonnet')
+ (import 'dashboards/rulesync.libsonnet')
