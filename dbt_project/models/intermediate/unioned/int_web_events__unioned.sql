{# Web events of all sources, one row per event. #}
{{ config(meta={"key_follows": key_of_shipped("web_events", ["segment", "ga4"])}) }}
{{ conformed("web_events") }}
