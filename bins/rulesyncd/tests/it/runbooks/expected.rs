//! What each command of each runbook shows. The order is that of the states, which follow each other.

use super::outcome::Outcome::{CannotRun, Fails, Nothing, Shows};
use super::outcome::{Runbook, to};
use super::states::State;

const NO_RELEASE: &str = "there is no release of helm in this cluster, only what it has rendered";

/// All of them.
pub(super) const RUNBOOKS: &[Runbook] = &[
    Runbook {
        page: "operations/alerts.md",
        state: State::Running,
        about: ["central", "fine", "fine"],
        file: "",
        shows: &[
            to("get lease rulesync", Shows(&["_"])),
            to("port-forward", CannotRun("the daemon listens here already")),
            to("export RULESYNC_DAEMON", CannotRun("the shell has it, with the port of this daemon")),
            to("/overview | jq .leader", Shows(&["true"])),
            to("> rulesync.yaml", Nothing("the file is used by the runbooks")),
            to("export POD_NAMESPACE", CannotRun("the shell has these")),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncSyncStale.md",
        state: State::Running,
        about: ["denied", "prod", "denied"],
        file: "by-hand.yaml",
        shows: &[
            to(
                "{state, error,",
                Shows(&["\"state\": \"failing\"", "the token has expired", "\"retry_at\": 1"]),
            ),
            to(".plan.changes[:10]", Shows(&["\"put_group\"", "team-a/denied"])),
            to("rulesync plan", Fails(1, &["the token has expired"])),
            to(
                "state=pending\" | jq",
                Shows(&["\"namespace\": \"team-a\"", "\"name\": \"denied\"", "\"delay\": \""]),
            ),
            to("rulesync.dev/state in (pending,unavailable)", Shows(&["denied"])),
            to("rulesync explain", Shows(&["the token has expired"])),
            to("/sync", Shows(&[])),
            to("rulesync load FILE", Fails(1, &["the token has expired"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncRulesRefused.md",
        state: State::Running,
        about: ["central", "refused", "refused"],
        file: "refused.yaml",
        shows: &[
            to("state=refused -o wide", Shows(&["team-a", "refused"])),
            to(
                "objects?state=refused",
                Shows(&["\"kind\": \"PrometheusRule\"", "\"name\": \"refused\"", "\"since\": 1"]),
            ),
            to("rulesync explain", Shows(&["unclosed left parenthesis", "\"g\"", "sum(up"])),
            to("rulesync check FILE", Fails(1, &["unclosed left parenthesis"])),
            to("rulesync plan --config rulesync.yaml", Fails(1, &["the token has expired"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncContested.md",
        state: State::Running,
        about: ["central", "contested", "contested"],
        file: "",
        shows: &[
            to("objects?state=contested", Shows(&["\"name\": \"contested\"", "\"tenant\": \"contested\""])),
            to("rulesync explain NAMESPACE", Shows(&["contested", "up == 0"])),
            to("rulesync get", Shows(&["Theirs", "up == 1"])),
            to("rulesync explain --ruler-namespace", Shows(&["foreign"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncForeignClaim.md",
        state: State::Running,
        about: ["central", "foreign", "foreign"],
        file: "",
        shows: &[
            to("{state, error}", Shows(&["\"state\": \"conflict\"", "other/monitoring/rulesync"])),
            to("jq .owner", Shows(&["prod-eu"])),
            to("rulesync get", Shows(&["cluster_id: other", "installation: monitoring/rulesync"])),
            to("get namespace kube-system", Shows(&["-"])),
            to("get deployments -A", Shows(&["monitoring", "rulesync"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncLimitNear.md",
        state: State::Running,
        about: ["central", "limited", "limited-c"],
        file: "",
        shows: &[
            to(
                "limits: .status.limits",
                Shows(&["\"groups\": 3", "\"objects\": 1", "per-user rule groups limit"]),
            ),
            to("delay=limit_exceeded", Shows(&["\"namespace\": \"team-a\"", "\"name\": \"limited-"])),
            to("state=limited", Shows(&["limited-"])),
            to("rulesync list", Shows(&["\"first\": \"prod-eu", "\"groups\": 3"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncNotLoaded.md",
        state: State::Running,
        about: ["central", "idle", "idle"],
        file: "",
        shows: &[
            to("select(.not_loaded > 0)", Shows(&["\"tenant\": \"idle\"", "\"not_loaded\": 1"])),
            to("state=not-loaded", Shows(&["idle"])),
            to("[.data.groups[].file] | unique", Shows(&["[]"])),
            to("/config/v1/rules", Shows(&["prod-eu.team-a.idle"])),
            to("rulesync list", Shows(&["prod-eu.team-a.idle"])),
            to("rulesync delete", Fails(64, &["Delete the group prod-eu.team-a.idle / g", "--yes"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncRulesFailing.md",
        state: State::Running,
        about: ["central", "failing", "failing"],
        file: "",
        shows: &[
            to(
                "state=failing -o wide",
                Nothing("what evaluation says of an object is published every five minutes at most"),
            ),
            to("evaluation=failing", Shows(&["\"name\": \"failing\"", "\"since\": 1"])),
            to("rulesync explain", Shows(&["many-to-many matching not allowed"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncClaimMissing.md",
        state: State::Running,
        about: ["central", "claimless", "claimless"],
        file: "",
        shows: &[
            to("rulesync get", Shows(&["rulesync_claim"])),
            to(
                "{name, health, lastError",
                Shows(&[
                    "\"name\": \"rulesync_claim\"",
                    "\"health\": \"err\"",
                    "the remote storage is full",
                    "\"lastEvaluation\": \"2",
                ]),
            ),
            to("query=rulesync_claim", Shows(&["\"result\":[]"])),
            to("not_loaded, failing_rules", Shows(&["\"state\": \"in_sync\"", "\"failing_rules\": "])),
            to("/sync", Shows(&[])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncRulerErrors.md",
        state: State::Running,
        about: ["denied", "prod", "denied"],
        file: "",
        shows: &[
            to(
                "retry_at, concurrency",
                Shows(&[
                    "\"tenant\": \"prod\"",
                    "\"state\": \"failing\"",
                    "the token has expired",
                    "\"in_flight\"",
                ]),
            ),
            to(
                "/metrics | grep",
                Shows(&[
                    "rulesync_ruler_request_duration_seconds_count",
                    "code=\"401\"",
                    "rulesync_sync_failures_total",
                ]),
            ),
            to("rulesync list", Fails(1, &["the token has expired"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncRulerUnreachable.md",
        state: State::Running,
        about: ["far", "prod", "far"],
        file: "",
        shows: &[
            to("{error, retry_at}", Shows(&["onnection refused", "\"retry_at\": 1"])),
            to("select(.name ==", Shows(&["\"name\": \"far\"", "http://127.0.0.1:1"])),
            to("rulesync list", Fails(1, &["onnection refused"])),
            to("networkpolicy rulesync -o yaml", Shows(&["kind: NetworkPolicy", "policyTypes:"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncDown.md",
        state: State::Running,
        about: ["central", "fine", "fine"],
        file: "",
        shows: &[
            to("get pods", Shows(&["rulesync-0", "1/1", "CrashLoopBackOff"])),
            to(
                "describe pods",
                Shows(&["Exit Code:    1", "CrashLoopBackOff", "--config=/etc/rulesync/rulesync.yaml"]),
            ),
            to("/-/healthy", Shows(&["healthy"])),
            to("rulesync config check", Shows(&[])),
            to("servicemonitors,podmonitors,networkpolicies", Shows(&["servicemonitor", "networkpolicy"])),
            to("describe replicaset", Shows(&["FailedCreate"])),
            to("helm rollback", CannotRun(NO_RELEASE)),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncManyLeaders.md",
        state: State::Running,
        about: ["central", "fine", "rulesync-0"],
        file: "",
        shows: &[
            to("-o wide", Shows(&["rulesync-0", "rulesync-1", "IP", "10.0.0.7"])),
            to("get leases", Shows(&["HOLDER", "rulesync "])),
            to(
                "{leader, owner, version",
                Shows(&["\"leader\": true", "\"owner\": \"prod-eu\"", "\"version\": \"", "\"started\": 1"]),
            ),
            to("jq .leader_election", Shows(&["\"enabled\": true", "\"lease_name\": \"rulesync\""])),
            to("port-forward", CannotRun("the daemon listens here already")),
            to("scale", CannotRun("nothing runs pods in this cluster")),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncNoLeader.md",
        state: State::LeaseDenied,
        about: ["central", "fine", "fine"],
        file: "",
        shows: &[
            to("get lease rulesync -o yaml", Shows(&["holderIdentity:", "renewTime:"])),
            to("can-i update leases", Fails(1, &["no"])),
            to("can-i create leases", Shows(&["yes"])),
            to("jq .leader_election", Shows(&["\"lease_name\": \"rulesync\""])),
            to("jq .sources", Shows(&["\"ready\": true", "\"unavailable\": null"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncConfigReloadFailed.md",
        state: State::ReloadFailed,
        about: ["central", "fine", "fine"],
        file: "mended.yaml",
        shows: &[
            to("rulesync config check /dev/stdin", Fails(1, &["ownr", "owner"])),
            to("/api/v1/config", Shows(&["\"owner\":\"prod-eu\""])),
            to(".env}", Shows(&["POD_NAME"])),
            to(".volumeMounts}", Shows(&["/etc/rulesync"])),
            to("helm rollback", CannotRun(NO_RELEASE)),
            to("rulesync config check FILE", Shows(&[])),
            to("rulesync plan --config FILE", Fails(1, &["the token has expired"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncStatusWritesFailing.md",
        state: State::StatusDenied,
        about: ["central", "fine", "fine"],
        file: "",
        shows: &[
            to(
                "/metrics | grep",
                Shows(&["rulesync_status_writes_total", "result=\"denied\"", "rulesync_status_queue_length"]),
            ),
            to("get crds", Shows(&["rulestatuses.rulesync.dev", "loggingrules.rulesync.dev"])),
            to("can-i patch rulestatuses", Fails(1, &["no"])),
            to("can-i patch loggingrules", Shows(&["yes"])),
            to("kubectl get rulest", Shows(&[])),
            to("rulesync crds", Shows(&["serverside-applied"])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncDeletesHeld.md",
        state: State::Held,
        about: ["central", "held", "held-0"],
        file: "",
        shows: &[
            to(
                "select(.held > 0)",
                Shows(&[
                    "\"tenant\": \"held\"",
                    "\"held\": 20",
                    "\"reason\": \"vanished\"",
                    "\"until\": null",
                ]),
            ),
            to(
                "state=held",
                Nothing("objects that are gone have no status; it has those that declare fewer groups"),
            ),
            to("rulesync explain", Shows(&["held"])),
            to("rulesync plan", Fails(1, &["the token has expired"])),
            to("annotate configmap rulesync-inventory", Shows(&["annotated"])),
            to("get prometheusrules -A", Shows(&["kept"])),
            to("helm history", CannotRun(NO_RELEASE)),
            to("release-deletes", Shows(&["released the deletes in "])),
        ],
    },
    Runbook {
        page: "runbooks/RulesyncNotReady.md",
        state: State::NotReady,
        about: ["central", "fine", "fine"],
        file: "",
        shows: &[
            to("/-/ready", Shows(&["kubernetes"])),
            to("{name, unavailable}", Shows(&["\"name\": \"kubernetes\"", "403"])),
            to("can-i list prometheusrules", Fails(1, &["no"])),
            to("get crds", Shows(&["prometheusrules.monitoring.coreos.com", "loggingrules.rulesync.dev"])),
            to("rulesync crds", Shows(&["configured"])),
        ],
    },
];
