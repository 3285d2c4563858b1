//! The ruler against a server that reloads as Prometheus and vmalert do, and against a real Prometheus.
