{# What moves a score, in words of both languages: for each subject the list of texts of seed score_reasons, in order of strength.
   The relation has subject_id, score and because, a list of structs of feature, is_more and value. #}
{% macro reasons_of(relation) -%}
    select
        named.subject_id,
        named.score,
        list(
            (case when named.reason.is_more then 'raises it: ' else 'lowers it: ' end)
            || replace(texts.text_en, '{value}', coalesce(named.shown, ''))
            order by named.place
        ) as because_en,
        list(
            (case when named.reason.is_more then 'la sube: ' else 'la baja: ' end)
            || replace(texts.text_es, '{value}', coalesce(replace(named.shown, '.', ','), ''))
            order by named.place
        ) as because_es
    from (
        select
            *,
            case
                when reason.value = round(reason.value) then reason.value::bigint::varchar
                else printf('%.2f', reason.value)
            end as shown
        from (
            select
                subject_id,
                score,
                unnest(because) as reason,
                generate_subscripts(because, 1) as place
            from {{ relation }}
            where because is not null
        )
    ) as named
    inner join {{ ref("score_reasons") }} as texts on named.reason.feature = texts.feature
    group by named.subject_id, named.score
{%- endmacro %}
