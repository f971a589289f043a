{# Calls of all sources, one row per call. #}
{{ conformed("calls", ["twilio", "genesys"]) }}
