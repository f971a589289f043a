{# Survey answers of all sources, one row per answer. #}
{{ conformed("survey_answers", ["delighted"]) }}
