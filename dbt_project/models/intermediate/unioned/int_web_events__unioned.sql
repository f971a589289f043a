{# Web events of all sources, one row per event. #}
{{ conformed("web_events") }}
