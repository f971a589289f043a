{# A zone's clock runs at one distance from UTC for nearly all days: it is asked once for each day, and only on the others for each row.
   In: a relation with time_zone and a moment (UTC). Out: one row per zone and day, for local_time to be joined by. #}
{% macro clock_days(relation, moment) -%}
    select
        time_zone,
        day,
        timezone(time_zone, timezone('UTC', day)) - day as ahead_at_start,
        timezone(time_zone, timezone('UTC', day + interval '1 day')) - (day + interval '1 day') as ahead_at_end
    from (
        select distinct
            time_zone,
            date_trunc('day', {{ moment }}) as day
        from {{ relation }}
        where time_zone is not null
    )
{%- endmacro %}

{# A moment (UTC) by the clock of a row's time_zone; clocks are the row of clock_days of that zone and day. #}
{% macro local_time(row, moment, clocks) -%}
    case
        when {{ clocks }}.ahead_at_start = {{ clocks }}.ahead_at_end then {{ row }}.{{ moment }} + {{ clocks }}.ahead_at_start
        when {{ row }}.time_zone is not null then timezone({{ row }}.time_zone, timezone('UTC', {{ row }}.{{ moment }}))
    end
{%- endmacro %}
