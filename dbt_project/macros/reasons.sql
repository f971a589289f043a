{# What moves a score, in words of both languages: for each subject the list of texts of seed score_reasons, in order of strength.
   The relation has subject_id, score and because, a list of structs of feature, is_more and value. #}
{% macro reasons_of(relation) -%}
    select
        subject_id,
        score,
        list_transform(
            told,
            lambda r: (case when r.is_more then 'raises it: ' else 'lowers it: ' end)
            || replace(texts_en[r.feature], '{value}', coalesce(r.shown, ''))
        ) as because_en,
        list_transform(
            told,
            lambda r: (case when r.is_more then 'la sube: ' else 'la baja: ' end)
            || replace(texts_es[r.feature], '{value}', coalesce(replace(r.shown, '.', ','), ''))
        ) as because_es
    from (
        select
            things.subject_id,
            things.score,
            texts.texts_en,
            texts.texts_es,
            list_transform(
                list_filter(things.because, lambda r: map_contains(texts.texts_en, r.feature)),
                lambda r: {
                    'feature': r.feature,
                    'is_more': r.is_more,
                    'shown': case when r.value = round(r.value) then r.value::bigint::varchar else printf('%.2f', r.value) end
                }
            ) as told
        from {{ relation }} as things
        cross join (
            select
                map(list(feature), list(text_en)) as texts_en,
                map(list(feature), list(text_es)) as texts_es
            from {{ ref("score_reasons") }}
        ) as texts
        where things.because is not null
    )
    where len(told) > 0
{%- endmacro %}
