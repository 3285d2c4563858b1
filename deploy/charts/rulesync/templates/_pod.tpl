{{/* The pod. */}}

{{- define "rulesync.podLabels" -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.podLabels) (fromYaml (include "rulesync.labels" .))) -}}
{{- end -}}

{{- define "rulesync.podAnnotations" -}}
{{- $annotations := dict -}}
{{- if not (include "rulesync.hasOwnConfiguration" .) -}}
{{- $_ := set $annotations "rulesync.dev/restart-checksum" (include "rulesync.restartChecksum" .) -}}
{{- end -}}
{{- with mergeOverwrite $annotations .Values.podAnnotations -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/* The path that all pages are below, without a slash at its end. */}}
{{- define "rulesync.routePrefix" -}}
{{- $prefix := .Values.web.routePrefix | default (urlParse .Values.web.externalUrl).path -}}
{{- with trimAll "/" $prefix -}}/{{ . }}{{- end -}}
{{- end -}}

{{- define "rulesync.scheme" -}}
{{- ternary "HTTPS" "HTTP" .Values.web.tls -}}
{{- end -}}

{{- define "rulesync.probe" -}}
{{- $context := index . 0 -}}
httpGet:
  path: {{ include "rulesync.routePrefix" $context }}{{ index . 1 }}
  port: http
  scheme: {{ include "rulesync.scheme" $context }}
{{- end -}}

{{- define "rulesync.args" -}}
- --config=/etc/rulesync/{{ ternary .Values.existingKey "rulesync.yaml" (not (empty (include "rulesync.hasOwnConfiguration" .))) }}
{{- if and (include "rulesync.hasOwnConfiguration" .) .Values.owner }}
- --owner={{ .Values.owner }}
{{- end }}
- --web.listen-address=:{{ .Values.web.port }}
{{- with .Values.web.externalUrl }}
- --web.external-url={{ . }}
{{- end }}
{{- with .Values.web.routePrefix }}
- --web.route-prefix={{ . }}
{{- end }}
{{- with .Values.web.configFile }}
- --web.config.file={{ . }}
{{- end }}
{{- if .Values.web.enableAdminApi }}
- --web.enable-admin-api
{{- end }}
- --log.level={{ .Values.log.level }}
- --log.format={{ .Values.log.format }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rulesync.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: RULESYNC_RELEASE
  value: {{ .Release.Name }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The configuration is mounted as a directory: a file of it alone would never change. */}}
{{- define "rulesync.volumes" -}}
- name: config
{{- if .Values.existingSecret }}
  secret:
    secretName: {{ .Values.existingSecret }}
{{- else }}
  configMap:
    name: {{ .Values.existingConfigMap | default (include "rulesync.fullname" .) }}
{{- end }}
{{- range .Values.secrets }}
- name: secret-{{ .name | replace "." "-" | trunc 56 | trimSuffix "-" }}
  secret:
    secretName: {{ .name }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rulesync.volumeMounts" -}}
- name: config
  mountPath: /etc/rulesync
  readOnly: true
{{- range .Values.secrets }}
- name: secret-{{ .name | replace "." "-" | trunc 56 | trimSuffix "-" }}
  mountPath: {{ .mountPath }}
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rulesync.topologySpreadConstraints" -}}
{{- $constraints := list -}}
{{- $own := dict "matchLabels" (fromYaml (include "rulesync.selectorLabels" .)) -}}
{{- range .Values.topologySpreadConstraints -}}
{{- $constraints = append $constraints (merge (deepCopy .) (dict "labelSelector" $own)) -}}
{{- end -}}
{{- toYaml $constraints -}}
{{- end -}}
