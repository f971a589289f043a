{# Grants and refusals of consent from all sources, one row per statement. #}
{{ conformed("consents") }}
