{{- define "assay.labels" -}}
app.kubernetes.io/name: assay
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: assay
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "assay.selector" -}}
app.kubernetes.io/name: assay
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The file that assayd reads. */}}
{{- define "assay.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "listen" "0.0.0.0:50051" -}}
{{- $_ := set $config "metrics" "0.0.0.0:9464" -}}
{{- $_ := set $config "ops" "127.0.0.1:9090" -}}
{{- if .Values.tls.enabled -}}
{{- $tls := dict "certFile" "/etc/assay-tls/tls.crt" "keyFile" "/etc/assay-tls/tls.key" "clientCaFile" "/etc/assay-tls/ca.crt" -}}
{{- with .Values.tls.allowedNames }}{{ $_ := set $tls "allowedNames" . }}{{ end -}}
{{- $_ := set $config "tls" $tls -}}
{{- else -}}
{{- $_ := set $config "insecure" true -}}
{{- end -}}
{{- if .Values.token.secretName }}{{ $_ := set $config "tokenFile" "/etc/assay-token/tokens" }}{{ end -}}
{{- toPrettyJson $config -}}
{{- end }}
